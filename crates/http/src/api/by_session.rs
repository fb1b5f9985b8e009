//! Whoever is signed in to the console: the session behind the cookie that the browser sends along. A browser sends it for whichever site
//! makes it ask, so that a request comes in only if one of our own pages makes it.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, Request, StatusCode};
use axum::response::Response;
use ritorno_identity::administrator::{Action, Forbidden};
use ritorno_identity::subject::Subject;
use ritorno_identity::token::TokenDigest;
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::by_token::count;
use crate::console::session::{HalfSignedIn, Proof};
use crate::operator::Operator;
use crate::page::same_origin;
use crate::problem::Problem;
use crate::reader::Reader;
use crate::state::AppState;

/// What a browser says of where a request comes from (Fetch Metadata).
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Where the second factor is shown.
const SECOND: &str = "/console/second";

/// An administrator in person, who has shown all that is asked for, and has not asked too often.
#[derive(Clone, Debug)]
pub(crate) struct BySession {
    operator: Operator,
    session: TokenDigest,
    proof: Proof,
}

/// Why something is not done in a session.
pub(super) enum NotDone {
    /// The administrator may not do it.
    Forbidden(Forbidden),
    /// It takes a second factor that was shown a moment ago.
    Stale,
}

/// Nobody is signed in, or not any more.
fn sign_in() -> Problem {
    let detail = "An administrator signs in to the console; a program shows a token, as `ritorno token create` makes one.";
    Problem::new(StatusCode::UNAUTHORIZED, "sign-in", "Nobody is signed in", detail)
        .sign_in("/console/sign-in")
}

/// The password was right, and the second factor is still to be shown.
fn second_factor() -> Problem {
    let detail = "The code of the authenticator app is asked for before anything else.";
    Problem::new(StatusCode::UNAUTHORIZED, "second-factor", "The second factor is asked for", detail)
        .proof(SECOND)
}

/// Another site made the browser ask.
fn cross_site() -> Problem {
    let detail = "A session is for the pages of this server. A program shows a token.";
    Problem::new(StatusCode::FORBIDDEN, "cross-site", "Another site asks", detail)
}

/// Whether one of our own pages asks, or somebody who typed the address: what the console's forms are asked, and of reading also that no
/// other site makes the browser do it.
async fn is_ours(parts: &Parts, state: &AppState) -> bool {
    let read = parts.headers.get_all(SITE).iter().all(|site| site == "same-origin" || site == "none");
    if parts.method.is_safe() && !read {
        return false;
    }
    let through = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::<()>::default()) });
    let mut head = Request::new(());
    *head.method_mut() = parts.method.clone();
    *head.uri_mut() = parts.uri.clone();
    *head.headers_mut() = parts.headers.clone();
    match same_origin(state).layer(through).oneshot(head).await {
        Ok(answer) => answer.status().is_success(),
        Err(never) => match never {},
    }
}

impl BySession {
    /// Whoever's session the request's cookie names; it counts as used once more, as with a page.
    ///
    /// # Errors
    /// [`Problem`]: `sign-in`, `second-factor`, `cross-site`, `too-many`.
    pub(super) async fn of(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        if !is_ours(parts, state).await {
            return Err(cross_site());
        }
        let half = HalfSignedIn::of(state, &parts.headers).await?.ok_or_else(sign_in)?;
        let proof = half.proof(state.clock.now());
        if proof == Proof::Missing {
            return Err(second_factor());
        }
        let HalfSignedIn { administrator, tenant, session } = half;
        let session = session.digest;
        let counted = Subject::of_session(&state.pepper, state.tenant, &session);
        count(state, &counted).await?;
        let Ok(reader) = Reader::from_request_parts(parts, state).await;
        let operator = Operator { administrator, tenant, network: reader.network, token: None };
        Ok(Self { operator, session, proof })
    }

    /// Who does it, if they may, now.
    ///
    /// # Errors
    /// [`NotDone`], by what is missing.
    pub(super) fn may(&self, action: Action) -> Result<&Operator, NotDone> {
        self.operator.administrator.may(action).map_err(NotDone::Forbidden)?;
        if action.takes_fresh_proof() && !matches!(self.proof, Proof::Fresh(_)) {
            return Err(NotDone::Stale);
        }
        Ok(&self.operator)
    }

    /// Who asks.
    pub(super) const fn operator(&self) -> &Operator {
        &self.operator
    }

    /// In which session.
    pub(super) const fn session(&self) -> TokenDigest {
        self.session
    }

    /// How far they have shown who they are.
    pub(super) const fn proof(&self) -> Proof {
        self.proof
    }
}

impl From<NotDone> for Problem {
    fn from(why: NotDone) -> Self {
        match why {
            NotDone::Forbidden(why) => super::caller::forbidden(why),
            NotDone::Stale => {
                let detail =
                    "This takes a code of the authenticator app that was shown in the last ten minutes.";
                let title = "The second factor is asked for anew";
                Self::new(StatusCode::FORBIDDEN, "fresh-proof", title, detail).proof(SECOND)
            }
        }
    }
}
