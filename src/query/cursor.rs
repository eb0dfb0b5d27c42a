//! Cursors: where a page ended, signed.
//!
//! Promises: a cursor that was not made with this key is refused, one of another index, filter or sort is told apart, and
//! sort values come back digit by digit. Never falls back to the first page. A cursor is signed, not secret: it holds what
//! its caller has seen, and the engine's name for the snapshot that it goes on with.

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::dsl::Question;
use super::fields::Fields;

const VERSION: u8 = 2;
const TAG: usize = 32;
const BINDING: usize = 16;
/// Fewer bytes of key could be guessed.
const MIN_KEY: usize = 16;

/// Makes and opens cursors.
#[derive(Clone)]
pub struct Signer(Hmac<Sha256>);

/// What a cursor belongs to: its caller, index, mapping, rows, filter and sort. How many rows are shown, and which of their fields, is free
/// to change from page to page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding([u8; BINDING]);

/// Where a page ended.
#[derive(Debug, Serialize, Deserialize)]
pub struct PageEnd {
    /// The sort values of its last row.
    pub sort: Box<RawValue>,
    /// The snapshot that the next page is read from; the index as it is then when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

/// An index that is held as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The real index.
    pub index: String,
    /// The engine's name for it.
    pub pit: String,
    /// Tells it from others of its server.
    pub ticket: u64,
    /// When it ends, in seconds since 1970.
    pub until: i64,
}

/// Why a cursor is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CursorError {
    /// It was not made with this key, or is damaged.
    Invalid,
    /// It belongs to another search.
    Mismatch {
        /// The real index of its snapshot.
        held: Option<String>,
    },
}

impl Binding {
    /// The binding of a `caller`'s question to the index of that alias; a caller is a role, how
    /// it is known who has it, and who that is.
    pub fn new(caller: [&str; 3], alias: &str, fields: &Fields, question: &Question) -> Self {
        let mut hash = Sha256::new();
        hash.update(fields.fingerprint());
        let [role, how, subject] = caller;
        let chosen = serde_json::Value::from(question.chosen.clone()).to_string();
        let (query, sort) = (question.query.to_string(), question.sort.to_string());
        for part in [role, how, subject, alias, &query, &sort, &chosen] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut binding = [0; BINDING];
        for (to, from) in binding.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Self(binding)
    }
}

impl Signer {
    /// Signs with `key`.
    ///
    /// # Errors
    /// When the key is shorter than 16 bytes.
    pub fn new(key: &[u8]) -> Result<Self> {
        ensure!(key.len() >= MIN_KEY, "a cursor key has at least {MIN_KEY} bytes");
        Ok(Self(Hmac::new_from_slice(key)?))
    }

    /// Signs with a key that nobody else knows, and that ends with the process.
    ///
    /// # Errors
    /// Never in practice.
    pub fn random() -> Result<Self> {
        Self::new(&rand::random::<[u8; 32]>())
    }

    /// The cursor of what follows `place`.
    ///
    /// # Errors
    /// Never in practice.
    pub fn issue(&self, binding: Binding, place: &PageEnd) -> serde_json::Result<String> {
        let mut token = vec![VERSION];
        token.extend(binding.0);
        token.extend(serde_json::to_vec(place)?);
        let mut mac = self.0.clone();
        mac.update(&token);
        token.extend(mac.finalize().into_bytes());
        Ok(URL_SAFE_NO_PAD.encode(token))
    }

    /// The place of a cursor.
    ///
    /// # Errors
    /// When it was not made by this signer for this binding.
    pub fn open(&self, binding: Binding, cursor: &str) -> Result<PageEnd, CursorError> {
        let token = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| CursorError::Invalid)?;
        let (signed, tag) = token.split_last_chunk::<TAG>().ok_or(CursorError::Invalid)?;
        let mut mac = self.0.clone();
        mac.update(signed);
        mac.verify_slice(tag).map_err(|_| CursorError::Invalid)?;
        let (head, rest) =
            signed.split_first_chunk::<{ 1 + BINDING }>().ok_or(CursorError::Invalid)?;
        let Some((&VERSION, made_for)) = head.split_first() else {
            return Err(CursorError::Mismatch { held: None });
        };
        let place: PageEnd = serde_json::from_slice(rest).map_err(|_| CursorError::Invalid)?;
        if *made_for != binding.0 {
            return Err(CursorError::Mismatch { held: place.held.map(|held| held.index) });
        }
        Ok(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::dsl::question;
    use crate::query::fields::tests::fields;
    use crate::query::{Filter, parse};

    const CALLER: [&str; 3] = ["viewer", "key", "ada"];
    const VALUES: &str =
        r#"[-9223372036854775808,12345678901234567890123456789012345678.10,"Infinity",null,"c1"]"#;

    fn binding(alias: &str, body: &str) -> Binding {
        of(CALLER, alias, body, &Filter::everything())
    }

    fn of(caller: [&str; 3], alias: &str, body: &str, rows: &Filter) -> Binding {
        let fields = fields();
        let request = parse(&fields, body.as_bytes()).unwrap();
        Binding::new(caller, alias, &fields, &question(&request, rows))
    }

    fn cursor(signer: &Signer, binding: Binding) -> String {
        issued(signer, binding, None)
    }

    fn issued(signer: &Signer, binding: Binding, held: Option<Held>) -> String {
        let place = PageEnd { sort: serde_json::from_str(VALUES).unwrap(), held };
        signer.issue(binding, &place).unwrap()
    }

    #[test]
    fn sort_values_come_back_digit_by_digit() {
        let (signer, binding) = (Signer::random().unwrap(), binding("contracts", "{}"));
        let opened = signer.open(binding, &cursor(&signer, binding)).unwrap();
        assert_eq!(opened.sort.get(), VALUES);
    }

    #[test]
    fn a_snapshot_travels_with_its_cursor() {
        let (signer, binding) = (Signer::random().unwrap(), binding("contracts", "{}"));
        let index = "contracts-000007".to_owned();
        let held =
            Held { index, pit: "46ToAwM".to_owned(), ticket: u64::MAX, until: 1_796_014_813 };
        let cursor = issued(&signer, binding, Some(held.clone()));
        assert_eq!(signer.open(binding, &cursor).unwrap().held, Some(held));
        let other =
            of(CALLER, "contracts", r#"{"sort": [{"field": "rate"}]}"#, &Filter::everything());
        let mismatch = CursorError::Mismatch { held: Some("contracts-000007".to_owned()) };
        assert_eq!(signer.open(other, &cursor).unwrap_err(), mismatch);
    }

    #[test]
    fn a_cursor_serves_its_own_search_only() {
        let signer = Signer::new(b"0123456789abcdef").unwrap();
        let made_for = binding("contracts", r#"{"filter": {"paid": {"eq": true}}}"#);
        let cursor = cursor(&signer, made_for);
        let open = |alias, body| signer.open(binding(alias, body), &cursor).map(|_| ());
        let same = r#"{"count": "none", "filter": {"paid": {"eq": true}}, "page": {"size": 3}, "fields": ["rate"]}"#;
        assert_eq!(open("contracts", same), Ok(()));
        let others = [
            ("contracts", r#"{"filter": {"paid": {"eq": false}}}"#),
            ("contracts", r#"{"filter": {"paid": {"eq": true}}, "sort": [{"field": "rate"}]}"#),
            ("invoices", r#"{"filter": {"paid": {"eq": true}}}"#),
        ];
        for (alias, body) in others {
            assert_eq!(
                open(alias, body),
                Err(CursorError::Mismatch { held: None }),
                "{alias} {body}"
            );
        }
    }

    #[test]
    fn a_cursor_serves_its_own_caller_only() {
        let signer = Signer::random().unwrap();
        let all = Filter::everything();
        let made_for = of(CALLER, "contracts", "{}", &all);
        let cursor = cursor(&signer, made_for);
        assert!(signer.open(of(CALLER, "contracts", "{}", &all), &cursor).is_ok());
        let none = Filter::Or(Vec::new());
        let strangers = [
            (["viewer", "key", "bob"], &all),
            (["admin", "key", "ada"], &all),
            (["viewer", "token", "ada"], &all),
            (["viewe", "rkey", "ada"], &all),
            (CALLER, &none),
        ];
        for (caller, rows) in strangers {
            let binding = of(caller, "contracts", "{}", rows);
            let mismatch = CursorError::Mismatch { held: None };
            assert_eq!(signer.open(binding, &cursor).unwrap_err(), mismatch, "{caller:?}");
        }
    }

    #[test]
    fn what_was_not_made_here_is_refused() {
        let (signer, binding) = (Signer::random().unwrap(), binding("contracts", "{}"));
        let cursor = cursor(&signer, binding);
        for at in 0..cursor.len() {
            let flip = if cursor.as_bytes()[at] == b'A' { "B" } else { "A" };
            let mut damaged = cursor.clone();
            damaged.replace_range(at..=at, flip);
            assert_eq!(signer.open(binding, &damaged).unwrap_err(), CursorError::Invalid, "{at}");
        }
        for garbage in ["", "A", "!!!", &cursor[..cursor.len() - 4], &format!("{cursor}AAAA")] {
            assert_eq!(signer.open(binding, garbage).unwrap_err(), CursorError::Invalid);
        }
        let stranger = Signer::random().unwrap();
        assert_eq!(stranger.open(binding, &cursor).unwrap_err(), CursorError::Invalid);
    }
}
