//! Cells become JSON text: one row's own fields, converted, composed and masked as the plan says.
//!
//! Promises: pure; text is written where it will be sent from, never held as a tree. A value that does not fit its declared
//! type refuses the object it stands in and names the field, never the value.

mod json;
mod value;

pub(crate) use json::Json;
pub use value::Masking;
pub(crate) use value::Values;

use crate::plan::Node;
use crate::row::RowRef;

/// Why a row did not become a document, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}`: {what}")]
pub struct Refused {
    /// Dotted path of the field.
    pub field: String,
    /// What does not fit, without the value.
    pub what: String,
}

/// The error type of a value that its server sent and that is not what it should be.
const UNDECODABLE: &str = "undecodable";

impl Refused {
    /// A field of `node`, or all of it where none is named, refuses for what is wrong with its value.
    pub(crate) fn at(node: &Node, field: &str, what: &str) -> Self {
        let field = match node.path.as_str() {
            "" => field.to_owned(),
            path if field.is_empty() => path.to_owned(),
            path => format!("{path}.{field}"),
        };
        Self { field, what: what.to_owned() }
    }
}

impl Values {
    /// Writes the members of a row's object that are its own fields.
    ///
    /// # Errors
    /// When a value does not fit.
    pub(crate) fn fields(
        &mut self,
        node: &Node,
        row: RowRef<'_>,
        json: &mut Json<'_>,
    ) -> Result<(), Refused> {
        if let Some(column) = row.undecodable() {
            return Err(undecodable(node, column));
        }
        for field in &node.fields {
            json.label(&field.label);
            self.write(field, row, json).map_err(|what| Refused::at(node, &field.name, &what))?;
        }
        Ok(())
    }
}

/// Columns that only join or order count as well: without their values rows would be missing, or be in the wrong place.
fn undecodable(node: &Node, column: usize) -> Refused {
    let field = node.fields.iter().find(|field| field.column == column);
    let name = match (field, node.read.columns.get(column)) {
        (Some(field), _) => &field.name,
        (None, Some(column)) => &column.name,
        (None, None) => "",
    };
    Refused::at(node, name, UNDECODABLE)
}
