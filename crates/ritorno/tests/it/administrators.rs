//! `ritorno admin`: who runs the tenant.

use std::io::Write as _;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use ritorno_storage::{AdministratorPasskey, Beside, Store};

use crate::place::Place;

#[test]
fn administrators_are_added_once_with_a_password_that_fits() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init"])?;
    let add = |name: &str, password: &str| -> Result<std::process::Output> {
        let mut child = place
            .program()
            .args(["admin", "add", name, "--role", "help-desk", "--password-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        child.stdin.take().context("no standard input")?.write_all(password.as_bytes())?;
        Ok(child.wait_with_output()?)
    };
    let added = add("Ugo", "una frase abbastanza lunga\n")?;
    assert!(added.status.success());
    assert!(!String::from_utf8(added.stdout)?.contains("frase"), "what was typed is not printed");
    assert!(!add("UGO", "una frase abbastanza lunga")?.status.success(), "the name is taken");
    let short = add("Ida", "corta")?;
    assert!(String::from_utf8(short.stderr)?.contains("at least 12"));
    let listed = place.succeed(&["admin", "list"])?;
    assert!(listed.contains("admin") && listed.contains("global"), "{listed}");
    assert!(listed.contains("Ugo") && listed.contains("help-desk") && !listed.contains("Ida"), "{listed}");
    Ok(())
}

#[test]
fn an_administrator_is_for_everybody_or_for_a_domain_by_a_role_about_people() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init"])?;
    place.succeed(&["admin", "add", "Ida", "--role", "authentication", "--only-domain", "Contoso.com"])?;
    assert!(place.succeed(&["admin", "list"])?.contains("contoso.com"));
    assert!(place.succeed(&["admin", "scope", "ida"])?.contains("Ida: everybody"));
    let wrong = [
        (&["admin", "add", "Ugo", "--role", "global", "--only-domain", "contoso.com"][..], "whole tenant"),
        (&["admin", "scope", "ida", "--only-group", "Nessuno"], "no group 'Nessuno'"),
        (&["admin", "add", "Ugo", "--role", "root"], "no role is called 'root'"),
        (&["admin", "take-app", "Ugo"], "no administrator 'Ugo'"),
    ];
    for (arguments, told) in wrong {
        let said = place.fail(arguments)?;
        assert!(said.contains(told), "{arguments:?}: {said}");
    }
    place.succeed(&["admin", "add", "vetro", "--role", "global", "--break-glass"])?;
    let listed = place.succeed(&["admin", "list"])?;
    assert!(
        listed.contains("none: break-glass") && listed.contains("set up at the next sign-in"),
        "{listed}"
    );
    assert!(place.succeed(&["admin", "take-app", "admin"])?.contains("the next sign-in sets up another one"));
    let shown = place.succeed(&["tenant", "set", "second-factor", "off"])?;
    assert!(shown.contains("second-factor off"), "{shown}");
    assert!(place.succeed(&["admin", "list"])?.contains("not asked for"));
    Ok(())
}

#[test]
fn administrators_get_another_password_and_are_removed_but_for_the_last() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init"])?;
    let added = place.succeed(&["admin", "add", "Ugo", "--role", "global"])?;
    // The other one is told, where there is an address.
    assert!(place.fail(&["admin", "mail", "admin", "nowhere"])?.contains("no mail address"));
    let said = place.succeed(&["admin", "mail", "admin", "root@posta.example"])?;
    assert_eq!(said, "admin: root@posta.example\n");
    assert!(place.succeed(&["admin", "list"])?.contains("root@posta.example"));
    let changed = place.succeed(&["admin", "password", "ugo"])?;
    assert_eq!(place.mails_waiting()?, 1);
    place.succeed(&["tenant", "set", "notify-administrators", "off"])?;
    place.succeed(&["admin", "password", "ugo", "--password-stdin"]).ok();
    assert_eq!(place.mails_waiting()?, 1);
    let password = |said: &str| said.split("password: ").nth(1).map(|rest| rest[..23].to_owned());
    let (first, second) = (password(&added), password(&changed));
    assert!(first.is_some() && second.is_some() && first != second, "{added} {changed}");
    assert!(place.fail(&["admin", "password", "nobody"])?.contains("no administrator 'nobody'"));
    assert!(place.succeed(&["admin", "remove", "admin"])?.contains("admin is removed"));
    assert!(place.fail(&["admin", "remove", "Ugo"])?.contains("last global administrator"));
    let listed = place.succeed(&["admin", "list"])?;
    assert!(listed.contains("Ugo") && !listed.contains("admin"), "{listed}");
    Ok(())
}

#[test]
fn an_account_is_said_to_be_somebody_of_the_tenant() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init"])?;
    for arguments in [
        &["admin", "add", "Ugo", "--role", "global", "--person", "ugo@contoso.test"][..],
        &["admin", "person", "admin", "ugo@contoso.test"],
    ] {
        let complaint = place.fail(arguments)?;
        assert!(complaint.contains("nobody whose sign-in name is 'ugo@contoso.test'"), "{complaint}");
    }
    assert!(!place.succeed(&["admin", "list"])?.contains("Ugo"), "nothing was added");
    place.put_person("ugo")?;
    place.succeed(&["admin", "add", "Ugo", "--role", "help-desk", "--person", "UGO@contoso.test"])?;
    assert!(place.succeed(&["admin", "list"])?.contains("ugo@contoso.test"));
    assert!(place.succeed(&["admin", "person", "admin", "ugo@contoso.test"])?.contains("admin: ugo@"));
    place.succeed(&["admin", "person", "ugo"])?;
    let listed = place.succeed(&["admin", "list"])?;
    assert!(listed.contains("not said") && listed.contains("ugo@contoso.test"), "{listed}");
    Ok(())
}

#[test]
fn an_administrator_who_could_not_reset_is_told_of() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init"])?;
    place.succeed(&["tenant", "set", "writeback", "on"])?;
    place.put_person("ugo")?;
    let warned = |arguments: &[&str]| -> Result<String> {
        let output = place.run(arguments)?;
        anyhow::ensure!(output.status.success(), "{arguments:?}");
        Ok(String::from_utf8(output.stderr)?)
    };
    assert_eq!(warned(&["tenant", "gates", "1", "mail"])?, "", "nobody administers the tenant but 'admin'");
    let lack = "warning: ugo@contoso.test is the administrator 'admin' and can't reset a forgotten password: they need 2 of mail, app";
    for arguments in [&["admin", "person", "admin", "ugo@contoso.test"][..], &["tenant", "gates", "1", "app"]]
    {
        let told = warned(arguments)?;
        assert!(told.starts_with(lack) && told.contains("/register"), "{told}");
    }
    Ok(())
}

#[test]
fn passkeys_are_listed_and_taken_away_and_their_owner_is_told() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init"])?;
    place.succeed(&["admin", "mail", "admin", "root@posta.example"])?;
    let database = format!("sqlite:{}/state/ritorno.db", place.folder.display());
    let put = |ids: &[&str]| -> Result<()> {
        tokio::runtime::Runtime::new()?.block_on(async {
            let store = Store::connect(&database).await?;
            let tenant = store.tenants().list().await?.remove(0);
            let owner = store.administrators().by_name(tenant.id, "admin").await?.context("admin")?;
            for id in ids {
                let passkey = AdministratorPasskey {
                    id: (*id).to_owned(),
                    administrator: owner.id,
                    name: format!("Laptop {id}"),
                    credential: "{}".to_owned(),
                    registered_at: tenant.created_at,
                    last_used_at: None,
                };
                store.administrator_passkeys().insert(tenant.id, &passkey, Beside::Others).await?;
            }
            store.close().await;
            Ok(())
        })
    };
    put(&["-a", "b", "c"])?;
    let listed = place.succeed(&["admin", "passkeys", "ADMIN"])?;
    assert!(listed.contains("Laptop -a") && listed.contains("Laptop c"), "{listed}");
    assert!(place.succeed(&["admin", "list"])?.contains("3 passkeys"));
    assert!(place.fail(&["admin", "take-passkey", "admin", "x"])?.contains("has no such passkey"));
    assert!(place.fail(&["admin", "take-passkey", "admin"])?.contains("<PASSKEY>"));
    let said = place.succeed(&["admin", "take-passkey", "admin", "-a"])?;
    assert!(said.contains("the next sign-in asks for a passkey"), "{said}");
    assert_eq!(place.mails_waiting()?, 1);
    assert!(place.succeed(&["admin", "take-app", "admin"])?.contains("asks for a passkey"));
    let said = place.succeed(&["admin", "take-passkey", "admin", "--all"])?;
    assert!(said.contains("the next sign-in sets up another one"), "{said}");
    assert_eq!(place.mails_waiting()?, 3);
    assert!(place.succeed(&["admin", "list"])?.contains("set up at the next sign-in"));
    Ok(())
}
