//! The command line of `ritorno api`, made from the document: a subcommand for each operation.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Args, Command, FromArgMatches, value_parser};

use super::operation::{Answer, Operation, Parameter, Place, Property, all};

/// What is called, and where.
pub(crate) struct Call {
    pub(super) server: Option<String>,
    pub(super) token_file: Option<PathBuf>,
    pub(super) ca: Option<PathBuf>,
    pub(super) patience: Duration,
    /// None to be told which there are.
    pub(super) chosen: Option<(&'static Operation, Given)>,
}

/// What was typed for the operation.
#[derive(Default)]
pub(super) struct Given {
    /// Each parameter that was given, with its value.
    pub(super) parameters: Vec<(&'static Parameter, String)>,
    /// The body's parts, its text, or the file that has it.
    pub(super) set: Vec<String>,
    pub(super) body: Option<String>,
    pub(super) body_file: Option<PathBuf>,
    /// Every page, and as a table.
    pub(super) all: bool,
    pub(super) table: bool,
}

const SERVER: &str = "api.server";
const TOKEN_FILE: &str = "api.token-file";
const CA: &str = "api.ca";
const PATIENCE: &str = "api.patience";
const SET: &str = "api.set";
const BODY: &str = "api.body";
const BODY_FILE: &str = "api.body-file";
const ALL: &str = "api.all";
const OUTPUT: &str = "api.output";

impl Args for Call {
    fn augment_args(command: Command) -> Command {
        let options = [
            Arg::new(SERVER)
                .long("server")
                .value_name("URL")
                .env("RITORNO_SERVER")
                .help("The tenant's address, such as https://ritorno.example.org"),
            Arg::new(TOKEN_FILE)
                .long("token-file")
                .value_name("FILE")
                .env("RITORNO_TOKEN_FILE")
                .value_parser(value_parser!(PathBuf))
                .help("The file with the token, which nobody else may read"),
            Arg::new(CA)
                .long("ca")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("PEM file of the authority that the server's certificate is of, if this machine does not know it"),
            Arg::new(PATIENCE)
                .long("patience")
                .value_name("SECONDS")
                .default_value("60")
                .value_parser(value_parser!(u64).range(..=86_400))
                .help("How long to wait altogether where the server says 'later'"),
        ];
        let command = options.into_iter().fold(command, |command, one| command.arg(one.global(true)));
        command.subcommands(all().iter().map(subcommand))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// The ways in which a body is typed.
fn parts(command: Command, file: Arg) -> Command {
    command
        .arg(
            Arg::new(SET)
                .long("set")
                .value_name("NAME=VALUE")
                .action(ArgAction::Append)
                .help("A part of the body; null for none"),
        )
        .arg(
            Arg::new(BODY).long("body").value_name("JSON").conflicts_with(SET).help("The body as it is sent"),
        )
        .arg(file.conflicts_with_all([SET, BODY]))
}

/// The command line of one operation.
fn subcommand(operation: &'static Operation) -> Command {
    let mut long = format!("{}\n\n{} {}", operation.summary, operation.method, operation.path);
    if !operation.description.is_empty() {
        let _ = write!(long, "\n\n{}", operation.description);
    }
    let mut command = Command::new(operation.name.as_str()).about(operation.summary.as_str());
    for parameter in &operation.parameters {
        let arg = Arg::new(parameter.id.as_str())
            .value_name(parameter.shown.as_str())
            .help(parameter.help.as_str())
            .required(parameter.required);
        command = command.arg(match parameter.place {
            Place::Path => arg,
            Place::Query | Place::Header => arg.long(parameter.option.as_str()),
        });
    }
    if let Some(body) = &operation.body {
        let file = Arg::new(BODY_FILE)
            .long("body-file")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("The file with the body, '-' for standard input");
        command = match &body.file {
            Some(kind) => {
                let _ = write!(long, "\n\nThe body is a file of the type {kind}.");
                command.arg(file.required(body.required))
            }
            None => {
                long.push_str("\n\nThe body:");
                for Property { name, types, help } in &body.properties {
                    let _ = write!(long, "\n  {name} ({}): {help}", types.join(", "));
                }
                parts(command, file)
                    .group(ArgGroup::new("api.of-body").args([SET, BODY, BODY_FILE]).required(body.required))
            }
        };
    }
    if operation.answer == Answer::Page {
        command = command.arg(
            Arg::new(ALL)
                .long("all")
                .action(ArgAction::SetTrue)
                .help("Reads every page, and prints an entry a line"),
        );
    }
    if operation.answer != Answer::Other {
        command = command.arg(
            Arg::new(OUTPUT)
                .long("output")
                .value_name("KIND")
                .value_parser(["json", "table"])
                .default_value("json")
                .help("How the list is printed"),
        );
    }
    command.long_about(long)
}

impl FromArgMatches for Call {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let chosen = matches.subcommand().and_then(|(name, matches)| {
            let operation = all().iter().find(|one| one.name == name)?;
            Some((operation, given(operation, matches)))
        });
        Ok(Self {
            server: matches.get_one(SERVER).cloned(),
            token_file: matches.get_one(TOKEN_FILE).cloned(),
            ca: matches.get_one(CA).cloned(),
            patience: Duration::from_secs(matches.get_one(PATIENCE).copied().unwrap_or_default()),
            chosen,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn given(operation: &'static Operation, matches: &ArgMatches) -> Given {
    let text = |id: &str| matches.get_one::<String>(id).cloned();
    let parameters = operation.parameters.iter();
    let mut given = Given {
        parameters: parameters.filter_map(|one| Some((one, text(&one.id)?))).collect(),
        ..Given::default()
    };
    if let Some(body) = &operation.body {
        given.body_file = matches.get_one(BODY_FILE).cloned();
        if body.file.is_none() {
            given.set = matches.get_many(SET).into_iter().flatten().cloned().collect();
            given.body = text(BODY);
        }
    }
    given.all = operation.answer == Answer::Page && matches.get_flag(ALL);
    given.table = operation.answer != Answer::Other && text(OUTPUT).as_deref() == Some("table");
    given
}
