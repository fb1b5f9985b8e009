//! `ritorno api`: the program against a server of its own, as an administrator's script calls it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::place::Place;
use crate::service::{Service, curl};

const SCOPES: &str = "tenant.read,tenant.write,writeback.disable,removals.read,licences.read,audit.read,people.read,\
     people.lift,people.help,people.revoke";
const PERSON: &str = "00000000-0000-4000-8000-000000000001";
const NOBODY: &str = "00000000-0000-4000-8000-00000000ffff";

/// A server with one person, and a token for everything.
struct World {
    place: Place,
    token: String,
    file: PathBuf,
    /// Killed when dropped.
    _service: Service,
}

impl World {
    fn new() -> Result<Self> {
        let place = Place::new()?;
        place.succeed(&["init", "--name", "Contoso"])?;
        place.put_person("anna")?;
        let ready = format!("http://localhost:{}/health/ready", place.port);
        let service = Service::start(&place, &ready, None)?;
        let made =
            ["token", "create", "t", "--administrator", "admin", "--scopes", SCOPES, "--expires", "1d"];
        let said = place.succeed(&made)?;
        let token = said.split_whitespace().next().context("a token")?.to_owned();
        let file = place.folder.join("token");
        secret(&file, &token, 0o600)?;
        Ok(Self { place, token, file, _service: service })
    }

    fn url(&self) -> String {
        format!("http://localhost:{}", self.place.port)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(&self.url(), &self.file);
        command.args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<(i32, String, String)> {
        told(self.command(arguments).output()?)
    }

    /// What it prints, and it has to succeed.
    fn succeed(&self, arguments: &[&str]) -> Result<String> {
        let (code, said, complaint) = self.run(arguments)?;
        ensure!(code == 0, "{arguments:?}: {code}: {complaint}");
        Ok(said)
    }

    /// The exit code and the complaint, and it has to fail.
    fn fail(&self, arguments: &[&str]) -> Result<(i32, String)> {
        let (code, said, complaint) = self.run(arguments)?;
        ensure!(code != 0, "{arguments:?} succeeded: {said}");
        Ok((code, complaint))
    }
}

/// The program as it calls a server; it needs no configuration.
fn program(server: &str, token: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ritorno"));
    command.arg("api").env("RITORNO_SERVER", server).env("RITORNO_TOKEN_FILE", token);
    command.env("RITORNO_CONFIG", "/nowhere").env("NO_PROXY", "*").stdin(Stdio::null());
    command
}

fn secret(file: &std::path::Path, text: &str, mode: u32) -> Result<()> {
    std::fs::write(file, text)?;
    Ok(std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode))?)
}

fn told(output: Output) -> Result<(i32, String, String)> {
    let code = output.status.code().context("it was killed")?;
    Ok((code, String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
}

#[test]
fn people_and_switches_are_read_and_changed() -> Result<()> {
    let world = World::new()?;
    let page: Value = serde_json::from_str(&world.succeed(&["list-people", "--search", "ann"])?)?;
    assert_eq!(page["items"][0]["user_principal_name"], "anna@contoso.test");
    let person: Value = serde_json::from_str(&world.succeed(&["get-person", PERSON])?)?;
    assert_eq!(person["id"], PERSON);
    let on = |said: &str| serde_json::from_str::<Value>(said).map(|switch| switch["on"].clone());
    assert_eq!(on(&world.succeed(&["put-switch", "unlock", "--body", "{\"on\":true}"])?)?, true);
    assert_eq!(on(&world.succeed(&["put-switch", "unlock", "--set", "on=false"])?)?, false);
    let mut child = world.command(&["put-switch", "unlock", "--body-file", "-"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    child.stdin.take().context("no standard input")?.write_all(b"{\"on\": true}")?;
    let (code, said, complaint) = told(child.wait_with_output()?)?;
    assert_eq!((code, on(&said)?), (0, json!(true)), "{complaint}");
    // The version that was seen is told beside the answer, and holds the change.
    let etag = complaint.lines().find_map(|line| line.strip_prefix("etag: ")).context("no etag")?.to_owned();
    world.succeed(&["put-switch", "unlock", "--set", "on=false", "--if-match", &etag])?;
    let (code, complaint) = world.fail(&["put-switch", "unlock", "--set", "on=true", "--if-match", &etag])?;
    assert_eq!(code, 6);
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    ensure!(
        complaint.starts_with("ritorno: ") && complaint.ends_with("(urn:ritorno:problem:changed)\n"),
        "{complaint}"
    );
    // What has no answer prints none; what is a file comes as it is.
    assert_eq!(world.succeed(&["lift-stop", PERSON])?, "");
    ensure!(world.succeed(&["export-facts", "--format", "csv"])?.lines().count() > 2);
    // One key is one request: the same answer again, and another body is refused.
    let assign = |person: &str| {
        let person = format!("person={person}");
        let key = ["--idempotency-key", "ticket-1"];
        world.run(&[&["assign", "--set", "product=AAD_PREMIUM", "--set", &person][..], &key].concat())
    };
    world.succeed(&["put-licensing", "--set", "required=false", "--set", "usage_location=IT"])?;
    world.succeed(&["put-product", "AAD_PREMIUM", "--set", "units=5"])?;
    let first = assign("anna@contoso.test")?;
    assert_eq!(first.0, 0, "{}", first.2);
    assert_eq!(assign("anna@contoso.test")?.1, first.1);
    assert_eq!(assign("ugo@contoso.test")?.0, 6);
    Ok(())
}

#[test]
fn pages_are_followed_and_lists_shown_as_a_table() -> Result<()> {
    let world = World::new()?;
    let facts = world.succeed(&["list-facts", "--all", "--limit", "1"])?;
    let lines: Vec<Value> = facts.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    ensure!(lines.len() > 2, "{facts}");
    let page: Value = serde_json::from_str(&world.succeed(&["list-facts"])?)?;
    // What is read is itself no fact.
    assert_eq!(page["items"].as_array().map(Vec::len), Some(lines.len()));
    world.succeed(&["put-product", "AAD_PREMIUM", "--set", "units=12345"])?;
    let table = world.succeed(&["list-products", "--output", "table"])?;
    let row = table.lines().find(|line| line.contains("12345")).context("a row")?;
    let none = table.lines().find(|line| line.trim_end().ends_with(" -")).context("a row")?;
    assert_eq!(row.trim_end().len(), none.trim_end().len(), "numbers stand to the right:\n{table}");
    let people = world.succeed(&["list-people", "--all", "--output", "table"])?;
    ensure!(people.contains("anna@contoso.test") && people.trim_start().starts_with("id "), "{people}");
    Ok(())
}

#[test]
fn what_is_refused_is_one_line_and_a_code() -> Result<()> {
    let world = World::new()?;
    let cases: [(&[&str], i32, &str); 6] = [
        (&["get-person", NOBODY], 5, "(urn:ritorno:problem:not-found)"),
        (&["put-switch", "writeback", "--body", "{\"on\":true}"], 4, "(urn:ritorno:problem:in-person)"),
        (&["list-facts", "--since", "yesterday"], 6, "urn:ritorno:problem:"),
        (&["put-switch", "unlock", "--body", "{on"], 1, "no JSON"),
        (&["put-switch", "unlock", "--set", "of=true"], 1, "the body has no 'of'; it has on"),
        (&["get-person", ".."], 1, "'..' is none"),
    ];
    for (arguments, expected, words) in cases {
        let (code, complaint) = world.fail(arguments)?;
        assert_eq!(code, expected, "{arguments:?}: {complaint}");
        ensure!(complaint.contains(words) && complaint.lines().count() == 1, "{arguments:?}: {complaint}");
    }
    // A person's name is one segment, whatever is in it.
    assert_eq!(world.fail(&["get-person", "../overview"])?.0, 5);
    for wrong in [&["put-switch", "unlock"][..], &["get-nothing"], &["list-people", "--nme", "x"]] {
        assert_eq!(world.fail(wrong)?.0, 2, "{wrong:?}");
    }
    // The token: in a file of its own, which nobody else may read; never among the words of the command.
    let file = world.place.folder.join("open");
    for mode in [0o640, 0o604, 0o660] {
        secret(&file, &world.token, mode)?;
        let (code, complaint) = world.fail(&["get-token", "--token-file", &file.to_string_lossy()])?;
        assert_eq!(code, 1);
        ensure!(complaint.contains("others may read it") && !complaint.contains(&world.token), "{complaint}");
    }
    secret(&file, "rit_not-a-token", 0o600)?;
    let (code, complaint) = world.fail(&["get-token", "--token-file", &file.to_string_lossy()])?;
    assert_eq!(code, 4, "{complaint}");
    ensure!(!world.succeed(&["get-token", "--help"])?.contains("--token "), "no token on the command line");
    for (server, code) in [("http://localhost:1", 3), ("http://ritorno.example.org", 1), ("nowhere", 1)] {
        assert_eq!(world.fail(&["get-token", "--server", server])?.0, code, "{server}");
    }
    Ok(())
}

#[test]
fn alone_it_lists_the_operations_and_help_has_their_parameters() -> Result<()> {
    let listed = told(program("", "/nowhere".as_ref()).output()?)?;
    ensure!(listed.0 == 0 && listed.1.lines().any(|line| line.starts_with("list-people ")), "{listed:?}");
    assert_eq!(listed.1.lines().count(), operations()?.len());
    let (code, help, _) = told(program("", "/nowhere".as_ref()).args(["put-guard", "--help"]).output()?)?;
    ensure!(
        code == 0 && help.contains("PUT /api/v1/deletion-guard") && help.contains("--if-match"),
        "{help}"
    );
    ensure!(help.contains("percent (integer, null)"), "the body's parts: {help}");
    Ok(())
}

/// Of the document: each operation with its method, its path and itself.
fn operations() -> Result<Vec<(String, String, Value)>> {
    let printed = Command::new(env!("CARGO_BIN_EXE_ritorno")).arg("api-document").output()?.stdout;
    let document: Value = serde_json::from_slice(&printed)?;
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().context("paths")? {
        for (method, operation) in methods.as_object().context("methods")? {
            let mut operation = operation.clone();
            if let Some(body) = operation.pointer("/requestBody/content/application~1json/schema").cloned() {
                let named = body["$ref"].as_str().map(|reference| reference.trim_start_matches('#'));
                let named = named.map(|pointer| document.pointer(pointer).cloned().unwrap_or_default());
                operation["sent"] = named.unwrap_or(body);
            }
            all.push((method.to_uppercase(), path.clone(), operation));
        }
    }
    Ok(all)
}

/// A body that can be read, whether or not it is let through.
fn sample(schema: &Value) -> Value {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let value = |property: &Value| match &property["type"] {
        kind if *kind == "boolean" => json!(false),
        kind if *kind == "integer" => json!(1),
        Value::Array(kinds) if kinds.contains(&json!("null")) => Value::Null,
        _ => property.get("example").cloned().unwrap_or_else(|| json!("x")),
    };
    properties.map(|(name, property)| (name.clone(), value(property))).collect()
}

#[test]
fn every_operation_of_the_document_reaches_the_server_as_curl_does() -> Result<()> {
    let world = World::new()?;
    let mut walked = 0;
    for (method, path, operation) in operations()? {
        let name = operation["operationId"].as_str().context("a name")?.replace('_', "-");
        let mut arguments = vec![name.clone(), "--patience".to_owned(), "0".to_owned()];
        let mut url = path.clone();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "query" && parameter["required"] == true {
                let name = parameter["name"].as_str().context("a name")?;
                arguments.extend([format!("--{name}"), NOBODY.to_owned()]);
                url = format!("{url}?{name}={NOBODY}");
            }
            if parameter["in"] != "path" {
                continue;
            }
            let parameter = parameter["name"].as_str().context("a name")?;
            let value = match parameter {
                "switch" => "sspr",
                "product" => "AAD_PREMIUM",
                "kind" => "person",
                "method" => "app",
                "person" => PERSON,
                _ => NOBODY,
            };
            arguments.push(value.to_owned());
            url = url.replace(&format!("{{{parameter}}}"), value);
        }
        let at = format!("{}{url}", world.url());
        let header = format!("Authorization: Bearer {}", world.token);
        let mut typed = vec!["--request", &method, "--header", &header, "--write-out", "\n%{http_code}", &at];
        let body = operation.get("sent").map(|schema| sample(schema).to_string());
        if let Some(body) = &body {
            typed.extend(["--json", body]);
            arguments.extend(["--body".to_owned(), body.clone()]);
        }
        // A file, which is none of the kind; and what is told as it comes ends at once where it is asked for in a wrong way.
        let picture = world.place.folder.join("picture");
        let (kind, at_file) = ("Content-Type: image/png", format!("@{}", picture.display()));
        if operation.pointer("/requestBody/content/image~1png").is_some() {
            std::fs::write(&picture, "no picture")?;
            typed.extend(["--header", kind, "--data-binary", &at_file]);
            arguments.extend(["--body-file".to_owned(), picture.display().to_string()]);
        }
        if operation.pointer("/responses/200/content/text~1event-stream").is_some() {
            typed.extend(["--header", "Last-Event-ID: none"]);
            arguments.extend(["--last-event-id".to_owned(), "none".to_owned()]);
        }
        // Twice by curl, so that what changes something is the same for whoever comes third.
        curl(&typed, None)?;
        let by_curl = curl(&typed, None)?;
        let (answer, status) = by_curl.rsplit_once('\n').with_context(|| format!("{name}: {by_curl}"))?;
        let status: u16 = status.parse()?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (code, said, complaint) = world.run(&arguments)?;
        let expected = match status {
            200..300 => 0,
            401 | 403 => 4,
            404 => 5,
            429 | 503 => 7,
            400..500 => 6,
            _ => 8,
        };
        assert_eq!(code, expected, "{method} {url}: {status} {answer}\n{complaint}");
        if let Some(problem) = serde_json::from_str::<Value>(answer).ok().filter(|_| status >= 400) {
            let kind = problem["type"].as_str().unwrap_or("no type");
            ensure!(complaint.ends_with(&format!("({kind})\n")), "{name}: {answer}\n{complaint}");
        }
        if status == 200 && method == "GET" && !path.contains("audit") && name != "get-token" {
            assert_eq!(said.trim_end().is_empty(), answer.is_empty(), "{name}");
        }
        walked += 1;
    }
    ensure!(walked > 40, "{walked}");
    Ok(())
}

/// A server that says these answers, one after another, and what it was asked.
fn saying(answers: &'static [&'static str]) -> Result<(String, std::thread::JoinHandle<Vec<String>>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let url = format!("http://{}", listener.local_addr()?);
    let serving = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let Ok((mut stream, _)) = listener.accept() else { break };
            let mut request = Vec::new();
            let mut part = [0; 4096];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut part) {
                    Ok(read) if read > 0 => request.extend_from_slice(&part[..read]),
                    _ => break,
                }
            }
            asked.push(String::from_utf8_lossy(&request).into_owned());
            let head = "connection: close\r\n";
            drop(stream.write_all(answer.replacen("\r\n", &format!("\r\n{head}"), 1).as_bytes()));
        }
        asked
    });
    Ok((url, serving))
}

#[test]
fn later_is_waited_for_as_long_as_patience_lasts() -> Result<()> {
    const LATER: &str = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
    const TOO_MANY: &str = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
    const DONE: &str =
        "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    const ELSEWHERE: &str =
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let place = Place::new()?;
    let file = place.folder.join("token");
    secret(&file, "rit_token", 0o600)?;
    let send = ["make-pass", PERSON, NOBODY];
    let (url, serving) = saying(&[LATER, TOO_MANY, DONE])?;
    let (code, said, complaint) = told(program(&url, &file).args(send).output()?)?;
    assert_eq!((code, said.as_str()), (0, "{}\n"), "{complaint}");
    ensure!(
        complaint.contains("answered 503: asking again in 1 s") && complaint.contains("answered 429"),
        "{complaint}"
    );
    let asked = serving.join().ok().context("the server")?;
    let key = |request: &str| {
        let line = request.lines().find(|line| line.to_lowercase().starts_with("idempotency-key: "));
        line.map(str::to_owned)
    };
    ensure!(key(&asked[0]).is_some_and(|key| key.len() > 40), "{}", asked[0]);
    ensure!(asked.iter().all(|one| key(one) == key(&asked[0])), "one request, one key");
    ensure!(asked[0].to_lowercase().contains("authorization: bearer rit_token"));
    let (url, serving) = saying(&[LATER])?;
    let (code, _, complaint) = told(program(&url, &file).args(send).args(["--patience", "0"]).output()?)?;
    assert_eq!(code, 7, "{complaint}");
    drop(serving.join());
    // The token goes to nobody else.
    let (url, serving) = saying(&[ELSEWHERE])?;
    let (code, _, complaint) = told(program(&url, &file).args(send).output()?)?;
    assert_eq!(code, 8, "{complaint}");
    drop(serving.join());
    Ok(())
}

#[test]
fn an_own_authority_is_named_by_its_file() -> Result<()> {
    let place = Place::new()?;
    let (ready, ca) = place.with_tls()?;
    let _service = Service::start(&place, &ready, Some(&ca))?;
    let made =
        ["token", "create", "t", "--administrator", "admin", "--scopes", "tenant.read", "--expires", "1d"];
    let token = place.succeed(&made)?;
    let file = place.folder.join("token");
    secret(&file, token.split_whitespace().next().unwrap_or_default(), 0o600)?;
    let server = format!("https://localhost:{}", place.port);
    let (code, _, complaint) = told(program(&server, &file).arg("get-overview").output()?)?;
    assert_eq!(code, 3, "{complaint}");
    ensure!(
        complaint.to_lowercase().contains("certificate") && complaint.lines().count() == 1,
        "{complaint}"
    );
    let (code, said, complaint) =
        told(program(&server, &file).args(["get-overview", "--ca"]).arg(&ca).output()?)?;
    ensure!(code == 0 && said.contains("organisation"), "{complaint}");
    Ok(())
}

#[test]
fn each_line_of_the_manual_ends_as_it_says() -> Result<()> {
    let world = World::new()?;
    let chapter =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/manual/api-command.md"))?;
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_ritorno")).parent().context("a folder")?;
    let path = format!("{}:{}", folder.display(), std::env::var("PATH")?);
    let mut ran = 0;
    for block in chapter.split("```sh\n").skip(1) {
        let mut lines = block.split("\n```").next().unwrap_or_default().lines();
        while let Some(line) = lines.next() {
            let code =
                lines.next().and_then(|told| told.strip_prefix("# ")).with_context(|| line.to_owned())?;
            let mut command = Command::new("sh");
            command.args(["-uc", line]).env("PATH", &path).env("PERSON", PERSON).env("NO_PROXY", "*");
            command
                .env("RITORNO_SERVER", world.url())
                .env("RITORNO_TOKEN_FILE", &world.file)
                .stdin(Stdio::null());
            let (ended, said, complaint) = told(command.output()?)?;
            assert_eq!(ended.to_string(), code, "{line}\n{said}\n{complaint}");
            ran += 1;
        }
    }
    ensure!(ran > 12, "{ran}");
    Ok(())
}
