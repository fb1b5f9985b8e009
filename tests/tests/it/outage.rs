//! Agent or PDC emulator away: told before any gate, within 15 s, with a support code; back again, it works.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use ritorno_tests::visitor::Page;

use crate::world::World;

/// The person is told within this long after the fault.
const TOLD_WITHIN: Duration = Duration::from_secs(15);
/// Agents report every 10 s; a domain controller that starts takes some seconds itself.
const BACK_WITHIN: Duration = Duration::from_secs(40);

#[test]
fn outage_is_told_before_any_gate_and_heals_by_itself() -> Result<()> {
    let mut world = World::start("outage", |_| Ok(()))?;
    world.reset("emily.clarke", "Vorher-Passw0rd-1")?;

    world.stack.stop_agent();
    let told = told(&world, "the agent was stopped")?;
    world.stack.start_agent()?;
    back(&world, "the agent")?;
    world.reset("lukas.weber", "Zurueck-Passw0rd-2")?;

    world.forest.kill_dc()?;
    let without_dc = self::told(&world, "the PDC emulator was stopped")?;
    ensure!(told != without_dc, "two refusals carry the same support code");
    world.forest.start_dc()?;
    back(&world, "the PDC emulator")?;
    world.reset("pierre.dubois", "Wieder-Passw0rd-3")
}

/// Waits until the first page tells it; returns the support code.
fn told(world: &World, what: &str) -> Result<String> {
    let since = Instant::now();
    let page = first_page(world, TOLD_WITHIN, |page| page.text().contains("SSPR_0030"))?;
    let Some(page) = page else { bail!("{what}, and after {} s nobody is told", TOLD_WITHIN.as_secs()) };
    eprintln!("{what}: told after {:.1} s", since.elapsed().as_secs_f32());
    ensure!(page.form(&["name"]).is_err(), "{what}, and a name is still asked for");
    let words = page.text();
    let code = words.split_whitespace().find(|word| is_support_code(word)).map(str::to_owned);
    let Some(code) = code else { bail!("{what}: no support code in: {words}") };
    Ok(code)
}

/// Waits until a name is asked for again.
fn back(world: &World, what: &str) -> Result<()> {
    let since = Instant::now();
    let page = first_page(world, BACK_WITHIN, |page| page.form(&["name"]).is_ok())?;
    ensure!(page.is_some(), "{what} is back, and after {} s no name is asked for", BACK_WITHIN.as_secs());
    eprintln!("{what} is back: a name is asked for after {:.1} s", since.elapsed().as_secs_f32());
    Ok(())
}

/// Opens the first page again and again until it is as wanted.
fn first_page(world: &World, within: Duration, wanted: impl Fn(&Page) -> bool) -> Result<Option<Page>> {
    let mut visitor = world.visitor("somebody")?;
    let since = Instant::now();
    while since.elapsed() < within {
        let page = world.runtime.block_on(visitor.open("/"))?;
        if wanted(&page) {
            return Ok(Some(page));
        }
    }
    Ok(None)
}

fn is_support_code(word: &str) -> bool {
    let group = |text: &str| {
        text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
    };
    word.split_once('-').is_some_and(|(left, right)| group(left) && group(right))
}
