//! `/api/v1/people`: people, what they have, and what is taken back from them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ritorno_identity::administrator::Action;
use ritorno_identity::method::Method;
use ritorno_identity::name::SignInName;
use ritorno_identity::user::User;
use ritorno_protocol::ids::UserId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::input::{Asked, At, not_found};
use super::paging::{Page, Paging, cursor};
use crate::operations::{help_desk, methods, people};
use crate::operator::{Operator, to_the_end};
use crate::problem::Problem;
use crate::state::AppState;

/// Which people.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Search {
    /// The sign-in name of one person: `anna@contoso.com` or `CONTOSO\anna`.
    name: Option<String>,
    /// A part of the sign-in name, the account name or the display name.
    search: Option<String>,
}

/// A person in a list.
#[derive(Serialize, ToSchema)]
pub(super) struct PersonLine {
    /// Their id.
    #[schema(format = "uuid")]
    id: String,
    /// The name they sign in with.
    user_principal_name: String,
    /// The name that others see.
    display_name: String,
    /// Whether they may sign in.
    enabled: bool,
}

impl PersonLine {
    pub(super) fn of(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            user_principal_name: user.user_principal_name,
            display_name: user.display_name,
            enabled: user.enabled,
        }
    }
}

/// People whom the administrator is for, in the order of their sign-in names.
///
/// A page may be shorter than asked for, or empty, and have a `next` all the same, if many had to be passed over.
#[utoipa::path(
    get,
    path = "/api/v1/people",
    tag = "people",
    security(("token" = ["people.read"])),
    params(Search, Paging),
    responses((status = 200, description = "A page of people.", body = Page<PersonLine>))
)]
pub(super) async fn list_people(
    State(state): State<AppState>,
    caller: Caller,
    Asked(search): Asked<Search>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Page<PersonLine>>, Problem> {
    let operator = caller.require(Action::ReadUsers)?;
    if let Some(name) = &search.name {
        let found = people::find(&state, operator, name).await?;
        return Ok(Json(Page { items: found.into_iter().map(PersonLine::of).collect(), next: None }));
    }
    let after = paging.cursor::<String>()?.map(|name| SignInName::of_principal(&name));
    let typed = search.search.unwrap_or_default();
    let found = people::search(&state, operator, &typed, after, paging.limit() as usize).await?;
    Ok(Json(Page {
        items: found.people.into_iter().map(PersonLine::of).collect(),
        next: found.next.map(|name| cursor(name.as_str())),
    }))
}

/// The object in the directory behind a person.
#[derive(Serialize, ToSchema)]
struct DirectoryObject {
    /// The forest.
    forest: String,
    /// The domain's short name.
    domain: String,
    /// The account name.
    account_name: String,
}

/// What a person has that opens gates.
#[derive(Serialize, ToSchema)]
struct Registered {
    /// Whether an address was registered.
    mail: bool,
    /// Whether a mobile number was.
    sms: bool,
    /// Whether an authenticator app was.
    app: bool,
    /// How many passkeys were.
    passkeys: u32,
    /// How many recovery codes are left.
    recovery_codes: u32,
    /// Whether security questions are; which, and what was answered, is nobody's to see.
    questions: bool,
}

/// A person.
#[derive(Serialize, ToSchema)]
pub(super) struct Person {
    /// Their id.
    #[schema(format = "uuid")]
    id: String,
    /// The name they sign in with.
    user_principal_name: String,
    /// The name that others see.
    display_name: String,
    /// Whether they may sign in.
    enabled: bool,
    /// Where they are mastered on premises; absent if it is in the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<DirectoryObject>,
    /// Why they can't reset their password; absent if they can.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "SSPR_0012")]
    refused: Option<String>,
    /// What they have registered.
    registered: Registered,
    /// The addresses and the number that a code can go to, masked.
    addresses: Vec<String>,
}

/// Everybody is nobody's business but those whom the administrator is for.
async fn person(state: &AppState, operator: &Operator, id: UserId) -> Result<User, Problem> {
    people::get(state, operator, id).await?.ok_or_else(not_found)
}

/// One person.
#[utoipa::path(
    get,
    path = "/api/v1/people/{person}",
    tag = "people",
    security(("token" = ["people.read"])),
    params(("person" = String, Path, format = "uuid", description = "Their id.")),
    responses((status = 200, description = "The person.", body = Person))
)]
pub(super) async fn get_person(
    State(state): State<AppState>,
    caller: Caller,
    At(id): At<UserId>,
) -> Result<Json<Person>, Problem> {
    let operator = caller.require(Action::ReadUsers)?;
    let user = person(&state, operator, id).await?;
    let standing = people::standing(&state, &user).await?;
    let tenant = &operator.tenant;
    let refused = people::withheld(tenant, &user, &standing);
    Ok(Json(Person {
        id: user.id.to_string(),
        refused: refused.map(|code| code.as_str().to_owned()),
        directory: user.on_premises().map(|object| DirectoryObject {
            forest: object.forest.to_string(),
            domain: object.domain.clone(),
            account_name: object.account_name.clone(),
        }),
        registered: Registered {
            mail: user.registered_mail.is_some(),
            sms: user.registered_mobile.is_some(),
            app: standing.app,
            passkeys: standing.passkeys,
            recovery_codes: standing.recovery_codes,
            questions: standing.questions > 0,
        },
        addresses: people::masked_addresses(&user),
        user_principal_name: user.user_principal_name,
        display_name: user.display_name,
        enabled: user.enabled,
    }))
}

/// Lifts the stop that wrong codes put on a person's methods.
#[utoipa::path(
    post,
    path = "/api/v1/people/{person}/lift",
    tag = "people",
    security(("token" = ["people.lift"])),
    params(("person" = String, Path, format = "uuid", description = "Their id.")),
    responses((status = 204, description = "It is lifted."))
)]
pub(super) async fn lift_stop(
    State(state): State<AppState>,
    caller: Caller,
    At(id): At<UserId>,
) -> Result<StatusCode, Problem> {
    let operator = caller.require(Action::LiftStop)?;
    let user = person(&state, operator, id).await?;
    people::lift(&state, operator, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a person can have registered.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum MethodName {
    /// The authenticator app.
    App,
    /// Every passkey.
    Passkey,
    /// Every recovery code.
    RecoveryCode,
    /// The security questions and what was answered to them.
    Questions,
    /// The registered address.
    Mail,
    /// The registered mobile number.
    Sms,
}

/// Takes back what a person registered.
///
/// They hear of it at every address on file. Nobody does it for themselves, or for whoever administers the tenant.
#[utoipa::path(
    delete,
    path = "/api/v1/people/{person}/methods/{method}",
    tag = "people",
    security(("token" = ["people.revoke"])),
    params(
        ("person" = String, Path, format = "uuid", description = "Their id."),
        ("method" = MethodName, Path, description = "What."),
    ),
    responses((status = 204, description = "It is taken back."))
)]
pub(super) async fn revoke_method(
    State(state): State<AppState>,
    caller: Caller,
    At((id, own)): At<(UserId, MethodName)>,
) -> Result<StatusCode, Problem> {
    let operator = caller.require(Action::RevokeMethods)?;
    let user = person(&state, operator, id).await?;
    if !help_desk::may(&state, operator, &user).await? {
        return Err(not_helped());
    }
    let method = match own {
        MethodName::App => Method::App,
        MethodName::Passkey => Method::Passkey,
        MethodName::RecoveryCode => Method::RecoveryCode,
        MethodName::Questions => Method::Questions,
        MethodName::Mail => Method::Mail,
        MethodName::Sms => Method::Sms,
    };
    let taken: Result<bool, Problem> = {
        let revoking = methods::revoke(state.clone(), operator.clone(), user, method);
        to_the_end(async move { revoking.await.map_err(Problem::from) }).await
    };
    if taken? { Ok(StatusCode::NO_CONTENT) } else { Err(not_found()) }
}

/// Nobody does it for themselves, or for whoever administers the tenant.
pub(super) fn not_helped() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "not-helped",
        "Nobody does this for themselves, or for administrators",
        "The person is the administrator who asks, or administers the tenant.",
    )
}
