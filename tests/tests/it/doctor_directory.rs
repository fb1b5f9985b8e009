//! `ritorno-agent doctor`: what can be wrong in the directory itself, broken for real.

use anyhow::{Context as _, Result, ensure};

use crate::doctor::{Report, doctor};
use crate::world::World;

/// Sets the functional level of the domain where the forest tells it (`crossRef`, MS-ADTS 6.1.4.3), past the directory's own rules, which only let it rise.
const SET_LEVEL: &str = "import sys,ldb;\
    from samba.samdb import SamDB;from samba.auth import system_session;from samba.param import LoadParm;\
    lp=LoadParm();lp.load_default();\
    db=SamDB(url='/var/lib/samba/private/sam.ldb',session_info=system_session(),lp=lp);\
    ref=db.search(db.get_partitions_dn(),ldb.SCOPE_ONELEVEL,expression='(nCName=%s)'%db.domain_dn(),\
    attrs=['msDS-Behavior-Version'])[0];m=ldb.Message(ref.dn);\
    m['l']=ldb.MessageElement(sys.argv[1],ldb.FLAG_MOD_REPLACE,'msDS-Behavior-Version');\
    db.modify(m,['relax:0']);print(str(ref.get('msDS-Behavior-Version',['7'])[0]))";

/// Prints the entries of the people's container that give the agent's account the right to reset, as SDDL.
const GRANTS: &str = "import sys,re,ldb;from samba.samdb import SamDB;from samba.auth import system_session;\
    from samba.param import LoadParm;from samba.ndr import ndr_unpack;from samba.dcerpc import security;\
    lp=LoadParm();lp.load_default();\
    db=SamDB(url='/var/lib/samba/private/sam.ldb',session_info=system_session(),lp=lp);\
    r=db.search(sys.argv[1],ldb.SCOPE_BASE,attrs=['nTSecurityDescriptor'],controls=['sd_flags:1:4']);\
    s=ndr_unpack(security.descriptor,r[0]['nTSecurityDescriptor'][0]).as_sddl(security.dom_sid(db.get_domain_sid()));\
    print('\\n'.join(e for e in re.findall(r'\\([^)]*\\)',s) if '00299570' in e and 'OA;' in e))";

#[test]
fn each_fault_of_a_directory_fails_its_check() -> Result<()> {
    let world = World::start("doctor-directory", |_| Ok(()))?;
    Report::of(&world)?.is_all_green()?;
    let forest = &world.forest;

    // The domain has the functional level of Windows 2000.
    let old = forest.dc_exec(&["python3", "-c", SET_LEVEL, "0"])?;
    let report = Report::of(&world)?;
    report.only_fails("domains", "samba-tool domain level raise")?;
    ensure!(report.0.to_string().contains("the functional level of the domain is 2000"), "{}", report.0);
    forest.dc_exec(&["python3", "-c", SET_LEVEL, old.trim()])?;
    Report::of(&world)?.is_all_green()?;

    // The agent's host has the controller's name.
    let mut command = doctor(&world, &["--quick", "--json"])?;
    let inner: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    command = std::process::Command::new("unshare");
    let name = forest.dc_host.split('.').next().unwrap_or_default();
    command.args(["--uts", "sh", "-c", "hostname \"$1\" && shift && exec \"$@\"", "sh", name]).args(inner);
    Report::told(command)?.only_warns("host", "ritorno-agent config import")?;
    // On a host of another name it is well.
    Report::of(&world)?.is_all_green()?;

    // Only a controller that is no more may be read from.
    let agent_toml = world.stack.folder().join("agent.toml");
    let text = std::fs::read_to_string(&agent_toml)?;
    let hosts = text.lines().find(|line| line.starts_with("hosts")).context("no hosts")?;
    let preferring = |line: &str| text.replacen(hosts, &format!("{hosts}\n{line}"), 1);
    std::fs::write(&agent_toml, preferring("preferred = [\"dc9.contoso.test\"]\nonly_preferred = true"))?;
    Report::of(&world)?.only_fails("preferred-controllers", "correct `preferred`")?;
    std::fs::write(
        &agent_toml,
        preferring(&format!("preferred = [\"{}\"]\nonly_preferred = true", forest.dc_host)),
    )?;
    Report::of(&world)?.is_all_green()?;
    std::fs::write(&agent_toml, &text)?;

    // The delegation is taken back; the printed lines give it again.
    let grants = forest.dc_exec(&["python3", "-c", GRANTS, &forest.people_ou])?;
    ensure!(!grants.trim().is_empty(), "nothing is delegated on {}", forest.people_ou);
    for grant in grants.lines() {
        forest.remove_access(&forest.people_ou, grant)?;
    }
    let report = Report::of(&world)?;
    report.only_fails("rights", "samba-tool dsacl set")?;
    ensure!(report.0.to_string().contains("the delegation at the domain's root is missing"), "{}", report.0);
    for line in report.fixes("rights").into_iter().filter(|line| line.starts_with("samba-tool")) {
        forest.dc_exec(&["sh", "-c", line])?;
    }
    Report::of(&world)?.is_all_green()?;
    world.reset("anna.rossi", "Era-Vero-Davvero-9")
}
