//! Which rules hold for the person, and does one of them forbid any new password now?

use std::time::Duration;

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::policy::{EffectivePolicy, PolicySource, Vendor};

use super::About;
use crate::output::moment;

/// The check.
pub(super) struct PersonPolicy;

#[async_trait]
impl Check<About> for PersonPolicy {
    fn description(&self) -> &'static Description {
        &Description {
            id: "person-policy",
            title: "The password policy lets the password be set now",
            proves: "The policy that holds for the person is known, and its minimum age is over.",
            article: None,
            rows: &["P9", "P10"],
            fault_test: const {
                FaultTest::real("doctor_person::each_fault_of_a_person_is_the_first_thing_that_stops_them")
            },
            manual: "troubleshooting.html#person-policy",
        }
    }

    async fn look(&self, about: &About) -> Finding {
        let Some((directory, person)) = about.person() else {
            return Finding::could_not_tell("nobody was found");
        };
        match directory.effective_policy(person).await {
            Ok(policy) => judge(&policy, directory.account(), about.now),
            Err(error) => Finding::could_not_tell(error.to_string()),
        }
    }

    fn examples(&self) -> Vec<Finding> {
        let now = Timestamp::from_unix_ms(1_800_000_000_000);
        let tomorrow = now.plus(Duration::from_secs(86_400));
        let young = EffectivePolicy {
            source: PolicySource::Domain,
            vendor: Vendor::Windows,
            minimum_length: 8,
            complexity: true,
            history: 24,
            hints: true,
            not_before: Some(tomorrow),
            forbid_names: true,
            account_name: "anna.rossi".into(),
            display_name: "Anna Rossi".into(),
            banned_words: Vec::new(),
            breached: false,
        };
        let source = PolicySource::UnreadablePso { name: "Managers".into() };
        let unread = EffectivePolicy { source, ..young.clone() };
        [young, unread].iter().map(|policy| judge(policy, "svc-ritorno@contoso.test", now)).collect()
    }
}

fn judge(policy: &EffectivePolicy, account: &str, now: Timestamp) -> Finding {
    let from = match &policy.source {
        PolicySource::Domain => "the domain's own policy".to_owned(),
        PolicySource::Pso { name } => format!("the password settings object '{name}'"),
        PolicySource::UnreadablePso { name } => {
            return Finding::warning(
                format!("the password settings object '{name}' holds, and can't be read"),
                "its rules are not known, so that the page can't show them; the directory still enforces them",
            )
            .fix(
                System::Windows,
                [
                    format!("# let {} read it:", account),
                    format!(
                        "dsacls \"CN={name},CN=Password Settings Container,CN=System,DC=...\" /G \"{}:GR\"",
                        account
                    ),
                ],
            );
        }
    };
    let complexity = if policy.complexity { ", three of five kinds of characters" } else { "" };
    let rules = format!(
        "{from}: at least {} characters{complexity}, none of the last {}",
        policy.minimum_length, policy.history
    );
    match policy.not_before.filter(|not_before| now < *not_before) {
        Some(not_before) if policy.hints => Finding::fail(
            rules,
            format!("the minimum age forbids another password before {}", moment(Some(not_before))),
        )
        .fix(
            System::Windows,
            ["Get-ADDefaultDomainPasswordPolicy", "# or wait; an administrator's own reset does not"],
        )
        .fix(System::Samba, ["samba-tool domain passwordsettings show"]),
        Some(not_before) => Finding::pass(rules).and(format!(
            "its minimum age ends {}, which this domain controller enforces on a change only",
            moment(Some(not_before))
        )),
        None => Finding::pass(rules),
    }
}
