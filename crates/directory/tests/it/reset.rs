//! Reset, change, unlock and the password's version.

use ritorno_directory::{DirectoryError, Identity, ResetOptions, SignIn};
use ritorno_lab::Forest;
use ritorno_protocol::outcome::Fault;
use ritorno_protocol::policy::Rule;

use crate::playground::{INITIAL, Playground, fault, password, reset, rule};

#[tokio::test]
async fn a_reset_password_is_the_only_one_that_works() {
    for forest in Forest::ALL {
        let play = Playground::new(forest, "reset");
        play.add("ada", &[("displayName", "Ada Lovelace")]);
        let directory = play.directory();
        let person = play.locate(&directory, "ada").await;
        let before = directory.password_version(&person).await.unwrap();

        let done = reset(&directory, &person, "Entirely-New-7!").await.unwrap();
        assert!(done.unlocked && !done.must_change);
        assert_eq!(done.history_enforced, forest == Forest::Contoso);
        assert_eq!(done.operator.dc.as_deref(), Some(play.forest.dc_host.as_str()));
        assert!(play.kinit("ada", "Entirely-New-7!"));
        assert!(!play.kinit("ada", INITIAL));

        let after = directory.password_version(&person).await.unwrap();
        assert_eq!(after.version, before.version.map(|version| version + 1), "{before:?} {after:?}");
        assert!(after.version.is_some() && after.usn > before.usn && after.originating.is_some());
        assert!(after.pwd_last_set > before.pwd_last_set);
        assert!(after.read_from.is_some());
        assert_eq!(after.originating, after.read_from, "it is the controller's own write: {after:?}");
        // Located again, it shows the same without a read of its own: only `pwdLastSet` and the metadata count.
        assert_eq!(play.locate(&directory, "ada").await.password_version(), after);
    }
}

/// What stands behind the @ need not be a domain of the forest.
#[tokio::test]
async fn a_person_with_another_upn_suffix_is_found_and_reset() {
    let play = Playground::new(Forest::Contoso, "suffix");
    play.add("ada", &[]);
    let directory = play.directory();
    let ada = play.locate(&directory, "ada").await;
    play.set(&ada.dn, "userPrincipalName", "ada@posta.example");
    let found = directory.locate(&Identity::UserPrincipalName("ADA@posta.example".into())).await.unwrap();
    assert_eq!(found.object_guid, ada.object_guid);
    reset(&directory, &found, "Entirely-New-7!").await.unwrap();
    // Samba's KDC knows her by the other name meanwhile.
    let own = format!("{}@{}", play.account("ada"), play.forest.dns_domain);
    play.set(&ada.dn, "userPrincipalName", &own);
    assert!(play.kinit("ada", "Entirely-New-7!") && !play.kinit("ada", INITIAL));
}

#[tokio::test]
async fn each_rule_is_named_where_the_policy_hints_are_known() {
    let play = Playground::new(Forest::Contoso, "rules");
    play.add("ada", &[]);
    play.add("slow", &[]);
    let directory = play.directory();
    let person = play.locate(&directory, "ada").await;
    let minimum = directory.effective_policy(&person).await.unwrap().minimum_length;
    assert!(minimum >= 5);
    assert_eq!(rule(reset(&directory, &person, "Ab1!").await), Rule::MinimumLength { minimum });
    assert_eq!(rule(reset(&directory, &person, "alllowercaseletters").await), Rule::Complexity);
    let remembered = Some(24);
    assert_eq!(rule(reset(&directory, &person, INITIAL).await), Rule::History { remembered });
    // Refused ones changed nothing.
    assert!(play.kinit("ada", INITIAL));

    // A PSO with a minimum age of a day.
    let pso = format!("CN=Strict,CN=Password Settings Container,CN=System,{}", play.forest.base_dn);
    let slow = play.locate(&directory, "slow").await;
    let member = |kind: &str| {
        format!("dn: {pso}\nchangetype: modify\n{kind}: msDS-PSOAppliesTo\nmsDS-PSOAppliesTo: {}\n", slow.dn)
    };
    play.forest.modify(&member("add")).unwrap();
    let slow = play.locate(&directory, "slow").await;
    let policy = directory.effective_policy(&slow).await.unwrap();
    let young = rule(reset(&directory, &slow, "Entirely-New-Passw0rd-7!").await);
    assert_eq!(young, Rule::MinimumAge { not_before: policy.not_before });
    assert!(policy.not_before.is_some());
}

#[tokio::test]
async fn each_rule_is_named_where_they_are_not_and_history_does_not_hold() {
    let play = Playground::new(Forest::Fabrikam, "rules");
    play.add("ada", &[]);
    let directory = play.directory();
    let person = play.locate(&directory, "ada").await;
    let policy = directory.effective_policy(&person).await.unwrap();
    assert!(!policy.hints);
    let short = reset(&directory, &person, "Ab1!").await;
    assert_eq!(short.as_ref().unwrap_err().operator().ldap_code, Some(19));
    assert_eq!(rule(short), Rule::MinimumLength { minimum: policy.minimum_length });
    assert_eq!(rule(reset(&directory, &person, "alllowercaseletters").await), Rule::Complexity);
    let done = reset(&directory, &person, INITIAL).await.unwrap();
    assert!(!done.history_enforced, "the effect is reported");
}

#[tokio::test]
async fn a_locked_account_is_unlocked_with_the_reset_and_must_change_is_set() {
    let play = Playground::new(Forest::Contoso, "locked");
    play.add("ada", &[]);
    play.add("bob", &[]);
    let directory = play.directory();
    for sam in ["ada", "bob"] {
        let person = play.locate(&directory, sam).await;
        play.set(&person.dn, "lockoutTime", "134000000000000000");
        play.set(&person.dn, "lockoutTime", &now_as_filetime());
        let state = directory.state(&person).await.unwrap();
        assert!(state.locked && state.locked_until.is_some(), "{state:?}");
    }
    let ada = play.locate(&directory, "ada").await;
    let options = ResetOptions { must_change: true };
    let done = directory.reset(&ada, &password("Entirely-New-7!"), options).await.unwrap();
    assert!(done.unlocked && done.must_change);
    let state = directory.state(&ada).await.unwrap();
    assert!(!state.locked && state.must_change && state.password_expired);
    // It is taken, and proves nothing: it was replaced a moment ago.
    assert_eq!(directory.verify(&ada, &password("Entirely-New-7!")).await.unwrap(), SignIn::ReplacedLately);
    assert_eq!(directory.verify(&ada, &password(INITIAL)).await.unwrap(), SignIn::WrongPassword);

    let bob = play.locate(&directory, "bob").await;
    assert_eq!(
        fault(directory.change(&bob, &password(INITIAL), &password("Other-Passw0rd-2!")).await),
        Fault::AccountLocked
    );
    assert!(directory.unlock(&bob).await.unwrap().unlocked);
    assert!(!directory.state(&bob).await.unwrap().locked);
    assert!(play.kinit("bob", INITIAL));
}

#[tokio::test]
async fn a_change_needs_the_old_password_and_keeps_the_rules() {
    for forest in Forest::ALL {
        let play = Playground::new(forest, "change");
        play.add("ada", &[]);
        let directory = play.directory();
        let person = play.locate(&directory, "ada").await;
        let change =
            async |old: &str, new: &str| directory.change(&person, &password(old), &password(new)).await;
        assert_eq!(fault(change("not-the-old-1!", "Entirely-New-7!").await), Fault::WrongOldPassword);
        assert_eq!(rule(change(INITIAL, "alllowercaseletters").await), Rule::Complexity);
        assert_eq!(rule(change(INITIAL, INITIAL).await), Rule::History { remembered: Some(24) });
        let done = change(INITIAL, "Entirely-New-7!").await.unwrap();
        assert!(done.history_enforced);
        assert!(play.kinit("ada", "Entirely-New-7!"));
        assert_eq!(directory.verify(&person, &password(INITIAL)).await.unwrap(), SignIn::WrongPassword);
    }
}

#[tokio::test]
async fn outside_the_delegated_unit_the_right_is_missing() {
    let play = Playground::new(Forest::Contoso, "rights");
    let directory = play.directory();
    let guest = directory.locate(&Identity::AccountName("Guest".into())).await.unwrap();
    for result in [reset(&directory, &guest, "Entirely-New-7!").await, directory.unlock(&guest).await] {
        assert!(
            matches!(&result, Err(DirectoryError::NotApplied { operator, .. }) if operator.ldap_code == Some(50))
        );
        assert_eq!(fault(result), Fault::NoPermission);
    }
}

fn now_as_filetime() -> String {
    use ritorno_protocol::clock::{Clock as _, SystemClock};
    ((SystemClock.now().unix_ms() + 11_644_473_600_000) * 10_000).to_string()
}
