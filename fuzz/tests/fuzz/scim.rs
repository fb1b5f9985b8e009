//! What a provisioner sends (RFC 7643, RFC 7644).

use ritorno_http::scim::access::taken;
use ritorno_http::scim::patch::apply;
use ritorno_protocol::scim::{
    EqualityFilter, Error, Group, ListResponse, MemberChanges, PatchOp, User, read_member_operation,
};
use scim_v2::filter::PatchPath;

/// A user to create or replace.
#[test]
fn user() {
    let user = br#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:ritorno:2.0:User"],
        "externalId":"AAECAwQFBgcICQoLDA0ODw==","userName":"anna.rossi@contoso.test","displayName":"Anna Rossi","active":true,
        "emails":[{"value":"anna.rossi@contoso.test","type":"work","primary":true}],"preferredLanguage":"it"}"#;
    fuzz!(vec![user.to_vec()], |bytes| {
        if let Ok(user) = serde_json::from_slice::<User>(bytes) {
            let again: User = serde_json::from_slice(&serde_json::to_vec(&user).unwrap()).unwrap();
            assert_eq!(again, user);
        }
    });
}

/// A patch.
#[test]
fn patch() {
    let patch = br#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations":[{"op":"replace","path":"active","value":false},{"op":"Add","value":{"displayName":"A"}}]}"#;
    fuzz!(vec![patch.to_vec()], |bytes| {
        if let Ok(patch) = serde_json::from_slice::<PatchOp>(bytes) {
            let again: PatchOp = serde_json::from_slice(&serde_json::to_vec(&patch).unwrap()).unwrap();
            assert_eq!(again, patch);
        }
    });
}

/// The path of a patch, as the library reads it.
#[test]
fn patch_path() {
    let seeds = [
        r#"emails[type eq "work" and not (value co "@a")].value"#,
        "urn:ietf:params:scim:schemas:extension:ritorno:2.0:User:mobile",
        "name.familyName",
    ];
    fuzz!(seeds.map(|seed| seed.as_bytes().to_vec()).to_vec(), |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if let Ok(path) = text.parse::<PatchPath>() {
            assert_eq!(path.to_string().parse::<PatchPath>().ok(), Some(path));
        }
    });
}

/// A patch's body, in whatever case its names are, and what it makes of a person: as a resource that comes from it, it can be read.
#[test]
fn patched() {
    let user = br#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:ritorno:2.0:User"],
        "id":"7","userName":"anna.rossi@contoso.test","active":true,"emails":[{"value":"anna.rossi@contoso.test","type":"work","primary":true},
        {"value":"a@home.test","type":"home"}]}"#;
    let user: User = serde_json::from_slice(user).unwrap();
    let patch = br#"{"SCHEMAS":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"operations":[
        {"op":"Replace","path":"emails[type eq \"work\"].value","value":"x"},{"op":"add","value":{"ACTIVE":"False","name.givenName":"A"}},
        {"op":"remove","path":"emails[primary eq true]"},{"op":"add","path":"emails","value":{"value":"y","primary":"true"}},
        {"op":"add","path":"urn:ietf:params:scim:schemas:extension:ritorno:2.0:User","value":{"mobile":"1"}}]}"#;
    fuzz!(vec![patch.to_vec()], |bytes| {
        let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
        let Ok(patch) = taken::<PatchOp>(value) else { return };
        if let Ok(changed) = apply(&user, &patch.operations) {
            assert_eq!(changed.id, user.id, "what is read-only stays");
            assert!(
                changed.emails.iter().filter(|mail| mail.primary).count() <= 1,
                "there is one primary value"
            );
            let again: User = serde_json::from_slice(&serde_json::to_vec(&changed).unwrap()).unwrap();
            assert_eq!(again, changed);
        }
    });
}

/// A group to create or replace.
#[test]
fn group() {
    let group = br#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group","urn:ietf:params:scim:schemas:extension:ritorno:2.0:Group"],
        "externalId":"AAECAwQFBgcICQoLDA0ODw==","displayName":"Sales","members":[{"value":"7","type":"User"}]}"#;
    fuzz!(vec![group.to_vec()], |bytes| {
        if let Ok(group) = serde_json::from_slice::<Group>(bytes) {
            let again: Group = serde_json::from_slice(&serde_json::to_vec(&group).unwrap()).unwrap();
            assert_eq!(again, group);
        }
    });
}

/// What a patch does to a group's members: read, written and read again it is the same.
#[test]
fn members() {
    let patch = br#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations":[{"op":"remove","path":"members[value eq \"7\"]"},{"op":"add","path":"members","value":[{"value":"8"}]}]}"#;
    fuzz!(vec![patch.to_vec()], |bytes| {
        let Ok(patch) = serde_json::from_slice::<PatchOp>(bytes) else { return };
        let mut changes = MemberChanges::default();
        let read = |changes: &mut MemberChanges, patch: &PatchOp| {
            patch.operations.iter().try_for_each(|operation| read_member_operation(changes, operation))
        };
        if read(&mut changes, &patch).is_ok() && changes.add.len() <= 500 {
            let mut again = MemberChanges::default();
            read(&mut again, &changes.to_patch()).unwrap();
            assert_eq!(again, changes);
        }
    });
}

/// A filter in a query string: the agent's own form of it, and what the service reads.
#[test]
fn filter() {
    let plain = br#"userName eq "anna.rossi@contoso.test""#;
    let whole = br#"not (active eq false) and (emails[type eq "work" and value co "@a"] or urn:ietf:params:scim:schemas:core:2.0:User:name.familyName pr)"#;
    fuzz!(vec![plain.to_vec(), whole.to_vec()], |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if let Ok(filter) = text.parse::<EqualityFilter>() {
            assert_eq!(filter.to_string().parse(), Ok(filter));
        }
        if let Ok(filter) = text.parse::<scim_v2::filter::Filter>() {
            assert_eq!(filter.to_string().parse::<scim_v2::filter::Filter>().ok(), Some(filter));
        }
    });
}

/// What the agent reads of a tenant's answers.
#[test]
fn answer() {
    let list = br#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"startIndex":1,"itemsPerPage":1,
        "Resources":[{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"7","externalId":"AAEC","userName":"a@contoso.test"}]}"#;
    let error = br#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"409","scimType":"uniqueness","detail":"There is one."}"#;
    fuzz!(vec![list.to_vec(), error.to_vec()], |bytes| {
        if let Ok(list) = serde_json::from_slice::<ListResponse<User>>(bytes) {
            let again: ListResponse<User> =
                serde_json::from_slice(&serde_json::to_vec(&list).unwrap()).unwrap();
            assert_eq!(again, list);
        }
        let _ = serde_json::from_slice::<ListResponse<Group>>(bytes);
        if let Ok(error) = serde_json::from_slice::<Error>(bytes) {
            let again: Error = serde_json::from_slice(&serde_json::to_vec(&error).unwrap()).unwrap();
            assert_eq!(again, error);
        }
    });
}
