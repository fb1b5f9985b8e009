//! `cargo xtask demo`: everything at once, on this machine, against a real Active Directory.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::Args;
use comfy_table::Table;
use ritorno_lab::forest::ForestHandle;
use ritorno_lab::mail::MailServer;
use ritorno_lab::progress::step;
use ritorno_lab::stack::{Plan, Programs, Stack};
use ritorno_lab::{Forest, Lab, Person, Purpose, ensure_packages};
use serde::Deserialize;

use crate::cargo::{build, build_web, root};
use crate::started::Idle;

/// The portal's port, so that a second start has the same address.
const PORT: u16 = 8443;
/// The person that the table names.
const TRY_WITH: &str = "anna.rossi";
/// The person whose password `--check` resets.
const CHECK_WITH: &str = "giulia.ferrari";

/// Arguments of `cargo xtask demo`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Reset a password through the page in a headless Chromium, prove it by Kerberos, and end.
    #[arg(long)]
    check: bool,
}

/// Runs the command.
///
/// # Errors
/// When a step fails; what was started is stopped before.
pub(crate) fn execute(arguments: &Arguments) -> Result<()> {
    ensure_packages(Purpose::Demo)?;
    build_web()?;
    let built = build(&["build", "--locked", "--package", "ritorno", "--package", "ritorno-agent"])?;
    let programs =
        built.first().and_then(|built| built.executable.parent()).context("cargo built no program")?;
    let programs = Programs::in_folder(programs)?;

    let lab = Lab::open()?;
    let forest = lab.forest(Forest::Contoso)?;
    let mail = lab.mail()?;
    let idle = Idle::look(&lab)?;
    let asked_to_end = watch_signals(idle.clone())?;
    let result = with_everything(arguments, &lab, &forest, &mail, &programs, &asked_to_end);
    idle.stop();
    result
}

fn with_everything(
    arguments: &Arguments,
    lab: &Lab,
    forest: &ForestHandle,
    mail: &MailServer,
    programs: &Programs,
    asked_to_end: &Signals,
) -> Result<()> {
    forest.up()?;
    mail.start()?;
    let folder = lab.folder().join("demo");
    let plan = Plan {
        programs,
        folder: &folder,
        forest,
        openldap: None,
        mail,
        database: None,
        port: Some(PORT),
        end_with_thread: true,
        beyond: None,
        owner: None,
    };
    let stack = Stack::start(lab, &plan)?;
    if arguments.check {
        return check(lab, &stack, forest, mail);
    }
    show(&stack, forest.person(TRY_WITH)?, mail);
    asked_to_end.wait();
    eprintln!("stopping");
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the table is what the command is for")]
fn show(stack: &Stack, person: &Person, mail: &MailServer) {
    let mut table = Table::new();
    table.add_row(["portal", &stack.url]);
    table.add_row(["a person to try with", &person.upn]);
    table.add_row(["  password until then", &person.password]);
    table.add_row(["  their other mailbox", &format!("{} ({})", mail.page(), person.alternate_mail)]);
    table.add_row(["admin console", &format!("{}/console", stack.url)]);
    table.add_row(["  administrator", &stack.administrator.name]);
    table.add_row(["  password", &stack.administrator.password]);
    table.add_row(["certificate to trust", &stack.ca_pem.display().to_string()]);
    table.add_row(["logs", &stack.folder().display().to_string()]);
    table.add_row(["to stop", "Ctrl-C"]);
    println!("{table}");
}

/// What the browser's script measured, in milliseconds.
#[derive(Deserialize)]
struct Measured {
    submit_to_answer_ms: f64,
    seal_ms: f64,
}

/// Resets a password through the page and proves it.
#[expect(clippy::print_stdout, reason = "the proofs are what the command is for")]
fn check(lab: &Lab, stack: &Stack, forest: &ForestHandle, mail: &MailServer) -> Result<()> {
    let person = forest.person(CHECK_WITH)?;
    let stamp = now_ms();
    // The old password is set by the domain's administrator, so that the proof does not depend on an earlier run.
    let (old, new) = (format!("Vecchia-{stamp}-a"), format!("Nuova-{stamp}-b"));
    forest.set_password(&person.dn, &old)?;
    prove(&format!("Kerberos takes the old password of {}", person.upn), forest.kinit(&person.sam, &old)?)?;

    let measured: Measured = step("resetting it through the page in Chromium", || {
        let job = serde_json::json!({
            "url": stack.url, "ca": stack.ca_pem, "upn": person.upn, "address": person.alternate_mail,
            "mail": mail.page(), "new_password": new, "language": person.language,
            "artifacts": lab.folder().join("demo/screenshots"),
        });
        let output = ritorno_lab::command::run(
            Command::new("node").arg("tests/browser/reset.mjs").current_dir(root()),
            job.to_string().as_bytes(),
        )?;
        serde_json::from_str(output.trim()).with_context(|| format!("the browser's script said: {output}"))
    })?;
    println!("ok  the page in Chromium said that the password was changed");
    prove(&format!("Kerberos takes the new password of {}", person.upn), forest.kinit(&person.sam, &new)?)?;
    prove("Kerberos refuses the old password", !forest.kinit(&person.sam, &old)?)?;
    timings(stack, &measured)
}

fn prove(what: &str, holds: bool) -> Result<()> {
    if !holds {
        bail!("NOT TRUE: {what}");
    }
    #[expect(clippy::print_stdout, reason = "the proofs are what the command is for")]
    {
        println!("ok  {what}");
    }
    Ok(())
}

/// The reset as the person felt it, and its parts.
#[expect(clippy::print_stdout, reason = "the table is what the command is for")]
fn timings(stack: &Stack, measured: &Measured) -> Result<()> {
    #[derive(Deserialize)]
    struct LastRequest {
        agent_ms: f64,
        directory_ms: f64,
        server_ms: f64,
    }
    let said = stack.server_command(&["requests", "--most", "1", "--json"])?;
    let last: LastRequest =
        serde_json::from_str(&said).with_context(|| format!("`ritorno requests`: {said}"))?;
    let mut table = Table::new();
    table.set_header(["part of the reset", "ms"]);
    let ms = |value: f64| format!("{:.0}", value.max(0.0));
    table.add_row(["browser: sealing", &ms(measured.seal_ms)]);
    table.add_row([
        "browser to server and back",
        &ms(measured.submit_to_answer_ms - measured.seal_ms - last.server_ms),
    ]);
    table.add_row(["server and relay", &ms(last.server_ms - last.agent_ms)]);
    table.add_row(["agent", &ms(last.agent_ms - last.directory_ms)]);
    table.add_row(["domain controller", &ms(last.directory_ms)]);
    table.add_row(["submit to answer, as felt", &ms(measured.submit_to_answer_ms)]);
    println!("{table}");
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "only makes the demo's passwords new")]
fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis()
}

/// Ctrl-C and SIGTERM.
struct Signals {
    waiting: Arc<AtomicBool>,
    came: std::sync::mpsc::Receiver<()>,
}

impl Signals {
    fn wait(&self) {
        self.waiting.store(true, Ordering::SeqCst);
        // The sender lives as long as the process.
        let _ = self.came.recv();
    }
}

/// While things are being started, a signal stops what is there and ends; later it wakes [`Signals::wait`].
fn watch_signals(idle: Idle) -> Result<Signals> {
    let (send, came) = std::sync::mpsc::channel();
    let waiting = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let is_waiting = Arc::clone(&waiting);
    std::thread::spawn(move || {
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            match signal(SignalKind::terminate()) {
                Ok(mut terminate) => {
                    tokio::select! { _ = tokio::signal::ctrl_c() => {}, _ = terminate.recv() => {} }
                }
                Err(_) => drop(tokio::signal::ctrl_c().await),
            }
        });
        if is_waiting.load(Ordering::SeqCst) {
            let _ = send.send(());
        } else {
            eprintln!("stopping");
            idle.stop();
            // The two programs end with the thread that started them.
            std::process::exit(130);
        }
    });
    Ok(Signals { waiting, came })
}
