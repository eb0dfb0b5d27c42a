//! How a caller says who they are, for [`super`].
//!
//! Promises: just the ways that are configured; where callers are not told apart, none. Never names an issuer or a key.

use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};

use crate::access::KEY_HEADER;
use crate::config::AuthConfig;

/// The ways by name; each is enough.
pub(super) fn ways(auth: &AuthConfig) -> Vec<(&'static str, SecurityScheme)> {
    let AuthConfig::Known { keys, jwt } = auth else { return Vec::new() };
    let mut ways = Vec::new();
    if !keys.is_empty() {
        let told = "An API key; `Authorization: Bearer` takes one as well.";
        let header = ApiKeyValue::with_description(KEY_HEADER, told);
        ways.push(("key", SecurityScheme::ApiKey(ApiKey::Header(header))));
    }
    if jwt.is_some() {
        let told = Some("A token of the identity provider.");
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
        ways.push(("token", SecurityScheme::Http(token.description(told).build())));
    }
    ways
}

/// Whoever can take one of these ways may come in.
pub(super) fn needed(ways: &[(&'static str, SecurityScheme)]) -> Vec<SecurityRequirement> {
    let no_scopes = std::iter::empty::<String>;
    ways.iter().map(|(name, _)| SecurityRequirement::new(*name, no_scopes())).collect()
}
