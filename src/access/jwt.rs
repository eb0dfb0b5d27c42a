//! Tokens of an identity provider.
//!
//! Promises: a token counts when its algorithm is one of those configured, its signature is by a key of the provider, it is
//! from the issuer, for the audience, of its time, and says whose it is. A role is one of the configuration or none.

use std::sync::Arc;

use anyhow::Result;
use jiff::Timestamp;
use jsonwebtoken::{Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::jwks::KeySet;
use super::{Caller, How, Roles, Turned, signatures};
use crate::config::{Algorithm, JwtConfig};
use crate::query::rows::claim;

/// Most bytes of a token.
const MOST: usize = 8 << 10;

/// Reads tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    config: JwtConfig,
    keys: Arc<KeySet>,
    roles: Roles,
}

impl Tokens {
    pub(super) fn new(config: &JwtConfig, roles: &Roles) -> Result<Self> {
        signatures::install();
        let keys = KeySet::new(&config.keys)?;
        Ok(Self { config: config.clone(), keys, roles: roles.clone() })
    }

    /// The caller whom a token speaks of.
    pub(super) async fn read(&self, token: &str) -> Result<Caller, Turned> {
        let claims = self.claims(token).await?;
        self.in_time(&claims, Timestamp::now().as_second()).ok_or(Turned::Unknown)?;
        let subject = claims.get("sub").and_then(Value::as_str).filter(|sub| !sub.is_empty());
        let subject = subject.ok_or(Turned::Unknown)?.to_owned();
        let mut named = claim(&claims, &self.config.role_claim).into_iter().flat_map(|given| {
            let more = given.as_array().map(Vec::as_slice);
            more.unwrap_or(std::slice::from_ref(given))
        });
        let known = |name: &Value| self.roles.get(name.as_str()?);
        let role = named.find_map(known).ok_or(Turned::NoRole)?;
        // Two roles are no choice that could be made here.
        if named.filter_map(known).any(|other| other.name() != role.name()) {
            return Err(Turned::NoRole);
        }
        Ok(Caller { subject, how: How::Token, role: Arc::clone(role), claims })
    }

    /// What a token says, if it is one of the provider's for this server.
    async fn claims(&self, token: &str) -> Result<Map<String, Value>, Turned> {
        if token.len() > MOST {
            return Err(Turned::Unknown);
        }
        let header = decode_header(token).map_err(|_| Turned::Unknown)?;
        let mut pinned = self.config.algorithms.iter().copied();
        let algorithm =
            pinned.find(|algorithm| theirs(*algorithm) == header.alg).ok_or(Turned::Unknown)?;
        // What a token calls critical is not understood here.
        if header.crit.is_some() {
            return Err(Turned::Unknown);
        }
        let key = self.keys.find(header.kid.as_deref(), algorithm).await?;
        let mut validation = Validation::new(theirs(algorithm));
        validation.set_issuer(&[&self.config.issuer]);
        validation.set_audience(&self.config.audience);
        validation.set_required_spec_claims(&["iss", "aud", "sub"]);
        // Numbers keep all their digits here, which the library cannot read as times.
        validation.validate_exp = false;
        let token = decode::<Map<String, Value>>(token, &key, &validation);
        token.map(|token| token.claims).map_err(|_| Turned::Unknown)
    }

    /// Whether it has not expired, and its time has begun.
    fn in_time(&self, claims: &Map<String, Value>, now: i64) -> Option<()> {
        let seconds =
            |name: &str| claims.get(name).map(|value| value.as_f64().filter(|at| at.is_finite()));
        let leeway = self.config.leeway.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "seconds are exact for a long time to come")]
        let now = now as f64;
        let ends = seconds("exp")??;
        let begins = seconds("nbf").unwrap_or(Some(f64::NEG_INFINITY))?;
        (now < ends + leeway && begins <= now + leeway).then_some(())
    }
}

fn theirs(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::RS256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::ES256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::EdDSA => jsonwebtoken::Algorithm::EdDSA,
        Algorithm::HS256 => jsonwebtoken::Algorithm::HS256,
    }
}
