//! Groups of an OpenLDAP server in the tenant, the whole way: with content synchronisation, without it, and read in full.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use ritorno_lab::OpenLdap;

use crate::forests::groups_of;
use crate::world::World;

struct Scene {
    world: World,
    server: OpenLdap,
    groups: String,
    admin: String,
}

impl Scene {
    /// The DN of a group.
    fn group(&self, cn: &str) -> String {
        format!("cn={cn},{}", self.groups)
    }

    fn add(&self, class: &str, cn: &str, lines: &str) -> Result<()> {
        let dn = self.group(cn);
        self.server.modify(&format!("dn: {dn}\nchangetype: add\nobjectClass: {class}\ncn: {cn}\n{lines}"))
    }

    fn change(&self, cn: &str, operation: &str, attribute: &str, value: &str) -> Result<()> {
        let dn = self.group(cn);
        self.server.modify(&format!(
            "dn: {dn}\nchangetype: modify\n{operation}: {attribute}\n{attribute}: {value}\n"
        ))
    }

    fn dn(&self, uid: &str) -> Result<String> {
        self.server.person(uid).map(|person| person.dn.clone())
    }

    fn cycle(&self) -> Result<String> {
        self.world.stack.agent_command(&["sync", "cycle"])
    }

    /// Who is in which group of the tenant, beside the administrators.
    fn is_in_the_tenant(&self, expected: &[(&str, &[&str])]) -> Result<()> {
        let set =
            |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| (*name).to_owned()).collect() };
        let admins = ("admins".to_owned(), set(&[&self.admin]));
        let expected: BTreeMap<String, BTreeSet<String>> = expected
            .iter()
            .map(|(name, members)| ((*name).to_owned(), set(members)))
            .chain([admins])
            .collect();
        let now = groups_of(&self.world, self.server.name)?;
        ensure!(now == expected, "{now:?} and not {expected:?}");
        let said = self.world.stack.agent_command(&["sync", "pending"])?;
        ensure!(said.contains("would send nothing"), "{said}");
        Ok(())
    }

    /// The full imports of the server so far.
    fn full_imports(&self) -> Result<Vec<String>> {
        let history = self.world.stack.agent_command(&["sync", "history", "--limit", "1000"])?;
        let of_server = |line: &&str| line.contains(self.server.name) && line.contains("full-import");
        Ok(history.lines().filter(of_server).map(str::to_owned).collect())
    }
}

#[test]
fn groups_of_an_openldap_server_are_the_tenants() -> Result<()> {
    let (mut world, server) = World::start_with_openldap("openldap-groups")?;
    world.stack.stop_agent();
    let admin = server.people.iter().find(|person| person.traits.contains(&ritorno_lab::Trait::DomainAdmin));
    let admin = admin.context("somebody is")?.sam.clone();
    let groups = format!("ou=groups,{}", server.base_dn);
    let scene = Scene { world, server, groups, admin };
    scene.cycle()?;
    scene.is_in_the_tenant(&[])?;

    // Each class with its own way to name members; a name that leads to nobody; a group in a group.
    let (anna, marco, emma) = (scene.dn("anna.rossi")?, scene.dn("marco.conti")?, scene.dn("emma.fischer")?);
    let nobody = format!("uid=nobody,{}", scene.server.people_ou);
    scene.add("groupOfNames", "sales", &format!("member: {anna}\nmember: {nobody}\n"))?;
    scene.add("groupOfUniqueNames", "board", &format!("uniqueMember: {marco}\nuniqueMember: {emma}\n"))?;
    scene.add("groupOfMembers", "empty", "")?;
    scene.add("posixGroup", "unix", "gidNumber: 700\nmemberUid: marco.conti\nmemberUid: nobody\n")?;
    scene.add("groupOfNames", "all", &format!("member: {}\nmember: {emma}\n", scene.group("sales")))?;
    let full = scene.full_imports()?;
    scene.cycle()?;
    scene.is_in_the_tenant(&[
        ("sales", &["anna.rossi"]),
        ("board", &["marco.conti", "emma.fischer"]),
        ("empty", &[]),
        ("unix", &["marco.conti"]),
        ("all", &["sales", "emma.fischer"]),
    ])?;

    // One comes and one goes: so much is sent, and no more.
    scene.change("sales", "add", "member", &marco)?;
    scene.change("board", "delete", "uniqueMember", &emma)?;
    // Whoever's primary group it is need not be named.
    scene.server.modify(&format!(
        "dn: {emma}\nchangetype: modify\nadd: objectClass\nobjectClass: posixAccount\n-\nadd: uidNumber\nuidNumber: 7\n-\n\
         add: gidNumber\ngidNumber: 700\n-\nadd: homeDirectory\nhomeDirectory: /\n"
    ))?;
    for profile in ["delta-import", "delta-sync"] {
        scene.world.stack.agent_command(&["sync", "run", scene.server.name, profile])?;
    }
    let said = scene.world.stack.agent_command(&["sync", "run", scene.server.name, "export"])?;
    ensure!(said.contains("3 updated"), "{said}");
    scene.is_in_the_tenant(&[
        ("sales", &["anna.rossi", "marco.conti"]),
        ("board", &["marco.conti"]),
        ("empty", &[]),
        ("unix", &["marco.conti", "emma.fischer"]),
        ("all", &["sales", "emma.fischer"]),
    ])?;

    // A member is renamed, and its group names it anew, before or after anybody looks: it was in it all the time.
    let (parent, mut before) = (marco.split_once(',').context("a parent")?.1.to_owned(), marco);
    for (uid, looks) in [("m.conti", true), ("marco.conti.due", false)] {
        scene
            .server
            .modify(&format!("dn: {before}\nchangetype: modrdn\nnewrdn: uid={uid}\ndeleteoldrdn: 1\n"))?;
        if looks {
            scene.cycle()?;
        }
        let after = format!("uid={uid},{parent}");
        for (cn, attribute) in [("sales", "member"), ("board", "uniqueMember")] {
            scene.server.modify(&format!(
                "dn: {}\nchangetype: modify\nadd: {attribute}\n{attribute}: {after}\n-\ndelete: {attribute}\n{attribute}: {before}\n",
                scene.group(cn)
            ))?;
        }
        scene.change("unix", "add", "memberUid", uid)?;
        scene.cycle()?;
        scene.is_in_the_tenant(&[
            ("sales", &["anna.rossi", uid]),
            ("board", &[uid]),
            ("empty", &[]),
            ("unix", &[uid, "emma.fischer"]),
            ("all", &["sales", "emma.fischer"]),
        ])?;
        before = after;
    }
    // A group is renamed, and one goes. The one that has the former does not name it any more, and then it does.
    scene.server.modify(&format!(
        "dn: {}\nchangetype: modrdn\nnewrdn: cn=sellers\ndeleteoldrdn: 1\n",
        scene.group("sales")
    ))?;
    scene.change("all", "add", "member", &scene.group("sellers"))?;
    scene.server.delete(&scene.group("board"))?;
    scene.cycle()?;
    let now = [
        ("sellers", &["anna.rossi", "marco.conti.due"][..]),
        ("empty", &[]),
        ("unix", &["marco.conti.due", "emma.fischer"]),
        ("all", &["sellers", "emma.fischer"]),
    ];
    scene.is_in_the_tenant(&now)?;
    ensure!(scene.full_imports()? == full, "all by deltas: {:#?}", scene.full_imports());
    scene.world.stack.agent_command(&["sync", "cycle", "--full"])?;
    scene.is_in_the_tenant(&now)?;

    // A server that does not tell what changed is searched; who went is seen when everything is read.
    scene.server.stop()?;
    scene.server.start_without_synchronisation()?;
    scene.cycle()?;
    scene.is_in_the_tenant(&now)?;
    let full = scene.full_imports()?;
    scene.change("empty", "add", "member", &anna)?;
    scene.change("sellers", "delete", "member", &anna)?;
    // Somebody comes whom a group names already.
    scene.server.modify(&format!(
        "dn: {nobody}\nchangetype: add\nobjectClass: inetOrgPerson\ncn: Nobody\nsn: Nobody\nmail: nobody@tailspin.test\n"
    ))?;
    scene.server.delete(&scene.group("all"))?;
    scene.cycle()?;
    let last = [
        ("sellers", &["marco.conti.due", "nobody"][..]),
        ("empty", &["anna.rossi"]),
        ("unix", &["marco.conti.due", "emma.fischer", "nobody"]),
    ];
    scene.is_in_the_tenant(&[&last[..], &[("all", &["sellers", "emma.fischer"])]].concat())?;
    ensure!(scene.full_imports()? == full, "by the moment of the last change");
    scene.world.stack.agent_command(&["sync", "cycle", "--full"])?;
    scene.is_in_the_tenant(&last)
}
