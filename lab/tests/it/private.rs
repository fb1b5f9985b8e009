//! A private copy of a forest: fast to make, beside the shared one, and gone afterwards.

use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use ritorno_lab::forest::State;
use ritorno_lab::{Forest, Lab};

#[test]
fn a_copy_is_killed_restored_and_removed_while_the_shared_forest_goes_on() {
    let lab = Lab::open().unwrap();
    let shared = lab.forest(Forest::Contoso).unwrap();
    shared.up().unwrap();
    let private = lab.private("kill-and-restore").unwrap();
    let folder = private.folder().to_owned();
    let forest = private.forest(Forest::Contoso).unwrap();
    assert_ne!(forest.dc_ip, shared.dc_ip);
    forest.up().unwrap();

    // What is changed in the copy survives a power cut, and stays in the copy.
    let person = forest.person("marco.conti").unwrap();
    forest
        .modify(&format!(
            "dn: {}\nchangetype: modify\nreplace: description\ndescription: changed\n",
            person.dn
        ))
        .unwrap();
    forest.kill_dc().unwrap();
    assert_eq!(forest.state(), State::Stopped);
    let refused = TcpStream::connect(SocketAddr::from((forest.dc_ip, 636)));
    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    let no_kdc = forest.kinit(&person.sam, &person.password).unwrap_err();
    assert!(no_kdc.to_string().contains("Cannot contact any KDC"), "{no_kdc:#}");
    forest.start_dc().unwrap();
    let find = ["ldbsearch", "-H", "/var/lib/samba/private/sam.ldb", "(description=changed)", "cn"];
    assert!(forest.dc_exec(&find).unwrap().contains("Marco Conti"));
    assert!(!shared.dc_exec(&find).unwrap().contains("Marco Conti"));

    forest.restore().unwrap();
    assert!(!forest.dc_exec(&find).unwrap().contains("Marco Conti"));
    assert!(forest.kinit(&person.sam, &person.password).unwrap());

    // Its DNS leads to the copy and not to the forest that it was copied from.
    let answer = ask_for_address(forest.dc_ip, &forest.dc_host);
    let names = |ip: Ipv4Addr| answer.windows(4).any(|bytes| bytes == ip.octets());
    assert!(names(forest.dc_ip) && !names(shared.dc_ip), "{answer:?}");

    drop(private);
    assert!(!folder.exists());
    assert_eq!(forest.state(), State::Stopped);
    assert!(shared.kinit(&person.sam, &person.password).unwrap());
}

/// The controller's raw answer to a query for an A record (RFC 1035 section 4).
fn ask_for_address(server: Ipv4Addr, name: &str) -> Vec<u8> {
    let mut query = vec![0x47, 0x11, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).expect("a label has 63 bytes at most"));
        query.extend(label.bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("ten seconds is no zero");
    socket.send_to(&query, (server, 53)).expect("loopback takes datagrams");
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer).expect("the controller answers");
    answer[..length].to_vec()
}
