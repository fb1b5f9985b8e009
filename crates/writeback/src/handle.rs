//! One request, from the order to the outcome. The order of the steps is what makes it happen at most once; SECURITY,
//! 'One request, at most once', is the rule that it follows.

use std::sync::atomic::AtomicI64;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ritorno_protocol::authorisation::Authorisation;
use ritorno_protocol::certificate::{KeyCertificate, RecipientChain};
use ritorno_protocol::clock::{Clock, Timestamp};
use ritorno_protocol::envelope::{Envelope, Operation, Passwords};
use ritorno_protocol::event::EventId;
use ritorno_protocol::ids::{AgentId, TenantId};
use ritorno_protocol::key::{OpeningKey, SigningKey};
use ritorno_protocol::outcome::{Done, Fault, Operator, Outcome};
use ritorno_protocol::policy::Rule;
use ritorno_protocol::secret::Password;
use ritorno_protocol::settle::{DIRECTORY_TIMEOUT, SeenVersion};
use ritorno_protocol::signed::Signed;
use ritorno_protocol::statement::{Says, Statement};

use crate::authorise::{NotBelieved, RolledBack, Trust};
use crate::breached::Breached;
use crate::directory::{Directory, DirectoryError, Target};
use crate::event::{Event, Numbers};
use crate::go_ahead::Awaited;
use crate::journal::{Entry, Journal, JournalError};
use crate::keys::KeysInUse;
use crate::limits::{Limits, Switch};
use crate::person_lock::PersonLocks;
use crate::report::Reporter;

/// Who the agent is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The tenant.
    pub tenant: TenantId,
    /// The agent.
    pub agent: AgentId,
    /// Signs its statements.
    pub signing: SigningKey,
    /// Open envelopes: the one in use, and replaced ones that a page may have.
    pub opening: Vec<OpeningKey>,
}

/// Handles the requests of one agent.
pub struct Handler<D> {
    pub(crate) directory: D,
    pub(crate) journal: Journal,
    pub(crate) tenant: TenantId,
    pub(crate) agent: AgentId,
    pub(crate) keys: KeysInUse,
    pub(crate) clock: Arc<dyn Clock>,
    trust: RwLock<Trust>,
    limits: Limits,
    pub(crate) breached: Breached,
    switch: Arc<dyn Switch>,
    people: PersonLocks,
    verifications: PersonLocks,
    pub(crate) awaited: Awaited,
    /// What has to be added to our clock to get the server's, in milliseconds.
    pub(crate) server_ahead_ms: AtomicI64,
}

/// How an order was dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handled {
    /// It was answered with this statement, whether or not the link carried it yet.
    Answered(Statement),
    /// It was known already: this statement was repeated, and nothing else happened.
    Repeated(Statement),
}

impl Handled {
    /// The statement.
    pub const fn statement(&self) -> &Statement {
        match self {
            Self::Answered(statement) | Self::Repeated(statement) => statement,
        }
    }
}

/// Why an order got no answer at all. The relay then waits until it can't have any effect any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    /// The server did not sign it.
    #[error("{0}")]
    NotBelieved(#[from] NotBelieved),
    /// What would be answered can't be made durable.
    #[error("{0}")]
    Journal(#[from] JournalError),
}

/// Why nothing was begun, before anything was written.
enum NotBegun {
    /// A fault.
    Fault(Fault, Operator),
    /// The policy refuses the password.
    Refused(Rule, Operator),
}

impl From<DirectoryError> for NotBegun {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Refused { rule, operator } => Self::Refused(rule, operator),
            DirectoryError::NotApplied { fault, operator } => Self::Fault(fault, operator),
            // Reading leaves nothing unknown.
            DirectoryError::Unknown { operator } => Self::Fault(Fault::DirectoryUnavailable, operator),
        }
    }
}

/// What an operation needs, taken out of the envelope.
enum Act {
    Reset(Password),
    Change { old: Password, new: Password },
    Unlock,
    Verify(Password),
}

impl<D: Directory> Handler<D> {
    /// A handler that believes nobody yet: see [`Handler::trust_keys`].
    pub fn new(
        directory: D,
        journal: Journal,
        identity: Identity,
        trust: Trust,
        limits: Limits,
        switch: Arc<dyn Switch>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            directory,
            journal,
            tenant: identity.tenant,
            agent: identity.agent,
            keys: KeysInUse::new(identity.signing, identity.opening),
            clock,
            trust: RwLock::new(trust),
            limits,
            breached: Breached::default(),
            switch,
            people: PersonLocks::default(),
            verifications: PersonLocks::default(),
            awaited: Awaited::default(),
            server_ahead_ms: AtomicI64::new(0),
        }
    }

    /// Looks new passwords up in these lists.
    #[must_use]
    pub fn with_breached(mut self, lists: Breached) -> Self {
        self.breached = lists;
        self
    }

    /// The journal.
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The directory.
    pub const fn directory(&self) -> &D {
        &self.directory
    }

    /// Takes the keys that the server shows, as far as they chain to the pinned root.
    ///
    /// # Errors
    /// The journal's, or [`RolledBack`] inside if the server shows older keys than before.
    pub async fn trust_keys(
        &self,
        signing: &[Signed<KeyCertificate>],
        recipients: Vec<RecipientChain>,
    ) -> Result<Result<(), RolledBack>, JournalError> {
        let (seen, now) = (self.journal.seen_sequence().await?, self.server_now());
        let replaced = self
            .trust
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(signing, recipients, seen, now);
        match replaced {
            Ok(newest) => self.journal.see_sequence(newest).await.map(Ok),
            Err(rolled_back) => Ok(Err(rolled_back)),
        }
    }

    pub(crate) fn trusted<T>(&self, read: impl FnOnce(&Trust) -> T) -> T {
        read(&self.trust.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a crash left behind: whatever was begun without an end is unknown from now on. Returns the requests to settle.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn recover(
        &self,
        reporter: &dyn Reporter,
    ) -> Result<Vec<ritorno_protocol::ids::RequestId>, JournalError> {
        let mut unsettled = Vec::new();
        for entry in self.journal.unfinished().await? {
            unsettled.push(entry.statement.request);
            if matches!(entry.statement.says, Says::Started { .. }) {
                let operator = words("the agent stopped before the directory answered");
                self.conclude(entry, Says::Ended { outcome: Outcome::Unknown { operator } }, reporter)
                    .await?;
            }
        }
        Ok(unsettled)
    }

    /// Says everything again that the relay has not acknowledged.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn resend(&self, reporter: &dyn Reporter) -> Result<(), JournalError> {
        for entry in self.journal.unacknowledged().await? {
            if reporter.say(self.sign(&entry.statement)).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Deals with one order.
    ///
    /// # Errors
    /// [`HandleError`]: nothing is answered then, and nothing was written to a directory that was not journalled.
    pub async fn handle(
        &self,
        order: &Signed<Authorisation>,
        envelope: &Envelope,
        reporter: &dyn Reporter,
    ) -> Result<Handled, HandleError> {
        let arrived = self.clock.now();
        let order = self.believe(order, arrived, reporter)?;
        let numbers = Numbers::of(order.operation, order.initiator);
        let start = words(&format!("attempt {} came in", order.attempt));
        reporter.event(Event::about(arrived, numbers.start, order.request, &order.anchor, &start));

        let _turn = self.turn(&order).await;
        if let Some(repeated) = self.repeat(&order, reporter).await? {
            return Ok(repeated);
        }
        let entry = self.entry(&order, arrived);
        let (act, person, seen) = match self.prepare(&order, envelope).await {
            Ok(ready) => ready,
            Err(NotBegun::Refused(rule, mut operator)) => {
                operator.agent_ms = self.milliseconds_since(arrived);
                let says = Says::Ended { outcome: Outcome::Refused { rule, operator } };
                return Ok(Handled::Answered(self.conclude(entry, says, reporter).await?));
            }
            Err(NotBegun::Fault(fault, mut operator)) => {
                operator.agent_ms = self.milliseconds_since(arrived);
                let says = Says::NotStarted { fault, operator };
                return Ok(Handled::Answered(self.conclude(entry, says, reporter).await?));
            }
        };
        // The intent is durable before anybody hears of it, and written down at the server before anything is written.
        let begun = self.clock.now();
        let version = Some(seen.version);
        let database = seen.read_from;
        let mut entry =
            Entry { begun_at: begun, version_before: version.clone(), database: database.clone(), ..entry };
        entry.statement.at = begun;
        entry.statement.says = Says::Started { version_before: version, database };
        self.journal.write(entry.clone()).await?;
        if let Err((fault, text)) = self.may_begin(&order, &entry.statement, reporter).await {
            let mut operator = words(&text);
            operator.agent_ms = self.milliseconds_since(arrived);
            let says = Says::Ended { outcome: Outcome::NotApplied { fault, operator } };
            return Ok(Handled::Answered(self.conclude(entry, says, reporter).await?));
        }

        let written = tokio::time::timeout(DIRECTORY_TIMEOUT, self.act(act, &person, &order)).await;
        let mut outcome = match written {
            Ok(Ok(done)) => Outcome::Done(done),
            Ok(Err(error)) => error.into(),
            Err(_) => Outcome::Unknown {
                operator: words(&format!("no answer within {} s", DIRECTORY_TIMEOUT.as_secs())),
            },
        };
        let directory_ms = self.milliseconds_since(begun);
        let done = matches!(outcome, Outcome::Done(_));
        let operator = outcome.operator_mut();
        if done && operator.detail.is_empty() {
            operator.detail = "the directory did it".to_owned();
        }
        operator.agent_ms = self.milliseconds_since(arrived);
        if operator.directory_ms == 0 {
            operator.directory_ms = directory_ms;
        }
        Ok(Handled::Answered(self.conclude(entry, Says::Ended { outcome }, reporter).await?))
    }

    /// The order's content, if the server signed it.
    pub(crate) fn believe(
        &self,
        order: &Signed<Authorisation>,
        arrived: Timestamp,
        reporter: &dyn Reporter,
    ) -> Result<Authorisation, NotBelieved> {
        self.trusted(|trust| trust.verify(order, self.server_now())).inspect_err(|error| {
            reporter.event(Event::new(arrived, EventId::ValidationError, error.to_string()));
        })
    }

    /// One attempt at a time for a person: whoever holds the turn reads the journal after the one before has ended.
    pub(crate) async fn turn(&self, order: &Authorisation) -> tokio::sync::OwnedMutexGuard<()> {
        // A verification writes nothing and is counted by the directory's own turn: it keeps no reset waiting.
        let people = if order.operation == Operation::Verify { &self.verifications } else { &self.people };
        people.lock(&order.anchor).await
    }

    /// Says again what was said of an order that is known already.
    pub(crate) async fn repeat(
        &self,
        order: &Authorisation,
        reporter: &dyn Reporter,
    ) -> Result<Option<Handled>, JournalError> {
        let known = self.journal.find(order.request).await?.filter(|known| {
            let over = !matches!(known.statement.says, Says::NotStarted { .. });
            over || known.statement.attempt >= order.attempt
        });
        Ok(known.map(|known| {
            // If the link is down it is said when it is back.
            let _ = reporter.say(self.sign(&known.statement));
            Handled::Repeated(known.statement)
        }))
    }

    /// What the journal will hold of an order that arrived then.
    pub(crate) fn entry(&self, order: &Authorisation, arrived: Timestamp) -> Entry {
        Entry {
            target: Target::from(order),
            operation: order.operation,
            initiator: order.initiator,
            must_change: order.must_change,
            begun_at: arrived,
            version_before: None,
            database: None,
            settling: false,
            acknowledged: false,
            statement: Statement {
                agent: self.agent,
                epoch: self.journal.epoch(),
                request: order.request,
                attempt: order.attempt,
                at: arrived,
                says: Says::Started { version_before: None, database: None },
            },
        }
    }

    /// Makes a statement durable, says it, and logs it. The end of what was begun is said while it is on its way to the disk:
    /// the intent is there, so that a crash in between is settled by the password's version. Anything else is said once it
    /// is durable, since it tells that nothing was begun, and an order that was forgotten could begin.
    pub(crate) async fn conclude(
        &self,
        mut entry: Entry,
        says: Says,
        reporter: &dyn Reporter,
    ) -> Result<Statement, JournalError> {
        // Before an entry is written for the first time, it holds no version.
        let begun = matches!(entry.statement.says, Says::Started { .. }) && entry.version_before.is_some();
        // Times of one request's statements only grow: an acknowledgement names its statement by them.
        let at = self.clock.now().max(entry.statement.at.plus(Duration::from_millis(1)));
        entry.settling = matches!(says, Says::Ended { outcome: Outcome::Unknown { .. } });
        entry.acknowledged = false;
        entry.statement.at = at;
        entry.statement.says = says;
        // If the link is down it is said when it is back.
        let say = || {
            let _ = reporter.say(self.sign(&entry.statement));
        };
        let write = self.journal.write(entry.clone());
        if begun {
            // In this order: the acknowledgement has to find the entry.
            let (written, ()) = tokio::join!(biased; write, async { say() });
            written?;
        } else {
            write.await?;
            say();
        }
        let (request, anchor) = (entry.statement.request, &entry.target.anchor);
        let numbers = Numbers::of(entry.operation, entry.initiator);
        let (cause, last, operator) = match &entry.statement.says {
            Says::Started { .. } => return Ok(entry.statement),
            Says::NotStarted { fault, operator } => (Some(fault.event()), numbers.fail, operator),
            Says::Ended { outcome } | Says::Settled { outcome } => match outcome {
                Outcome::Done(done) => (None, numbers.success, &done.operator),
                Outcome::Refused { operator, .. } => {
                    (Some(EventId::AdPasswordPolicyError), numbers.fail, operator)
                }
                Outcome::NotApplied { fault, operator } => (Some(fault.event()), numbers.fail, operator),
                Outcome::Unknown { operator } => (Some(EventId::AdUnknownError), numbers.fail, operator),
            },
        };
        for id in cause.into_iter().chain([last]) {
            reporter.event(Event::about(at, id, request, anchor, operator));
        }
        Ok(entry.statement)
    }

    /// Everything that comes before the intent: nothing is written, so that every end of it is 'not started' or the rule.
    async fn prepare(
        &self,
        order: &Authorisation,
        envelope: &Envelope,
    ) -> Result<(Act, D::Person, SeenVersion), NotBegun> {
        let now = self.server_now();
        self.trusted(|trust| trust.check(order, envelope, self.agent, self.journal.epoch(), now))
            .map_err(|error| NotBegun::Fault(error.fault(), words(&error.to_string())))?;
        self.limits.admit(&*self.switch, self.clock.now()).map_err(|fault| {
            let operator = words(&format!("a limit of this agent's own configuration: {fault:?}"));
            NotBegun::Fault(fault, operator)
        })?;
        let unreadable = |why: &str| NotBegun::Fault(Fault::EnvelopeUnreadable, words(why));
        let passwords = self.open(envelope).map_err(|error| unreadable(&error.to_string()))?;
        let act = act(order.operation, passwords)
            .ok_or_else(|| unreadable("the envelope does not hold the passwords that its operation needs"))?;

        let target = Target::from(order);
        let reading = async {
            let person = self.directory.locate(&target).await?;
            // All of it is reading, so it may go side by side; that it may be touched at all comes first afterwards.
            let (judged, policy, version, state) = tokio::join!(
                self.directory.judge(&person),
                self.directory.recent_policy(&person),
                self.directory.password_version(&person),
                self.directory.state(&person),
            );
            judged?;
            Ok::<_, DirectoryError>((person, policy?, version?, state?))
        };
        let left = order.start_by.since(self.server_now());
        let (person, mut policy, version, state) =
            tokio::time::timeout(left, reading).await.map_err(|_| {
                let why = format!("the directory did not answer within {} ms", left.as_millis());
                NotBegun::Fault(Fault::DirectoryUnavailable, words(&why))
            })??;
        if state.disabled {
            return Err(NotBegun::Fault(Fault::AccountDisabled, words("the account is disabled")));
        }
        if let Act::Reset(new) | Act::Change { new, .. } = &act {
            policy.tighten(order.forbid_names, &order.banned_words);
            let mut broken = policy.first_broken(new.expose(), self.server_now());
            if broken.is_some() {
                // What was known may be some seconds old; nobody is refused by a rule that no longer holds.
                let left = order.start_by.since(self.server_now());
                policy =
                    tokio::time::timeout(left, self.directory.policy(&person)).await.map_err(|_| {
                        let why = format!("the directory did not answer within {} ms", left.as_millis());
                        NotBegun::Fault(Fault::DirectoryUnavailable, words(&why))
                    })??;
                policy.tighten(order.forbid_names, &order.banned_words);
                broken = policy.first_broken(new.expose(), self.server_now());
            }
            if let Some(rule) = broken {
                let operator = words("refused by the effective policy, before the directory was asked");
                return Err(NotBegun::Refused(rule, operator));
            }
            self.not_breached(new, order.start_by).await?;
        }
        Ok((act, person, version))
    }

    /// That no list holds the password. While a list can't be read, that is not known: another agent may know.
    async fn not_breached(&self, new: &Password, start_by: Timestamp) -> Result<(), NotBegun> {
        let left = start_by.since(self.server_now());
        let unknown = |why: &str| {
            let detail = format!("the lists of breached passwords can't be looked into: {why}");
            NotBegun::Fault(Fault::DirectoryUnavailable, words(&detail))
        };
        match tokio::time::timeout(left, self.breached.find(new)).await {
            Err(_) => Err(unknown("the disk did not answer in time")),
            Ok(Err(error)) => Err(unknown(&error.to_string())),
            Ok(Ok(None)) => Ok(()),
            Ok(Ok(Some(list))) => {
                let operator = words(&format!("it is in the list {}", list.display()));
                Err(NotBegun::Refused(Rule::BreachedPassword, operator))
            }
        }
    }

    async fn act(&self, act: Act, person: &D::Person, order: &Authorisation) -> Result<Done, DirectoryError> {
        match act {
            Act::Reset(new) => self.directory.reset(person, &new, order.must_change).await,
            Act::Change { old, new } => self.directory.change(person, &old, &new).await,
            Act::Unlock => self.directory.unlock(person).await,
            Act::Verify(typed) => self.directory.verify(person, &typed, order.known_browser).await,
        }
    }

    fn milliseconds_since(&self, then: Timestamp) -> u64 {
        u64::try_from(self.clock.now().since(then).as_millis()).unwrap_or(u64::MAX)
    }
}

/// What the operation needs; none if the envelope holds too little or too much.
fn act(operation: Operation, passwords: Passwords) -> Option<Act> {
    match (operation, passwords.new, passwords.old) {
        (Operation::Reset, Some(new), None) => Some(Act::Reset(new)),
        (Operation::Change, Some(new), Some(old)) => Some(Act::Change { old, new }),
        (Operation::Unlock, None, None) => Some(Act::Unlock),
        (Operation::Verify, None, Some(typed)) => Some(Act::Verify(typed)),
        _ => None,
    }
}

pub(crate) fn words(detail: &str) -> Operator {
    Operator { detail: detail.to_owned(), ..Operator::default() }
}

#[cfg(test)]
mod tests;
