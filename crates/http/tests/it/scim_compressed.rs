//! Compressed bodies at the SCIM service: they are read, and none of them costs more than its limit.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::{Method, StatusCode};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use serde_json::json;

use crate::agent_api::{access, call_with_body};
use crate::scim::person;
use crate::world::World;

const BULK: &str = "/scim/v2/Bulk";
const GZIP: [(&str, &str); 2] = [("content-type", "application/scim+json"), ("content-encoding", "gzip")];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A body that comes in pieces without end, and how many of them were taken.
fn endless(mut piece: impl FnMut() -> Vec<u8> + Send + 'static) -> (Body, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let pieces = stream::iter(std::iter::repeat_with(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok::<_, std::io::Error>(piece())
    }));
    (Body::from_stream(pieces), taken)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_read_as_what_it_was() {
    let world = World::new().await;
    let (agent, key) = world.enrolled("exporter").await;
    let token = access(&world, agent.id, &key).await;
    let operation =
        |name: &str| json!({"method": "POST", "path": "/Users", "bulkId": name, "data": person(name)});
    let bulk = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [operation("anna"), operation("bruno")],
    });
    let packed = gzip(bulk.to_string().as_bytes());
    let call = async |headers: &[(&str, &str)], body: Vec<u8>| {
        call_with_body(&world, Method::POST, BULK, Some(&token), headers, body.into()).await
    };
    let answer = call(&GZIP, packed.clone()).await;
    assert_eq!((answer.status, answer.takes.as_deref()), (StatusCode::OK, Some("gzip")));
    let statuses: Vec<_> = answer.body["Operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["201", "201"]);
    // Another coding is refused with what is taken; what is broken or cut is a broken body.
    let other = call(&[("content-encoding", "br")], packed.clone()).await;
    assert_eq!((other.status, other.takes.as_deref()), (StatusCode::UNSUPPORTED_MEDIA_TYPE, Some("gzip")));
    for at in 0..packed.len() {
        let cut = call(&GZIP, packed[..at].to_vec()).await;
        assert_eq!(cut.status, StatusCode::BAD_REQUEST, "cut at {at}");
        let mut broken = packed.clone();
        broken[at] ^= 1 << (at % 8);
        let status = call(&GZIP, broken).await.status;
        assert!(status == StatusCode::OK || status == StatusCode::BAD_REQUEST, "{status} at {at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_is_taken_no_further_than_to_the_limit() {
    let world = World::new().await;
    let (agent, key) = world.enrolled("exporter").await;
    let token = access(&world, agent.id, &key).await;
    for (path, most) in [(BULK, 1_usize << 20), ("/scim/v2/Users", 256 << 10)] {
        // Each piece is a kilobyte that becomes a megabyte.
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let (bomb, taken) = endless(move || {
            while encoder.get_ref().len() < 1_024 {
                encoder.write_all(&[b' '; 64 << 10]).unwrap();
            }
            std::mem::take(encoder.get_mut())
        });
        let answer = call_with_body(&world, Method::POST, path, Some(&token), &GZIP, bomb).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        let taken = taken.load(Ordering::Relaxed);
        assert!(taken <= 2 + most / (1 << 20), "{path}: {taken} pieces were taken");
    }
    // One that becomes nothing at all: a file name that does not end (RFC 1952 section 2.3.1).
    let mut first = true;
    let (nothing, taken) = endless(move || {
        let header = [0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 255];
        if std::mem::take(&mut first) { header.to_vec() } else { vec![b'n'; 64 << 10] }
    });
    let answer = call_with_body(&world, Method::POST, BULK, Some(&token), &GZIP, nothing).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(taken.load(Ordering::Relaxed) <= 18);
}
