//! Who may ask the query API, as its user writes it.
//!
//! Promises: a key is known by its hash alone, and a set of public keys is never taken for a secret. Never reads a token,
//! and never asks for one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::roles::RoleConfig;
use super::{Secret, raw};

/// How callers are told apart.
#[derive(Debug, Clone)]
pub enum AuthConfig {
    /// They are not: whoever reaches the API may read everything.
    None,
    /// By what they bring.
    Known {
        /// API keys.
        keys: Vec<KeyConfig>,
        /// Tokens of an identity provider.
        jwt: Option<Box<JwtConfig>>,
    },
}

/// An API key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// Whose it is.
    pub name: String,
    /// SHA-256 of the key, in hexadecimal.
    pub sha256: String,
    /// The role that it gives.
    pub role: String,
    /// What row filters may ask of its caller.
    #[serde(default)]
    pub claims: Map<String, Value>,
}

/// Tokens that are accepted.
#[derive(Debug, Clone)]
pub struct JwtConfig {
    /// The one issuer.
    pub issuer: String,
    /// Audiences, one of which a token must be for.
    pub audience: Vec<String>,
    /// Algorithms of signatures; no other is looked at.
    pub algorithms: Vec<Algorithm>,
    /// Where the keys come from.
    pub keys: JwtKeys,
    /// The claim that names the role.
    pub role_claim: String,
    /// How far clocks may differ.
    pub leeway: Duration,
}

/// Where the keys of signatures come from.
#[derive(Debug, Clone)]
pub enum JwtKeys {
    /// A set of public keys behind a URL.
    Url {
        /// `https://…`, or `http://` to this machine.
        url: String,
        /// PEM file of the authority that signed the server's certificate.
        ca_file: Option<PathBuf>,
        /// How long the set is good for.
        max_age: Duration,
        /// Least time between two fetches, whatever tokens ask for.
        floor: Duration,
    },
    /// A set of public keys in a file.
    File(PathBuf),
    /// A secret that is shared with the issuer.
    Secret(Secret),
}

/// Algorithms of signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// RSA.
    RS256,
    /// ECDSA on P-256.
    ES256,
    /// Ed25519.
    EdDSA,
    /// HMAC with a shared secret.
    HS256,
}

const DIGEST: usize = 64;
/// Fewer bytes of a secret could be guessed (RFC 7518, 3.2).
const MIN_SECRET: usize = 32;

#[derive(Deserialize)]
#[serde(untagged, expecting = "`none`, or `keys` and `jwt`")]
pub(super) enum RawAuth {
    Word(NoAuth),
    Known(Box<RawKnown>),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum NoAuth {
    None,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawKnown {
    keys: Vec<KeyConfig>,
    jwt: Option<RawJwt>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawJwt {
    issuer: Option<String>,
    audience: Option<OneOrMore>,
    algorithms: Vec<Algorithm>,
    jwks_url: Option<String>,
    jwks_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    secret: Option<Secret>,
    role_claim: Option<String>,
    leeway: Option<SignedDuration>,
    jwks_max_age: Option<SignedDuration>,
    jwks_floor: Option<SignedDuration>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl RawAuth {
    pub(super) fn validate(
        self,
        roles: &BTreeMap<String, RoleConfig>,
        at: &impl Fn(PathBuf) -> PathBuf,
    ) -> Result<AuthConfig> {
        let known = match self {
            Self::Word(NoAuth::None) => return Ok(AuthConfig::None),
            Self::Known(known) => *known,
        };
        for key in &known.keys {
            let name = &key.name;
            let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            if key.sha256.len() != DIGEST || !key.sha256.bytes().all(hex) {
                bail!(
                    "api.auth: `sha256` of the key `{name}` is no SHA-256 in lower-case hexadecimal\n\nhint: `prejoin api-key` makes a key and prints its hash"
                );
            }
            ensure!(!name.is_empty(), "api.auth: a key has an empty name");
            ensure!(
                roles.contains_key(&key.role),
                "api.auth: the key `{name}` has the role `{}`, which is not in `api.roles`",
                key.role
            );
        }
        for (number, key) in known.keys.iter().enumerate() {
            let others = known.keys.iter().skip(number + 1);
            if others.clone().any(|other| other.name == key.name || other.sha256 == key.sha256) {
                bail!("api.auth: two keys have the name, or the hash, of `{}`", key.name);
            }
        }
        let jwt = known.jwt.map(|jwt| jwt.validate(at)).transpose().context("api.auth.jwt")?;
        ensure!(
            !known.keys.is_empty() || jwt.is_some(),
            "api.auth: there are neither `keys` nor `jwt`: nobody could ask"
        );
        Ok(AuthConfig::Known { keys: known.keys, jwt: jwt.map(Box::new) })
    }
}

impl RawJwt {
    fn validate(self, at: &impl Fn(PathBuf) -> PathBuf) -> Result<JwtConfig> {
        let audience = match self.audience.context("`audience` is missing")? {
            OneOrMore::One(one) => vec![one],
            OneOrMore::More(more) => more,
        };
        ensure!(!audience.is_empty(), "`audience` is empty");
        ensure!(
            !self.algorithms.is_empty(),
            "`algorithms` is missing (RS256, ES256, EdDSA or HS256)"
        );
        let symmetric = self.algorithms.contains(&Algorithm::HS256);
        let keys = match (self.jwks_url, self.jwks_file, self.secret) {
            (Some(url), None, None) => JwtKeys::Url {
                url: checked(url)?,
                ca_file: self.ca_file.map(at),
                max_age: raw::duration("jwks_max_age", self.jwks_max_age, 600)?,
                floor: raw::duration("jwks_floor", self.jwks_floor, 30)?,
            },
            (None, Some(file), None) => JwtKeys::File(at(file)),
            (None, None, Some(secret)) => JwtKeys::Secret(secret),
            _ => bail!("give one of `jwks_url`, `jwks_file` and `secret`"),
        };
        // Else a public key could be taken for the secret.
        match &keys {
            JwtKeys::Secret(_) if self.algorithms != [Algorithm::HS256] => {
                bail!("a `secret` goes with `algorithms: [HS256]`, and with nothing else")
            }
            JwtKeys::Url { .. } | JwtKeys::File(_) if symmetric => {
                bail!("HS256 takes a `secret`, not a set of public keys")
            }
            _ => {}
        }
        Ok(JwtConfig {
            issuer: self.issuer.context("`issuer` is missing")?,
            audience,
            algorithms: self.algorithms,
            keys,
            role_claim: self.role_claim.unwrap_or_else(|| "role".to_owned()),
            leeway: raw::duration("leeway", self.leeway, 30)?,
        })
    }
}

/// Keys that come unprotected over a network could be anybody's.
fn checked(url: String) -> Result<String> {
    let parsed = url::Url::parse(&url).ok().context("`jwks_url` is no URL")?;
    let local = match parsed.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match parsed.scheme() {
        "https" => Ok(url),
        "http" if local => Ok(url),
        _ => bail!("`jwks_url` must begin with https://"),
    }
}

impl JwtKeys {
    /// The secret, if that is what they are.
    ///
    /// # Errors
    /// When it cannot be read, or is short enough to be guessed.
    pub fn secret(&self) -> Result<Option<String>> {
        let Self::Secret(secret) = self else { return Ok(None) };
        let secret = secret.reveal()?;
        ensure!(secret.len() >= MIN_SECRET, "a secret for HS256 has at least {MIN_SECRET} bytes");
        Ok(Some(secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(text: &str) -> Result<AuthConfig> {
        let viewer = serde_json::from_str(
            r#"{"viewer": {"operations": ["search"], "indexes": {"a": {"fields": ["*"]}}}}"#,
        )?;
        serde_json::from_str::<RawAuth>(text)?.validate(&viewer, &|path| path)
    }

    fn refused<T: std::fmt::Debug>(outcome: Result<T>) -> String {
        format!("{:#}", outcome.unwrap_err())
    }

    #[test]
    fn keys_are_hashes_of_a_role_that_is_there() {
        let key = |sha: &str, role: &str| {
            auth(&format!(
                r#"{{"keys": [{{"name": "report", "sha256": "{sha}", "role": "{role}"}}]}}"#
            ))
        };
        let hash = "a".repeat(64);
        assert!(key(&hash, "viewer").is_ok());
        insta::assert_snapshot!(refused(key(&hash, "admin")), @"api.auth: the key `report` has the role `admin`, which is not in `api.roles`");
        assert!(
            refused(key("hunter2", "viewer")).starts_with("api.auth: `sha256` of the key `report`")
        );
        assert!(!refused(key("hunter2", "viewer")).contains("hunter2"));
        insta::assert_snapshot!(refused(auth("{}")), @"api.auth: there are neither `keys` nor `jwt`: nobody could ask");
        assert!(matches!(auth("\"none\""), Ok(AuthConfig::None)));
    }

    #[test]
    fn a_public_key_is_never_a_secret() {
        let jwt =
            |more: &str| auth(&format!(r#"{{"jwt": {{"issuer": "i", "audience": "a", {more}}}}}"#));
        assert!(
            jwt(r#""algorithms": ["RS256", "ES256"], "jwks_url": "https://id.example/keys""#)
                .is_ok()
        );
        assert!(jwt(r#""algorithms": ["HS256"], "secret": {"env": "S"}"#).is_ok());
        insta::assert_snapshot!(refused(jwt(r#""algorithms": ["RS256", "HS256"], "jwks_file": "k.json""#)), @"api.auth.jwt: HS256 takes a `secret`, not a set of public keys");
        insta::assert_snapshot!(refused(jwt(r#""algorithms": ["RS256"], "secret": "s""#)), @"api.auth.jwt: a `secret` goes with `algorithms: [HS256]`, and with nothing else");
        insta::assert_snapshot!(refused(jwt(r#""algorithms": ["RS256"], "jwks_url": "http://id.example/keys""#)), @"api.auth.jwt: `jwks_url` must begin with https://");
        insta::assert_snapshot!(refused(jwt(r#""algorithms": ["RS256"]"#)), @"api.auth.jwt: give one of `jwks_url`, `jwks_file` and `secret`");
        insta::assert_snapshot!(refused(jwt(r#""jwks_file": "k.json""#)), @"api.auth.jwt: `algorithms` is missing (RS256, ES256, EdDSA or HS256)");
    }
}
