//! Several requests in one (RFC 7644 section 3.7), and what was answered to each.

use serde::Deserialize;

use super::{Request, one_line};

/// Most operations, and most bytes, of one request: below what Ritorno's own service takes. One that takes less is asked one by one.
const MOST: usize = 128;
const MOST_BYTES: usize = 900 << 10;

/// Requests in parts that fit into one each.
pub(super) fn parts(mut requests: &[Request]) -> impl Iterator<Item = &[Request]> {
    std::iter::from_fn(move || {
        let (mut number, mut bytes) = (0, 0);
        for request in requests.iter().take(MOST) {
            bytes += size(request);
            if number > 0 && bytes > MOST_BYTES {
                break;
            }
            number += 1;
        }
        let (part, rest) = requests.split_at(number);
        requests = rest;
        (!part.is_empty()).then_some(part)
    })
}

fn size(request: &Request) -> usize {
    // What stands around it has less than this.
    request.body.as_ref().map_or(0, Vec::len) + request.path.len() + 100
}

/// The body: their own bodies are JSON already.
pub(super) fn body(requests: &[Request]) -> Vec<u8> {
    let mut body = Vec::with_capacity(requests.iter().map(size).sum::<usize>() + 100);
    body.extend_from_slice(
        br#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":["#,
    );
    for (number, request) in requests.iter().enumerate() {
        if number > 0 {
            body.push(b',');
        }
        let path = serde_json::Value::from(request.path.as_str());
        body.extend_from_slice(
            format!(r#"{{"method":"{}","path":{path},"bulkId":"{number}""#, request.method).as_bytes(),
        );
        if let Some(data) = &request.body {
            body.extend_from_slice(br#","data":"#);
            body.extend_from_slice(data);
        }
        body.push(b'}');
    }
    body.extend_from_slice(b"]}");
    body
}

/// What was answered to one of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    /// The service's own words.
    pub(super) detail: Option<String>,
    /// Members whom its guard holds.
    pub(super) held: Vec<String>,
}

#[derive(Deserialize)]
struct Answered {
    #[serde(rename = "Operations")]
    operations: Vec<Operation>,
}

#[derive(Deserialize)]
struct Operation {
    method: String,
    location: Option<String>,
    status: Status,
    response: Option<Response>,
}

/// RFC 7644 has it as text, its examples as an object once had it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Status {
    Text(String),
    Number(u16),
}

#[derive(Default, Deserialize)]
struct Response {
    detail: Option<String>,
    // As in the protocol's own error, of which the rest may be missing here.
    #[serde(rename = "urn:ietf:params:scim:api:messages:ritorno:2.0:Held", default)]
    held: Vec<String>,
}

/// What was answered to each of `requests`, in their order.
///
/// # Errors
/// What is wrong with the answer.
pub(super) fn read(answer: &[u8], requests: &[Request]) -> Result<Vec<Done>, &'static str> {
    let answered: Answered =
        serde_json::from_slice(answer).map_err(|_| "a bulk request's answer is not what RFC 7644 has")?;
    if answered.operations.len() != requests.len() {
        return Err("a bulk request's answer tells of more or fewer operations than were sent");
    }
    let done = answered.operations.into_iter().zip(requests).map(|(operation, request)| {
        if !operation.method.eq_ignore_ascii_case(request.method.as_str()) {
            return Err("a bulk request's answers are not in the order of its operations");
        }
        let status = match operation.status {
            Status::Number(status) => Some(status),
            Status::Text(status) => status.trim().parse().ok(),
        };
        let response = operation.response.unwrap_or_default();
        Ok(Done {
            status: status.ok_or("a bulk request's answer has a status that is no number")?,
            location: operation.location,
            detail: response.detail.map(|detail| one_line(&detail)),
            held: response.held,
        })
    });
    done.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::Method;
    use url::Url;

    use super::*;

    fn request(method: Method, bytes: usize) -> Request {
        let url = Url::parse("https://t.test/scim/v2/Users/a%22b").unwrap();
        let body = (bytes > 0).then(|| format!("\"{}\"", "x".repeat(bytes)).into_bytes());
        Request { method, url, path: "/Users/a\"b".to_owned(), body }
    }

    #[test]
    fn what_is_large_or_many_goes_in_parts() {
        let small: Vec<Request> = (0..300).map(|_| request(Method::DELETE, 0)).collect();
        assert_eq!(parts(&small).map(<[Request]>::len).collect::<Vec<_>>(), [128, 128, 44]);
        let large: Vec<Request> = (0..3).map(|_| request(Method::PUT, 600 << 10)).collect();
        assert_eq!(parts(&large).map(<[Request]>::len).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!(parts(&[]).count(), 0);
    }

    #[test]
    fn the_body_is_json_whatever_is_in_the_path() {
        let body = body(&[request(Method::POST, 3), request(Method::DELETE, 0)]);
        let read: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(read["Operations"][0]["data"], "xxx");
        assert_eq!(read["Operations"][1]["path"], "/Users/a\"b");
    }

    #[test]
    fn answers_are_taken_in_their_order_and_no_other() {
        let requests = [request(Method::POST, 1), request(Method::DELETE, 0)];
        let post = r#"{"method":"POST","status":"201","location":"https://t.test/Users/7"}"#;
        let delete = r#"{"method":"DELETE","status":404,"response":{"detail":"a\nb"}}"#;
        let told =
            |operations: &str| read(format!("{{\"Operations\":[{operations}]}}").as_bytes(), &requests);
        let done = told(&format!("{post},{delete}")).unwrap();
        assert_eq!((done[0].status, done[0].location.as_deref()), (201, Some("https://t.test/Users/7")));
        assert_eq!((done[1].status, done[1].detail.as_deref()), (404, Some("a b")));
        for wrong in [
            format!("{delete},{post}"),
            post.to_owned(),
            format!("{post},{{\"method\":\"DELETE\",\"status\":\"x\"}}"),
        ] {
            assert!(told(&wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_breaks_the_reader(answer in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&answer, &[request(Method::POST, 1)]);
        }
    }
}
