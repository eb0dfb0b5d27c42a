//! Filling bodies: a root with all that is joined to it becomes a document in the body that it will be sent with.
//!
//! Promises: the document is in the body, or the body is as it was and the reason is told, by the field and never by its
//! value. Sends nothing, and never says when a body is full: that is up to whoever sends it.

use super::report::now;
use crate::assemble::{Assembler, Masking, Refused};
use crate::config::LoadConfig;
use crate::hydrate::Level;
use crate::plan::Plan;
use crate::sink::bulk::BulkBody;

/// A root that becomes no document, and why.
pub(super) struct Unfit {
    /// The document's id; empty when the root has none.
    pub(super) id: String,
    /// What the matter is, as the engine would name it or as we do.
    pub(super) error_type: String,
    /// Where, if it is in one place.
    pub(super) field: Option<String>,
}

/// Fills bodies with the documents of one plan.
pub(super) struct Filler<'p> {
    assembler: Assembler<'p>,
    id: String,
}

impl<'p> Filler<'p> {
    /// A filler for documents that are built now.
    pub(super) fn new(plan: &'p Plan, masking: Option<Masking>, load: LoadConfig) -> Self {
        let assembler = Assembler::new(plan, masking, &now(), load.page_bytes);
        Self { assembler, id: String::new() }
    }

    /// The digest of the document that was put last.
    pub(super) fn digest(&self) -> i64 {
        self.assembler.digest()
    }

    /// Puts the document of one of the `roots` into `body`.
    pub(super) fn put(
        &mut self,
        body: &mut BulkBody,
        version: u64,
        (roots, row): (&Level, usize),
    ) -> Result<(), Unfit> {
        let Self { assembler, id } = self;
        if !assembler.id(roots, row, id) {
            // The server holds a value that has no text here: a zero date, an infinity.
            let error_type = "no_key".to_owned();
            return Err(Unfit { id: String::new(), error_type, field: None });
        }
        let put = body.put(id, version, |out| assembler.document(roots, row, id, out));
        put.map_err(|Refused { field, what }| {
            let (id, field) = (id.clone(), Some(field));
            Unfit { id, error_type: what, field }
        })
    }
}
