//! Administrators who could not reset: the gates before them are stricter than the tenant's, and begin with what the tenant
//! allows.

use ritorno_identity::administrator::Administrator;
use ritorno_identity::method::Method;
use ritorno_identity::name::SignInName;
use ritorno_identity::sspr::{self, Lacking};
use ritorno_identity::user::User;

use crate::installation::Installation;
use crate::output::warn as warning;
use crate::system;

/// Warns of each, with what they lack.
///
/// # Errors
/// When the database fails.
pub(crate) async fn warn(installation: &Installation) -> anyhow::Result<()> {
    let (store, tenant) = (&installation.store, &installation.tenant);
    let now = system::clock().now();
    for administrator in store.administrators().list(tenant.id).await? {
        let Some(user) = person(installation, &administrator).await? else { continue };
        if sspr::person_allowed(tenant, &user).is_err() {
            continue;
        }
        let name = SignInName::of_principal(&user.user_principal_name);
        let standing = store.users().standing(tenant.id, Some(user.id), &name, now).await?;
        let lacks = match sspr::lacking(tenant, &user, &standing) {
            None => continue,
            Some(Lacking::Methods) => {
                let theirs = standing.policy(tenant);
                format!("{} of {}", theirs.to_register(), listed(theirs.methods(), ", "))
            }
            Some(Lacking::First(methods)) => {
                format!("{}, with which a reset begins here", listed(&methods, " or "))
            }
        };
        warning(format_args!(
            "{} is the administrator '{}' and can't reset a forgotten password: they need {lacks}. They register it at \
             /register; or allow another method with `ritorno tenant gates`.",
            user.user_principal_name, administrator.name
        ));
    }
    Ok(())
}

/// The person of an account: whose it was said to be, or who has its name.
async fn person(installation: &Installation, administrator: &Administrator) -> anyhow::Result<Option<User>> {
    let (users, tenant) = (installation.store.users(), installation.tenant.id);
    Ok(match (administrator.person, SignInName::parse(&administrator.name)) {
        (Some(id), _) => users.get(tenant, id).await?,
        (None, Ok(name)) => users.by_sign_in_name(tenant, &name).await?,
        (None, Err(_)) => None,
    })
}

fn listed(methods: &[Method], between: &str) -> String {
    methods.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(between)
}
