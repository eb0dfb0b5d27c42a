//! Whoever signs tokens, and a provider that shows the keys to verify them by.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::{Json, Router, routing::get};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prejoin::config::JwtKeys;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Longer than any test.
pub(super) const LONG: Duration = Duration::from_secs(600);

/// Whoever signs.
pub(super) enum Signing {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Hmac(Vec<u8>),
}

impl Signing {
    pub(super) fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::from_pkcs8(include_bytes!("rsa.pk8")).unwrap())
    }

    pub(super) fn ec() -> Self {
        let key =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let key = EcdsaKeyPair::from_pkcs8(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            key.unwrap().as_ref(),
            &SystemRandom::new(),
        );
        Self::Ec(key.unwrap())
    }

    pub(super) fn ed() -> Self {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed(Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap())
    }

    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
            Self::Ed(_) => "EdDSA",
            Self::Hmac(_) => "HS256",
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
            Self::Ec(key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::Ed(key) => key.sign(message).as_ref().to_vec(),
            Self::Hmac(secret) => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
                ring::hmac::sign(&key, message).as_ref().to_vec()
            }
        }
    }

    /// As a set of keys has it.
    pub(super) fn public(&self, id: &str) -> Value {
        match self {
            Self::Rsa(key) => {
                let public = ring::signature::RsaPublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({"kty": "RSA", "kid": id, "alg": "RS256", "use": "sig", "n": text(&public.n), "e": text(&public.e)})
            }
            Self::Ec(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": id, "x": text(x), "y": text(y)})
            }
            Self::Ed(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": text(key.public_key().as_ref())})
            }
            Self::Hmac(secret) => json!({"kty": "oct", "kid": id, "k": text(secret)}),
        }
    }

    pub(super) fn token(&self, id: Option<&str>, claims: &Value) -> String {
        let mut header = json!({"typ": "JWT", "alg": self.algorithm()});
        if let Some(id) = id {
            header["kid"] = id.into();
        }
        self.token_of(&header, claims)
    }

    pub(super) fn token_of(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", text(header.to_string()), text(claims.to_string()));
        let signature = text(self.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

pub(super) fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A provider that tells its keys, and counts how often it is asked.
pub(super) struct Provider {
    pub(super) keys: Arc<Mutex<Vec<Value>>>,
    asked: Arc<AtomicUsize>,
    /// Whoever holds it has the provider hang.
    pub(super) hung: Arc<tokio::sync::Mutex<()>>,
    url: String,
}

impl Provider {
    pub(super) async fn with(keys: Vec<Value>) -> Self {
        let keys = Arc::new(Mutex::new(keys));
        let asked = Arc::new(AtomicUsize::new(0));
        let hung = Arc::default();
        let (told, counted, held) = (Arc::clone(&keys), Arc::clone(&asked), Arc::clone(&hung));
        let answer = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let keys = told.lock().unwrap().clone();
            let held: Arc<tokio::sync::Mutex<()>> = Arc::clone(&held);
            async move {
                drop(held.lock().await);
                Json(json!({"keys": keys}))
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let router = Router::new().route("/keys", get(answer));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { keys, asked, hung, url }
    }

    pub(super) async fn until_asked(&self, times: usize) {
        let asked = async {
            while self.asked() < times {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), asked).await.expect("it is not asked");
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(super) fn source(&self, floor: Duration) -> JwtKeys {
        self.source_for(LONG, floor)
    }

    pub(super) fn source_for(&self, max_age: Duration, floor: Duration) -> JwtKeys {
        JwtKeys::Url { url: self.url.clone(), ca_file: None, max_age, floor }
    }
}
