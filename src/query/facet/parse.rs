//! Reads `facets` and `facet_filters` of a body, and what aggregates share with them: columns, elements and calendars.
//!
//! Promises: as [`parse`](super::super::parse()). What would be too many buckets is refused here where bounds are given.

use jiff::civil::Date;
use serde_json::value::RawValue;

use super::{By, Choice, DEFAULT_VALUES, Facet, Range};
use crate::query::calendar::{Calendar, Interval, Zone};
use crate::query::elements::{Column, Elements};
use crate::query::fault::{Code, Pointer};
use crate::query::fields::{Kind, Known, Shape, ValueField};
use crate::query::filter::{cannot_serve, object, read_choice, read_elements};
use crate::query::folding::Folding;
use crate::query::json::Json;
use crate::query::parse::Reader;
use crate::query::{Filter, Op, Scalar, Target};

const KEYS: [&str; 11] = [
    "type", "field", "size", "prefix", "ranges", "interval", "timezone", "min", "max", "where",
    "count",
];

/// A facet's type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Terms,
    Range,
    Dates,
}

/// The members of an object by name.
pub(in crate::query) struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    pub(in crate::query) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, raw)| *raw)
    }
}

impl Reader<'_> {
    pub(in crate::query) fn facets(&mut self, raw: &RawValue, at: &Pointer) -> Option<Vec<Facet>> {
        let members = object(raw, at, &mut self.faults)?;
        let most = self.limits.facets;
        if members.len() > most {
            self.faults.add(at, Code::LimitExceeded, format!("more than {most} facets"));
            return None;
        }
        members.into_iter().map(|(name, raw)| self.facet(&name, raw, &at.join(&name))).collect()
    }

    fn facet(&mut self, name: &str, raw: &RawValue, at: &Pointer) -> Option<Facet> {
        let members = self.members(raw, at, &KEYS)?;
        let types =
            [("terms", Type::Terms), ("range", Type::Range), ("date_histogram", Type::Dates)];
        let ty = match members.get("type") {
            Some(raw) => self.word(raw, &at.join("type"), &types)?,
            None => Type::Terms,
        };
        let (path, place) = match members.get("field") {
            Some(raw) => (self.text(raw, &at.join("field"))?, at.join("field")),
            None => (name.to_owned(), at.clone()),
        };
        let column = self.column(&path, "counted", &place)?;
        let elements = self.elements(column.list.as_deref(), &members, at)?;
        let own: &[&str] = match ty {
            Type::Terms => &["size", "prefix"],
            Type::Range => &["ranges"],
            Type::Dates => &["interval", "timezone", "min", "max"],
        };
        self.only_with(&members, own, at)?;
        let by = match ty {
            Type::Terms => {
                self.is_discrete(&column, &place)?;
                let size = members.get("size");
                let most = self.limits.facet_values;
                let size = size.map(|raw| self.number(raw, &at.join("size"), most));
                let size = size.unwrap_or(Some(DEFAULT_VALUES.min(most)));
                let prefix = self.prefix(&column, members.get("prefix"), &at.join("prefix"));
                By::Values { size: size?, prefix: prefix? }
            }
            Type::Range => By::Ranges(self.ranges(&column, members.get("ranges"), at)?),
            Type::Dates => By::Dates(self.calendar(&column, &members, (at, &place))?),
        };
        Some(Facet { name: name.to_owned(), column, elements, by })
    }

    /// What belongs to another type is refused, not ignored.
    fn only_with(&mut self, members: &Members<'_>, own: &[&str], at: &Pointer) -> Option<()> {
        let shared = ["type", "field", "where", "count"];
        let odd = members
            .0
            .iter()
            .find(|(name, _)| !own.contains(&name.as_str()) && !shared.contains(&name.as_str()));
        let Some((name, _)) = odd else { return Some(()) };
        let what = format!("`{name}` does not go with this type");
        self.faults.add(&at.join(name), Code::UnknownKey, what);
        None
    }

    pub(in crate::query) fn choices(
        &mut self,
        raw: &RawValue,
        at: &Pointer,
    ) -> Option<Vec<Choice>> {
        let members = object(raw, at, &mut self.faults)?;
        members.into_iter().map(|(path, raw)| self.choice(&path, raw, &at.join(&path))).collect()
    }

    fn choice(&mut self, path: &str, raw: &RawValue, at: &Pointer) -> Option<Choice> {
        let fields = self.fields;
        let Some(known) = fields.get(path) else {
            self.unknown_field(path, at);
            return None;
        };
        if !matches!(known.shape, Shape::Value(_)) {
            let what = format!("`{path}` is no value to choose from");
            let hint = || "name a field in it, with a dot";
            self.faults.add_with_hint(at, Code::FieldCannotServe, what, hint);
            return None;
        }
        let counted = (&mut self.faults, &mut self.leaves);
        let filter = read_choice((fields, self.limits, known), raw, at, counted)?;
        let mut values = Vec::new();
        chosen(&filter, path, &mut values);
        let most = self.limits.facet_values;
        if values.len() > most {
            let what = format!("more than {most} values are chosen");
            self.faults.add(at, Code::LimitExceeded, what);
            return None;
        }
        Some(Choice { path: path.to_owned(), filter, values })
    }

    /// The members of an object that has no others than `known`.
    pub(in crate::query) fn members<'a>(
        &mut self,
        raw: &'a RawValue,
        at: &Pointer,
        known: &[&str],
    ) -> Option<Members<'a>> {
        let members = object(raw, at, &mut self.faults)?;
        let unknown: Vec<&String> = members
            .iter()
            .map(|(name, _)| name)
            .filter(|name| !known.contains(&name.as_str()))
            .collect();
        for name in &unknown {
            self.unknown_key(name, &at.join(name), known);
        }
        unknown.is_empty().then_some(Members(members))
    }

    /// The field of that full path, if its values can be counted.
    pub(in crate::query) fn column(
        &mut self,
        path: &str,
        done: &str,
        at: &Pointer,
    ) -> Option<Column> {
        let fields = self.fields;
        let Some(known) = fields.get(path) else {
            self.unknown_field(path, at);
            return None;
        };
        let Shape::Value(value) = &known.shape else {
            let what = format!("`{path}` has no values that could be {done}");
            let hint = || "name a field in it, with a dot";
            self.faults.add_with_hint(at, Code::FieldCannotServe, what, hint);
            return None;
        };
        let Some(column) = column(known, value, fields.folding(value)) else {
            cannot_serve(known, value, done, (at, &mut self.faults));
            return None;
        };
        Some(column)
    }

    /// Values that stand apart from each other; of others nearly each document has one of its own.
    pub(in crate::query) fn is_discrete(&mut self, column: &Column, at: &Pointer) -> Option<()> {
        let hint = match column.field.kind {
            Kind::Keyword | Kind::Integer { .. } | Kind::Boolean => return Some(()),
            Kind::Id => "no two documents have the same",
            Kind::Float { .. } => "count ranges of it",
            Kind::Date { .. } => "count days, weeks, months, quarters or years of it",
        };
        let what = format!("single values of `{}` are not counted", column.field.path);
        self.faults.add_with_hint(at, Code::FieldCannotServe, what, || hint);
        None
    }

    /// What is counted, by `where` and `count`.
    pub(in crate::query) fn elements(
        &mut self,
        list: Option<&str>,
        members: &Members<'_>,
        at: &Pointer,
    ) -> Option<Elements> {
        let only = match members.get("where") {
            Some(raw) => self.only(list, raw, &at.join("where"))?,
            None => Filter::everything(),
        };
        let words = [("documents", false), ("elements", true)];
        let one_by_one = match members.get("count") {
            Some(raw) => self.word(raw, &at.join("count"), &words)?,
            None => false,
        };
        if one_by_one && list.is_none() {
            let what = "these fields belong to the document itself: there are no elements to count";
            self.faults.add(&at.join("count"), Code::OperatorNotAllowed, what);
            return None;
        }
        Some(Elements { list: list.map(str::to_owned), only, one_by_one })
    }

    /// What elements are like.
    pub(in crate::query) fn only(
        &mut self,
        list: Option<&str>,
        raw: &RawValue,
        at: &Pointer,
    ) -> Option<Filter> {
        let Some(list) = list else {
            let what = "`where` is about the elements of a list, and this is no field of one";
            let hint = || "use `filter` for what documents are like";
            self.faults.add_with_hint(at, Code::OperatorNotAllowed, what, hint);
            return None;
        };
        read_elements(
            (self.fields, self.limits, list),
            raw,
            at,
            (&mut self.faults, &mut self.leaves),
        )
    }

    /// A whole number from 1 to `most`.
    pub(in crate::query) fn number(
        &mut self,
        raw: &RawValue,
        at: &Pointer,
        most: usize,
    ) -> Option<usize> {
        let number = match Json::open(raw) {
            Ok(Json::Number(text)) if text.bytes().all(|byte| byte.is_ascii_digit()) => text,
            _ => "0",
        };
        let (code, what) = match number.parse::<usize>() {
            Ok(0) => {
                (Code::InvalidValue, format!("a whole number from 1 to {most} is expected here"))
            }
            Ok(number) if number <= most => return Some(number),
            _ => (Code::LimitExceeded, format!("more than {most}")),
        };
        self.faults.add(at, code, what);
        None
    }

    fn ranges(
        &mut self,
        column: &Column,
        raw: Option<&RawValue>,
        at: &Pointer,
    ) -> Option<Vec<Range>> {
        let at = at.join("ranges");
        if matches!(column.field.kind, Kind::Keyword | Kind::Boolean | Kind::Id)
            || column.compared.is_none()
        {
            let what = format!("`{}` has no ranges that could be counted", column.field.path);
            self.faults.add(&at, Code::FieldCannotServe, what);
            return None;
        }
        let Some(raw) = raw else {
            self.faults.add(&at, Code::InvalidValue, "`ranges` are missing");
            return None;
        };
        let elements = self.list(raw, &at, "ranges")?;
        let most = self.limits.facet_ranges;
        if elements.len() > most {
            self.faults.add(&at, Code::LimitExceeded, format!("more than {most} ranges"));
            return None;
        }
        let each = elements.into_iter().enumerate();
        each.map(|(number, raw)| self.range(column.field.kind, raw, &at.join(number))).collect()
    }

    fn range(&mut self, kind: Kind, raw: &RawValue, at: &Pointer) -> Option<Range> {
        let members = self.members(raw, at, &["from", "to"])?;
        let mut bound = |name| {
            let Some(raw) = members.get(name) else { return Some(None) };
            match Scalar::read(kind, raw) {
                Ok(value) => Some(Some(value)),
                Err((code, what)) => {
                    self.faults.add(&at.join(name), code, what);
                    None
                }
            }
        };
        let (from, to) = (bound("from"), bound("to"));
        Some(Range { from: from?, to: to? })
    }

    /// `interval`, `timezone`, `min` and `max`. `place` is where the field is named.
    pub(in crate::query) fn calendar(
        &mut self,
        column: &Column,
        members: &Members<'_>,
        (at, place): (&Pointer, &Pointer),
    ) -> Option<Calendar> {
        if !matches!(column.field.kind, Kind::Date { .. }) {
            let what = format!("`{}` is no date", column.field.path);
            self.faults.add(place, Code::FieldCannotServe, what);
            return None;
        }
        let Some(interval) = members.get("interval") else {
            self.faults.add(at, Code::InvalidValue, "`interval` is missing");
            return None;
        };
        let interval = self.word(interval, &at.join("interval"), &Interval::NAMED)?;
        let zone = match members.get("timezone") {
            Some(raw) => self.zone(raw, &at.join("timezone"))?,
            None => Zone::utc(),
        };
        let min = members.get("min").map(|raw| self.day(raw, &at.join("min")));
        let max = members.get("max").map(|raw| self.day(raw, &at.join("max")));
        let bounds = match (min, max) {
            (None, None) => None,
            (Some(min), Some(max)) => Some((min?, max?)),
            _ => {
                self.faults.add(at, Code::InvalidValue, "`min` and `max` go together");
                return None;
            }
        };
        if bounds.is_some_and(|(min, max)| min > max) {
            self.faults.add(&at.join("min"), Code::InvalidValue, "`min` is after `max`");
            return None;
        }
        let most = self.limits.date_buckets;
        let calendar = Calendar { interval, zone, bounds, most };
        if calendar.all().is_none() {
            let what = format!("more than {most} buckets between `min` and `max`");
            let hint = || "take a longer interval";
            self.faults.add_with_hint(at, Code::LimitExceeded, what, hint);
            return None;
        }
        Some(calendar)
    }

    fn zone(&mut self, raw: &RawValue, at: &Pointer) -> Option<Zone> {
        let name = self.text(raw, at)?;
        let zone = Zone::named(&name);
        if zone.is_none() {
            let what = "the name of a time zone is expected here";
            self.faults.add_with_hint(at, Code::InvalidValue, what, || "such as `Asia/Seoul`");
        }
        zone
    }

    fn day(&mut self, raw: &RawValue, at: &Pointer) -> Option<Date> {
        match Scalar::read(Kind::Date { nanos: false }, raw) {
            Ok(Scalar::Day(day)) => return Some(day),
            Ok(_) => {
                self.faults.add(at, Code::InvalidValue, "a day like 2026-01-31 is expected here");
            }
            Err((code, what)) => self.faults.add(at, code, what),
        }
        None
    }
}

fn column(known: &Known, value: &ValueField, folding: Folding) -> Option<Column> {
    let (kind, path) = (value.kind?, &known.path);
    let target = |engine: &String| Target { path: path.clone(), engine: engine.clone(), kind };
    Some(Column {
        field: target(value.sort.as_ref()?),
        compared: value.filter.as_ref().map(target),
        list: known.list.clone(),
        folding,
    })
}

/// Single values that a choice names.
fn chosen(filter: &Filter, path: &str, values: &mut Vec<Scalar>) {
    let mut add = |value: &Scalar| {
        if !values.contains(value) {
            values.push(value.clone());
        }
    };
    match filter {
        Filter::In { field, values: named } if field.path == path => named.iter().for_each(add),
        Filter::Compare { field, op: Op::Eq, value } if field.path == path => add(value),
        Filter::And(all) => all.iter().for_each(|filter| chosen(filter, path, values)),
        Filter::Some { filter, .. } => chosen(filter, path, values),
        _ => {}
    }
}
