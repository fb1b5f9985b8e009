//! `tenant guard`, and groups of programs by their names on the command line.

use anyhow::{Context as _, Result};
use ritorno_identity::group::{Group, GroupOrigin};
use ritorno_protocol::ids::GroupId;
use ritorno_storage::Store;

use crate::place::Place;

#[test]
fn the_guard_lets_through_what_is_said() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init"])?;
    let line = |numbers: &str| format!("guard         {numbers}\n");
    let fresh = line("500 removals, and 5000 members who leave groups");
    assert!(place.succeed(&["tenant", "guard"])?.contains(&fresh), "nothing is said");
    let strict =
        line("100 removals, or 10 % of the people if that is less, and 5000 members who leave groups");
    let said = place.succeed(&["tenant", "guard", "--removals", "100", "--percent", "10"])?;
    assert!(said.contains(&strict), "{said}");
    let said = place.succeed(&["tenant", "guard", "--memberships", "7"])?;
    assert!(said.contains("100 removals, or 10 % of the people if that is less, and 7 members"), "{said}");
    let said = place.succeed(&["tenant", "guard", "--no-percent"])?;
    let whole = line("100 removals, and 7 members who leave groups");
    assert!(said.contains(&whole), "{said}");
    for (wrong, why) in [
        (["--removals", "1000001"].as_slice(), "at most 1000000 in 24 hours: nothing was changed"),
        (&["--percent", "101"], "101 is not in 0..=100"),
        (&["--percent", "5", "--no-percent"], "cannot be used with"),
    ] {
        let refused = place.fail(&[["tenant", "guard"].as_slice(), wrong].concat())?;
        assert!(refused.contains(why), "{refused}");
    }
    assert!(place.succeed(&["tenant", "show"])?.contains(&whole), "as it was");
    let told = place.succeed(&["audit", "export"])?;
    assert_eq!(told.matches("deletion guard: ").count(), 3, "{told}");
    Ok(())
}

#[test]
fn a_programs_group_is_named_as_one() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init"])?;
    let database = format!("sqlite:{}/state/ritorno.db", place.folder.display());
    let id: GroupId = "00000000-0000-4000-8000-000000000007".parse()?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let store = Store::connect(&database).await?;
        let tenants = store.tenants().list().await?;
        let tenant = tenants.first().context("there is no tenant")?;
        let group = Group {
            id,
            tenant: tenant.id,
            display_name: "Pilot".into(),
            origin: GroupOrigin::Own { external_id: None },
            version: 1,
            created_at: tenant.created_at,
            updated_at: tenant.created_at,
        };
        store.groups().insert(&group).await?;
        store.close().await;
        anyhow::Ok(())
    })?;
    let refused = place.fail(&["tenant", "sspr-for", "--group", "Pilot"])?;
    assert!(refused.contains("no group 'Pilot'") && refused.contains("scim:NAME"), "{refused}");
    for name in ["scim:pilot", &id.to_string()] {
        let said = place.succeed(&["tenant", "sspr-for", "--group", name])?;
        assert!(said.contains("sspr for      the group scim:Pilot\n"), "{said}");
        place.succeed(&["tenant", "sspr-for"])?;
    }
    place.succeed(&["tenant", "gates", "2", "mail", "app", "--group", "scim:Pilot"])?;
    let said = place.succeed(&["tenant", "drop-gates", "--group", "scim:Pilot"])?;
    assert!(!said.contains("gates for     scim:Pilot"), "{said}");
    let desk = ["admin", "add", "desk", "--role", "help-desk", "--only-group", "scim:Pilot"];
    place.succeed(&desk)?;
    let listed = place.succeed(&["admin", "list"])?;
    assert!(listed.contains("the group scim:Pilot"), "{listed}");
    Ok(())
}
