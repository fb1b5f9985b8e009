//! Commands about people.

use anyhow::Result;

use crate::place::Place;

#[test]
fn addresses_are_registered_from_a_file_and_what_is_wrong_is_left_out() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init", "--name", "Contoso"])?;
    place.put_person("anna.rossi")?;
    let file = place.folder.join("people.csv");
    let path = file.to_string_lossy().into_owned();
    std::fs::write(&file, "name,mail\nanna.rossi,x@y.test\n")?;
    assert!(place.fail(&["person", "preregister", &path])?.contains("line 1: there is no column 'user'"));
    std::fs::write(
        &file,
        "user,mail\nnobody@contoso.test,x@posta.example\nanna.rossi@contoso.test,anna.rossi@contoso.test\n\
         ANNA.ROSSI@contoso.test, anna@posta.example \nonly-one-column\n",
    )?;
    let complaint = place.fail(&["person", "preregister", &path])?;
    for expected in [
        "line 2: the tenant has nobody whose sign-in name is 'nobody@contoso.test'",
        "line 3: 'anna.rossi@contoso.test' for 'anna.rossi@contoso.test': the person's own mailbox",
        "line 4: 'ANNA.ROSSI@contoso.test' is named twice",
        "line 5: ",
        "4 lines were left out",
    ] {
        assert!(complaint.contains(expected), "{expected}: {complaint}");
    }
    std::fs::write(&file, "user,mail\nanna.rossi@contoso.test, anna@posta.example \n")?;
    let said = place.succeed(&["person", "preregister", &path, "--dry-run"])?;
    assert_eq!(said, "1 would be registered, 0 left out\n");
    assert_eq!(place.succeed(&["person", "preregister", &path])?, "1 registered, 0 left out\n");
    // Once: what is registered is the person's own.
    std::fs::write(&file, "mail,user\nother@posta.example,anna.rossi@contoso.test\n")?;
    assert!(
        place.fail(&["person", "preregister", &path])?.contains("has registered an address, and keeps it")
    );
    assert!(place.succeed(&["audit", "export"])?.contains("pre-registered from a file"));
    let waiting = place.mails_waiting()?;
    assert_eq!(waiting, 1, "she is told at the address that was on file before");
    // A mobile number, beside an address or alone.
    std::fs::write(&file, "user,name\nanna.rossi@contoso.test,x\n")?;
    assert!(place.fail(&["person", "preregister", &path])?.contains("no column 'mail' or 'mobile'"));
    std::fs::write(&file, "user,mail,mobile\nanna.rossi@contoso.test,,3331234567\n")?;
    assert!(
        place.fail(&["person", "preregister", &path])?.contains("'3331234567' for 'anna.rossi@contoso.test'")
    );
    std::fs::write(&file, "user,mobile,mail\nanna.rossi@contoso.test,+39 333 1234567,\n")?;
    assert_eq!(place.succeed(&["person", "preregister", &path])?, "1 registered, 0 left out\n");
    assert!(place.fail(&["person", "preregister", &path])?.contains("has registered a number, and keeps it"));
    std::fs::write(&file, "user,mobile\nanna.rossi@contoso.test,\n")?;
    assert!(place.fail(&["person", "preregister", &path])?.contains("nothing to register"));
    assert_eq!(place.mails_waiting()?, 3, "at both addresses, of the number");
    Ok(())
}

#[test]
fn the_tenants_own_people_are_added_listed_and_removed() -> Result<()> {
    let place = Place::new()?;
    place.succeed(&["init"])?;
    let add = |name, mail, mobile| {
        ["person", "add", name, "--name", "Carla Neri", "--alternate-mail", mail, "--mobile", mobile]
    };
    let carla = add("carla@cloud.contoso.test", "Carla@Posta.TEST", "+39 333 1234567");
    assert!(place.fail(&carla)?.contains("not of a cloud domain"));
    let shown = place.succeed(&["tenant", "cloud-domains", "Cloud.Contoso.test"])?;
    assert!(shown.contains("cloud domains           cloud.contoso.test\n"), "{shown}");
    assert!(place.fail(&["tenant", "cloud-domains", "a b"])?.contains("looks like contoso.com"));
    for (name, mail, mobile, why) in [
        ("carla", "c@posta.test", "+39 333 1234567", "no sign-in name"),
        ("carla@contoso.test", "c@posta.test", "+39 333 1234567", "not of a cloud domain"),
        ("carla@cloud.contoso.test", "carla", "+39 333 1234567", "'carla': "),
        (
            "carla@cloud.contoso.test",
            "carla@cloud.contoso.test",
            "+39 333 1234567",
            "'carla@cloud.contoso.test': ",
        ),
        ("carla@cloud.contoso.test", "c@posta.test", "333 1234567", "no international number"),
    ] {
        assert!(place.fail(&add(name, mail, mobile))?.contains(why), "{why}");
    }
    let said = place.succeed(&carla)?;
    assert!(said.contains("carla@cloud.contoso.test is added\nThey choose their password at http"), "{said}");
    assert!(place.fail(&carla)?.contains("there is a person 'carla@cloud.contoso.test' already"));
    let listed = place.succeed(&["person", "list"])?;
    assert!(listed.contains("carla@cloud.contoso.test") && listed.contains("Carla Neri"), "{listed}");
    // Whoever is there keeps their way in.
    assert!(
        place.fail(&["tenant", "cloud-domains"])?.contains("'carla@cloud.contoso.test' could not sign in")
    );
    let shown = place.succeed(&["tenant", "set", "require-registration", "on"])?;
    assert!(shown.contains("require-registration    on"), "{shown}");
    assert!(
        place.fail(&["person", "remove", "nobody@cloud.contoso.test"])?.contains("nobody whose sign-in name")
    );
    assert!(place.succeed(&["person", "remove", "CARLA@cloud.contoso.test"])?.contains("is removed"));
    assert!(!place.succeed(&["person", "list"])?.contains("carla"));
    assert!(place.succeed(&["tenant", "cloud-domains"])?.contains("cloud domains           none\n"));
    let audit = place.succeed(&["audit", "export"])?;
    for fact in ["Add user", "Delete user", "cloud domains: cloud.contoso.test", "require-registration on"] {
        assert!(audit.contains(fact), "{fact}: {audit}");
    }
    Ok(())
}
