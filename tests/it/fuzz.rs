//! Random JSON at every endpoint, from every kind of principal: no panic, no fault of ours, always a document (R6).

use model::wire::PrincipalKind;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Map, Value, json};
use tests::raw::{self, Answer, Request};
use tests::run;
use tests::world::{LAW_TYPES, World, create, join};

/// Requests in all.
const REQUESTS: usize = 12_000;
/// Everybody who may have a token.
const KINDS: [PrincipalKind; 5] = [
    PrincipalKind::Player,
    PrincipalKind::Server,
    PrincipalKind::Fleet,
    PrincipalKind::Admin,
    PrincipalKind::GameServer,
];

/// An endpoint as the server's own document describes it.
struct Endpoint {
    method: String,
    path: String,
    example: Option<Value>,
}

#[test]
fn r6_no_json_at_any_endpoint_makes_the_server_fail() {
    let seed = tests::seed("MUSTER_SEED");
    run(async {
        let mut random = StdRng::seed_from_u64(seed);
        let world = World::with(LAW_TYPES).await;
        let document = world.admin().openapi().await.expect("the document");
        let endpoints = endpoints(&document);
        assert!(endpoints.len() > 30, "all of them are there");
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let mut ids = vec![uuid::Uuid::nil().to_string()];
        let mut succeeded = 0;
        for n in 0..REQUESTS {
            if n % 500 == 0 {
                // Some of what is asked for is there, with somebody in it.
                for of_type in ["Teams", "Plain", "Crowd"] {
                    if let Ok(made) = ann.create_session(&tests::world::of(of_type)).await {
                        let _ = join(&bob, made.id).await;
                        ids.push(made.id.to_string());
                    }
                }
                let made = create(&ann, "Endless").await;
                ids.push(made.id.to_string());
            }
            let endpoint = endpoints.choose(&mut random).expect("one");
            let answer = send(&world, &mut random, endpoint, &ids).await;
            succeeded += usize::from(answer.status < 300);
        }
        assert!(succeeded > REQUESTS / 50, "only {succeeded} got through");
        let metrics = world.admin().metrics().await.expect("it still answers");
        assert!(!metrics.contains("status=\"500\""), "{metrics}");
        world.stop().await;
    });
}

async fn send(world: &World, random: &mut StdRng, endpoint: &Endpoint, ids: &[String]) -> Answer {
    let kind = *KINDS.choose(random).expect("one");
    let name = *["ann", "bob", "cid"].choose(random).expect("one");
    let subject = match kind {
        PrincipalKind::GameServer => ids.choose(random).expect("one").as_str(),
        _ => name,
    };
    let token = raw::token(&raw::claims(kind, subject));
    let path = path(random, &endpoint.path, ids);
    let body = match (&endpoint.example, random.random_range(0..10)) {
        (Some(_), 0) | (None, 0) => any_value(random, 3),
        (Some(example), 1) => example.clone(),
        (Some(example), _) => mutated(random, example),
        (None, _) => Value::Null,
    };
    let body = match body {
        Value::Null => Vec::new(),
        body => body.to_string().into_bytes(),
    };
    let what = format!("{} {path} by {kind:?} {name}", endpoint.method);
    let request = Request {
        method: &endpoint.method,
        path: &path,
        token: Some(&token),
        headers: &[],
        body: &body,
    };
    let answer = raw::send(&world.server.url, request).await;
    let shown = String::from_utf8_lossy(&body);
    assert!(
        answer.status != 500 && answer.status > 100,
        "{what}: {shown}\n{answer:?}"
    );
    if answer.status >= 400 {
        assert!(!answer.problem().is_empty(), "{what}: {shown}\n{answer:?}");
    }
    answer
}

/// What the document says of each path under `/v1`.
fn endpoints(document: &Value) -> Vec<Endpoint> {
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path, method, operation))
    });
    operations
        .filter(|(path, _, _)| path.starts_with("/v1/"))
        .map(|(path, method, operation)| Endpoint {
            method: method.to_uppercase(),
            path: path.clone(),
            example: operation
                .pointer("/requestBody/content/application~1json/example")
                .cloned(),
        })
        .collect()
}

/// A path with something in the place of its parameters; a long poll that does not wait.
fn path(random: &mut StdRng, template: &str, ids: &[String]) -> String {
    let parts = template.split('/').map(|part| {
        let Some(name) = part.strip_prefix('{') else {
            return part.to_owned();
        };
        match name {
            "id}" | "other}" => ids.choose(random).expect("one").clone(),
            "player}" => (*["me", "ann", "bob", "%00", "x y"]
                .choose(random)
                .expect("one"))
            .replace(' ', "%20"),
            _ => (*["Plain", "arena", "director", "%22", "-"]
                .choose(random)
                .expect("one"))
            .to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// One field of it, at any depth, is another value, gone, or joined by one more.
fn mutated(random: &mut StdRng, value: &Value) -> Value {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let mut fields = fields.clone();
            let keys: Vec<String> = fields.keys().cloned().collect();
            let key = keys.choose(random).expect("one");
            match random.random_range(0..5) {
                0 => {
                    fields.remove(key);
                }
                1 => {
                    fields.insert(text(random), any_value(random, 2));
                }
                2 => {
                    fields.insert(key.clone(), any_value(random, 3));
                }
                _ => {
                    let inner = mutated(random, &fields[key]);
                    fields.insert(key.clone(), inner);
                }
            }
            Value::Object(fields)
        }
        Value::Array(items) if !items.is_empty() => {
            let mut items = items.clone();
            let at = random.random_range(0..items.len());
            match random.random_range(0..3) {
                0 => items.extend(items.clone()),
                1 => items[at] = any_value(random, 2),
                _ => items[at] = mutated(random, &items[at]),
            }
            Value::Array(items)
        }
        _ => any_value(random, 1),
    }
}

fn any_value(random: &mut StdRng, depth: u32) -> Value {
    let most = if depth == 0 { 7 } else { 9 };
    match random.random_range(0..most) {
        0 => Value::Null,
        1 => json!(random.random::<bool>()),
        2 => json!(random.random::<i64>()),
        3 => json!(random.random_range(-2..300)),
        4 => json!(random.random::<f64>() * 1e300),
        5 => json!(u64::MAX - u64::from(random.random::<u8>())),
        6 => json!(text(random)),
        7 => {
            let count = random.random_range(0..4);
            (0..count).map(|_| any_value(random, depth - 1)).collect()
        }
        _ => {
            let count = random.random_range(0..4);
            let fields = (0..count).map(|_| (text(random), any_value(random, depth - 1)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

fn text(random: &mut StdRng) -> String {
    let long = "x".repeat(random.random_range(0..5_000));
    let known = [
        "",
        "ann",
        "me",
        "Plain",
        "\u{0}",
        "ä\u{202e}",
        "0",
        "-1",
        "1e999",
        "null",
        "__proto__",
        "public",
        "2026-01-01T00:00:00Z",
        "../..",
        "{}",
        &long,
    ];
    (*known.choose(random).expect("one")).to_owned()
}
