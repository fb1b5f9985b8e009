//! Units of an OpenLDAP server that are renamed and moved, the whole way: with content synchronisation and without it.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use ritorno_lab::OpenLdap;

use crate::sync::tenant;
use crate::world::World;

struct Scene {
    world: World,
    server: OpenLdap,
}

impl Scene {
    fn agent(&self, arguments: &[&str]) -> Result<String> {
        self.world.stack.agent_command(arguments)
    }

    fn unit(&self, dn: &str) -> Result<()> {
        self.server.modify(&format!("dn: {dn}\nchangetype: add\nobjectClass: organizationalUnit\n"))
    }

    fn person(&self, uid: &str, unit: &str) -> Result<()> {
        self.server.modify(&format!(
            "dn: uid={uid},{unit}\nchangetype: add\nobjectClass: inetOrgPerson\ncn: {uid}\nsn: {uid}\nmail: {uid}@tailspin.test\n"
        ))
    }

    fn moved(&self, dn: &str, to: &str, parent: &str) -> Result<()> {
        self.server.modify(&format!(
            "dn: {dn}\nchangetype: modrdn\nnewrdn: {to}\ndeleteoldrdn: 1\nnewsuperior: {parent}\n"
        ))
    }

    /// Who of the people of these units is in the tenant.
    fn there(&self) -> Result<BTreeSet<String>> {
        Ok(tenant(&self.world)?.into_keys().filter(|name| name.starts_with("unit.")).collect())
    }

    /// The name that somebody has in the connector space.
    fn known_as(&self, uid: &str) -> Result<String> {
        self.agent(&["sync", "search", uid])
    }

    fn full_imports(&self) -> Result<usize> {
        let history = self.agent(&["sync", "history", "--limit", "1000"])?;
        let is_one = |line: &&str| line.contains(self.server.name) && line.contains("full-import");
        Ok(history.lines().filter(is_one).count())
    }
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn whoever_is_below_a_unit_goes_and_comes_with_it() -> Result<()> {
    let (mut world, server) = World::start_with_openldap("openldap-units")?;
    world.stack.stop_agent();
    let scene = Scene { world, server };
    let (people, base) = (scene.server.people_ou.clone(), scene.server.base_dn);
    let (team, outside) = (format!("ou=team,{people}"), format!("ou=outside,{base}"));
    for unit in [&team, &format!("ou=inner,{team}"), &outside, &format!("ou=others,{outside}")] {
        scene.unit(unit)?;
    }
    let staff = ["unit.a", "unit.b", "unit.c", "unit.d", "unit.e"];
    for uid in &staff[..4] {
        scene.person(uid, &team)?;
    }
    scene.person(staff[4], &format!("ou=inner,{team}"))?;
    scene.person("unit.x", &format!("ou=others,{outside}"))?;
    // Whoever is in a unit of this name is a guest.
    let rules = scene.world.stack.folder().join("rules.toml");
    let text = format!("[[leave_out]]\nname = \"guests\"\nwhen = [{{ ou = \"ou=guests,{people}\" }}]\n");
    std::fs::write(&rules, text)?;
    let configuration = scene.world.stack.folder().join("agent.toml");
    let text = std::fs::read_to_string(&configuration)?;
    let text = text.replace("[limits]\n", "[limits]\ndeletions_per_day = 2\n");
    std::fs::write(&configuration, format!("{text}\n[sync]\nrules_file = \"{}\"\n", rules.display()))?;
    scene.agent(&["sync", "cycle", "--full"])?;
    ensure!(scene.there()? == set(&staff), "{:?}", scene.there());
    let ids = tenant(&scene.world)?;
    let full = scene.full_imports()?;

    // Renamed: the same people under another name.
    scene.moved(&team, "ou=squad", &people)?;
    scene.agent(&["sync", "cycle"])?;
    ensure!(
        scene.known_as("unit.e")?.contains(&format!("ou=inner,ou=squad,{people}")),
        "{}",
        scene.known_as("unit.e")?
    );
    // To a name that the rules leave out: these are more than go without somebody being asked.
    scene.moved(&format!("ou=squad,{people}"), "ou=guests", &people)?;
    scene.held_and_approved(&staff)?;
    scene.moved(&format!("ou=guests,{people}"), "ou=team", &people)?;
    scene.agent(&["sync", "cycle"])?;
    ensure!(scene.there()? == set(&staff), "{:?}", scene.there());

    // Out of the scope, and another unit into it.
    scene.moved(&team, "ou=team", &outside)?;
    scene.held_and_approved(&staff)?;
    scene.moved(&format!("ou=others,{outside}"), "ou=others", &people)?;
    scene.moved(&format!("ou=team,{outside}"), "ou=team", &people)?;
    scene.agent(&["sync", "cycle"])?;
    ensure!(scene.there()? == set(&[&staff[..], &["unit.x"]].concat()), "{:?}", scene.there());
    ensure!(scene.full_imports()? == full, "all by deltas");
    let now = tenant(&scene.world)?;
    ensure!(
        ids.iter().filter(|(name, _)| !name.starts_with("unit.")).all(|(name, user)| now[name].id == user.id)
    );

    // A server that does not tell what changed is searched: whoever comes is found so, once.
    scene.server.stop()?;
    scene.server.start_without_synchronisation()?;
    scene.agent(&["sync", "cycle"])?;
    let full = scene.full_imports()?;
    scene.moved(&team, "ou=crew", &people)?;
    scene.agent(&["sync", "cycle"])?;
    ensure!(
        scene.known_as("unit.e")?.contains(&format!("ou=inner,ou=crew,{people}")),
        "{}",
        scene.known_as("unit.e")?
    );
    ensure!(scene.there()?.len() == 6, "{:?}", scene.there());
    let read = |said: &str| -> Result<u32> {
        let line =
            said.lines().find(|line| line.contains("delta-import") && line.contains(scene.server.name));
        let unchanged = line.and_then(|line| line.split(" unchanged").next()?.rsplit(' ').next());
        Ok(unchanged.with_context(|| said.to_owned())?.parse()?)
    };
    let (one, two) = (scene.agent(&["sync", "cycle"])?, scene.agent(&["sync", "cycle"])?);
    ensure!(read(&one)? == read(&two)?, "what was read of the unit is not read again: {one} and {two}");
    scene.moved(&format!("ou=crew,{people}"), "ou=team", &people)?;
    let again = scene.agent(&["sync", "cycle"])?;
    ensure!(again.contains("5 updated"), "{again}");
    // Who left the scope so is seen when everything is read.
    scene.moved(&team, "ou=team", &outside)?;
    scene.agent(&["sync", "cycle"])?;
    ensure!(scene.full_imports()? == full && scene.there()?.len() == 6, "{:?}", scene.there());
    ensure!(scene.agent(&["sync", "cycle", "--full"]).is_err(), "the guard asks");
    ensure!(scene.agent(&["sync", "removals", scene.server.name])?.contains("5 in all"), "all five");
    Ok(())
}

impl Scene {
    /// The guard holds exactly these, and lets them go when somebody approved that.
    fn held_and_approved(&self, names: &[&str]) -> Result<()> {
        ensure!(self.agent(&["sync", "cycle"]).is_err(), "the guard asks");
        let before = self.there()?;
        ensure!(names.iter().all(|name| before.contains(*name)), "nobody went: {before:?}");
        let list = self.agent(&["sync", "removals", self.server.name])?;
        ensure!(list.contains(&format!("{} in all", names.len())), "{list}");
        let digest = list.split("sync approve ").nth(1).context("the list names its digest")?;
        self.agent(&["sync", "approve", digest.trim()])?;
        self.agent(&["sync", "cycle"])?;
        let now = self.there()?;
        ensure!(!names.iter().any(|name| now.contains(*name)), "they went: {now:?}");
        Ok(())
    }
}
