//! Is the account enabled, and what else is set on it?

use async_trait::async_trait;
use ritorno_directory::AccountState;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use ritorno_protocol::clock::Timestamp;

use super::About;
use crate::output::moment;

/// The check.
pub(super) struct PersonAccount;

#[async_trait]
impl Check<About> for PersonAccount {
    fn description(&self) -> &'static Description {
        &Description {
            id: "person-account",
            title: "The account is enabled and not at its end",
            proves: "It is not disabled and its end date has not passed. A locked one is unlocked by the reset.",
            article: None,
            rows: &["P6", "P7", "P8"],
            fault_test: const {
                FaultTest::real("doctor_person::each_fault_of_a_person_is_the_first_thing_that_stops_them")
            },
            manual: "troubleshooting.html#person-account",
        }
    }

    async fn look(&self, about: &About) -> Finding {
        let Some((directory, person)) = about.person() else {
            return Finding::could_not_tell("nobody was found");
        };
        match directory.state(person).await {
            Ok(state) => judge(&state, &person.account_name),
            Err(error) => Finding::could_not_tell(error.to_string()),
        }
    }

    fn examples(&self) -> Vec<Finding> {
        let fine = AccountState {
            disabled: false,
            locked: false,
            locked_until: None,
            expired: false,
            password_expired: false,
            must_change: false,
            never_expires: false,
            cannot_change: false,
            password_set: Some(Timestamp::from_unix_ms(1_800_000_000_000)),
            bad_password_count: 0,
        };
        let wrong = [
            AccountState { disabled: true, ..fine.clone() },
            AccountState { expired: true, ..fine.clone() },
            AccountState { cannot_change: true, ..fine },
        ];
        wrong.iter().map(|state| judge(state, "anna.rossi")).collect()
    }
}

fn judge(state: &AccountState, account: &str) -> Finding {
    if state.disabled {
        return Finding::fail("the account is disabled", "an administrator disabled it")
            .fix(System::Samba, [format!("samba-tool user enable {}", account)])
            .fix(System::Windows, [format!("Enable-ADAccount {}", account)]);
    }
    let mut told = vec![match state.password_set {
        Some(set) => format!("enabled; the password was set {}", moment(Some(set))),
        None => "enabled; the password must be changed at the next sign-in".to_owned(),
    }];
    if state.locked {
        let until =
            state.locked_until.map(|until| format!(" until {}", moment(Some(until)))).unwrap_or_default();
        told.push(format!(
            "locked by {} wrong passwords{until}: a reset unlocks it",
            state.bad_password_count
        ));
    }
    if state.never_expires {
        told.push(
            "the password never expires, so nobody can be made to change it at the next sign-in".to_owned(),
        );
    }
    let what = told.join("; ");
    if state.expired {
        Finding::warning(what, "the account's own end date has passed: a reset works, a sign-in does not")
            .fix(System::Windows, [format!("Clear-ADAccountExpiration {}", account)])
            .fix(System::Samba, [format!("samba-tool user setexpiry --noexpiry {}", account)])
    } else if state.cannot_change {
        Finding::warning(
            what,
            "'user cannot change password' is set: a reset works, a change by the person does not",
        )
        .fix(System::Windows, [format!("Set-ADUser {} -CannotChangePassword $false", account)])
    } else {
        Finding::pass(what)
    }
}
