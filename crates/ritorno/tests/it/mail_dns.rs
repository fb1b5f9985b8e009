//! `mail test` and `mail status` with real DNS: a zone of its own on the lab's domain controller, with good and bad records.

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result, ensure};
use ritorno_lab::forest::ForestHandle;
use ritorno_lab::mail::MailServer;
use ritorno_lab::{Forest, Lab};
use serde_json::Value;

use crate::place::Place;

const ZONE: &str = "arrives.test";

/// Name below the zone, type and data as `samba-tool dns add` takes them. `HOST` is the mail server's address.
const RECORDS: &[(&str, &str, &str)] = &[
    ("mx", "A", "HOST"),
    ("mx", "AAAA", "2001:db8::25"),
    // All as it should be; the key is in two strings, as long ones are.
    ("good", "MX", "mx.arrives.test 10"),
    ("good", "TXT", "'v=spf1 mx -all'"),
    ("good", "TXT", "'some-other-service=1'"),
    ("_dmarc.good", "TXT", "'v=DMARC1; p=reject; rua=mailto:dmarc@good.arrives.test'"),
    ("s1._domainkey.good", "TXT", "'v=DKIM1; k=ed25519; ' 'p=BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc='"),
    ("revoked._domainkey.good", "TXT", "'v=DKIM1; p='"),
    ("short._domainkey.good", "TXT", "'v=DKIM1; p=BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc='"),
    (
        "trial._domainkey.good",
        "TXT",
        "'v=DKIM1; t=y; k=ed25519; p=BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc='",
    ),
    ("two._domainkey.good", "TXT", "'v=DKIM1; p='"),
    ("two._domainkey.good", "TXT", "'v=DKIM1; p=BwcH'"),
    // By way of others, and a policy that asks for nothing, of the domain above.
    ("deep.org", "MX", "mx.arrives.test 10"),
    ("deep.org", "TXT", "'v=spf1 redirect=_spf.arrives.test'"),
    ("_spf", "TXT", "'v=spf1 include:_more.arrives.test ~all'"),
    ("_more", "TXT", "'v=spf1 ip4:HOST/32 -all'"),
    ("_dmarc.org", "TXT", "'v=DMARC1; p=reject; sp=none'"),
    // Wrong in one way each.
    ("noplace", "MX", "nowhere.arrives.test 10"),
    ("noplace", "TXT", "'v=spf1 ip4:203.0.113.0/24 -all'"),
    ("_dmarc.noplace", "TXT", "'v=DMARC1; p=refuse'"),
    ("bare", "A", "HOST"),
    ("bare", "TXT", "'v=spf1 +all'"),
    ("twice", "TXT", "'v=spf1 mx -all'"),
    ("twice", "TXT", "'v=spf1 a -all'"),
    ("_dmarc.twice", "TXT", "'v=DMARC1; p=none'"),
    ("_dmarc.twice", "TXT", "'v=DMARC1; p=reject'"),
    ("wrong", "TXT", "'v=spf1 ipv4:HOST -all'"),
    ("loop", "TXT", "'v=spf1 include:loop.arrives.test -all'"),
    ("void", "TXT", "'v=spf1 a:n1.arrives.test a:n2.arrives.test a:n3.arrives.test -all'"),
    ("empty", "TXT", "'v=spf1 include:bare2.arrives.test -all'"),
    ("macro", "TXT", "'v=spf1 exists:%{i}.arrives.test -all'"),
    ("bare2", "TXT", "'no record'"),
];

/// Makes the zone anew.
fn zone(forest: &ForestHandle, server: &MailServer) -> Result<()> {
    let dc = forest.dc_ip.to_string();
    let mut script = format!(
        "sign=(--username=administrator@{} '--password={}')\n\
         samba-tool dns zonedelete {dc} {ZONE} \"${{sign[@]}}\" >/dev/null 2>&1\n\
         set -e\nsamba-tool dns zonecreate {dc} {ZONE} \"${{sign[@]}}\" >/dev/null\n",
        forest.realm, forest.administrator.password
    );
    for (name, kind, data) in RECORDS {
        let data = data.replace("HOST", &server.address.to_string());
        script.push_str(&format!(
            "samba-tool dns add {dc} {ZONE} {name} {kind} \"{data}\" \"${{sign[@]}}\" >/dev/null\n"
        ));
    }
    forest.dc_exec(&["bash", "-c", &script]).map(drop)
}

/// A place whose mail comes from a domain of the zone.
fn configure(
    place: &Place,
    forest: &ForestHandle,
    server: &MailServer,
    domain: &str,
    more: &str,
) -> Result<()> {
    let secret = place.folder.join("mail-password");
    std::fs::write(&secret, server.password)?;
    place.write(&format!(
        "{}[mail]\nhost = \"{}\"\nport = {}\nuser = \"{}\"\npassword_file = {secret:?}\nca_file = {:?}\n\
         from = \"no-reply@{domain}\"\ndns_servers = [\"{}:53\"]\n{more}\n",
        place.configuration("http"),
        server.address,
        server.smtp_port,
        server.user,
        server.ca_pem,
        forest.dc_ip,
    ))
}

/// The verdict and all words of a check.
fn found<'a>(report: &'a Value, id: &str) -> Result<(&'a str, String)> {
    let checks = report["checks"].as_array().context("no checks")?;
    let check =
        checks.iter().find(|check| check["id"] == id).with_context(|| format!("no {id}: {report}"))?;
    Ok((check["verdict"].as_str().context("no verdict")?, check.to_string()))
}

#[test]
fn each_record_has_its_verdict() -> Result<()> {
    let lab = Lab::open()?;
    let (forest, server) = (lab.forest(Forest::Contoso)?, lab.mail()?);
    forest.up()?;
    server.start()?;
    zone(&forest, &server)?;
    let place = Place::new()?;
    place.succeed(&["init", "--name", "Contoso"])?;
    let judged = |domain: &str, more: &str, expected: &[(&str, &str, &str)], code: i32| -> Result<()> {
        configure(&place, &forest, &server, &format!("{domain}.{ZONE}"), more)?;
        let output = place.run(&["mail", "status", "--json"])?;
        let report: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
        for (id, verdict, words) in expected {
            let (told, all) = found(&report, &format!("mail-{id}"))?;
            ensure!(
                told == *verdict && all.contains(words),
                "{domain}, {id}: not '{verdict}' with '{words}': {all}"
            );
        }
        ensure!(output.status.code() == Some(code), "{domain}: {:?} is not {code}: {report}", output.status);
        Ok(())
    };
    judged(
        "good",
        "dkim_selector = \"s1\"",
        &[
            ("bounces", "pass", "bounces go to no-reply@good.arrives.test"),
            ("spf", "pass", "is permitted"),
            ("dkim", "pass", "32 bytes"),
            ("dmarc", "pass", "asks for reject"),
            ("refusals", "pass", "none was refused"),
        ],
        0,
    )?;
    judged("good", "", &[("dkim", "not_applicable", "dkim_selector")], 0)?;
    for (selector, verdict, words, code) in [
        ("none", "fail", "has no TXT record", 1),
        ("revoked", "fail", "revoked", 1),
        ("short", "fail", "shorter than 1024 bits", 1),
        ("trial", "warning", "t=y", 2),
        ("two", "warning", "2 TXT records", 2),
    ] {
        judged("good", &format!("dkim_selector = \"{selector}\""), &[("dkim", verdict, words)], code)?;
    }
    // Where mail leaves from another address than the one that it is handed to, that one counts, and is known.
    judged("good", "sends_from = [\"2001:db8::25\"]", &[("spf", "pass", "2001:db8::25")], 0)?;
    judged("good", "sends_from = [\"203.0.113.7\"]", &[("spf", "fail", "ip4:203.0.113.7")], 1)?;
    judged(
        "deep.org",
        "",
        &[
            ("spf", "pass", "followed with 2 of 10 lookups"),
            ("dmarc", "pass", "_dmarc.org.arrives.test asks for none"),
            ("dmarc", "pass", "organisational"),
        ],
        0,
    )?;
    judged(
        "noplace",
        "",
        &[
            ("bounces", "fail", "without an address: nowhere.arrives.test"),
            ("spf", "warning", "not permitted (-)"),
            ("dmarc", "fail", "none of none, quarantine and reject"),
        ],
        1,
    )?;
    judged(
        "bare",
        "",
        &[
            ("bounces", "warning", "has no MX"),
            ("spf", "fail", "permits every address"),
            ("dmarc", "warning", "p=none; rua=mailto:"),
        ],
        1,
    )?;
    judged(
        "twice",
        "",
        &[
            ("bounces", "fail", "no MX, and no address"),
            ("spf", "fail", "has 2 SPF records"),
            ("dmarc", "fail", "has 2 DMARC records"),
        ],
        1,
    )?;
    judged("gone", "", &[("bounces", "fail", "is not in DNS"), ("spf", "fail", "has no SPF record")], 1)?;
    for (domain, verdict, words) in [
        ("wrong", "fail", "ipv4:"),
        ("loop", "fail", "more than 10 lookups"),
        ("void", "fail", "more than 2 of its lookups find nothing"),
        ("empty", "fail", "bare2.arrives.test has no SPF record"),
        ("macro", "could_not_tell", "depends on each mail"),
    ] {
        judged(domain, "", &[("spf", verdict, words)], 1)?;
    }
    // A DNS server that does not answer: nothing is claimed of the domain.
    configure(&place, &forest, &server, &format!("good.{ZONE}"), "")?;
    let file = place.folder.join("ritorno.toml");
    let silent = std::fs::read_to_string(&file)?.replace(":53\"", ":9\"");
    std::fs::write(&file, silent)?;
    let output = place.run(&["mail", "status", "--json"])?;
    let report = serde_json::from_slice(&output.stdout)?;
    for id in ["mail-bounces", "mail-spf", "mail-dmarc"] {
        let (told, all) = found(&report, id)?;
        ensure!(told == "could_not_tell" && all.contains("DNS does not answer"), "{all}");
    }
    assert_eq!(output.status.code(), Some(2));
    Ok(())
}

#[test]
fn a_null_mx_and_hostile_bytes_are_told_as_they_are() -> Result<()> {
    // Samba takes neither a null MX nor bytes that are no text, so that a server of this test answers with them.
    let dns = crate::odd_dns::serve(Ipv4Addr::LOCALHOST)?;
    let place = Place::new()?;
    place.succeed(&["init", "--name", "Contoso"])?;
    place.write(&format!(
        "{}[mail]\nhost = \"127.0.0.1\"\nfrom = \"no-reply@odd.test\"\ndns_servers = [\"{dns}\"]\n",
        place.configuration("http")
    ))?;
    let output = place.run(&["mail", "status"])?;
    let said = String::from_utf8(output.stdout)?;
    ensure!(output.status.code() == Some(1), "{said}");
    ensure!(
        said.contains("FAIL  What can't be delivered can come back") && said.contains("a null MX"),
        "{said}"
    );
    ensure!(
        said.contains("FAIL  SPF permits the mail server") && said.contains("a:\\x1b[31m\\xff"),
        "{said}"
    );
    ensure!(!said.contains('\u{1b}'), "{said:?}");
    Ok(())
}
