//! 'Not now' between the two that meet in the field: the service that says it, and the agent's export, over HTTPS.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use ritorno_protocol::random::Random;
use ritorno_sync::{Backoff, ExportContext, Kind, ScimConfig, ScimTarget, Target, TokenSource};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use url::Url;

use crate::agent_api::{access, call};
use crate::scim::{USERS, person};
use crate::world::World;

struct Token(String);

#[async_trait]
impl TokenSource for Token {
    async fn token(&self) -> Result<String, String> {
        Ok(self.0.clone())
    }
}

/// No wait of the agent's own comes to what it is asked for.
struct NoChance;

impl Random for NoChance {
    fn fill(&self, out: &mut [u8]) {
        out.fill(0);
    }
}

struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            if let Ok((stream, address)) = self.tcp.accept().await
                && let Ok(stream) = self.acceptor.accept(stream).await
            {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// Serves `app` until the test ends: where, and whom to trust for it.
async fn serve(app: Router) -> (Url, rustls::ClientConfig) {
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
    let provider = || Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(own.cert.der().clone()).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let base = format!("https://localhost:{}/scim/v2", tcp.local_addr().unwrap().port());
    let listener = Tls { tcp, acceptor: TlsAcceptor::from(Arc::new(server)) };
    tokio::spawn(axum::serve(listener, app).into_future());
    (base.parse().unwrap(), client)
}

/// The export asks for nothing that is looked for in all people; in front of the service its question becomes one that is, of the same
/// meaning.
fn slower(mut request: Request) -> Request {
    let query = request.uri().query().unwrap_or_default();
    let filter = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "filter").unwrap().1;
    let filter = format!("not (not ({filter}))");
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("filter", &filter).finish();
    *request.uri_mut() = format!("{}?{query}", request.uri().path()).parse().unwrap();
    request
}

/// Says by a date what the service says in seconds, as proxies do.
fn dated(mut response: Response) -> Response {
    if let Some(asked) = response.headers().get(header::RETRY_AFTER) {
        let seconds = asked.to_str().unwrap().parse().unwrap();
        let at = |time| HeaderValue::from_str(&httpdate::fmt_http_date(time)).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let headers = response.headers_mut();
        headers.insert(header::DATE, at(now));
        headers.insert(header::RETRY_AFTER, at(now + Duration::from_secs(seconds)));
    }
    response
}

#[tokio::test(flavor = "multi_thread")]
async fn the_export_comes_back_when_the_service_says() {
    let world = World::new().await;
    let (agent, key) = world.enrolled("exporter").await;
    let token = access(&world, agent.id, &key).await;
    let made = call(&world, axum::http::Method::POST, USERS, Some(&token), &[], Some(person("luca"))).await;
    let (id, anchor) = (made.body["id"].as_str().unwrap(), made.body["externalId"].as_str().unwrap());
    for by_date in [false, true] {
        let told: Arc<Mutex<Vec<StatusCode>>> = Arc::default();
        let noted = told.clone();
        let front = from_fn(move |request: Request, next: Next| {
            let noted = noted.clone();
            async move {
                let response = next.run(slower(request)).await;
                noted.lock().unwrap().push(response.status());
                if by_date { dated(response) } else { response }
            }
        });
        let (base, tls) = serve(world.app.clone().layer(front)).await;
        // Its own waits are nothing, and so is the longest of them: what is waited is what the service asked for.
        let backoff = Backoff { tries: 2, first: Duration::ZERO, longest: Duration::ZERO };
        let config = ScimConfig { base, tls, proxy: None, backoff };
        let target = ScimTarget::new(config, Arc::new(Token(token.clone())), Arc::new(NoChance)).unwrap();
        let context = ExportContext { connector: "contoso.test".into(), lease_epoch: 1 };
        let scan = world.state.scans.begin(agent.id.into()).unwrap();
        let busy = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(scan);
        });
        let begun = Instant::now();
        let found = target.find(&context, Kind::Person, anchor).await.unwrap();
        let took = begun.elapsed();
        busy.await.unwrap();
        assert_eq!(found.as_deref(), Some(id));
        assert_eq!(*told.lock().unwrap(), [StatusCode::TOO_MANY_REQUESTS, StatusCode::OK]);
        assert!(took >= Duration::from_secs(2), "{took:?} by_date={by_date}");
    }
}
