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
        Page { size, number: None, after: None, snapshot: false }
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
        self.page_holds_together(&page, at);
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
        } else if page.skipped().saturating_add(page.size) > *offset_window {
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
mod tests {
    use super::*;
    use crate::query::fields::tests::fields;
    use crate::query::{Op, Scalar};

    fn refused(body: &str) -> String {
        parse(&fields(), body.as_bytes()).unwrap_err().to_string()
    }

    fn filter(filter: &str) -> String {
        refused(&format!(r#"{{"filter": {filter}}}"#))
    }

    fn sort(sort: &str) -> String {
        refused(&format!(r#"{{"sort": {sort}}}"#))
    }

    #[test]
    fn a_body_without_anything_asks_for_the_first_page_of_all() {
        let request = parse(&fields(), b"{}").unwrap();
        assert_eq!(request.filter, Filter::everything());
        assert_eq!((request.page.size, request.count), (DEFAULT_PAGE, Count::Capped));
        assert_eq!((request.fields, request.page.after), (None, None));
    }

    #[test]
    fn side_by_side_means_and() {
        let request = parse(
            &fields(),
            br#"{"filter": {"amount": {"gte": 1, "ne": 5}, "not": {"paid": {"eq": true}}}}"#,
        );
        let Ok(Filter::And(both)) = request.map(|request| request.filter) else { panic!("no and") };
        assert!(matches!(&both[0], Filter::And(two) if two.len() == 2));
        assert!(matches!(&both[1], Filter::Not(inner) if matches!(
            &**inner, Filter::Compare { op: Op::Eq, value: Scalar::Flag(true), .. })));
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        insta::assert_snapshot!(
            refused(r#"{"filtre": {}, "filter": {"and": [{"manger.name": {"eq": "a"}}, {"amount": {"eq": "a", "equals": 1}}]},
                "sort": [{"field": "amont"}], "fields": ["title", "nmae"], "count": "all", "page": {"size": -1}}"#),
            @r"
        /filtre unknown_key: unknown key `filtre` (did you mean `filter`?)
        /filter/and/0/manger.name unknown_field: unknown field `manger.name` (did you mean `manager.name`?)
        /filter/and/1/amount/eq invalid_value: a whole number is expected here, not a string
        /filter/and/1/amount/equals unknown_operator: unknown operator `equals` (known are eq, ne, in, nin, lt, lte, gt, gte, between, exists, contains, icontains, starts_with, match, phrase, some, none, every, count)
        /sort/0/field unknown_field: unknown field `amont` (did you mean `amount`?)
        /fields/1 unknown_field: unknown field `nmae` (known here are amount, manager, memo, paid, place, rate, secret, settlements, signed_at, title)
        /count invalid_value: exact or capped or none is expected here
        /page/size invalid_value: a whole number from 0 to 200 is expected here
        "
        );
    }

    #[test]
    fn what_is_no_json_is_placed() {
        insta::assert_snapshot!(refused("{\"filter\":\n {]}"), @" invalid_json: not valid JSON at line 2, column 3");
        insta::assert_snapshot!(refused(""), @" invalid_json: not valid JSON at line 1, column 0");
        insta::assert_snapshot!(refused("[]"), @" invalid_value: an object is expected here");
    }

    #[test]
    fn nothing_is_overwritten_silently() {
        insta::assert_snapshot!(filter(r#"{"paid": {"eq": true}, "paid": {"eq": false}}"#), @"/filter/paid repeated_key: `paid` stands here twice (write it once)");
        insta::assert_snapshot!(filter(r#"{"amount": {"gt": 1, "gt": 2}}"#), @"/filter/amount/gt repeated_key: `gt` stands here twice (write it once)");
    }

    #[test]
    fn values_are_of_their_fields_type() {
        insta::assert_snapshot!(filter(r#"{"amount": {"in": [1, "2", null]}}"#), @r#"
        /filter/amount/in/1 invalid_value: a whole number is expected here, not a string
        /filter/amount/in/2 invalid_value: a whole number is expected here, not null ({"exists": false} finds what has no value)
        "#);
        insta::assert_snapshot!(filter(r#"{"title": "a", "paid": {}}"#), @r#"
        /filter/title invalid_value: an object of operators is expected here (write {"eq": …}, or {"exists": false} for what is null)
        /filter/paid invalid_value: an operator is expected here
        "#);
        insta::assert_snapshot!(filter(r#"{"paid": {"gt": true}, "signed_at": {"lt": 5}}"#), @r"
        /filter/paid/gt operator_not_allowed: `gt` does not compare true and false (use `eq`)
        /filter/signed_at/lt invalid_value: a date or time as a string is expected here, not a number
        ");
        insta::assert_snapshot!(filter(r#"{"\ud800": {}}"#), @"/filter invalid_value: a name with half a character");
        insta::assert_snapshot!(filter(r#"{"or": {"paid": {"eq": true}}}"#), @"/filter/or invalid_value: a list of filters is expected here");
    }

    #[test]
    fn elements_of_lists_are_asked_for_by_some() {
        insta::assert_snapshot!(filter(r#"{"settlements.lines.code": {"eq": "a"}}"#), @r#"/filter/settlements.lines.code needs_some: `settlements.lines.code` is a field of the elements of `settlements` (write {"settlements": {"some": {"lines.code": …}}})"#);
        insta::assert_snapshot!(filter(r#"{"settlements": {"some": {"lines.code": {"eq": "a"}, "settlements.amount": {"eq": 1}}}}"#), @r#"
        /filter/settlements/some/lines.code needs_some: `lines.code` is a field of the elements of `lines` (write {"lines": {"some": {"code": …}}})
        /filter/settlements/some/settlements.amount unknown_field: unknown field `settlements.amount` (known here are amount, lines, payer, status)
        "#);
        insta::assert_snapshot!(filter(r#"{"settlements": {"eq": "a"}, "manager": {"some": {}}}"#), @r#"
        /filter/settlements/eq operator_not_allowed: `eq` compares values, and `settlements` is a list of objects (write {"some": {…}} for what one element is like)
        /filter/manager/some operator_not_allowed: `some` asks about a list, and `manager` is none
        "#);
    }

    #[test]
    fn fields_that_cannot_serve_say_why() {
        insta::assert_snapshot!(filter(r#"{"memo": {"eq": "a"}, "secret": {"exists": true}, "place": {"eq": 1}, "_prejoin.id": {"eq": "a"}}"#), @r"
        /filter/memo/eq field_cannot_serve: `memo` is a text, which cannot be compared as a whole (give it a sub-field of type `keyword` in the mapping)
        /filter/secret/exists field_cannot_serve: `secret` is not indexed: whether it has a value is not known
        /filter/place/eq field_cannot_serve: `place` is of type geo_point: it cannot be compared
        /filter/_prejoin.id unknown_field: unknown field `_prejoin.id` (known here are amount, manager, memo, paid, place, rate, secret, settlements, signed_at, title)
        ");
        insta::assert_snapshot!(sort(r#"[{"field": "memo"}, {"field": "settlements.amount"}, {"field": "manager"}, {"field": "manager.name"}]"#), @r#"
        /sort/0/field field_cannot_serve: `memo` is a text, which cannot be sorted by as a whole (give it a sub-field of type `keyword` in the mapping)
        /sort/1/field field_cannot_serve: `settlements.amount` belongs to the elements of a list: one document has many (add "agg": "max" or "min"; or sort by a computed field)
        /sort/2/field field_cannot_serve: `manager` is no value to sort by (name a field in it, with a dot)
        /sort/3/field field_cannot_serve: `manager.name` is not indexed so that it could be sorted by (the mapping says `index: false` or `doc_values: false`)
        "#);
    }

    #[test]
    fn sorts_are_checked() {
        insta::assert_snapshot!(sort(r#"[{"field": "amount"}, {"field": "amount", "order": "up", "nulls": "first"}, {"order": "asc", "as": "max"}]"#), @r"
        /sort/1/order invalid_value: asc or desc is expected here
        /sort/1/nulls invalid_value: last is expected here
        /sort/1/field invalid_value: `amount` is sorted by already
        /sort/2/as unknown_key: unknown key `as` (known are field, order, nulls, agg, where)
        /sort/2 invalid_value: `field` is missing
        ");
        insta::assert_snapshot!(sort(r#"["a", "b", "c", "d", "e"]"#), @"/sort limit_exceeded: more than 4 sort keys");
    }

    #[test]
    fn a_page_holds_together() {
        let page = |page: &str| parse(&fields(), format!(r#"{{"page": {page}}}"#).as_bytes());
        let refused = |text: &str| page(text).unwrap_err().to_string();
        assert_eq!(page(r#"{"number": 50, "size": 200}"#).unwrap().page.skipped(), 9_800);
        assert_eq!(page(r#"{"number": null, "after": null}"#).unwrap().page.number, None);
        assert_eq!(page(r#"{"size": 0, "number": 9}"#).unwrap().page.skipped(), 0);
        insta::assert_snapshot!(refused(r#"{"number": 51, "size": 200}"#), @"/page/number limit_exceeded: pages by number reach the first 10000 rows (go on with `page.after`, the cursor of `page.next`)");
        assert!(refused(r#"{"number": 99999999999999999999999}"#).contains("limit_exceeded"));
        insta::assert_snapshot!(refused(r#"{"number": 0}"#), @"/page/number invalid_value: a whole number from 1 is expected here");
        insta::assert_snapshot!(refused(r#"{"number": 1, "after": "a"}"#), @"/page/number invalid_value: `number` and `after` exclude each other (a cursor knows its place already)");
        insta::assert_snapshot!(refused(r#"{"number": 1, "snapshot": true}"#), @"/page/snapshot invalid_value: a snapshot has no pages by number (go on with `page.after`)");
        insta::assert_snapshot!(refused(r#"{"size": 0, "snapshot": true}"#), @"/page/snapshot invalid_value: a snapshot is for pages with rows (leave it out, or ask for rows)");
        insta::assert_snapshot!(refused(r#"{"snapshot": 1}"#), @"/page/snapshot invalid_value: true or false is expected here");
    }

    #[test]
    fn limits_hold() {
        let deep = |depth: usize| {
            format!("{}{{}}{}", r#"{"not": "#.repeat(depth - 1), "}".repeat(depth - 1))
        };
        assert!(parse(&fields(), format!(r#"{{"filter": {}}}"#, deep(8)).as_bytes()).is_ok());
        insta::assert_snapshot!(filter(&deep(9)), @"/filter/not/not/not/not/not/not/not/not limit_exceeded: the filter is nested more than 8 deep");
        let wide = |leaves: usize| {
            format!(r#"{{"or": [{}]}}"#, vec![r#"{"amount": {"eq": 1}}"#; leaves].join(","))
        };
        assert!(parse(&fields(), format!(r#"{{"filter": {}}}"#, wide(200)).as_bytes()).is_ok());
        insta::assert_snapshot!(filter(&wide(201)), @"/filter limit_exceeded: more than 200 comparisons (use `in` for a choice of values of one field)");
        let days = vec![r#""2026-01-31""#; 201].join(",");
        insta::assert_snapshot!(filter(&format!(r#"{{"signed_at": {{"in": [{days}]}}}}"#)), @"/filter limit_exceeded: more than 200 comparisons (use `in` for a choice of values of one field)");
        let empty = |nodes: usize| format!(r#"{{"or": [{}]}}"#, vec!["{}"; nodes].join(","));
        assert!(parse(&fields(), format!(r#"{{"filter": {}}}"#, empty(200)).as_bytes()).is_ok());
        assert!(filter(&empty(201)).contains("limit_exceeded"));
        let objects = vec![r#"{"manager": {"exists": true}}"#; 201].join(",");
        assert!(filter(&format!(r#"{{"or": [{objects}]}}"#)).contains("limit_exceeded"));
        let many = vec!["1"; 1_001].join(",");
        insta::assert_snapshot!(filter(&format!(r#"{{"amount": {{"in": [{many}]}}}}"#)), @"/filter/amount/in limit_exceeded: more than 1000 values");
        insta::assert_snapshot!(refused(r#"{"page": {"size": 201}}"#), @"/page/size limit_exceeded: a page has at most 200 rows (fetch the rest with `page.after`)");
        let faulty = vec!["{}"; 100].join(",");
        assert_eq!(sort(&format!("[{faulty}]")).lines().count(), 1);
        assert_eq!(
            refused(&format!(r#"{{"fields": [{}]}}"#, vec!["1"; 100].join(","))).lines().count(),
            20
        );
    }
}
