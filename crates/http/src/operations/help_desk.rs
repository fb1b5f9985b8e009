//! What the help desk does for a caller who can pass no gate: a code that they read out, or a colleague's approval, and the temporary
//! pass that comes of it.

use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::device_code::UserCode;
use ritorno_identity::help_desk::{
    self, Case, PASS_VALID, REASON_AT_MOST, code_digest, may_help, pass_digest,
};
use ritorno_identity::ids::CaseId;
use ritorno_identity::limit::{HELP_DESK_CASES, HELP_DESK_CODES};
use ritorno_identity::mail::{Letter, Mail, Template as Letters, notices};
use ritorno_identity::subject::Subject;
use ritorno_identity::user::{AddressKind, User};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::UserId;
use ritorno_storage::StoreError;

use super::people::standing;
use crate::operator::Operator;
use crate::state::AppState;

/// Why no case was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotOpened {
    /// There is no reason, which is told to the person.
    NoReason,
    /// The operator has opened too many, or the person got too many codes.
    TooMany,
    /// No code can reach the person.
    NoAddress,
    /// A code can reach the person: a colleague's word is no replacement for it.
    HasAddress,
}

/// What came of a code that the caller read out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    /// It is the one.
    Right,
    /// It is not, or it was tried too often.
    Wrong,
    /// There is no such case any more.
    Closed,
}

/// Whether this operator may help that person: nobody does it for themselves, or for whoever administers the tenant.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn may(state: &AppState, operator: &Operator, user: &User) -> Result<bool, StoreError> {
    let administers = standing(state, user).await?.administrator;
    Ok(may_help(&operator.administrator, user, administers).is_ok())
}

/// A new case, if the operator may open one more. Its reason is told to the person, so that there has to be one.
async fn new_case(
    state: &AppState,
    operator: &Operator,
    user: &User,
    reason: &str,
    by_code: bool,
) -> Result<Result<Case, NotOpened>, StoreError> {
    let reason: String = reason.trim().chars().filter(|c| !c.is_control()).take(REASON_AT_MOST).collect();
    if reason.is_empty() {
        return Ok(Err(NotOpened::NoReason));
    }
    let now = state.clock.now();
    let subject = Subject::of_user(&state.pepper, user.tenant, UserId(operator.administrator.id.0));
    if !state.store.limits().count(user.tenant, &HELP_DESK_CASES, &subject, now).await? {
        return Ok(Err(NotOpened::TooMany));
    }
    Ok(Ok(Case {
        id: CaseId::random(&*state.random),
        tenant: user.tenant,
        user: user.id,
        operator: operator.administrator.id,
        reason,
        by_code,
        cleared: false,
        passed: false,
        created_at: now,
        expires_at: now.plus(help_desk::VALID),
    }))
}

/// A code goes to the address of the caller.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn send_code(
    state: &AppState,
    operator: &Operator,
    user: &User,
    reason: &str,
) -> Result<Result<Case, NotOpened>, StoreError> {
    let Some(address) = user.code_address(AddressKind::default()) else {
        return Ok(Err(NotOpened::NoAddress));
    };
    let case = match new_case(state, operator, user, reason, true).await? {
        Ok(case) => case,
        Err(why) => return Ok(Err(why)),
    };
    let (person, now) = (Subject::of_user(&state.pepper, user.tenant, user.id), state.clock.now());
    if !state.store.limits().count(user.tenant, &HELP_DESK_CODES, &person, now).await? {
        return Ok(Err(NotOpened::TooMany));
    }
    let code = UserCode::random(&*state.random);
    let digest = code_digest(&code, &state.pepper, user.tenant, case.id);
    state.store.help_desk().open(&case, Some(&digest)).await?;
    let (name, reason) = (operator.administrator.name.clone(), case.reason.clone());
    let template = Letters::HelpDeskCode { code: code.to_string(), operator: name, reason };
    let to = Some(address.to_owned());
    let letter = Letter { to, language: operator.tenant.language_of(user), template };
    let valid = case.expires_at.since(now);
    queue(state, &Mail::new(user.tenant, letter, valid, now, &*state.random)).await?;
    let reason = format!("code sent: {}", case.reason);
    operator.note(state, Activity::HelpDeskCase, reason, Some(user.id)).await?;
    Ok(Ok(case))
}

/// The code that the caller read out.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn check_code(
    state: &AppState,
    operator: &Operator,
    user: &User,
    case: &str,
    code: &str,
) -> Result<Checked, StoreError> {
    let Some(case) = case_of(state, user, case).await? else { return Ok(Checked::Closed) };
    let Some(typed) = UserCode::parse(code) else { return Ok(Checked::Wrong) };
    let digest = code_digest(&typed, &state.pepper, user.tenant, case.id);
    let (desk, now) = (state.store.help_desk(), state.clock.now());
    let right = desk.try_code(user.tenant, case.id, operator.administrator.id, &digest, now).await?;
    let (success, reason) = if right {
        (Success::Success, "the code that was read out is right")
    } else {
        (Success::Failure, "a wrong code was read out, or one more than may be tried")
    };
    let fact = operator.fact(state, Activity::HelpDeskCase, success, reason.to_owned(), Some(user.id));
    state.store.audit().append(&fact).await?;
    Ok(if right { Checked::Right } else { Checked::Wrong })
}

/// No code can reach the caller: a colleague is asked.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn ask(
    state: &AppState,
    operator: &Operator,
    user: &User,
    reason: &str,
) -> Result<Result<Case, NotOpened>, StoreError> {
    // Whoever can get a code reads one out: a colleague's word is no replacement for it.
    if user.code_address(AddressKind::default()).is_some() {
        return Ok(Err(NotOpened::HasAddress));
    }
    let case = match new_case(state, operator, user, reason, false).await? {
        Ok(case) => case,
        Err(why) => return Ok(Err(why)),
    };
    state.store.help_desk().open(&case, None).await?;
    let reason = format!("approval asked for: {}", case.reason);
    operator.note(state, Activity::HelpDeskCase, reason, Some(user.id)).await?;
    Ok(Ok(case))
}

/// A colleague approves; `false` if nothing waits for their approval.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn approve(
    state: &AppState,
    operator: &Operator,
    user: &User,
    case: &str,
) -> Result<bool, StoreError> {
    let Some(case) = case_of(state, user, case).await? else { return Ok(false) };
    let (desk, now) = (state.store.help_desk(), state.clock.now());
    if !desk.approve(user.tenant, case.id, operator.administrator.id, now).await? {
        return Ok(false);
    }
    let reason = format!("approved: {}", case.reason);
    operator.note(state, Activity::HelpDeskCase, reason, Some(user.id)).await?;
    Ok(true)
}

/// The temporary pass, here and never again, and until when it holds; `None` if the case is not cleared, or is closed. The person is told
/// at every address on file.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn make_pass(
    state: &AppState,
    operator: &Operator,
    user: &User,
    case: &str,
) -> Result<Option<(UserCode, Timestamp)>, StoreError> {
    let Some(case) = case_of(state, user, case).await? else { return Ok(None) };
    let (desk, now) = (state.store.help_desk(), state.clock.now());
    let pass = UserCode::random(&*state.random);
    let digest = pass_digest(&pass, &state.pepper, user.tenant, user.id);
    let until = now.plus(PASS_VALID);
    if !desk.put_pass(&case, operator.administrator.id, &digest, until, now).await? {
        return Ok(None);
    }
    // Before the pass is shown: nobody reads one out that its owner does not hear of.
    let template = Letters::PassMade {
        display_name: user.display_name.clone(),
        operator: operator.administrator.name.clone(),
        reason: case.reason.clone(),
        at_ms: now.unix_ms(),
    };
    for mail in notices(user, operator.tenant.language_of(user), &template, now, &*state.random) {
        queue(state, &mail).await?;
    }
    operator.note(state, Activity::PassMade, case.reason.clone(), Some(user.id)).await?;
    Ok(Some((pass, until)))
}

/// The case of that id, if it is that person's and open.
async fn case_of(state: &AppState, user: &User, case: &str) -> Result<Option<Case>, StoreError> {
    let Ok(id) = case.parse::<CaseId>() else { return Ok(None) };
    state.store.help_desk().get(user.tenant, user.id, id, state.clock.now()).await
}

/// The latest open case of a person.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn open_case(state: &AppState, user: &User) -> Result<Option<Case>, StoreError> {
    state.store.help_desk().open_case(user.tenant, user.id, state.clock.now()).await
}

/// Puts a mail into the outbox.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn queue(state: &AppState, mail: &Mail) -> Result<(), StoreError> {
    state.store.mail_outbox().queue(mail, &state.node_key, &*state.random).await?;
    state.mail_wake.notify_one();
    Ok(())
}
