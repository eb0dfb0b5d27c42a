//! API keys.
//!
//! Promises: a key is kept as its hash alone, and compared in a time that does not tell how near it was. A key is drawn from
//! 256 bits of chance, so that a plain hash of it cannot be guessed back.

use std::sync::Arc;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Caller, How, Roles};
use crate::config::KeyConfig;

/// What each key begins with, so that it is known for one where it turns up.
const PREFIX: &str = "prejoin_";

/// The keys that are known.
pub(super) struct Keys(Vec<([u8; 32], Arc<Caller>)>);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

/// A new key.
pub fn draw() -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

/// What the configuration knows of a key.
pub fn hash(key: &str) -> String {
    let digest = Sha256::digest(key);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether it looks like one.
pub(super) fn is_key(brought: &str) -> bool {
    brought.starts_with(PREFIX)
}

impl Keys {
    pub(super) fn new(keys: &[KeyConfig], roles: &Roles) -> Result<Self> {
        let each = keys.iter().map(|key| {
            let role = roles.get(&key.role).context("a role that is not there")?;
            let caller = Caller {
                subject: key.name.clone(),
                how: How::Key,
                role: Arc::clone(role),
                claims: key.claims.clone(),
            };
            Ok((bytes(&key.sha256).context("no SHA-256")?, Arc::new(caller)))
        });
        each.collect::<Result<_>>().map(Self)
    }

    /// Whose key it is. Each of the known ones is looked at, whichever it is.
    pub(super) fn find(&self, key: &str) -> Option<Arc<Caller>> {
        let digest: [u8; 32] = Sha256::digest(key).into();
        let mut found = None;
        for (known, caller) in &self.0 {
            if bool::from(known.ct_eq(&digest)) {
                found = Some(caller);
            }
        }
        found.cloned()
    }
}

fn bytes(hex: &str) -> Option<[u8; 32]> {
    let pairs =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok());
    pairs.collect::<Option<Vec<u8>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Role;

    #[test]
    fn a_key_is_known_by_its_hash_and_no_other_is() {
        let (key, other) = (draw(), draw());
        assert_ne!(key, other);
        assert!(is_key(&key) && key.len() == PREFIX.len() + 43);
        let role = Arc::new(Role::unlimited());
        let roles = Roles::from([("anyone".to_owned(), role)]);
        let configured = |name: &str, key: &str| KeyConfig {
            name: name.to_owned(),
            sha256: hash(key),
            role: "anyone".to_owned(),
            claims: serde_json::Map::new(),
        };
        let keys = Keys::new(&[configured("a", &key), configured("b", &other)], &roles).unwrap();
        let found = |key: &str| keys.find(key).map(|caller| caller.subject.clone());
        assert_eq!(found(&key).as_deref(), Some("a"));
        assert_eq!(found(&other).as_deref(), Some("b"));
        for stranger in ["", PREFIX, &key[..key.len() - 1], &hash(&key)] {
            assert_eq!(found(stranger), None);
        }
        insta::assert_snapshot!(hash("abc"), @"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
