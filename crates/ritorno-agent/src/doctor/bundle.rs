//! `ritorno-agent doctor bundle`: everything that whoever helps would ask for, in one file, without names and without secrets.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::event::EventId;
use serde_json::{Value, json};

use super::link_losses::end_of;
use super::redact::Redactor;
use super::{descriptions, gather, quick_checks, say_what_is_looked_at};
use crate::config::Config;
use crate::output::{moment, say};
use crate::status::{SOCKET, ask};

/// Lines of the event log that go along.
const LINES: usize = 500;
/// Files that name the system; each is left out where it is not there.
const SYSTEM: [&str; 2] = ["/etc/os-release", "/proc/sys/kernel/osrelease"];

/// One file of the bundle.
struct Part {
    name: &'static str,
    what: &'static str,
    content: String,
}

/// Looks at everything, writes the bundle, and prints what is inside.
///
/// # Errors
/// When the configuration can't be read, or the file not written; one that is there is not written over.
pub(super) async fn run(config: &Config, file: &Path, output: Option<PathBuf>) -> anyhow::Result<()> {
    let context = gather(config, None).await?;
    let now = context.clock.now();
    let report =
        ritorno_doctor::run(&quick_checks(), &context, |check| say_what_is_looked_at(check.title)).await;
    let mut redactor = Redactor::new(own_words());
    let status = match ask(&context.state.path(SOCKET)).await {
        Ok(status) => serde_json::to_value(status)?,
        Err(error) => json!({ "error": format!("{error:#}") }),
    };
    let events = match &config.log.events_file {
        None => Ok("events go to the journal alone".to_owned()),
        Some(path) => end_of(path),
    };
    let events = events.unwrap_or_else(|error| format!("error: {error}"));
    let mut parts = vec![
        Part {
            name: "report.json",
            what: "what each quick check of the doctor found",
            content: pretty(&redactor.json(&serde_json::to_value(&report)?))?,
        },
        Part {
            name: "versions.txt",
            what: "versions of the agent and of the system",
            content: redactor.text(&versions()),
        },
        Part {
            name: "configuration.json",
            what: "keys, numbers and switches of the configuration; names and places are replaced",
            content: pretty(&redactor.json(&configuration(file)?))?,
        },
        Part {
            name: "status.json",
            what: "what the running agent says of itself",
            content: pretty(&redactor.json(&status))?,
        },
        Part {
            name: "sync.json",
            what: "the latest runs of each connector, with their counts",
            content: pretty(&redactor.json(&runs(context.sync().await.map(|seen| &seen.runs[..]))))?,
        },
        Part {
            name: "events.log",
            what: "the last 500 lines of the event log",
            content: last_lines(&events, LINES).map(|line| line_without_names(&mut redactor, line)).collect(),
        },
    ];
    let manifest = manifest(&parts, &redactor, now);
    say(manifest.trim_end())?;
    parts.insert(0, Part { name: "MANIFEST.txt", what: "", content: manifest });
    let path = output
        .unwrap_or_else(|| PathBuf::from(format!("ritorno-agent-bundle-{}.tar.gz", now.unix_ms() / 1_000)));
    write(&path, &parts, now).with_context(|| path.display().to_string())?;
    say(format_args!("\nwritten: {}", path.display()))
}

/// Every text of the program's own that holds no name of an example.
fn own_words() -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for check in descriptions() {
        texts.extend(
            [check.id, check.title, check.proves, check.manual, check.fault_test.name].map(str::to_owned),
        );
        texts.extend(check.article.map(str::to_owned));
        texts.extend(check.rows.iter().map(|row| (*row).to_owned()));
    }
    for known in ritorno_doctor::all_explanations() {
        texts.extend([known.code, known.name, known.means].map(str::to_owned));
        texts.extend(known.causes.iter().map(|cause| (*cause).to_owned()));
    }
    texts.extend(EventId::ALL.iter().map(|event| event.name().to_owned()));
    texts.extend([KEYS, env!("CARGO_PKG_VERSION")].map(str::to_owned));
    texts
}

/// Keys of what goes along.
const KEYS: &str = "checks id title proves article_line rows fault_test kind real recorded name reason manual verdict pass not_applicable \
    warning could_not_tell fail evidence cause fixes system agent cloud samba windows lines error version epoch link up since \
    round_trip_ms writeback_on forests forest pdc reachable detail answered_in_ms connector profile started ended outcome server counts \
    failure note state_dir ca_file proxy mode limits sync log netbios_name hosts preferred only_preferred write_elsewhere show_at \
    dns_servers account transport password_file keytab_file passwords_by_kerberos scope groups attributes alternate_mail mobile openldap domain \
    url user no_proxy resets_per_minute deletions_per_day deletions_percent memberships_per_day every_seconds reconcile_at rules_file \
    suspend_first_days passwords common_file breached_file events_file events_format format doctor time level at tracking_id anchor dc ldap_code ritorno-agent ritorno \
    systemctl journalctl openssl curl timedatectl samba-tool dsacls adds updates deletes refused unchanged errors counts";

fn versions() -> String {
    let mut text = format!("ritorno-agent {}\n{}\n", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    for file in SYSTEM {
        if let Ok(content) = std::fs::read_to_string(file) {
            text.push_str(&content);
        }
    }
    text
}

/// The configuration as it is written, as JSON. What it names is not opened.
fn configuration(file: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let table: toml::Table = text.parse().with_context(|| file.display().to_string())?;
    Ok(serde_json::to_value(table)?)
}

fn runs(seen: Result<&[ritorno_sync::RunReport], String>) -> Value {
    let run = |run: &ritorno_sync::RunReport| {
        json!({
            "connector": run.connector,
            "profile": run.profile.to_string(),
            "started": moment(Some(run.started)),
            "ended": moment(run.ended),
            "outcome": format!("{:?}", run.outcome),
            "counts": {
                "adds": run.counts.adds,
                "updates": run.counts.updates,
                "deletes": run.counts.deletes,
                "unchanged": run.counts.unchanged,
                "errors": run.counts.errors,
            },
            "failure": run.failure,
        })
    };
    match seen {
        Ok(seen) => Value::Array(seen.iter().map(run).collect()),
        Err(reason) => json!({ "error": reason }),
    }
}

fn last_lines(text: &str, count: usize) -> impl Iterator<Item = &str> {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(count);
    lines.into_iter().skip(from)
}

fn line_without_names(redactor: &mut Redactor, line: &str) -> String {
    let told = match serde_json::from_str::<Value>(line) {
        Ok(value) => redactor.json(&value).to_string(),
        Err(_) => redactor.text(line),
    };
    format!("{told}\n")
}

fn pretty(value: &Value) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

fn manifest(parts: &[Part], redactor: &Redactor, now: Timestamp) -> String {
    let mut text = format!(
        "Support bundle of ritorno-agent {}, made {}.\n\nInside:\n",
        env!("CARGO_PKG_VERSION"),
        moment(Some(now))
    );
    for part in parts {
        text.push_str(&format!("  {:<20} {} ({} bytes)\n", part.name, part.what, part.content.len()));
    }
    text.push_str(
        "\nLeft out: passwords, keys, keytabs, tokens. Of the files that the configuration names nothing is inside but the end of the event \
         log.\n\
         Replaced, each always by the same made-up name within this bundle:\n",
    );
    for (kind, count) in redactor.counts() {
        text.push_str(&format!("  {count:>4}  {kind}\n"));
    }
    text.push_str(
        "Whatever is no word of the program's own, no time and no number of up to five digits counts as a name. Read it through before you send it on.\n",
    );
    text
}

fn write(path: &Path, parts: &[Part], now: Timestamp) -> anyhow::Result<()> {
    let file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::default()));
    for part in parts {
        let mut header = tar::Header::new_gnu();
        header.set_size(part.content.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(now.unix_ms() / 1_000).unwrap_or(0));
        archive.append_data(
            &mut header,
            format!("ritorno-agent-bundle/{}", part.name),
            part.content.as_bytes(),
        )?;
    }
    let mut file = archive.into_inner()?.finish()?;
    file.flush()?;
    Ok(())
}
