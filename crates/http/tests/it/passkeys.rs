//! Passkeys, with an authenticator that makes what it is told to make: also what no real one would.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use ritorno_identity::mail::Template;
use ritorno_identity::method::Method;
use ritorno_identity::registration::AddressChange;
use ritorno_protocol::random::array;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::agent::TestAgent;
use crate::browser::{Answer, Browser};
use crate::register::{ANNA, proven};
use crate::work::works;
use crate::world::{ORIGIN, World};

const PAOLO: &str = "paolo.bianchi@contoso.test";
pub(crate) const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;

pub(crate) fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What a page hands to the browser.
pub(crate) fn options(page: &Answer) -> Value {
    let mark = "data-options=\"";
    let at =
        page.body.find(mark).unwrap_or_else(|| panic!("a page with options: {}", page.body)) + mark.len();
    let json = page.body[at..].split('"').next().unwrap().replace("&#34;", "\"").replace("&amp;", "&");
    serde_json::from_str(&json).unwrap()
}

/// A device with one passkey, and what it says of itself.
pub(crate) struct Device {
    pub(crate) key: SigningKey,
    pub(crate) id: [u8; 16],
    pub(crate) owner: Vec<u8>,
    pub(crate) origin: &'static str,
    pub(crate) flags: u8,
    pub(crate) counter: u32,
}

impl Device {
    pub(crate) fn new(world: &World) -> Self {
        let key = SigningKey::from_slice(&array::<32>(&*world.state.random)).unwrap();
        let id = array(&*world.state.random);
        Self { key, id, owner: Vec::new(), origin: ORIGIN, flags: PRESENT | VERIFIED, counter: 1 }
    }

    fn client_data(&self, kind: &str, challenge: &Value) -> Vec<u8> {
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false })
            .to_string()
            .into_bytes()
    }

    fn authenticator_data(&self, flags: u8) -> Vec<u8> {
        // What it signs for is the host of the page, as its browser has it.
        let known = [ORIGIN, "https://reset.fabrikam.test"];
        let site = known.into_iter().find(|known| *known == self.origin).unwrap_or(ORIGIN);
        let site = Sha256::digest(site.trim_start_matches("https://"));
        [&site[..], &[flags], &self.counter.to_be_bytes()].concat()
    }

    /// Makes the passkey (W3C, Web Authentication Level 3, sections 6.5.1 and 8.7).
    pub(crate) fn create(&mut self, options: &Value) -> String {
        self.owner = URL_SAFE_NO_PAD.decode(options["user"]["id"].as_str().unwrap()).unwrap();
        let point = self.key.verifying_key().to_sec1_point(false);
        let (x, y) = (point.x().unwrap(), point.y().unwrap());
        // CBOR (RFC 8949) of a COSE key: {1: 2, 3: -7, -1: 1, -2: x, -3: y}.
        let key =
            [&[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20][..], x, &[0x22, 0x58, 0x20], y]
                .concat();
        let data = [&self.authenticator_data(self.flags | ATTESTED)[..], &[0; 16], &[0, 16], &self.id, &key]
            .concat();
        // {"fmt": "none", "attStmt": {}, "authData": data}
        let object = [
            b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".as_slice(),
            &[u8::try_from(data.len()).unwrap()],
            &data,
        ]
        .concat();
        let client = self.client_data("webauthn.create", &options["challenge"]);
        let response = json!({ "attestationObject": text(&object), "clientDataJSON": text(&client) });
        self.answer(&response)
    }

    /// Uses it (section 6.3.3).
    pub(crate) fn get(&self, options: &Value) -> String {
        let client = self.client_data("webauthn.get", &options["challenge"]);
        let data = self.authenticator_data(self.flags);
        let signed: Signature = self.key.sign(&[&data[..], &Sha256::digest(&client)].concat());
        self.answer(&json!({
            "authenticatorData": text(&data), "clientDataJSON": text(&client),
            "signature": text(signed.to_der().as_bytes()), "userHandle": text(&self.owner),
        }))
    }

    fn answer(&self, response: &Value) -> String {
        let id = text(&self.id);
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response, "extensions": {} })
            .to_string()
    }
}

/// Registers it, for somebody who has proven their password.
async fn registered(world: &World, owner: &mut Browser) -> Device {
    let mut device = Device::new(world);
    let made = device.create(&options(&owner.get("/register/passkey").await));
    let done = owner.post("/register/passkey", &[("credential", &made)]).await;
    assert_eq!(done.location(), "/register/methods?done=passkey", "{}", done.body);
    device
}

/// The page on which a passkey is asked for, for that name.
async fn asked(browser: &mut Browser, name: &str) -> Value {
    let start = browser.post("/reset/start", &[("name", name)]).await;
    if start.status == StatusCode::OK {
        // The name was given often: this browser works for it, as a real one does.
        works(browser, "/reset/start", name, &start).await;
    }
    options(&browser.get("/reset/passkey").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_is_registered_told_used_and_removed() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let mut owner = Browser::new(&world.app, "en");
    assert_eq!(owner.get("/register/passkey").await.status, StatusCode::GONE);
    proven(&world, &mut owner).await;
    let mut device = registered(&world, &mut owner).await;
    assert!(owner.get("/register/methods").await.body.contains("1 passkey is registered."));
    let told = async |wanted| {
        for letter in world.letters().await {
            let Template::MethodChanged { method, change, .. } = letter.template else {
                panic!("{letter:?}")
            };
            assert_eq!((method, change), (Method::Passkey, wanted));
        }
    };
    told(AddressChange::Registered).await;
    let mut browser = Browser::new(&world.app, "en");
    let challenge = asked(&mut browser, ANNA).await;
    device.counter += 1;
    let answer = device.get(&challenge);
    let passed = browser.post("/reset/passkey", &[("credential", &answer)]).await;
    assert_eq!(passed.location(), "/reset/password", "{}", passed.body);
    world.letters().await;

    let page = owner.get("/register/passkey").await;
    assert_eq!(options(&page)["excludeCredentials"][0]["id"], text(&device.id));
    owner.post("/register/passkey/remove", &[("id", &text(&device.id))]).await;
    told(AddressChange::Removed).await;
    assert!(owner.get("/register/methods").await.body.contains("No passkey is registered."));
    let challenge = asked(&mut browser, ANNA).await;
    device.counter += 1;
    let removed = browser.post("/reset/passkey", &[("credential", &device.get(&challenge))]).await;
    assert_eq!(removed.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_wrong() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let mut owner = Browser::new(&world.app, "en");
    proven(&world, &mut owner).await;
    // What was made without its owner, for another site, or in another ceremony is not registered.
    let refused = async |owner: &mut Browser, made: String| {
        let answer = owner.post("/register/passkey", &[("credential", &made)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.location());
    };
    let page = options(&owner.get("/register/passkey").await);
    refused(&mut owner, Device { flags: PRESENT, ..Device::new(&world) }.create(&page)).await;
    let page = options(&owner.get("/register/passkey").await);
    let elsewhere = Device { origin: "https://reset.contoso.example", ..Device::new(&world) }.create(&page);
    refused(&mut owner, elsewhere).await;
    let page = options(&owner.get("/register/passkey").await);
    let twice = Device::new(&world).create(&page);
    options(&owner.get("/register/passkey").await);
    refused(&mut owner, twice).await;

    let device = registered(&world, &mut owner).await;
    let mut browser = Browser::new(&world.app, "en");
    let wrong = async |browser: &mut Browser, name: &str, device: &Device| {
        let challenge = asked(browser, name).await;
        let answer = browser.post("/reset/passkey", &[("credential", &device.get(&challenge))]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.location());
    };
    let own = |device: &Device| Device {
        key: device.key.clone(),
        owner: device.owner.clone(),
        counter: device.counter + 1,
        ..*device
    };
    wrong(&mut browser, ANNA, &Device { flags: PRESENT, ..own(&device) }).await;
    wrong(&mut browser, ANNA, &Device { origin: "https://reset.contoso.example", ..own(&device) }).await;
    wrong(&mut browser, ANNA, &Device { counter: device.counter, ..own(&device) }).await;
    wrong(&mut browser, ANNA, &Device { key: Device::new(&world).key, ..own(&device) }).await;
    wrong(&mut browser, PAOLO, &own(&device)).await;

    // An answer is for one challenge, and for one way through the pages.
    let challenge = asked(&mut browser, ANNA).await;
    let answer = own(&device).get(&challenge);
    let mut other = Browser::new(&world.app, "en");
    asked(&mut other, ANNA).await;
    for browser in [&mut other, &mut browser] {
        browser.get("/reset/passkey").await;
        let replayed = browser.post("/reset/passkey", &[("credential", &answer)]).await;
        assert_eq!(replayed.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", replayed.location());
    }
    let challenge = asked(&mut browser, ANNA).await;
    let passed = browser.post("/reset/passkey", &[("credential", &own(&device).get(&challenge))]).await;
    assert_eq!(passed.location(), "/reset/password", "{}", passed.body);
}
