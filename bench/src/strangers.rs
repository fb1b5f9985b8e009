//! Whether the time of the first answer tells a name that somebody has from one that nobody has.

use std::net::Ipv4Addr;
use std::time::Instant;

use anyhow::{Result, ensure};
use ritorno_lab::stack::Stack;
use ritorno_tests::visitor::Visitor;
use tokio::task::JoinSet;

use crate::people::Subject;
use crate::summary::{Better, Measure, Rows, middle};

/// Names of each kind, and how often each is given: as often as a name is taken without work, and the tenant with it.
pub(crate) const NAMES: usize = 60;
const TIMES: usize = 4;
/// Visitors at once; each has an address of its own.
const AT_ONCE: usize = 2;

/// Gives names that somebody has and names that nobody has, in turn, and compares the times until the next page is there.
///
/// # Errors
/// When a page is another one than it should be.
pub(crate) async fn measure(stack: &Stack, subjects: &[Subject], date: &str, rows: &mut Rows) -> Result<()> {
    ensure!(subjects.len() >= NAMES, "{NAMES} people are needed");
    let mut times: [Vec<f64>; 2] = Default::default();
    let mut visits = 0_u32;
    for _ in 0..TIMES {
        for (number, subject) in subjects.iter().take(NAMES).enumerate() {
            let nobody = format!("nobody-{number:03}@{}", subject.upn.split('@').nth(1).unwrap_or_default());
            // Which of the two is first changes, so that neither always finds the warmer server.
            let mut pair = [(0, subject.upn.clone()), (1, nobody)];
            pair.rotate_left(number % AT_ONCE);
            let mut under_way = JoinSet::new();
            for (kind, name) in pair {
                visits += 1;
                let visitor = visitor(stack, visits)?;
                under_way.spawn(async move { anyhow::Ok((kind, visit(visitor, &name).await?)) });
            }
            while let Some(done) = under_way.join_next().await {
                let (kind, time) = done??;
                times[kind].push(time);
            }
        }
    }
    let [known, unknown] = &times;
    let count = known.len();
    let method = format!(
        "from sending a name to the end of the page after it, {count} visits each of names that somebody has and that nobody has, two \
         at once, each from an address of its own"
    );
    let apart = Measure { name: "portal.known_names_ms", unit: "ms", better: Better::Lower, goal: Some(2.0) };
    rows.add(
        apart,
        &[(middle(known) - middle(unknown)).abs()],
        format!("{method}: the difference of the medians"),
        date,
    )?;
    let told =
        Measure { name: "portal.known_names_told", unit: "share", better: Better::Lower, goal: Some(0.15) };
    let method = format!(
        "{method}: how much better than by chance whoever compares two times tells which is which; 0 is by chance, 1 is always, and \
         chance alone makes it 0.05 with so many"
    );
    rows.add(told, &[(2.0 * longer(known, unknown) - 1.0).abs()], method, date)
}

/// The share of pairs in which the first one's time is the longer one; one half if nothing can be told.
fn longer(ones: &[f64], others: &[f64]) -> f64 {
    let pairs = ones.iter().flat_map(|one| others.iter().map(move |other| one.total_cmp(other)));
    let sum: f64 = pairs.map(|order| f64::from(order as i8 + 1) / 2.0).sum();
    sum / (ones.len() * others.len()).max(1) as f64
}

fn visitor(stack: &Stack, number: u32) -> Result<Visitor> {
    let [_, _, high, low] = number.to_be_bytes();
    Visitor::new(&stack.url, &stack.ca_pem, "en", Ipv4Addr::new(127, 77, high, low.max(1)))
}

/// Milliseconds from the name to the next page.
async fn visit(mut visitor: Visitor, name: &str) -> Result<f64> {
    let front = visitor.open("/").await?;
    let begun = Instant::now();
    let next = visitor.fill(&front, &[("name", name)]).await?;
    let took = begun.elapsed().as_secs_f64() * 1_000.0;
    next.form(&["code"])?;
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_a_half_where_nothing_can_be_told() {
        assert_eq!(longer(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]), 0.5);
        assert_eq!(longer(&[4.0, 5.0], &[1.0, 2.0]), 1.0);
        assert_eq!(longer(&[1.0], &[2.0, 3.0]), 0.0);
    }
}
