//! A request is applied at most once, and only as it was sealed.

use anyhow::{Result, ensure};

use crate::world::World;

#[test]
fn replayed_and_altered_requests_change_nothing() -> Result<()> {
    let world = World::start("once", |_| Ok(()))?;

    // Sent twice, by a second click or a browser that lost the answer.
    let (mut visitor, choosing) = world.pass_gate("martina.caruso")?;
    let envelope = choosing.seal("Einmal-Passw0rd-1", &*world.random)?;
    let before = world.version("martina.caruso")?;
    let first = world.runtime.block_on(visitor.submit(&choosing, &envelope))?;
    ensure!(first.state == "done", "{first:?}");
    let written = world.version("martina.caruso")?;
    ensure!(written != before, "the reset is not in the directory");
    let second = world.runtime.block_on(visitor.submit(&choosing, &envelope))?;
    ensure!(["done", "unknown"].contains(&second.state.as_str()), "{second:?}");
    let outcome = world.runtime.block_on(visitor.open(second.location.as_deref().unwrap_or_default()))?;
    ensure!(outcome.html.contains("notice-ok"), "the first outcome is not told: {}", outcome.text());
    ensure!(world.version("martina.caruso")? == written, "the replayed request was applied again");

    // Sent by somebody who is not in the flow.
    let stranger = world.visitor("a-stranger")?;
    let answer = world.runtime.block_on(stranger.submit(&choosing, &envelope))?;
    ensure!(answer.state == "failed", "{answer:?}");
    ensure!(world.version("martina.caruso")? == written, "the stolen request was applied");

    // Altered on the way: the page's context still fits, the content does not.
    let (visitor, choosing) = world.pass_gate("stefano.moretti")?;
    let mut altered = choosing.seal("Alterata-Passw0rd-2", &*world.random)?;
    altered.ciphertext.0[40] ^= 1;
    let before = world.version("stefano.moretti")?;
    let answer = world.runtime.block_on(visitor.submit(&choosing, &altered))?;
    ensure!(answer.state == "failed", "{answer:?}");
    ensure!(world.version("stefano.moretti")? == before, "an altered envelope was applied");

    // Sealed for a key that the page was not given.
    let (visitor, choosing) = world.pass_gate("laura.barbieri")?;
    let wrong = ritorno_protocol::key::OpeningKey::generate(&*world.random);
    let passwords = ritorno_protocol::envelope::Passwords {
        new: Some(ritorno_protocol::secret::Password::new("Sbagliata-Passw0rd-3".to_owned())),
        old: None,
    };
    let sealed = ritorno_protocol::envelope::seal(
        &choosing.context,
        &passwords,
        std::slice::from_ref(wrong.public()),
        &*world.random,
    )?;
    let before = world.version("laura.barbieri")?;
    let answer = world.runtime.block_on(visitor.submit(&choosing, &sealed))?;
    ensure!(answer.state == "failed", "{answer:?}");
    ensure!(world.version("laura.barbieri")? == before, "an envelope for a wrong key was applied");
    Ok(())
}
