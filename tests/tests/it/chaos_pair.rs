//! A stream of resets over two agents of one forest, each of which is killed in turn; then one stays away for good. What it had begun
//! is settled through the other one: nothing is left unknown, and nothing is applied twice.

use std::time::Duration;

use anyhow::{Result, bail};
use ritorno_lab::forest::ForestHandle;
use ritorno_lab::stack::FurtherAgent;

use crate::chaos::{Chaos, kill_now};

/// A write that was not made is believed not to have been three minutes after its order, by the clock that differs most.
const SETTLED_BY_THE_OTHER_WITHIN: Duration = Duration::from_secs(240);

/// When the controller is stopped after the first request of a round, in milliseconds: how far an agent is by then depends on the machine.
const STOPPED_AFTER: [u64; 6] = [170, 170, 300, 110, 500, 230];

struct Pair {
    chaos: Chaos,
    other: FurtherAgent,
}

impl Pair {
    /// How many requests the other agent settled for the one that stays away, by how they ended.
    fn settled_by_the_other(&self) -> Result<(usize, usize)> {
        let requests = self.chaos.world.stack.server_command(&["requests", "--json", "--most", "100"])?;
        let (mut applied, mut not_applied) = (0, 0);
        for line in requests.lines() {
            let request: serde_json::Value = serde_json::from_str(line)?;
            let detail = request["detail"].as_str().unwrap_or_default();
            if detail.starts_with("settled by '") {
                applied += usize::from(detail.ends_with("did apply it"));
                not_applied += usize::from(detail.ends_with("did not apply it"));
            }
        }
        Ok((applied, not_applied))
    }
}

#[test]
fn of_two_agents_one_settles_what_the_other_began_and_never_ended() -> Result<()> {
    let chaos = Chaos::start("chaos-pair")?;
    let other = chaos.world.stack.further_agent("agent-2")?;
    chaos.world.stack.wait_until_open()?;
    let mut pair = Pair { chaos, other };
    first_killed_and_back(&mut pair)?;
    other_killed_and_back(&mut pair)?;
    let sent = [
        ["francesca.costa", "andrea.fontana", "martina.caruso", "stefano.moretti", "laura.barbieri"],
        ["nicolo.lombardi", "beatrice.giordano", "tommaso.rizzo", "alice.dangelo", "emma.fischer"],
    ];
    let lost = [
        ["lukas.weber", "hannah.muller", "pierre.dubois", "camille.lefevre", "jose.garcia"],
        ["lucia.fernandez", "joao.silva", "ingrid.sorensen", "lars.nilsson", "katarzyna.kowalska"],
    ];
    dead_for_good(&mut pair, "its writes on their way", &sent, |forest| forest.freeze_dc(false))?;
    pair.chaos.world.stack.start_agent()?;
    dead_for_good(&mut pair, "its writes lost", &lost, |forest| {
        forest.kill_dc()?;
        forest.start_dc()
    })?;
    for line in &pair.chaos.told {
        eprintln!("{line}");
    }
    let (applied, not_applied) = pair.settled_by_the_other()?;
    eprintln!(
        "longest wait for an answer {:.1} s, longest settling {:.1} s; settled by the other: {applied} applied, {not_applied} not",
        pair.chaos.longest_wait.as_secs_f32(),
        pair.chaos.longest_settling.as_secs_f32()
    );
    Ok(())
}

fn first_killed_and_back(pair: &mut Pair) -> Result<()> {
    let chaos = &mut pair.chaos;
    let people = chaos.at_the_page(&["anna.rossi", "marco.conti", "giulia.ferrari", "luca.esposito"])?;
    let sent = chaos.send(people, Duration::from_millis(60));
    std::thread::sleep(Duration::from_millis(180));
    kill_now(chaos.world.stack.agent_pid())?;
    chaos.world.stack.stop_agent();
    chaos.world.stack.start_agent()?;
    chaos.settle_within("first of two killed", sent, SETTLED_BY_THE_OTHER_WITHIN).map(drop)
}

fn other_killed_and_back(pair: &mut Pair) -> Result<()> {
    let chaos = &mut pair.chaos;
    chaos.world.stack.wait_until_open()?;
    let people = chaos.at_the_page(&["sofia.romano", "davide.colombo", "chiara.ricci", "matteo.marino"])?;
    let sent = chaos.send(people, Duration::from_millis(60));
    std::thread::sleep(Duration::from_millis(180));
    kill_now(pair.other.pid())?;
    pair.other.stop();
    pair.other.start(&chaos.world.stack)?;
    chaos.settle_within("other of two killed", sent, SETTLED_BY_THE_OTHER_WITHIN).map(drop)
}

/// The controller stands still while both agents write, and one of them dies and never comes back. Then the controller goes on, with or
/// without what the dead one had sent. Nobody can aim at that moment: where the dead one had begun nothing, it is tried once more.
fn dead_for_good(
    pair: &mut Pair,
    what: &str,
    rounds: &[[&str; 5]],
    go_on: impl Fn(&ForestHandle) -> Result<()>,
) -> Result<()> {
    let before = pair.settled_by_the_other()?;
    for (people, stopped_after) in rounds.iter().cycle().zip(STOPPED_AFTER) {
        if pair.chaos.world.stack.agent_pid().is_none() {
            pair.chaos.world.stack.start_agent()?;
        }
        pair.chaos.world.stack.wait_until_open()?;
        let people = pair.chaos.at_the_page(people)?;
        let sent = pair.chaos.send(people, Duration::from_millis(40));
        std::thread::sleep(Duration::from_millis(stopped_after));
        pair.chaos.world.forest.freeze_dc(true)?;
        // What was read before is written now, into a controller that does not take it.
        std::thread::sleep(Duration::from_millis(700));
        kill_now(pair.chaos.world.stack.agent_pid())?;
        pair.chaos.world.stack.stop_agent();
        go_on(&pair.chaos.world.forest)?;
        let what = format!("one of two dead for good, {what}");
        pair.chaos.settle_within(&what, sent, SETTLED_BY_THE_OTHER_WITHIN)?;
        if pair.settled_by_the_other()? != before {
            return Ok(());
        }
    }
    bail!("the dead agent had begun nothing")
}
