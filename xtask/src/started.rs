//! Servers of the lab that were not running before: whoever started them stops them.

use anyhow::Result;
use ritorno_lab::forest::{ForestHandle, State};
use ritorno_lab::mail::MailServer;
use ritorno_lab::openldap::OpenLdap;
use ritorno_lab::postgres::PostgreSql;
use ritorno_lab::{Forest, Lab};

/// What did not run when this was made.
#[derive(Clone)]
pub(crate) struct Idle {
    forests: Vec<ForestHandle>,
    mail: Option<MailServer>,
    postgresql: Option<PostgreSql>,
    openldap: Option<OpenLdap>,
}

impl Idle {
    /// Notes what does not run now.
    pub(crate) fn look(lab: &Lab) -> Result<Self> {
        let mut forests = Vec::new();
        for forest in Forest::ALL {
            let forest = lab.forest(forest)?;
            if !matches!(forest.state(), State::Running(_)) {
                forests.push(forest);
            }
        }
        let (mail, postgresql, openldap) = (lab.mail()?, lab.postgresql(), lab.openldap()?);
        Ok(Self {
            forests,
            mail: (!mail.is_running()).then_some(mail),
            postgresql: (!postgresql.is_running()).then_some(postgresql),
            openldap: (!openldap.is_running()).then_some(openldap),
        })
    }

    /// Stops those of them that run by now.
    pub(crate) fn stop(self) {
        let forests = self.forests.iter().map(|forest| (forest.dc_host.clone(), forest.down()));
        let mail = self.mail.iter().map(|mail| ("the mail server".to_owned(), mail.stop()));
        let postgresql = self.postgresql.iter().map(|server| ("PostgreSQL".to_owned(), server.stop()));
        let openldap = self.openldap.iter().map(|server| ("OpenLDAP".to_owned(), server.stop()));
        for (what, result) in forests.chain(mail).chain(postgresql).chain(openldap) {
            if let Err(error) = result {
                eprintln!("could not stop {what}: {error:#}");
            }
        }
    }
}
