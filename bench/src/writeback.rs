//! Resets a second the whole way, beside the same number straight at the directory.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use ritorno_lab::stack::Stack;
use ritorno_lab::{ForestHandle, MailServer};
use ritorno_protocol::envelope::Envelope;
use ritorno_protocol::random::Random;
use ritorno_tests::visitor::{Choosing, Visitor};
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::direct::Direct;
use crate::people::Subject;
use crate::summary::{Better, Measure, Rows, middle};

/// How many resets are under way at once, and how many are done so in one run.
const LOADS: [(usize, usize); 3] = [(1, 20), (4, 24), (16, 48)];
/// People who pass the gate at the same time, before anything is measured.
const GATES_AT_ONCE: usize = 8;
/// Passwords that the lab's domain remembers.
const HISTORY: usize = 24;
/// Resets of one person that the portal's limit on codes allows in an hour, whatever the number of runs.
const RESETS_OF_ONE: usize = 3;

/// How many people `runs` need.
pub(crate) fn people_for(runs: usize) -> usize {
    let resets: usize = LOADS.iter().map(|(_, count)| count).sum();
    let most_in_a_run = resets;
    (resets * runs).div_ceil(RESETS_OF_ONE).max(most_in_a_run)
}

/// What takes part.
pub(crate) struct Place<'a> {
    pub(crate) stack: &'a Stack,
    pub(crate) forest: &'a ForestHandle,
    pub(crate) mail: &'a MailServer,
    pub(crate) subjects: &'a [Subject],
    pub(crate) random: Arc<dyn Random>,
}

/// Somebody behind the gate, with a sealed password in hand.
struct Ready {
    visitor: Visitor,
    choosing: Choosing,
    envelope: Envelope,
}

/// One run at one load.
#[derive(Clone, Copy, Debug)]
struct Measured {
    direct_per_second: f64,
    whole_per_second: f64,
    direct_p50_ms: f64,
    whole_p50_ms: f64,
}

/// Measures, and adds the rows.
///
/// # Errors
/// When a reset is not done.
pub(crate) async fn measure(place: &Place<'_>, runs: usize, date: &str, rows: &mut Rows) -> Result<()> {
    let most = LOADS.iter().map(|(in_flight, _)| *in_flight).max().unwrap_or(1);
    let mut direct = Direct::open(place.forest, most).await?;
    fill_histories(&mut direct, most, place.subjects).await?;
    let mut measured: Vec<Vec<Measured>> = vec![Vec::new(); LOADS.len()];
    let mut next = 0;
    for run in 0..runs {
        for (load, (in_flight, count)) in LOADS.iter().copied().enumerate() {
            let people: Vec<&Subject> =
                (0..count).map(|index| &place.subjects[(next + index) % place.subjects.len()]).collect();
            next += count;
            let ready = pass_gates(place, &people).await?;
            // Which of the two comes first changes from run to run, so that neither always finds the warmer directory.
            let (straight, whole) = if run % 2 == 0 {
                let straight = straight(&mut direct, in_flight, &people, run).await?;
                (straight, submit(ready, in_flight).await?)
            } else {
                let whole = submit(ready, in_flight).await?;
                (straight(&mut direct, in_flight, &people, run).await?, whole)
            };
            let found = Measured {
                direct_per_second: straight.0,
                whole_per_second: whole.0,
                direct_p50_ms: middle(&straight.1),
                whole_p50_ms: middle(&whole.1),
            };
            eprintln!(
                "run {} of {runs}, {in_flight:2} in flight: directory alone {:5.1}/s p50 {:5.1} ms, whole way {:5.1}/s p50 {:5.1} ms",
                run + 1,
                found.direct_per_second,
                found.direct_p50_ms,
                found.whole_per_second,
                found.whole_p50_ms,
            );
            if in_flight == 1 {
                eprintln!("{}", parts(place.stack, count, found.whole_p50_ms)?);
            }
            measured[load].push(found);
        }
    }
    add_rows(&measured, runs, date, rows)
}

fn add_rows(measured: &[Vec<Measured>], runs: usize, date: &str, rows: &mut Rows) -> Result<()> {
    let [one, four, sixteen] = measured else { anyhow::bail!("three loads are measured") };
    for (runs_of, in_flight, count, name, whole, alone) in [
        (one, 1, LOADS[0].1, None, "writeback.resets_per_second_1", "directory.modifies_per_second_1"),
        (
            four,
            4,
            LOADS[1].1,
            Some("writeback.throughput_ratio_4"),
            "writeback.resets_per_second_4",
            "directory.modifies_per_second_4",
        ),
        (
            sixteen,
            16,
            LOADS[2].1,
            Some("writeback.throughput_ratio_16"),
            "writeback.resets_per_second_16",
            "directory.modifies_per_second_16",
        ),
    ] {
        let method = format!(
            "median of {runs} runs of {count} resets, {in_flight} in flight: sealed envelopes submitted over HTTPS to the \
             answer, and as many unicodePwd modifies over kept LDAPS connections to the same DC just before or after"
        );
        let of = |part: fn(&Measured) -> f64| runs_of.iter().map(part).collect::<Vec<f64>>();
        let per_second = |name| Measure { name, unit: "resets/s", better: Better::Higher, goal: None };
        rows.add(per_second(whole), &of(|run| run.whole_per_second), method.clone(), date)?;
        rows.add(per_second(alone), &of(|run| run.direct_per_second), method.clone(), date)?;
        if let Some(name) = name {
            let ratio = Measure { name, unit: "ratio", better: Better::Higher, goal: Some(0.95) };
            rows.add(ratio, &of(|run| run.whole_per_second / run.direct_per_second), method, date)?;
        }
    }
    let added =
        Measure { name: "writeback.added_p50_ms_1", unit: "ms", better: Better::Lower, goal: Some(5.0) };
    let method = format!(
        "median of {runs} runs: p50 of {} resets one after the other the whole way, less p50 of as many unicodePwd modifies \
         over one kept LDAPS connection",
        LOADS[0].1
    );
    let times: Vec<f64> = one.iter().map(|run| run.whole_p50_ms - run.direct_p50_ms).collect();
    rows.add(added, &times, method, date)
}

/// Where the time of the latest resets went, in the middle: what an aim that is missed asks first.
fn parts(stack: &Stack, count: usize, whole_p50_ms: f64) -> Result<String> {
    #[derive(Deserialize)]
    struct Line {
        server_ms: f64,
        agent_ms: f64,
        directory_ms: f64,
    }
    let said = stack.server_command(&["requests", "--most", &count.to_string(), "--json"])?;
    let lines: Vec<Line> = said.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let of = |part: fn(&Line) -> f64| middle(&lines.iter().map(part).collect::<Vec<f64>>());
    let (server, agent, directory) =
        (of(|line| line.server_ms), of(|line| line.agent_ms), of(|line| line.directory_ms));
    Ok(format!(
        "  of which the directory's modify {directory:.0} ms, the agent {:.0}, relay and rows {:.0}, HTTPS and what follows {:.0}",
        agent - directory,
        server - agent,
        whole_p50_ms - server,
    ))
}

/// Gives everybody as long a history as the domain keeps. A longer one makes a modify slower, and it would grow while it is
/// measured.
async fn fill_histories(direct: &mut Direct, in_flight: usize, people: &[Subject]) -> Result<()> {
    for round in 0..HISTORY {
        let jobs = people
            .iter()
            .enumerate()
            .map(|(index, subject)| (subject.dn.clone(), format!("Storia-{round}-{index}-x")))
            .collect();
        direct.set(in_flight, jobs).await?;
        eprintln!("histories: {} of {HISTORY}", round + 1);
    }
    Ok(())
}

/// Resets a second, and how long each took.
type Run = (f64, Vec<f64>);

async fn straight(direct: &mut Direct, in_flight: usize, people: &[&Subject], run: usize) -> Result<Run> {
    let jobs = people
        .iter()
        .enumerate()
        .map(|(index, subject)| (subject.dn.clone(), format!("Diretta-{run}-{in_flight}-{index}-x")))
        .collect();
    let since = Instant::now();
    let times = direct.set(in_flight, jobs).await?;
    Ok((per_second(times.len(), since), times))
}

async fn submit(ready: Vec<Ready>, in_flight: usize) -> Result<Run> {
    let permits = Arc::new(Semaphore::new(in_flight));
    let since = Instant::now();
    let mut tasks = Vec::with_capacity(ready.len());
    for Ready { visitor, choosing, envelope } in ready {
        let permit = Arc::clone(&permits).acquire_owned().await?;
        tasks.push(tokio::spawn(async move {
            let since = Instant::now();
            let answer = visitor.submit(&choosing, &envelope).await?;
            let took = since.elapsed().as_secs_f64() * 1_000.0;
            drop(permit);
            ensure!(answer.state == "done", "a reset was not done: {answer:?}");
            Ok(took)
        }));
    }
    let mut times = Vec::with_capacity(tasks.len());
    for task in tasks {
        times.push(task.await??);
    }
    Ok((per_second(times.len(), since), times))
}

fn per_second(count: usize, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
}

/// Takes everyone through the gate, some at a time, and seals a password for each. Each comes from a network of their own.
async fn pass_gates(place: &Place<'_>, people: &[&Subject]) -> Result<Vec<Ready>> {
    let permits = Arc::new(Semaphore::new(GATES_AT_ONCE));
    let mut tasks = Vec::with_capacity(people.len());
    for subject in people.iter().copied().cloned() {
        let permit = Arc::clone(&permits).acquire_owned().await?;
        let (mail, random) = (place.mail.clone(), Arc::clone(&place.random));
        let mut visitor = Visitor::new(
            &place.stack.url,
            &place.stack.ca_pem,
            "en",
            own_network(&subject, place.subjects)?,
        )?;
        tasks.push(tokio::spawn(async move {
            let choosing = visitor
                .pass_gate(&subject.upn, &mail, &subject.address)
                .await
                .with_context(|| subject.upn.clone())?;
            let password = format!("Intera-{}-Y", choosing.context.request.0.simple());
            let envelope = choosing.seal(&password, &*random)?;
            drop(permit);
            anyhow::Ok(Ready { visitor, choosing, envelope })
        }));
    }
    let mut ready = Vec::with_capacity(tasks.len());
    for task in tasks {
        ready.push(task.await??);
    }
    Ok(ready)
}

fn own_network(subject: &Subject, all: &[Subject]) -> Result<Ipv4Addr> {
    let index = all.iter().position(|other| other.upn == subject.upn).context("a stranger")?;
    let (high, low) = (u8::try_from(index / 250)?, u8::try_from(index % 250)?);
    Ok(Ipv4Addr::new(127, 200 + high, low, 9))
}
