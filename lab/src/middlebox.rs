//! A real middlebox between two hosts with networks of their own: a router whose nftables lets connections through that were
//! begun while it looked, and forgets those that are idle. What belongs to a forgotten one is dropped, and nobody is told.
//!
//! The machine's own network is the near host; the far one and the box are namespaces. Tests put the cloud side beyond it, so that
//! agents and browsers have to pass.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::sched::{CloneFlags, setns};

use crate::Lab;
use crate::command::{capture, run};
use crate::packages::{Purpose, ensure_packages};
use crate::root::require_root;
use crate::wire::Wire;

/// Only what began under the box's eyes passes; what it does not know, or not any more, is dropped.
const RULES: &str = "table ip box {
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        tcp flags & (syn | ack) == syn ct state new accept
    }
}
";
/// Before all else nothing passes.
const CUT: &str = "table ip cut {
    chain forward {
        type filter hook forward priority -10; policy drop;
    }
}
";

/// The machine's own interfaces: they change only while nobody needs them to stay.
static INTERFACES: RwLock<()> = RwLock::new(());

/// While this is held, no middlebox of this process comes or goes: a browser gives up whatever it is loading when an interface of its host
/// changes.
pub fn interfaces_stay() -> RwLockReadGuard<'static, ()> {
    INTERFACES.read().unwrap_or_else(PoisonError::into_inner)
}

fn interfaces_change() -> RwLockWriteGuard<'static, ()> {
    INTERFACES.write().unwrap_or_else(PoisonError::into_inner)
}

/// A middlebox, until it is dropped.
#[derive(Debug)]
pub struct Middlebox {
    names: Names,
    holes: Vec<Wire>,
}

/// What everything is called, and the addresses: 10, then the last two numbers of the lab's network.
#[derive(Debug, Clone)]
struct Names {
    /// The box's namespace.
    inside: String,
    /// The far host's namespace.
    beyond: String,
    /// The near host's interface.
    interface: String,
    network: [u8; 2],
}

impl Names {
    fn of(lab: &Lab) -> Self {
        let [_, b, c, _] = lab.address(0).octets();
        Self {
            inside: format!("ritorno-{b}-{c}-box"),
            beyond: format!("ritorno-{b}-{c}-far"),
            interface: format!("rit{b}x{c}"),
            network: [b, c],
        }
    }

    const fn address(&self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, self.network[0], self.network[1], last)
    }

    /// Removes what is there of it, which changes nothing and waits for nobody if there is nothing.
    fn remove(&self) {
        let is_there = std::path::Path::new("/sys/class/net").join(&self.interface).exists();
        let _changing = is_there.then(interfaces_change);
        self.clear();
    }

    /// The same for whoever holds the interfaces already; a killed test leaves them behind.
    fn clear(&self) {
        let named = |arguments: &[&str]| {
            // What is not there needs no removing.
            let _ = capture(Command::new("ip").args(arguments), b"");
        };
        named(&["link", "del", &self.interface]);
        for space in [&self.inside, &self.beyond] {
            if std::path::Path::new("/run/netns").join(space).exists() {
                named(&["netns", "del", space]);
            }
        }
    }

    /// Makes everything anew.
    fn lay(&self) -> Result<()> {
        let _changing = interfaces_change();
        self.clear();
        let [near, box_near, box_far, far] = [1, 2, 5, 6].map(|last| self.address(last).to_string());
        let (inside, beyond, interface) = (&*self.inside, &*self.beyond, &*self.interface);
        let net = |last: u8| format!("{}/30", self.address(last));
        let steps: [&[&str]; 16] = [
            &["netns", "add", inside],
            &["netns", "add", beyond],
            &["link", "add", interface, "type", "veth", "peer", "name", "near", "netns", inside],
            &["addr", "add", &net(1), "dev", interface],
            // No address of IPv6, which would come some seconds later, when a browser may run again.
            &["link", "set", interface, "addrgenmode", "none"],
            &["link", "set", interface, "up"],
            &["-n", inside, "addr", "add", &net(2), "dev", "near"],
            &["-n", inside, "link", "set", "near", "up"],
            &["-n", inside, "link", "add", "far", "type", "veth", "peer", "name", "eth0", "netns", beyond],
            &["-n", inside, "addr", "add", &net(5), "dev", "far"],
            &["-n", inside, "link", "set", "far", "up"],
            &["-n", beyond, "addr", "add", &net(6), "dev", "eth0"],
            &["-n", beyond, "link", "set", "eth0", "up"],
            &["-n", beyond, "link", "set", "lo", "up"],
            &["-n", beyond, "route", "add", &near, "via", &box_far],
            &["route", "add", &far, "via", &box_near],
        ];
        for step in steps {
            run(Command::new("ip").args(step), b"")?;
        }
        Ok(())
    }
}

impl Middlebox {
    /// Makes one for a private lab.
    ///
    /// # Errors
    /// Without root, or when the kernel has no nftables or no network namespaces.
    pub fn start(lab: &Lab) -> Result<Self> {
        require_root()?;
        ensure_packages(Purpose::Test)?;
        let names = Names::of(lab);
        let made = Self { names, holes: Vec::new() };
        made.names.lay()?;
        made.set("net.ipv4.ip_forward", 1)?;
        // Who comes in the middle of a connection is not taken for somebody known.
        made.set("net.netfilter.nf_conntrack_tcp_loose", 0)?;
        run(made.inside("nft").args(["--file", "-"]), RULES.as_bytes())?;
        Ok(made)
    }

    /// The far host's address, as the near one sees it.
    #[must_use]
    pub fn far_address(&self) -> Ipv4Addr {
        self.names.address(6)
    }

    /// The near host's address, as the far one sees it.
    #[must_use]
    pub fn near_address(&self) -> Ipv4Addr {
        self.names.address(1)
    }

    /// The words before a command that runs it on the far host.
    #[must_use]
    pub fn beyond(&self) -> Vec<String> {
        ["ip", "netns", "exec", &self.names.beyond].map(str::to_owned).to_vec()
    }

    fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.names.inside, program]);
        command
    }

    fn set(&self, name: &str, value: u64) -> Result<()> {
        run(self.inside("sysctl").args(["--quiet", "--write", &format!("{name}={value}")]), b"").map(drop)
    }

    /// From now on a connection on which nothing passes for that long is forgotten.
    ///
    /// # Errors
    /// When the kernel does not take it.
    pub fn forget_idle_after(&self, idle: Duration) -> Result<()> {
        self.set("net.netfilter.nf_conntrack_tcp_timeout_established", idle.as_secs())
    }

    /// Nothing passes any more, and nobody is told.
    ///
    /// # Errors
    /// When nftables refuses.
    pub fn cut(&self) -> Result<()> {
        run(self.inside("nft").args(["--file", "-"]), CUT.as_bytes()).map(drop)
    }

    /// Mends what was cut. What is connected goes on, as far as it was not given up meanwhile.
    ///
    /// # Errors
    /// When nothing was cut.
    pub fn mend(&self) -> Result<()> {
        run(self.inside("nft").args(["delete", "table", "ip", "cut"]), b"").map(drop)
    }

    /// Where the far host listens on that address of its own.
    ///
    /// # Errors
    /// When its namespace can't be entered, or the address is taken.
    pub fn listen_beyond(&self, address: SocketAddr) -> Result<TcpListener> {
        let space = File::open(format!("/run/netns/{}", self.names.beyond))?;
        // A thread of its own enters, and ends there: what it opened stays in that network.
        let listening = std::thread::spawn(move || -> Result<TcpListener> {
            setns(&space, CloneFlags::CLONE_NEWNET)?;
            Ok(TcpListener::bind(address)?)
        });
        listening
            .join()
            .map_err(|_| anyhow::anyhow!("the thread broke down"))?
            .context("listening beyond the box")
    }

    /// Shows the far host a service of the near one at the same address, beside the box: what it is not about, such as mail.
    ///
    /// # Errors
    /// As [`Middlebox::listen_beyond`].
    pub fn show_beyond(&mut self, service: SocketAddr) -> Result<()> {
        let listener = self.listen_beyond(service)?;
        self.holes.push(Wire::from(listener, service)?);
        Ok(())
    }
}

impl Drop for Middlebox {
    fn drop(&mut self) {
        self.names.remove();
    }
}

/// Removes what a killed test left behind of a private lab's.
pub(crate) fn remove(lab: &Lab) {
    Names::of(lab).remove();
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    fn answers(stream: &mut TcpStream) -> bool {
        stream.write_all(b"x").is_ok() && stream.read(&mut [0]).is_ok_and(|read| read == 1)
    }

    #[test]
    fn an_idle_connection_is_forgotten_a_busy_one_is_not_and_a_cut_is_silent() {
        let lab = Lab::open().unwrap().private("middlebox").unwrap();
        let middlebox = Middlebox::start(&lab).unwrap();
        let place = SocketAddr::from((middlebox.far_address(), 7));
        let listener = middlebox.listen_beyond(place).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut back = stream.try_clone().unwrap();
                std::thread::spawn(move || std::io::copy(&mut &stream, &mut back));
            }
        });
        let connect = || {
            let stream = TcpStream::connect_timeout(&place, Duration::from_secs(1))?;
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            Ok::<_, std::io::Error>(stream)
        };
        let idle = Duration::from_secs(3);
        middlebox.forget_idle_after(idle).unwrap();
        let (mut busy, mut forgotten) = (connect().unwrap(), connect().unwrap());
        assert!(answers(&mut forgotten));
        for _ in 0..5 {
            assert!(answers(&mut busy));
            std::thread::sleep(Duration::from_secs(1));
        }
        assert!(answers(&mut busy));
        assert!(!answers(&mut forgotten), "the box has forgotten nothing");
        assert!(answers(&mut connect().unwrap()));
        middlebox.cut().unwrap();
        assert!(!answers(&mut busy) && connect().is_err());
        middlebox.mend().unwrap();
        assert!(answers(&mut connect().unwrap()));
    }
}
