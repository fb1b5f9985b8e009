//! Agent and server are killed while a person moves between two forests, and while linked accounts are parted and linked again: in the end
//! there is one person in the tenant, who they were, with what their account has now.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ritorno_identity::user::User;
use ritorno_lab::Forest;
use ritorno_lab::forest::ForestHandle;

use crate::forests::{anchor, forest_of, linked, serve_both, unit};
use crate::sync::tenant;
use crate::sync_moments::{Seen, Victim, agent, bring_back, kill, run_until};
use crate::world::World;

/// The newest run is of this profile and connector, and goes on.
macro_rules! during {
    ($profile:literal, $forest:literal) => {
        concat!(
            "SELECT count(*) FROM run WHERE id = (SELECT max(id) FROM run) AND outcome = 'running' AND profile = '",
            $profile,
            "' AND connector_id = (SELECT id FROM connector WHERE name = '",
            $forest,
            "')"
        )
    };
}

/// What is about to go out, or has.
const SENDING: &str = "SELECT count(*) FROM export_object WHERE unsure = 1";

const MOMENTS: [(&str, &str, Victim); 8] = [
    ("the first forest is read", during!("delta-import", "contoso.test"), Victim::Agent),
    ("the second forest is read", during!("delta-import", "fabrikam.test"), Victim::Both),
    ("the first forest is judged", during!("delta-sync", "contoso.test"), Victim::Agent),
    ("the second forest is judged", during!("delta-sync", "fabrikam.test"), Victim::Agent),
    ("the first forest is exported", during!("export", "contoso.test"), Victim::Both),
    ("the second forest is exported", during!("export", "fabrikam.test"), Victim::Agent),
    ("a request is about to go out", SENDING, Victim::Agent),
    ("a request is on its way", SENDING, Victim::Both),
];

struct Scene {
    world: World,
    fabrikam: ForestHandle,
    round: u32,
}

impl Scene {
    fn start() -> Result<Self> {
        let mut world = World::start("sync-killed-forests", |contoso| {
            contoso.let_see_deletions()?;
            unit(contoso, "Groups")?;
            contoso.set_attribute(&contoso.person("anna.rossi")?.dn, "employeeID", "e1")
        })?;
        let fabrikam = world.lab.forest(Forest::Fabrikam)?;
        fabrikam.up()?;
        fabrikam.let_see_deletions()?;
        unit(&fabrikam, "Linked")?;
        linked(&fabrikam, "anna.linked", 514, "employeeID: e1\nsn: Rossi\ngivenName: Anna\n")?;
        linked(&fabrikam, "zoe.neu", 512, "sn: Neu\ngivenName: Zoe\n")?;
        serve_both(&mut world, &fabrikam)?;
        world.stack.stop_agent();
        world.stack.agent_command(&["sync", "cycle"])?;
        Ok(Self { world, fabrikam, round: 0 })
    }

    fn people(&self) -> Result<std::collections::BTreeMap<String, User>> {
        tenant(&self.world)
    }

    /// Kills at a moment of a cycle, or a little later; and then lets one come to its end. Whether the moment was met.
    fn cycle_killed_at(&mut self, moment: usize) -> Result<bool> {
        let (what, sql, victim) = MOMENTS[moment % MOMENTS.len()];
        let met =
            run_until(&mut self.world, None, &["sync", "cycle"], Seen { what, server: false, sql }, victim)?;
        bring_back(&mut self.world, victim)?;
        if met {
            eprintln!("- {victim:?} killed: {what}");
        }
        // Once more anywhere, on the way that is left.
        let mut again = agent(&self.world, &["sync", "cycle"])?;
        std::thread::sleep(Duration::from_millis(60 * u64::from(self.round % 8)));
        kill(again.id())?;
        again.wait()?;
        self.world.stack.agent_command(&["sync", "cycle"])?;
        let pending = self.world.stack.agent_command(&["sync", "pending"])?;
        ensure!(pending.contains("would send nothing"), "{pending}");
        Ok(met)
    }

    /// Luca's account in one forest goes, and one in the other comes that has his anchor.
    fn luca_moves(&self, to_fabrikam: bool, shown: &str, anchor: &str) -> Result<()> {
        let more = format!("sn: Esposito\ngivenName: {shown}\nmS-DS-ConsistencyGuid:: {anchor}\n");
        let there = format!("CN=luca.moved,OU=Linked,{}", self.fabrikam.base_dn);
        let here = format!("CN=luca.here,{}", self.world.forest.people_ou);
        if to_fabrikam {
            linked(&self.fabrikam, "luca.moved", 512, &more)?;
            return self.world.forest.modify(&format!("dn: {here}\nchangetype: delete\n"));
        }
        self.luca_comes(shown, anchor)?;
        self.fabrikam.modify(&format!("dn: {there}\nchangetype: delete\n"))
    }

    fn luca_comes(&self, shown: &str, anchor: &str) -> Result<()> {
        self.world.forest.modify(&format!(
            "dn: CN=luca.here,{}\nchangetype: add\nobjectClass: user\nsAMAccountName: luca.here\nuserAccountControl: 512\n\
             userPrincipalName: luca.here@contoso.test\ndisplayName: {shown}\nmS-DS-ConsistencyGuid:: {anchor}\n",
            self.world.forest.people_ou
        ))
    }
}

#[test]
fn who_moves_between_forests_is_one_person_whoever_is_killed_when() -> Result<()> {
    // Any 16 bytes are an anchor.
    const ANCHOR: &str = "AAECAwQFBgcICQoLDA0ODw==";
    let mut scene = Scene::start()?;
    scene.luca_comes("Luca 0", ANCHOR)?;
    scene.world.stack.agent_command(&["sync", "cycle"])?;
    let first = scene.people()?;
    let (luca, anna) = (first["luca.here"].clone(), first["anna.rossi"].clone());
    ensure!(anchor(&luca)? == ANCHOR && !first.contains_key("anna.linked"), "as it begins");
    let others = first.len() - 1;

    let mut met = 0;
    for moment in 0..MOMENTS.len() {
        scene.round += 1;
        let to_fabrikam = scene.round % 2 == 1;
        let shown = format!("Luca {}", scene.round);
        scene.luca_moves(to_fabrikam, &shown, ANCHOR)?;
        // Together with that the linked account of another is left out, and in the next round linked again.
        let kind = if to_fabrikam { "guest" } else { "staff" };
        let other = format!("CN=anna.linked,OU=Linked,{}", scene.fabrikam.base_dn);
        scene.fabrikam.set_attribute(&other, "employeeType", kind)?;
        let name = format!("Anna {}", scene.round);
        let annas = scene.world.forest.person("anna.rossi")?.dn.clone();
        scene.world.forest.set_attribute(&annas, "displayName", &name)?;
        met += usize::from(scene.cycle_killed_at(moment)?);

        let now = scene.people()?;
        let (account, forest, shown) = if to_fabrikam {
            ("luca.moved", "fabrikam.test", format!("Esposito, {shown}"))
        } else {
            ("luca.here", "contoso.test", shown)
        };
        let lucas = now.keys().filter(|name| ["luca.moved", "luca.here"].contains(&name.as_str())).count();
        let user = now.get(account).with_context(|| format!("{account} in round {}", scene.round))?;
        ensure!(lucas == 1 && user.id == luca.id, "round {}: {lucas} of him, {}", scene.round, user.id);
        ensure!(anchor(user)? == ANCHOR && forest_of(user) == forest, "round {}: {user:?}", scene.round);
        ensure!(user.display_name == shown && user.enabled, "round {}: {}", scene.round, user.display_name);
        ensure!(user.user_principal_name == format!("{account}@{forest}"), "{}", user.user_principal_name);
        // What she is called is said by the linked account, as long as there is one.
        let name = if to_fabrikam { name } else { "Rossi, Anna".to_owned() };
        let anna_now = &now["anna.rossi"];
        ensure!(
            anna_now.id == anna.id && anna_now.display_name == name,
            "round {}: {anna_now:?}",
            scene.round
        );
        ensure!(anchor(anna_now)? == anchor(&anna)?, "round {}: {anna_now:?}", scene.round);
        ensure!(!now.contains_key("anna.linked"), "round {}: the linked account", scene.round);
        let expected = others + 1;
        ensure!(now.len() == expected, "round {}: {} people, not {expected}", scene.round, now.len());
    }
    eprintln!("- {met} of {} moments met", MOMENTS.len());
    ensure!(met > 2, "only {met} moments were met");
    let said = scene.world.stack.agent_command(&["sync", "run", "tenant", "full-import"])?;
    ensure!(
        !said.contains(" 0 unchanged") && said.matches(", 0 errors").count() == 2,
        "as was exported: {said}"
    );
    Ok(())
}
