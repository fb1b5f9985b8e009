//! `ritorno token`: tokens for programs that call the API.

use std::time::Duration;

use anyhow::bail;
use clap::Subcommand;
use ritorno_identity::administrator::Action;
use ritorno_identity::api_token::{ApiToken, Holds, is_name, to_text, valid_for};
use ritorno_identity::audit::Activity;
use ritorno_identity::ids::ApiTokenId;
use ritorno_identity::token::Token;

use super::admin::named;
use super::removals;
use crate::config::Config;
use crate::installation::Installation;
use crate::output::{moment, say, table};
use crate::system;

/// What `token` does.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Makes a token, and prints it once. It may what both its scopes and the administrator's role let it, for the people whom that
    /// administrator is for, and goes with that administrator. What takes an administrator in the console, who has just shown who they
    /// are, no token does.
    Create {
        /// What it is for, in a word or two: audit facts name it.
        name: String,
        /// The sign-in name of the administrator whose rights it has a part of: `ritorno admin add` makes one for a program alone.
        #[arg(long)]
        administrator: String,
        /// What it may: tenant.read, tenant.write, writeback.disable, removals.read, licences.read, audit.read, people.read, people.lift,
        /// people.help, people.revoke, people.provision.
        #[arg(long, required = true, value_delimiter = ',', value_parser = scope)]
        scopes: Vec<Action>,
        /// How long it holds: 90d, 12h, 30m. At most 366 days.
        #[arg(long, value_parser = valid_for)]
        expires: Duration,
    },
    /// Lists the tokens, whose they are and what they may.
    List,
    /// Lists the removals of a program that the deletion guard holds.
    Removals {
        /// The token's id.
        id: ApiTokenId,
    },
    /// Lets a list of removals through the deletion guard, for an hour.
    ApproveRemovals {
        /// The token's id.
        id: ApiTokenId,
        /// The digest that `token removals` shows: exactly that list is let through.
        digest: String,
    },
    /// Revokes a token, at once and for good.
    Revoke {
        /// Its id, as `ritorno token list` shows it.
        id: ApiTokenId,
    },
}

fn scope(name: &str) -> Result<Action, String> {
    Action::of_scope(name).ok_or_else(|| {
        let names: Vec<&str> = Action::ALL.into_iter().filter_map(Action::scope).collect();
        format!("no scope is called '{name}': there are {}", names.join(", "))
    })
}

/// Does it.
///
/// # Errors
/// When there is no such administrator or token, or the database fails.
pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let installation = Installation::open(config).await?;
    match command {
        Command::Create { name, administrator, scopes, expires } => {
            create(&installation, &name, &administrator, scopes, expires).await
        }
        Command::List => list(&installation).await,
        Command::Removals { id } => removals::show(&installation, id).await,
        Command::ApproveRemovals { id, digest } => removals::approve(&installation, id, &digest).await,
        Command::Revoke { id } => revoke(&installation, id).await,
    }
}

async fn create(
    installation: &Installation,
    name: &str,
    administrator: &str,
    mut scopes: Vec<Action>,
    expires: Duration,
) -> anyhow::Result<()> {
    let name = name.trim();
    if !is_name(name) {
        bail!("a token's name is one line of up to 64 bytes");
    }
    let owner = named(installation, administrator).await?;
    if owner.break_glass {
        bail!("'{}' is for the day on which every app is lost: no token is made for it", owner.name);
    }
    scopes.sort_by_key(|action| action.scope());
    scopes.dedup();
    // A token that could do nothing of what it is made for would only be found out when it is used.
    for action in &scopes {
        if let Err(why) = owner.may(*action) {
            bail!("'{}' may not do '{}': {why}", owner.name, action.scope().unwrap_or_default());
        }
    }
    let (random, now) = (system::random(), system::clock().now());
    let secret = Token::random(&*random);
    let token = ApiToken {
        id: ApiTokenId::random(&*random),
        tenant: installation.tenant.id,
        administrator: owner.id,
        name: name.to_owned(),
        scopes,
        created_at: now,
        expires_at: now.plus(expires),
        revoked_at: None,
        last_used_at: None,
    };
    // Written down before it holds: there is none that nobody knows of.
    let until = moment(Some(token.expires_at));
    let reason = format!("'{name}' {}, for {} until {until}: {}", token.id, owner.name, words(&token.scopes));
    super::audit(installation, Activity::ApiTokenMade, reason).await?;
    installation.store.api_tokens().insert(&token, &secret.digest()).await?;
    say(format_args!("{}   (shown only now)", *to_text(&secret)))?;
    say(format_args!("id {}, for {} until {until}: {}", token.id, owner.name, words(&token.scopes)))
}

fn words(scopes: &[Action]) -> String {
    scopes.iter().filter_map(|action| action.scope()).collect::<Vec<_>>().join(" ")
}

async fn list(installation: &Installation) -> anyhow::Result<()> {
    let (store, tenant) = (&installation.store, installation.tenant.id);
    let administrators = store.administrators().list(tenant).await?;
    let now = system::clock().now();
    let mut table = table(["id", "name", "administrator", "scopes", "state", "until", "last used"]);
    for token in store.api_tokens().list(tenant).await? {
        let owner = administrators.iter().find(|one| one.id == token.administrator);
        let state = match token.holds(now) {
            Holds::Yes => "holds",
            Holds::Expired => "expired",
            Holds::Revoked => "revoked",
        };
        table.add_row([
            token.id.to_string().as_str(),
            &token.name,
            owner.map_or("gone", |owner| &owner.name),
            &words(&token.scopes),
            state,
            &moment(Some(token.expires_at)),
            &moment(token.last_used_at),
        ]);
    }
    say(table)
}

async fn revoke(installation: &Installation, id: ApiTokenId) -> anyhow::Result<()> {
    let (tokens, tenant) = (installation.store.api_tokens(), installation.tenant.id);
    let found = tokens.list(tenant).await?.into_iter().find(|token| token.id == id);
    let Some(token) = found else { bail!("there is no token {id}") };
    if !tokens.revoke(tenant, id, system::clock().now()).await? {
        bail!("'{}' was revoked before", token.name);
    }
    super::audit(installation, Activity::ApiTokenRevoked, format!("'{}' {id}", token.name)).await?;
    say(format_args!("'{}' is revoked", token.name))
}
