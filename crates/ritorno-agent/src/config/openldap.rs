//! The `[forest.openldap]` table: with it a `[[forest]]` is an OpenLDAP server and no Active Directory.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::FileForest;

/// The table, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    port: Spanned<u16>,
    policy: Option<Spanned<String>>,
    protected_groups: Spanned<Vec<String>>,
    login: String,
    user_principal_name: String,
    one_server_per_host: bool,
}

impl Default for File {
    fn default() -> Self {
        Self {
            port: Spanned::new(0..0, 636),
            policy: None,
            protected_groups: Spanned::new(0..0, Vec::new()),
            login: "uid".to_owned(),
            user_principal_name: "mail".to_owned(),
            one_server_per_host: false,
        }
    }
}

/// What an OpenLDAP server has of its own.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Port of LDAPS.
    pub(crate) port: u16,
    /// DN of the policy of whoever has none of their own.
    pub(crate) policy: Option<String>,
    /// Groups whose members are never touched.
    pub(crate) protected_groups: Vec<String>,
    /// The attribute with the account's name.
    pub(crate) login: String,
    /// The attribute with the name that people sign in with.
    pub(crate) user_principal_name: String,
    /// That no two servers share the name of a host.
    pub(crate) one_server_per_host: bool,
}

/// Checks what such a forest must have and can't have.
pub(super) fn check(forest: &FileForest) -> Result<Option<Settings>, (Range<usize>, String)> {
    let Some(spanned) = &forest.openldap else { return Ok(None) };
    let file = spanned.get_ref();
    let not_here = |span: Range<usize>, why: &str| Err((span, why.to_owned()));
    let is_dn = |text: &str| text.contains('=');
    if forest.scope.is_empty() {
        let why = "no `scope` beside it: name the entries that people are below, such as ou=people,dc=contoso,dc=test";
        return not_here(spanned.span(), why);
    }
    if !forest.preferred.is_empty() {
        return not_here(
            spanned.span(),
            "`preferred` is for domain controllers: name the servers in `hosts`",
        );
    }
    if let Some(only) = &forest.only_preferred {
        return not_here(only.span(), "is for domain controllers: an OpenLDAP server is named in `hosts`");
    }
    if let Some(keytab) = &forest.keytab_file {
        return not_here(
            keytab.span(),
            "is for domain controllers: an OpenLDAP server is signed in to with a password",
        );
    }
    if forest.transport.is_some() {
        return not_here(spanned.span(), "`transport` is for domain controllers: this one is LDAPS");
    }
    if let Some(elsewhere) = &forest.write_elsewhere {
        return not_here(
            elsewhere.span(),
            "is for domain controllers: the servers that take writes are those in `hosts`",
        );
    }
    if let Some(fill) = &forest.fill_consistency_guid {
        return not_here(fill.span(), "is for domain controllers: an OpenLDAP server has no such attribute");
    }
    if let Some(hosts) = &forest.show_at {
        return not_here(hosts.span(), "is for domain controllers");
    }
    if !is_dn(forest.account.get_ref()) {
        let why = format!(
            "'{}' is no DN, such as uid=svc-ritorno,ou=services,dc=contoso,dc=test",
            forest.account.get_ref()
        );
        return Err((forest.account.span(), why));
    }
    if *file.port.get_ref() == 389 {
        return not_here(
            file.port.span(),
            "389 is plain LDAP, which no password is sent over: name the port of LDAPS",
        );
    }
    if let Some(policy) = file.policy.as_ref().filter(|policy| !is_dn(policy.get_ref())) {
        return Err((policy.span(), format!("'{}' is no DN of a policy", policy.get_ref())));
    }
    let groups = file.protected_groups.get_ref();
    if let Some(group) = groups.iter().find(|group| !is_dn(group)) {
        return Err((file.protected_groups.span(), format!("'{group}' is no DN of a group")));
    }
    Ok(Some(Settings {
        port: *file.port.get_ref(),
        policy: file.policy.as_ref().map(|policy| policy.get_ref().clone()),
        protected_groups: groups.clone(),
        login: file.login.clone(),
        user_principal_name: file.user_principal_name.clone(),
        one_server_per_host: file.one_server_per_host,
    }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;

    const GOOD: &str = r#"state_dir = "/var/lib/ritorno-agent"

[[forest]]
name = "tailspin.test"
hosts = ["ldap1.tailspin.test"]
account = "uid=svc-ritorno,ou=services,dc=tailspin,dc=test"
password_file = "/etc/ritorno-agent/password"
ca_file = "/etc/ritorno-agent/ca.pem"
scope = ["ou=people,dc=tailspin,dc=test"]

[forest.openldap]
policy = "cn=default,ou=policies,dc=tailspin,dc=test"
"#;

    #[test]
    fn it_is_read_and_errors_name_the_line_and_the_key() {
        let parse = |text: &str| Config::parse(Path::new("agent.toml"), text);
        let read = parse(GOOD).unwrap().forests.remove(0).openldap.unwrap();
        assert_eq!((read.port, read.login.as_str(), read.user_principal_name.as_str()), (636, "uid", "mail"));
        assert!(!read.one_server_per_host, "only the administrator knows");
        let of_groups = GOOD.replace("scope =", "groups = [\"ou=groups,dc=tailspin,dc=test\"]\nscope =");
        assert_eq!(parse(&of_groups).unwrap().forests[0].groups, ["ou=groups,dc=tailspin,dc=test"]);
        for (from, to, complaint) in [
            (
                "account = \"uid=svc-ritorno,ou=services,dc=tailspin,dc=test\"",
                "account = \"svc@tailspin.test\"",
                "line 6, key 'account'",
            ),
            ("scope = [\"ou=people,dc=tailspin,dc=test\"]", "", "line 11, key 'forest.openldap': no `scope`"),
            ("scope =", "preferred = [\"x\"]\nscope =", "key 'forest.openldap': `preferred`"),
            ("scope =", "keytab_file = \"k\"\nscope =", "line 9, key 'keytab_file'"),
            ("scope =", "transport = \"starttls\"\nscope =", "key 'forest.openldap': `transport`"),
            ("scope =", "only_preferred = false\nscope =", "line 9, key 'only_preferred'"),
            (
                "policy = \"cn=default,ou=policies,dc=tailspin,dc=test\"",
                "policy = \"default\"",
                "line 12, key 'policy'",
            ),
            ("scope =", "write_elsewhere = true\nscope =", "line 9, key 'write_elsewhere'"),
            (
                "scope =",
                "fill_consistency_guid = true\nscope =",
                "line 9, key 'fill_consistency_guid': is for domain",
            ),
            ("scope =", "show_at = [\"x\"]\nscope =", "line 9, key 'show_at'"),
            (
                "scope =",
                "groups = [\"ou=groups,dc=tailspin,dc=test\", \"groups\"]\nscope =",
                "line 9, key 'groups': 'groups' is no DN",
            ),
            ("scope =", "groups = \"ou=groups\"\nscope =", "line 9, key 'groups': invalid type"),
            ("policy =", "port = 389\npolicy =", "line 12, key 'port'"),
            ("policy =", "protected_groups = [\"admins\"]\npolicy =", "line 12, key 'protected_groups'"),
            ("policy =", "polcy =", "line 12, key 'polcy'"),
        ] {
            assert!(GOOD.contains(from));
            let said = parse(&GOOD.replace(from, to)).unwrap_err().to_string();
            assert!(said.contains(complaint), "{said}");
        }
    }
}
