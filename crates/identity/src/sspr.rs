//! Who may reset their own password: the tenant's switch, what a person must have, and when they are asked for it.

use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::outcome::SsprCode;

use crate::gates::{GatePolicy, Gates};
use crate::licence::Operation;
use crate::method::Method;
use crate::tenant::Tenant;
use crate::user::{AddressKind, Mastered, User};

/// After how many days people are asked to look through what they registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReconfirmAfter(u16);

impl ReconfirmAfter {
    /// Most days.
    pub const MOST: u16 = 730;
    /// People are never asked.
    pub const NEVER: Self = Self(0);
    /// What a new tenant begins with.
    pub const OF_NEW_TENANT: Self = Self(180);

    /// So many days, 0 for never; `None` for more than [`Self::MOST`].
    pub const fn from_days(days: u16) -> Option<Self> {
        if days <= Self::MOST { Some(Self(days)) } else { None }
    }

    /// In days, 0 for never.
    pub const fn days(self) -> u16 {
        self.0
    }

    /// What the audit says of a group that says so, behind what else it says; nothing for one that does not.
    pub fn told(of_group: Option<Self>) -> String {
        of_group.map_or_else(String::new, |after| format!(", confirmed again after {} days", after.0))
    }

    /// Whether it is time again, if people were asked last, or came, at `since`.
    pub fn is_over(self, since: Timestamp, now: Timestamp) -> bool {
        const DAY: Duration = Duration::from_secs(24 * 3_600);
        self != Self::NEVER && now >= since.plus(DAY * u32::from(self.0))
    }
}

/// Most groups that a tenant names as those whose people may reset.
pub const GROUPS_AT_MOST: usize = 20;

/// What is true of the whole tenant and may be told before any gate.
///
/// # Errors
/// The code of the switch that is off. Whether an agent is live is the relay's knowledge, and is asked there.
pub const fn tenant_allows(tenant: &Tenant) -> Result<(), SsprCode> {
    if tenant.sspr_enabled { Ok(()) } else { Err(SsprCode::TenantDisabled) }
}

/// What is true of the person: whether they may sign in to these pages, register what opens the gates, and change a known password.
///
/// # Errors
/// The code to tell after a gate, by mail, or at the help desk.
pub fn person_allowed(tenant: &Tenant, user: &User) -> Result<(), SsprCode> {
    if !user.enabled {
        return Err(SsprCode::NotEnabledInPolicy);
    }
    // A group of a directory has none of the tenant's own people: it says nothing about them.
    if !user.selected && user.mastered != Mastered::CloudOnly {
        return Err(SsprCode::NotInGroup);
    }
    match &user.mastered {
        // To change a known password of the tenant's own takes no licence; to reset it does ([`may_reset`]).
        Mastered::CloudOnly => Ok(()),
        Mastered::Hybrid(_) if !tenant.writeback_enabled => Err(SsprCode::WritebackNotEnabled),
        Mastered::Hybrid(_) if !tenant.licensing.allows(user.licence, Operation::HybridReset) => {
            Err(SsprCode::NotLicensed)
        }
        Mastered::Hybrid(_) => Ok(()),
    }
}

/// Whether the person may reset a forgotten password: what [`person_allowed`] says, and the licence that it takes.
///
/// # Errors
/// The code to tell after a gate, by mail, or at the help desk.
pub fn may_reset(tenant: &Tenant, user: &User) -> Result<(), SsprCode> {
    person_allowed(tenant, user)?;
    match &user.mastered {
        Mastered::CloudOnly if !tenant.licensing.allows(user.licence, Operation::CloudReset) => {
            Err(SsprCode::NotLicensed)
        }
        Mastered::CloudOnly | Mastered::Hybrid(_) => Ok(()),
    }
}

/// Whether an administrator may give the person a generated password. It is no self-service: whether that is on, and whom it is for, is
/// another matter, but for the tenant's own people, who can change it on the pages for people only.
///
/// # Errors
/// The code that the administrator is told.
pub fn may_be_given_a_password(tenant: &Tenant, user: &User) -> Result<(), SsprCode> {
    if !user.enabled {
        return Err(SsprCode::NotEnabledInPolicy);
    }
    match &user.mastered {
        Mastered::CloudOnly => tenant_allows(tenant),
        Mastered::Hybrid(_) if !tenant.writeback_enabled => Err(SsprCode::WritebackNotEnabled),
        Mastered::Hybrid(_) if !tenant.licensing.allows(user.licence, Operation::HybridReset) => {
            Err(SsprCode::NotLicensed)
        }
        Mastered::Hybrid(_) => Ok(()),
    }
}

/// What a person has that opens gates, beside their addresses, and what holds for them alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether an authenticator app is registered.
    pub app: bool,
    /// How many passkeys are registered.
    pub passkeys: u32,
    /// How many recovery codes are left.
    pub recovery_codes: u32,
    /// How many security questions are answered.
    pub questions: u32,
    /// Whether the help desk made a temporary pass that holds.
    pub temporary_pass: bool,
    /// Whether an administrator of the tenant is the person, or has their sign-in name: a stricter policy holds then.
    pub administrator: bool,
    /// The policy of a group that they are in, the strictest if there are several.
    pub group_policy: Option<GatePolicy>,
    /// After how long they are asked to look through what they registered, if a group of theirs says so: the soonest of several.
    pub group_reconfirm: Option<ReconfirmAfter>,
    /// When they said last that what is registered is right.
    pub confirmed_at: Option<Timestamp>,
}

impl Standing {
    /// Everything that the person can prove with. Of security questions that is only as many as the tenant asks.
    pub fn methods(&self, tenant: &Tenant, user: &User) -> Vec<Method> {
        let has = |method: &Method| match method {
            Method::Mail => user.code_address(AddressKind::default()).is_some(),
            Method::Sms => user.code_mobile().is_some(),
            Method::App => self.app,
            Method::Passkey => self.passkeys > 0,
            Method::RecoveryCode => self.recovery_codes > 0,
            Method::Questions => self.questions >= u32::from(tenant.questions.to_ask()),
            Method::TemporaryPass => self.temporary_pass,
        };
        Method::ALL.into_iter().filter(has).collect()
    }

    /// After how long they are asked to look through what they registered: as a group of theirs says, or the tenant. A group's policy
    /// never holds for administrators.
    pub fn reconfirm_after(&self, tenant: &Tenant) -> ReconfirmAfter {
        self.group_reconfirm.filter(|_| !self.administrator).unwrap_or(tenant.reconfirm_after)
    }

    /// The policy that holds for the person: that of administrators, of their group, or of the tenant.
    pub fn policy(&self, tenant: &Tenant) -> GatePolicy {
        match &self.group_policy {
            _ if self.administrator => GatePolicy::of_administrators(),
            Some(own) => own.clone(),
            None => tenant.gate_policy.clone(),
        }
    }

    /// How many of the methods that hold for them they have registered.
    pub fn registered(&self, tenant: &Tenant, user: &User) -> usize {
        let (policy, has) = (self.policy(tenant), self.methods(tenant, user));
        policy.methods().iter().filter(|method| method.is_registered() && has.contains(method)).count()
    }
}

/// The gates before a person who may reset. It is computed before the first gate and withheld until one is passed.
///
/// # Errors
/// The code to tell after a gate, by mail, or at the help desk: what [`may_reset`] says, or
/// [`SsprCode::NotProperlyConfigured`] for whoever has too little to pass the gates.
pub fn gates(tenant: &Tenant, user: &User, standing: &Standing) -> Result<Gates, SsprCode> {
    may_reset(tenant, user)?;
    match lacking(tenant, user, standing) {
        Some(_) => Err(SsprCode::NotProperlyConfigured),
        None => {
            let gates = standing.policy(tenant).before(&standing.methods(tenant, user));
            gates.ok_or(SsprCode::NotProperlyConfigured)
        }
    }
}

/// What somebody lacks to pass the gates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lacking {
    /// Further methods, of those that hold for them.
    Methods,
    /// One of these, which are what the pages begin with: the same for every name, whatever holds for an administrator.
    First(Vec<Method>),
}

/// What somebody lacks to pass the gates; `None` if they can.
pub fn lacking(tenant: &Tenant, user: &User, standing: &Standing) -> Option<Lacking> {
    let Some(gates) = standing.policy(tenant).before(&standing.methods(tenant, user)) else {
        return Some(Lacking::Methods);
    };
    let begins = tenant.gate_policy.begins_with();
    if gates.choices().iter().any(|method| begins.contains(method)) {
        return None;
    }
    let theirs = standing.policy(tenant);
    Some(Lacking::First(begins.into_iter().filter(|method| theirs.allows(*method)).collect()))
}

/// What somebody is asked to do about what opens their gates, once they have proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// To register: they have less than they are asked for, or could not pass their gates.
    Register,
    /// To look through what is registered.
    Confirm {
        /// When they did so last, or came.
        since: Timestamp,
    },
}

/// So long after a mail that told somebody what is due, no further one comes.
pub const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(30 * 24 * 3_600);

/// What a person is asked to do now; `None` for whoever may not reset.
pub fn due(tenant: &Tenant, user: &User, standing: &Standing, now: Timestamp) -> Option<Due> {
    // Whoever may not reset is asked for nothing that would open the gates before it.
    may_reset(tenant, user).ok()?;
    let wanted = usize::from(standing.policy(tenant).to_register());
    let lacks = match lacking(tenant, user, standing) {
        // What nobody can register they are not led to for ever: it takes an administrator, or the help desk.
        Some(Lacking::First(methods)) => methods.iter().any(|method| method.is_registered()),
        Some(Lacking::Methods) => true,
        None => false,
    };
    if standing.registered(tenant, user) < wanted || lacks {
        return Some(Due::Register);
    }
    let since = standing.confirmed_at.unwrap_or(user.created_at);
    standing.reconfirm_after(tenant).is_over(since, now).then_some(Due::Confirm { since })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::tests::{person, tenant};
    use crate::licence::{Grant, Licensing};

    #[test]
    fn each_missing_thing_has_its_code() {
        let (mut tenant, user) = (tenant(), person());
        let nothing = Standing::default();
        assert_eq!(gates(&tenant, &user, &nothing).unwrap().choices(), [Method::Mail]);

        let unreachable = User { alternate_mail: None, registered_mail: None, ..user.clone() };
        let empty = User { alternate_mail: Some(String::new()), registered_mail: None, ..user.clone() };
        for user in [&unreachable, &empty] {
            assert_eq!(gates(&tenant, user, &nothing), Err(SsprCode::NotProperlyConfigured));
            assert_eq!(person_allowed(&tenant, user), Ok(()), "that is what registering is for");
        }
        let app = Standing { app: true, ..nothing.clone() };
        assert_eq!(gates(&tenant, &unreachable, &app).unwrap().choices(), [Method::App]);
        let paper = Standing { recovery_codes: 1, ..nothing.clone() };
        assert_eq!(gates(&tenant, &unreachable, &paper).unwrap().choices(), [Method::RecoveryCode]);
        let answers = Standing { questions: 3, ..nothing.clone() };
        assert_eq!(
            gates(&tenant, &unreachable, &answers),
            Err(SsprCode::NotProperlyConfigured),
            "not allowed"
        );
        let asking = Tenant {
            gate_policy: GatePolicy::new(2, vec![Method::App, Method::Questions], 2, true).unwrap(),
            ..tenant.clone()
        };
        assert_eq!(
            gates(&asking, &unreachable, &answers),
            Err(SsprCode::NotProperlyConfigured),
            "no first gate"
        );
        let both = Standing { app: true, ..answers.clone() };
        assert_eq!(gates(&asking, &unreachable, &both).unwrap().choices(), [Method::App]);
        let few = Standing { questions: 2, ..both };
        assert_eq!(gates(&asking, &unreachable, &few), Err(SsprCode::NotProperlyConfigured));
        let disabled = User { enabled: false, ..user.clone() };
        assert_eq!(gates(&tenant, &disabled, &app), Err(SsprCode::NotEnabledInPolicy));

        let elsewhere = User { selected: false, ..user.clone() };
        assert_eq!(gates(&tenant, &elsewhere, &app), Err(SsprCode::NotInGroup));
        // What the tenant does not allow opens nothing.
        tenant.gate_policy = GatePolicy::by_mail();
        assert_eq!(gates(&tenant, &unreachable, &app), Err(SsprCode::NotProperlyConfigured));
        // Whoever administers the tenant passes two gates, whatever it demands of others.
        let administrator = Standing { administrator: true, ..app.clone() };
        assert_eq!(gates(&tenant, &user, &administrator).unwrap().required(), 2);
        let alone = Standing { administrator: true, ..nothing.clone() };
        assert_eq!(gates(&tenant, &user, &alone), Err(SsprCode::NotProperlyConfigured));

        // And the first of them is one of those that the pages begin with.
        let paper = Standing { administrator: true, recovery_codes: 1, ..nothing.clone() };
        assert!(gates(&tenant, &user, &paper).is_ok());
        tenant.gate_policy = GatePolicy::new(1, vec![Method::TemporaryPass, Method::App], 1, true).unwrap();
        assert_eq!(gates(&tenant, &user, &paper), Err(SsprCode::NotProperlyConfigured));
        assert_eq!(lacking(&tenant, &user, &paper), Some(Lacking::First(vec![Method::App])));
        assert_eq!(lacking(&tenant, &user, &alone), Some(Lacking::Methods));
        assert!(gates(&tenant, &user, &administrator).is_ok());

        tenant.writeback_enabled = false;
        assert_eq!(person_allowed(&tenant, &user), Err(SsprCode::WritebackNotEnabled));
        tenant.sspr_enabled = false;
        assert_eq!(tenant_allows(&tenant), Err(SsprCode::TenantDisabled));
    }

    #[test]
    fn a_cloud_only_person_changes_without_a_licence_and_resets_with_one() {
        let tenant = Tenant { licensing: Licensing::Assigned, writeback_enabled: false, ..tenant() };
        let cloud_only = User { mastered: Mastered::CloudOnly, alternate_mail: None, ..person() };
        assert_eq!(person_allowed(&tenant, &cloud_only), Ok(()));
        assert_eq!(may_reset(&tenant, &cloud_only), Err(SsprCode::NotLicensed));
        let nothing = Standing::default();
        assert_eq!(gates(&tenant, &cloud_only, &nothing), Err(SsprCode::NotLicensed));
        // Whoever could not use it is asked to register nothing.
        assert_eq!(due(&tenant, &cloud_only, &nothing, cloud_only.created_at), None);
        let licensed = User { licence: Grant::CloudReset, ..cloud_only };
        assert_eq!(may_reset(&tenant, &licensed), Ok(()));
        assert_eq!(due(&tenant, &licensed, &nothing, licensed.created_at), Some(Due::Register));
        let disabled = User { enabled: false, ..licensed };
        assert_eq!(person_allowed(&tenant, &disabled), Err(SsprCode::NotEnabledInPolicy));
    }

    #[test]
    fn an_administrator_gives_a_password_whatever_self_service_says() {
        let tenant = Tenant { sspr_enabled: false, licensing: Licensing::Assigned, ..tenant() };
        let hybrid = User { licence: Grant::Writeback, selected: false, ..person() };
        assert_eq!(may_be_given_a_password(&tenant, &hybrid), Ok(()));
        let without = User { licence: Grant::CloudReset, ..hybrid.clone() };
        assert_eq!(may_be_given_a_password(&tenant, &without), Err(SsprCode::NotLicensed));
        let cloud_only = User { mastered: Mastered::CloudOnly, ..without };
        // They could change it nowhere.
        assert_eq!(may_be_given_a_password(&tenant, &cloud_only), Err(SsprCode::TenantDisabled));
        let on = Tenant { sspr_enabled: true, ..tenant.clone() };
        assert_eq!(may_be_given_a_password(&on, &cloud_only), Ok(()));
        let disabled = User { enabled: false, ..cloud_only };
        assert_eq!(may_be_given_a_password(&tenant, &disabled), Err(SsprCode::NotEnabledInPolicy));
        let off = Tenant { writeback_enabled: false, ..tenant };
        assert_eq!(may_be_given_a_password(&off, &hybrid), Err(SsprCode::WritebackNotEnabled));
    }

    #[test]
    fn a_group_of_a_directory_says_nothing_about_the_tenants_own_people() {
        let cloud_only = User { mastered: Mastered::CloudOnly, selected: false, ..person() };
        assert_eq!(person_allowed(&tenant(), &cloud_only), Ok(()));
        let hybrid = User { selected: false, ..person() };
        assert_eq!(person_allowed(&tenant(), &hybrid), Err(SsprCode::NotInGroup));
    }

    #[test]
    fn nobody_is_led_for_ever_to_what_they_can_not_register() {
        // The pages begin with what administrators may not use, or can't register.
        let gate_policy = GatePolicy::new(1, vec![Method::TemporaryPass, Method::Sms], 1, true);
        let tenant = Tenant { gate_policy: gate_policy.unwrap(), ..tenant() };
        let standing = Standing {
            administrator: true,
            app: true,
            passkeys: 1,
            recovery_codes: 4,
            ..Standing::default()
        };
        assert_eq!(gates(&tenant, &person(), &standing), Err(SsprCode::NotProperlyConfigured));
        assert_eq!(due(&tenant, &person(), &standing, person().created_at), None);
        let less = Standing { app: false, passkeys: 0, recovery_codes: 0, ..standing };
        let alone = User { alternate_mail: None, registered_mail: None, ..person() };
        assert_eq!(due(&tenant, &alone, &less, alone.created_at), Some(Due::Register));
    }

    #[test]
    fn a_groups_policy_holds_for_its_people_and_never_for_administrators() {
        let (tenant, user) = (tenant(), person());
        let two = GatePolicy::new(2, vec![Method::Mail, Method::App], 2, true).unwrap();
        let theirs = Standing { group_policy: Some(two), ..Standing::default() };
        assert_eq!(gates(&tenant, &user, &theirs), Err(SsprCode::NotProperlyConfigured));
        let theirs = Standing { app: true, ..theirs };
        assert_eq!(gates(&tenant, &user, &theirs).unwrap().required(), 2);
        // A weaker one takes nothing from what administrators pass.
        let one = GatePolicy::new(1, vec![Method::TemporaryPass, Method::Mail], 1, true).unwrap();
        let weak = Standing { administrator: true, group_policy: Some(one), ..Standing::default() };
        assert_eq!(weak.policy(&tenant), GatePolicy::of_administrators());
        // The pages begin with what the tenant allows, the same for every name; so whoever has none of that needs one.
        let elsewhere = GatePolicy::new(1, vec![Method::App], 1, true).unwrap();
        let by_mail = Tenant { gate_policy: GatePolicy::by_mail(), ..tenant };
        let stuck = Standing { app: true, group_policy: Some(elsewhere), ..Standing::default() };
        assert_eq!(gates(&by_mail, &user, &stuck), Err(SsprCode::NotProperlyConfigured));
        // To register that is no use: it does not count for them, and they are not led to it.
        assert_eq!(due(&by_mail, &user, &stuck, user.created_at), None);
    }

    #[test]
    fn people_are_asked_to_register_first_and_to_confirm_when_it_is_time() {
        let (mut tenant, user) = (tenant(), person());
        let day = Duration::from_secs(24 * 3_600);
        let (came, nothing) = (user.created_at, Standing::default());
        tenant.reconfirm_after = ReconfirmAfter::from_days(30).unwrap();
        assert_eq!(due(&tenant, &user, &nothing, came.plus(day * 30 - Duration::from_millis(1))), None);
        let late = came.plus(day * 30);
        assert_eq!(due(&tenant, &user, &nothing, late), Some(Due::Confirm { since: came }));
        let confirmed = Standing { confirmed_at: Some(late), ..nothing.clone() };
        assert_eq!(due(&tenant, &user, &confirmed, late.plus(day * 29)), None);
        assert_eq!(due(&tenant, &user, &confirmed, late.plus(day * 30)), Some(Due::Confirm { since: late }));
        // Whoever lacks something is asked for that, confirmed or not.
        tenant.gate_policy = GatePolicy::new(1, vec![Method::Mail, Method::App], 2, true).unwrap();
        assert_eq!(due(&tenant, &user, &confirmed, late), Some(Due::Register));
        let enough = Standing { app: true, ..confirmed };
        assert_eq!(due(&tenant, &user, &enough, late), None);
        tenant.reconfirm_after = ReconfirmAfter::NEVER;
        assert_eq!(due(&tenant, &user, &enough, late.plus(day * 10_000)), None);
        // What a group says holds for its people in the place of that, and for no administrator.
        let of_group = Standing { group_reconfirm: ReconfirmAfter::from_days(7), ..enough };
        assert_eq!(due(&tenant, &user, &of_group, late.plus(day * 7)), Some(Due::Confirm { since: late }));
        let administrator = Standing { administrator: true, ..of_group.clone() };
        assert_eq!(administrator.reconfirm_after(&tenant), ReconfirmAfter::NEVER);
        tenant.reconfirm_after = ReconfirmAfter::from_days(1).unwrap();
        assert_eq!(due(&tenant, &user, &of_group, late.plus(day * 6)), None);
        assert_eq!(ReconfirmAfter::from_days(731), None);
        assert_eq!(ReconfirmAfter::from_days(730).map(ReconfirmAfter::days), Some(730));
    }
}
