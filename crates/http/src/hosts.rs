//! Several tenants at one listener: a request is the tenant's whose host it names. Cookies, passkeys, checks of origins and links in mails hold
//! for a host, so that a browser keeps tenants apart as the server does. Each tenant has routes and a state of its own: a handler has no other
//! tenant's at hand.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use tower::ServiceExt as _;
use tracing::Instrument as _;
use url::{Host, Url};

use crate::measures;
use crate::state::AppState;

/// What is said to whoever names a host that is nobody's. It tells of no tenant, and not whether there is one that is not served.
const NOBODY: &str = "Nothing is served under this name.\n";
/// Where load balancers ask, by whichever name they know this server.
const LIVE: &str = "/health/live";
const READY: &str = "/health/ready";

/// A tenant that is served.
struct Served {
    host: String,
    state: AppState,
    app: Router,
}

/// Who is served.
#[derive(Default)]
struct Table {
    served: Vec<Arc<Served>>,
    by_host: HashMap<String, Arc<Served>>,
    any_host: bool,
}

/// The tenants that are served. Clones share them.
#[derive(Clone, Default)]
pub struct Hosts(Arc<RwLock<Arc<Table>>>);

impl Hosts {
    /// Serves these from now on, and nobody else. Where two have one host, the first of them is served. With `any_host` the only tenant
    /// answers whatever host is named, as an installation that has no other does.
    pub fn serve(&self, tenants: Vec<AppState>, any_host: bool) {
        let before = self.table();
        let mut table = Table { any_host: any_host && tenants.len() == 1, ..Table::default() };
        for state in tenants {
            let Some(host) = host_of(&state.settings.public_url) else { continue };
            let kept = before.served.iter().find(|served| Arc::ptr_eq(&served.state.keys, &state.keys));
            let served = kept.cloned().unwrap_or_else(|| {
                Arc::new(Served { host: host.clone(), app: crate::router(state.clone()), state })
            });
            table.served.push(served.clone());
            table.by_host.entry(host).or_insert(served);
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
    }

    /// The state of each tenant that is served.
    pub fn states(&self) -> Vec<AppState> {
        self.table().served.iter().map(|served| served.state.clone()).collect()
    }

    /// The routes of all of them.
    pub fn router(&self) -> Router {
        Router::new().fallback(dispatch).with_state(self.clone())
    }

    fn table(&self) -> Arc<Table> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn of(&self, uri: &Uri, headers: &HeaderMap) -> Option<Arc<Served>> {
        let table = self.table();
        match table.served.as_slice() {
            [only] if table.any_host => Some(only.clone()),
            _ => table.by_host.get(&named(uri, headers)?).cloned(),
        }
    }
}

/// The host of a tenant's address, as hosts are compared. Its port tells nothing apart: cookies and passkeys do not know ports.
pub fn host_of(public_url: &Url) -> Option<String> {
    public_url.host().map(|host| comparable(&host.to_owned()))
}

/// The host that a request names: by `:authority` or in the request line, else by `Host` (RFC 9110 section 7.2). `None` if it names none, or
/// more than one: where two readers could take it for two tenants, it is nobody's.
pub fn named(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let mut told = headers.get_all(header::HOST).iter();
    let by_header = match (told.next(), told.next()) {
        (None, _) => None,
        (Some(value), None) => Some(parsed(value.to_str().ok()?)?),
        (Some(_), Some(_)) => return None,
    };
    let by_uri = match uri.authority() {
        None => None,
        Some(authority) => Some(parsed(authority.as_str())?),
    };
    match (by_uri, by_header) {
        (Some(uri), Some(header)) if uri != header => None,
        (by_uri, by_header) => by_uri.or(by_header),
    }
}

/// The host of `host` or `host:port`, as hosts are compared. One that still ends in a dot is no name, and nobody's.
pub fn parsed(text: &str) -> Option<String> {
    let authority: Authority = text.parse().ok().filter(|_| !text.contains('@'))?;
    let host = comparable(&Host::parse(authority.host()).ok()?);
    (!host.is_empty() && !host.ends_with('.')).then_some(host)
}

fn comparable(host: &Host) -> String {
    let name = host.to_string().to_ascii_lowercase();
    // A name with the dot of the root is the same name; there is one root.
    name.strip_suffix('.').map(str::to_owned).unwrap_or(name)
}

async fn dispatch(State(hosts): State<Hosts>, request: Request) -> Response {
    let Some(served) = hosts.of(request.uri(), request.headers()) else {
        let (parts, _) = request.into_parts();
        return of_nobody(&hosts, &parts).await;
    };
    // Whatever is logged while this request is answered tells for whom.
    let span = tracing::error_span!("tenant", tenant = served.host);
    match served.app.clone().oneshot(request).instrument(span).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

async fn of_nobody(hosts: &Hosts, asked: &Parts) -> Response {
    let response = match asked.uri.path() {
        LIVE => "live\n".into_response(),
        READY => ready(hosts).await,
        _ => (StatusCode::MISDIRECTED_REQUEST, NOBODY).into_response(),
    };
    measures::of_nobody(&asked.method, response.status());
    response
}

/// The process is ready if the database answers: a tenant whose keys can't be used is no reason to take all others from the balance.
async fn ready(hosts: &Hosts) -> Response {
    let pinged = match hosts.states().first() {
        Some(state) => state.store.ping().await.map_err(|error| error.to_string()),
        None => Err("no tenant is served".to_owned()),
    };
    match pinged {
        Ok(()) => "ready\n".into_response(),
        Err(reason) => {
            tracing::warn!(reason, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(uri: &str, hosts: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, host.parse().unwrap());
        }
        named(&uri.parse().unwrap(), &headers)
    }

    #[test]
    fn a_host_is_compared_without_port_case_and_the_dot_of_the_root() {
        let contoso = Some("reset.contoso.test".to_owned());
        for host in
            ["reset.contoso.test", "RESET.Contoso.test:8443", "reset.contoso.test.", "reset.contoso.test.:1"]
        {
            assert_eq!(name("/", &[host]), contoso, "{host}");
        }
        assert_eq!(name("https://reset.contoso.test/x", &[]), contoso);
        assert_eq!(name("https://reset.contoso.test:443/x", &["reset.contoso.test"]), contoso);
        assert_eq!(name("/", &["[::1]:8080"]), Some("[::1]".into()));
        assert_eq!(name("/", &["127.0.0.1:8080"]), Some("127.0.0.1".into()));
        let of = |url: &str| host_of(&url.parse().unwrap());
        assert_eq!(of("https://Reset.Contoso.test"), contoso);
        assert_eq!(of("http://[::1]:8080"), Some("[::1]".into()));
        assert_eq!(of("https://bücher.test"), name("/", &["xn--bcher-kva.test"]));
    }

    #[test]
    fn what_two_readers_could_take_for_two_tenants_is_nobodys() {
        assert_eq!(name("/", &[]), None);
        assert_eq!(name("/", &["a.test", "b.test"]), None);
        assert_eq!(name("/", &["a.test", "a.test"]), None);
        assert_eq!(name("https://a.test/", &["b.test"]), None);
        assert_eq!(name("https://a.test/", &[""]), None);
        for host in [
            "a.test@b.test",
            "a.test/b.test",
            "a.test b.test",
            "",
            ".",
            ":80",
            "a.test#",
            "a.test..",
            "..",
            "a.test..:80",
        ] {
            assert_eq!(name("/", &[host]), None, "{host}");
        }
    }
}
