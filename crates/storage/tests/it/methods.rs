//! Authenticator apps and recovery codes: each used once, tries counted before anything is compared.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ritorno_identity::authenticator::{AppCode, AppSecret, Step};
use ritorno_identity::flow::Person;
use ritorno_identity::ids::FlowId;
use ritorno_identity::method::Method;
use ritorno_identity::name::SignInName;
use ritorno_identity::recovery_code::{HOW_MANY, RecoveryCode, RecoveryDigest};
use ritorno_identity::sspr::Standing;
use ritorno_identity::subject::Subject;
use ritorno_identity::user::User;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::UserId;
use ritorno_protocol::random::array;
use ritorno_storage::{GateTried, GateTry, PASSKEYS_AT_MOST, StoredPasskey};
use totp_rs::{Builder, Secret};

use crate::fixture::{Fixture, NOW, on_both, parallel};

on_both!(
    a_code_of_an_app_is_used_once_with_all_before_it,
    an_app_is_confirmed_once_in_its_registration,
    of_200_parallel_codes_of_an_app_5_are_compared,
    wrong_ones_elsewhere_stop_nobody_where_they_succeeded,
    a_recovery_code_is_used_once_by_its_owner,
    new_recovery_codes_end_the_former_ones,
    codes_that_are_made_at_once_leave_one_set,
    what_somebody_has_is_one_statement_found_or_not,
    a_passkey_is_one_persons_and_a_ceremony_is_used_once,
);

/// What an app shows at that moment.
pub(crate) fn shown(secret: &AppSecret, at: Timestamp) -> AppCode {
    let bytes: [u8; 20] = secret.expose().try_into().expect("a secret of 20 bytes");
    let app = Builder::new().with_secret(Secret::new_stack(bytes)).build().expect("a whole secret");
    let seconds = u64::try_from(at.unix_ms() / 1_000).expect("after 1970");
    AppCode::parse(&app.generate(seconds).to_string()).expect("an app shows codes")
}

async fn person(f: &Fixture, name: &str) -> Result<User> {
    let user = f.person(name);
    f.store.users().insert(&user).await?;
    Ok(user)
}

/// A person's app, registered at [`NOW`] with the step before it.
async fn registered(f: &Fixture, user: &User) -> Result<AppSecret> {
    let registration = f.registration(Person::Known(user.id));
    f.store.registrations().insert(&registration).await?;
    let (apps, secret) = (f.store.authenticators(), AppSecret::random(&f.random));
    apps.propose(f.tenant.id, registration.id, &secret, &f.node_key, &f.random).await?;
    let step = Step(NOW.unix_ms() / 30_000 - 1);
    let adopted = apps
        .adopt(f.tenant.id, registration.id, user.id, (&secret, step), &f.node_key, &f.random, NOW)
        .await?;
    ensure!(adopted);
    Ok(secret)
}

/// A try in a way through the pages of its own.
fn attempt(f: &Fixture, user: &User) -> GateTry {
    GateTry {
        tenant: f.tenant.id,
        user: Some(user.id),
        flow: Subject(array(&f.random)),
        subject: Subject::of_user(&f.pepper, f.tenant.id, user.id),
        known_browser: false,
    }
}

async fn a_code_of_an_app_is_used_once_with_all_before_it(f: &Fixture) -> Result<()> {
    let anna = person(f, "anna").await?;
    let bruno = person(f, "bruno").await?;
    let secret = registered(f, &anna).await?;
    let other = registered(f, &bruno).await?;
    ensure!(secret.expose() != other.expose());
    let apps = f.store.authenticators();
    let code = shown(&secret, NOW);
    let tried = async |whose: &User, code: &AppCode| {
        apps.attempt(&attempt(f, whose), code, &f.node_key, &f.random, NOW).await
    };
    assert_eq!(tried(&bruno, &code).await?, GateTried::Wrong, "another person's");
    assert_eq!(tried(&anna, &code).await?, GateTried::Right);
    assert_eq!(tried(&anna, &code).await?, GateTried::Wrong, "used");
    let before = shown(&secret, NOW.minus(Duration::from_secs(30)));
    assert_eq!(
        tried(&anna, &before).await?,
        GateTried::Wrong,
        "an older one, though the clock would allow it"
    );
    let stranger = GateTry { user: None, ..attempt(f, &anna) };
    let next = shown(&secret, NOW.plus(Duration::from_secs(30)));
    let nobodys = apps.attempt(&stranger, &next, &f.node_key, &f.random, NOW).await?;
    assert_eq!(nobodys, GateTried::Wrong, "nobody has an app");
    assert_eq!(tried(&anna, &next).await?, GateTried::Right);
    ensure!(apps.remove(f.tenant.id, anna.id).await? && !apps.remove(f.tenant.id, anna.id).await?);
    let later = NOW.plus(Duration::from_secs(3_600));
    let gone =
        apps.attempt(&attempt(f, &anna), &shown(&secret, later), &f.node_key, &f.random, later).await?;
    assert_eq!(gone, GateTried::Wrong, "removed");
    Ok(())
}

async fn an_app_is_confirmed_once_in_its_registration(f: &Fixture) -> Result<()> {
    let anna = person(f, "anna").await?;
    let registration = f.registration(Person::Known(anna.id));
    f.store.registrations().insert(&registration).await?;
    let apps = f.store.authenticators();
    let (tenant, id) = (f.tenant.id, registration.id);
    ensure!(apps.proposed(tenant, id, &f.node_key).await?.is_none());
    let first = AppSecret::random(&f.random);
    apps.propose(tenant, id, &first, &f.node_key, &f.random).await?;
    apps.propose(tenant, id, &AppSecret::random(&f.random), &f.node_key, &f.random).await?;
    let kept = apps.proposed(tenant, id, &f.node_key).await?.context("it is kept")?;
    assert_eq!(kept.expose(), first.expose(), "a page that is loaded again shows the same");
    let adopt = async |secret: &AppSecret, user| {
        apps.adopt(tenant, id, user, (secret, Step(7)), &f.node_key, &f.random, NOW).await
    };
    ensure!(!adopt(&AppSecret::random(&f.random), anna.id).await?, "another one than the one that is shown");
    // What can't be kept is not lost.
    ensure!(adopt(&first, UserId::random(&f.random)).await.is_err(), "there is no such person");
    ensure!(apps.proposed(tenant, id, &f.node_key).await?.is_some(), "it is shown still");
    ensure!(adopt(&first, anna.id).await?, "confirmed");
    ensure!(!adopt(&first, anna.id).await?, "confirmed again");
    ensure!(apps.proposed(tenant, id, &f.node_key).await?.is_none());
    Ok(())
}

async fn of_200_parallel_codes_of_an_app_5_are_compared(f: &Fixture) -> Result<()> {
    let anna = person(f, "anna").await?;
    let secret = registered(f, &anna).await?;
    let wrong = shown(&secret, NOW.plus(Duration::from_secs(3_600)));
    let stores = [f.store.clone(), f.second().await?];
    let (one, key) = (attempt(f, &anna), f.node_key.clone());
    let tried = parallel(200, |number| {
        let (store, wrong, key) = (stores[number % 2].clone(), wrong.clone(), key.clone());
        let random = crate::fixture::Numbers::new();
        async move { store.authenticators().attempt(&one, &wrong, &key, &random, NOW).await }
    })
    .await?;
    let count = |wanted| tried.iter().filter(|tried| **tried == wanted).count();
    assert_eq!((count(GateTried::Wrong), count(GateTried::Spent)), (5, 195));
    let right = f.store.authenticators();
    let late = right.attempt(&one, &shown(&secret, NOW), &f.node_key, &f.random, NOW).await?;
    assert_eq!(late, GateTried::Spent, "the right one comes too late");
    Ok(())
}

async fn wrong_ones_elsewhere_stop_nobody_where_they_succeeded(f: &Fixture) -> Result<()> {
    let anna = person(f, "anna").await?;
    let secret = registered(f, &anna).await?;
    let apps = f.store.authenticators();
    let codes = f.store.recovery_codes();
    let random = || RecoveryCode::random(&f.random).digest(&f.pepper, f.tenant.id, anna.id);
    let far = shown(&secret, NOW.plus(Duration::from_secs(3_600)));
    for number in 0..24 {
        let expected = if number < 20 { GateTried::Wrong } else { GateTried::Stopped };
        let tried = apps.attempt(&attempt(f, &anna), &far, &f.node_key, &f.random, NOW).await?;
        assert_eq!(tried, expected, "app, {number}");
        assert_eq!(codes.attempt(&attempt(f, &anna), &random(), NOW).await?, expected, "paper, {number}");
    }
    let known = GateTry { known_browser: true, ..attempt(f, &anna) };
    let tried = apps.attempt(&known, &shown(&secret, NOW), &f.node_key, &f.random, NOW).await?;
    assert_eq!(tried, GateTried::Right);
    Ok(())
}

async fn ten(f: &Fixture, user: &User) -> Result<[RecoveryDigest; HOW_MANY]> {
    let codes =
        std::array::from_fn(|_| RecoveryCode::random(&f.random).digest(&f.pepper, f.tenant.id, user.id));
    ensure!(f.store.recovery_codes().replace(f.tenant.id, user.id, &codes, NOW).await?);
    Ok(codes)
}

async fn a_recovery_code_is_used_once_by_its_owner(f: &Fixture) -> Result<()> {
    let anna = person(f, "anna").await?;
    let bruno = person(f, "bruno").await?;
    let codes = ten(f, &anna).await?;
    let paper = f.store.recovery_codes();
    assert_eq!(paper.attempt(&attempt(f, &bruno), &codes[0], NOW).await?, GateTried::Wrong);
    let nobody = GateTry { user: None, ..attempt(f, &anna) };
    assert_eq!(paper.attempt(&nobody, &codes[0], NOW).await?, GateTried::Wrong);
    let stores = [f.store.clone(), f.second().await?];
    let tries: Vec<GateTry> = (0..20).map(|_| attempt(f, &anna)).collect();
    let code = codes[0];
    let tried = parallel(20, |number| {
        let (store, one) = (stores[number % 2].clone(), tries[number]);
        async move { store.recovery_codes().attempt(&one, &code, NOW).await }
    })
    .await?;
    assert_eq!(tried.iter().filter(|tried| **tried == GateTried::Right).count(), 1, "{tried:?}");
    let standing = f
        .store
        .users()
        .standing(f.tenant.id, Some(anna.id), &SignInName::parse("anna@contoso.test")?, NOW)
        .await?;
    assert_eq!(standing.recovery_codes, 9);
    Ok(())
}

async fn new_recovery_codes_end_the_former_ones(f: &Fixture) -> Result<()> {
    let anna = person(f, "anna").await?;
    let former = ten(f, &anna).await?;
    let new = ten(f, &anna).await?;
    let paper = f.store.recovery_codes();
    assert_eq!(paper.attempt(&attempt(f, &anna), &former[0], NOW).await?, GateTried::Wrong);
    assert_eq!(paper.attempt(&attempt(f, &anna), &new[0], NOW).await?, GateTried::Right);
    ensure!(paper.remove(f.tenant.id, anna.id).await? && !paper.remove(f.tenant.id, anna.id).await?);
    Ok(())
}

async fn codes_that_are_made_at_once_leave_one_set(f: &Fixture) -> Result<()> {
    let anna = person(f, "anna").await?;
    let stores = [f.store.clone(), f.second().await?];
    let sets: Vec<[RecoveryDigest; HOW_MANY]> = (0..20)
        .map(|_| {
            let one = |_| RecoveryCode::random(&f.random).digest(&f.pepper, f.tenant.id, anna.id);
            std::array::from_fn(one)
        })
        .collect();
    let (tenant, id) = (f.tenant.id, anna.id);
    let replaced = parallel(20, |number| {
        let (store, codes) = (stores[number % 2].clone(), sets[number]);
        async move { store.recovery_codes().replace(tenant, id, &codes, NOW).await }
    })
    .await?;
    ensure!(replaced.into_iter().all(|replaced| replaced));
    let name = SignInName::parse(&anna.user_principal_name)?;
    let standing = f.store.users().standing(tenant, Some(id), &name, NOW).await?;
    assert_eq!(standing.recovery_codes, 10);
    let mut taken = Vec::new();
    for set in &sets {
        let mut right = 0;
        for code in set {
            let one = attempt(f, &anna);
            // For another subject each: the day's stop is not what is looked at.
            let one = GateTry { subject: Subject(array(&f.random)), ..one };
            right +=
                usize::from(f.store.recovery_codes().attempt(&one, code, NOW).await? == GateTried::Right);
        }
        taken.push(right);
    }
    taken.sort_unstable();
    assert_eq!((taken[18], taken[19]), (0, 10), "those of one page hold, all ten");
    f.store.users().delete(tenant, id).await?;
    ensure!(!f.store.recovery_codes().replace(tenant, id, &sets[0], NOW).await?, "there is nobody");
    Ok(())
}

async fn what_somebody_has_is_one_statement_found_or_not(f: &Fixture) -> Result<()> {
    let anna = person(f, "anna").await?;
    let name = SignInName::parse(&anna.user_principal_name)?;
    let standing = async |user, name: &SignInName| {
        let store = f.store.counted();
        let found = store.users().standing(f.tenant.id, user, name, NOW).await?;
        assert_eq!(store.statements(), 1);
        anyhow::Ok(found)
    };
    assert_eq!(standing(Some(anna.id), &name).await?, Standing::default());
    assert_eq!(standing(None, &SignInName::parse("nobody@contoso.test")?).await?, Standing::default());
    registered(f, &anna).await?;
    ten(f, &anna).await?;
    f.administrator(&anna.user_principal_name.to_uppercase()).await?;
    let all = Standing {
        app: true,
        passkeys: 0,
        recovery_codes: 10,
        temporary_pass: false,
        administrator: true,
        ..Standing::default()
    };
    assert_eq!(standing(Some(anna.id), &name).await?, all);
    assert_eq!(all.methods(&f.tenant, &anna).last(), Some(&Method::RecoveryCode));
    // It goes with its person.
    f.store.users().delete(f.tenant.id, anna.id).await?;
    assert_eq!(
        standing(Some(anna.id), &name).await?,
        Standing { administrator: true, ..Standing::default() }
    );
    Ok(())
}

async fn a_passkey_is_one_persons_and_a_ceremony_is_used_once(f: &Fixture) -> Result<()> {
    let (anna, bruno) = (person(f, "anna").await?, person(f, "bruno").await?);
    let (passkeys, tenant) = (f.store.passkeys(), f.tenant.id);
    let key = |number: u32| StoredPasskey {
        id: format!("key-{number}"),
        credential: "counter 0".into(),
        registered_at: NOW.plus(Duration::from_secs(u64::from(number))),
    };
    ensure!(passkeys.insert(tenant, anna.id, &key(0)).await?);
    ensure!(!passkeys.insert(tenant, bruno.id, &key(0)).await?, "it is another person's");
    for number in 1..PASSKEYS_AT_MOST {
        ensure!(passkeys.insert(tenant, anna.id, &key(number)).await?);
    }
    ensure!(!passkeys.insert(tenant, anna.id, &key(PASSKEYS_AT_MOST)).await?, "as many as there may be");
    assert_eq!(passkeys.list(tenant, anna.id).await?.first(), Some(&key(0)));
    assert_eq!(passkeys.list(tenant, bruno.id).await?, []);

    let (way, until) = (FlowId::random(&f.random), NOW.plus(Duration::from_secs(300)));
    let right = |state: &str, credential: &str| {
        assert_eq!((state, credential), ("second", "counter 0"));
        Some("counter 1".to_owned())
    };
    let begun = async || {
        passkeys.begin(tenant, way, "first", until).await?;
        passkeys.begin(tenant, way, "second", until).await
    };
    let never = |_: &str, _: &str| -> Option<String> { panic!("there is nothing to compare") };
    begun().await?;
    for (whose, id) in [(&bruno, "key-0"), (&anna, "key-99")] {
        let tried = passkeys.attempt(&attempt(f, whose), way, id, NOW, never).await?;
        assert_eq!(tried, GateTried::Wrong, "{id}");
        begun().await?;
    }
    let nobody = GateTry { user: None, ..attempt(f, &anna) };
    assert_eq!(passkeys.attempt(&nobody, way, "key-0", NOW, never).await?, GateTried::Wrong);
    assert_eq!(
        passkeys.attempt(&attempt(f, &anna), way, "key-0", NOW, never).await?,
        GateTried::Wrong,
        "used up"
    );
    begun().await?;
    assert_eq!(
        passkeys.attempt(&attempt(f, &anna), way, "key-0", until, never).await?,
        GateTried::Wrong,
        "late"
    );
    begun().await?;
    assert_eq!(passkeys.attempt(&attempt(f, &anna), way, "key-0", NOW, |_, _| None).await?, GateTried::Wrong);
    begun().await?;
    let stores = [f.store.clone(), f.second().await?];
    let tries: Vec<GateTry> = (0..10).map(|_| attempt(f, &anna)).collect();
    let tried = parallel(10, |number| {
        let (store, one) = (stores[number % 2].clone(), tries[number]);
        async move { store.passkeys().attempt(&one, way, "key-0", NOW, right).await }
    })
    .await?;
    assert_eq!(tried.iter().filter(|tried| **tried == GateTried::Right).count(), 1, "{tried:?}");
    assert_eq!(passkeys.list(tenant, anna.id).await?[0].credential, "counter 1");
    let name = SignInName::parse(&anna.user_principal_name)?;
    let standing = f.store.users().standing(tenant, Some(anna.id), &name, NOW).await?;
    assert_eq!(standing.passkeys, PASSKEYS_AT_MOST);
    ensure!(!passkeys.remove(tenant, bruno.id, "key-0").await?, "another person's");
    ensure!(
        passkeys.remove(tenant, anna.id, "key-0").await?
            && !passkeys.remove(tenant, anna.id, "key-0").await?
    );
    Ok(())
}
