//! A wire that misbehaves: a TCP forwarder which delays, stalls as if segments were lost, and is cut without anybody being
//! told. This kernel has no netem, and a cut that sends a FIN is none.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;

/// How often a connection looks whether the wire was cut.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long a lost segment takes to be sent again (RFC 6298 section 2.4 has a second; Linux takes from 200 ms on).
const SENT_AGAIN_AFTER: Duration = Duration::from_millis(300);

/// A wire that runs until it is dropped.
#[derive(Debug)]
pub struct Wire {
    /// Where it is reached, on 127.0.0.1 unless somebody listened elsewhere.
    pub port: u16,
    ends: Arc<Ends>,
}

#[derive(Debug)]
struct Ends {
    over: AtomicBool,
    /// Whether nothing passes.
    silent: AtomicBool,
    /// How often it was cut: a connection from before is dead for ever.
    cuts: AtomicU64,
    delay_ms: AtomicU64,
    /// Every so-many-th piece is held up as if it had been lost; 0 for none.
    lose_every: AtomicU64,
    /// Connections on which nothing passes for that long are forgotten, in milliseconds; 0 for never.
    idle_ms: AtomicU64,
    pieces: AtomicU64,
}

impl Wire {
    /// A wire to `target` that does nothing to what passes.
    ///
    /// # Errors
    /// When no port is free.
    pub fn to(target: SocketAddr) -> Result<Self> {
        Self::from(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, target)
    }

    /// The same from where somebody listens already, on whichever network.
    ///
    /// # Errors
    /// When the listener has no address.
    pub(crate) fn from(listener: TcpListener, target: SocketAddr) -> Result<Self> {
        let port = listener.local_addr()?.port();
        let ends = Arc::new(Ends {
            over: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            cuts: AtomicU64::new(0),
            delay_ms: AtomicU64::new(0),
            lose_every: AtomicU64::new(0),
            idle_ms: AtomicU64::new(0),
            pieces: AtomicU64::new(0),
        });
        let shared = ends.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if shared.over.load(Ordering::SeqCst) {
                    return;
                }
                // Nobody answers there: whoever dialled sees that as a closed connection.
                if let Ok(far) = TcpStream::connect(target) {
                    join(&near, &far, &shared);
                }
            }
        });
        Ok(Self { port, ends })
    }

    /// Cuts it: what is connected is dead for ever, what connects meanwhile too, and nobody is told.
    pub fn cut(&self) {
        self.ends.silent.store(true, Ordering::SeqCst);
        self.ends.cuts.fetch_add(1, Ordering::SeqCst);
    }

    /// Mends it: what connects from now on passes.
    pub fn mend(&self) {
        self.ends.cuts.fetch_add(1, Ordering::SeqCst);
        self.ends.silent.store(false, Ordering::SeqCst);
    }

    /// From now on each piece takes that long, and every so-many-th is lost once.
    pub fn worsen(&self, delay: Duration, lose_every: u64) {
        let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.ends.delay_ms.store(delay, Ordering::SeqCst);
        self.ends.lose_every.store(lose_every, Ordering::SeqCst);
    }

    /// From now on a connection on which nothing passes for that long is forgotten, as by a middlebox: silently.
    pub fn forget_idle_after(&self, idle: Duration) {
        let idle = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
        self.ends.idle_ms.store(idle, Ordering::SeqCst);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.ends.over.store(true, Ordering::SeqCst);
        // Wakes the listener; if that is gone, there is nothing to wake.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn join(near: &TcpStream, far: &TcpStream, ends: &Arc<Ends>) {
    let born = ends.cuts.load(Ordering::SeqCst);
    let passed = Arc::new(Mutex::new(Instant::now()));
    for (from, to) in [(near, far), (far, near)] {
        let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { return };
        let (ends, passed) = (ends.clone(), passed.clone());
        std::thread::spawn(move || carry(from, to, &ends, born, &passed));
    }
}

/// Carries one direction until an end closes, or the wire is dropped.
fn carry(mut from: TcpStream, mut to: TcpStream, ends: &Ends, born: u64, passed: &Mutex<Instant>) {
    let dead = || {
        let idle = ends.idle_ms.load(Ordering::SeqCst);
        let last = *passed.lock().unwrap_or_else(PoisonError::into_inner);
        let forgotten = idle > 0 && last.elapsed() >= Duration::from_millis(idle);
        ends.silent.load(Ordering::SeqCst) || ends.cuts.load(Ordering::SeqCst) != born || forgotten
    };
    let mut buffer = [0; 16 * 1024];
    // A read that times out is how the thread looks up; without it nothing would ever end it.
    if from.set_read_timeout(Some(LOOK_EVERY)).is_err() {
        return;
    }
    let mut was_dead = false;
    loop {
        if ends.over.load(Ordering::SeqCst) {
            break;
        }
        was_dead |= dead();
        let read = match from.read(&mut buffer) {
            Ok(read) => read,
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                continue;
            }
            Err(_) => 0,
        };
        was_dead |= dead();
        if was_dead {
            // What is said goes nowhere, and neither does an end.
            if read == 0 {
                std::thread::sleep(LOOK_EVERY);
            }
            continue;
        }
        if read == 0 {
            break;
        }
        *passed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        std::thread::sleep(Duration::from_millis(ends.delay_ms.load(Ordering::SeqCst)));
        let lose_every = ends.lose_every.load(Ordering::SeqCst);
        if lose_every > 0 && ends.pieces.fetch_add(1, Ordering::SeqCst) % lose_every == lose_every - 1 {
            std::thread::sleep(SENT_AGAIN_AFTER);
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    // Both may be gone already.
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says everything back.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut back = stream.try_clone().unwrap();
                std::thread::spawn(move || std::io::copy(&mut &stream, &mut back));
            }
        });
        address
    }

    fn connect(wire: &Wire) -> TcpStream {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, wire.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        stream
    }

    fn answers(stream: &mut TcpStream) -> bool {
        stream.write_all(b"x").is_ok() && stream.read(&mut [0]).is_ok_and(|read| read == 1)
    }

    #[test]
    fn a_cut_wire_says_nothing_and_a_mended_one_takes_new_connections_only() {
        let wire = Wire::to(echo()).unwrap();
        let mut before = connect(&wire);
        assert!(answers(&mut before));
        wire.cut();
        let mut meanwhile = connect(&wire);
        assert!(!answers(&mut before) && !answers(&mut meanwhile));
        wire.mend();
        assert!(!answers(&mut before) && !answers(&mut meanwhile));
        assert!(answers(&mut connect(&wire)));
    }

    #[test]
    fn an_idle_connection_is_forgotten_and_a_busy_one_is_not() {
        let wire = Wire::to(echo()).unwrap();
        wire.forget_idle_after(Duration::from_millis(400));
        let (mut busy, mut idle) = (connect(&wire), connect(&wire));
        assert!(answers(&mut idle));
        for _ in 0..10 {
            std::thread::sleep(Duration::from_millis(100));
            assert!(answers(&mut busy));
        }
        assert!(!answers(&mut idle));
    }
}
