//! Who asks, and what they may see and do.
//!
//! [`Access`] lets a [`Caller`] in, who has a [`Role`]; what the role sees of an index is a [`Sight`], and of that index as it
//! is now a [`Seen`].
//! Promises: what no role names is seen by nobody; what does not fit an index closes it. Never tells why to a caller.

mod door;
mod jwks;
mod jwt;
pub mod keys;
mod role;
mod signatures;

use std::sync::Arc;

use serde_json::{Map, Value};

pub use door::{Access, KEY_HEADER, Turned};
pub use role::{Role, Roles, Seen, Sight};

use crate::config::Operation;

/// One who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who, in the words of those who vouch for it.
    pub subject: String,
    /// How that is known.
    pub how: How,
    /// What they may see and do.
    pub role: Arc<Role>,
    /// What is said of them.
    pub claims: Map<String, Value>,
}

/// How a caller is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    /// Not at all: nobody is told apart.
    Anyone,
    /// By an API key.
    Key,
    /// By a token of an identity provider.
    Token,
}

impl How {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::Key => "key",
            Self::Token => "token",
        }
    }
}

impl Caller {
    /// Whoever asks where callers are not told apart.
    pub fn anyone(role: Arc<Role>) -> Self {
        Self { subject: String::new(), how: How::Anyone, role, claims: Map::new() }
    }

    /// Whether they may do that.
    pub fn may(&self, operation: Operation) -> bool {
        self.role.may(operation)
    }

    /// What a cursor of theirs belongs to.
    pub fn binding(&self) -> [&str; 3] {
        [self.role.name(), self.how.word(), &self.subject]
    }
}
