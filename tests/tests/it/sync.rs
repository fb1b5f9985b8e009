//! The people of a real forest in the tenant: first import, then what changed.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use ritorno_identity::user::User;
use ritorno_storage::{Store, UserFilter};

use crate::world::World;

/// The people in the tenant's database, by account name.
fn tenant(world: &World) -> Result<BTreeMap<String, User>> {
    let database = format!("sqlite:{}", world.stack.folder().join("cloud/ritorno.db").display());
    world.runtime.block_on(async {
        let store = Store::connect(&database).await?;
        let tenant = store.tenants().list().await?.first().context("there is a tenant")?.id;
        let users = store.users().list(tenant, &UserFilter::All, 1, 1_000).await?.users;
        store.close().await;
        let hybrid = users.into_iter().filter_map(|user| {
            let account = user.on_premises()?.account_name.clone();
            Some((account, user))
        });
        Ok(hybrid.collect())
    })
}

#[test]
fn the_tenant_follows_the_forest() -> Result<()> {
    let world = World::start("sync", |_| Ok(()))?;
    let people = tenant(&world)?;
    for person in &world.forest.people {
        let user = people.get(&person.sam).with_context(|| format!("{} is in the tenant", person.sam))?;
        ensure!(user.user_principal_name == person.upn, "{}: {}", person.sam, user.user_principal_name);
        ensure!(user.alternate_mail.as_deref() == Some(&person.alternate_mail), "{}", person.sam);
    }
    ensure!(people.len() == world.forest.people.len(), "{} people in the tenant", people.len());
    ensure!(!people["bruno.gallo"].enabled && people["marco.conti"].enabled, "disabled stays disabled");

    let dn = |sam: &str| world.forest.person(sam).map(|person| person.dn.clone());
    let parent = dn("marco.conti")?.split_once(',').context("a DN has a parent")?.1.to_owned();
    world.forest.modify(&format!(
        "dn: {marco}\nchangetype: modify\nreplace: displayName\ndisplayName: Marco Conti Ferri\n\n\
         dn: {luca}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 514\n\n\
         dn: {emma}\nchangetype: modrdn\nnewrdn: CN=Emma Bianchi\ndeleteoldrdn: 1\n\n\
         dn: {sofia}\nchangetype: delete\n\n\
         dn: CN=Nuova Persona,{parent}\nchangetype: add\nobjectClass: user\nsAMAccountName: nuova.persona\n\
         userPrincipalName: nuova.persona@contoso.test\nuserAccountControl: 512\n",
        marco = dn("marco.conti")?,
        luca = dn("luca.esposito")?,
        emma = dn("emma.fischer")?,
        sofia = dn("sofia.romano")?,
    ))?;
    world.stack.first_sync()?;

    let now = tenant(&world)?;
    ensure!(now["marco.conti"].display_name == "Marco Conti Ferri", "{}", now["marco.conti"].display_name);
    ensure!(!now["luca.esposito"].enabled, "a disabled account is disabled in the tenant");
    ensure!(!now.contains_key("sofia.romano"), "a deleted account is deleted in the tenant");
    ensure!(
        now["nuova.persona"].user_principal_name == "nuova.persona@contoso.test",
        "a new account arrives"
    );
    ensure!(now.len() == people.len(), "one went and one came");
    for (account, user) in &people {
        if let Some(later) = now.get(account) {
            ensure!(later.id == user.id, "{account} is the same person as before");
        }
    }

    // Nothing changed: nothing is sent.
    let said = world.stack.agent_command(&["sync", "run", "all", "full-sync"])?;
    ensure!(said.contains("0 added, 0 updated, 0 removed"), "{said}");
    let said = world.stack.agent_command(&["sync", "run", "all", "export"])?;
    ensure!(said.contains("0 added, 0 updated, 0 removed, 0 unchanged, 0 errors"), "{said}");
    let said = world.stack.agent_command(&["sync", "removals", "contoso.test"])?;
    ensure!(said.contains("No removal waits"), "{said}");
    Ok(())
}
