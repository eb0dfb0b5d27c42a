//! Reads the JSON body of a search.
//!
//! Promises: a body is either wholly understood or refused with everything that is wrong in it; nothing is ignored.

mod order;
mod words;

use serde_json::value::RawValue;

use super::fault::{Code, Faults, Pointer, Refusal};
use super::fields::Fields;
use super::filter::{self, object};
use super::json::Json;
use super::{Count, DEFAULT_PAGE, Filter, Limits, Page, SearchRequest};
use crate::finding::did_you_mean;

/// The members of a search.
pub const KEYS: [&str; 10] = [
    "filter",
    "sort",
    "page",
    "fields",
    "count",
    "q",
    "highlight",
    "facets",
    "facet_filters",
    "aggregate",
];

/// Reads `body` as a search of documents with these `fields`, within the default limits.
///
/// # Errors
/// Everything that is wrong, with its place.
pub fn parse(fields: &Fields, body: &[u8]) -> Result<SearchRequest, Refusal> {
    parse_within(&Limits::default(), fields, body)
}

/// Reads `body` as a search of documents with these `fields`.
///
/// # Errors
/// Everything that is wrong, with its place.
pub fn parse_within(
    limits: &Limits,
    fields: &Fields,
    body: &[u8],
) -> Result<SearchRequest, Refusal> {
    let root = Pointer::root();
    let raw: &RawValue = serde_json::from_slice(body).map_err(|error| {
        let what = format!("not valid JSON at line {}, column {}", error.line(), error.column());
        Refusal::one(&root, Code::InvalidJson, what, None)
    })?;
    let mut reader = Reader { fields, limits, faults: Faults::default(), leaves: 0 };
    match reader.request(raw, &root) {
        Some(request) if reader.faults.are_none() => Ok(request),
        _ => Err(reader.faults.into_refusal()),
    }
}

/// Reads a filter that stands alone, as the `filter` of a body would be.
///
/// # Errors
/// Everything that is wrong, with its place.
pub fn filter_alone(fields: &Fields, text: &str) -> Result<Filter, Refusal> {
    let at = Pointer::root().join("filter");
    let raw: &RawValue = serde_json::from_str(text)
        .map_err(|_| Refusal::one(&at, Code::InvalidJson, "not valid JSON", None))?;
    let mut faults = Faults::default();
    match filter::read((fields, &Limits::default()), raw, &at, &mut faults) {
        Some(filter) if faults.are_none() => Ok(filter),
        _ => Err(faults.into_refusal()),
    }
}

/// What reads the members of a body; those of a part of its own have a file of their own.
pub(super) struct Reader<'a> {
    pub(super) fields: &'a Fields,
    pub(super) limits: &'a Limits,
    pub(super) faults: Faults,
    /// Comparisons outside of `filter`.
    pub(super) leaves: usize,
}

impl Reader<'_> {
    pub(super) fn unknown_key(&mut self, name: &str, at: &Pointer, known: &[&str]) {
        let what = format!("unknown key `{name}`");
        let hint = || did_you_mean(name, known.iter().copied());
        self.faults.add_with_hint(at, Code::UnknownKey, what, hint);
    }

    pub(super) fn unknown_field(&mut self, name: &str, at: &Pointer) {
        let what = format!("unknown field `{name}`");
        let hint = || self.fields.suggest(None, name);
        self.faults.add_with_hint(at, Code::UnknownField, what, hint);
    }

    fn request(&mut self, raw: &RawValue, at: &Pointer) -> Option<SearchRequest> {
        let mut request = SearchRequest {
            filter: Filter::everything(),
            sort: Vec::new(),
            page: self.first_page(),
            fields: None,
            count: Count::Capped,
            q: None,
            highlight: Vec::new(),
            facets: Vec::new(),
            choices: Vec::new(),
            aggregates: Vec::new(),
        };
        let mut highlight = None;
        for (name, raw) in object(raw, at, &mut self.faults)? {
            let at = at.join(&name);
            match name.as_str() {
                "filter" => {
                    let known = (self.fields, self.limits);
                    let filter = filter::read(known, raw, &at, &mut self.faults);
                    request.filter = filter.unwrap_or(Filter::Or(Vec::new()));
                }
                "sort" => request.sort = self.sort(raw, &at).unwrap_or_default(),
                "page" => request.page = self.page(raw, &at).unwrap_or(request.page),
                "fields" => request.fields = self.paths(raw, &at),
                "count" => request.count = self.count(raw, &at).unwrap_or(Count::None),
                "q" => request.q = self.q(raw, &at),
                "highlight" => highlight = Some((raw, at)),
                "facets" => request.facets = self.facets(raw, &at).unwrap_or_default(),
                "facet_filters" => request.choices = self.choices(raw, &at).unwrap_or_default(),
                "aggregate" => request.aggregates = self.aggregates(raw, &at).unwrap_or_default(),
                _ => self.unknown_key(&name, &at, &KEYS),
            }
        }
        let most = self.limits.comparisons;
        if self.leaves > most {
            let what = format!("more than {most} comparisons beside `filter`");
            self.faults.add(at, Code::LimitExceeded, what);
        }
        if let Some((raw, at)) = highlight {
            request.highlight = self.highlight(raw, &at, request.q.as_ref()).unwrap_or_default();
        }
        Some(request)
    }

    pub(super) fn list<'a>(
        &mut self,
        raw: &'a RawValue,
        at: &Pointer,
        of: &str,
    ) -> Option<Vec<&'a RawValue>> {
        if let Ok(Json::List(elements)) = Json::open(raw) {
            return Some(elements);
        }
        self.faults.add(at, Code::InvalidValue, format!("a list of {of} is expected here"));
        None
    }

    pub(super) fn text(&mut self, raw: &RawValue, at: &Pointer) -> Option<String> {
        if let Ok(Json::Text(text)) = Json::open(raw) {
            return Some(text);
        }
        self.faults.add(at, Code::InvalidValue, "a string is expected here");
        None
    }

    /// A string that is one of a few words.
    pub(super) fn word<T: Copy>(
        &mut self,
        raw: &RawValue,
        at: &Pointer,
        words: &[(&str, T)],
    ) -> Option<T> {
        let text = self.text(raw, at)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meant)| *meant);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let what = format!("{} is expected here", known.join(" or "));
            self.faults.add(at, Code::InvalidValue, what);
        }
        found
    }

    fn count(&mut self, raw: &RawValue, at: &Pointer) -> Option<Count> {
        let words = [("exact", Count::Exact), ("capped", Count::Capped), ("none", Count::None)];
        self.word(raw, at, &words)
    }

    fn first_page(&self) -> Page {
        let size = DEFAULT_PAGE.min(self.limits.page_size);
        Page { size, number: None, skipped: 0, after: None, snapshot: false }
    }

    fn page(&mut self, raw: &RawValue, at: &Pointer) -> Option<Page> {
        let mut page = self.first_page();
        for (name, raw) in object(raw, at, &mut self.faults)? {
            let at = at.join(&name);
            match name.as_str() {
                "size" => page.size = self.page_size(raw, &at).unwrap_or(page.size),
                "after" if raw.get() == "null" => page.after = None,
                "after" => page.after = self.text(raw, &at),
                "number" if raw.get() == "null" => page.number = None,
                "number" => page.number = self.page_number(raw, &at),
                "snapshot" => page.snapshot = self.flag(raw, &at).unwrap_or(false),
                _ => self.unknown_key(&name, &at, &["size", "after", "number", "snapshot"]),
            }
        }
        let before = page.number.map_or(0, |number| number.saturating_sub(1));
        page.skipped = before.saturating_mul(page.size);
        self.page_holds_together(&page, at);
        if page.number.is_some() {
            // The last page ends where pages by number do.
            page.size = page.size.min(self.limits.offset_window.saturating_sub(page.skipped));
        }
        Some(page)
    }

    fn page_holds_together(&mut self, page: &Page, at: &Pointer) {
        let Limits { offset_window, .. } = self.limits;
        let (key, code, what, hint) = if page.number.is_some() && page.after.is_some() {
            let what = "`number` and `after` exclude each other".to_owned();
            ("number", Code::InvalidValue, what, "a cursor knows its place already")
        } else if page.number.is_some() && page.snapshot {
            let what = "a snapshot has no pages by number".to_owned();
            ("snapshot", Code::InvalidValue, what, "go on with `page.after`")
        } else if page.size == 0 && page.snapshot {
            let what = "a snapshot is for pages with rows".to_owned();
            ("snapshot", Code::InvalidValue, what, "leave it out, or ask for rows")
        } else if page.skipped >= *offset_window {
            let what = format!("pages by number reach the first {offset_window} rows");
            (
                "number",
                Code::LimitExceeded,
                what,
                "go on with `page.after`, the cursor of `page.next`",
            )
        } else {
            return;
        };
        self.faults.add_with_hint(&at.join(key), code, what, || hint);
    }

    fn page_number(&mut self, raw: &RawValue, at: &Pointer) -> Option<usize> {
        let number = whole(raw).filter(|number| *number > 0);
        if number.is_none() {
            let what = "a whole number from 1 is expected here";
            self.faults.add(at, Code::InvalidValue, what);
        }
        number
    }

    fn flag(&mut self, raw: &RawValue, at: &Pointer) -> Option<bool> {
        if let Ok(Json::Bool(flag)) = Json::open(raw) {
            return Some(flag);
        }
        self.faults.add(at, Code::InvalidValue, "true or false is expected here");
        None
    }

    fn page_size(&mut self, raw: &RawValue, at: &Pointer) -> Option<usize> {
        let most = self.limits.page_size;
        match whole(raw) {
            None => {
                let what = format!("a whole number from 0 to {most} is expected here");
                self.faults.add(at, Code::InvalidValue, what);
                None
            }
            Some(size) if size <= most => Some(size),
            Some(_) => {
                let what = format!("a page has at most {most} rows");
                let hint = || "fetch the rest with `page.after`";
                self.faults.add_with_hint(at, Code::LimitExceeded, what, hint);
                None
            }
        }
    }

    fn paths(&mut self, raw: &RawValue, at: &Pointer) -> Option<Vec<String>> {
        let mut paths = Vec::new();
        for (number, raw) in self.list(raw, at, "fields")?.into_iter().enumerate() {
            let at = at.join(number);
            let Some(name) = self.text(raw, &at) else { continue };
            if !self.fields.shows(&name) {
                let what = format!("unknown field `{name}`");
                let hint = || self.fields.suggest_shown(&name);
                self.faults.add_with_hint(&at, Code::UnknownField, what, hint);
            }
            paths.push(name);
        }
        Some(paths)
    }
}

/// A whole number; one that is beyond all limits is the greatest there is.
fn whole(raw: &RawValue) -> Option<usize> {
    match Json::open(raw) {
        Ok(Json::Number(text)) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(text.parse().unwrap_or(usize::MAX))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
