//! Where the API may be listened for.
//!
//! Promises: what everybody may read is read on this machine only, and what callers bring does not travel in the clear.

use std::net::SocketAddr;

use crate::finding::Finding;

/// Whether `listen` will do: beyond loopback, callers must be told apart (`watched`), and what they bring be kept from
/// others (`protected`), by TLS or by a proxy that is trusted.
///
/// # Errors
/// Says what is missing.
pub(super) fn may_listen(
    listen: SocketAddr,
    watched: bool,
    protected: bool,
) -> Result<(), Finding> {
    let (what, hint) = match (listen.ip().is_loopback(), watched, protected) {
        (true, _, _) | (false, true, true) => return Ok(()),
        (false, false, _) => (
            "is not a loopback address",
            "whoever reaches it may read everything: listen on 127.0.0.1, or configure `api.auth`",
        ),
        (false, true, false) => (
            "is not a loopback address, and keys and tokens would travel in the clear",
            "listen on 127.0.0.1, behind a proxy that speaks TLS",
        ),
    };
    Err(Finding::error(format!("`api.listen`: {listen} {what}")).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_this_machine_callers_are_known_and_unheard() {
        let listen = |address: &str, watched, protected| {
            may_listen(address.parse().unwrap(), watched, protected)
                .map_err(|said| said.to_string())
        };
        for (watched, protected) in [(false, false), (true, false), (true, true)] {
            assert_eq!(listen("127.0.0.1:80", watched, protected), Ok(()));
            assert_eq!(listen("[::1]:80", watched, protected), Ok(()));
        }
        assert_eq!(listen("0.0.0.0:80", true, true), Ok(()));
        for protected in [true, false] {
            assert!(listen("10.0.0.1:80", false, protected).is_err());
        }
        insta::assert_snapshot!(listen("0.0.0.0:80", false, true).unwrap_err(), @"`api.listen`: 0.0.0.0:80 is not a loopback address");
        insta::assert_snapshot!(listen("[::]:80", true, false).unwrap_err(), @"`api.listen`: [::]:80 is not a loopback address, and keys and tokens would travel in the clear");
    }
}
