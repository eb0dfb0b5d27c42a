//! The public keys of an identity provider.
//!
//! Promises: keys are fetched when they are needed, kept, and fetched again when they have grown old or a token names one
//! that is not known, never more often than the configuration allows, however many tokens ask; a fetch that is begun is ended,
//! though whoever began it goes away. Nobody waits for a provider while a key that has grown old, but not too old, serves.
//! What is no key for signatures is passed over. Never takes a secret out of a set.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::JoinHandle;

use super::Turned;
use crate::config::{Algorithm, JwtKeys};

/// How long the provider may take.
const WAIT: Duration = Duration::from_secs(5);
/// Most bytes of a set.
const MOST: usize = 256 << 10;
/// How many times their age keys serve while no others can be fetched.
const STALE: u32 = 6;
/// Of a file.
const MAX_AGE: Duration = Duration::from_secs(600);
const FLOOR: Duration = Duration::from_secs(30);

/// Keys by name.
pub(super) struct KeySet {
    source: Source,
    max_age: Duration,
    floor: Duration,
    known: RwLock<Option<Arc<Known>>>,
    /// When it was last tried.
    tried: Arc<Mutex<Option<Instant>>>,
}

enum Source {
    Url {
        url: String,
        client: Box<reqwest::Client>,
    },
    File(PathBuf),
    /// Known from the start, and never another.
    Fixed,
}

struct Known {
    keys: Vec<Key>,
    since: Instant,
}

#[derive(Clone)]
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl KeySet {
    /// Nothing fetched so far.
    pub(super) fn new(config: &JwtKeys) -> Result<Arc<Self>> {
        let (source, max_age, floor) = match config {
            JwtKeys::Url { url, ca_file, max_age, floor } => {
                let mut builder = reqwest::Client::builder()
                    .timeout(WAIT)
                    .no_proxy()
                    .https_only(url.starts_with("https:"))
                    .redirect(reqwest::redirect::Policy::none());
                if let Some(file) = ca_file {
                    let pem = std::fs::read(file)
                        .with_context(|| format!("`ca_file`: {}", file.display()))?;
                    builder = builder.add_root_certificate(reqwest::Certificate::from_pem(&pem)?);
                }
                let client = Box::new(builder.build().context("the client of `jwks_url`")?);
                (Source::Url { url: url.clone(), client }, *max_age, *floor)
            }
            JwtKeys::File(file) => (Source::File(file.clone()), MAX_AGE, FLOOR),
            JwtKeys::Secret(_) => (Source::Fixed, MAX_AGE, FLOOR),
        };
        let secret = config.secret()?;
        let secret =
            secret.map(|secret| DecodingKey::from_secret(secret.as_bytes())).transpose()?;
        let known = secret.map(|key| {
            let key = Key { id: None, algorithm: Algorithm::HS256, key };
            Arc::new(Known { keys: vec![key], since: Instant::now() })
        });
        let (known, tried) = (RwLock::new(known), Arc::default());
        Ok(Arc::new(Self { source, max_age, floor, known, tried }))
    }

    /// The key of that name for that algorithm.
    pub(super) async fn find(
        self: &Arc<Self>,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<DecodingKey, Turned> {
        if matches!(self.source, Source::Fixed) {
            // A secret has no name, whatever a token calls it.
            return self.known_for(None, algorithm, Duration::MAX).ok_or(Turned::Unknown);
        }
        if let Some(key) = self.known_for(id, algorithm, self.max_age) {
            return Ok(key);
        }
        let still = self.max_age.saturating_mul(STALE);
        if let Some(key) = self.known_for(id, algorithm, still) {
            // Where it is locked, another has them fetched.
            if let Ok(tried) = Arc::clone(&self.tried).try_lock_owned() {
                drop(self.renew(tried));
            }
            return Ok(key);
        }
        let tried = Arc::clone(&self.tried).lock_owned().await;
        // Another may have fetched them meanwhile.
        if let Some(key) = self.known_for(id, algorithm, self.max_age) {
            return Ok(key);
        }
        if let Some(fetched) = self.renew(tried) {
            let _ended = fetched.await;
        }
        self.known_for(id, algorithm, still)
            .ok_or_else(|| if self.has_any(still) { Turned::Unknown } else { Turned::Untold })
    }

    /// Has the keys fetched, unless that was tried just now.
    fn renew(
        self: &Arc<Self>,
        mut tried: OwnedMutexGuard<Option<Instant>>,
    ) -> Option<JoinHandle<()>> {
        if tried.is_some_and(|tried| tried.elapsed() < self.floor) {
            return None;
        }
        let all = Arc::clone(self);
        // It does not end with the request that begins it, which would have used up the only try for a while.
        Some(tokio::spawn(async move {
            *tried = Some(Instant::now());
            match all.fetch().await {
                Ok(keys) => {
                    let known = Arc::new(Known { keys, since: Instant::now() });
                    *all.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(error, "the keys of tokens cannot be fetched");
                }
            }
        }))
    }

    fn has_any(&self, age: Duration) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().is_some_and(|known| known.since.elapsed() < age)
    }

    /// A token that names no key can mean the only one.
    fn known_for(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        age: Duration,
    ) -> Option<DecodingKey> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        if known.since.elapsed() >= age {
            return None;
        }
        let mut fitting = known
            .keys
            .iter()
            .filter(|key| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id));
        let key = fitting.next()?;
        fitting.next().is_none().then(|| key.key.clone())
    }

    async fn fetch(&self) -> Result<Vec<Key>> {
        let text = match &self.source {
            Source::Url { url, client } => {
                let mut answer = client.get(url).send().await?.error_for_status()?;
                let mut text = Vec::new();
                while let Some(chunk) = answer.chunk().await? {
                    text.extend_from_slice(&chunk);
                    if text.len() > MOST {
                        bail!("a set of keys has at most {MOST} bytes");
                    }
                }
                text
            }
            Source::File(file) => {
                tokio::fs::read(file).await.with_context(|| file.display().to_string())?
            }
            Source::Fixed => bail!("a secret is not fetched"),
        };
        let set: Set = serde_json::from_slice(&text).context("no set of keys")?;
        let keys: Vec<Key> = set.keys.into_iter().filter_map(key).collect();
        if keys.is_empty() {
            bail!("the set has no key that signs by RS256, ES256 or EdDSA");
        }
        Ok(keys)
    }
}

/// A key for signatures, if that is what it is.
fn key(value: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(point) if point.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(point) if point.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        _ => return None,
    };
    let signs =
        !matches!(&jwk.common.public_key_use, Some(other) if *other != PublicKeyUse::Signature);
    let goes = jwk.common.key_algorithm.is_none_or(|other| other == named);
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    (signs && goes).then(|| Key { id: jwk.common.key_id, algorithm, key })
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("keys of tokens")
    }
}
