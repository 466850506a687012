//! What makes a token good.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use model::wire::{Claims, PrincipalKind as Kind};
use model::{GameServerId, Millis, Timestamp};
use serde_json::{Value, json};

use super::{AuthError, Keys, TOKEN_BYTES_MAX};
use crate::Principal;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn keys() -> Keys {
    Keys::new("default".parse().unwrap(), SECRET).unwrap()
}

fn claims() -> Value {
    json!({ "aud": "muster", "ns": "default", "kind": "player", "sub": "alice",
            "iat": 1_800_000_000, "exp": 1_800_000_060 })
}

fn signed(claims: &Value, algorithm: Algorithm, secret: &[u8]) -> String {
    encode(
        &Header::new(algorithm),
        claims,
        &EncodingKey::from_secret(secret),
    )
    .unwrap()
}

#[test]
fn a_token_of_this_secret_is_its_principal() {
    let token = signed(&claims(), Algorithm::HS256, SECRET);
    let who = keys().verify(&token, NOW).unwrap();
    assert_eq!(
        who,
        Principal::Player {
            player: "alice".parse().unwrap(),
            attributes: Default::default(),
            device: None,
            platform: None,
            follows: Vec::new(),
        }
    );
}

#[test]
fn a_secret_of_31_bytes_is_refused() {
    let error = Keys::new("default".parse().unwrap(), &SECRET[1..]).unwrap_err();
    assert_eq!(error, AuthError::SecretTooShort);
}

#[test]
fn an_expired_token_is_good_for_the_leeway_and_no_longer() {
    let token = signed(&claims(), Algorithm::HS256, SECRET);
    assert!(keys().verify(&token, Timestamp(1_800_000_089_999)).is_ok());
    assert_eq!(
        keys().verify(&token, Timestamp(1_800_000_090_000)),
        Err(AuthError::Expired)
    );
}

#[test]
fn a_token_is_not_good_before_its_time_but_for_the_leeway() {
    let mut early = claims();
    early["nbf"] = 1_799_999_990.into();
    let token = signed(&early, Algorithm::HS256, SECRET);
    let at = |millis| keys().verify(&token, Timestamp(millis)).map(drop);
    assert_eq!(at(1_799_999_959_999), Err(AuthError::TooEarly));
    assert_eq!(at(1_799_999_960_000), Ok(()));
}

#[test]
fn what_is_wrong_with_a_token_is_named() {
    let cases: [(&str, Value, AuthError); 10] = [
        ("/ns", json!("other"), AuthError::Namespace),
        ("/aud", json!("elsewhere"), AuthError::Invalid),
        ("/kind", json!("root"), AuthError::Invalid),
        ("/exp", Value::Null, AuthError::Invalid),
        ("/exp", json!("soon"), AuthError::Invalid),
        ("/sub", json!("a b"), AuthError::Subject),
        ("/sub", json!("x".repeat(101)), AuthError::Subject),
        ("/sub", Value::Null, AuthError::Invalid),
        (
            "/attributes",
            json!({ "rank": { "deep": { "er": 1 } } }),
            AuthError::Invalid,
        ),
        (
            "/ns",
            json!("x".repeat(TOKEN_BYTES_MAX)),
            AuthError::TooLong,
        ),
    ];
    for (field, value, expected) in cases {
        let mut bad = claims();
        bad[&field[1..]] = value.clone();
        let token = signed(&bad, Algorithm::HS256, SECRET);
        assert_eq!(keys().verify(&token, NOW), Err(expected), "{field} {value}");
    }
}

#[test]
fn another_secret_another_algorithm_and_no_signature_are_refused() {
    let other = signed(
        &claims(),
        Algorithm::HS256,
        b"another secret of the same length",
    );
    assert_eq!(keys().verify(&other, NOW), Err(AuthError::Invalid));
    let hs512 = signed(&claims(), Algorithm::HS512, SECRET);
    assert_eq!(keys().verify(&hs512, NOW), Err(AuthError::Invalid));
    // {"alg":"none"} with the payload of a good token and no signature.
    let good = signed(&claims(), Algorithm::HS256, SECRET);
    let payload = good.split('.').nth(1).unwrap();
    let none = format!("eyJhbGciOiJub25lIn0.{payload}.");
    assert_eq!(keys().verify(&none, NOW), Err(AuthError::Invalid));
    for text in ["", ".", "..", "a.b.c", "\u{0}"] {
        assert_eq!(
            keys().verify(text, NOW),
            Err(AuthError::Invalid),
            "{text:?}"
        );
    }
}

#[test]
fn a_game_server_token_says_whether_it_is_the_first() {
    let id: GameServerId = "018f0000-0000-7000-8000-000000000001".parse().unwrap();
    for first in [true, false] {
        let keys = keys();
        let token = keys.mint_game_server(keys.namespace(), id, first, NOW, Millis::seconds(60));
        let expected = Principal::GameServer {
            id,
            first_token: first,
            expires_at: 1_800_000_060_000,
        };
        assert_eq!(keys.verify(&token, NOW), Ok(expected));
    }
}

#[test]
fn every_kind_of_principal_can_be_minted() {
    let id = "018f0000-0000-7000-8000-000000000001";
    for (kind, sub) in [
        (Kind::Player, "alice"),
        (Kind::Server, "lobby"),
        (Kind::Fleet, "agent"),
        (Kind::Admin, "root"),
        (Kind::GameServer, id),
    ] {
        let claims = Claims::new(
            "default".parse().unwrap(),
            kind,
            sub,
            NOW,
            Millis::seconds(60),
        );
        let who = keys().verify(&keys().mint(&claims).unwrap(), NOW).unwrap();
        assert!(who.to_string().ends_with(sub), "{who}");
    }
}

#[test]
fn a_remembered_token_expires_all_the_same() {
    let keys = keys();
    let token = signed(&claims(), Algorithm::HS256, SECRET);
    let who = keys.verify(&token, NOW).unwrap();
    assert_eq!(keys.verify(&token, NOW).unwrap(), who);
    let later = NOW + Millis::seconds(3_600);
    assert_eq!(keys.verify(&token, later), Err(AuthError::Expired));
}

#[test]
fn remembering_a_token_makes_no_other_signature_good() {
    let keys = keys();
    let token = signed(&claims(), Algorithm::HS256, SECRET);
    keys.verify(&token, NOW).unwrap();
    let forged = signed(
        &claims(),
        Algorithm::HS256,
        b"another secret of 32 bytes......",
    );
    assert_eq!(keys.verify(&forged, NOW), Err(AuthError::Invalid));
    assert_eq!(keys.verify(&forged, NOW), Err(AuthError::Invalid));
}

#[test]
fn remembered_tokens_are_bounded_and_those_in_use_stay() {
    let mut known = super::Known::default();
    let verified = super::Verified {
        good_from: 0,
        expires_at: NOW.0,
        principal: Principal::Admin {
            subject: "me".into(),
        },
    };
    known.put("in use".into(), verified.clone());
    for n in 0..3 * super::KNOWN_MAX {
        known.put(n.to_string().into(), verified.clone());
        assert!(known.get("in use").is_some());
    }
    assert!(known.get("0").is_none());
    assert!(known.young.len() + known.old.len() <= 2 * super::KNOWN_MAX);
}

#[test]
fn what_is_sealed_is_the_same_only_for_the_same_text_purpose_and_secret() {
    let other = Keys::new("default".parse().unwrap(), &[7; 32]).unwrap();
    let sealed = keys().seal("password", "sesame").unwrap();
    assert_eq!(keys().seal("password", "sesame").unwrap(), sealed);
    let others = [
        keys().seal("password", "sesam").unwrap(),
        keys().seal("name", "sesame").unwrap(),
        other.seal("password", "sesame").unwrap(),
    ];
    assert!(!others.contains(&sealed) && !sealed.contains("sesame"));
}
