//! Resolves the columns of an export against the fields that its caller sees.
//!
//! Promises: a column that counts or sums up has values that can be counted or summed up, and an object is told by the fields
//! in it. Without columns, each value has one, and each list its number of elements. Never names what the caller does not see.

use std::collections::{BTreeSet, HashSet};
use std::mem;

use super::wish::{Asked, AskedForm, ID, is_below, shows_of};
use super::{Column, Form, MAX_COLUMNS, MAX_LABEL, Table, Wish, ndjson};
use crate::query::fault::{Code, Faults, Pointer, Refusal};
use crate::query::fields::{Fields, Kind, Known, Shape};

/// What stands between several values in one cell.
const SEPARATOR: &str = ", ";

impl Wish {
    /// The table that is wanted of rows that show these `paths`, or everything; the search has been read already. None for
    /// rows that stay as they are.
    ///
    /// # Errors
    /// Everything that is wrong beside the search, with its place.
    pub fn table(
        &self,
        fields: &Fields,
        paths: Option<&[String]>,
    ) -> Result<Option<Table>, Refusal> {
        self.fine()?;
        let mut resolver = Resolver { fields, faults: Faults::default(), explode: None };
        let paths = match paths {
            Some([own @ .., _]) if self.shows_list => Some(own),
            paths => paths,
        };
        if let Some((path, at)) = &self.explode {
            resolver.explode = resolver.list(path, at);
            let shown = |paths: &[String]| paths.iter().any(|shown| shows_of(shown, path));
            // Without any of its own, the search has its view's fields.
            if !self.shows_list && !paths.is_none_or(shown) {
                let what = "this field is not one of the view's";
                resolver.faults.add(at, Code::UnknownField, what);
            }
        }
        let columns = match &self.columns {
            Some(asked) => resolver.columns(asked),
            None if self.format == super::Format::Ndjson && self.explode.is_none() => {
                return Ok(None);
            }
            None => resolver.all(paths),
        };
        if !resolver.faults.are_none() {
            return Err(resolver.faults.into_refusal());
        }
        Ok(Some(Table::new(columns, resolver.explode.as_deref())))
    }
}

struct Resolver<'a> {
    fields: &'a Fields,
    faults: Faults,
    explode: Option<String>,
}

impl Resolver<'_> {
    fn unknown(&mut self, path: &str, at: &Pointer) {
        let what = format!("unknown field `{path}`");
        let hint = || self.fields.suggest(None, path);
        self.faults.add_with_hint(at, Code::UnknownField, what, hint);
    }

    /// The list whose elements get a row each.
    fn list(&mut self, path: &str, at: &Pointer) -> Option<String> {
        match self.fields.get(path) {
            Some(Known { shape: Shape::List, list: None, .. }) => Some(path.to_owned()),
            Some(known) => {
                let what = match known.shape {
                    Shape::List => format!("`{path}` is a list within another one"),
                    _ => format!("`{path}` is no list"),
                };
                self.faults.add(at, Code::FieldCannotServe, what);
                None
            }
            None => {
                self.unknown(path, at);
                None
            }
        }
    }

    fn columns(&mut self, asked: &[Asked]) -> Vec<Column> {
        let mut headings = BTreeSet::new();
        let mut forms = HashSet::new();
        let mut columns = Vec::new();
        for asked in asked {
            let Some((form, dates)) = self.form(asked) else { continue };
            if let (Some((_, at)), Form::Count | Form::Sum) = (&asked.separator, &form) {
                let what = "`separator` stands between values, and here is one number";
                self.faults.add(at, Code::InvalidValue, what);
            }
            let heading = asked.heading.clone().unwrap_or_else(|| asked.path.clone());
            if heading == ndjson::END {
                let what = format!("`{heading}` is what the last line is told by");
                self.faults.add(&asked.heading_at, Code::InvalidValue, what);
            }
            if heading.chars().count() > MAX_LABEL {
                let what = format!("a heading has at most {MAX_LABEL} characters");
                self.faults.add(&asked.heading_at, Code::LimitExceeded, what);
            }
            // A line is as long as its document then, and not as many times.
            if !forms.insert((&asked.path, mem::discriminant(&form))) {
                let what = format!("`{}` has a column like this already", asked.path);
                self.faults.add(&asked.at, Code::InvalidValue, what);
            }
            if !headings.insert(heading.clone()) {
                let what = format!("`{heading}` is the heading of another column");
                let hint = || "give each column a `heading` of its own";
                self.faults.add_with_hint(&asked.heading_at, Code::InvalidValue, what, hint);
            }
            columns.push(Column { heading, path: asked.path.clone(), form, dates });
        }
        columns
    }

    /// What becomes of a column's values, and whether they are dates.
    fn form(&mut self, asked: &Asked) -> Option<(Form, bool)> {
        let Asked { path, at, .. } = asked;
        let separator = asked.separator.as_ref().map_or(SEPARATOR, |(separator, _)| separator);
        let joined = Form::Values(separator.to_owned());
        let known = match self.fields.get(path) {
            Some(known) => known,
            // Shown, as the search's parser says, and to be asked about in no way.
            None if matches!(asked.form, None | Some(AskedForm::Joined)) => {
                return Some((joined, false));
            }
            None => {
                self.unknown(path, at);
                return None;
            }
        };
        let cannot = |what: &str, hint: &str| (format!("`{path}` {what}"), hint.to_owned());
        let (what, hint) = match (&known.shape, asked.form) {
            (Shape::Object, _) => cannot("is an object", "name the fields in it, a column each"),
            (Shape::List, None | Some(AskedForm::Count)) => return Some((Form::Count, false)),
            (Shape::List, Some(_)) => {
                cannot("is a list of objects", "count them, or name a field in them")
            }
            (Shape::Value(value), None | Some(AskedForm::Joined)) => {
                return Some((joined, matches!(value.kind, Some(Kind::Date { .. }))));
            }
            (Shape::Value(_), Some(AskedForm::Count)) => return Some((Form::Count, false)),
            (Shape::Value(value), Some(AskedForm::Sum)) => match value.kind {
                Some(Kind::Integer { .. } | Kind::Float { .. }) => {
                    return Some((Form::Sum, false));
                }
                _ => cannot("has no numbers to sum up", "use `count` or `joined`"),
            },
        };
        self.faults.add_with_hint(at, Code::FieldCannotServe, what, || hint);
        None
    }

    /// One for each value that rows show below these paths, or anywhere.
    fn all(&mut self, paths: Option<&[String]>) -> Vec<Column> {
        let shown = self.fields.iter().map(|known| known.path.as_str());
        let shown: BTreeSet<&str> = shown.chain(self.fields.only_shown()).collect();
        let mut columns = vec![column(ID, joined(), false)];
        let mut told = BTreeSet::from([ID]);
        let everything = [String::new()];
        for above in paths.unwrap_or(&everything) {
            // A field of a list's elements that is named itself is shown for all that there are.
            let around = list_around(self.fields, above);
            for path in shown.iter().filter(|path| is_below(path, above)) {
                let list = list_around(self.fields, path);
                let here = list == around || (list.is_some() && list == self.explode.as_deref());
                let is_leaf = || {
                    let inside = format!("{path}.");
                    let mut below = shown.range(inside.as_str()..);
                    !below.next().is_some_and(|other| other.starts_with(&inside))
                };
                let found = match self.fields.get(path).map(|known| &known.shape) {
                    _ if !here || self.explode.as_deref() == Some(*path) => continue,
                    Some(Shape::Object) => continue,
                    Some(Shape::List) => column(path, Form::Count, false),
                    Some(Shape::Value(value)) => {
                        let dates = matches!(value.kind, Some(Kind::Date { .. }));
                        column(path, joined(), dates)
                    }
                    None if is_leaf() => column(path, joined(), false),
                    None => continue,
                };
                if told.insert(*path) {
                    columns.push(found);
                }
            }
        }
        if columns.len() > MAX_COLUMNS {
            let what = format!("more than {MAX_COLUMNS} columns");
            let hint = || "name those that are wanted, as `columns`";
            self.faults.add_with_hint(&Pointer::root(), Code::LimitExceeded, what, hint);
        }
        columns
    }
}

fn joined() -> Form {
    Form::Values(SEPARATOR.to_owned())
}

fn column(path: &str, form: Form, dates: bool) -> Column {
    Column { heading: path.to_owned(), path: path.to_owned(), form, dates }
}

/// The innermost list that has the path in its elements, as far as it may be named.
fn list_around<'p>(fields: &Fields, path: &'p str) -> Option<&'p str> {
    let above = path.rmatch_indices('.').filter_map(|(dot, _)| path.get(..dot));
    let is_list = |above: &&str| fields.get(above).is_some_and(|known| known.shape == Shape::List);
    let mut lists = above.filter(is_list);
    lists.next()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::query::fields::tests::fields;
    use crate::query::parse;

    fn told(body: &str) -> String {
        let (wish, fields) = (Wish::read(body.as_bytes()), fields());
        let table = match parse(&fields, &wish.search) {
            Ok(request) => wish.table(&fields, request.fields.as_deref()),
            Err(refusal) => Err(wish.tell(refusal)),
        };
        match table {
            Err(refusal) => refusal.to_string(),
            Ok(None) => "rows as they are".to_owned(),
            Ok(Some(table)) => {
                let columns = table.columns().iter().map(|column| match &column.form {
                    Form::Values(_) => column.heading.clone(),
                    form => format!("{}:{form:?}", column.heading),
                });
                columns.collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn every_value_has_a_column_and_every_list_its_count() {
        insta::assert_snapshot!(told("{}"), @"_id amount manager.name memo paid place rate secret settlements:Count signed_at title");
        insta::assert_snapshot!(told(r#"{"fields": ["manager", "settlements.amount", "settlements"]}"#), @"_id manager.name settlements.amount settlements:Count");
        insta::assert_snapshot!(told(r#"{"explode": "settlements", "fields": ["title", "settlements"]}"#), @"_id title settlements.amount settlements.lines:Count settlements.payer.name settlements.status");
        insta::assert_snapshot!(told(r#"{"explode": "settlements", "fields": ["title"]}"#), @"_id title");
        insta::assert_snapshot!(told(r#"{"format": "ndjson", "fields": ["title"]}"#), @"rows as they are");
    }

    #[test]
    fn columns_are_what_they_are_asked_for() {
        insta::assert_snapshot!(told(r#"{"columns": ["_id", {"path": "title", "heading": "제목"}, "settlements", {"path": "settlements.amount", "as": "sum"},
            {"path": "settlements.amount", "as": "count", "heading": "n"}, {"path": "settlements.status", "separator": "; "}]}"#), @"_id 제목 settlements:Count settlements.amount:Sum n:Count settlements.status");
    }

    #[test]
    fn faults_stand_where_the_caller_wrote_them() {
        insta::assert_snapshot!(told(r#"{"columns": ["_id", "titel", {"path": "amonut", "as": "max"}, {"heading": "a"}, 5, {"path": "title", "agg": 1}], "page": {"size": 5},
            "format": "xls", "limit": 0, "filtr": {}, "explode": 1, "sort": [{"field": "x"}]}"#), @r"
        /columns/2/as invalid_value: joined or count or sum is expected here
        /columns/3 invalid_value: `path` is missing
        /columns/4 invalid_value: a path, or an object with `path`, is expected here
        /columns/5/agg unknown_key: unknown key `agg` (known are path, heading, as, separator)
        /page unknown_key: `page` is no member of an export (an export has every row; `limit` bounds them)
        /format invalid_value: csv or ndjson or xlsx is expected here
        /limit invalid_value: a whole number from 1 is expected here
        /filtr unknown_key: unknown key `filtr` (did you mean `filter`?)
        /explode invalid_value: a string is expected here
        /sort/0/field unknown_field: unknown field `x` (known here are amount, manager, memo, paid, place, rate, secret, settlements, signed_at, title)
        /columns/1 unknown_field: unknown field `titel` (did you mean `title`?)
        /columns/2/path unknown_field: unknown field `amonut` (did you mean `amount`?)
        ");
        insta::assert_snapshot!(told(r#"{"columns": ["manager", {"path": "title", "as": "sum"}, {"path": "settlements", "as": "sum"}, "amount", {"path": "rate", "heading": "amount"},
            {"path": "_id", "as": "sum", "heading": "n"}, {"path": "settlements", "separator": ";"}], "explode": "manager"}"#), @r"
        /explode field_cannot_serve: `manager` is no list
        /columns/0 field_cannot_serve: `manager` is an object (name the fields in it, a column each)
        /columns/1/path field_cannot_serve: `title` has no numbers to sum up (use `count` or `joined`)
        /columns/2/path field_cannot_serve: `settlements` is a list of objects (count them, or name a field in them)
        /columns/4/heading invalid_value: `amount` is the heading of another column (give each column a `heading` of its own)
        /columns/5/path field_cannot_serve: `_id` has no numbers to sum up (use `count` or `joined`)
        /columns/6/separator invalid_value: `separator` stands between values, and here is one number
        ");
        let long = "가".repeat(256);
        insta::assert_snapshot!(told(&json!({"columns": [{"path": "title", "heading": long}, {"path": "memo", "separator": long},
            "paid", {"path": "paid", "heading": "b"}, {"path": "paid", "as": "count", "heading": "c"}]}).to_string()), @r"
        /columns/1/separator limit_exceeded: a separator has at most 255 characters
        ");
        insta::assert_snapshot!(told(&json!({"columns": [{"path": "title", "heading": long}, "paid",
            {"path": "paid", "heading": "b"}, {"path": "paid", "as": "count", "heading": "c"}]}).to_string()), @r"
        /columns/0/heading limit_exceeded: a heading has at most 255 characters
        /columns/2/path invalid_value: `paid` has a column like this already
        ");
        insta::assert_snapshot!(told(r#"{"explode": "settlements.lines", "columns": ["_end", {"path": "title", "heading": "_end"}]}"#), @"/columns/0 unknown_field: unknown field `_end` (did you mean `_id`?)");
        insta::assert_snapshot!(told(r#"{"explode": "settlement"}"#), @"/explode unknown_field: unknown field `settlement` (did you mean `settlements`?)");
        insta::assert_snapshot!(told(r#"{"explode": "settlement", "columns": ["title"]}"#), @"/explode unknown_field: unknown field `settlement` (did you mean `settlements`?)");
        insta::assert_snapshot!(told(r#"{"explode": "settlement", "fields": ["title", "titel"]}"#), @r"
        /fields/1 unknown_field: unknown field `titel` (did you mean `title`?)
        /explode unknown_field: unknown field `settlement` (did you mean `settlements`?)
        ");
        insta::assert_snapshot!(told(r#"{"columns": ["title"], "fields": ["title"]}"#), @"/columns invalid_value: `columns` and `fields` exclude each other (name the paths once, as `columns`)");
        insta::assert_snapshot!(told(r#"{"columns": [], "format": "csv", "format": "csv"}"#), @"/format repeated_key: `format` stands here twice (write it once)");
        insta::assert_snapshot!(told("[]"), @" invalid_value: an object is expected here");
        insta::assert_snapshot!(told("{"), @" invalid_json: not valid JSON at line 1, column 1");
    }
}
