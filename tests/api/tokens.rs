//! Tokens of an identity provider: who is let in by one, and that nothing else lets anybody in.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::HeaderMap;
use jiff::Timestamp;
use prejoin::access::{Access, Turned};
use prejoin::config::{Algorithm, ApiConfig, AuthConfig, JwtConfig, JwtKeys, RoleConfig, Secret};
use serde_json::{Value, json};

use super::signing::{LONG, Provider, Signing, text};

const SECRET: &str = "a secret that has 32 bytes, or more of them";

/// Claims that are in order.
fn claims() -> Value {
    let now = Timestamp::now().as_second();
    json!({"iss": "https://id.example", "aud": ["other", "prejoin"], "sub": "ada", "role": "viewer", "exp": now + 300,
           "nbf": now - 1, "tenant": "t1"})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

const ALL: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

fn access(algorithms: &[Algorithm], source: JwtKeys) -> Access {
    access_by(algorithms, source, "role")
}

fn access_by(algorithms: &[Algorithm], source: JwtKeys, role_claim: &str) -> Access {
    let jwt = JwtConfig {
        issuer: "https://id.example".to_owned(),
        audience: vec!["prejoin".to_owned()],
        algorithms: algorithms.to_vec(),
        keys: source,
        role_claim: role_claim.to_owned(),
        leeway: Duration::from_secs(10),
    };
    let auth = AuthConfig::Known { keys: Vec::new(), jwt: Some(Box::new(jwt)) };
    Access::new(&ApiConfig { auth, roles: roles(), ..ApiConfig::default() }).unwrap()
}

pub(super) fn roles() -> BTreeMap<String, RoleConfig> {
    let role = json!({"operations": ["search"], "indexes": {"contracts": {"fields": ["*"]}}});
    serde_json::from_value(json!({"viewer": role, "admin": role})).unwrap()
}

fn bearer(token: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    headers
}

/// Who is let in, and as what.
async fn admitted(access: &Access, token: &str) -> Result<String, Turned> {
    let caller = access.admit(&bearer(token)).await?;
    Ok(format!("{} as {} by {}", caller.subject, caller.role.name(), caller.how.word()))
}

#[tokio::test]
async fn each_algorithm_lets_in_whom_the_provider_vouches_for() {
    for signing in [Signing::rsa(), Signing::ec(), Signing::ed()] {
        let provider = Provider::with(vec![signing.public("k1")]).await;
        let access = access(&ALL, provider.source(LONG));
        for id in [Some("k1"), None] {
            let let_in = admitted(&access, &signing.token(id, &claims())).await;
            assert_eq!(let_in.as_deref(), Ok("ada as viewer by token"), "{}", signing.algorithm());
        }
        let caller = access.admit(&bearer(&signing.token(None, &claims()))).await.unwrap();
        assert_eq!(caller.claims["tenant"], "t1");
        assert_eq!(provider.asked(), 1);
        // One that is not configured is not looked at, though the provider has its key.
        let pinned = ALL.into_iter().filter(|one| format!("{one:?}") != signing.algorithm());
        let other = self::access(&pinned.collect::<Vec<_>>(), provider.source(LONG));
        assert_eq!(admitted(&other, &signing.token(None, &claims())).await, Err(Turned::Unknown));
    }
    let shared = Signing::Hmac(SECRET.as_bytes().to_vec());
    let access = access(&[Algorithm::HS256], JwtKeys::Secret(Secret::plain(SECRET)));
    assert!(admitted(&access, &shared.token(Some("any"), &claims())).await.is_ok());
    let other = Signing::Hmac(b"another secret of the same length, or so ..".to_vec());
    assert_eq!(admitted(&access, &other.token(None, &claims())).await, Err(Turned::Unknown));
}

#[tokio::test]
async fn a_token_of_another_time_issuer_or_audience_lets_nobody_in() {
    let signing = Signing::ec();
    let provider = Provider::with(vec![signing.public("k1")]).await;
    let access = access(&ALL, provider.source(LONG));
    let now = Timestamp::now().as_second();
    let wrong = [
        with("exp", json!(now - 11)),
        with("exp", json!("soon")),
        with("exp", Value::Null),
        without("exp"),
        with("nbf", json!(now + 60)),
        with("nbf", json!("later")),
        with("iss", json!("https://id.example.evil")),
        with("iss", json!(["https://other.example"])),
        without("iss"),
        with("aud", json!("prejoin2")),
        with("aud", json!([])),
        without("aud"),
        with("sub", json!("")),
        without("sub"),
    ];
    for claims in wrong {
        let turned = admitted(&access, &signing.token(Some("k1"), &claims)).await;
        assert_eq!(turned, Err(Turned::Unknown), "{claims}");
    }
    // Clocks may differ a little.
    assert!(admitted(&access, &signing.token(None, &with("exp", json!(now - 5)))).await.is_ok());
    for roleless in [with("role", json!("root")), with("role", json!(7)), without("role")] {
        let turned = admitted(&access, &signing.token(None, &roleless)).await;
        assert_eq!(turned, Err(Turned::NoRole), "{roleless}");
    }
}

#[tokio::test]
async fn a_role_is_found_within_a_claim_and_two_are_none() {
    let signing = Signing::ed();
    let provider = Provider::with(vec![signing.public("k1")]).await;
    let access = access_by(&ALL, provider.source(LONG), "realm.roles");
    let let_in = async |roles: Value| {
        admitted(&access, &signing.token(None, &with("realm", json!({"roles": roles})))).await
    };
    assert_eq!(let_in(json!(["offline", "admin"])).await.as_deref(), Ok("ada as admin by token"));
    assert_eq!(let_in(json!(["admin", "viewer"])).await, Err(Turned::NoRole));
    assert_eq!(let_in(json!([])).await, Err(Turned::NoRole));
}

#[tokio::test]
async fn a_forged_token_lets_nobody_in() {
    let (signing, stranger) = (Signing::rsa(), Signing::ec());
    let provider = Provider::with(vec![signing.public("k1")]).await;
    let access = access(&ALL, provider.source(LONG));
    let genuine = signing.token(Some("k1"), &claims());
    assert!(admitted(&access, &genuine).await.is_ok());
    let parts: Vec<&str> = genuine.split('.').collect();
    let unsigned = text(json!({"alg": "none", "typ": "JWT"}).to_string());
    let lowered = text(json!({"alg": "nOnE"}).to_string());
    let admin = text(with("role", json!("admin")).to_string());
    let der = include_bytes!("rsa.pk8");
    let Signing::Rsa(public) = &signing else { unreachable!() };
    let forged = [
        format!("{unsigned}.{}.", parts[1]),
        format!("{unsigned}.{}.{}", parts[1], parts[2]),
        format!("{lowered}.{}.", parts[1]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{admin}.{}", parts[0], parts[2]),
        // The public key, which everybody has, as if it were a secret.
        Signing::Hmac(public.public().as_ref().to_vec()).token(Some("k1"), &claims()),
        Signing::Hmac(der.to_vec()).token(Some("k1"), &claims()),
        Signing::Hmac(Vec::new()).token(Some("k1"), &claims()),
        stranger.token(Some("k1"), &claims()),
        signing.token_of(&json!({"alg": "RS256", "kid": "k1", "crit": ["exp"]}), &claims()),
        signing.token_of(&json!({"alg": "RS512", "kid": "k1"}), &claims()),
        // A key that the token brings itself, or says where to get.
        stranger.token_of(&json!({"alg": "ES256", "jwk": stranger.public("k1")}), &claims()),
        stranger.token_of(&json!({"alg": "ES256", "jku": "http://127.0.0.1:1/"}), &claims()),
        String::new(),
        "a.b".to_owned(),
        "..".to_owned(),
        "a".repeat(9_000),
    ];
    for token in forged {
        assert_eq!(admitted(&access, &token).await, Err(Turned::Unknown), "{token}");
    }
    assert_eq!(provider.asked(), 1, "a stranger's token had the keys fetched");
}

#[tokio::test]
async fn keys_are_fetched_anew_for_one_that_is_not_known_and_not_too_often() {
    let (first, second) = (Signing::ec(), Signing::ec());
    let provider = Provider::with(vec![first.public("k1")]).await;
    let (eager, patient) =
        (access(&ALL, provider.source(Duration::ZERO)), access(&ALL, provider.source(LONG)));
    let old = first.token(Some("k1"), &claims());
    let new = second.token(Some("k2"), &claims());
    for access in [&eager, &patient] {
        assert!(admitted(access, &old).await.is_ok());
    }
    assert_eq!(provider.asked(), 2);
    // The provider changes its keys.
    *provider.keys.lock().unwrap() = vec![second.public("k2")];
    assert!(admitted(&eager, &new).await.is_ok());
    assert_eq!(admitted(&eager, &old).await, Err(Turned::Unknown));
    assert_eq!(provider.asked(), 4);
    for _ in 0..20 {
        assert_eq!(admitted(&patient, &new).await, Err(Turned::Unknown));
    }
    assert_eq!(provider.asked(), 4, "names that are not known had the keys fetched too often");
    assert!(admitted(&patient, &old).await.is_ok());
}

#[tokio::test]
async fn one_fetch_serves_all_who_wait_for_it() {
    let signing = Signing::ed();
    let provider = Provider::with(vec![signing.public("k1")]).await;
    let access = access(&ALL, provider.source(LONG));
    let token = signing.token(Some("k1"), &claims());
    let all = futures::future::join_all((0..50).map(|_| admitted(&access, &token))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(provider.asked(), 1);
}

#[tokio::test]
async fn whoever_goes_away_leaves_the_keys_to_the_next() {
    let signing = Signing::ed();
    let provider = Provider::with(vec![signing.public("k1")]).await;
    let access = access(&ALL, provider.source(LONG));
    let token = signing.token(Some("k1"), &claims());
    let hung = provider.hung.lock().await;
    tokio::select! {
        _ = admitted(&access, &token) => panic!("the provider has not answered yet"),
        () = provider.until_asked(1) => {}
    }
    drop(hung);
    assert!(admitted(&access, &token).await.is_ok());
    assert_eq!(provider.asked(), 1);
}

#[tokio::test]
async fn a_key_that_has_grown_old_serves_while_the_provider_hangs() {
    let signing = Signing::ed();
    let provider = Provider::with(vec![signing.public("k1")]).await;
    let max_age = Duration::from_secs(1);
    let access = access(&ALL, provider.source_for(max_age, Duration::ZERO));
    let token = signing.token(Some("k1"), &claims());
    assert!(admitted(&access, &token).await.is_ok());
    let hung = provider.hung.lock().await;
    tokio::time::sleep(max_age).await;
    let both = async {
        assert!(admitted(&access, &token).await.is_ok());
        provider.until_asked(2).await;
        assert!(admitted(&access, &token).await.is_ok());
    };
    tokio::time::timeout(Duration::from_secs(3), both).await.expect("they wait for the provider");
    drop(hung);
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn without_keys_it_is_not_the_callers_fault() {
    let signing = Signing::ec();
    let token = signing.token(Some("k1"), &claims());
    let provider = Provider::with(vec![Signing::Hmac(SECRET.into()).public("k1")]).await;
    let none = access(&ALL, provider.source(Duration::ZERO));
    assert_eq!(admitted(&none, &token).await, Err(Turned::Untold));
    *provider.keys.lock().unwrap() = vec![json!({"kty": "odd"}), signing.public("k1")];
    assert!(admitted(&none, &token).await.is_ok());
    // What is known goes on serving while the provider has nothing to say.
    provider.keys.lock().unwrap().clear();
    assert!(admitted(&none, &token).await.is_ok());
    assert_eq!(admitted(&none, &signing.token(Some("k9"), &claims())).await, Err(Turned::Unknown));
}

#[tokio::test]
async fn keys_may_lie_in_a_file() {
    let signing = Signing::ec();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    std::fs::write(&file, json!({"keys": [signing.public("k1")]}).to_string()).unwrap();
    let access = access(&ALL, JwtKeys::File(file));
    assert!(admitted(&access, &signing.token(Some("k1"), &claims())).await.is_ok());
}
