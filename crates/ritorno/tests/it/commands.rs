//! Commands that end.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result};
use ritorno_protocol::enrolment::EnrolmentToken;

use crate::place::Place;

#[test]
fn init_makes_an_installation_once() -> Result<()> {
    let place = Place::new()?;
    assert!(place.fail(&["agent", "token"])?.contains("ritorno init"), "it says what to do");
    let said = place.succeed(&["init", "--name", "Contoso", "--json"])?;
    let said: serde_json::Value = serde_json::from_str(&said)?;
    assert_eq!(said["administrator"], "admin");
    let password = said["password"].as_str().context("no password")?;
    assert_eq!(password.len(), 23);
    for file in ["node.key", "root.key", "ritorno.db"] {
        let path = place.folder.join("state").join(file);
        let mode = std::fs::metadata(&path)?.permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file}");
        // The password itself is nowhere on the disk.
        let bytes = std::fs::read(&path)?;
        assert!(!bytes.windows(password.len()).any(|window| window == password.as_bytes()), "{file}");
    }
    assert!(place.fail(&["init"])?.contains("there is a tenant already"));
    let checked = place.succeed(&["check-config"])?;
    assert!(checked.contains("tenant 'Contoso'") && checked.contains("in force"), "{checked}");
    Ok(())
}

#[test]
fn the_audit_is_verified_and_written_out() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init", "--name", "Contoso"])?;
    place.succeed(&["tenant", "set", "sspr", "off"])?;
    let written = place.succeed(&["audit", "export"])?;
    let lines: Vec<serde_json::Value> =
        written.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let positions: Vec<u64> = lines.iter().filter_map(|line| line["position"].as_u64()).collect();
    assert_eq!(positions, (1..=lines.len() as u64).collect::<Vec<_>>());
    assert_eq!(lines.last().context("no line")?["reason"], "sspr off");
    assert_eq!(place.succeed(&["audit", "export", "--after", &positions.len().to_string()])?, "");
    let said = place.succeed(&["audit", "verify"])?;
    assert!(said.contains(&format!("the audit holds: {} facts", lines.len())), "{said}");
    assert_eq!(place.succeed(&["audit", "keep"])?, "facts are kept for ever\n");
    assert!(place.fail(&["audit", "keep", "29"])?.contains("at least 30 days"));
    assert_eq!(place.succeed(&["audit", "keep", "400"])?, "facts are kept for 400 days\n");
    assert_eq!(place.succeed(&["audit", "keep"])?, "facts are kept for 400 days\n");
    assert_eq!(place.succeed(&["audit", "keep", "forever"])?, "facts are kept for ever\n");
    assert!(place.succeed(&["audit", "export"])?.contains("Set audit retention"));
    std::fs::write(place.folder.join("audit.jsonl"), "no line of it\n")?;
    let file = place.folder.join("audit.jsonl");
    let complaint = place.fail(&["audit", "verify", "--file", &file.to_string_lossy()])?;
    assert!(
        complaint.contains("the file and the audit differ") && complaint.contains("line 1"),
        "{complaint}"
    );
    Ok(())
}

#[test]
fn a_token_is_shown_once_and_is_never_more_than_its_administrator() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init", "--name", "Contoso"])?;
    place.succeed(&["admin", "add", "tickets", "--role", "help-desk"])?;
    let create = |administrator, scopes, expires| {
        [
            "token",
            "create",
            "ticket system",
            "--administrator",
            administrator,
            "--scopes",
            scopes,
            "--expires",
            expires,
        ]
    };
    let said = place.succeed(&create("tickets", "people.read,audit.read,people.read", "90d"))?;
    let token = said.split_whitespace().next().context("no token")?;
    assert!(token.starts_with("rit_") && token.len() == 47, "{said}");
    let id = said.lines().nth(1).and_then(|line| line.split([' ', ',']).nth(1)).context("no id")?.to_owned();
    let bytes = std::fs::read(place.folder.join("state").join("ritorno.db"))?;
    let wal = std::fs::read(place.folder.join("state").join("ritorno.db-wal")).unwrap_or_default();
    for file in [bytes, wal] {
        assert!(!file.windows(43).any(|window| window == &token.as_bytes()[4..]), "it is kept as a digest");
    }
    for (administrator, scopes, expires, told) in [
        ("tickets", "tenant.write", "90d", "'tickets' may not do 'tenant.write'"),
        ("tickets", "people.provision", "90d", "'tickets' may not do 'people.provision'"),
        ("tickets", "writeback.enable", "90d", "no scope is called 'writeback.enable'"),
        ("tickets", "audit.read", "400d", "366 days at most"),
        ("nobody", "audit.read", "90d", "there is no administrator 'nobody'"),
    ] {
        let complaint = place.fail(&create(administrator, scopes, expires))?;
        assert!(complaint.contains(told), "{complaint}");
    }
    let listed = place.succeed(&["token", "list"])?;
    assert!(
        listed.contains(&id) && listed.contains("audit.read people.read") && listed.contains("holds"),
        "{listed}"
    );
    assert!(!listed.contains(token));
    assert!(place.succeed(&["token", "revoke", &id])?.contains("is revoked"));
    assert!(place.fail(&["token", "revoke", &id])?.contains("was revoked before"));
    assert!(place.succeed(&["token", "removals", &id])?.contains("No removal waits"));
    let complaint = place.fail(&["token", "approve-removals", &id, "0"])?;
    assert!(complaint.contains(&format!("`ritorno token removals {id}` shows it")), "{complaint}");
    assert!(place.succeed(&["token", "list"])?.contains("revoked"));
    let audit = place.succeed(&["audit", "export"])?;
    for told in ["Create API token", "Revoke API token", &id] {
        assert!(audit.contains(told), "{told}: {audit}");
    }
    assert!(!audit.contains(token));
    place.succeed(&["admin", "add", "glass", "--role", "global", "--break-glass"])?;
    let complaint = place.fail(&create("glass", "audit.read", "1d"))?;
    assert!(complaint.contains("every app is lost"), "{complaint}");
    Ok(())
}

#[test]
fn a_backup_comes_back_where_nothing_is_and_only_with_its_node_key() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init", "--name", "Contoso"])?;
    place.put_person("anna.rossi")?;
    place.succeed(&["licence", "location", "it"])?;
    let backup = place.folder.join("backup");
    let at = backup.to_string_lossy().into_owned();
    let said = place.succeed(&["backup", &at])?;
    assert!(said.contains("the node key is not in it"), "{said}");
    for file in ["ritorno.db", "root.key", "backup.json"] {
        let mode = std::fs::metadata(backup.join(file))?.permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file}");
    }
    assert!(!backup.join("node.key").exists());
    assert!(place.fail(&["backup", &at])?.contains("a folder of its own"));
    assert!(place.fail(&["restore", &at])?.contains("is there: a backup is restored where nothing is"));

    // What came after it is gone with the machine.
    place.succeed(&["tenant", "set", "sspr", "off"])?;
    let state = place.folder.join("state");
    let node_key = std::fs::read(state.join("node.key"))?;
    std::fs::remove_dir_all(&state)?;
    std::fs::create_dir(&state)?;
    assert!(place.fail(&["restore", &at])?.contains("put the node key back first"));
    // A backup that somebody changed.
    let database = std::fs::read(backup.join("ritorno.db"))?;
    std::fs::write(backup.join("ritorno.db"), [&database[..], b"x"].concat())?;
    assert!(place.fail(&["restore", &at])?.contains("not what was backed up"));
    std::fs::write(backup.join("ritorno.db"), &database)?;
    let key = |bytes: &[u8]| -> Result<()> {
        std::fs::write(state.join("node.key"), bytes)?;
        Ok(std::fs::set_permissions(state.join("node.key"), std::fs::Permissions::from_mode(0o600))?)
    };
    key(&node_key)?;
    let said = place.succeed(&["restore", &at])?;
    assert!(said.contains("restored as of") && said.contains("sync cycle --full"), "{said}");
    assert!(place.succeed(&["tenant", "show"])?.contains("sspr          on"));
    assert!(place.succeed(&["licence", "refused"])?.contains("anna.rossi"));
    assert!(place.succeed(&["audit", "verify"])?.contains("the audit holds"));
    assert!(place.succeed(&["audit", "export"])?.contains("Restore from backup"));
    assert!(place.succeed(&["check-config"])?.contains("in force"));

    // Another node key opens nothing.
    std::fs::remove_dir_all(&state)?;
    std::fs::create_dir(&state)?;
    key(&[7; 32])?;
    assert!(place.fail(&["restore", &at])?.contains("the node key is not the one of this backup"));
    // Nothing of it is left behind, so that the right key is all that it takes.
    let left: Vec<_> =
        std::fs::read_dir(&state)?.map(|entry| entry.map(|one| one.file_name())).collect::<Result<_, _>>()?;
    assert_eq!(left, ["node.key"]);
    key(&node_key)?;
    place.succeed(&["restore", &at])?;
    // What `restore` does besides, for a database that other tools have restored.
    let said = place.succeed(&["restored"])?;
    assert!(said.contains("administrators, with their passwords of then: admin"), "{said}");
    Ok(())
}

#[test]
fn the_root_key_opens_with_its_own_node_key_only() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init"])?;
    std::fs::write(place.folder.join("state/node.key"), [7; 32])?;
    assert!(place.fail(&["check-config"])?.contains("root.key"));
    Ok(())
}

#[test]
fn keys_that_others_can_read_are_refused() -> Result<()> {
    for file in ["node.key", "root.key"] {
        let place = Place::new()?;
        place.succeed(&["init"])?;
        let path = place.folder.join("state").join(file);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640))?;
        let complaint = place.fail(&["serve"])?;
        assert!(complaint.contains(file) && complaint.contains("0640"), "{complaint}");
    }
    Ok(())
}

#[test]
fn a_token_names_the_server_and_pins_the_root() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init"])?;
    let (one, two) = (place.succeed(&["agent", "token"])?, place.succeed(&["agent", "token"])?);
    assert_ne!(one, two);
    let token = EnrolmentToken::from_text(&one)?;
    assert_eq!(token.server, format!("http://localhost:{}", place.port));
    let nobody = "00000000-0000-4000-8000-000000000000";
    assert!(place.fail(&["agent", "revoke", nobody])?.contains("no unrevoked agent"));
    assert!(place.succeed(&["agent", "removals", nobody])?.contains("No removal waits"));
    assert!(place.fail(&["agent", "approve-removals", nobody, "0"])?.contains("not the list that waits"));
    Ok(())
}

#[test]
fn switches_stay_where_they_are_put() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init"])?;
    // The tenant's id and its address are other ones each time.
    let lines = |text: String| text.lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
    let (unlock, names) = ("unlock        off", "forbid-names  off");
    let gates = "gates         1 of mail, app, passkey, recovery-code, temporary-pass, 1 to register";
    let theirs = "gates for     administrators: 2 of mail, app, passkey, recovery-code, 2 to register";
    let again = "confirmed     again after 180 days";
    let guard = "guard         500 removals, and 5000 members who leave groups";
    let desk = "help desk     none: people who are refused get no link to it; `ritorno tenant help-desk URL` gives them one";
    let words = "banned words  none";
    let second = "second-factor on";
    let expiry = "expiry mails  14, 7, 1 days before";
    let brand = "brand         as it comes";
    let all = "sspr for      everybody";
    let nowhere = "forbidden mail domains  none";
    let (cloud, told) = ("cloud domains           none", "require-registration    off");
    let (notified, mailed) = ("notify-administrators   on", "registration-mails      off");
    let languages = "languages     en, it";
    let (soft, by_mail) = ("soft match    off", "soft match    user-name-or-mail");
    let fresh = [
        languages,
        "sspr          on",
        all,
        "writeback     off",
        unlock,
        names,
        second,
        words,
        brand,
        expiry,
        gates,
        theirs,
        soft,
        guard,
        again,
        desk,
        nowhere,
        cloud,
        told,
        notified,
        mailed,
    ];
    assert_eq!(lines(place.succeed(&["tenant", "show"])?), fresh);
    place.succeed(&["tenant", "set", "writeback", "on"])?;
    place.succeed(&["tenant", "set", "sspr", "off"])?;
    place.succeed(&["tenant", "set", "unlock", "on"])?;
    place.succeed(&["tenant", "soft-match", "user-name-or-mail"])?;
    place.succeed(&["tenant", "forbid-mail-domains", "Contoso.com", "x.test"])?;
    let domains = "forbidden mail domains  contoso.com, x.test";
    let turned = [
        languages,
        "sspr          off",
        all,
        "writeback     on",
        "unlock        on",
        names,
        second,
        words,
        brand,
        expiry,
        gates,
        theirs,
        by_mail,
        guard,
        again,
        desk,
        domains,
        cloud,
        told,
        notified,
        mailed,
    ];
    assert_eq!(lines(place.succeed(&["tenant", "show"])?), turned);
    assert!(place.succeed(&["tenant", "ban-words", "Contoso", "roma"])?.contains("words  contoso, roma\n"));
    let days = "expiry mails  30, 7, 1 days before\n";
    let without = "there is no [mail] table, so that nobody can be told: nothing was changed";
    assert!(place.fail(&["tenant", "expiry-mails", "7"])?.contains(without));
    assert!(place.succeed(&["tenant", "show"])?.contains(expiry), "as it was");
    let mail = "[mail]\nhost = \"localhost\"\nfrom = \"ritorno@contoso.test\"\n";
    place.write(&format!("{}{mail}", place.configuration("http")))?;
    assert!(place.succeed(&["tenant", "expiry-mails", "1", "30", "7", "7"])?.contains(days));
    assert!(place.fail(&["tenant", "expiry-mails", "0"])?.contains("0 is no number of days from 1 to 90"));
    assert!(place.succeed(&["tenant", "show"])?.contains(days), "as they were");
    // What was said while there was a table can be taken back without one.
    place.write(&place.configuration("http"))?;
    assert!(place.succeed(&["tenant", "expiry-mails"])?.contains("expiry mails  none\n"));
    assert!(place.fail(&["tenant", "sspr-for", "--group", "Nessuno"])?.contains("no group 'Nessuno'"));
    let groups = [["tenant", "sspr-for"].as_slice(), &["--group", "Nessuno"].repeat(21)].concat();
    assert!(place.fail(&groups)?.contains("at most 20 groups: nothing was changed"));
    let days = ["tenant", "gates", "1", "mail", "--reconfirm"];
    assert!(place.fail(&[days.as_slice(), &["30"]].concat())?.contains("--group <GROUP>"));
    assert!(place.fail(&[days.as_slice(), &["731", "--group", "Nessuno"]].concat())?.contains("0..=730"));
    assert!(
        place
            .fail(&[days.as_slice(), &["30", "--group", "Nessuno"]].concat())?
            .contains("no group 'Nessuno'")
    );
    assert!(place.fail(&["tenant", "ban-words", "two words"])?.contains("letters and digits"));
    let many: Vec<String> = (0..101).map(|number| format!("word{number}")).collect();
    let many: Vec<&str> =
        ["tenant", "ban-words"].into_iter().chain(many.iter().map(String::as_str)).collect();
    assert!(place.fail(&many)?.contains("at most 100 words"));
    assert!(place.succeed(&["tenant", "show"])?.contains("words  contoso, roma\n"), "as they were");
    assert!(place.succeed(&["tenant", "ban-words"])?.contains("banned words  none\n"));
    assert!(place.fail(&["tenant", "forbid-mail-domains", "x@y"])?.contains("looks like contoso.com"));
    assert!(lines(place.succeed(&["tenant", "forbid-mail-domains"])?).contains(&nowhere.to_owned()));
    Ok(())
}

#[test]
fn security_questions_are_as_many_as_is_said() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init"])?;
    assert!(!place.succeed(&["tenant", "show"])?.contains("questions "), "off");
    for wrong in [
        ["tenant", "gates", "1", "questions"].as_slice(),
        &["tenant", "gates", "1", "mail", "questions"],
        &["tenant", "gates", "2", "questions", "mail"],
        &["tenant", "gates", "2", "questions", "--same-twice"],
    ] {
        let refused = place.fail(wrong)?;
        assert!(
            refused.contains("the second of two gates only") && refused.contains("nothing was changed"),
            "{refused}"
        );
    }
    let allowed = place.succeed(&["tenant", "gates", "2", "mail", "questions"])?;
    assert!(allowed.contains("questions     5 to register, 3 asked, 0 of your own\n"), "{allowed}");
    let own = ["tenant", "questions", "--to-register", "4", "--own", "Which tree?", "--own", "Which river?"];
    assert!(place.succeed(&own)?.contains("4 to register, 3 asked, 2 of your own\n"));
    let more = place.succeed(&["tenant", "questions", "--to-ask", "4", "--own", "Which hill?"])?;
    assert!(more.contains("4 to register, 4 asked, 3 of your own\n"), "{more}");
    for (wrong, why) in [
        (["--to-ask", "5"], "3 to 5"),
        (["--to-register", "3"], "3 to 5"),
        (["--own", "ab"], "3 to 200 characters"),
        (["--own", "which TREE?"], "there twice"),
    ] {
        let refused = place.fail(&["tenant", "questions", wrong[0], wrong[1]])?;
        assert!(refused.contains(why) && refused.contains("nothing was changed"), "{refused}");
    }
    assert!(place.succeed(&["tenant", "show"])?.contains("4 to register, 4 asked, 3 of your own\n"));
    assert!(place.succeed(&["tenant", "questions", "--clear"])?.contains("0 of your own\n"));
    Ok(())
}

#[test]
fn a_look_is_stored_and_what_nobody_could_read_is_refused() -> Result<()> {
    /// One pixel.
    const PICTURE: [u8; 70] = [
        0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00,
        0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1f, 0x15, 0xc4, 0x89, 0x00,
        0x00, 0x00, 0x0d, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0, 0xf0, 0x1f, 0x00, 0x05,
        0x00, 0x01, 0xff, 0x89, 0x99, 0x3d, 0x1d, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42,
        0x60, 0x82,
    ];
    let place = Place::new()?;
    place.succeed(&["init", "--name", "Contoso"])?;
    let (logo, svg) = (place.folder.join("logo.png"), place.folder.join("logo.svg"));
    std::fs::write(&logo, PICTURE)?;
    std::fs::write(&svg, "<svg xmlns=\"http://www.w3.org/2000/svg\"/>")?;
    let path = |path: &std::path::Path| path.display().to_string();
    let said = place.succeed(&["tenant", "brand", "--accent", "#8a1538", "--logo", &path(&logo)])?;
    assert!(
        said.contains("#8a1538 on light pages and #") && said.contains("logo of 1 by 1 pixels"),
        "{said}"
    );
    let refused = place.fail(&["tenant", "brand", "--accent", "#ffcc00", "--name", "Altra"])?;
    assert!(refused.contains(":1, and text needs 4.5:1"), "{refused}");
    assert!(place.fail(&["tenant", "brand", "--accent-dark", "#101010"])?.contains("take a lighter one"));
    assert!(place.fail(&["tenant", "brand", "--logo", &path(&svg)])?.contains("no PNG picture"));
    assert!(place.fail(&["tenant", "brand", "--name", "two\nlines"])?.contains("in one line"));
    let shown = place.succeed(&["tenant", "show"])?;
    assert!(
        shown.contains("tenant        Contoso (") && shown.contains("#8a1538 on light"),
        "as it was: {shown}"
    );
    let renamed = place.succeed(&["tenant", "brand", "--name", "Contoso S.p.A.", "--clear"])?;
    assert!(
        renamed.contains("Contoso S.p.A. (") && renamed.contains("brand         as it comes"),
        "{renamed}"
    );
    Ok(())
}

#[test]
fn gates_that_nobody_could_pass_are_refused() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init"])?;
    let shown = place.succeed(&["tenant", "gates", "2", "app", "mail"])?;
    assert!(shown.contains("gates         2 of app, mail, 2 to register\n"), "{shown}");
    for (arguments, complaint) in [
        (&["3", "mail"][..], "3 is not in 1..=2"),
        (&["2", "mail"], "as many methods as there are gates"),
        (&["1", "mail", "mail"], "named once each"),
        (&["1", "pigeon"], "no method is called 'pigeon'"),
        (&["1", "mail", "--to-register", "2"], "at most all that are allowed"),
    ] {
        let told = place.fail(&[&["tenant", "gates"], arguments].concat())?;
        assert!(told.contains(complaint), "{told}");
        assert!(place.succeed(&["tenant", "show"])?.contains("2 of app, mail"));
    }
    let shown = place.succeed(&["tenant", "gates", "2", "mail", "--same-twice"])?;
    assert!(shown.contains("2 of mail, 1 to register, one method may open both"), "{shown}");
    assert!(
        place.fail(&["tenant", "gates", "1", "mail", "--group", "Nessuno"])?.contains("no group 'Nessuno'")
    );
    assert!(place.fail(&["tenant", "drop-gates", "--group", "Nessuno"])?.contains("no gates of its own"));
    assert!(place.fail(&["tenant", "gates", "1", "mail", "sms"])?.contains("no [sms] table"));
    assert!(place.succeed(&["tenant", "reconfirm", "90"])?.contains("confirmed     again after 90 days\n"));
    assert!(place.succeed(&["tenant", "reconfirm", "0"])?.contains("confirmed     once\n"));
    assert!(place.fail(&["tenant", "reconfirm", "731"])?.contains("731 is not in 0..=730"));
    assert!(place.fail(&["tenant", "help-desk", "http://x.test"])?.contains("https: or mailto:"));
    let shown = place.succeed(&["tenant", "help-desk", "mailto:aiuto@contoso.test"])?;
    assert!(shown.contains("help desk     mailto:aiuto@contoso.test"), "{shown}");
    Ok(())
}

#[test]
fn configuration_errors_name_file_line_and_key() -> Result<()> {
    let place = Place::new()?;
    place.write(&place.configuration("http").replace("127.0.0.1", "0.0.0.0"))?;
    let complaint = place.fail(&["check-config"])?;
    for part in ["ritorno.toml, line 2, key 'listen'", "loopback"] {
        assert!(complaint.contains(part), "{complaint}");
    }
    std::fs::remove_file(place.folder.join("ritorno.toml"))?;
    assert!(place.fail(&["serve"])?.contains("ritorno.toml"));
    Ok(())
}
