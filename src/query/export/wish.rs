//! Reads the body of an export.
//!
//! Promises: what it shares with a search is left to the search's own parser, columns as its `fields`, so that a name is
//! resolved, or unknown, as it is there; faults stand where the caller wrote them. Nothing is ignored.

use serde_json::Value;
use serde_json::value::RawValue;

use super::{Format, MAX_LABEL};
use crate::finding::did_you_mean;
use crate::query::SEARCH_KEYS;
use crate::query::fault::{Code, Faults, Pointer, Refusal};
use crate::query::filter::object;
use crate::query::json::Json;

/// Members that a search does not have.
const OWN: [&str; 4] = ["format", "columns", "explode", "limit"];
/// Members of a search that say which of the rows, or what beside them.
const NONE_OF_OURS: [(&str, &str); 5] = [
    ("page", "an export has every row; `limit` bounds them"),
    ("count", "an export has every row"),
    ("facets", "ask a search for them"),
    ("aggregate", "ask a search for it"),
    ("highlight", "ask a search for it"),
];
/// The document's id, which is no field.
pub(super) const ID: &str = "_id";

/// An export as its caller asks for it, its names not resolved yet.
#[derive(Debug)]
pub struct Wish {
    /// What the file is to be.
    pub format: Format,
    /// Most documents.
    pub limit: Option<u64>,
    /// The body of the search whose rows are wanted.
    pub search: Vec<u8>,
    /// The columns; without, all that is shown.
    pub(super) columns: Option<Vec<Asked>>,
    /// The list whose elements get a row each, and where it is named.
    pub(super) explode: Option<(String, Pointer)>,
    faults: Option<Refusal>,
    /// Where the search's fields are named.
    named: Vec<Pointer>,
    /// Whether the last of them is only there so that the list's elements are.
    pub(super) shows_list: bool,
}

/// A column as it is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) heading: Option<String>,
    pub(super) form: Option<AskedForm>,
    /// What is to stand between its values, and where that is said.
    pub(super) separator: Option<(String, Pointer)>,
    /// Where its path is written.
    pub(super) at: Pointer,
    /// Where its heading is, or would be.
    pub(super) heading_at: Pointer,
}

/// What is to become of its values, if that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AskedForm {
    Joined,
    Count,
    Sum,
}

impl Wish {
    /// Whether that member of a search is one of an export too.
    pub fn takes(name: &str) -> bool {
        (name == "view" || SEARCH_KEYS.contains(&name))
            && !NONE_OF_OURS.iter().any(|(none, _)| *none == name)
    }

    /// Reads `body`. What is wrong with it is told by [`Wish::table`], or [`Wish::tell`], together with what is wrong with the
    /// search.
    pub fn read(body: &[u8]) -> Self {
        let mut wish = Self {
            format: Format::Csv,
            limit: None,
            search: body.to_vec(),
            columns: None,
            explode: None,
            faults: None,
            named: Vec::new(),
            shows_list: false,
        };
        let root = Pointer::root();
        // What is no object, or not even JSON, is for the search's parser to tell.
        let Ok(raw) = serde_json::from_slice::<&RawValue>(body) else { return wish };
        if !matches!(Json::open(raw), Ok(Json::Object(_))) {
            return wish;
        }
        let mut reader = Reader { faults: Faults::default() };
        let Some(members) = object(raw, &root, &mut reader.faults) else {
            return wish;
        };
        let mut search: Vec<(&str, String)> = Vec::new();
        for (name, raw) in &members {
            reader.member(&mut wish, (name, raw), &root, &mut search);
        }
        if let Some(columns) = &wish.columns {
            let fields = columns.iter().filter(|column| column.path != ID);
            wish.named = fields.clone().map(|column| column.at.clone()).collect();
            let paths: Vec<&str> = fields.map(|column| column.path.as_str()).collect();
            if search.iter().any(|(name, _)| *name == "fields") {
                let what = "`columns` and `fields` exclude each other";
                let hint = || "name the paths once, as `columns`";
                reader.faults.add_with_hint(&root.join("columns"), Code::InvalidValue, what, hint);
                search.retain(|(name, _)| *name != "fields");
            }
            search.push(("fields", Value::from(paths).to_string()));
        }
        let fields = search.iter_mut().find(|(name, _)| *name == "fields");
        if let Some((_, fields)) = fields {
            wish.show_list(fields);
        }
        let members = search.iter().map(|(name, raw)| format!("{}:{raw}", Value::from(*name)));
        wish.search = format!("{{{}}}", members.collect::<Vec<_>>().join(",")).into_bytes();
        if !reader.faults.are_none() {
            wish.faults = Some(reader.faults.into_refusal());
        }
        wish
    }

    /// Adds the list to the search's `fields`, where none of them is of it: its elements are lines, whatever is shown of them.
    fn show_list(&mut self, fields: &mut String) {
        let Some((list, at)) = &self.explode else { return };
        // Of what is no list of texts, the search's parser tells.
        let Ok(mut paths) = serde_json::from_str::<Vec<String>>(fields) else { return };
        if paths.iter().any(|path| shows_of(path, list)) {
            return;
        }
        if self.columns.is_none() {
            let at = Pointer::root().join("fields");
            self.named = (0..paths.len()).map(|number| at.join(number)).collect();
        }
        self.named.push(at.clone());
        paths.push(list.clone());
        *fields = Value::from(paths).to_string();
        self.shows_list = true;
    }

    /// What is wrong with the search, where its caller wrote it, and what else is wrong.
    #[must_use]
    pub fn tell(&self, mut refusal: Refusal) -> Refusal {
        for fault in &mut refusal.faults {
            let number = fault.pointer.strip_prefix("/fields/").and_then(|rest| rest.parse().ok());
            let named = number.and_then(|number: usize| self.named.get(number));
            if let Some(at) = named {
                fault.pointer = at.to_string();
            }
        }
        let own = self.faults.iter().flat_map(|refusal| refusal.faults.iter().cloned());
        Refusal { faults: own.chain(refusal.faults).collect() }
    }

    /// Nothing, if nothing was wrong by itself.
    ///
    /// # Errors
    /// What was.
    pub(super) fn fine(&self) -> Result<(), Refusal> {
        match &self.faults {
            Some(refusal) => Err(refusal.clone()),
            None => Ok(()),
        }
    }
}

/// Whether rows that show `path` have the list's elements in them.
pub(super) fn shows_of(path: &str, list: &str) -> bool {
    is_below(path, list) || is_below(list, path)
}

/// Whether it is the same path, or one below; all are below the empty one.
pub(super) fn is_below(path: &str, above: &str) -> bool {
    let rest = path.strip_prefix(above);
    rest.is_some_and(|rest| above.is_empty() || rest.is_empty() || rest.starts_with('.'))
}

struct Reader {
    faults: Faults,
}

impl Reader {
    /// Keeps one member of the body, or passes it on to the search.
    fn member<'m>(
        &mut self,
        wish: &mut Wish,
        (name, raw): (&'m str, &RawValue),
        root: &Pointer,
        search: &mut Vec<(&'m str, String)>,
    ) {
        let at = root.join(name);
        match name {
            "format" => wish.format = self.format(raw, &at).unwrap_or(Format::Csv),
            "limit" => wish.limit = self.limit(raw, &at),
            "explode" => wish.explode = self.text(raw, &at).map(|path| (path, at)),
            "columns" => wish.columns = self.columns(raw, &at),
            _ => match NONE_OF_OURS.iter().find(|(none, _)| *none == name) {
                Some((_, hint)) => {
                    let what = format!("`{name}` is no member of an export");
                    self.faults.add_with_hint(&at, Code::UnknownKey, what, || *hint);
                }
                None if Wish::takes(name) => search.push((name, raw.get().to_owned())),
                None => {
                    let known = SEARCH_KEYS.into_iter().filter(|key| Wish::takes(key));
                    let known: Vec<&str> = OWN.into_iter().chain(known).collect();
                    let what = format!("unknown key `{name}`");
                    let hint = || did_you_mean(name, known);
                    self.faults.add_with_hint(&at, Code::UnknownKey, what, hint);
                }
            },
        }
    }

    fn text(&mut self, raw: &RawValue, at: &Pointer) -> Option<String> {
        if let Ok(Json::Text(text)) = Json::open(raw) {
            return Some(text);
        }
        self.faults.add(at, Code::InvalidValue, "a string is expected here");
        None
    }

    fn format(&mut self, raw: &RawValue, at: &Pointer) -> Option<Format> {
        let known = [Format::Csv, Format::Ndjson, Format::Xlsx];
        let text = self.text(raw, at)?;
        let found = known.into_iter().find(|format| format.word() == text);
        if found.is_none() {
            self.faults.add(at, Code::InvalidValue, "csv or ndjson or xlsx is expected here");
        }
        found
    }

    fn limit(&mut self, raw: &RawValue, at: &Pointer) -> Option<u64> {
        let limit = match Json::open(raw) {
            Ok(Json::Number(digits)) => digits.parse().ok().filter(|limit| *limit > 0),
            _ => None,
        };
        if limit.is_none() {
            self.faults.add(at, Code::InvalidValue, "a whole number from 1 is expected here");
        }
        limit
    }

    fn columns(&mut self, raw: &RawValue, at: &Pointer) -> Option<Vec<Asked>> {
        let Ok(Json::List(elements)) = Json::open(raw) else {
            self.faults.add(at, Code::InvalidValue, "a list of columns is expected here");
            return None;
        };
        if elements.is_empty() || elements.len() > super::MAX_COLUMNS {
            let what = format!("a file has 1 to {} columns", super::MAX_COLUMNS);
            self.faults.add(at, Code::LimitExceeded, what);
            return None;
        }
        let elements = elements.into_iter().enumerate();
        Some(elements.filter_map(|(number, raw)| self.column(raw, &at.join(number))).collect())
    }

    fn column(&mut self, raw: &RawValue, at: &Pointer) -> Option<Asked> {
        let at_heading = at.join("heading");
        if let Ok(Json::Text(path)) = Json::open(raw) {
            let (heading, form, separator) = (None, None, None);
            let at = at.clone();
            return Some(Asked { path, heading, form, separator, heading_at: at.clone(), at });
        }
        if !matches!(Json::open(raw), Ok(Json::Object(_))) {
            let what = "a path, or an object with `path`, is expected here";
            self.faults.add(at, Code::InvalidValue, what);
            return None;
        }
        let (mut path, mut heading, mut form, mut separator) = (None, None, None, None);
        for (name, raw) in object(raw, at, &mut self.faults)? {
            let at = at.join(&name);
            match name.as_str() {
                "path" => path = Some((self.text(raw, &at), at)),
                "heading" => heading = self.text(raw, &at),
                "separator" => separator = Some((self.separator(raw, &at)?, at)),
                "as" => form = self.form(raw, &at),
                _ => {
                    let known = ["path", "heading", "as", "separator"];
                    let what = format!("unknown key `{name}`");
                    let hint = || did_you_mean(&name, known);
                    self.faults.add_with_hint(&at, Code::UnknownKey, what, hint);
                }
            }
        }
        let Some((path, path_at)) = path else {
            self.faults.add(at, Code::InvalidValue, "`path` is missing");
            return None;
        };
        Some(Asked { path: path?, heading, form, separator, at: path_at, heading_at: at_heading })
    }

    fn separator(&mut self, raw: &RawValue, at: &Pointer) -> Option<String> {
        let text = self.text(raw, at)?;
        if text.chars().count() > MAX_LABEL {
            let what = format!("a separator has at most {MAX_LABEL} characters");
            self.faults.add(at, Code::LimitExceeded, what);
        }
        Some(text)
    }

    fn form(&mut self, raw: &RawValue, at: &Pointer) -> Option<AskedForm> {
        let form = match self.text(raw, at)?.as_str() {
            "joined" => AskedForm::Joined,
            "count" => AskedForm::Count,
            "sum" => AskedForm::Sum,
            _ => {
                let what = "joined or count or sum is expected here";
                self.faults.add(at, Code::InvalidValue, what);
                return None;
            }
        };
        Some(form)
    }
}
