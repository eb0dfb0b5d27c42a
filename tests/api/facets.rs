//! Facets and aggregates count what a plain tally of the same documents counts.

use prejoin::sink::Flavor;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};
use unicode_normalization::UnicodeNormalization;

use super::documents::{self, DATES, Dice, NAMES, STATUSES};
use super::generator::Generator;
use super::harness::Api;
use super::tally;
use crate::support::engines::{TestEngine, on_both_engines};

on_both_engines!(
    generated_facets_count_right,
    generated_aggregates_are_worked_out_right,
    what_was_chosen_stays_in_its_facet,
    documents_are_counted_and_not_elements,
    groups_page_to_their_end,
    cursors_of_other_groups_are_refused,
    more_dates_than_are_told_are_refused,
);

const SEARCHES: usize = 200;
const TERMS: [(&str, &[&str]); 12] = [
    ("no", &["K-0001", "K-0100"]),
    ("title", &NAMES),
    ("status", &STATUSES),
    ("tags", &STATUSES),
    ("manager.name", &NAMES),
    ("manager.team.name", &STATUSES),
    ("settlements.status", &STATUSES),
    ("settlements.payer.name", &NAMES),
    ("settlements.lines.code", &STATUSES),
    ("stock", &["0", "3", "6", "99"]),
    ("amount", &["-9223372036854775808", "9007199254740993", "9007199254740992", "7"]),
    ("paid", &["true", "false"]),
];
const ZONES: [&str; 4] = ["UTC", "Asia/Seoul", "America/New_York", "Asia/Kathmandu"];
const INTERVALS: [&str; 5] = ["day", "week", "month", "quarter", "year"];

fn list_of(field: &str) -> Option<&'static str> {
    let lists = ["settlements.lines", "settlements"];
    lists.into_iter().find(|list| field.starts_with(&format!("{list}.")))
}

/// Requests by chance.
struct Requests {
    dice: Dice,
    filters: Generator,
}

impl Requests {
    fn new(seed: u64) -> Self {
        Self { dice: Dice(StdRng::seed_from_u64(seed)), filters: Generator::new(seed) }
    }

    fn value(&mut self, field: &str) -> Value {
        let known = TERMS.iter().find(|(name, _)| *name == field).unwrap().1;
        let text = self.dice.pick(known);
        if ["stock", "amount", "paid"].contains(&field) {
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
                if !["stock", "amount", "paid"].contains(&field) && self.dice.one_in(2) {
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

    fn choices(&mut self) -> Value {
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

    fn search(&mut self) -> Value {
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

    fn aggregate(&mut self) -> Value {
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
            _ => &["status", "tags", "paid", "amount", "signed_at", "manager.team.name", "seen_at"],
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
        asked
    }
}

/// What a tally does not work out is taken out.
fn bare_facets(mut facets: Value) -> Value {
    for facet in facets.as_object_mut().unwrap().values_mut() {
        let buckets = facet["buckets"].as_array_mut().unwrap();
        let is_dates = buckets
            .iter()
            .any(|bucket| bucket.get("value").is_some() && bucket.get("from").is_some());
        let is_ranges = buckets.iter().any(|bucket| bucket.get("value").is_none());
        if is_dates {
            for bucket in buckets {
                let bucket = bucket.as_object_mut().unwrap();
                bucket.remove("from");
                bucket.remove("to");
            }
        } else if is_ranges {
            let counts: Vec<Value> = buckets.iter().map(|bucket| bucket["count"].clone()).collect();
            *facet = json!({"counts": counts, "missing": facet["missing"]});
        }
    }
    facets
}

async fn generated_facets_count_right(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let documents = documents::all();
    let mut requests = Requests::new(6);
    let mut told = 0;
    for number in 0..SEARCHES {
        let body = requests.search();
        let request = api.parsed(&body);
        let reply = api.search(&body).await;
        assert_eq!(reply.status, 200, "search {number}: {body}\n{}", reply.text);
        let json = reply.json();
        let mut expected = tally::facets(&documents, &request);
        // No ranges are no buckets, as are none of anything else.
        for facet in expected.as_object_mut().unwrap().values_mut() {
            if facet["counts"].as_array().is_some_and(Vec::is_empty) {
                *facet = json!({"buckets": [], "missing": facet["missing"]});
            }
        }
        assert_eq!(bare_facets(json["facets"].clone()), expected, "search {number}: {body}");
        let rows = tally::chosen(&documents, &request).len();
        assert_eq!(json["total"]["value"], rows, "search {number}: {body}");
        assert_eq!(json["data"].as_array().unwrap().len(), rows.min(request.page.size));
        told += usize::from(rows > 0 && rows < documents.len());
    }
    assert!(told > SEARCHES / 4, "only {told} searches choose anything");
    api.remove().await;
}

/// Metrics agree as doubles do.
fn assert_alike(answered: &Value, expected: &Value, body: &Value) {
    match (answered, expected) {
        (Value::Number(left), Value::Number(right)) => {
            let (left, right) = (left.as_f64().unwrap(), right.as_f64().unwrap());
            let near = (left - right).abs() <= 1e-9 * left.abs().max(right.abs());
            assert!(near, "{left} is not {right}: {body}");
        }
        (Value::Object(left), Value::Object(right)) => {
            assert_eq!(left.len(), right.len(), "{answered}\n{expected}\n{body}");
            for (name, value) in left {
                if name == "key" || name == "count" {
                    assert_eq!(value, &right[name], "{body}");
                } else {
                    assert_alike(value, &right[name], body);
                }
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            assert_eq!(left.len(), right.len(), "{answered}\n{expected}\n{body}");
            left.iter().zip(right).for_each(|(left, right)| assert_alike(left, right, body));
        }
        _ => assert_eq!(answered, expected, "{body}"),
    }
}

async fn generated_aggregates_are_worked_out_right(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let documents = documents::all();
    let mut requests = Requests::new(7);
    let mut buckets = 0;
    for _ in 0..SEARCHES {
        let mut body = json!({"aggregate": {"a": requests.aggregate()}, "page": {"size": 0}});
        body["facet_filters"] = requests.choices();
        if requests.dice.one_in(2) {
            body["filter"] = requests.filters.documents();
        }
        let request = api.parsed(&body);
        let reply = api.search(&body).await;
        assert_eq!(reply.status, 200, "{body}\n{}", reply.text);
        let mut answered = reply.json()["aggregates"]["a"]["buckets"].clone();
        for bucket in answered.as_array_mut().unwrap() {
            let bucket = bucket.as_object_mut().unwrap();
            bucket.remove("from");
            bucket.remove("to");
        }
        let found = tally::chosen(&documents, &request);
        let expected = tally::aggregate(&found, &request.aggregates[0]);
        assert_alike(&answered, &expected, &body);
        buckets += expected.as_array().unwrap().len();
    }
    assert!(buckets > 4 * SEARCHES, "only {buckets} buckets");
    api.remove().await;
}

async fn what_was_chosen_stays_in_its_facet(engine: TestEngine) {
    let documents: Vec<Value> = [("a", "x"), ("a", "x"), ("b", "x"), ("b", "y"), ("c", "y")]
        .iter()
        .enumerate()
        .map(|(number, (status, tag))| {
            json!({"status": status, "tags": [tag], "_prejoin": {"id": number.to_string()}})
        })
        .collect();
    let api = Api::with(engine.client().await, &documents).await;
    let body = json!({
        "facets": {"status": {"size": 1}, "tags": {}},
        "facet_filters": {"status": {"in": ["c", "never"]}, "tags": {"in": ["x", "y"]}},
    });
    let reply = api.search(&body).await;
    assert_eq!(reply.ids(), ["4"]);
    let facets = &reply.json()["facets"];
    insta::allow_duplicates! {
        insta::assert_snapshot!(facets["status"], @r#"{"buckets":[{"value":"a","count":2,"selected":false},{"value":"c","count":1,"selected":true},{"value":"never","count":0,"selected":true}],"other":2,"missing":0}"#);
        // Of what has the chosen status only.
        insta::assert_snapshot!(facets["tags"], @r#"{"buckets":[{"value":"y","count":1,"selected":true},{"value":"x","count":0,"selected":true}],"other":0,"missing":0}"#);
    }
    api.remove().await;
}

async fn documents_are_counted_and_not_elements(engine: TestEngine) {
    let settlement = |status: &str, amount: i64| json!({"status": status, "amount": amount});
    let documents = [
        json!({"settlements": [settlement("paid", 5), settlement("paid", 7), settlement("overdue", 1)], "_prejoin": {"id": "a"}}),
        json!({"settlements": [settlement("paid", 9), settlement("overdue", 8)], "_prejoin": {"id": "b"}}),
        json!({"settlements": [], "_prejoin": {"id": "c"}}),
    ];
    let api = Api::with(engine.client().await, &documents).await;
    let body = json!({"facets": {
        "settlements.status": {},
        "each": {"field": "settlements.status", "count": "elements"},
        "large": {"field": "settlements.status", "where": {"amount": {"gte": 7}}},
        "ranges": {"field": "settlements.amount", "type": "range", "ranges": [{"to": 7}, {"from": 7}], "where": {"status": {"eq": "paid"}}},
    }});
    let facets = api.search(&body).await.json()["facets"].clone();
    insta::allow_duplicates! {
        insta::assert_snapshot!(facets["settlements.status"], @r#"{"buckets":[{"value":"overdue","count":2,"selected":false},{"value":"paid","count":2,"selected":false}],"other":0,"missing":1}"#);
        insta::assert_snapshot!(facets["each"], @r#"{"buckets":[{"value":"paid","count":3,"selected":false},{"value":"overdue","count":2,"selected":false}],"other":0,"missing":0}"#);
        insta::assert_snapshot!(facets["large"], @r#"{"buckets":[{"value":"paid","count":2,"selected":false},{"value":"overdue","count":1,"selected":false}],"other":0,"missing":1}"#);
        insta::assert_snapshot!(facets["ranges"], @r#"{"buckets":[{"to":7,"count":1,"selected":false},{"from":7,"count":2,"selected":false}],"missing":1}"#);
    }
    api.remove().await;
}

async fn groups_page_to_their_end(engine: TestEngine) {
    let client = engine.client().await;
    let flavor = client.engine().flavor;
    let api = Api::filled(client).await;
    let documents = documents::all();
    let found: Vec<&Value> = documents.iter().collect();
    let mut by = vec![
        json!(["status", "paid", {"field": "signed_at", "interval": "day", "timezone": "Asia/Seoul"}]),
        json!(["amount"]),
        json!(["settlements.status", {"field": "settlements.due", "interval": "week"}]),
    ];
    // Elasticsearch's core has no `unsigned_long`.
    if flavor == Flavor::OpenSearch {
        by.push(json!(["serial", "paid"]));
    }
    for by in by {
        let mut body = json!({"aggregate": {"g": {"type": "group", "by": by, "size": 3}}, "page": {"size": 0}});
        let expected = tally::aggregate(&found, &api.parsed(&body).aggregates[0]);
        let mut answered = Vec::new();
        loop {
            let reply = api.search(&body).await;
            assert_eq!(reply.status, 200, "{body}\n{}", reply.text);
            let page = reply.json()["aggregates"]["g"].clone();
            answered.extend(page["buckets"].as_array().unwrap().clone());
            if page["next"].is_null() {
                break;
            }
            assert!(answered.len() < 1_000, "{body} does not end");
            body["aggregate"]["g"]["after"] = page["next"].clone();
        }
        assert_eq!(Value::Array(answered), expected, "{by}");
    }
    api.remove().await;
}

async fn cursors_of_other_groups_are_refused(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let group = json!({"type": "group", "by": ["status"], "size": 1});
    let body = json!({"aggregate": {"g": group}, "page": {"size": 1}});
    let first = api.search(&body).await.json();
    let next = &first["aggregates"]["g"]["next"];
    let after = |change: &dyn Fn(&mut Value), after: &Value| {
        let mut body = body.clone();
        change(&mut body);
        body["aggregate"]["g"]["after"] = after.clone();
        body
    };
    let larger = |body: &mut Value| body["aggregate"]["g"]["size"] = json!(3);
    assert_eq!(api.search(&after(&larger, next)).await.status, 200);
    let others: [&dyn Fn(&mut Value); 4] = [
        &|body| body["aggregate"]["g"]["by"] = json!(["paid"]),
        &|body| body["aggregate"]["g"]["metrics"] = json!({"m": {"sum": "stock"}}),
        &|body| body["filter"] = json!({"paid": {"eq": true}}),
        &|body| body["facet_filters"] = json!({"paid": {"eq": true}}),
    ];
    for other in others {
        let reply = api.search(&after(other, next)).await;
        assert_eq!((reply.status, &reply.json()["code"]), (422, &json!("cursor_mismatch")));
        assert_eq!(reply.json()["errors"][0]["pointer"], "/aggregate/g/after");
    }
    // Rows and groups each have cursors of their own.
    let reply = api.search(&after(&|_| (), &first["page"]["next"])).await;
    assert_eq!((reply.status, &reply.json()["code"]), (422, &json!("cursor_mismatch")));
    let reply = api.search(&after(&|_| (), &json!("garbage"))).await;
    assert_eq!((reply.status, &reply.json()["code"]), (400, &json!("invalid_cursor")));
    api.remove().await;
}

async fn more_dates_than_are_told_are_refused(engine: TestEngine) {
    let start: jiff::civil::Date = "2020-01-01".parse().unwrap();
    let days = |count: usize| {
        let days = start.series(jiff::ToSpan::days(1)).take(count).enumerate();
        days.map(|(number, day)| {
            json!({"signed_at": day.to_string(), "_prejoin": {"id": format!("{number:04}")}})
        })
        .collect::<Vec<_>>()
    };
    for (count, status) in [(1_000, 200), (1_001, 422)] {
        let api = Api::with(engine.client().await, &days(count)).await;
        let dates = json!({"type": "date_histogram", "field": "signed_at", "interval": "day"});
        for body in [json!({"facets": {"d": dates}}), json!({"aggregate": {"d": dates}})] {
            let reply = api.search(&body).await;
            assert_eq!(reply.status, status, "{count} {body} {}", reply.text);
        }
        // With bounds, it does not matter what the index holds.
        let mut bounded = dates.clone();
        bounded["min"] = json!("2020-02-01");
        bounded["max"] = json!("2020-02-29");
        let reply = api.search(&json!({"facets": {"d": bounded}})).await;
        assert_eq!(reply.json()["facets"]["d"]["buckets"].as_array().unwrap().len(), 29);
        api.remove().await;
    }
}
