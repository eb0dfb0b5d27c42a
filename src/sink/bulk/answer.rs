//! What the engine says to a bulk request, taken apart. Pure.
//!
//! Promises: answers are matched by position and told apart by the error's type before its status. Never lets a reason's
//! text out: it quotes values. Of it only the name of a field is kept.

use std::borrow::Cow;

use serde::Deserialize;

use crate::sink::error::EngineError;

/// What to ask of a bulk request's answer: enough to judge every item.
pub(super) const FILTER: &str =
    "errors,items.*.status,items.*.error.type,items.*.error.reason,items.*.error.index";

/// What became of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The index holds what was sent, or no longer holds what was to be deleted.
    Applied,
    /// The index holds something newer: of this version, where the engine told it.
    Stale(Option<u64>),
    /// The engine refuses this document for its own sake.
    Rejected(Rejection),
    /// It was not sent: see [`super::BulkBody::leave_out`].
    LeftOut,
}

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The engine's `error.type`, or one of ours: `empty_id`, `id_too_long`, `duplicate_id`, `request_too_large`,
    /// `too_many_nested_objects`, `too_many_array_objects`.
    pub error_type: String,
    /// Path of the field at fault, where it is told.
    pub field: Option<String>,
}

/// What to do about one operation.
#[derive(Debug)]
pub enum Verdict {
    /// It is answered for.
    Done(Outcome),
    /// Send it again, later.
    Again(EngineError),
}

/// What an error asks for.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(super) enum Remedy {
    /// Leave the document out.
    Reject,
    /// Try again later.
    Retry,
    /// Send less at a time.
    Split,
    /// Nothing will go better: end the run.
    Stop,
}

/// The remedy for an error, of an item or of a whole request.
pub(super) fn remedy(status: u16, error_type: &str) -> Remedy {
    match (error_type, status) {
        // Some of these come as 400 or 429, as a bad document or a busy engine would.
        (
            "cluster_block_exception"
            | "index_not_found_exception"
            | "index_closed_exception"
            | "invalid_index_name_exception"
            | "security_exception"
            | "validation_exception",
            _,
        ) => Remedy::Stop,
        (_, 400) => Remedy::Reject,
        (_, 413) => Remedy::Split,
        (_, 408 | 429 | 500..) => Remedy::Retry,
        _ => Remedy::Stop,
    }
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    items: Vec<Item<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Item<'a> {
    Index(#[serde(borrow)] ItemAnswer<'a>),
    Delete(#[serde(borrow)] ItemAnswer<'a>),
}

#[derive(Deserialize)]
struct ItemAnswer<'a> {
    status: u16,
    #[serde(borrow)]
    error: Option<ItemError<'a>>,
}

#[derive(Deserialize)]
struct ItemError<'a> {
    #[serde(rename = "type", borrow)]
    error_type: Cow<'a, str>,
    /// What was thrown without a message has none.
    reason: Option<String>,
    index: Option<String>,
}

impl ItemError<'_> {
    fn reason(&self) -> &str {
        self.reason.as_deref().unwrap_or_default()
    }
}

/// Why an answer cannot be used.
#[derive(Debug)]
pub enum Unusable {
    /// It is no bulk answer at all; another try may bring one.
    Garbage,
    /// It answers for another number of operations.
    Count,
    /// It tells of something that no repetition mends.
    Stop(EngineError),
}

/// One verdict for each of the operations whose versions are given.
///
/// # Errors
/// When the answer is none to these operations, or says that nothing will go better.
pub fn verdicts(operation: &str, body: &[u8], versions: &[u64]) -> Result<Vec<Verdict>, Unusable> {
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|_| Unusable::Garbage)?;
    if answer.items.len() != versions.len() {
        return Err(Unusable::Count);
    }
    let pairs = answer.items.iter().zip(versions);
    pairs.map(|(item, &version)| verdict(operation, item, version)).collect()
}

fn verdict(operation: &str, item: &Item<'_>, version: u64) -> Result<Verdict, Unusable> {
    let (answer, deletion) = match item {
        Item::Index(answer) => (answer, false),
        Item::Delete(answer) => (answer, true),
    };
    let refused = |error: Option<&ItemError<'_>>| EngineError::Refused {
        operation: operation.to_owned(),
        status: answer.status,
        error_type: error.map(|error| error.error_type.clone().into_owned()).unwrap_or_default(),
        cause: None,
        index: error.and_then(|error| error.index.clone()),
    };
    let Some(error) = &answer.error else {
        return match answer.status {
            200..300 => Ok(Verdict::Done(Outcome::Applied)),
            // `not_found`: there is nothing to delete.
            404 if deletion => Ok(Verdict::Done(Outcome::Applied)),
            _ => Err(Unusable::Stop(refused(None))),
        };
    };
    if error.error_type == "version_conflict_engine_exception" {
        return Ok(Verdict::Done(conflict(error.reason(), version)));
    }
    match remedy(answer.status, &error.error_type) {
        Remedy::Reject | Remedy::Split => {
            Ok(Verdict::Done(Outcome::Rejected(rejection(&error.error_type, error.reason()))))
        }
        Remedy::Retry => Ok(Verdict::Again(refused(Some(error)))),
        Remedy::Stop => Err(Unusable::Stop(refused(Some(error)))),
    }
}

/// Versions are drawn once, so a document that has ours already was written by us: its answer got lost, and it was sent
/// again.
fn conflict(reason: &str, version: u64) -> Outcome {
    let current =
        reason.rsplit_once("current version [").and_then(|(_, rest)| rest.split_once(']'));
    match current.and_then(|(digits, _)| digits.parse::<u64>().ok()) {
        Some(current) if current == version => Outcome::Applied,
        current => Outcome::Stale(current),
    }
}

/// What a document is refused for that has too many elements, each by how the engine says so. The engines have no type of
/// their own for it; whoever has to mend it needs to know. The settings that allow more are
/// `index.mapping.nested_objects.limit` and, on Elasticsearch, `index.mapping.array_objects.limit`.
const TOO_MANY: [(&str, &str); 2] = [
    (
        "The number of nested documents has exceeded the allowed limit of [",
        "too_many_nested_objects",
    ),
    (
        "The total number of objects across all arrays in the document has exceeded the allowed limit of [",
        "too_many_array_objects",
    ),
];

/// What a refusal is remembered as.
fn rejection(error_type: &str, reason: &str) -> Rejection {
    let said = without_position(reason);
    let too_many = TOO_MANY.iter().find(|(start, _)| said.starts_with(start));
    let error_type = too_many.map_or(error_type, |(_, name)| name);
    Rejection { error_type: error_type.to_owned(), field: field(reason) }
}

/// The field that a reason names. The text is anchored at its start, where the engine's own words are: what follows quotes
/// values, and may say anything.
fn field(reason: &str) -> Option<String> {
    let reason = without_position(reason);
    let between = |start: &str, end: &str| {
        reason.strip_prefix(start).and_then(|rest| rest.split_once(end)).map(|(name, _)| name)
    };
    let name = between("failed to parse field [", "] of type [")
        .or_else(|| between("object mapping for [", "] tried to parse field ["))
        .or_else(|| between("Document contains at least one immense term in field=\"", "\" ("))
        .or_else(|| unknown_within(reason))?;
    let plain = name.len() <= 256 && !name.contains(char::is_control);
    (plain && !name.is_empty()).then(|| name.to_owned())
}

/// The object in which an unknown name was met. The name itself is not told: it is a key of a JSON value, and so data.
fn unknown_within(reason: &str) -> Option<&str> {
    let rest = reason.strip_prefix("mapping set to strict, dynamic introduction of [")?;
    let (_, parent) = rest.strip_suffix("] is not allowed")?.rsplit_once("] within [")?;
    (parent != "_doc").then_some(parent)
}

/// Elasticsearch says first where in the document it was: `[1:7] `.
fn without_position(reason: &str) -> &str {
    let inside = reason.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    match inside {
        Some((place, rest)) if place.bytes().all(|b| b.is_ascii_digit() || b == b':') => rest,
        _ => reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(body: &str, versions: &[u64]) -> Vec<String> {
        let verdicts = verdicts("POST /a/_bulk", body.as_bytes(), versions).unwrap();
        verdicts.iter().map(|verdict| format!("{verdict:?}")).collect()
    }

    fn error(status: u16, error_type: &str, reason: &str) -> String {
        let error = serde_json::json!({"type": error_type, "reason": reason});
        let item = serde_json::json!({"index": {"status": status, "error": error}});
        serde_json::json!({"errors": true, "items": [item]}).to_string()
    }

    #[test]
    fn each_item_is_judged_by_its_type_first() {
        let body = r#"{"errors": true, "items": [{"index": {"status": 201}}, {"delete": {"status": 404}}]}"#;
        assert_eq!(judged(body, &[1, 1]), ["Done(Applied)", "Done(Applied)"]);

        let conflict = "[current version [7]]: version conflict, current version [5] is higher or equal to the one provided [5]";
        let body = error(409, "version_conflict_engine_exception", conflict);
        assert_eq!(judged(&body, &[5]), ["Done(Applied)"]);
        assert_eq!(judged(&body, &[4]), ["Done(Stale(Some(5)))"]);

        // What was thrown without a message has none.
        let body = r#"{"items": [{"index": {"status": 500, "error": {"type": "null_pointer_exception", "reason": null}}},
            {"index": {"status": 400, "error": {"type": "illegal_argument_exception"}}}]}"#;
        let without_reason = judged(body, &[1, 1]);
        assert!(without_reason[0].starts_with("Again"), "{without_reason:?}");
        assert!(without_reason[1].starts_with("Done(Rejected"), "{without_reason:?}");

        let busy = judged(&error(429, "es_rejected_execution_exception", "hunter2"), &[1]);
        assert!(busy[0].starts_with("Again") && !busy[0].contains("hunter2"), "{busy:?}");
        for (status, stopping) in [
            (429, "cluster_block_exception"),
            (404, "index_not_found_exception"),
            (400, "invalid_index_name_exception"),
            (403, "security_exception"),
        ] {
            let body = error(status, stopping, "hunter2");
            let stop = verdicts("POST /a/_bulk", body.as_bytes(), &[1]).unwrap_err();
            assert!(matches!(&stop, Unusable::Stop(error) if error.error_type() == stopping));
        }
    }

    #[test]
    fn an_answer_for_another_number_of_operations_is_none() {
        let body = br#"{"errors": false, "items": [{"index": {"status": 201}}]}"#;
        assert!(matches!(verdicts("", body, &[1, 1]), Err(Unusable::Count)));
        assert!(matches!(verdicts("", b"{}", &[1]), Err(Unusable::Count)));
        assert!(matches!(verdicts("", b"<html>", &[1]), Err(Unusable::Garbage)));
        assert!(matches!(verdicts("", br#"{"items": [1]}"#, &[1]), Err(Unusable::Garbage)));
    }

    #[test]
    fn too_many_elements_are_called_so() {
        let limit = "The number of nested documents has exceeded the allowed limit of [10000]. This limit can be \
            set by changing the [index.mapping.nested_objects.limit] index level setting.";
        let told = |error_type, reason: &str| judged(&error(400, error_type, reason), &[1]);
        let named =
            [r#"Done(Rejected(Rejection { error_type: "too_many_nested_objects", field: None }))"#];
        assert_eq!(told("mapper_parsing_exception", limit), named);
        assert_eq!(told("document_parsing_exception", &format!("[1:118900] {limit}")), named);
        let arrays = "[1:638900] The total number of objects across all arrays in the document has exceeded the \
            allowed limit of [50000]. This limit can be set by changing the [index.mapping.array_objects.limit] \
            index level setting.";
        assert!(
            told("document_parsing_exception", arrays)[0].contains("\"too_many_array_objects\"")
        );
        // A value may say so too.
        let quoted = format!(
            "failed to parse field [x] of type [long]. Preview of field's value: '{limit}'"
        );
        assert_eq!(
            told("document_parsing_exception", &quoted),
            [
                r#"Done(Rejected(Rejection { error_type: "document_parsing_exception", field: Some("x") }))"#
            ]
        );
    }

    #[test]
    fn of_a_reason_only_the_fields_name_is_kept() {
        let told = |reason| field(reason).unwrap_or_default();
        for (reason, name) in [
            (
                "failed to parse field [o.x] of type [long] in document with id '2'. Preview of field's value: 'y] of type [z'",
                "o.x",
            ),
            (
                "[1:7] failed to parse field [n] of type [long] in document with id '2'. Preview of field's value: 'x'",
                "n",
            ),
            (
                "[1:7] object mapping for [o] tried to parse field [o] as object, but found a concrete value",
                "o",
            ),
            (
                "Document contains at least one immense term in field=\"k\" (whose UTF8 encoding is longer",
                "k",
            ),
            (
                "[1:13] mapping set to strict, dynamic introduction of [hunter2] within [x] within [o] is not allowed",
                "o",
            ),
            (
                "mapping set to strict, dynamic introduction of [hunter2] within [_doc] is not allowed",
                "",
            ),
            ("some value: failed to parse field [hunter2] of type [long]", ""),
            ("failed to parse", ""),
        ] {
            assert_eq!(told(reason), name, "{reason}");
        }
    }
}
