//! Facets and aggregates by chance, over values that the documents have.

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};
use unicode_normalization::UnicodeNormalization;

use super::documents::{self, DATES, Dice, NAMES, STATUSES};
use super::generator::Generator;

/// Fields that can be counted by value, and values that can be chosen of them.
const TERMS: [(&str, &[&str]); 13] = [
    ("no", &["K-0001", "K-0100"]),
    ("title", &NAMES),
    ("status", &STATUSES),
    ("tags", &STATUSES),
    ("manager.name", &NAMES),
    ("manager.team.name", &STATUSES),
    ("settlements.status", &STATUSES),
    ("settlements.payer.name", &NAMES),
    ("settlements.lines.code", &STATUSES),
    ("marks", &["0", "4", "8", "99"]),
    ("stock", &["0", "3", "6", "99"]),
    ("amount", &["-9223372036854775808", "9007199254740993", "9007199254740992", "7"]),
    ("paid", &["true", "false"]),
];
/// Those of them whose values are no texts.
const NO_TEXTS: [&str; 4] = ["stock", "marks", "amount", "paid"];
const ZONES: [&str; 4] = ["UTC", "Asia/Seoul", "America/New_York", "Asia/Kathmandu"];
const INTERVALS: [&str; 5] = ["day", "week", "month", "quarter", "year"];

fn list_of(field: &str) -> Option<&'static str> {
    let lists = ["settlements.lines", "settlements"];
    lists.into_iter().find(|list| field.starts_with(&format!("{list}.")))
}

/// Requests by chance.
pub(super) struct Requests {
    pub(super) dice: Dice,
    pub(super) filters: Generator,
}

impl Requests {
    pub(super) fn new(seed: u64) -> Self {
        Self { dice: Dice(StdRng::seed_from_u64(seed)), filters: Generator::new(seed) }
    }

    fn value(&mut self, field: &str) -> Value {
        let known = TERMS.iter().find(|(name, _)| *name == field).unwrap().1;
        let text = self.dice.pick(known);
        if NO_TEXTS.contains(&field) {
            return serde_json::from_str(text).unwrap();
        }
        json!(text)
    }

    /// `where` and `count`, for fields of a list.
    fn of_elements(&mut self, list: Option<&str>, to: &mut Value) {
        let Some(list) = list else { return };
        if self.dice.one_in(2) {
            to["where"] = self.filters.elements(list);
        }
        if self.dice.one_in(3) {
            to["count"] = json!(self.dice.pick(&["elements", "documents"]));
        }
    }

    fn calendar(&mut self, to: &mut Value) {
        to["interval"] = json!(self.dice.pick(&INTERVALS));
        if self.dice.one_in(2) {
            to["timezone"] = json!(self.dice.pick(&ZONES));
        }
        if self.dice.one_in(2) {
            to["min"] = json!(self.dice.pick(&["2025-12-31", "2026-01-15"]));
            to["max"] = json!(self.dice.pick(&["2026-01-15", "2026-01-30", "2026-04-01"]));
        }
    }

    /// The beginning of one of the values, perhaps with its last syllable taken apart, and not all of that typed yet.
    fn typed(&mut self, values: &[&str]) -> String {
        let value = self.dice.pick(values);
        let count = 1 + self.dice.below(value.chars().count());
        let mut typed: String = value.chars().take(count).collect();
        if self.dice.one_in(2) {
            let letters: Vec<char> = typed.nfd().collect();
            typed = letters[..letters.len() - self.dice.below(2).min(letters.len() - 1)]
                .iter()
                .collect();
        }
        typed
    }

    fn facet(&mut self) -> (String, Value) {
        let (field, mut facet) = match self.dice.below(6) {
            0 => {
                let field = self.dice.pick(&["signed_at", "seen_at", "settlements.due"]);
                let mut facet = json!({"type": "date_histogram"});
                self.calendar(&mut facet);
                (field, facet)
            }
            1 => {
                let field =
                    self.dice.pick(&["amount", "settlements.amount", "price", "settlements.due"]);
                let bound = |dice: &mut Dice| match field {
                    "settlements.due" => json!(dice.pick(&DATES)),
                    "price" => documents::exact(dice.pick(&documents::PRICES)),
                    _ => json!(dice.pick(&documents::AMOUNTS)),
                };
                let ranges = (0..self.dice.below(4)).map(|_| {
                    let mut range = json!({});
                    for name in ["from", "to"] {
                        if !self.dice.one_in(4) {
                            range[name] = bound(&mut self.dice);
                        }
                    }
                    range
                });
                (field, json!({"type": "range", "ranges": ranges.collect::<Vec<_>>()}))
            }
            _ => {
                let (field, values) = self.dice.pick(&TERMS);
                let mut facet = json!({"type": "terms", "size": 1 + self.dice.below(5)});
                if !NO_TEXTS.contains(&field) && self.dice.one_in(2) {
                    facet["prefix"] = json!(self.typed(values));
                }
                (field, facet)
            }
        };
        self.of_elements(list_of(field), &mut facet);
        if self.dice.one_in(3) {
            facet["field"] = json!(field);
            return (format!("named {field}"), facet);
        }
        (field.to_owned(), facet)
    }

    pub(super) fn choices(&mut self) -> Value {
        let mut choices = Map::new();
        for _ in 0..self.dice.below(4) {
            let (field, _) = self.dice.pick(&TERMS);
            let count = self.dice.below(4);
            let values: Vec<Value> = (0..count).map(|_| self.value(field)).collect();
            let mut choice = match self.dice.below(4) {
                0 => json!({"eq": self.value(field)}),
                1 => json!({"ne": self.value(field)}),
                _ => json!({"in": values}),
            };
            if let Some(list) = list_of(field)
                && self.dice.one_in(3)
            {
                choice["where"] = self.filters.elements(list);
            }
            choices.insert(field.to_owned(), choice);
        }
        Value::Object(choices)
    }

    pub(super) fn search(&mut self) -> Value {
        let facets: Map<String, Value> =
            (0..1 + self.dice.below(4)).map(|_| self.facet()).collect();
        let mut body = json!({"facets": facets, "facet_filters": self.choices(), "count": "exact"});
        if self.dice.one_in(2) {
            body["filter"] = self.filters.documents();
        }
        body["page"] = json!({"size": self.dice.below(3)});
        body
    }

    fn metrics(&mut self, list: Option<&str>) -> Value {
        let mut metrics = Map::new();
        for number in 0..self.dice.below(4) {
            let field = match list {
                None => self.dice.pick(&[
                    "stock",
                    "marks",
                    "short",
                    "settlements.lines.count",
                    "settlements.amount",
                    "signed_at",
                ]),
                Some("settlements") => {
                    self.dice.pick(&["stock", "settlements.amount", "settlements.due"])
                }
                Some(_) => self.dice.pick(&["short", "settlements.lines.count"]),
            };
            let what = match field {
                "signed_at" | "settlements.due" => self.dice.pick(&["min", "max", "count"]),
                // Their sum is more than doubles hold: it depends on the order of the elements.
                "settlements.amount" => self.dice.pick(&["min", "max", "count"]),
                _ => self.dice.pick(&["sum", "avg", "min", "max", "count"]),
            };
            let mut metric = json!({what: field});
            if let Some(list) = list_of(field)
                && self.dice.one_in(2)
            {
                metric["where"] = self.filters.elements(list);
            }
            metrics.insert(format!("m{number}"), metric);
        }
        Value::Object(metrics)
    }

    pub(super) fn aggregate(&mut self) -> Value {
        if self.dice.one_in(3) {
            let field = self.dice.pick(&["signed_at", "seen_at", "settlements.due"]);
            let mut asked = json!({"type": "date_histogram", "field": field, "metrics": self.metrics(list_of(field))});
            self.calendar(&mut asked);
            self.of_elements(list_of(field), &mut asked);
            return asked;
        }
        let fields: &[&str] = match self.dice.below(4) {
            0 => &["settlements.status", "settlements.due", "settlements.payer.name"],
            1 => &["settlements.lines.code", "settlements.lines.count"],
            _ => &[
                "status",
                "tags",
                "marks",
                "paid",
                "amount",
                "signed_at",
                "manager.team.name",
                "seen_at",
            ],
        };
        let mut by: Vec<&str> = Vec::new();
        for _ in 0..1 + self.dice.below(3) {
            let field = self.dice.pick(fields);
            if !by.contains(&field) {
                by.push(field);
            }
        }
        let list = list_of(by[0]);
        let keys = by.iter().map(|field| match *field {
            "settlements.due" | "signed_at" | "seen_at" => {
                json!({"field": field, "interval": self.dice.pick(&INTERVALS), "timezone": self.dice.pick(&ZONES)})
            }
            _ => json!(field),
        });
        let keys: Vec<Value> = keys.collect();
        let mut asked =
            json!({"type": "group", "by": keys, "size": 1_000, "metrics": self.metrics(list)});
        self.of_elements(list, &mut asked);
        if self.dice.one_in(3) {
            let metrics = asked["metrics"].as_object().unwrap();
            let mut names: Vec<&str> = metrics.keys().map(String::as_str).collect();
            names.push("count");
            let by = names[self.dice.below(names.len())].to_owned();
            asked["sort"] = json!({"by": by, "order": self.dice.pick(&["asc", "desc"])});
            asked["size"] = json!(1 + self.dice.below(8));
        }
        asked
    }
}
