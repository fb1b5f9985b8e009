//! The program sets Kerberos up by itself.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ritorno_lab::{Forest, ForestHandle, Lab};

struct Installed {
    folder: PathBuf,
}

impl Installed {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ritorno-agent-it-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let state = folder.join("state");
        std::fs::write(folder.join("agent.toml"), format!("state_dir = \"{}\"\n", state.display())).unwrap();
        Self { folder }
    }

    /// Adds a forest, with `lines` about how the agent signs in.
    fn add(&self, forest: &ForestHandle, lines: &str) {
        let mut file = std::fs::File::options().append(true).open(self.folder.join("agent.toml")).unwrap();
        let (name, host, ip) = (&forest.dns_domain, &forest.dc_host, forest.dc_ip);
        let text = format!(
            "[[forest]]\nname = \"{name}\"\nhosts = [\"{host}\"]\ndns_servers = [\"{ip}\"]\naccount = \"{}\"\n{lines}\n",
            forest.service_account.upn
        );
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Writes a file, and gives the line that names it.
    fn file(&self, key: &str, content: &[u8]) -> String {
        let file = self.folder.join(key);
        std::fs::write(&file, content).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        format!("{key} = \"{}\"\n", file.display())
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_ritorno-agent"))
            .arg("--config")
            .arg(self.folder.join("agent.toml"))
            .args(arguments)
            // What an administrator's own Kerberos says has no influence.
            .env("KRB5_CONFIG", "/nonexistent/krb5.conf")
            .env("KRB5CCNAME", "FILE:/nonexistent/tickets")
            .env("KRB5_CLIENT_KTNAME", "/nonexistent/keytab")
            .output()
            .unwrap()
    }

    fn good(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (told, wrong) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {told}\n{wrong}");
        told.into_owned()
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn processes(state: &Path) -> Vec<String> {
    let folders = std::fs::read_dir(state.join("kerberos")).unwrap();
    folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn password_and_keytab_reach_two_forests_by_kerberos() {
    let lab = Lab::open().unwrap();
    let [contoso, fabrikam] = [Forest::Contoso, Forest::Fabrikam].map(|forest| lab.forest(forest).unwrap());
    contoso.up().unwrap();
    fabrikam.up().unwrap();
    let agent = Installed::new("both");
    let sealed = "transport = \"kerberos\"\n";
    let password = agent.file("password_file", contoso.service_account.password.as_bytes());
    agent.add(&contoso, &format!("{sealed}{password}"));
    let keys = fabrikam.keytab(&fabrikam.service_account.sam).unwrap();
    agent.add(&fabrikam, &format!("{sealed}{}", agent.file("keytab_file", &keys)));
    let told = agent.good(&["check-config"]);
    for forest in [&contoso, &fabrikam] {
        let line = format!("forest {}: PDC emulator {} answers", forest.dns_domain, forest.dc_host);
        assert!(told.contains(&line), "{told}");
    }
    // Root ran it; the state belongs to the agent's user, and so does what the service has to make its own folder in.
    let state = agent.folder.join("state");
    std::fs::remove_dir_all(state.join("kerberos")).unwrap();
    std::os::unix::fs::chown(&state, Some(4711), Some(4712)).unwrap();
    agent.good(&["check-config"]);
    let made = std::fs::metadata(state.join("kerberos")).unwrap();
    assert_eq!((made.uid(), made.gid(), made.mode() & 0o777), (4711, 4712, 0o700));

    let person = &contoso.people[0].sam;
    assert!(agent.good(&["rights", person]).contains("reset password"));
    // What the first process left is gone, and what the second left will be.
    assert_eq!(processes(&state).len(), 1);

    let lines = agent.good(&["prepare", "fabrikam.test"]);
    assert!(
        lines.contains(
            "\nsamba-tool domain exportkeytab ritorno.keytab --principal=svc-ritorno@FABRIKAM.TEST\n"
        ),
        "{lines}"
    );
    assert!(!lines.contains("contoso"), "{lines}");
    assert!(!agent.run(&["prepare", "elsewhere.test"]).status.success());

    // A keytab that is none is told before anything is asked.
    agent.file("keytab_file", b"no keytab");
    let output = agent.run(&["check-config"]);
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && wrong.contains("keytab_file") && wrong.contains("is no keytab"),
        "{wrong}"
    );
}
