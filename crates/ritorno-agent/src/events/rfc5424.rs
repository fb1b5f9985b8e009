//! One event as a syslog message (RFC 5424).

use ritorno_writeback::event::Event;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Facility 'authpriv' (section 6.2.1), as for everything about sign-in.
const FACILITY: u8 = 10;
/// Severities 'warning' and 'informational'.
const WARNING: u8 = 4;
const INFORMATIONAL: u8 = 6;
/// Structured data need an enterprise number (section 6.3.2); this one is set aside for those without (RFC 5612).
const ELEMENT: &str = "ritorno@32473";

/// The message: its MSGID is the event's number, what is known of a request stands in its structured data.
pub(super) fn line(event: &Event, is_error: bool) -> String {
    let priority = FACILITY * 8 + if is_error { WARNING } else { INFORMATIONAL };
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = Some(host.trim()).filter(|host| !host.is_empty()).unwrap_or("-");
    let (at, process) = (time(event), std::process::id());
    let number = event.id.number();
    let mut data = format!("[{ELEMENT} name=\"{}\"", event.id.name());
    let known = [
        ("tracking", event.tracking_id.map(|id| id.to_string())),
        ("anchor", event.anchor.as_ref().map(|anchor| anchor.0.clone())),
        ("dc", event.dc.clone()),
        ("ldap", event.ldap_code.map(|code| code.to_string())),
    ];
    for (name, value) in known {
        if let Some(value) = value {
            data.push_str(&format!(" {name}=\"{}\"", escaped(&value)));
        }
    }
    data.push(']');
    // A line of the file is one message, whatever a server's text holds.
    let words: String = event.reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("<{priority}>1 {at} {host} ritorno-agent {process} {number} {data} {words}")
}

fn time(event: &Event) -> String {
    let nanoseconds = i128::from(event.at.unix_ms()) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds)
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_else(|| "-".to_owned())
}

/// Section 6.3.3: `"`, `\` and `]` are escaped.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '"' | '\\' | ']') {
            out.push('\\');
        }
        out.push(if c.is_control() { ' ' } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use ritorno_protocol::clock::Timestamp;
    use ritorno_protocol::event::EventId;

    use super::*;

    #[test]
    fn a_message_has_its_parts_and_stays_on_its_line() {
        let at = Timestamp::from_unix_ms(1_800_000_000_250);
        let mut event = Event::new(at, EventId::AdPasswordPolicyError, "refused:\n00002082");
        event.dc = Some("dc\"1]\\".into());
        let line = line(&event, true);
        assert!(line.starts_with("<84>1 2027-01-15T08:00:00.25Z "), "{line}");
        let rest =
            " 33008 [ritorno@32473 name=\"ADPasswordPolicyError\" dc=\"dc\\\"1\\]\\\\\"] refused: 00002082";
        assert!(line.ends_with(rest), "{line}");
        assert!(super::line(&event, false).starts_with("<86>1 "));
    }
}
