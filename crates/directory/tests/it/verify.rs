//! Verify: one bind, every answer typed, and never a lockout.

use std::sync::Arc;

use ritorno_directory::{Directory, REPLACED_STAYS, ResetOptions, SignIn};
use ritorno_lab::Forest;
use ritorno_protocol::clock::{Clock as _, ManualClock, SystemClock};
use ritorno_protocol::outcome::Fault;

use crate::playground::{INITIAL, Playground, fault, password};

#[tokio::test]
async fn a_stream_of_wrong_attempts_never_locks() {
    for forest in Forest::ALL {
        let play = Playground::new(forest, "hammer");
        play.add("ada", &[]);
        let directory = play.directory();
        let person = play.locate(&directory, "ada").await;
        let mut attempts = Vec::new();
        for _ in 0..15 {
            let (directory, person) = (directory.clone(), person.clone());
            attempts.push(tokio::spawn(async move {
                directory.verify(&person, &password("wrong-Passw0rd!")).await
            }));
        }
        let mut answers = Vec::new();
        for attempt in attempts {
            answers.push(attempt.await.unwrap().unwrap());
        }
        let wrong = answers.iter().filter(|answer| **answer == SignIn::WrongPassword).count();
        let spared = answers.iter().filter(|answer| **answer == SignIn::TooCloseToLockout).count();
        // The lab locks at 10.
        assert_eq!((wrong, spared), (8, 7));
        let state = directory.state(&person).await.unwrap();
        assert!(!state.locked);
        assert_eq!(state.bad_password_count, 8);
        let change =
            directory.change(&person, &password("wrong-Passw0rd!"), &password("Entirely-New-7!")).await;
        assert_eq!(fault(change), Fault::AccountLocked);
        // The person's own sign-in still works, and makes room again.
        assert!(play.kinit("ada", INITIAL));
        assert_eq!(directory.verify(&person, &password(INITIAL)).await.unwrap(), SignIn::Accepted);
    }
}

/// Sign-ins and changes together, by two agents that know nothing of each other, for as long as somebody cares to try.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_sign_ins_and_changes_by_two_agents_never_lock() {
    for forest in Forest::ALL {
        let play = Playground::new(forest, "two-agents");
        play.add("ada", &[]);
        let agents = [play.directory(), play.directory()];
        let person = play.locate(&agents[0], "ada").await;
        let (mut tried, mut spared) = (0, 0);
        for round in 0..4 {
            let attempts: Vec<_> = (0..12)
                .map(|number| {
                    let (agent, person) = (agents[number % 2].clone(), person.clone());
                    tokio::spawn(async move {
                        let wrong = password(&format!("wrong-Passw0rd-{round}-{number}!"));
                        if number % 3 == 0 {
                            return match agent.verify(&person, &wrong).await.unwrap() {
                                SignIn::WrongPassword => true,
                                SignIn::TooCloseToLockout => false,
                                other => panic!("{other:?}"),
                            };
                        }
                        match fault(agent.change(&person, &wrong, &password("Entirely-New-7!")).await) {
                            Fault::WrongOldPassword => true,
                            Fault::AccountLocked => false,
                            other => panic!("{other:?}"),
                        }
                    })
                })
                .collect();
            for attempt in attempts {
                if attempt.await.unwrap() { tried += 1 } else { spared += 1 }
            }
            let state = agents[0].state(&person).await.unwrap();
            assert!(!state.locked && state.bad_password_count < 10, "round {round}: {state:?}");
        }
        println!("{}: {tried} were tried, {spared} were not", forest.dns_domain());
        // The lab locks at 10; two agents may both be the last one that there was room for.
        assert!((8..=9).contains(&tried) && tried + spared == 48, "{tried} {spared}");
        assert!(play.kinit("ada", INITIAL), "the owner gets in");
    }
}

#[tokio::test]
async fn each_state_of_an_account_has_its_answer() {
    for forest in Forest::ALL {
        let play = Playground::new(forest, "states");
        play.add("plain", &[]);
        play.add("disabled", &[("userAccountControl", "514")]);
        // 2001-01-01
        play.add("expired", &[("accountExpires", "126227808000000000")]);
        play.add("locked", &[]);
        // 21 bytes of hours, none of them allowed.
        play.add("hours", &[("logonHours", &"\0".repeat(21))]);
        play.add("change", &[]);
        let directory = play.directory();
        let now = (SystemClock.now().unix_ms() + 11_644_473_600_000) * 10_000;
        play.set(&play.locate(&directory, "locked").await.dn, "lockoutTime", &now.to_string());
        play.set(&play.locate(&directory, "change").await.dn, "pwdLastSet", "0");
        for (sam, right) in [
            ("plain", SignIn::Accepted),
            ("disabled", SignIn::Disabled),
            ("expired", SignIn::AccountExpired),
            ("locked", SignIn::Locked),
            ("change", SignIn::MustChange),
            ("hours", SignIn::LogonHours),
        ] {
            let person = play.locate(&directory, sam).await;
            assert_eq!(directory.verify(&person, &password(INITIAL)).await.unwrap(), right, "{sam}");
            let wrong = directory.verify(&person, &password("wrong-Passw0rd!")).await.unwrap();
            let expected = if sam == "locked" { SignIn::Locked } else { SignIn::WrongPassword };
            assert_eq!(wrong, expected, "{sam} with a wrong password");
            let state = directory.state(&person).await.unwrap();
            assert_eq!(state.disabled, sam == "disabled");
            assert_eq!(state.expired, sam == "expired");
            assert_eq!(state.locked, sam == "locked");
            assert_eq!(state.must_change, sam == "change");
            assert!(!state.never_expires && !state.cannot_change);
            assert_eq!(state.locked_until.is_some(), sam == "locked");
            assert_eq!(state.password_set.is_none(), sam == "change");
        }
        // Never expires; cannot be changed by its owner: what administrators' tools write for the two boxes.
        play.add("never", &[("userAccountControl", "66048")]);
        play.add("cannot", &[]);
        let cannot = play.locate(&directory, "cannot").await;
        let object = format!("--objectdn={}", cannot.dn);
        for trustee in ["PS", "WD"] {
            let sddl = format!("--sddl=(OD;;CR;ab721a53-1e2f-11d0-9819-00aa0040529b;;{trustee})");
            let local = ["-H", "/var/lib/samba/private/sam.ldb"];
            play.forest
                .dc_exec(&[&["samba-tool", "dsacl", "set", &object, &sddl][..], &local].concat())
                .unwrap();
        }
        let never = directory.state(&play.locate(&directory, "never").await).await.unwrap();
        assert!(never.never_expires && !never.cannot_change, "{never:?}");
        let cannot = directory.state(&cannot).await.unwrap();
        assert!(cannot.cannot_change && !cannot.never_expires, "{cannot:?}");
        let plain = play.locate(&directory, "plain").await;
        assert_eq!(directory.verify(&plain, &password("")).await.unwrap(), SignIn::WrongPassword);
    }
}

#[tokio::test]
async fn a_password_that_may_be_the_one_before_is_not_taken_for_the_one_now() {
    for forest in Forest::ALL {
        let play = Playground::new(forest, "before");
        play.add("ada", &[]);
        let directory = play.directory();
        let person = play.locate(&directory, "ada").await;
        assert_eq!(directory.verify(&person, &password(INITIAL)).await.unwrap(), SignIn::Accepted);
        let new = password("Entirely-New-7!");
        directory.reset(&person, &new, ResetOptions::default()).await.unwrap();
        // The lab's controllers take the one before no longer, others for an hour: so the new one proves nothing either.
        for (either, said) in [(password(INITIAL), SignIn::WrongPassword), (new, SignIn::ReplacedLately)] {
            assert_eq!(directory.verify(&person, &either).await.unwrap(), said);
        }
        let wrong = directory.verify(&person, &password("wrong-Passw0rd!")).await.unwrap();
        assert_eq!(wrong, SignIn::WrongPassword);
        // To a clock that is an hour and more ahead it was replaced long ago.
        let later = Arc::new(ManualClock::new(SystemClock.now().plus(REPLACED_STAYS)));
        let then = Directory::new(play.config(), later).unwrap();
        let new = password("Entirely-New-7!");
        assert_eq!(then.verify(&person, &new).await.unwrap(), SignIn::Accepted);
        // That it must be changed at the next sign-in hides when it was set, and proves no more.
        let new = password("Entirely-New-8!");
        let done = directory.reset(&person, &new, ResetOptions { must_change: true }).await.unwrap();
        assert!(done.must_change, "{done:?}");
        assert_eq!(directory.verify(&person, &new).await.unwrap(), SignIn::ReplacedLately);
        let later = Arc::new(ManualClock::new(SystemClock.now().plus(REPLACED_STAYS)));
        let then = Directory::new(play.config(), later).unwrap();
        assert_eq!(then.verify(&person, &new).await.unwrap(), SignIn::MustChange);
    }
}
