//! Rows as packages want them.
//!
//! Promises: each row has an `id` by which its document is found. A document's own `id` stays what it is, a number perhaps, where
//! it is shown and the same, and is left out where it is another; everything else is kept byte by byte.

use serde_json::Value;
use serde_json::value::RawValue;

use super::NAME_OF_ID;
use crate::query::fields::ID;
use crate::query::json::Members;

/// Writes the row with `id` for `_id`.
///
/// # Errors
/// When `row` is no JSON object.
pub fn row(row: &str, out: &mut String) -> serde_json::Result<()> {
    let Members(members) = serde_json::from_str::<Members<&RawValue>>(row)?;
    let id = members.iter().find(|(name, _)| name == ID).map_or("null", |(_, id)| id.get());
    let own = members.iter().find(|(name, _)| name == NAME_OF_ID).map(|(_, own)| own.get());
    // As a text it is `"17"`, and as a number `17`.
    let same = own.filter(|own| *own == id || id.trim_matches('"') == *own);
    out.extend(["{\"", NAME_OF_ID, "\":", same.unwrap_or(id)]);
    for (name, value) in &members {
        if name != ID && name != NAME_OF_ID {
            out.extend([",", &Value::from(name.as_str()).to_string(), ":", value.get()]);
        }
    }
    out.push('}');
    Ok(())
}
