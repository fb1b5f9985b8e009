//! `ritorno tenant sspr-for`: who may reset their password by themselves.

use anyhow::bail;
use ritorno_identity::sspr::GROUPS_AT_MOST;

use crate::installation::Installation;

/// Makes it the people of these groups, or everybody without one; what is written down of it. Nothing is stored yet.
///
/// # Errors
/// If there are too many, or one of them is nobody's or several groups' name.
pub(super) async fn set(installation: &mut Installation, groups: &[String]) -> anyhow::Result<String> {
    if groups.len() > GROUPS_AT_MOST {
        bail!("at most {GROUPS_AT_MOST} groups: nothing was changed");
    }
    let mut ids = Vec::with_capacity(groups.len());
    for name in groups {
        let id = super::group_named(installation, name).await?.id;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    installation.tenant.sspr_groups = ids;
    Ok(format!("sspr for: {}", if groups.is_empty() { "everybody".to_owned() } else { groups.join(", ") }))
}

/// Who it is, as `ritorno tenant show` says it.
///
/// # Errors
/// When the database fails.
pub(super) async fn in_words(installation: &Installation) -> anyhow::Result<String> {
    let tenant = &installation.tenant;
    if tenant.sspr_groups.is_empty() {
        return Ok("everybody".to_owned());
    }
    let mut names = Vec::with_capacity(tenant.sspr_groups.len());
    for id in &tenant.sspr_groups {
        names.extend(installation.store.groups().find(tenant.id, *id).await?.map(|group| group.full_name()));
    }
    let gone = tenant.sspr_groups.len() - names.len();
    let there = match names.as_slice() {
        [] => "nobody".to_owned(),
        [name] => format!("the group {name}"),
        _ => format!("the groups {}", names.join(", ")),
    };
    Ok(match gone {
        0 => there,
        _ => format!("{there}; groups that are gone: {gone}; say `ritorno tenant sspr-for` anew"),
    })
}
