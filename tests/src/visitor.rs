//! A person at the portal, without a browser: follows links and redirects, keeps cookies, fills in the portal's forms,
//! and seals the password as the page's script does.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::header::{self, HeaderValue};
use reqwest::{Certificate, Client, Method, Response, redirect};
use ritorno_lab::MailServer;
use ritorno_protocol::bytes::decode;
use ritorno_protocol::certificate::RecipientChain;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::{self, Context, Envelope, Operation, Passwords};
use ritorno_protocol::key::PublicKey;
use ritorno_protocol::policy::EffectivePolicy;
use ritorno_protocol::random::Random;
use ritorno_protocol::secret::Password;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::html::{Form, forms, text};

/// How long a page may take: the server itself waits for the agent for some seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a mail may take.
const MAIL_WITHIN: Duration = Duration::from_secs(20);
/// Digits of a one-time code.
const CODE_DIGITS: usize = 8;

/// Somebody at the portal.
pub struct Visitor {
    client: Client,
    origin: Url,
    cookies: BTreeMap<String, String>,
}

/// A page that was shown.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its address.
    pub url: Url,
    /// The status.
    pub status: u16,
    /// Its text.
    pub html: String,
}

impl Page {
    /// Its words.
    pub fn text(&self) -> String {
        text(&self.html)
    }

    /// The first of its forms that has all these fields.
    ///
    /// # Errors
    /// When there is none; the message holds the page's words.
    pub fn form(&self, names: &[&str]) -> Result<Form> {
        forms(&self.html)
            .into_iter()
            .find(|form| names.iter().all(|name| form.field(name).is_some()))
            .with_context(|| {
                format!("{} ({}) has no form with {names:?}: {}", self.url, self.status, self.text())
            })
    }
}

/// What the page on which a password is typed was handed.
#[derive(Clone, Debug, Deserialize)]
pub struct Choosing {
    /// The tenant's root public key in base64url.
    pub root: String,
    /// The server's time when the page was made.
    pub server_time: Timestamp,
    /// What the envelope has to be about.
    pub context: Context,
    /// Whom to seal for.
    pub recipients: Vec<RecipientChain>,
    /// What a new password has to satisfy.
    #[serde(default)]
    pub policy: Option<EffectivePolicy>,
    /// Where the envelope goes.
    pub submit: String,
    /// Where the outcome is shown.
    pub next: String,
}

/// The server's answer to an envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// `done`, `refused`, `failed` or `unknown`.
    pub state: String,
    /// Where the outcome is shown.
    #[serde(default)]
    pub location: Option<String>,
    /// The rule that was broken.
    #[serde(default)]
    pub rule: Option<serde_json::Value>,
    /// In the reader's language.
    #[serde(default)]
    pub message: Option<String>,
    /// For the next try after a refusal.
    #[serde(default)]
    pub context: Option<Context>,
}

impl Answer {
    /// The name of the rule that was broken.
    pub fn broken_rule(&self) -> Option<&str> {
        match self.rule.as_ref()? {
            serde_json::Value::String(name) => Some(name),
            rule => rule.get("rule")?.as_str(),
        }
    }
}

impl Choosing {
    /// Seals a password for everyone on the list, after checking each up to the root: as the current one where the page asks
    /// for a verification, as a new one elsewhere.
    ///
    /// # Errors
    /// When a chain does not hold.
    pub fn seal(&self, password: &str, random: &dyn Random) -> Result<Envelope> {
        let password = Some(Password::new(password.to_owned()));
        let passwords = match self.context.operation {
            Operation::Verify => Passwords { new: None, old: password },
            _ => Passwords { new: password, old: None },
        };
        self.sealed(&passwords, random)
    }

    /// Seals the current password and a new one, where the page asks for both.
    ///
    /// # Errors
    /// When a chain does not hold.
    pub fn seal_change(&self, old: &str, new: &str, random: &dyn Random) -> Result<Envelope> {
        ensure!(
            self.context.operation == Operation::Change,
            "the page asks for {:?}",
            self.context.operation
        );
        let password = |text: &str| Some(Password::new(text.to_owned()));
        self.sealed(&Passwords { new: password(new), old: password(old) }, random)
    }

    fn sealed(&self, passwords: &Passwords, random: &dyn Random) -> Result<Envelope> {
        let root = decode(&self.root).context("the root key is no base64url")?;
        let root = PublicKey::from_bytes(&root).ok().context("the root key is no key")?;
        let recipients = self
            .recipients
            .iter()
            .map(|chain| Ok(chain.check(&root, self.context.tenant, self.server_time)?.key))
            .collect::<Result<Vec<_>>>()?;
        Ok(envelope::seal(&self.context, passwords, &recipients, random)?)
    }
}

impl Visitor {
    /// Somebody who trusts only the authority in `ca_pem`, reads `language` (such as `en`) and comes from `from`, an
    /// address on the loopback network: what the portal counts by network is counted for that address.
    ///
    /// # Errors
    /// When the certificate can't be read.
    pub fn new(portal: &str, ca_pem: &Path, language: &str, from: Ipv4Addr) -> Result<Self> {
        let origin: Url = portal.parse().context("the portal's address")?;
        let ca =
            Certificate::from_pem(&std::fs::read(ca_pem).with_context(|| ca_pem.display().to_string())?)?;
        let port = origin.port_or_known_default().context("the portal's address has no port")?;
        let mut headers = header::HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_str(language)?);
        let client = Client::builder()
            .tls_certs_only([ca])
            .redirect(redirect::Policy::none())
            .default_headers(headers)
            .user_agent("ritorno-tests")
            .timeout(PATIENCE)
            .no_proxy()
            .local_address(std::net::IpAddr::V4(from))
            .resolve("localhost", SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            .build()?;
        Ok(Self { client, origin, cookies: BTreeMap::new() })
    }

    /// The same browser at another server of the tenant, which has the same cookies.
    ///
    /// # Errors
    /// As [`Visitor::new`].
    pub fn also_at(&self, portal: &str, ca_pem: &Path, language: &str, from: Ipv4Addr) -> Result<Self> {
        let other = Self::new(portal, ca_pem, language, from)?;
        Ok(Self { cookies: self.cookies.clone(), ..other })
    }

    /// Opens a page.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn open(&mut self, path: &str) -> Result<Page> {
        self.follow(Method::GET, self.origin.join(path)?, None).await
    }

    /// Fills in the form of `page` that has these fields, and sends it.
    ///
    /// # Errors
    /// When there is no such form, or nothing answers.
    pub async fn fill(&mut self, page: &Page, typed: &[(&str, &str)]) -> Result<Page> {
        let names: Vec<&str> = typed.iter().map(|(name, _)| *name).collect();
        let form = page.form(&names)?;
        let target = page.url.join(form.action())?;
        let body: String =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form.filled(typed)).finish();
        self.follow(Method::POST, target, Some(body)).await
    }

    /// Presses the only button of the form of `page` that goes to `action`.
    ///
    /// # Errors
    /// When there is no such form, or nothing answers.
    pub async fn press(&mut self, page: &Page, action: &str) -> Result<Page> {
        let form = forms(&page.html).into_iter().find(|form| form.action() == action);
        let form = form.with_context(|| format!("no form goes to {action}: {}", page.text()))?;
        let body: String =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form.filled(&[])).finish();
        self.follow(Method::POST, page.url.join(action)?, Some(body)).await
    }

    /// Goes through the gate of `upn` with the code that comes to `address`, up to the page on which a password is chosen.
    ///
    /// # Errors
    /// When a step does not lead to the next; the message holds the page's words.
    pub async fn pass_gate(&mut self, upn: &str, mail: &MailServer, address: &str) -> Result<Choosing> {
        let (code_page, code) = self.ask_for_code(upn, mail, address).await?;
        let chosen = self.fill(&code_page, &[("code", &code)]).await?;
        Self::choosing(&chosen)
    }

    /// Gives the name, and waits for the code; returns the page that asks for it, and the code.
    ///
    /// # Errors
    /// As [`Visitor::pass_gate`].
    pub async fn ask_for_code(
        &mut self,
        upn: &str,
        mail: &MailServer,
        address: &str,
    ) -> Result<(Page, String)> {
        let (server, whose) = (mail.clone(), address.to_owned());
        let before = mail.newest()?;
        let front = self.open("/").await?;
        let code_page = self.fill(&front, &[("name", upn)]).await?;
        code_page.form(&["code"])?;
        let message =
            tokio::task::spawn_blocking(move || server.wait_for(&whose, before, MAIL_WITHIN)).await??;
        let code = message.code(CODE_DIGITS).context("no code in the mail")?.to_owned();
        Ok((code_page, code))
    }

    /// Gives the name where an address is registered, up to the page that asks for the current password.
    ///
    /// # Errors
    /// When a step does not lead to the next; the message holds the page's words.
    pub async fn ask_to_register(&mut self, upn: &str) -> Result<Choosing> {
        let front = self.open("/register").await?;
        let asked = self.fill(&front, &[("name", upn)]).await?;
        Self::choosing(&asked)
    }

    /// Reads what a page on which a password is chosen was handed.
    ///
    /// # Errors
    /// When it is another page.
    pub fn choosing(page: &Page) -> Result<Choosing> {
        let handed = forms(&page.html)
            .into_iter()
            .find_map(|form| form.attributes.get("data-context").cloned())
            .with_context(|| {
                format!("{} ({}) is not where a password is chosen: {}", page.url, page.status, page.text())
            })?;
        serde_json::from_str(&handed).context("what the page was handed")
    }

    /// Sends an envelope, as the page's script does.
    ///
    /// # Errors
    /// When nothing answers, or not as it should.
    pub async fn submit(&self, choosing: &Choosing, envelope: &Envelope) -> Result<Answer> {
        Self::answer(self.send(choosing, envelope).await?).await
    }

    /// The same where the answer begins another way through the pages: its cookie is kept.
    ///
    /// # Errors
    /// As [`Visitor::submit`].
    pub async fn prove(&mut self, choosing: &Choosing, envelope: &Envelope) -> Result<Answer> {
        let response = self.send(choosing, envelope).await?;
        self.keep_cookies(&response);
        Self::answer(response).await
    }

    /// Sends JSON there, as a page's script does whose password is not sealed.
    ///
    /// # Errors
    /// As [`Visitor::submit`].
    pub async fn hand_over(&self, path: &str, body: &serde_json::Value) -> Result<Answer> {
        let request = self.request(Method::POST, self.origin.join(path)?)?;
        Self::answer(request.header(header::ACCEPT, "application/json").json(body).send().await?).await
    }

    async fn send(&self, choosing: &Choosing, envelope: &Envelope) -> Result<Response> {
        let request = self
            .request(Method::POST, self.origin.join(&choosing.submit)?)?
            .header(header::ACCEPT, "application/json")
            .json(envelope);
        Ok(request.send().await?)
    }

    async fn answer(response: Response) -> Result<Answer> {
        let status = response.status();
        let said = response.text().await?;
        serde_json::from_str(&said).with_context(|| format!("the answer ({status}) was: {said}"))
    }

    /// Seals and sends a new password.
    ///
    /// # Errors
    /// As [`Choosing::seal`] and [`Visitor::submit`].
    pub async fn reset(
        &self,
        choosing: &Choosing,
        password: &str,
        random: &Arc<dyn Random>,
    ) -> Result<Answer> {
        let envelope = choosing.seal(password, &**random)?;
        self.submit(choosing, &envelope).await
    }

    fn request(&self, method: Method, url: Url) -> Result<reqwest::RequestBuilder> {
        ensure!(url.origin() == self.origin.origin(), "{url} leads away from the portal");
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.client.request(method, url);
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        Ok(request.header(header::ORIGIN, self.origin.origin().ascii_serialization()))
    }

    async fn follow(&mut self, method: Method, url: Url, body: Option<String>) -> Result<Page> {
        let mut request = self.request(method, url.clone())?;
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        }
        let (mut response, mut url) = (request.send().await?, url);
        for _ in 0..10 {
            self.keep_cookies(&response);
            let Some(target) = response.headers().get(header::LOCATION) else {
                let status = response.status().as_u16();
                return Ok(Page { url, status, html: response.text().await? });
            };
            url = url.join(target.to_str()?)?;
            response = self.request(Method::GET, url.clone())?.send().await?;
        }
        bail!("{url} leads round in a circle")
    }

    fn keep_cookies(&mut self, response: &Response) {
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let Ok(text) = cookie.to_str() else { continue };
            let (pair, rest) = text.split_once(';').unwrap_or((text, ""));
            let Some((name, value)) = pair.split_once('=') else { continue };
            let gone = value.is_empty() || rest.to_lowercase().contains("max-age=0");
            if gone {
                self.cookies.remove(name.trim());
            } else {
                self.cookies.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
    }
}
