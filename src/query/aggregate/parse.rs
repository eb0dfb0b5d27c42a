//! Reads the `aggregate` of a body.
//!
//! Promises: as [`parse`](super::super::parse()).

use serde_json::value::RawValue;

use super::{Aggregate, DEFAULT_GROUPS, Grouping, Key, Measure, Metric, Rank, RankBy};
use crate::finding::did_you_mean;
use crate::query::elements::Column;
use crate::query::facet::Members;
use crate::query::fault::{Code, Pointer};
use crate::query::fields::Kind;
use crate::query::filter::object;
use crate::query::parse::Reader;
use crate::query::{Filter, Order};

const GROUP: [&str; 8] = ["type", "by", "size", "after", "sort", "where", "count", "metrics"];
const DATES: [&str; 9] =
    ["type", "field", "interval", "timezone", "min", "max", "where", "count", "metrics"];

impl Reader<'_> {
    pub(in crate::query) fn aggregates(
        &mut self,
        raw: &RawValue,
        at: &Pointer,
    ) -> Option<Vec<Aggregate>> {
        let members = object(raw, at, &mut self.faults)?;
        let most = self.limits.aggregates;
        if members.len() > most {
            let what = format!("more than {most} aggregates");
            self.faults.add(at, Code::LimitExceeded, what);
            return None;
        }
        members.into_iter().map(|(name, raw)| self.aggregate(&name, raw, &at.join(&name))).collect()
    }

    fn aggregate(&mut self, name: &str, raw: &RawValue, at: &Pointer) -> Option<Aggregate> {
        let all: Vec<&str> = GROUP.iter().chain(&DATES).copied().collect();
        let members = self.members(raw, at, &all)?;
        let Some(ty) = members.get("type") else {
            self.faults.add(at, Code::InvalidValue, "`type` is missing: group or date_histogram");
            return None;
        };
        let types = [("group", true), ("date_histogram", false)];
        let is_group = self.word(ty, &at.join("type"), &types)?;
        let members = self.members(raw, at, if is_group { &GROUP } else { &DATES })?;
        let (mut by, list) = if is_group {
            self.keys(&members, at)?
        } else {
            let place = at.join("field");
            let Some(field) = members.get("field") else {
                self.faults.add(at, Code::InvalidValue, "`field` is missing");
                return None;
            };
            let path = self.text(field, &place)?;
            let column = self.column(&path, "counted", &place)?;
            let calendar = self.calendar(&column, &members, (at, &place))?;
            let list = column.list.clone();
            (Grouping::Dates { column: Box::new(column), calendar: Box::new(calendar) }, list)
        };
        let elements = self.elements(list.as_deref(), &members, at)?;
        let metrics = match members.get("metrics") {
            Some(raw) => self.metrics(list.as_deref(), raw, &at.join("metrics"))?,
            None => Vec::new(),
        };
        if let (Grouping::Keys { rank, after, .. }, Some(raw)) = (&mut by, members.get("sort")) {
            let at = at.join("sort");
            if after.is_some() {
                let what = "`sort` and `after` exclude each other";
                let hint = || "only the order of the keys has pages";
                self.faults.add_with_hint(&at, Code::InvalidValue, what, hint);
                return None;
            }
            *rank = Some(self.rank(&metrics, raw, &at)?);
        }
        Some(Aggregate { name: name.to_owned(), elements, by, metrics })
    }

    fn keys(&mut self, members: &Members<'_>, at: &Pointer) -> Option<(Grouping, Option<String>)> {
        let by = at.join("by");
        let elements = match members.get("by") {
            Some(raw) => self.list(raw, &by, "fields")?,
            None => Vec::new(),
        };
        if elements.is_empty() {
            self.faults.add(&by, Code::InvalidValue, "`by` names the fields of a group");
            return None;
        }
        let most = self.limits.group_keys;
        if elements.len() > most {
            self.faults.add(&by, Code::LimitExceeded, format!("more than {most} keys"));
            return None;
        }
        let mut keys: Vec<Key> = Vec::new();
        for (number, raw) in elements.into_iter().enumerate() {
            let at = by.join(number);
            let key = self.key(raw, &at)?;
            let first = keys.first().unwrap_or(&key);
            if first.column.list != key.column.list {
                let what = "the keys of a group belong to one list, or all to the document itself";
                self.faults.add(&at, Code::FieldCannotServe, what);
                return None;
            }
            if keys.iter().any(|other| other.column.field.path == key.column.field.path) {
                let what = format!("`{}` is a key already", key.column.field.path);
                self.faults.add(&at, Code::InvalidValue, what);
                return None;
            }
            keys.push(key);
        }
        let most = self.limits.groups;
        let size = members.get("size").map(|raw| self.number(raw, &at.join("size"), most));
        let after = match members.get("after") {
            Some(raw) if raw.get() != "null" => Some(self.text(raw, &at.join("after"))?),
            _ => None,
        };
        let list = keys.first().and_then(|key| key.column.list.clone());
        let size = size.unwrap_or(Some(DEFAULT_GROUPS.min(most)))?;
        Some((Grouping::Keys { keys, size, after, rank: None }, list))
    }

    /// `{"by": "total", "order": "desc"}`; `count` is a metric of that name, or else how many there are.
    fn rank(&mut self, metrics: &[Metric], raw: &RawValue, at: &Pointer) -> Option<Rank> {
        let members = self.members(raw, at, &["by", "order"])?;
        let place = at.join("by");
        let Some(by) = members.get("by") else {
            self.faults.add(&place, Code::InvalidValue, "`by` names a metric, or is `count`");
            return None;
        };
        let by = self.text(by, &place)?;
        let by = match metrics.iter().position(|metric| metric.name == by) {
            Some(number) => RankBy::Metric(number),
            None if by == "count" => RankBy::Count,
            None => {
                let names = metrics.iter().map(|metric| metric.name.as_str()).chain(["count"]);
                let hint = || did_you_mean(&by, names);
                let what = "this is no metric of the aggregate";
                self.faults.add_with_hint(&place, Code::InvalidValue, what, hint);
                return None;
            }
        };
        let words = [("asc", Order::Asc), ("desc", Order::Desc)];
        let order = match members.get("order") {
            Some(raw) => self.word(raw, &at.join("order"), &words)?,
            None => Order::Asc,
        };
        Some(Rank { by, order })
    }

    /// A path, or a date with its interval.
    fn key(&mut self, raw: &RawValue, at: &Pointer) -> Option<Key> {
        if !raw.get().starts_with('{') {
            let path = self.text(raw, at)?;
            let column = self.column(&path, "grouped by", at)?;
            if matches!(column.field.kind, Kind::Date { .. }) {
                let what = format!("`{path}` is a date: a group needs its `interval`");
                let hint = || format!(r#"write {{"field": "{path}", "interval": "month"}}"#);
                self.faults.add_with_hint(at, Code::InvalidValue, what, hint);
                return None;
            }
            self.is_discrete(&column, at)?;
            return Some(Key { column, calendar: None });
        }
        let members = self.members(raw, at, &["field", "interval", "timezone"])?;
        let place = at.join("field");
        let Some(field) = members.get("field") else {
            self.faults.add(at, Code::InvalidValue, "`field` is missing");
            return None;
        };
        let path = self.text(field, &place)?;
        let column = self.column(&path, "grouped by", &place)?;
        let calendar = self.calendar(&column, &members, (at, &place))?;
        Some(Key { column, calendar: Some(calendar) })
    }

    fn metrics(&mut self, list: Option<&str>, raw: &RawValue, at: &Pointer) -> Option<Vec<Metric>> {
        let members = object(raw, at, &mut self.faults)?;
        let most = self.limits.metrics;
        if members.len() > most {
            self.faults.add(at, Code::LimitExceeded, format!("more than {most} metrics"));
            return None;
        }
        let each = members.into_iter();
        each.map(|(name, raw)| self.metric(list, &name, (raw, &at.join(&name)))).collect()
    }

    /// `{"sum": "settlements.amount", "where": {…}}`.
    fn metric(
        &mut self,
        list: Option<&str>,
        name: &str,
        (raw, at): (&RawValue, &Pointer),
    ) -> Option<Metric> {
        let members = self.members(raw, at, &["sum", "avg", "min", "max", "count", "where"])?;
        let mut named = Measure::NAMED
            .iter()
            .filter_map(|(word, what)| members.get(word).map(|raw| (*word, *what, raw)));
        let (Some((word, what, raw)), None) = (named.next(), named.next()) else {
            let what = "one of sum, avg, min, max and count is expected here";
            self.faults.add(at, Code::InvalidValue, what);
            return None;
        };
        let place = at.join(word);
        let path = self.text(raw, &place)?;
        let column = self.column(&path, "worked with", &place)?;
        self.can_measure(what, word, (&column, &place))?;
        if !can_reach(list, column.list.as_deref()) {
            let what = format!("`{path}` belongs to another list than the keys");
            self.faults.add(&place, Code::FieldCannotServe, what);
            return None;
        }
        let only = match members.get("where") {
            Some(raw) => self.only(column.list.as_deref(), raw, &at.join("where"))?,
            None => Filter::everything(),
        };
        Some(Metric { name: name.to_owned(), what, column, only })
    }

    fn can_measure(
        &mut self,
        what: Measure,
        word: &str,
        (column, at): (&Column, &Pointer),
    ) -> Option<()> {
        let can = match column.field.kind {
            Kind::Integer { .. } | Kind::Float { .. } => true,
            Kind::Date { .. } => matches!(what, Measure::Min | Measure::Max | Measure::Count),
            Kind::Keyword | Kind::Boolean | Kind::Id => what == Measure::Count,
        };
        if !can {
            let what = format!("there is no `{word}` of `{}`", column.field.path);
            self.faults.add(at, Code::OperatorNotAllowed, what);
        }
        can.then_some(())
    }
}

/// Whether values there can be told from elements here: of the same list, of the document around it, or of a list of the
/// document's when whole documents are grouped.
fn can_reach(from: Option<&str>, to: Option<&str>) -> bool {
    from == to || from.is_none() || to.is_none()
}
