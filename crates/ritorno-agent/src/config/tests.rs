//! What a configuration may say, and how an error is told.

use super::*;

const GOOD: &str = r#"state_dir = "/var/lib/ritorno-agent"

[[forest]]
name = "Contoso.test"
hosts = ["dc1.contoso.test"]
account = "svc-ritorno@contoso.test"
password_file = "/etc/ritorno-agent/password"
ca_file = "/etc/ritorno-agent/ca.pem"

[limits]
resets_per_minute = 60
"#;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(Path::new("agent.toml"), text)
}

fn complaint(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from));
    parse(&GOOD.replace(from, to)).unwrap_err().to_string()
}

#[test]
fn the_example_is_valid() {
    let config = parse(include_str!("../../agent.example.toml")).unwrap();
    assert_eq!(config.forests.len(), 1);
    assert_eq!(config.mode, Mode::Active);
    assert!(
        !config.forests[0].fill_consistency_guid,
        "what writes into the directory is off unless it is asked for"
    );
}

#[test]
fn names_are_made_uniform() {
    let config = parse(GOOD).unwrap();
    assert_eq!(config.forests[0].name, Forest("contoso.test".into()));
    assert_eq!(config.forests[0].netbios_name, "CONTOSO");
    assert_eq!(config.sync.every, Some(Duration::from_secs(30)));
    assert_eq!(config.sync.reconcile_at, time::macros::time!(02:30));
}

#[test]
fn errors_name_file_line_and_key() {
    assert_eq!(
        complaint("account = \"svc-ritorno@contoso.test\"", "account = \"svc-ritorno\""),
        "agent.toml, line 6, key 'account': 'svc-ritorno' is neither a UPN (name@contoso.test) nor a DN (CN=...)"
    );
    assert!(
        complaint("resets_per_minute = 60", "resets_per_minute = 0")
            .starts_with("agent.toml, line 11, key 'resets_per_minute': 0 would refuse every request")
    );
    assert!(
        complaint("resets_per_minute", "reset_per_minute")
            .starts_with("agent.toml, line 11, key 'reset_per_minute': unknown field")
    );
    assert!(
        complaint("[\"dc1.contoso.test\"]", "[]").starts_with("agent.toml, line 5, key 'hosts': no host")
    );
    let proxied = |url: &str| {
        let text = format!("{GOOD}\n[proxy]\nurl = \"{url}\"\n");
        parse(&text).map(|config| config.proxy.unwrap().url.to_string()).map_err(|error| error.to_string())
    };
    assert_eq!(proxied("http://proxy.test:3128").unwrap(), "http://proxy.test:3128/");
    for (url, reason) in
        [("proxy.test:3128", "no proxy's address"), ("http://u:p@proxy.test", "'password_file'")]
    {
        let complaint = proxied(url).unwrap_err();
        assert!(complaint.starts_with("agent.toml, line 14, key 'url'"), "{complaint}");
        assert!(complaint.contains(reason), "{complaint}");
    }
    let with = |lines: &str| parse(&format!("{GOOD}{lines}")).unwrap_err().to_string();
    assert_eq!(
        with("[sync]\nreconcile_at = \"half past two\"\n"),
        "agent.toml, line 13, key 'reconcile_at': 'half past two' is no time of day, such as \"02:30\" (in UTC)"
    );
    assert!(with("[sync]\nevery_seconds = 1\n").contains("key 'every_seconds': 1 s are too short"));
    assert!(
        with("deletions_percent = 101\n").contains("key 'deletions_percent': a percentage is at most 100")
    );
    assert!(
        complaint("[limits]", "only_preferred = true\n[limits]")
            .starts_with("agent.toml, line 10, key 'only_preferred': true, and no host is preferred")
    );
    let fill = complaint("[limits]", "fill_consistency_guid = \"yes\"\n[limits]");
    assert!(
        fill.starts_with("agent.toml, line 10, key 'fill_consistency_guid': invalid type: string"),
        "{fill}"
    );
    assert!(complaint("state_dir = \"/var/lib/ritorno-agent\"", "").contains("state_dir"));
    assert!(parse("state_dir = \"x\"\n").unwrap_err().to_string().contains("[[forest]]"));
}
