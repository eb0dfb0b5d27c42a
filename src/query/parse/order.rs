//! Reads the `sort` of a body.
//!
//! Promises: a key has one value for each document, also where a list has many: then the key says which one.

use serde_json::value::RawValue;

use super::Reader;
use crate::query::fault::{Code, Pointer};
use crate::query::fields::{Fields, Known, Shape};
use crate::query::filter::{cannot_serve, object, read_of};
use crate::query::{Agg, Filter, Limits, Order, Pick, Sort, Target};

const KEYS: [&str; 5] = ["field", "order", "nulls", "agg", "where"];

/// A key as it is written, its field apart.
struct Written<'a> {
    order: Order,
    agg: Option<Agg>,
    like: Option<(&'a RawValue, Pointer)>,
}

impl Reader<'_> {
    pub(super) fn sort(&mut self, raw: &RawValue, at: &Pointer) -> Option<Vec<Sort>> {
        let elements = self.list(raw, at, "sort keys")?;
        let Limits { sort_keys, .. } = self.limits;
        if elements.len() > *sort_keys {
            self.faults.add(at, Code::LimitExceeded, format!("more than {sort_keys} sort keys"));
            return None;
        }
        let mut sort: Vec<Sort> = Vec::new();
        for (number, raw) in elements.into_iter().enumerate() {
            let at = at.join(number);
            let Some(key) = self.sort_key(raw, &at) else { continue };
            if sort.iter().any(|other| other.field.path == key.field.path) {
                let what = format!("`{}` is sorted by already", key.field.path);
                self.faults.add(&at.join("field"), Code::InvalidValue, what);
            } else if key.pick.is_some() && sort.iter().any(|other| other.pick.is_some()) {
                let what = "more than one sort key that looks into a list";
                self.faults.add(&at, Code::LimitExceeded, what);
            }
            sort.push(key);
        }
        Some(sort)
    }

    fn sort_key(&mut self, raw: &RawValue, at: &Pointer) -> Option<Sort> {
        let mut field = None;
        let mut written = Written { order: Order::Asc, agg: None, like: None };
        for (name, raw) in object(raw, at, &mut self.faults)? {
            let at = at.join(&name);
            match name.as_str() {
                "field" => field = Some((self.text(raw, &at), at)),
                "order" => {
                    let words = [("asc", Order::Asc), ("desc", Order::Desc)];
                    written.order = self.word(raw, &at, &words).unwrap_or(Order::Asc);
                }
                "nulls" => {
                    self.word(raw, &at, &[("last", ())]);
                }
                "agg" => written.agg = self.word(raw, &at, &[("max", Agg::Max), ("min", Agg::Min)]),
                "where" => written.like = Some((raw, at)),
                _ => self.unknown_key(&name, &at, &KEYS),
            }
        }
        match field {
            Some((name, at)) => self.sort_by(&name?, &at, &written),
            None => {
                self.faults.add(at, Code::InvalidValue, "`field` is missing");
                None
            }
        }
    }

    fn sort_by(&mut self, name: &str, at: &Pointer, written: &Written<'_>) -> Option<Sort> {
        let fields = self.fields;
        let Some(known) = fields.get(name) else {
            self.unknown_field(name, at);
            return None;
        };
        let Shape::Value(value) = &known.shape else {
            let what = format!("`{name}` is no value to sort by");
            let hint = || "name a field in it, with a dot";
            self.faults.add_with_hint(at, Code::FieldCannotServe, what, hint);
            return None;
        };
        let pick = self.pick(known, at, written)?;
        let (Some(kind), Some(engine)) = (value.kind, &value.sort) else {
            cannot_serve(known, value, "sorted by", (at, &mut self.faults));
            return None;
        };
        let field = Target { path: name.to_owned(), engine: engine.clone(), kind };
        Some(Sort { field, order: written.order, pick })
    }

    /// Which of the elements' values stands for the document; none for a field outside of lists.
    #[expect(clippy::option_option, reason = "a fault is something else than no list")]
    fn pick(&mut self, known: &Known, at: &Pointer, written: &Written<'_>) -> Option<Option<Pick>> {
        let (path, asks) = (&known.path, written.agg.is_some() || written.like.is_some());
        let Some(list) = &known.list else {
            if asks {
                let what = format!("`{path}` does not belong to the elements of a list");
                let hint = || "leave out `agg` and `where`";
                self.faults.add_with_hint(at, Code::InvalidValue, what, hint);
                return None;
            }
            return Some(None);
        };
        let (what, hint) = match written.agg {
            Some(agg) if !is_within(self.fields, list) => {
                return Some(Some(self.picked(list, agg, written)?));
            }
            Some(_) => (
                format!("`{path}` belongs to lists in lists: they are not sorted by"),
                "sort by a computed field",
            ),
            None => (
                format!("`{path}` belongs to the elements of a list: one document has many"),
                r#"add "agg": "max" or "min"; or sort by a computed field"#,
            ),
        };
        self.faults.add_with_hint(at, Code::FieldCannotServe, what, || hint);
        None
    }

    fn picked(&mut self, list: &str, agg: Agg, written: &Written<'_>) -> Option<Pick> {
        let filter = match &written.like {
            Some((raw, at)) => {
                let known = (self.fields, self.limits);
                read_of(known, Some(list), (raw, at), &mut self.faults)?
            }
            None => Filter::everything(),
        };
        Some(Pick { list: list.to_owned(), agg, filter })
    }
}

fn is_within(fields: &Fields, list: &str) -> bool {
    fields.get(list).is_some_and(|list| list.list.is_some())
}
