//! Reads the JSON body of a search.
//!
//! Promises: a body is either wholly understood or refused with everything that is wrong in it; nothing is ignored.

use serde_json::value::RawValue;

use super::fault::{Code, Fault, Pointer, Refusal};
use super::fields::{Fields, Found, Shape};
use super::filter::{self, cannot_serve, object};
use super::json::Json;
use super::{
    Count, DEFAULT_PAGE, Filter, MAX_PAGE, MAX_SORT, Order, Page, SearchRequest, Sort, Target,
};
use crate::finding::did_you_mean;

const KEYS: [&str; 5] = ["filter", "sort", "page", "fields", "count"];

/// Reads `body` as a search of documents with these `fields`.
///
/// # Errors
/// Everything that is wrong, with its place.
pub fn parse(fields: &Fields, body: &[u8]) -> Result<SearchRequest, Refusal> {
    let root = Pointer::root();
    let raw: &RawValue = serde_json::from_slice(body).map_err(|error| {
        let what = format!("not valid JSON at line {}, column {}", error.line(), error.column());
        Fault::new(&root, Code::InvalidJson, what)
    })?;
    let mut reader = Reader { fields, faults: Vec::new() };
    let request = reader.request(raw, &root);
    match request {
        Some(request) if reader.faults.is_empty() => Ok(request),
        _ => Err(Refusal { faults: reader.faults }),
    }
}

struct Reader<'a> {
    fields: &'a Fields,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&mut self, at: &Pointer, code: Code, what: impl Into<String>, hint: &str) {
        let fault = Fault::new(at, code, what);
        self.faults.push(if hint.is_empty() { fault } else { fault.hint(hint) });
    }

    fn unknown(&mut self, name: &str, at: &Pointer, known: &[&str]) {
        let hint = did_you_mean(name, known.iter().copied());
        self.fault(at, Code::UnknownKey, format!("unknown key `{name}`"), &hint);
    }

    fn request(&mut self, raw: &RawValue, at: &Pointer) -> Option<SearchRequest> {
        let mut request = SearchRequest {
            filter: Filter::everything(),
            sort: Vec::new(),
            page: Page { size: DEFAULT_PAGE, after: None },
            fields: None,
            count: Count::Capped,
        };
        for (name, raw) in object(raw, at, &mut self.faults)? {
            let at = at.join(&name);
            match name.as_str() {
                "filter" => {
                    let filter = filter::read(self.fields, raw, &at, &mut self.faults);
                    request.filter = filter.unwrap_or(Filter::Or(Vec::new()));
                }
                "sort" => request.sort = self.sort(raw, &at).unwrap_or_default(),
                "page" => request.page = self.page(raw, &at).unwrap_or(request.page),
                "fields" => request.fields = self.paths(raw, &at),
                "count" => request.count = self.count(raw, &at).unwrap_or(Count::None),
                _ => self.unknown(&name, &at, &KEYS),
            }
        }
        Some(request)
    }

    fn list<'a>(&mut self, raw: &'a RawValue, at: &Pointer, of: &str) -> Option<Vec<&'a RawValue>> {
        if let Ok(Json::List(elements)) = Json::open(raw) {
            return Some(elements);
        }
        self.fault(at, Code::InvalidValue, format!("a list of {of} is expected here"), "");
        None
    }

    fn text(&mut self, raw: &RawValue, at: &Pointer) -> Option<String> {
        if let Ok(Json::Text(text)) = Json::open(raw) {
            return Some(text);
        }
        self.fault(at, Code::InvalidValue, "a string is expected here", "");
        None
    }

    /// A string that is one of a few words.
    fn word<T: Copy>(&mut self, raw: &RawValue, at: &Pointer, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(raw, at)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meant)| *meant);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let what = format!("one of {} is expected here", known.join(", "));
            self.fault(at, Code::InvalidValue, what, "");
        }
        found
    }

    fn count(&mut self, raw: &RawValue, at: &Pointer) -> Option<Count> {
        let words = [("exact", Count::Exact), ("capped", Count::Capped), ("none", Count::None)];
        self.word(raw, at, &words)
    }

    fn sort(&mut self, raw: &RawValue, at: &Pointer) -> Option<Vec<Sort>> {
        let elements = self.list(raw, at, "sort keys")?;
        if elements.len() > MAX_SORT {
            self.fault(at, Code::LimitExceeded, format!("more than {MAX_SORT} sort keys"), "");
            return None;
        }
        let mut sort: Vec<Sort> = Vec::new();
        for (number, raw) in elements.into_iter().enumerate() {
            let at = at.join(number);
            let Some(key) = self.sort_key(raw, &at) else { continue };
            if sort.iter().any(|other| other.field.path == key.field.path) {
                let what = format!("`{}` is sorted by already", key.field.path);
                self.fault(&at.join("field"), Code::InvalidValue, what, "");
            }
            sort.push(key);
        }
        Some(sort)
    }

    fn sort_key(&mut self, raw: &RawValue, at: &Pointer) -> Option<Sort> {
        let mut field = None;
        let mut order = Order::Asc;
        for (name, raw) in object(raw, at, &mut self.faults)? {
            let at = at.join(&name);
            match name.as_str() {
                "field" => field = Some(self.sort_field(raw, &at)),
                "order" => {
                    let words = [("asc", Order::Asc), ("desc", Order::Desc)];
                    order = self.word(raw, &at, &words).unwrap_or(order);
                }
                "nulls" => {
                    self.word(raw, &at, &[("last", ())]);
                }
                _ => self.unknown(&name, &at, &["field", "order", "nulls"]),
            }
        }
        if field.is_none() {
            self.fault(at, Code::InvalidValue, "`field` is missing", "");
        }
        Some(Sort { field: field??, order })
    }

    fn sort_field(&mut self, raw: &RawValue, at: &Pointer) -> Option<Target> {
        let name = self.text(raw, at)?;
        let fields = self.fields;
        let Some(known) = fields.get(&name) else {
            let hint = fields.suggest(None, &name);
            self.fault(at, Code::UnknownField, format!("unknown field `{name}`"), &hint);
            return None;
        };
        let (what, hint) = match (&known.shape, fields.find(None, &name)) {
            (Shape::Value(value), Found::Here(_)) => match (value.kind, &value.sort) {
                (Some(kind), Some(engine)) => {
                    return Some(Target { path: name, engine: engine.clone(), kind });
                }
                _ => cannot_serve(known, value, "sorted by"),
            },
            (Shape::Value(_), _) => (
                format!("`{name}` belongs to the elements of a list: one document has many"),
                "sort by a computed field, such as the greatest or the sum of the list's values",
            ),
            (Shape::List | Shape::Object, _) => {
                (format!("`{name}` is no value to sort by"), "name a field in it, with a dot")
            }
        };
        self.fault(at, Code::FieldCannotServe, what, hint);
        None
    }

    fn page(&mut self, raw: &RawValue, at: &Pointer) -> Option<Page> {
        let mut page = Page { size: DEFAULT_PAGE, after: None };
        for (name, raw) in object(raw, at, &mut self.faults)? {
            let at = at.join(&name);
            match name.as_str() {
                "size" => page.size = self.page_size(raw, &at).unwrap_or(page.size),
                "after" if raw.get() == "null" => page.after = None,
                "after" => page.after = self.text(raw, &at),
                _ => self.unknown(&name, &at, &["size", "after"]),
            }
        }
        Some(page)
    }

    fn page_size(&mut self, raw: &RawValue, at: &Pointer) -> Option<usize> {
        let number = match Json::open(raw) {
            Ok(Json::Number(text)) if text.bytes().all(|byte| byte.is_ascii_digit()) => text,
            _ => "0",
        };
        match number.parse::<usize>() {
            Ok(0) => {
                let what = format!("a whole number from 1 to {MAX_PAGE} is expected here");
                self.fault(at, Code::InvalidValue, what, "");
                None
            }
            Ok(size) if size <= MAX_PAGE => Some(size),
            _ => {
                let what = format!("a page has at most {MAX_PAGE} rows");
                self.fault(at, Code::LimitExceeded, what, "fetch the rest with `page.after`");
                None
            }
        }
    }

    fn paths(&mut self, raw: &RawValue, at: &Pointer) -> Option<Vec<String>> {
        let mut paths = Vec::new();
        for (number, raw) in self.list(raw, at, "fields")?.into_iter().enumerate() {
            let at = at.join(number);
            let Some(name) = self.text(raw, &at) else { continue };
            if self.fields.get(&name).is_none() {
                let hint = self.fields.suggest(None, &name);
                self.fault(&at, Code::UnknownField, format!("unknown field `{name}`"), &hint);
            }
            paths.push(name);
        }
        Some(paths)
    }
}
