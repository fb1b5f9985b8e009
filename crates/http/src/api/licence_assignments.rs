//! `/api/v1/licences/assignments`: who has what.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ritorno_identity::administrator::Action;
use ritorno_protocol::ids::{GroupId, UserId};
use ritorno_storage::{Assignment, AssignmentPlace, Holder, Listed};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Caller;
use super::input::{Asked, At, Body, not_found, unfit};
use super::paging::{Page, Paging, cursor_at, page_of};
use crate::licensing::{Assign, LicensingFault, Whom, product};
use crate::operations::licences;
use crate::problem::Problem;
use crate::state::AppState;

/// Who holds a licence.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum HolderKind {
    /// One person.
    Person,
    /// Everybody in a group, also by way of other groups.
    Group,
}

/// One assignment.
#[derive(Serialize, ToSchema)]
pub(super) struct AssignmentView {
    /// The product's string id.
    #[schema(example = "AAD_PREMIUM")]
    product: &'static str,
    /// Whether a person or a group has it.
    kind: HolderKind,
    /// The person's or the group's id.
    #[schema(format = "uuid")]
    holder: String,
    /// The person's or the group's name.
    name: String,
    /// Where it is used.
    usage_location: String,
    /// Service plans that are switched off, with a blank between them.
    without: String,
}

fn view(assignment: Assignment, name: String) -> AssignmentView {
    let (kind, holder) = match assignment.holder {
        Holder::User(id) => (HolderKind::Person, id.to_string()),
        Holder::Group(id) => (HolderKind::Group, id.to_string()),
    };
    let (product, without) = (assignment.sku.name, assignment.without());
    AssignmentView { product, kind, holder, name, without, usage_location: assignment.usage_location }
}

/// What is assigned, and to whom: one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAssignment {
    /// The product, by its string id or GUID.
    #[schema(example = "AAD_PREMIUM")]
    product: String,
    /// A person's sign-in name.
    person: Option<String>,
    /// A group's name, or `DOMAIN\account`.
    group: Option<String>,
    /// Service plans that are switched off.
    #[serde(default)]
    without: Vec<String>,
    /// Where it is used, if not where the tenant's products are.
    usage_location: Option<String>,
}

/// Every assignment, groups first.
#[utoipa::path(
    get,
    path = "/api/v1/licences/assignments",
    tag = "licences",
    security(("token" = ["licences.read"])),
    params(Paging),
    responses((status = 200, description = "A page of assignments.", body = Page<AssignmentView>))
)]
pub(super) async fn list_assignments(
    State(state): State<AppState>,
    caller: Caller,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Page<AssignmentView>>, Problem> {
    let tenant = &caller.require(Action::ReadLicences)?.tenant;
    let after = paging.place::<(u32, String, String, String)>()?;
    let after = after.map(|(kind, name, sku, holder)| AssignmentPlace { kind, name, sku, holder });
    let limit = paging.limit();
    let listed = state.store.licences().assignments_after(tenant.id, after.as_ref(), limit + 1).await?;
    let place = |last: &Listed| {
        let AssignmentPlace { kind, name, sku, holder } = AssignmentPlace::of(last);
        cursor_at(&(kind, name, sku, holder))
    };
    Ok(Json(page_of(listed, limit, place, |Listed { assignment, name }| view(assignment, name))))
}

/// Assigns a product to a person or a group.
#[utoipa::path(
    post,
    path = "/api/v1/licences/assignments",
    tag = "licences",
    security(("token" = ["tenant.write"])),
    request_body = NewAssignment,
    responses(
        (status = 201, description = "It is assigned.", body = AssignmentView),
        (status = 422, description = "`licence`: why it was not, in `detail`; `idempotency-key-reused`.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn assign(
    State(state): State<AppState>,
    caller: Caller,
    Body(new): Body<NewAssignment>,
) -> Result<(StatusCode, Json<AssignmentView>), Problem> {
    let operator = caller.require(Action::ChangeTenant)?;
    let (whom, name) = match (&new.person, &new.group) {
        (Some(person), None) => (Whom::Person(person), person.clone()),
        (None, Some(group)) => (Whom::Group(group), group.clone()),
        _ => return Err(fault(LicensingFault::WhomOne)),
    };
    let location = new.usage_location.as_deref();
    let asked = Assign { sku: &new.product, whom, without: &new.without, location };
    let assignment = licences::assign(&state, operator, asked).await.map_err(fault)?;
    Ok((StatusCode::CREATED, Json(view(assignment, name))))
}

/// Takes a product back from a person or a group.
#[utoipa::path(
    delete,
    path = "/api/v1/licences/assignments/{product}/{kind}/{holder}",
    tag = "licences",
    security(("token" = ["tenant.write"])),
    params(
        ("product" = String, Path, description = "Its string id or GUID."),
        ("kind" = HolderKind, Path, description = "Whether a person or a group has it."),
        ("holder" = String, Path, format = "uuid", description = "Their id."),
    ),
    responses((status = 204, description = "It is taken back."))
)]
pub(super) async fn unassign(
    State(state): State<AppState>,
    caller: Caller,
    At((name, kind, holder)): At<(String, HolderKind, Uuid)>,
) -> Result<StatusCode, Problem> {
    let operator = caller.require(Action::ChangeTenant)?;
    let sku = product(&name).map_err(|_| not_found())?;
    let holder = match kind {
        HolderKind::Person => Holder::User(UserId(holder)),
        HolderKind::Group => Holder::Group(GroupId(holder)),
    };
    if licences::revoke(&state, operator, sku, holder).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(not_found())
    }
}

fn fault(fault: LicensingFault) -> Problem {
    match fault {
        LicensingFault::Store(error) => Problem::internal(&error),
        other => unfit("licence", "It was not assigned", format!("{other}.")),
    }
}
