//! The doctor about licences, and the lines that it prints.

use anyhow::{Result, ensure};

use crate::doctor::{Report, doctor};
use crate::world::World;

const ANNA: &str = "anna.rossi";
const ANNA_AT: &str = "anna.rossi@contoso.test";

#[test]
fn what_is_missing_is_named_and_the_fix_mends_it() -> Result<()> {
    let world = World::start("doctor-licences", |_| Ok(()))?;
    Report::of(&world)?.is_all_green()?;
    let person = || Report::told(doctor(&world, &["--user", ANNA, "--json"])?);

    // They are needed, and nobody has one.
    world.stack.server_command(&["licence", "require", "on"])?;
    let report = Report::of(&world)?;
    report.only_fails("licences", "ritorno licence assign PRODUCT --group GROUP")?;
    let report = person()?;
    ensure!(report.0["stopped_by"] == "person-tenant", "{}", report.0);
    ensure!(
        report.fixes("person-tenant").contains(&"ritorno licence assign PRODUCT --person NAME"),
        "{}",
        report.0
    );
    // A product that grants nothing on premises mends nothing.
    for line in [
        &["licence", "location", "it"][..],
        &["licence", "buy", "ENTERPRISEPACK", "100"],
        &["licence", "assign", "ENTERPRISEPACK", "--person", ANNA_AT],
    ] {
        world.stack.server_command(line)?;
    }
    Report::of(&world)?.only_fails("licences", "ritorno licence require off")?;

    // The right one, to one person: she may, and the others are counted.
    world.stack.server_command(&["licence", "buy", "aad_premium", "1"])?;
    world.stack.server_command(&["licence", "assign", "aad_premium", "--person", ANNA_AT])?;
    Report::of(&world)?.only_warns("licences", "ritorno licence refused")?;
    ensure!(person()?.0["would_succeed"] == true, "she has one: {}", person()?.0);
    let shown = world.stack.server_command(&["licence", "show"])?;
    ensure!(shown.contains("AAD_PREMIUM") && shown.contains(ANNA_AT), "{shown}");
    let refused = world.stack.server_command(&["licence", "refused"])?;
    ensure!(!refused.contains(ANNA_AT) && refused.lines().count() > 10, "{refused}");
    // Nobody else gets the only one.
    let second = world.stack.server_command(&[
        "licence",
        "assign",
        "AAD_PREMIUM",
        "--person",
        "luca.esposito@contoso.test",
    ]);
    let complaint = format!("{:#}", second.err().unwrap_or_else(|| anyhow::anyhow!("it was assigned")));
    ensure!(complaint.contains("2 people would have AAD_PREMIUM, and 1 were bought"), "{complaint}");

    // The last line of the fix: nobody needs one.
    world.stack.server_command(&["licence", "require", "off"])?;
    Report::of(&world)?.is_all_green()
}
