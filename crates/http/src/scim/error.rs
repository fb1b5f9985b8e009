//! Errors of the SCIM service (RFC 7644 section 3.12).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ritorno_identity::api_token::Refused;
use ritorno_identity::limit::API_REQUESTS;
use ritorno_identity::removal_guard::Threshold;
use ritorno_protocol::ids::GroupId;
use ritorno_protocol::scim::{Error, ErrorType, MEDIA_TYPE};
use ritorno_storage::StoreError;

use crate::api::by_token::NotLetIn;

/// Why a SCIM request is refused.
#[derive(Debug, thiserror::Error)]
pub enum ScimError {
    /// The access token is missing, wrong or expired.
    #[error("the token is missing, wrong, expired or revoked, or whoever it belongs to is gone")]
    Unauthenticated,
    /// The body can't be read.
    #[error("{0}")]
    Syntax(String),
    /// The filter is none, or too long or too deep.
    #[error("this is no filter as in RFC 7644 section 3.4.2.2, such as: userName eq \"...\"")]
    Filter,
    /// A program used its token too often, and may again in so many seconds.
    #[error("a token may ask {} times a minute", API_REQUESTS.most)]
    TooMany(u64),
    /// The token is not for this.
    #[error(
        "{0}: to provision takes a token of a cloud-only global administrator with the scope 'people.provision'"
    )]
    Refused(#[from] Refused),
    /// A path of a PATCH names nothing that can be changed.
    #[error("path '{0}' names no attribute that can be changed")]
    Path(String),
    /// A path of a PATCH names nothing that is there, or a removal names nothing at all.
    #[error("path '{0}' names nothing that is there")]
    NoTarget(String),
    /// A value is missing or does not fit.
    #[error("{0}")]
    Value(String),
    /// The attribute may not be changed.
    #[error("'{0}' may not be changed")]
    Mutability(&'static str),
    /// Another person has that userName or externalId. Nobody is ever matched softly.
    #[error("another person has this userName or externalId")]
    Uniqueness,
    /// There is no such person.
    #[error("there is no such person, group or schema")]
    NotFound,
    /// The person is cloud-only, or of a forest that this agent does not serve.
    #[error("an agent touches only hybrid people and groups of the forests that it serves")]
    NotYours,
    /// The person comes from a directory, or has a name of one.
    #[error(
        "a token provisions the tenant's own people alone, those of its cloud domains (`ritorno tenant cloud-domains`): whoever comes \
         from a directory is changed there"
    )]
    NotOfTheTenant,
    /// The name would be one of a directory.
    #[error(
        "'{0}' is none of the tenant's cloud domains: a token provisions the tenant's own people alone; `ritorno tenant cloud-domains` \
         says whose they are"
    )]
    DirectoryDomain(String),
    /// The person is an administrator, whom no program touches.
    #[error(
        "an administrator of the tenant has this name, or this person's account is one's: no program touches them; an administrator does \
         it (`ritorno person`)"
    )]
    AnAdministrator,
    /// The group comes from a directory.
    #[error(
        "a group of a directory comes from there, by an agent: a token has the tenant's own groups, and has no other in them"
    )]
    DirectoryGroup,
    /// A group alone has more members than an answer may hold.
    #[error(
        "the group {id} has {members} members, more than an answer holds: read it with excludedAttributes=members, and ask of one member \
         by a filter (members.value eq \"...\")"
    )]
    TooManyMembers {
        /// The group.
        id: GroupId,
        /// How many it has.
        members: u64,
    },
    /// The person has an administrative role, and another object of a directory would become theirs.
    #[error(
        "this person is an administrator of the tenant, whom no other directory object can become; if it is meant, take the link \
         away first (`ritorno admin person`)"
    )]
    Administrative,
    /// The name would be one of a domain whose people are the tenant's own.
    #[error(
        "the people of '{0}' are the tenant's own, and type their password there in the clear: nobody of a directory gets a name of this \
         domain; give the person another one in the directory, or take the domain from `ritorno tenant cloud-domains`"
    )]
    CloudDomain(String),
    /// The person would be called what an administrator is called who is not linked to them.
    #[error(
        "an administrator of the tenant has this name and is not linked to this person; if they are the same, link them first \
         (`ritorno admin person`)"
    )]
    AdministrativeName,
    /// The client has a list looked through already.
    #[error("all people or groups are looked through for this client already: one such filter at a time")]
    Busy,
    /// The request carries what may never be set here.
    #[error(
        "'{0}' is not set here: people choose their passwords themselves, and an administrator gives the rest"
    )]
    Forbidden(&'static str),
    /// The person was changed since the version that `If-Match` names.
    #[error("the person was changed in the meantime")]
    Version,
    /// The export runs under a lease that another agent holds now.
    #[error("{0}")]
    Lease(#[from] ritorno_storage::Outdated),
    /// The lease went to another agent while the request was worked on; nothing of what came after is kept.
    #[error("another agent has taken the sync lease meanwhile")]
    LeaseTaken,
    /// Too many people were removed or disabled within a day.
    #[error(
        "the tenant's deletion guard holds: {0} in 24 hours are the most without an administrator's approval (`ritorno tenant guard`); \
         the console shows the list, and `ritorno agent removals` or `ritorno token removals`"
    )]
    Guard(Threshold),
    /// Too many members left their groups within a day.
    #[error(
        "the tenant's deletion guard holds: {most} members who leave groups in 24 hours are the most without an administrator's \
         approval (`ritorno tenant guard`); the console shows the list, and `ritorno agent removals` or `ritorno token removals`"
    )]
    GuardMembers {
        /// The limit.
        most: u32,
        /// Who of the request is held; nobody is named where that is too long an answer.
        held: Vec<String>,
    },
    /// An operation of a bulk request refers to what another one of it did not make.
    #[error("what the bulkId '{0}' stands for was not made")]
    Unresolved(String),
    /// More operations than one request may hold.
    #[error("more than {0} operations in one request")]
    TooLarge(usize),
    /// The database failed.
    #[error("the server failed; its log says more")]
    Store(#[source] StoreError),
}

impl From<StoreError> for ScimError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Contradiction(_) => Self::Uniqueness,
            StoreError::Fenced => Self::LeaseTaken,
            other => Self::Store(other),
        }
    }
}

impl From<NotLetIn> for ScimError {
    fn from(why: NotLetIn) -> Self {
        match why {
            NotLetIn::Refused => Self::Unauthenticated,
            NotLetIn::TooMany(wait) => Self::TooMany(wait),
            NotLetIn::Store(error) => error.into(),
        }
    }
}

impl ScimError {
    const fn kind(&self) -> (StatusCode, Option<ErrorType>) {
        match self {
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, None),
            Self::Syntax(_) => (StatusCode::BAD_REQUEST, Some(ErrorType::InvalidSyntax)),
            Self::Filter => (StatusCode::BAD_REQUEST, Some(ErrorType::InvalidFilter)),
            Self::Path(_) => (StatusCode::BAD_REQUEST, Some(ErrorType::InvalidPath)),
            Self::NoTarget(_) => (StatusCode::BAD_REQUEST, Some(ErrorType::NoTarget)),
            Self::Value(_) => (StatusCode::BAD_REQUEST, Some(ErrorType::InvalidValue)),
            Self::Mutability(_) => (StatusCode::BAD_REQUEST, Some(ErrorType::Mutability)),
            Self::Uniqueness => (StatusCode::CONFLICT, Some(ErrorType::Uniqueness)),
            Self::Unresolved(_) => (StatusCode::CONFLICT, None),
            Self::NotFound => (StatusCode::NOT_FOUND, None),
            Self::NotYours
            | Self::Refused(_)
            | Self::NotOfTheTenant
            | Self::DirectoryGroup
            | Self::DirectoryDomain(_)
            | Self::AnAdministrator
            | Self::Administrative
            | Self::AdministrativeName
            | Self::CloudDomain(_)
            | Self::Forbidden(_) => (StatusCode::FORBIDDEN, None),
            Self::TooManyMembers { .. } => (StatusCode::BAD_REQUEST, Some(ErrorType::TooMany)),
            Self::Busy | Self::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, None),
            // The status that the protocol names: HELD_STATUS.
            Self::Guard(_) | Self::GuardMembers { .. } => (StatusCode::PRECONDITION_REQUIRED, None),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, None),
            Self::Version => (StatusCode::PRECONDITION_FAILED, None),
            // The status that the protocol names: STALE_LEASE_STATUS.
            Self::Lease(_) | Self::LeaseTaken => (StatusCode::LOCKED, None),
            Self::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, None),
        }
    }
}

impl ScimError {
    /// What the caller is told, with its status. What they can't mend is logged.
    pub(super) fn told(&self) -> (StatusCode, Error) {
        if let Self::Store(error) = self {
            tracing::error!(%error, "a SCIM request failed");
        }
        let (status, kind) = self.kind();
        let error = Error::new(status.as_u16(), kind, self.to_string());
        match self {
            Self::GuardMembers { held, .. } => (status, error.with_held(held.clone())),
            _ => (status, error),
        }
    }
}

impl IntoResponse for ScimError {
    fn into_response(self) -> Response {
        let wait = match &self {
            Self::Busy => Some(2),
            Self::TooMany(wait) => Some(*wait),
            _ => None,
        };
        let unauthenticated = matches!(self, Self::Unauthenticated);
        let (status, body) = self.told();
        let body = serde_json::to_vec(&body).expect("an error always serialises");
        let mut response = (status, body).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if unauthenticated {
            // How to come in (RFC 9110 section 11.6.1, RFC 6750 section 3).
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"scim\""));
        }
        response
    }
}
