//! `ritorno-agent doctor --user NAME`: what a reset of this person would meet, step by step, without changing anything. With
//! `--against NAME`, what is different about somebody for whom it works.

mod account;
mod found;
mod guarded;
mod limits;
mod permissions;
mod policy;
mod synced;
mod tenant;

use std::process::ExitCode;

use anyhow::ensure;
use reqwest::Method;
use ritorno_directory::{Directory, DirectoryError, Identity, Person};
use ritorno_doctor::{Check, Report, Row, Verdict};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::enrolment::PersonStanding;
use ritorno_protocol::ids::Forest;
use ritorno_protocol::outcome::Fault;
use ritorno_sync::{Found, Preview};
use serde::Serialize;

use super::{Context, Format, say_what_is_looked_at};
use crate::config::Config;
use crate::output::say;
use crate::sync::look;

/// What the checks of a person look at.
pub(crate) struct About {
    /// The name that was typed.
    name: String,
    /// Who answers to the name, in each forest that has somebody.
    found: Vec<(Directory, Person)>,
    /// Forests that could not be asked, and why.
    unasked: Vec<(Forest, String)>,
    /// Enabled accounts of other forests with the same source anchor.
    twins: Vec<String>,
    /// What the sync has of them; or why that can't be read.
    staged: Result<Option<(Found, Preview)>, String>,
    /// What the tenant says of them; or why it says nothing.
    tenant: Result<PersonStanding, String>,
    /// The agent's time.
    now: Timestamp,
}

impl About {
    /// The one whom it is about, if there is one.
    fn person(&self) -> Option<&(Directory, Person)> {
        self.found.iter().find(|(_, person)| !person.is_disabled()).or(self.found.first())
    }
}

/// The checks of a person, in the order in which a reset would meet them.
pub(crate) fn checks() -> Vec<Box<dyn Check<About>>> {
    vec![
        Box::new(found::PersonFound),
        Box::new(synced::PersonSynced),
        Box::new(tenant::PersonTenant),
        Box::new(limits::PersonLimits),
        Box::new(guarded::PersonGuarded),
        Box::new(account::PersonAccount),
        Box::new(policy::PersonPolicy),
        Box::new(permissions::PersonPermissions),
    ]
}

/// The report about one person.
#[derive(Serialize)]
struct Walk {
    /// The name that was typed.
    user: String,
    /// Whether a reset would succeed, as far as that can be told without one.
    would_succeed: bool,
    /// The first check that would stop it.
    stopped_by: Option<&'static str>,
    #[serde(flatten)]
    report: Report,
}

impl Walk {
    fn of(user: &str, report: Report) -> Self {
        let stops = |row: &&Row| matches!(row.finding.verdict, Verdict::Fail | Verdict::CouldNotTell);
        let stopped_by = report.checks.iter().find(stops).map(|row| row.check.id);
        Self { user: user.to_owned(), would_succeed: stopped_by.is_none(), stopped_by, report }
    }

    /// What it comes to, in a line.
    fn verdict(&self) -> String {
        let user = &self.user;
        let Some(row) = self.report.checks.iter().find(|row| Some(row.check.id) == self.stopped_by) else {
            return format!("A reset of {user} would succeed.");
        };
        let cause = row.finding.cause.as_deref().unwrap_or(row.check.title);
        match row.finding.verdict {
            Verdict::CouldNotTell => {
                format!("Whether a reset of {user} would succeed can't be told: {cause}")
            }
            _ => format!("A reset of {user} would be stopped [{}]: {cause}", row.check.id),
        }
    }
}

/// Looks at everything, prints it, and ends with what it comes to.
///
/// # Errors
/// When what is found can't be printed.
pub(super) async fn run(
    config: &Config,
    context: &Context,
    (user, against): (&str, Option<&str>),
    format: Format,
) -> anyhow::Result<ExitCode> {
    ensure!(
        against.is_none() || format == Format::Text,
        "--against prints a comparison for people: leave --json and --junit out"
    );
    let mut needed = super::quick_checks();
    // A reset needs no deletion to be seen, and a controller without the hints control still takes it.
    needed.retain(|check| !super::BESIDE_A_RESET.contains(&check.description().id));
    let general = ritorno_doctor::run(&needed, context, |check| say_what_is_looked_at(check.title)).await;
    let walk = walk(config, context, user).await;
    let Some(other) = against else {
        let code = show(user, general, walk, format)?;
        return Ok(code);
    };
    let other_walk = self::walk(config, context, other).await;
    compare((user, &walk), (other, &other_walk))?;
    Ok(ExitCode::from(walk.exit_code()))
}

async fn walk(config: &Config, context: &Context, user: &str) -> Report {
    let about = gather(config, context, user).await;
    ritorno_doctor::run(&checks(), &about, |check| say_what_is_looked_at(check.title)).await
}

fn show(user: &str, mut general: Report, person: Report, format: Format) -> anyhow::Result<ExitCode> {
    general.checks.extend(person.checks);
    let walk = Walk::of(user, general);
    let code = walk.report.exit_code();
    match format {
        Format::Json => say(serde_json::to_string_pretty(&walk)?)?,
        Format::Junit => say(walk.report.to_junit().trim_end())?,
        Format::Text => {
            say(walk.report.to_text().trim_end())?;
            say(walk.verdict())?;
        }
    }
    Ok(ExitCode::from(code))
}

/// Prints only what is different.
fn compare((user, one): (&str, &Report), (other, two): (&str, &Report)) -> anyhow::Result<()> {
    let mut different = 0;
    for (left, right) in one.checks.iter().zip(&two.checks) {
        if left.finding.verdict == right.finding.verdict && left.finding.cause == right.finding.cause {
            continue;
        }
        different += 1;
        say(format_args!("{} [{}]", left.check.title, left.check.id))?;
        for (name, row) in [(user, left), (other, right)] {
            say(format_args!("  {name}: {:?}", row.finding.verdict))?;
            for line in row.finding.evidence.iter().chain(&row.finding.cause) {
                say(format_args!("      {line}"))?;
            }
        }
    }
    if different == 0 {
        say(format_args!("No check tells {user} from {other}."))?;
    }
    say(Walk::of(user, one.clone()).verdict())?;
    say(Walk::of(other, two.clone()).verdict())
}

async fn gather(config: &Config, context: &Context, user: &str) -> About {
    let identity = if user.contains('@') {
        Identity::UserPrincipalName(user.to_owned())
    } else {
        Identity::AccountName(user.to_owned())
    };
    let (mut found, mut unasked) = (Vec::new(), Vec::new());
    for directory in &context.forests {
        match directory.locate(&identity).await {
            Ok(person) => found.push((directory.clone(), person)),
            Err(DirectoryError::NotApplied { fault: Fault::NotFound, .. }) => {}
            Err(error) => unasked.push((directory.forest().clone(), error.to_string())),
        }
    }
    let mut about = About {
        name: user.to_owned(),
        found,
        unasked,
        twins: Vec::new(),
        staged: Ok(None),
        tenant: Err("nobody has this name".to_owned()),
        now: context.clock.now(),
    };
    if let Some((home, person)) = about.person() {
        let (mut twins, mut unasked) = (Vec::new(), Vec::new());
        for other in context.forests.iter().filter(|other| other.forest() != home.forest()) {
            match other.twin_of(&person.anchor, &person.account_name).await {
                Ok(twin) => twins.extend(twin.map(|dn| format!("{dn} of {}", other.forest()))),
                Err(error) => unasked.push((other.forest().clone(), error.to_string())),
            }
        }
        let staged = look::staged(config, &person.anchor.0).await.map_err(|error| format!("{error:#}"));
        let tenant = ask(context, &person.anchor.0).await;
        about.unasked.append(&mut unasked);
        (about.twins, about.staged, about.tenant) = (twins, staged, tenant);
    }
    about
}

async fn ask(context: &Context, anchor: &str) -> Result<PersonStanding, String> {
    let client = context.client.as_ref().ok_or("the agent is not enrolled")?;
    let query: String =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("anchor", anchor).finish();
    let answer = client.call(Method::GET, &format!("/agent/v1/person?{query}")).await;
    answer.map_err(|error| format!("{error:#}"))
}
