//! `[[forest.domain]]`: further domains of a forest, each served like a forest of its own. What a domain does not say is as its forest has it.

use std::ops::Range;
use std::path::PathBuf;

use ritorno_directory::Transport;
use serde::Deserialize;
use toml::Spanned;

use super::FileForest;

/// The table, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    name: Spanned<String>,
    netbios_name: Option<String>,
    hosts: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    preferred: Vec<String>,
    only_preferred: Option<Spanned<bool>>,
    write_elsewhere: Option<Spanned<bool>>,
    show_at: Option<Spanned<Vec<String>>>,
    account: Option<Spanned<String>>,
    password_file: Option<Spanned<PathBuf>>,
    keytab_file: Option<Spanned<PathBuf>>,
    #[serde(default)]
    scope: Vec<String>,
    groups: Option<Spanned<Vec<String>>>,
    fill_consistency_guid: Option<Spanned<bool>>,
}

/// Each forest, followed by its further domains.
pub(super) fn each(forests: Vec<FileForest>) -> Result<Vec<FileForest>, (Range<usize>, String)> {
    let mut all: Vec<FileForest> = Vec::new();
    for mut forest in forests {
        let domains = std::mem::take(&mut forest.domain);
        if let Some(first) = domains.first().filter(|_| forest.openldap.is_some()) {
            let reason = "an OpenLDAP server has no domains: name what people are below in its `scope`";
            return Err((first.name.span(), reason.to_owned()));
        }
        let further: Result<Vec<_>, _> = domains.into_iter().map(|domain| domain.within(&forest)).collect();
        let further = further?;
        all.push(forest);
        all.extend(further);
    }
    let name = |forest: &FileForest| forest.name.get_ref().trim().to_lowercase();
    for (at, forest) in all.iter().enumerate() {
        if all[..at].iter().any(|earlier| name(earlier) == name(forest)) {
            return Err((forest.name.span(), format!("'{}' is there already", name(forest))));
        }
    }
    Ok(all)
}

impl File {
    fn within(self, forest: &FileForest) -> Result<FileForest, (Range<usize>, String)> {
        let by_kerberos = forest.transport.map(Transport::from) == Some(Transport::Kerberos)
            || self.keytab_file.is_some()
            || (self.password_file.is_none() && forest.keytab_file.is_some());
        if by_kerberos && (self.hosts.is_none() || self.account.is_none()) {
            let reason = "with Kerberos a domain is a realm of its own: name an `account` of it, and controllers of it in `hosts`";
            return Err((self.name.span(), reason.to_owned()));
        }
        let own_secret = self.password_file.is_some() || self.keytab_file.is_some();
        if let Some(account) = self.account.as_ref().filter(|_| !own_secret && forest.keytab_file.is_none()) {
            let reason = "an account of its own has a `password_file` or a `keytab_file` of its own";
            return Err((account.span(), reason.to_owned()));
        }
        let inherited = |own: Option<Spanned<PathBuf>>, of_forest: &Option<Spanned<PathBuf>>| {
            if own_secret { own } else { of_forest.clone() }
        };
        Ok(FileForest {
            password_file: inherited(self.password_file, &forest.password_file),
            keytab_file: inherited(self.keytab_file, &forest.keytab_file),
            hosts: self.hosts.unwrap_or_else(|| forest.hosts.clone()),
            account: self.account.unwrap_or_else(|| forest.account.clone()),
            name: self.name,
            netbios_name: self.netbios_name,
            preferred: self.preferred,
            only_preferred: self.only_preferred,
            write_elsewhere: self.write_elsewhere,
            show_at: self.show_at,
            scope: self.scope,
            groups: self.groups,
            fill_consistency_guid: self
                .fill_consistency_guid
                .or_else(|| forest.fill_consistency_guid.clone()),
            ..forest.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Config, ConfigError};

    const FOREST: &str = r#"state_dir = "/var/lib/ritorno-agent"
[[forest]]
name = "contoso.test"
netbios_name = "CONTOSO"
hosts = ["dc1.contoso.test"]
dns_servers = ["10.0.0.1"]
account = "svc-ritorno@contoso.test"
password_file = "p"
ca_file = "c"
preferred = ["dc2.contoso.test"]
fill_consistency_guid = true
scope = ["OU=People,DC=contoso,DC=test"]
[forest.attributes]
alternate_mail = "info"
mobile = "pager"
"#;

    fn parse(domains: &str) -> Result<Config, ConfigError> {
        Config::parse(Path::new("agent.toml"), &format!("{FOREST}{domains}"))
    }

    #[test]
    fn each_domain_is_served_as_its_forest_but_for_what_it_says() {
        let domains = r#"[[forest.domain]]
name = "EMEA.contoso.test"
scope = ["OU=People,DC=emea,DC=contoso,DC=test"]
[[forest.domain]]
name = "wingtip.test"
netbios_name = "WING"
hosts = ["dc9.wingtip.test"]
account = "svc@wingtip.test"
password_file = "q"
write_elsewhere = true
fill_consistency_guid = false
"#;
        let forests = parse(domains).unwrap().forests;
        let names: Vec<_> =
            forests.iter().map(|one| (one.name.0.as_str(), one.netbios_name.as_str())).collect();
        assert_eq!(
            names,
            [("contoso.test", "CONTOSO"), ("emea.contoso.test", "EMEA"), ("wingtip.test", "WING")]
        );
        let [root, child, tree] = &forests[..] else { panic!("three") };
        assert_eq!(
            (&child.hosts, &child.account),
            (&root.hosts, &root.account),
            "found through the forest's"
        );
        assert_eq!(child.access.secret, root.access.secret);
        assert_eq!(child.scope, ["OU=People,DC=emea,DC=contoso,DC=test"]);
        assert!(
            child.preferred.is_empty() && !child.write_elsewhere,
            "another domain's controllers are not its own"
        );
        assert_eq!(tree.hosts, ["dc9.wingtip.test"]);
        assert_eq!(tree.access.secret.file(), Path::new("q"));
        assert!(tree.scope.is_empty() && tree.write_elsewhere);
        assert_eq!(
            forests.iter().map(|one| one.fill_consistency_guid).collect::<Vec<_>>(),
            [true, true, false]
        );
        for domain in [child, tree] {
            assert_eq!(domain.dns_servers, root.dns_servers);
            assert_eq!(domain.attributes.alternate_mail, "info");
            assert_eq!(domain.attributes.mobile, "pager");
            assert_eq!(domain.access.ca_file, root.access.ca_file);
        }
    }

    #[test]
    fn errors_name_line_and_key() {
        let complaint = |domains: &str| parse(domains).unwrap_err().to_string();
        let emea = "[[forest.domain]]\nname = \"emea.contoso.test\"\n";
        for (lines, expected) in [
            (format!("{emea}host = []\n"), "line 18, key 'host': unknown field"),
            (format!("{emea}{emea}"), "line 19, key 'name': 'emea.contoso.test' is there already"),
            (emea.replace("emea.", ""), "line 17, key 'name': 'contoso.test' is there already"),
            (
                format!("{emea}account = \"svc@emea.contoso.test\"\n"),
                "line 18, key 'account': an account of its own",
            ),
            (
                format!("{emea}keytab_file = \"k\"\n"),
                "line 17, key 'name': with Kerberos a domain is a realm",
            ),
            (format!("{emea}groups = [\"Groups\"]\n"), "line 18, key 'groups': 'Groups' is no DN"),
            (emea.replace("emea.contoso.test", "emea"), "line 17, key 'name': 'emea' is no DNS name"),
        ] {
            let said = complaint(&lines);
            assert!(said.contains(expected), "{said}");
        }
        let sealed = FOREST.replace("ca_file = \"c\"", "transport = \"kerberos\"");
        let said =
            Config::parse(Path::new("agent.toml"), &format!("{sealed}{emea}")).unwrap_err().to_string();
        assert!(said.contains("line 17, key 'name': with Kerberos a domain is a realm"), "{said}");
        let openldap = FOREST
            .replace("preferred = [\"dc2.contoso.test\"]\nfill_consistency_guid = true\n", "")
            .replace("svc-ritorno@contoso.test", "cn=a");
        let text = format!("{openldap}[forest.openldap]\n{emea}");
        let said = Config::parse(Path::new("agent.toml"), &text).unwrap_err().to_string();
        assert!(said.contains("key 'name': an OpenLDAP server has no domains"), "{said}");
    }
}
