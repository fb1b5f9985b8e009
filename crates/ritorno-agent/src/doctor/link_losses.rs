//! Is the link to the server lost again and again?

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::event::EventId;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Context;
use crate::config::EventsFormat;

/// What is looked back at.
const LOOKED_BACK: Duration = Duration::from_secs(3_600);
/// So many losses in that time are no restart of a server any more.
const MANY: usize = 6;
/// The end of the event log that is read, in bytes: an hour has far less.
const READ: u64 = 1_000_000;

/// The check.
pub(super) struct LinkLosses;

#[async_trait]
impl Check<Context> for LinkLosses {
    fn description(&self) -> &'static Description {
        &Description {
            id: "link-losses",
            title: "The link to the server is not lost again and again",
            proves: "The event log has fewer than six events 32014 (link lost, dialled again) in the last hour.",
            article: None,
            rows: &["N7"],
            fault_test: const { FaultTest::real("doctor_proxy::a_link_that_is_lost_again_and_again_is_told") },
            manual: "troubleshooting.html#link-losses",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        let Some(path) = &context.config.log.events_file else {
            return Finding::not_applicable(
                "events go to the journal alone: `journalctl --unit ritorno-agent --grep 32014`",
            );
        };
        match end_of(path) {
            Ok(text) => {
                let lost = losses(&text, context.config.log.events_format, context.clock.now());
                judge(lost)
            }
            // A log that can't be read has a check of its own; one that is not there has no losses.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => judge(0),
            Err(error) => Finding::could_not_tell(format!("{}: {error}", path.display())),
        }
    }

    fn examples(&self) -> Vec<Finding> {
        vec![judge(14)]
    }
}

/// The last lines of a file.
pub(super) fn end_of(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(READ);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(READ).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // The first line is cut in the middle.
    Ok(match text.split_once('\n') {
        Some((_, rest)) if from > 0 => rest.to_owned(),
        _ => text,
    })
}

/// How often the link was lost in the last hour.
fn losses(text: &str, format: EventsFormat, now: Timestamp) -> usize {
    let number = EventId::RelayWarning.number();
    let at = |line: &str| {
        let (time, id) = match format {
            EventsFormat::Json => {
                let line: serde_json::Value = serde_json::from_str(line).ok()?;
                (line["time"].as_str()?.to_owned(), line["id"].as_u64()?)
            }
            // `<PRI>1 TIME HOST APP PROCID MSGID ...`, of which the message's id is the number.
            EventsFormat::Rfc5424 => {
                let words: Vec<&str> = line.split(' ').take(6).collect();
                (words.get(1)?.to_string(), words.get(5)?.parse().ok()?)
            }
        };
        let time = OffsetDateTime::parse(&time, &Rfc3339).ok()?;
        let at = Timestamp::from_unix_ms(time.unix_timestamp().saturating_mul(1_000));
        (id == u64::from(number)).then_some(at)
    };
    text.lines().filter_map(at).filter(|at| now.since(*at) < LOOKED_BACK).count()
}

fn judge(lost: usize) -> Finding {
    let evidence = format!("lost {lost} times in the last hour");
    if lost < MANY {
        return Finding::pass(evidence);
    }
    Finding::warning(
        evidence,
        "the network between agent and server loses much, or something on the way forgets or ends connections; requests wait meanwhile",
    )
    .fix(
        System::Agent,
        [
            "ritorno-agent status",
            "# how long something on the way keeps what is idle, which takes three minutes:",
            "ritorno-agent doctor",
            "# the losses, each with its reason:",
            "journalctl --unit ritorno-agent --since -1h --grep 'no link'",
        ],
    )
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;

    use super::*;

    #[test]
    fn losses_of_the_last_hour_are_counted_in_both_formats() {
        let now = Timestamp::from_unix_ms(1_800_000_000_000);
        let json = r#"{"time":"2027-01-15T07:30:00Z","name":"ServiceBusWarning","level":"error","at":1,"id":32014,"reason":"x"}"#;
        let old = json.replace("07:30", "06:30");
        let other = json.replace("32014", "31019");
        let text = format!("cut\n{json}\n{old}\n{other}\n{json}\n");
        assert_eq!(losses(&text, EventsFormat::Json, now), 2);
        let line = "<164>1 2027-01-15T07:30:00.000Z host ritorno-agent - 32014 [x] no link";
        assert_eq!(losses(line, EventsFormat::Rfc5424, now), 1);
        assert_eq!((judge(MANY - 1).verdict, judge(MANY).verdict), (Verdict::Pass, Verdict::Warning));
    }
}
