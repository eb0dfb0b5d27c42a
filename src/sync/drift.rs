//! Whether an index can be gone on with: the columns that its job uses, the zones of clocks and the key of masked fields must
//! be what they were when it was begun.
//!
//! Promises: it is told before anything is read, so that no index holds documents of two kinds. Pure.

use sha2::{Digest, Sha256};

use super::Engine;
use crate::finding::{Code, Finding};
use crate::plan::changed;
use crate::row::Type;
use crate::state::IndexState;

/// Tells apart what the same job makes of other types, zones or keys.
pub(super) fn rows_by(engine: &Engine) -> String {
    let mut hash = Sha256::new();
    let mut masks = false;
    for node in engine.plan.root.walk() {
        masks |= node.fields.iter().any(|field| field.mask);
        for column in &node.read.columns {
            let zone = column.zone.as_ref().and_then(|zone| zone.iana_name());
            // A text that may be longer now, or an integer that may be greater, is what it was.
            let own = matches!(column.ty, Type::Other | Type::Any).then_some(&*column.native);
            let ty = column.ty.to_string();
            let parts =
                [&*node.path, &*column.name, &*ty, own.unwrap_or(""), zone.unwrap_or_default()];
            parts.iter().for_each(|part| hash.update(format!("{}:{part}", part.len())));
        }
    }
    let masking = engine.masking.as_ref().filter(|_| masks);
    hash.update(masking.map(|masking| masking.of("which key?")).unwrap_or_default());
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Whether rows become what they became when the index was begun.
pub(super) fn is_read_alike(state: &IndexState, engine: &Engine) -> bool {
    state.rows_by == rows_by(engine)
}

/// The first column that has changed its type since the index was begun.
pub(super) fn retyped(state: &IndexState, engine: &Engine) -> Option<Finding> {
    // What the job does not name any more may go: what it names and is gone keeps it from being planned.
    let findings = changed(&state.columns, engine.plan.columns());
    findings.into_iter().find(|finding| finding.code == Code::ColumnChanged)
}

/// What keeps a complete index from being kept in step, by the job that built it.
pub(super) fn keeps_from_sync(index: &str, state: &IndexState, engine: &Engine) -> Option<Finding> {
    let job = &engine.plan.job;
    if let Some(retyped) = retyped(state, engine) {
        return Some(retyped.hint(format!(
            "correct the job and its mapping where they need it, then: `prejoin reindex {job} --allow-schema-change`"
        )));
    }
    if is_read_alike(state, engine) {
        return None;
    }
    let what = format!(
        "a time zone or the key of masked fields is not what it was when {index} was built"
    );
    let hint = format!("put it back, or build the index anew: `prejoin reindex {job}`");
    Some(Finding::error(what).hint(hint))
}
