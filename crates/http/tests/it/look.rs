//! The console's page of how the pages look.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_identity::administrator::Role;
use ritorno_identity::brand::Brand;
use ritorno_identity::language::Language;
use ritorno_identity::tenant::Tenant;

use crate::both_languages::whole;
use crate::brand::PIXEL;
use crate::browser::{Answer, Browser};
use crate::console::signed_in;
use crate::world::World;

async fn stored(world: &World) -> Tenant {
    world.state.store.tenants().get(world.tenant.id).await.unwrap().unwrap()
}

/// The value of a field of the page.
fn value(page: &Answer, name: &str) -> String {
    let at =
        page.body.find(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no {name}: {}", page.body));
    page.body[at..].split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// Sends the form as it is now, with these fields.
async fn sent(desk: &mut Browser, fields: &[(&str, &[u8])]) -> Answer {
    let made_from = value(&desk.get("/console/look").await, "made_from");
    let mut form = fields.to_vec();
    form.push(("made_from", made_from.as_bytes()));
    desk.post_files("/console/look", &form).await
}

/// Which fields are said to be at fault.
fn at_fault(page: &Answer) -> Vec<String> {
    let fields = page.body.split("<input id=\"").skip(1).filter_map(|rest| {
        let (id, rest) = rest.split_once('"').unwrap();
        let tag = rest.split('>').next().unwrap();
        let invalid = tag.contains("aria-invalid=\"true\"");
        assert_eq!(invalid, tag.contains(" fault\""), "{tag}");
        invalid.then(|| id.to_owned())
    });
    fields.collect()
}

async fn shown_refused_and_changed(world: &World) {
    world.administrator("ellen", Role::Global, true).await;
    let mut desk = signed_in(world, "ellen").await;
    let page = desk.get("/console/look").await;
    assert_eq!((page.status, value(&page, "name").as_str()), (StatusCode::OK, "Contoso"), "{}", page.body);
    assert!(
        !page.body.contains("id=\"contrasts\"") && !page.body.contains("id=\"preview\""),
        "{}",
        page.body
    );

    let picture = STANDARD.decode(PIXEL).unwrap();
    let picture = picture.as_slice();
    let plain: [(&str, &[u8]); 3] = [("name", b"Contoso"), ("accent", b"#8a1538"), ("accent_dark", b"")];
    let with = |name: &'static str, content: &'static [u8]| {
        let others = plain.into_iter().filter(move |(field, _)| *field != name);
        others.chain([(name, content)]).collect::<Vec<_>>()
    };
    for (form, fault, fields) in [
        (with("name", b" "), "A name has 1 to 100 characters", vec!["name"]),
        (with("name", b"two\nlines"), "A name has 1 to 100 characters", vec!["name"]),
        (with("accent", b"red"), "A colour looks like #0b5d4e", vec!["accent"]),
        (with("accent_dark", b"red"), "A colour looks like #0b5d4e", vec!["accent-dark"]),
        (
            with("accent", b"#ffcc00"),
            "#ffcc00 has a contrast of 1.34:1 on light pages, and text needs 4.5:1",
            vec!["accent"],
        ),
        (
            with("accent_dark", b"#101010"),
            "on dark pages, and text needs 4.5:1. Take a lighter one",
            vec!["accent-dark"],
        ),
        (with("logo", b"<svg></svg>"), "The logo has to be a whole PNG picture", vec!["logo"]),
        (
            with("accent", b"").into_iter().chain([("accent_dark", b"#ffffff".as_slice())]).collect(),
            "A colour for dark pages needs one",
            vec!["accent", "accent-dark"],
        ),
    ] {
        for preview in [false, true] {
            let mut form = form.clone();
            if preview {
                form.push(("preview", b"on"));
            }
            let refused = sent(&mut desk, &form).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{fault}: {}", refused.body);
            assert!(refused.body.contains(fault), "{fault}: {}", refused.body);
            assert_eq!(at_fault(&refused), fields, "{fault}");
        }
    }
    let (name, accent): (&[u8], &[u8]) = (b"Contoso S.p.A.", b"#8a1538");
    let dark_alone: [(&str, &[u8]); 3] = [("name", name), ("accent", accent), ("logo_dark", picture)];
    let refused = sent(&mut desk, &dark_alone).await;
    assert!(refused.body.contains("A logo for dark pages needs one"), "{}", refused.body);
    assert_eq!(at_fault(&refused), ["logo", "logo-dark"]);
    assert_eq!(stored(world).await.brand, Brand::default());

    // A preview shows it, and stores nothing.
    let asked: [(&str, &[u8]); 4] =
        [("name", name), ("accent", accent), ("logo", picture), ("preview", b"on")];
    let page = sent(&mut desk, &asked).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(
        page.body.contains("id=\"preview\"") && page.body.contains("alt=\"Contoso S.p.A.\""),
        "{}",
        page.body
    );
    assert!(page.body.contains("a contrast of ") && !page.body.contains(" style="), "{}", page.body);
    let style =
        page.body.split("href=\"/console/look/preview.css").nth(1).unwrap().split('"').next().unwrap();
    let style = style.replace("&#38;", "&").replace("&amp;", "&");
    let sheet = desk.get(&format!("/console/look/preview.css{style}")).await;
    assert!(sheet.body.starts_with(".preview-light{--accent:#8a1538;"), "{}", sheet.body);
    assert_eq!(sheet.headers["content-type"], "text/css; charset=utf-8");
    let hostile = desk.get("/console/look/preview.css?accent=%23000000%7D&accent_dark=").await;
    assert_eq!(hostile.status, StatusCode::NOT_FOUND, "{}", hostile.body);
    assert_eq!((stored(world).await.brand, stored(world).await.name), (Brand::default(), "Contoso".into()));

    // What was uploaded for it need not be uploaded again.
    let kept = value(&page, "kept");
    let save: [(&str, &[u8]); 4] =
        [("name", name), ("accent", accent), ("kept", kept.as_bytes()), ("logo", b"")];
    let saved = sent(&mut desk, &save).await;
    assert_eq!(saved.location(), "/console/look", "{}", saved.body);
    let tenant = stored(world).await;
    assert_eq!(
        (tenant.name.as_str(), tenant.brand.logo.as_ref().unwrap().digest.as_str()),
        ("Contoso S.p.A.", kept.as_str())
    );
    let page = desk.get("/console/look").await;
    assert!(
        page.body.contains("id=\"contrasts\"") && page.body.contains("#8a1538: a contrast of 8."),
        "{}",
        page.body
    );
    let people = Browser::new(&world.app, "en").get("/").await;
    assert!(
        people.body.contains("alt=\"Contoso S.p.A.\"") && people.body.contains("/brand/"),
        "{}",
        people.body
    );
    let reasons: Vec<String> = world.facts().await.into_iter().map(|fact| fact.reason).collect();
    assert!(
        reasons.iter().any(|reason| reason.starts_with("brand: Contoso S.p.A., #8a1538 on light")),
        "{reasons:?}"
    );

    // Taken away, and the picture with it; one that is nobody's is none.
    let away: [(&str, &[u8]); 4] =
        [("name", name), ("accent", b""), ("kept", kept.as_bytes()), ("no_logo", b"on")];
    assert_eq!(sent(&mut desk, &away).await.location(), "/console/look");
    assert_eq!(stored(world).await.brand, Brand::default());
    let pictures = world.state.store.brand_pictures();
    assert_eq!(pictures.get(world.tenant.id, &kept).await.unwrap(), None);
    let gone = sent(&mut desk, &[("name", name), ("kept", b"../../etc")]).await;
    assert_eq!(
        (gone.status, at_fault(&gone)),
        (StatusCode::CONFLICT, vec!["logo".to_owned()]),
        "{}",
        gone.body
    );
    assert_eq!(stored(world).await.brand, Brand::default());
    let large = vec![0; 4 << 20];
    let refused = sent(&mut desk, &[("name", name), ("logo", &large)]).await;
    assert!(refused.status.is_client_error(), "{}", refused.status);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_is_shown_refused_and_changed() {
    shown_refused_and_changed(&World::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_is_shown_refused_and_changed_on_postgres() {
    shown_refused_and_changed(&World::postgres().await).await;
}

/// Two have the page open: whoever saves later has not seen what the other one did, and is told so.
async fn an_older_form(world: &World) {
    world.administrator("ellen", Role::Global, true).await;
    let mut desk = signed_in(world, "ellen").await;
    let picture = STANDARD.decode(PIXEL).unwrap();
    let (name, accent): (&[u8], &[u8]) = (b"Contoso", b"#8a1538");
    let open = value(&desk.get("/console/look").await, "made_from");
    // A preview keeps a logo, and is not saved yet.
    let preview: [(&str, &[u8]); 3] = [("name", name), ("logo", &picture), ("preview", b"on")];
    let preview = sent(&mut desk, &preview).await;
    let kept = value(&preview, "kept");
    assert_eq!((preview.status, value(&preview, "made_from")), (StatusCode::OK, open.clone()));
    let others: [(&str, &[u8]); 2] = [("name", name), ("accent", accent)];
    assert_eq!(sent(&mut desk, &others).await.location(), "/console/look");
    let saved = stored(world).await;
    for also in [[("accent", b"#0b5d4e".as_slice())], [("preview", b"on".as_slice())]] {
        let mut old: Vec<(&str, &[u8])> = vec![("name", b"Contoso Old"), ("made_from", open.as_bytes())];
        old.extend(also);
        let refused = desk.post_files("/console/look", &old).await;
        assert_eq!((refused.status, at_fault(&refused)), (StatusCode::CONFLICT, vec![]), "{}", refused.body);
        assert!(refused.body.contains("The look was changed meanwhile"), "{}", refused.body);
        assert_eq!(value(&refused, "name"), "Contoso Old", "what was typed is not lost");
        assert_eq!(stored(world).await, saved);
    }
    // Its logo went when the other one saved: that is no wish to have none.
    let gone: [(&str, &[u8]); 3] = [("name", name), ("accent", accent), ("kept", kept.as_bytes())];
    let refused = sent(&mut desk, &gone).await;
    assert_eq!((refused.status, at_fault(&refused)), (StatusCode::CONFLICT, vec!["logo".to_owned()]));
    assert!(refused.body.contains("is gone, so nothing was changed"), "{}", refused.body);
    assert_eq!((value(&refused, "kept"), stored(world).await), (String::new(), saved));
    // Sent once more as it was told, it holds.
    let now = value(&refused, "made_from");
    let once_more = [("name", b"Contoso New".as_slice()), ("accent", accent), ("made_from", now.as_bytes())];
    assert_eq!(desk.post_files("/console/look", &once_more).await.location(), "/console/look");
    assert_eq!(stored(world).await.name, "Contoso New");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_form_overwrites_nothing() {
    an_older_form(&World::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_form_overwrites_nothing_on_postgres() {
    an_older_form(&World::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_change_the_tenant_changes_its_look() {
    let world = World::new().await;
    world.administrator("hybrid", Role::HybridIdentity, true).await;
    let mut hybrid = signed_in(&world, "hybrid").await;
    let page = hybrid.get("/console/look").await;
    assert!(page.body.contains("<fieldset disabled>") && !page.body.contains("id=\"save\""), "{}", page.body);
    let refused = hybrid.post_files("/console/look", &[("name", b"Other")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let nobody = Browser::new(&world.app, "en").post_files("/console/look", &[("name", b"Other")]).await;
    assert_eq!(nobody.location(), "/console/sign-in");
    assert_eq!(stored(&world).await.name, "Contoso");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_in_both_languages() {
    for language in Language::ALL {
        let world = World::new().await;
        world.administrator("ellen", Role::Global, true).await;
        let mut desk = signed_in(&world, "ellen").await;
        let tag = format!("?lang={}", language.tag());
        let page = desk.get(&format!("/console/look{tag}")).await;
        whole(&page, language, ["Show a preview", "Mostra un&#39;anteprima"]);
        let form: [(&str, &[u8]); 3] = [("name", b"Contoso"), ("accent", b"#8a1538"), ("preview", b"on")];
        let page = sent(&mut desk, &form).await;
        whole(&page, language, ["Nothing is saved yet", "Non è ancora stato salvato niente"]);
        let page = sent(&mut desk, &[("name", b"Contoso"), ("accent", b"#ffcc00")]).await;
        whole(&page, language, ["Take a darker one", "Prendine uno più scuro"]);
        let page = sent(&mut desk, &[("name", b"Contoso"), ("kept", b"gone")]).await;
        whole(&page, language, ["is gone, so nothing", "non c&#39;è più, perciò"]);
        let page = desk.post_files("/console/look", &[("name", b"Contoso")]).await;
        whole(&page, language, ["The look was changed meanwhile", "Nel frattempo l&#39;aspetto"]);
    }
}
