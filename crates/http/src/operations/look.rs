//! How the pages look, and where they say that help is.

use ritorno_identity::audit::Activity;
use ritorno_identity::tenant::Tenant;
use ritorno_storage::StoreError;
use url::Url;

use crate::brand::change::{forget_others, reason};
use crate::operator::Operator;
use crate::state::AppState;

/// Longest address of the help desk, in characters.
pub(crate) const LINK_AT_MOST: usize = 500;
/// What an address of the help desk may begin with: nothing that a browser would run.
const SCHEMES: [&str; 4] = ["https", "http", "mailto", "tel"];

/// Makes the tenant look as `changed` does. `false` if it does not look any more as it did when the operator's tenant was read.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn set(state: &AppState, operator: &Operator, changed: &Tenant) -> Result<bool, StoreError> {
    let before = &operator.tenant;
    if !state.store.tenants().set_look(before, changed).await? {
        return Ok(false);
    }
    let same = (&before.name, &before.brand) == (&changed.name, &changed.brand);
    if before.helpdesk_url != changed.helpdesk_url {
        let told = format!("help desk: {}", changed.helpdesk_url.as_deref().unwrap_or("none"));
        operator.note(state, Activity::PolicyChanged, told, None).await?;
    }
    if !same {
        operator.note(state, Activity::PolicyChanged, reason(changed), None).await?;
    }
    forget_others(&state.store, changed).await?;
    Ok(true)
}

/// Where help is, as it was typed: a page, an address or a telephone number.
///
/// # Errors
/// In words, if it is none of these.
pub(crate) fn help_link(typed: &str) -> Result<String, String> {
    let typed = typed.trim();
    let read = Url::parse(typed).ok().filter(|url| SCHEMES.contains(&url.scheme()));
    match read {
        Some(_) if typed.chars().count() <= LINK_AT_MOST => Ok(typed.to_owned()),
        _ => Err(format!(
            "it begins with https:, http:, mailto: or tel:, and has {LINK_AT_MOST} characters at most"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_at_a_page_an_address_or_a_number_and_nothing_runs() {
        for good in ["https://help.contoso.test/reset", "mailto:help@contoso.test", "tel:+39021234567"] {
            assert_eq!(help_link(&format!(" {good} ")), Ok(good.to_owned()));
        }
        let long = format!("https://contoso.test/{}", "a".repeat(LINK_AT_MOST));
        for wrong in ["", "help", "javascript:alert(1)", "data:text/html,x", long.as_str()] {
            assert!(help_link(wrong).is_err(), "{wrong}");
        }
    }
}
