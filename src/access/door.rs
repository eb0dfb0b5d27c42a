//! Lets callers in, by what they bring.
//!
//! Promises: one who brings nothing, too much, or what is not known is turned away, and not told which. Never logs what was
//! brought.

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::jwt::Tokens;
use super::keys::{self, Keys};
use super::{Caller, Role, Roles};
use crate::config::{ApiConfig, AuthConfig};

/// The header of an API key; `Authorization: Bearer` takes one as well.
pub const KEY_HEADER: &str = "x-api-key";

/// Who may come in, and as what.
#[derive(Debug)]
pub struct Access {
    roles: Roles,
    door: Door,
}

#[derive(Debug)]
enum Door {
    Open(Arc<Caller>),
    Watched { keys: Keys, tokens: Option<Box<Tokens>> },
}

/// Why one is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// Nothing was brought.
    Empty,
    /// What was brought is not known, or not valid any more.
    Unknown,
    /// Known, but without a role here.
    NoRole,
    /// Whether it is known cannot be told now.
    Untold,
}

impl Access {
    /// For anyone, to everything.
    pub fn open() -> Self {
        let role = Arc::new(Role::unlimited());
        let roles = Roles::from([(role.name().to_owned(), Arc::clone(&role))]);
        Self { roles, door: Door::Open(Arc::new(Caller::anyone(role))) }
    }

    /// As the configuration says.
    ///
    /// # Errors
    /// When a role's filter is none, or a secret cannot be read.
    pub fn new(config: &ApiConfig) -> Result<Self> {
        let AuthConfig::Known { keys, jwt } = &config.auth else { return Ok(Self::open()) };
        let roles = Role::all(&config.roles)?;
        let tokens = jwt.as_deref().map(|jwt| Tokens::new(jwt, &roles)).transpose();
        let tokens = tokens.context("api.auth.jwt")?.map(Box::new);
        let keys = Keys::new(keys, &roles)?;
        Ok(Self { roles, door: Door::Watched { keys, tokens } })
    }

    /// All roles that a caller can have.
    pub fn roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.values().map(AsRef::as_ref)
    }

    /// Whether callers are told apart.
    pub fn is_watched(&self) -> bool {
        matches!(self.door, Door::Watched { .. })
    }

    /// The caller who sends these headers.
    ///
    /// # Errors
    /// When they are not let in.
    pub async fn admit(&self, headers: &HeaderMap) -> Result<Arc<Caller>, Turned> {
        let (keys, tokens) = match &self.door {
            Door::Open(anyone) => return Ok(Arc::clone(anyone)),
            Door::Watched { keys, tokens } => (keys, tokens),
        };
        let brought = brought(headers)?;
        if keys::is_key(brought) {
            return keys.find(brought).ok_or(Turned::Unknown);
        }
        match tokens {
            Some(tokens) => tokens.read(brought).await.map(Arc::new),
            None => Err(Turned::Unknown),
        }
    }
}

/// The one thing that is brought.
fn brought(headers: &HeaderMap) -> Result<&str, Turned> {
    let keys = headers.get_all(KEY_HEADER).iter();
    let mut all = keys
        .map(|value| (value, false))
        .chain(headers.get_all(AUTHORIZATION).iter().map(|value| (value, true)));
    let (value, bearer) = all.next().ok_or(Turned::Empty)?;
    if all.next().is_some() {
        return Err(Turned::Unknown);
    }
    let text = value.to_str().map_err(|_| Turned::Unknown)?;
    if !bearer {
        return Ok(text);
    }
    match text.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => Ok(rest.trim()),
        _ => Err(Turned::Unknown),
    }
}
