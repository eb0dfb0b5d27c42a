//! Whoever may not ask, or not by this way.
//!
//! Promises: as every problem, a stable code; nobody learns what a key, a token or a name would have to be.

use axum::http::StatusCode;

use super::Problem;

impl Problem {
    pub(in crate::api) fn wrong_host() -> Self {
        let kind = ("wrong_host", "Wrong host");
        let message = "this server answers to its loopback names only";
        let detail = Some("send the header `Host: localhost`; a proxy in front must set it");
        Self::new(StatusCode::MISDIRECTED_REQUEST, kind, message, detail)
    }

    pub(in crate::api) fn unauthenticated() -> Self {
        let kind = ("unauthenticated", "Not authenticated");
        let message = "who asks must be known";
        let detail = Some("send `Authorization: Bearer` with a token or an API key");
        Self::new(StatusCode::UNAUTHORIZED, kind, message, detail)
    }

    pub(in crate::api) fn invalid_credentials() -> Self {
        let kind = ("invalid_credentials", "Invalid credentials");
        let message = "this token or key is not valid, or not any more";
        Self::new(StatusCode::UNAUTHORIZED, kind, message, None)
    }

    pub(in crate::api) fn no_role() -> Self {
        let kind = ("no_role", "No role");
        Self::new(StatusCode::FORBIDDEN, kind, "your token gives you no role here", None)
    }

    pub(in crate::api) fn identity_unavailable() -> Self {
        let kind = ("identity_unavailable", "Identity provider unavailable");
        let message = "who asks cannot be found out now";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, message, Some("try again later"))
    }

    pub(in crate::api) fn forbidden() -> Self {
        let kind = ("forbidden", "Forbidden");
        Self::new(StatusCode::FORBIDDEN, kind, "your role may not do this", None)
    }

    pub(in crate::api) fn foreign_host() -> Self {
        let kind = ("wrong_host", "Wrong host");
        let message = "this server does not answer to that name";
        let detail = Some("`api.hosts` has the names that it answers to");
        Self::new(StatusCode::MISDIRECTED_REQUEST, kind, message, detail)
    }

    pub(in crate::api) fn in_the_clear() -> Self {
        let kind = ("in_the_clear", "In the clear");
        let message = "keys and tokens are not taken in the clear";
        let detail = Some("ask by the proxy that speaks TLS for this server");
        Self::new(StatusCode::FORBIDDEN, kind, message, detail)
    }

    pub(in crate::api) fn forwarded() -> Self {
        let kind = ("forwarded", "Forwarded");
        let message = "this server answers its own machine only, and nobody for whom a proxy asks";
        let detail = Some("the log tells its operator more");
        Self::new(StatusCode::FORBIDDEN, kind, message, detail)
    }
}
