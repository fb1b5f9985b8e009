//! `ritorno-agent check-config`: reads the configuration and everything that it names.

use anyhow::Context as _;
use ritorno_directory::PasswordSource as _;

use crate::config::Config;
use crate::forests::Forests;
use crate::outbound::Outbound;
use crate::output::say;
use crate::system;

/// Reads everything, and asks each forest for its PDC emulator. Nothing is changed.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) async fn run(config: &Config) -> anyhow::Result<()> {
    Outbound::new(config)?;
    for forest in &config.forests {
        ritorno_directory::PasswordFile(forest.password_file.clone()).password().with_context(|| {
            format!("forest {}, password_file {}", forest.name, forest.password_file.display())
        })?;
    }
    let forests = Forests::open(&config.forests, &system::clock())?;
    let mut unreachable = 0;
    for health in forests.health().await {
        let pdc = health.pdc.as_deref().unwrap_or("-");
        if health.reachable {
            say(format_args!("forest {}: PDC emulator {pdc} answers", health.forest))?;
        } else {
            unreachable += 1;
            let detail = health.detail.unwrap_or_default();
            say(format_args!("forest {}: PDC emulator {pdc} does not answer: {detail}", health.forest))?;
        }
    }
    anyhow::ensure!(unreachable == 0, "{unreachable} forest(s) can't be written to");
    say("The configuration is valid.")
}
