//! How many gates stand before a reset, what opens them, and how far somebody has come.

use serde::{Deserialize, Serialize};

use crate::method::Method;

/// Most gates that a tenant can demand.
pub const MOST_GATES: u8 = 2;

/// What a tenant demands of people who forgot their password. It exists only if somebody can fulfil it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct GatePolicy {
    gates: u8,
    methods: Vec<Method>,
    to_register: u8,
    must_differ: bool,
}

#[derive(Serialize, Deserialize)]
struct Raw {
    gates: u8,
    methods: Vec<Method>,
    to_register: u8,
    must_differ: bool,
}

/// Why a policy is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// Neither one gate nor two.
    #[error("there are one or two gates")]
    Gates,
    /// No method, or one named twice.
    #[error("methods are named once each, at least one")]
    Methods,
    /// Two different methods are demanded, and fewer are allowed.
    #[error("gates that must differ need as many methods as there are gates")]
    TooFewMethods,
    /// Fewer to register than gates, or more than there are methods.
    #[error(
        "people register at least as many methods as there are gates, and at most all that are allowed and theirs"
    )]
    ToRegister,
    /// Security questions where they could open nothing, or would open the first gate.
    #[error(
        "security questions open the second of two gates only, and are not named first: another method that people register opens the first"
    )]
    Questions,
}

/// Why the policy of a group can't stand beside everybody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupFault {
    /// It would let its people off with less.
    #[error("a group has no fewer gates than everybody")]
    FewerGates,
    /// The pages begin the same for every name, and its people could not go on from there.
    #[error("the pages begin with what opens everybody's gates, and none of it opens this group's")]
    NoWayIn,
}

impl GatePolicy {
    /// `gates` (1 or 2) opened by `methods`, the first of which is the one that the pages begin with; people are asked to
    /// register `to_register` of them. If they `must_differ`, no method opens both gates.
    ///
    /// # Errors
    /// [`PolicyFault`].
    pub fn new(
        gates: u8,
        methods: Vec<Method>,
        to_register: u8,
        must_differ: bool,
    ) -> Result<Self, PolicyFault> {
        let policy = Self::fulfillable(gates, methods, to_register, must_differ)?;
        let opens = |method: &Method| method.opens_the_first_gate() && method.is_registered();
        let second = gates == MOST_GATES
            && policy.methods.first() != Some(&Method::Questions)
            && policy.methods.iter().any(opens);
        if policy.allows(Method::Questions) && !second { Err(PolicyFault::Questions) } else { Ok(policy) }
    }

    /// The same, security questions being a method as any other: what a version before could store.
    fn fulfillable(
        gates: u8,
        methods: Vec<Method>,
        to_register: u8,
        must_differ: bool,
    ) -> Result<Self, PolicyFault> {
        if !(1..=MOST_GATES).contains(&gates) {
            return Err(PolicyFault::Gates);
        }
        let twice = methods.iter().enumerate().any(|(at, method)| methods[..at].contains(method));
        if methods.is_empty() || twice {
            return Err(PolicyFault::Methods);
        }
        if must_differ && methods.len() < usize::from(gates) {
            return Err(PolicyFault::TooFewMethods);
        }
        let least = if must_differ { gates } else { 1 };
        let theirs = methods.iter().filter(|method| method.is_registered()).count();
        if to_register < least || usize::from(to_register) > theirs {
            return Err(PolicyFault::ToRegister);
        }
        Ok(Self { gates, methods, to_register, must_differ })
    }

    /// What a new tenant begins with: one gate, any method that wants nothing first, one to register.
    pub fn of_new_tenant() -> Self {
        let methods = Method::ALL.into_iter().filter(|method| method.is_from_the_beginning()).collect();
        Self { gates: 1, methods, to_register: 1, must_differ: true }
    }

    /// What a tenant from before there were several methods goes on with.
    pub fn by_mail() -> Self {
        Self { gates: 1, methods: vec![Method::Mail], to_register: 1, must_differ: true }
    }

    /// What holds for people who administer the tenant, whatever it demands of others: two gates that differ, no pass from
    /// the help desk, no text messages and no security questions.
    pub fn of_administrators() -> Self {
        let methods = Method::ALL.into_iter().filter(|method| method.is_for_administrators()).collect();
        Self { gates: MOST_GATES, methods, to_register: MOST_GATES, must_differ: true }
    }

    /// How many gates there are.
    pub const fn gates(&self) -> u8 {
        self.gates
    }

    /// What opens them, the one that the pages begin with first.
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// What the pages offer before the first gate, what they begin with first. It is never empty: where nothing could open that gate, as
    /// under a policy of a version before, the pages are those of a code by mail, which opens nothing.
    pub fn begins_with(&self) -> Vec<Method> {
        let first: Vec<Method> = self.first_ones().collect();
        if first.is_empty() { vec![Method::Mail] } else { first }
    }

    fn first_ones(&self) -> impl Iterator<Item = Method> + '_ {
        self.methods.iter().copied().filter(|method| method.opens_the_first_gate())
    }

    /// Whether a method is allowed.
    pub fn allows(&self, method: Method) -> bool {
        self.methods.contains(&method)
    }

    /// How many methods people are asked to register.
    pub const fn to_register(&self) -> u8 {
        self.to_register
    }

    /// Whether no method opens both gates.
    pub const fn must_differ(&self) -> bool {
        self.must_differ
    }

    /// Whether it can hold for a group where `everybody` passes that.
    ///
    /// # Errors
    /// [`GroupFault`].
    pub fn stands_beside(&self, everybody: &Self) -> Result<(), GroupFault> {
        if self.gates < everybody.gates {
            return Err(GroupFault::FewerGates);
        }
        if self.first_ones().any(|method| everybody.allows(method)) {
            Ok(())
        } else {
            Err(GroupFault::NoWayIn)
        }
    }

    /// The gates before somebody who has `registered` these methods; `None` if they could not pass them.
    pub fn before(&self, registered: &[Method]) -> Option<Gates> {
        let usable = self.methods.iter().copied().filter(|method| registered.contains(method)).collect();
        let gates = Gates { usable, ..Gates::closed(self) };
        gates.can_be_opened().then_some(gates)
    }
}

/// For operators: the audit, the command line.
impl std::fmt::Display for GatePolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let methods: Vec<&str> = self.methods.iter().map(|method| method.as_str()).collect();
        let twice = if self.must_differ { "" } else { ", one method may open both" };
        write!(f, "{} of {}, {} to register{twice}", self.gates, methods.join(", "), self.to_register)
    }
}

impl TryFrom<Raw> for GatePolicy {
    type Error = PolicyFault;

    /// A version before took security questions for any gate: where they can't open one now they are left out, if anything else is
    /// named.
    fn try_from(raw: Raw) -> Result<Self, PolicyFault> {
        let Raw { gates, methods, to_register, must_differ } = raw;
        let policy = Self::fulfillable(gates, methods, to_register, must_differ)?;
        if gates == MOST_GATES || !policy.allows(Method::Questions) {
            return Ok(policy);
        }
        let others: Vec<Method> = policy.first_ones().collect();
        let theirs = others.iter().filter(|method| method.is_registered()).count();
        let to_register = to_register.min(u8::try_from(theirs).unwrap_or(to_register));
        Ok(Self::new(gates, others, to_register, must_differ).unwrap_or(policy))
    }
}

impl From<GatePolicy> for Raw {
    fn from(policy: GatePolicy) -> Self {
        let GatePolicy { gates, methods, to_register, must_differ } = policy;
        Self { gates, methods, to_register, must_differ }
    }
}

/// The gates of one way through the pages. What a person has registered is withheld until the first one is passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gates {
    required: u8,
    must_differ: bool,
    usable: Vec<Method>,
    passed: Vec<Method>,
}

impl Gates {
    /// Gates that nothing opens: a stranger's, and theirs who may not reset.
    pub const fn closed(policy: &GatePolicy) -> Self {
        Self {
            required: policy.gates,
            must_differ: policy.must_differ,
            usable: Vec::new(),
            passed: Vec::new(),
        }
    }

    /// No gates: the password itself was proved.
    pub const fn none() -> Self {
        Self { required: 0, must_differ: false, usable: Vec::new(), passed: Vec::new() }
    }

    /// What has been passed, in order.
    pub fn passed(&self) -> &[Method] {
        &self.passed
    }

    /// How many gates there are.
    pub const fn required(&self) -> u8 {
        self.required
    }

    /// Whether all of them are passed.
    pub fn are_open(&self) -> bool {
        self.passed.len() >= usize::from(self.required)
    }

    /// What can open the next one. To be shown only to whoever has passed one.
    pub fn choices(&self) -> Vec<Method> {
        let open = |method: &Method| {
            let again =
                self.must_differ && self.passed.iter().any(|passed| passed.proves_the_same_as(*method));
            let first = self.passed.is_empty();
            !again && if first { method.opens_the_first_gate() } else { method.is_registered() }
        };
        self.usable.iter().copied().filter(open).collect()
    }

    /// Whether there is a way through what is left of them.
    fn can_be_opened(&self) -> bool {
        let leads_on = |method: &Method| self.with(*method).is_some_and(|after| after.can_be_opened());
        self.are_open() || self.choices().iter().any(leads_on)
    }

    /// The gates after one was passed with `method`; `None` if it does not open it.
    pub fn with(&self, method: Method) -> Option<Self> {
        if self.are_open() || !self.choices().contains(&method) {
            return None;
        }
        let mut after = self.clone();
        after.passed.push(method);
        Some(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_nobody_could_fulfil_is_none() {
        use Method::{App, Mail};
        for (gates, methods, to_register, must_differ, fault) in [
            (0, vec![Mail], 1, true, PolicyFault::Gates),
            (3, vec![Mail, App], 2, true, PolicyFault::Gates),
            (1, vec![], 1, true, PolicyFault::Methods),
            (1, vec![Mail, Mail], 1, true, PolicyFault::Methods),
            (2, vec![Mail], 1, true, PolicyFault::TooFewMethods),
            (2, vec![Mail, App], 1, true, PolicyFault::ToRegister),
            (1, vec![Mail], 2, true, PolicyFault::ToRegister),
            (1, vec![Mail], 0, false, PolicyFault::ToRegister),
        ] {
            assert_eq!(GatePolicy::new(gates, methods, to_register, must_differ), Err(fault));
        }
        assert!(GatePolicy::new(2, vec![Mail], 1, false).is_ok());
        let stored = "{\"gates\":2,\"methods\":[\"mail\"],\"to_register\":1,\"must_differ\":true}";
        assert!(serde_json::from_str::<GatePolicy>(stored).is_err(), "what is stored is judged too");
        for policy in [GatePolicy::of_new_tenant(), GatePolicy::by_mail(), GatePolicy::of_administrators()] {
            let GatePolicy { gates, methods, to_register, must_differ } = policy.clone();
            assert_eq!(GatePolicy::new(gates, methods, to_register, must_differ), Ok(policy));
        }
    }

    #[test]
    fn a_group_has_no_fewer_gates_and_a_way_in() {
        use Method::{App, Mail, RecoveryCode};
        let policy = |gates, methods| GatePolicy::new(gates, methods, gates, true).unwrap();
        let everybody = policy(2, vec![Mail, App]);
        assert_eq!(policy(1, vec![Mail]).stands_beside(&everybody), Err(GroupFault::FewerGates));
        assert_eq!(policy(2, vec![RecoveryCode, App]).stands_beside(&everybody), Ok(()));
        let one = policy(1, vec![Mail]);
        assert_eq!(policy(2, vec![RecoveryCode, App]).stands_beside(&one), Err(GroupFault::NoWayIn));
        assert_eq!(everybody.stands_beside(&one), Ok(()));
    }

    #[test]
    fn two_gates_are_passed_by_two_methods() {
        let policy = GatePolicy::of_administrators();
        assert_eq!(policy.before(&[Method::Mail]), None, "one method is not enough for two gates");
        let gates = policy.before(&[Method::App, Method::Mail]).unwrap();
        assert_eq!(gates.choices(), [Method::Mail, Method::App]);
        let once = gates.with(Method::Mail).unwrap();
        assert!(!once.are_open());
        assert_eq!(once.choices(), [Method::App]);
        assert_eq!(once.with(Method::Mail), None, "the same does not open both");
        assert_eq!(once.with(Method::RecoveryCode), None, "what is not registered opens nothing");
        let twice = once.with(Method::App).unwrap();
        assert!(twice.are_open());
        assert_eq!(twice.with(Method::App), None);
    }

    #[test]
    fn the_same_opens_both_where_it_may() {
        let policy = GatePolicy::new(2, vec![Method::Mail], 1, false).unwrap();
        let once = policy.before(&[Method::Mail]).unwrap().with(Method::Mail).unwrap();
        assert!(!once.are_open() && once.with(Method::Mail).unwrap().are_open());
    }

    #[test]
    fn a_pass_opens_the_first_gate_and_never_the_second() {
        use Method::{App, Mail, TemporaryPass};
        let two = GatePolicy::new(2, vec![Mail, TemporaryPass], 2, true);
        assert_eq!(two, Err(PolicyFault::ToRegister), "a pass is nobody's to register");
        for differ in [true, false] {
            let two = GatePolicy::new(2, vec![Mail, App, TemporaryPass], 2, differ).unwrap();
            assert_eq!(two.before(&[TemporaryPass]), None);
            let gates = two.before(&[App, TemporaryPass]).unwrap();
            assert_eq!(gates.with(App).unwrap().with(TemporaryPass), None);
            assert!(gates.with(TemporaryPass).unwrap().with(App).unwrap().are_open());
            assert_eq!(gates.with(TemporaryPass).unwrap().with(TemporaryPass), None);
        }
        let one = GatePolicy::new(1, vec![Mail, TemporaryPass], 1, true).unwrap();
        assert!(one.before(&[TemporaryPass]).unwrap().with(TemporaryPass).unwrap().are_open());
        for barred in [TemporaryPass, Method::Sms, Method::Questions] {
            assert!(!GatePolicy::of_administrators().allows(barred));
        }
        assert!(!GatePolicy::of_new_tenant().allows(Method::Sms), "it needs a gateway");
        assert!(!GatePolicy::of_new_tenant().allows(Method::Questions), "somebody has to choose it");
    }

    #[test]
    fn a_pass_and_a_code_to_the_same_mailbox_are_one_proof() {
        use Method::{App, Mail, TemporaryPass};
        let policy = |differ| GatePolicy::new(2, vec![Mail, App, TemporaryPass], 2, differ).unwrap();
        assert_eq!(policy(true).before(&[Mail, TemporaryPass]), None);
        let gates = policy(true).before(&[Mail, App, TemporaryPass]).unwrap();
        assert_eq!(gates.with(TemporaryPass).unwrap().choices(), [App]);
        assert_eq!(gates.with(Mail).unwrap().choices(), [App]);
        let same = policy(false).before(&[Mail, TemporaryPass]).unwrap();
        assert!(same.with(TemporaryPass).unwrap().with(Mail).unwrap().are_open(), "one method may open both");
    }

    #[test]
    fn questions_open_the_second_gate_and_never_the_first() {
        use Method::{Mail, Questions, TemporaryPass};
        for (gates, methods, to_register, differ) in [
            (1, vec![Questions], 1, true),
            (1, vec![Mail, Questions], 1, true),
            (2, vec![Questions, Mail], 2, true),
            (2, vec![Questions], 1, false),
            (2, vec![TemporaryPass, Questions], 1, false),
        ] {
            let refused = GatePolicy::new(gates, methods.clone(), to_register, differ);
            assert_eq!(refused, Err(PolicyFault::Questions), "{gates} of {methods:?}");
        }
        for differ in [true, false] {
            let two = GatePolicy::new(2, vec![Mail, Questions], 2, differ).unwrap();
            assert_eq!(two.begins_with(), [Mail]);
            assert_eq!(two.before(&[Questions]), None);
            let gates = two.before(&[Mail, Questions]).unwrap();
            assert_eq!((gates.choices(), gates.with(Questions)), (vec![Mail], None));
            let second = gates.with(Mail).unwrap();
            assert!(second.choices().contains(&Questions));
            assert!(second.with(Questions).unwrap().are_open());
        }
        // A group whose people could begin with nothing else has no way in.
        let asking = GatePolicy::new(2, vec![Mail, Questions], 2, true).unwrap();
        let group = GatePolicy::new(2, vec![Method::App, Questions], 2, true).unwrap();
        assert_eq!(group.stands_beside(&asking), Err(GroupFault::NoWayIn));
    }

    #[test]
    fn a_policy_of_before_opens_no_first_gate_with_questions() {
        use Method::{Mail, Questions};
        let read = |gates: u8, methods: &str, to_register: u8, differ: bool| {
            let text = format!(
                "{{\"gates\":{gates},\"methods\":[{methods}],\"to_register\":{to_register},\"must_differ\":{differ}}}"
            );
            serde_json::from_str::<GatePolicy>(&text).unwrap()
        };
        let beside = read(1, "\"questions\",\"mail\"", 2, true);
        assert_eq!(beside, GatePolicy::by_mail(), "they would open nothing");
        for (gates, methods, to_register, differ) in [
            (1, "\"questions\"", 1, true),
            (2, "\"questions\"", 1, false),
            (1, "\"temporary-pass\",\"questions\"", 1, true),
        ] {
            let alone = read(gates, methods, to_register, differ);
            assert_eq!(alone.before(&[Questions]), None, "{methods}");
            assert!(!alone.begins_with().contains(&Questions), "{methods}");
            let stored = serde_json::to_string(&alone).unwrap();
            assert_eq!(serde_json::from_str::<GatePolicy>(&stored).unwrap(), alone);
        }
        let first = read(2, "\"questions\",\"mail\"", 2, true);
        assert_eq!(first.begins_with(), [Mail]);
        let gates = first.before(&[Mail, Questions]).unwrap();
        assert_eq!(gates.choices(), [Mail]);
        // What a flow of before holds is judged anew, too.
        let stored = "{\"required\":1,\"must_differ\":true,\"usable\":[\"questions\"],\"passed\":[]}";
        let gates: Gates = serde_json::from_str(stored).unwrap();
        assert_eq!(gates.choices(), []);
    }

    #[test]
    fn nothing_opens_closed_gates() {
        let gates = Gates::closed(&GatePolicy::of_new_tenant());
        for method in Method::ALL {
            assert_eq!(gates.with(method), None);
        }
        assert!(!gates.are_open());
    }
}
