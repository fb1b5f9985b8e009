//! `cargo xtask lab up|down|status`: the lab's forests, by hand.

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use comfy_table::Table;
use ritorno_lab::forest::State;
use ritorno_lab::{Forest, Lab};

/// Arguments of `cargo xtask lab`.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Start the forest; the first time it is made, which takes about a minute.
    Up {
        /// Which forest.
        #[arg(long, value_enum, default_value = "contoso")]
        forest: Choice,
        /// Put the forest back to what it was when it was made.
        #[arg(long)]
        restore: bool,
        /// Join a second controller, dc2, as well.
        #[arg(long)]
        second_dc: bool,
        /// Join a read-only controller, rodc1, as well.
        #[arg(long)]
        rodc: bool,
    },
    /// Make contoso.test with so many people and a hundredth as many groups, which the benchmark then takes as it is. It belongs into a
    /// lab of its own: RITORNO_LAB=FOLDER.
    Crowd {
        /// How many people; a hundred thousand take ten minutes, once.
        #[arg(long, default_value_t = 100_000)]
        people: usize,
    },
    /// Stop everything of the lab; what was changed in the forests stays.
    Down,
    /// Show the forests and whether they run.
    Status,
}

#[derive(Clone, Copy, ValueEnum)]
enum Choice {
    /// contoso.test on Samba 4.24.
    Contoso,
    /// fabrikam.test on Samba 4.17, without the policy-hints control.
    Fabrikam,
    /// Both.
    All,
}

impl Choice {
    fn forests(self) -> &'static [Forest] {
        match self {
            Self::Contoso => &[Forest::Contoso],
            Self::Fabrikam => &[Forest::Fabrikam],
            Self::All => &Forest::ALL,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// What the lab says.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let lab = Lab::open()?;
    match arguments.action {
        Action::Up { forest, restore, second_dc, rodc } => {
            for forest in forest.forests() {
                let handle = lab.forest(*forest)?;
                if restore {
                    handle.restore()?;
                } else {
                    handle.up()?;
                }
                if second_dc {
                    handle.second_dc().up()?;
                }
                if rodc {
                    handle.read_only_dc().up()?;
                }
            }
        }
        Action::Crowd { people } => lab.crowded(people)?,
        Action::Down => lab.down()?,
        Action::Status => {}
    }
    status(&lab)
}

#[expect(clippy::print_stdout, reason = "the table is what the command is for")]
fn status(lab: &Lab) -> Result<()> {
    let mut table = Table::new();
    let runs = |yes: bool| if yes { "runs" } else { "stopped" };
    table.set_header(["forest", "controller", "address", "state", "service account"]);
    for forest in Forest::ALL {
        let handle = lab.forest(forest)?;
        table.add_row([
            handle.dns_domain.as_str(),
            handle.dc_host.as_str(),
            &handle.dc_ip.to_string(),
            &words(handle.state()),
            &handle.service_account.upn,
        ]);
        for replica in handle.replicas().iter().filter(|replica| replica.state() != State::Absent) {
            let (address, state) = (replica.ip.to_string(), words(replica.state()));
            table.add_row([handle.dns_domain.as_str(), replica.host.as_str(), &address, &state, ""]);
        }
    }
    println!("{table}");
    let (mail, postgresql) = (lab.mail()?, lab.postgresql());
    println!("Mail server {}: {}", mail.page(), runs(mail.is_running()));
    println!("PostgreSQL {}: {}", postgresql.address, runs(postgresql.is_running()));
    let openldap = lab.openldap()?;
    println!("OpenLDAP {}: {}", openldap.url(), runs(openldap.is_running()));
    println!("Private copies: {}", lab.privates()?.len());
    println!("Everything lies in {}", lab.folder().display());
    Ok(())
}

fn words(state: State) -> String {
    match state {
        State::Running(pid) => format!("runs (process {pid})"),
        State::Stopped => "stopped".to_owned(),
        State::Absent => "not made yet".to_owned(),
    }
}
