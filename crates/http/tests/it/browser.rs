//! A browser without scripts: it keeps cookies, sends forms, and reads pages.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use tower::ServiceExt as _;

use crate::world::ORIGIN;

/// The browser.
pub(crate) struct Browser {
    app: Router,
    /// The site that it is at.
    origin: &'static str,
    cookies: BTreeMap<String, String>,
    language: &'static str,
}

/// What it was answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// Where it is sent on.
    pub(crate) fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |value| value.to_str().unwrap())
    }

    /// Whether it makes the browser one in which somebody succeeded.
    pub(crate) fn makes_known(&self) -> bool {
        let cookies = self.headers.get_all(header::SET_COOKIE).iter();
        cookies.into_iter().any(|cookie| cookie.as_bytes().starts_with(b"__Host-known="))
    }

    /// The support code on the page.
    pub(crate) fn support_code(&self) -> String {
        let mark = "id=\"support-code\">";
        let at = self.body.find(mark).expect("a page with a support code") + mark.len();
        self.body[at..].chars().take_while(|c| *c != '<').collect()
    }
}

impl Browser {
    pub(crate) fn new(app: &Router, language: &'static str) -> Self {
        Self::at(app, ORIGIN, language)
    }

    /// At another site than usual.
    pub(crate) fn at(app: &Router, origin: &'static str, language: &'static str) -> Self {
        Self { app: app.clone(), origin, cookies: BTreeMap::new(), language }
    }

    /// Another browser at that site, with the cookies of this one, as whoever copied them there would have it.
    pub(crate) fn copied_to(&self, origin: &'static str) -> Self {
        Self { app: self.app.clone(), origin, cookies: self.cookies.clone(), language: self.language }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, None, b"", self.origin).await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(Method::POST, path, Some("application/x-www-form-urlencoded"), form.as_bytes(), self.origin)
            .await
    }

    pub(crate) async fn post_json(&mut self, path: &str, body: &str) -> Answer {
        self.send(Method::POST, path, Some("application/json"), body.as_bytes(), self.origin).await
    }

    /// A form with files: those whose name begins with `logo`.
    pub(crate) async fn post_files(&mut self, path: &str, parts: &[(&str, &[u8])]) -> Answer {
        let mut body = Vec::new();
        for (name, content) in parts {
            let file = if name.starts_with("logo") { "; filename=\"logo.png\"" } else { "" };
            body.extend_from_slice(
                format!("--cut\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n").as_bytes(),
            );
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--cut--\r\n");
        self.send(Method::POST, path, Some("multipart/form-data; boundary=cut"), &body, self.origin).await
    }

    /// As a page of another site would make it post.
    pub(crate) async fn post_from(&mut self, origin: &str, path: &str) -> Answer {
        self.send(Method::POST, path, Some("application/x-www-form-urlencoded"), b"name=a", origin).await
    }

    /// A cookie's value.
    pub(crate) fn cookie(&self, name: &str) -> String {
        self.cookies.get(name).cloned().expect("a cookie of that name")
    }

    /// Sets a cookie, as whoever copied it would.
    pub(crate) fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    /// Puts one cookie's value under another's name.
    pub(crate) fn rename_cookie(&mut self, from: &str, to: &str) {
        let value = self.cookies.remove(from).expect("a cookie of that name");
        self.cookies.insert(to.to_owned(), value);
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        kind: Option<&str>,
        body: &[u8],
        origin: &str,
    ) -> Answer {
        let mut request = Request::builder()
            .method(&method)
            .uri(path)
            .header(header::HOST, self.origin.trim_start_matches("https://"))
            .header(header::ACCEPT_LANGUAGE, self.language);
        if method == Method::POST {
            let site = if origin == self.origin { "same-origin" } else { "cross-site" };
            request = request.header(header::ORIGIN, origin).header("sec-fetch-site", site);
        }
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let request = request.body(Body::from(body.to_vec())).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.starts_with("__Host-") && cookie.contains("Secure"), "{cookie}");
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let bytes = to_bytes(body, 1 << 20).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }
}
