//! API keys: who is let in by one.

use axum::http::HeaderMap;
use prejoin::access::{Access, Turned, keys};
use prejoin::config::{ApiConfig, AuthConfig, KeyConfig};
use serde_json::json;

use super::tokens::roles;

#[tokio::test]
async fn an_api_key_lets_in_whom_it_was_made_for() {
    let key = keys::draw();
    let config = KeyConfig {
        name: "report".to_owned(),
        sha256: keys::hash(&key),
        role: "viewer".to_owned(),
        claims: serde_json::Map::from_iter([("tenant".to_owned(), json!("t1"))]),
    };
    let auth = AuthConfig::Known { keys: vec![config], jwt: None };
    let access = Access::new(&ApiConfig { auth, roles: roles(), ..ApiConfig::default() }).unwrap();
    let ask = async |headers: &[(&'static str, &str)]| {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.append(*name, value.parse().unwrap());
        }
        access.admit(&all).await.map(|caller| caller.subject.clone())
    };
    let bearer = format!("Bearer {key}");
    assert_eq!(ask(&[("x-api-key", &key)]).await.as_deref(), Ok("report"));
    assert_eq!(ask(&[("authorization", &bearer)]).await.as_deref(), Ok("report"));
    assert_eq!(ask(&[]).await, Err(Turned::Empty));
    for wrong in [&keys::draw(), "", "prejoin_", &keys::hash(&key)] {
        assert_eq!(ask(&[("x-api-key", wrong)]).await, Err(Turned::Unknown), "{wrong}");
    }
    // Two are one too many, even of the same.
    assert_eq!(ask(&[("x-api-key", &key), ("authorization", &bearer)]).await, Err(Turned::Unknown));
    assert_eq!(ask(&[("x-api-key", &key), ("x-api-key", &key)]).await, Err(Turned::Unknown));
    assert_eq!(ask(&[("authorization", &format!("Basic {key}"))]).await, Err(Turned::Unknown));
}
