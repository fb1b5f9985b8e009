//! Who reads: the languages that the browser asks for, and where it comes from.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use ritorno_identity::language::Language;
use ritorno_identity::tenant::Tenant;

use crate::client::ClientAddress;
use crate::i18n::{Words, accepted};
use crate::state::AppState;

/// The cookie that remembers a language chosen by the link on the page.
const LANGUAGE_COOKIE: &str = "__Host-language";

/// What a request tells of its reader, whether or not it is valid otherwise.
#[derive(Clone, Debug)]
pub struct Reader {
    /// Chosen by `?lang=` in this very request.
    chosen: Option<Language>,
    /// Language tags, best first: chosen, remembered, asked for.
    wanted: Vec<String>,
    /// The client's network: an IPv4 address, or the first 64 bits of an IPv6 one, which is what one customer gets.
    /// Empty where nobody asked for it.
    pub network: String,
}

impl Reader {
    /// Reads it out of a request's head.
    pub fn of(parts: &Parts) -> Self {
        let jar = CookieJar::from_headers(&parts.headers);
        let chosen = parts.uri.query().and_then(|query| {
            url::form_urlencoded::parse(query.as_bytes())
                .find(|(name, _)| name == "lang")
                .and_then(|(_, tag)| Language::from_tag(&tag))
        });
        let mut wanted: Vec<String> = chosen.iter().map(|language| language.tag().to_owned()).collect();
        wanted.extend(jar.get(LANGUAGE_COOKIE).map(|cookie| cookie.value().to_owned()));
        let header = parts.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
        wanted.extend(accepted(header).into_iter().map(str::to_owned));
        Self { chosen, wanted, network: String::new() }
    }

    /// The words for this reader, among the languages that the tenant offers.
    pub fn words(&self, tenant: &Tenant) -> Words {
        Words(tenant.language_for(self.wanted.iter().map(String::as_str)))
    }

    /// The words for this reader where no tenant is known.
    pub fn words_anywhere(&self) -> Words {
        Words(self.wanted.iter().find_map(|tag| Language::from_tag(tag)).unwrap_or_default())
    }

    /// Remembers a language that was chosen just now.
    pub fn remember(&self, jar: CookieJar) -> CookieJar {
        match self.chosen {
            None => jar,
            Some(language) => {
                let cookie = Cookie::build((LANGUAGE_COOKIE, language.tag()))
                    .path("/")
                    .secure(true)
                    .http_only(true)
                    .same_site(SameSite::Lax)
                    .max_age(time::Duration::days(365));
                jar.add(cookie)
            }
        }
    }
}

fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(four) => four.to_string(),
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

impl FromRequestParts<AppState> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let ClientAddress(address) = ClientAddress::from_request_parts(parts, state).await?;
        Ok(Self { network: network(address), ..Self::of(parts) })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn reader(uri: &str, headers: &[(&str, &str)]) -> Reader {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Reader::of(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn link_beats_cookie_beats_browser() {
        let browser = [("accept-language", "it-IT,it;q=0.9,en;q=0.8")];
        assert_eq!(reader("/", &browser).words_anywhere(), Words(Language::Italian));
        let both = [browser[0], ("cookie", "__Host-language=en")];
        assert_eq!(reader("/", &both).words_anywhere(), Words(Language::English));
        assert_eq!(reader("/?lang=it", &both).words_anywhere(), Words(Language::Italian));
        assert_eq!(reader("/?lang=xx", &[]).words_anywhere(), Words(Language::English));
    }

    #[test]
    fn network_is_what_one_customer_gets() {
        assert_eq!(network("192.0.2.7".parse().unwrap()), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7".parse().unwrap()), "192.0.2.7");
        assert_eq!(network("2001:db8:1:2:3::4".parse().unwrap()), "2001:db8:1:2::/64");
    }
}
