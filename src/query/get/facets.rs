//! Facets, what was chosen of them, and the clocks that count their days.
//!
//! Promises: all that a body says of a facet has a form here, `amount.ranges(..5,5..)` or `signed_at.dates(month)`, with options
//! by name and conditions on elements behind a `;`. Whether a field can be counted so is the body's parser's to judge.

use serde_json::{Map, Value, json};

use super::parameters::{ONCE, SAID};
use super::scan::{Scan, Wrong};
use super::{Origin, Writer, filter, parameters};
use crate::finding::did_you_mean;
use crate::query::Code;
use crate::query::fault::Pointer;
use crate::query::fields::Known;

/// The body's name for facets by dates.
const DATES: &str = "date_histogram";

/// What is said about facets.
#[derive(Default)]
pub(super) struct Facets {
    pub(super) counted: Vec<Counted>,
    pub(super) disjunctive: Option<bool>,
    pub(super) timezone: Option<String>,
}

/// A field that is counted.
pub(super) struct Counted {
    pub(super) field: String,
    /// What its elements are like, where that is said.
    pub(super) only: Option<Value>,
}

/// Into what a facet is parted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Terms,
    Ranges,
    Dates,
}

impl Form {
    const NAMED: [(&str, Self); 3] =
        [("terms", Self::Terms), ("ranges", Self::Ranges), ("dates", Self::Dates)];

    /// The body's name for it.
    fn ty(self) -> &'static str {
        match self {
            Self::Terms => "terms",
            Self::Ranges => "range",
            Self::Dates => DATES,
        }
    }

    /// What is said by name.
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Terms => &["size", "prefix", "count"],
            Self::Ranges => &["count"],
            Self::Dates => &["min", "max", "timezone", "count"],
        }
    }
}

impl Writer<'_> {
    /// `status,by_month:signed_at.dates(month)`.
    pub(super) fn facets(&mut self, value: &str) -> Result<(), Wrong> {
        let mut scan = Scan::new(value);
        let mut facets = Map::new();
        loop {
            let start = scan;
            let (name, facet) = self.facet(&mut scan)?;
            if facets.insert(name, facet).is_some() {
                let wrong = start.fault(Code::RepeatedKey, "a facet of this name is there already");
                return Err(wrong.hint("give it another, such as `by_year:signed_at.dates(year)`"));
            }
            if !scan.eat(",") {
                scan.end()?;
                return self.put(&["facets"], "facets", Value::Object(facets));
            }
        }
    }

    /// A facet by its name, which is its field's unless another stands before a `:`.
    fn facet(&mut self, scan: &mut Scan<'_>) -> Result<(String, Value), Wrong> {
        let start = *scan;
        let told = parameters::name(scan)?;
        let has_parts = scan.eat("(");
        let (told, form) = if has_parts {
            let what = "a field with `.terms(…)`, `.ranges(…)` or `.dates(…)` is expected";
            formed(told).ok_or_else(|| start.wrong(what))?
        } else {
            (told, Form::Terms)
        };
        let (name, field) = match told.split_once(':') {
            Some(named) if self.fields.get(told).is_none() => named,
            _ => (told, told),
        };
        if name.is_empty() || field.is_empty() {
            return Err(start.wrong("a name is expected"));
        }
        let known = self.fields.get(field);
        let mut facet = Map::from_iter([("type".to_owned(), json!(form.ty()))]);
        if name != field {
            facet.insert("field".to_owned(), json!(field));
        }
        let mut only = None;
        if has_parts {
            parts(form, known, scan, &mut facet)?;
            if scan.eat(";") {
                let list = known.and_then(|known| known.list.as_deref());
                let like = filter::conditions((self.limits, self.fields), list, scan)?;
                facet.insert("where".to_owned(), like.clone());
                only = Some(like);
            }
            scan.expect(")")?;
        }
        self.facets.counted.push(Counted { field: field.to_owned(), only });
        Ok((name.to_owned(), Value::Object(facet)))
    }

    /// Has the facets of dates counted by the clocks that are asked for.
    pub(super) fn place_timezone(&mut self) -> Result<(), Wrong> {
        let Some(zone) = self.facets.timezone.take() else { return Ok(()) };
        let facets = self.members.get("facets").and_then(Value::as_object).into_iter().flatten();
        let by_dates = facets.filter(|(_, facet)| {
            facet.get("type").is_some_and(|ty| ty == DATES) && facet.get("timezone").is_none()
        });
        let names: Vec<String> = by_dates.map(|(name, _)| name.clone()).collect();
        if names.is_empty() {
            let what = "no facet here counts days by the clocks of a zone";
            let hint = "`facets=signed_at.dates(day)` does; a day in a condition is one of UTC, and a time says its own zone";
            return Err(Wrong::new(Code::InvalidQuery, what).hint(hint));
        }
        for name in names {
            self.put(&["facets", &name, "timezone"], "timezone", json!(zone))?;
        }
        Ok(())
    }

    /// Moves the conditions on facets to where a facet's own does not narrow it.
    pub(super) fn place_choices(&mut self) -> Result<(), (String, Wrong)> {
        if self.facets.disjunctive != Some(true) {
            return Ok(());
        }
        let counted = std::mem::take(&mut self.facets.counted);
        let is_counted = |field: &String| counted.iter().any(|it| it.field == *field);
        let (chosen, others) = std::mem::take(&mut self.conditions)
            .into_iter()
            .partition(|condition| condition.field.as_ref().is_some_and(is_counted));
        self.conditions = others;
        for condition in chosen {
            let name = condition.parameter;
            let Some(Value::Object(operators)) = condition.filter.get(&name) else {
                let what = "a facet's own condition is one comparison, without `not.`";
                return Err((name, Wrong::new(Code::InvalidQuery, what)));
            };
            for (operator, operand) in operators {
                let path = ["facet_filters", &name, operator];
                self.put(&path, &name, operand.clone()).map_err(|wrong| (name.clone(), wrong))?;
            }
            let pointer = Pointer::root().join("facet_filters").join(&name);
            self.origins.push(Origin { pointer, parameter: name });
        }
        self.place_elements(&counted)
    }

    /// Says of what was chosen which elements are meant, as its facet does.
    fn place_elements(&mut self, counted: &[Counted]) -> Result<(), (String, Wrong)> {
        let choices = self.members.get("facet_filters").and_then(Value::as_object);
        let fields: Vec<String> = choices.into_iter().flat_map(Map::keys).cloned().collect();
        for field in fields {
            let mut each = counted.iter().filter(|it| it.field == field).map(|it| &it.only);
            let only = each.next().and_then(Option::as_ref);
            if each.any(|other| other.as_ref() != only) {
                let what = "this field is counted of different elements, and which of them are chosen is not said";
                let wrong = Wrong::new(Code::InvalidQuery, what);
                return Err((field, wrong.hint("the body of a POST can say it")));
            }
            if let Some(only) = only {
                let path = ["facet_filters", &field, "where"];
                self.put(&path, "facets", only.clone()).map_err(|wrong| (field.clone(), wrong))?;
            }
        }
        Ok(())
    }
}

/// A field, and the form behind its name.
fn formed(told: &str) -> Option<(&str, Form)> {
    let (field, word) = told.rsplit_once('.')?;
    let (_, form) = Form::NAMED.into_iter().find(|(name, _)| *name == word)?;
    Some((field, form))
}

/// What stands in a form's parentheses before the conditions.
fn parts(
    form: Form,
    known: Option<&Known>,
    scan: &mut Scan<'_>,
    facet: &mut Map<String, Value>,
) -> Result<(), Wrong> {
    if scan.rest().starts_with([')', ';']) {
        return Ok(());
    }
    let mut ranges = Vec::new();
    loop {
        let start = *scan;
        let said = match (option(form, scan)?, form) {
            (Some(said), _) => Some(said),
            (None, Form::Ranges) => {
                ranges.push(range(scan, |bound| filter::of_kind(known, bound))?);
                None
            }
            (None, Form::Dates) => Some(("interval", json!(scan.part(&[';'])?))),
            (None, Form::Terms) => {
                return Err(start.wrong("an option is expected").hint("such as `size.50`"));
            }
        };
        if let Some((name, value)) = said
            && facet.insert(name.to_owned(), value).is_some()
        {
            return Err(start.fault(Code::RepeatedKey, SAID).hint(ONCE));
        }
        if !scan.eat(",") {
            break;
        }
    }
    if !ranges.is_empty() {
        facet.insert("ranges".to_owned(), Value::Array(ranges));
    }
    Ok(())
}

/// `size.50`; nothing where no option is next.
fn option<'a>(form: Form, scan: &mut Scan<'a>) -> Result<Option<(&'a str, Value)>, Wrong> {
    let start = *scan;
    let name = scan.word();
    scan.eat(name);
    if name.is_empty() || scan.rest().starts_with("..") || !scan.eat(".") {
        *scan = start;
        return Ok(None);
    }
    if !form.options().contains(&name) {
        let wrong = start.fault(Code::UnknownKey, format!("unknown option `{name}`"));
        return Err(wrong.hint(did_you_mean(name, form.options().iter().copied())));
    }
    let value = scan.part(&[';'])?;
    Ok(Some((name, if name == "size" { filter::number(&value) } else { json!(value) })))
}

/// `from..to`, without the one or the other where there is no bound.
fn range(scan: &mut Scan<'_>, typed: impl Fn(&str) -> Value) -> Result<Value, Wrong> {
    let mut range = Map::new();
    for (name, behind) in [("from", ".."), ("to", "")] {
        let bound = match scan.quoted()? {
            Some(bound) => bound,
            None => {
                let run = { *scan }.until(&[',', '(', ')', ';', '"']);
                let bound = run.split("..").next().unwrap_or_default();
                scan.eat(bound);
                bound.to_owned()
            }
        };
        if !scan.eat(behind) {
            let wrong = scan.wrong("`..` is expected");
            return Err(wrong.hint("a range is `from..to`, `from..` or `..to`"));
        }
        if !bound.is_empty() {
            range.insert(name.to_owned(), typed(&bound));
        }
    }
    Ok(Value::Object(range))
}
