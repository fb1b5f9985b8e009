//! `GET /console/licences`: whether people need a licence, what was bought, who has what, and who would be refused.
//! `POST /console/licences/…`: each of these changed.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::administrator::Action;
use ritorno_identity::licence::{COMMUNITY, Licensing, SKUS, Sku, usage_location};
use ritorno_protocol::ids::{GroupId, UserId};
use ritorno_storage::{Holder, Listed};
use serde::Deserialize;

use super::session::{Menu, SignedIn};
use crate::i18n::Words;
use crate::licensing::{Assign, LicensingFault, Whom, product};
use crate::operations::licences as operations;
use crate::page::{Frame, PageError, page};
use crate::reader::Reader;
use crate::state::AppState;

/// Lines of a list that are shown at once.
const SHOWN: u32 = 50;
/// Where the page is.
const HERE: &str = "/console/licences";

#[derive(Template)]
#[template(path = "console/licences.html")]
struct LicencesPage {
    t: Words,
    frame: Frame,
    menu: Menu,
    needed: bool,
    community: &'static str,
    location: String,
    bought: Vec<BoughtLine>,
    known: [Sku; SKUS.len()],
    assigned: Vec<AssignedLine>,
    /// The page of assignments after this one.
    next: Option<u32>,
    refused: u32,
    refused_names: Vec<String>,
    refused_next: Option<u32>,
    told: Option<&'static str>,
}

struct BoughtLine {
    name: &'static str,
    title: &'static str,
    units: u32,
    consumed: u32,
}

struct AssignedLine {
    group: bool,
    holder: String,
    name: String,
    sku: &'static str,
    title: &'static str,
    location: String,
    without: String,
}

/// Which lines of the lists.
#[derive(Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    skip: u32,
    #[serde(default)]
    refused: u32,
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    jar: CookieJar,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    signed_in.require(Action::ChangeTenant)?;
    let shown = render(&state, &signed_in, &reader, &asked, None).await?;
    Ok((reader.remember(jar), page(StatusCode::OK, &shown)).into_response())
}

async fn render(
    state: &AppState,
    signed_in: &SignedIn,
    reader: &Reader,
    asked: &Asked,
    told: Option<&'static str>,
) -> Result<LicencesPage, PageError> {
    let (tenant, licences) = (&signed_in.tenant, state.store.licences());
    let bought = licences.subscribed(tenant.id).await.map_err(PageError::behind)?;
    // One more than is shown tells whether there is a page after it.
    let mut assigned =
        licences.assignments(tenant.id, asked.skip, SHOWN + 1).await.map_err(PageError::behind)?;
    let next = (assigned.len() > SHOWN as usize).then(|| asked.skip.saturating_add(SHOWN));
    assigned.truncate(SHOWN as usize);
    let refused = licences.count_without_writeback(tenant.id).await.map_err(PageError::behind)?;
    let names = licences.names_without_writeback(tenant.id, asked.refused, SHOWN).await;
    let seen = asked.refused.saturating_add(SHOWN);
    Ok(LicencesPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, HERE),
        menu: signed_in.menu(HERE),
        needed: tenant.licensing == Licensing::Assigned,
        community: COMMUNITY.title,
        location: tenant.usage_location.clone().unwrap_or_default(),
        bought: bought
            .iter()
            .map(|one| BoughtLine {
                name: one.sku.name,
                title: one.sku.title,
                units: one.units,
                consumed: one.consumed,
            })
            .collect(),
        known: SKUS,
        assigned: assigned.into_iter().map(line).collect(),
        next,
        refused,
        refused_names: names.map_err(PageError::behind)?,
        refused_next: (refused > seen).then_some(seen),
        told,
    })
}

fn line(Listed { assignment, name }: Listed) -> AssignedLine {
    let (group, holder) = match assignment.holder {
        Holder::User(id) => (false, id.to_string()),
        Holder::Group(id) => (true, id.to_string()),
    };
    AssignedLine {
        group,
        holder,
        name,
        sku: assignment.sku.name,
        title: assignment.sku.title,
        without: assignment.without(),
        location: assignment.usage_location,
    }
}

/// The page again, with what was wrong.
async fn again(
    state: &AppState,
    signed_in: &SignedIn,
    reader: &Reader,
    fault: LicensingFault,
) -> Result<Response, PageError> {
    let Some(told) = fault.told() else { return Err(PageError::behind(fault)) };
    let shown = render(state, signed_in, reader, &Asked::default(), Some(told)).await?;
    Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &shown).into_response())
}

/// Whether people need a licence.
#[derive(Deserialize)]
pub(super) struct Require {
    on: bool,
}

/// Turns it.
pub(super) async fn require(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(Require { on }): Form<Require>,
) -> Result<Redirect, PageError> {
    signed_in.require(Action::ChangeTenant)?;
    let licensing = if on { Licensing::Assigned } else { Licensing::Community };
    let operator = signed_in.operator(&reader);
    // Of two who change it at once the page shows the second what the first made of it.
    let country = operator.tenant.usage_location.as_deref();
    operations::set(&state, &operator, licensing, country).await.map_err(PageError::behind)?;
    Ok(Redirect::to(HERE))
}

/// Where products are used.
#[derive(Deserialize)]
pub(super) struct Location {
    country: String,
}

/// Writes it down.
pub(super) async fn locate(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(Location { country }): Form<Location>,
) -> Result<Response, PageError> {
    signed_in.require(Action::ChangeTenant)?;
    match usage_location(&country) {
        Err(words) => again(&state, &signed_in, &reader, LicensingFault::Location(words)).await,
        Ok(country) => {
            let (operator, licensing) = (signed_in.operator(&reader), signed_in.tenant.licensing);
            let set = operations::set(&state, &operator, licensing, Some(&country)).await;
            set.map_err(PageError::behind)?;
            Ok(Redirect::to(HERE).into_response())
        }
    }
}

/// A product, and for how many people it was bought.
#[derive(Deserialize)]
pub(super) struct Buy {
    product: String,
    units: u32,
}

/// Writes down what was bought.
pub(super) async fn buy(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(Buy { product: text, units }): Form<Buy>,
) -> Result<Response, PageError> {
    signed_in.require(Action::ChangeTenant)?;
    let sku = match product(&text) {
        Ok(sku) => sku,
        Err(fault) => return again(&state, &signed_in, &reader, fault).await,
    };
    let operator = signed_in.operator(&reader);
    operations::buy(&state, &operator, sku, None, units).await.map_err(PageError::behind)?;
    Ok(Redirect::to(HERE).into_response())
}

/// What is assigned, and to whom: one of the two.
#[derive(Deserialize)]
pub(super) struct AssignForm {
    product: String,
    #[serde(default)]
    person: String,
    #[serde(default)]
    group: String,
}

/// Assigns it.
pub(super) async fn assign_one(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(form): Form<AssignForm>,
) -> Result<Response, PageError> {
    signed_in.require(Action::ChangeTenant)?;
    let whom = match (form.person.trim(), form.group.trim()) {
        (person, "") if !person.is_empty() => Whom::Person(person),
        ("", group) if !group.is_empty() => Whom::Group(group),
        _ => return again(&state, &signed_in, &reader, LicensingFault::WhomOne).await,
    };
    let asked = Assign { sku: &form.product, whom, without: &[], location: None };
    match operations::assign(&state, &signed_in.operator(&reader), asked).await {
        Err(fault) => again(&state, &signed_in, &reader, fault).await,
        Ok(_) => Ok(Redirect::to(HERE).into_response()),
    }
}

/// Which assignment.
#[derive(Deserialize)]
pub(super) struct Revoke {
    product: String,
    person: Option<UserId>,
    group: Option<GroupId>,
}

/// Takes it back. One that is not there any more needs no word: the page shows that it is gone.
pub(super) async fn revoke(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(form): Form<Revoke>,
) -> Result<Response, PageError> {
    signed_in.require(Action::ChangeTenant)?;
    let sku = match product(&form.product) {
        Ok(sku) => sku,
        Err(fault) => return again(&state, &signed_in, &reader, fault).await,
    };
    let holder = match (form.person, form.group) {
        (Some(person), _) => Holder::User(person),
        (None, Some(group)) => Holder::Group(group),
        (None, None) => return Err(PageError::Request),
    };
    let operator = signed_in.operator(&reader);
    operations::revoke(&state, &operator, sku, holder).await.map_err(PageError::behind)?;
    Ok(Redirect::to(HERE).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::key;

    #[test]
    fn every_fault_but_the_databases_has_its_words() {
        let told = LicensingFault::TooFew { sku: "SPB", units: 1, needed: 2 };
        assert_eq!(told.told(), Some(key("licences-too-few")));
        assert_eq!(told.to_string(), "2 people would have SPB, and 1 were bought: nothing was assigned");
        assert!(product("SPX").unwrap_err().to_string().contains("AAD_PREMIUM_P2, AAD_BASIC"));
    }
}
