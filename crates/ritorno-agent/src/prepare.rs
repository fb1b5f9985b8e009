//! `ritorno-agent prepare`: how an administrator makes the service accounts, before they are first used.

use ritorno_directory::Preparation;
use ritorno_protocol::ids::Forest;

use crate::config::{Config, ForestSettings, Secret};
use crate::output::say;

/// Prints the lines, for one forest or for all.
///
/// # Errors
/// When the configuration names no such forest, or an account that can't be made.
pub(crate) fn run(config: &Config, only: Option<&str>) -> anyhow::Result<()> {
    let wanted = |name: &str| only.is_none_or(|only| only.eq_ignore_ascii_case(name));
    let mut forests = config.forests.iter().filter(|forest| wanted(&forest.name.0)).peekable();
    anyhow::ensure!(
        forests.peek().is_some(),
        "the configuration has no forest '{}'",
        only.unwrap_or_default()
    );
    for forest in forests {
        if let Some(home) = made_for(config, forest) {
            say(format_args!(
                "# domain {}: served with the account of {home}, {}; `ritorno-agent rights NAME` prints the lines for what it \
                 lacks there",
                forest.name, forest.account
            ))?;
            continue;
        }
        let secret = &forest.access.secret;
        let lines = Preparation {
            forest: &forest.name,
            account: &forest.account,
            scope: &forest.scope,
            fill_anchors: forest.fill_consistency_guid,
            password_file: matches!(secret, Secret::Password(_)).then(|| secret.file()),
            keytab_file: matches!(secret, Secret::Keytab(_)).then(|| secret.file()),
        }
        .lines()?;
        say(format_args!("# forest {}, account {}", forest.name, forest.account))?;
        say("# on a Samba domain controller, as root, in one shell:")?;
        lines.samba.iter().try_for_each(say)?;
        say(
            "# or on Windows, in PowerShell, as a domain administrator (documented syntax, not tested by us):",
        )?;
        lines.windows.iter().try_for_each(say)?;
        lines.notes.iter().try_for_each(|note| say(format_args!("# {note}")))?;
    }
    Ok(())
}

/// The earlier domain whose account serves this one as well, so that it is not made twice.
fn made_for<'a>(config: &'a Config, forest: &ForestSettings) -> Option<&'a Forest> {
    let earlier = config.forests.iter().take_while(|one| one.name != forest.name);
    earlier.filter(|one| one.account == forest.account).map(|one| &one.name).next()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn an_account_that_serves_two_domains_is_made_once() {
        let text = r#"state_dir = "x"
[[forest]]
name = "contoso.test"
hosts = ["dc1.contoso.test"]
account = "CN=svc,DC=contoso,DC=test"
password_file = "p"
ca_file = "c"
[[forest.domain]]
name = "emea.contoso.test"
[[forest.domain]]
name = "apac.contoso.test"
account = "svc@apac.contoso.test"
password_file = "q"
"#;
        let config = Config::parse(Path::new("agent.toml"), text).unwrap();
        let made: Vec<_> =
            config.forests.iter().map(|one| made_for(&config, one).map(|home| &*home.0)).collect();
        assert_eq!(made, [None, Some("contoso.test"), None]);
        run(&config, Some("emea.contoso.test")).unwrap();
    }
}
