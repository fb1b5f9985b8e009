//! A network of its own with nothing in it but what it is shown: for a machine that is to reach what is named, and nothing else.

use std::fs::File;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::sched::{CloneFlags, setns};

use crate::Lab;
use crate::command::{capture, run};
use crate::root::require_root;
use crate::wire::Wire;

/// A network, until it is dropped.
#[derive(Debug)]
pub struct Lone {
    name: String,
    holes: Vec<Wire>,
}

impl Lone {
    /// Makes one for a private lab.
    ///
    /// # Errors
    /// Without root, or when the kernel has no network namespaces.
    pub fn start(lab: &Lab) -> Result<Self> {
        require_root()?;
        let lone = Self { name: name(lab), holes: Vec::new() };
        lone.remove();
        run(Command::new("ip").args(["netns", "add", &lone.name]), b"")?;
        run(Command::new("ip").args(["-n", &lone.name, "link", "set", "lo", "up"]), b"")?;
        Ok(lone)
    }

    /// The words before a command that runs it in this network.
    #[must_use]
    pub fn within(&self) -> Vec<String> {
        ["ip", "netns", "exec", &self.name].map(str::to_owned).to_vec()
    }

    /// Shows it a service of the machine's own network, at the same address.
    ///
    /// # Errors
    /// When the network can't be entered, or the address is taken.
    pub fn show(&mut self, service: SocketAddr) -> Result<()> {
        if !service.ip().is_loopback() {
            self.add(service.ip())?;
        }
        let listener = self.enter(move || TcpListener::bind(service))?;
        self.holes.push(Wire::from(listener, service)?);
        Ok(())
    }

    /// Shows it a name server: TCP, and one question at a time over UDP.
    ///
    /// # Errors
    /// As [`Lone::show`].
    pub fn show_names(&mut self, server: SocketAddr) -> Result<()> {
        self.show(server)?;
        let inside = self.enter(move || UdpSocket::bind(server))?;
        let outside = UdpSocket::bind((server.ip(), 0))?;
        outside.set_read_timeout(Some(Duration::from_secs(2)))?;
        std::thread::spawn(move || {
            let (mut asked, mut answer) = ([0; 4_096], [0; 4_096]);
            // It ends with the process: a socket of a network that is gone hears nothing.
            while let Ok((length, from)) = inside.recv_from(&mut asked) {
                let answered =
                    outside.send_to(&asked[..length], server).and_then(|_| outside.recv(&mut answer));
                if let Ok(length) = answered {
                    // Whoever asked may have given up.
                    let _ = inside.send_to(&answer[..length], from);
                }
            }
        });
        Ok(())
    }

    fn add(&self, address: IpAddr) -> Result<()> {
        let address = format!("{address}/32");
        run(Command::new("ip").args(["-n", &self.name, "addr", "replace", &address, "dev", "lo"]), b"")
            .map(drop)
    }

    /// A thread of its own enters, and ends there: what it opened stays in that network.
    fn enter<T: Send + 'static>(
        &self,
        open: impl FnOnce() -> std::io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let space = File::open(Path::new("/run/netns").join(&self.name))?;
        let opening = std::thread::spawn(move || -> Result<T> {
            setns(&space, CloneFlags::CLONE_NEWNET)?;
            Ok(open()?)
        });
        opening
            .join()
            .map_err(|_| anyhow::anyhow!("the thread broke down"))?
            .context("opening in a network of its own")
    }

    fn remove(&self) {
        if Path::new("/run/netns").join(&self.name).exists() {
            // What is not there needs no removing.
            let _ = capture(Command::new("ip").args(["netns", "del", &self.name]), b"");
        }
    }
}

impl Drop for Lone {
    fn drop(&mut self) {
        self.remove();
    }
}

fn name(lab: &Lab) -> String {
    let [_, b, c, _] = lab.address(0).octets();
    format!("ritorno-{b}-{c}-lone")
}

/// Removes what a killed test left behind of a private lab's.
pub(crate) fn remove(lab: &Lab) {
    Lone { name: name(lab), holes: Vec::new() }.remove();
}
