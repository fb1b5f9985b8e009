//! Where the password of a name is judged: by the name's domain, which is the tenant's choice and tells nothing about anybody.

use serde::{Deserialize, Serialize};

use crate::name::SignInName;
use crate::tenant::Tenant;

/// Where the password of a name is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Realm {
    /// On premises, by an agent, to which it goes sealed.
    #[default]
    Directory,
    /// Here: the tenant itself is the directory of the people of this domain.
    Cloud,
}

impl Realm {
    /// The realm of a name, anybody's or nobody's.
    pub fn of(tenant: &Tenant, name: &SignInName) -> Self {
        match name.as_str().rsplit_once('@') {
            Some((_, domain)) if name.is_principal() => Self::of_domain(tenant, domain),
            _ => Self::Directory,
        }
    }

    /// The realm of a domain. Those below it are others.
    pub fn of_domain(tenant: &Tenant, domain: &str) -> Self {
        let cloud = tenant.cloud_domains.iter().any(|cloud| cloud.eq_ignore_ascii_case(domain.trim()));
        if cloud { Self::Cloud } else { Self::Directory }
    }

    /// The realm in which most is possible: what is true of it is true of the whole tenant.
    pub const fn widest(tenant: &Tenant) -> Self {
        if tenant.cloud_domains.is_empty() { Self::Directory } else { Self::Cloud }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::tests::tenant;

    #[test]
    fn the_domain_decides_and_nothing_else() {
        let tenant = Tenant { cloud_domains: vec!["cloud.contoso.test".into()], ..tenant() };
        let of = |name| Realm::of(&tenant, &SignInName::parse(name).unwrap());
        assert_eq!(of("anna@Cloud.Contoso.TEST"), Realm::Cloud);
        assert_eq!(of("nobody@cloud.contoso.test"), Realm::Cloud);
        for elsewhere in [
            "anna@contoso.test",
            "anna@x.cloud.contoso.test",
            "anna@xcloud.contoso.test",
            "a@cloud.contoso.test\\b",
        ] {
            assert_eq!(of(elsewhere), Realm::Directory, "{elsewhere}");
        }
        assert_eq!(of("cloud.contoso.test\\anna@cloud.contoso.test"), Realm::Directory, "an account's name");
        assert_eq!(Realm::widest(&tenant), Realm::Cloud);
        assert_eq!(Realm::widest(&Tenant { cloud_domains: Vec::new(), ..tenant }), Realm::Directory);
    }
}
