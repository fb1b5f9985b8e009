//! How long a connection may last without bringing anything, and how much of the server one address may hold.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

use crate::shares::{Share, Shares};

/// What a client may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long for the PROXY protocol's header and the TLS handshake.
    pub handshake: Duration,
    /// How long for a request's header.
    pub header: Duration,
    /// How long for a request's whole body: the largest that anybody may send is a megabyte.
    pub body: Duration,
    /// How long from the handshake until the first request is there.
    pub first_request: Duration,
    /// How long a connection may carry nothing, in neither direction. More than any request takes, and than the time between
    /// two pings of an agent's link.
    pub still: Duration,
    /// Most connections at the same time; more wait in the system's queue.
    pub connections: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(15),
            body: Duration::from_secs(30),
            first_request: Duration::from_secs(20),
            still: Duration::from_secs(60),
            connections: 8_192,
        }
    }
}

/// What of the places one address may hold: the others stay for everybody else.
const SHARE: usize = 4;

/// The places for connections.
pub(super) struct Places {
    all: Arc<Semaphore>,
    shares: Arc<Shares<IpAddr>>,
}

/// A place, until it is dropped.
pub(super) struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_one: Option<Share<IpAddr>>,
}

impl Places {
    pub(super) fn new(connections: usize) -> Self {
        let all = Arc::new(Semaphore::new(connections));
        Self { all, shares: Shares::new((connections / SHARE).max(1)) }
    }

    /// Waits for room for one more.
    pub(super) async fn free(&self) -> OwnedSemaphorePermit {
        self.all.clone().acquire_owned().await.expect("the semaphore is never closed")
    }

    /// The place for a client; none if its address has its share. Whoever carries others (`shared`) is not counted.
    pub(super) fn take(&self, permit: OwnedSemaphorePermit, peer: IpAddr, shared: bool) -> Option<Place> {
        let of_one = if shared { None } else { Some(self.shares.take(network(peer))?) };
        Some(Place { _of_all: permit, _of_one: of_one })
    }
}

/// Who is one: an IPv4 address, or the network of an IPv6 one, of which each customer has a whole.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address @ IpAddr::V4(_) => address,
    }
}

/// What the requests of a connection tell its stream.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// There was one.
    requested: AtomicBool,
    /// How much longer it may be still, in milliseconds.
    longer: AtomicU64,
}

impl Told {
    /// A request is there.
    pub(super) fn a_request(&self) {
        self.requested.store(true, Ordering::Relaxed);
    }
}

/// With a request: lets a handler that is silent on purpose keep its connection.
#[derive(Clone, Debug)]
pub struct Stillness(pub(super) Arc<Told>);

impl Stillness {
    /// From now on the connection may be still for so much longer.
    pub fn allow(&self, longer: Duration) {
        self.0.longer.store(u64::try_from(longer.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// A stream that ends with an error once it has carried nothing for too long. Nothing below does that: HTTP libraries wait for a
/// first byte, an HTTP/2 preface, or a reader, for as long as the other side likes.
pub(super) struct Patient<S> {
    stream: S,
    still: Duration,
    moved_at: Instant,
    first_request_by: Instant,
    told: Arc<Told>,
    alarm: Pin<Box<Sleep>>,
}

impl<S> Patient<S> {
    /// `told` is what the connection's requests tell.
    pub(super) fn new(stream: S, patience: &Patience, told: Arc<Told>) -> Self {
        let now = Instant::now();
        let first_request_by = now + patience.first_request;
        Self {
            stream,
            still: patience.still,
            moved_at: now,
            first_request_by,
            told,
            alarm: Box::pin(tokio::time::sleep_until(first_request_by)),
        }
    }

    /// What is told when nothing moves: an error when that has been so for too long.
    fn waits(&mut self, context: &mut Context<'_>) -> Poll<Error> {
        loop {
            let longer = Duration::from_millis(self.told.longer.load(Ordering::Relaxed));
            let still_until = self.moved_at + self.still + longer;
            let (until, why) = if self.told.requested.load(Ordering::Relaxed) {
                (still_until, "it carried nothing for too long")
            } else {
                (self.first_request_by.min(still_until), "there was no request in time")
            };
            if Instant::now() >= until {
                return Poll::Ready(Error::new(ErrorKind::TimedOut, why));
            }
            if self.alarm.deadline() != until {
                self.alarm.as_mut().reset(until);
            }
            ready!(self.alarm.as_mut().poll(context));
        }
    }

    fn wrote(&mut self, context: &mut Context<'_>, written: Poll<Result<usize>>) -> Poll<Result<usize>> {
        match written {
            Poll::Ready(written) => {
                self.moved_at = Instant::now();
                Poll::Ready(written)
            }
            Poll::Pending => self.waits(context).map(Err),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(read) => {
                self.moved_at = Instant::now();
                Poll::Ready(read)
            }
            Poll::Pending => self.waits(context).map(Err),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wrote(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Ready(flushed) => Poll::Ready(flushed),
            Poll::Pending => self.waits(context).map(Err),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        match Pin::new(&mut self.stream).poll_shutdown(context) {
            Poll::Ready(shut) => Poll::Ready(shut),
            Poll::Pending => self.waits(context).map(Err),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const PATIENCE: Patience = Patience {
        handshake: Duration::from_secs(1),
        header: Duration::from_secs(1),
        body: Duration::from_secs(1),
        first_request: Duration::from_millis(300),
        still: Duration::from_millis(600),
        connections: 8,
    };

    #[tokio::test]
    async fn who_asks_for_nothing_is_dropped_however_much_they_drip() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut patient = Patient::new(near, &PATIENCE, Arc::default());
        let dripping = tokio::spawn(async move {
            while far.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        });
        let began = Instant::now();
        let ended = async {
            loop {
                if let Err(error) = patient.read(&mut [0]).await {
                    return error;
                }
            }
        };
        let error = ended.await;
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::TimedOut, "there was no request in time")
        );
        assert!(began.elapsed() >= PATIENCE.first_request && began.elapsed() < PATIENCE.first_request * 4);
        drop(patient);
        dripping.await.unwrap();
    }

    #[tokio::test]
    async fn who_has_asked_and_takes_nothing_is_dropped_and_who_moves_stays() {
        let (near, mut far) = tokio::io::duplex(64);
        let told = Arc::new(Told::default());
        told.a_request();
        let mut patient = Patient::new(near, &PATIENCE, told);
        for _ in 0..8 {
            tokio::time::sleep(PATIENCE.still / 4).await;
            far.write_all(b"x").await.unwrap();
            assert_eq!(patient.read(&mut [0]).await.unwrap(), 1);
        }
        let began = Instant::now();
        // Nobody reads at the other end.
        let error = patient.write_all(&[0; 1_000]).await.unwrap_err();
        assert_eq!(error.to_string(), "it carried nothing for too long");
        assert!(began.elapsed() >= PATIENCE.still);
    }

    #[tokio::test]
    async fn a_silence_that_was_allowed_is_borne() {
        let (near, _far) = tokio::io::duplex(64);
        let told = Arc::new(Told::default());
        told.a_request();
        let mut patient = Patient::new(near, &PATIENCE, told.clone());
        let began = Instant::now();
        let ended = async {
            let read = tokio::spawn(async move { patient.read(&mut [0]).await });
            tokio::time::sleep(PATIENCE.still / 2).await;
            Stillness(told).allow(PATIENCE.still);
            read.await.unwrap().unwrap_err()
        };
        assert_eq!(ended.await.to_string(), "it carried nothing for too long");
        assert!(began.elapsed() >= PATIENCE.still * 2);
    }

    #[tokio::test]
    async fn one_address_holds_its_share_and_no_more() {
        let places = Places::new(8);
        let taken = |address: &str, shared| {
            let (places, address) = (&places, address.parse().unwrap());
            async move { places.take(places.free().await, address, shared) }
        };
        let first = taken("192.0.2.1", false).await.unwrap();
        let _second = taken("::ffff:192.0.2.1", false).await.unwrap();
        assert!(taken("192.0.2.1", false).await.is_none());
        assert!(taken("192.0.2.1", true).await.is_some(), "a proxy carries others");
        assert!(taken("192.0.2.2", false).await.is_some());
        drop(first);
        let _third = taken("192.0.2.1", false).await.unwrap();
        let _six = (taken("2001:db8::1", false).await.unwrap(), taken("2001:db8::2:1", false).await.unwrap());
        assert!(taken("2001:db8::3:0:0:1", false).await.is_none(), "one network");
        assert!(taken("2001:db8:0:1::1", false).await.is_some(), "another network");
    }
}
