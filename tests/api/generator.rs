//! Searches by chance, over values that the documents have.

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};

use super::documents::{
    AMOUNTS, DATES, Dice, HALVES, NAMES, PRICES, RATES, SERIALS, SMALLS, STATUSES, WORDS, exact,
};

/// How many searches are under way at a time.
pub(super) const AT_A_TIME: usize = 8;

/// The seed of `PREJOIN_TEST_SEED`, such as `$RANDOM`, else always the same one: what is right today does not go wrong tomorrow by
/// chance alone. It is shown, so that what goes wrong can happen again.
pub(super) fn seed() -> u64 {
    let given = std::env::var("PREJOIN_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or(0);
    println!("PREJOIN_TEST_SEED={seed}");
    seed
}

/// A field and values to compare it with.
type Leaf = (&'static str, fn(&mut Dice) -> Value);

const ROOT: [Leaf; 18] = [
    ("no", |dice| format!("K-{:04}", dice.below(200)).into()),
    ("title", name),
    ("status", status),
    ("tags", status),
    ("marks", |dice| dice.below(10).into()),
    ("amount", amount),
    ("stock", |dice| dice.below(7).into()),
    ("rate", |dice| exact(dice.pick(&RATES))),
    ("price", |dice| exact(dice.pick(&PRICES))),
    ("serial", |dice| exact(dice.pick(&SERIALS))),
    ("half", |dice| exact(dice.pick(&HALVES))),
    ("short", |dice| exact(dice.pick(&SMALLS))),
    ("byte", |dice| exact(dice.pick(&SMALLS))),
    ("share", |dice| exact(dice.pick(&["0.1", "0.15", "-3.75"]))),
    ("signed_at", date),
    ("seen_at", moment),
    ("manager.name", name),
    ("manager.team.name", status),
];
const SETTLEMENT: [Leaf; 4] =
    [("status", status), ("amount", amount), ("due", date), ("payer.name", name)];
const LINE: [Leaf; 2] = [("code", status), ("count", |dice| dice.below(3).into())];
pub(super) const SORTED: [&str; 18] = [
    "no",
    "title",
    "status",
    "tags",
    "marks",
    "amount",
    "stock",
    "rate",
    "share",
    "price",
    "serial",
    "half",
    "short",
    "byte",
    "paid",
    "signed_at",
    "seen_at",
    "manager.name",
];
const PRESENT: [&str; 8] =
    ["title", "memo", "amount", "manager", "manager.team", "settlements", "tags", "marks"];

/// Where in a document a filter stands.
#[derive(Clone, Copy)]
enum Level {
    Root,
    Settlement,
    Line,
}

/// Searches of one seed.
pub(super) struct Generator(Dice);

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self(Dice(StdRng::seed_from_u64(seed)))
    }

    /// A filter, a sort and a size.
    pub(super) fn search(&mut self) -> Value {
        let mut search = json!({"filter": self.filter(Level::Root, 4), "count": "exact"});
        let mut sort: Vec<&str> = Vec::new();
        for _ in 0..self.0.below(4) {
            let field = self.0.pick(&SORTED);
            if !sort.contains(&field) {
                sort.push(field);
            }
        }
        let keys = sort.into_iter().map(|field| {
            let order = if self.0.one_in(2) { "asc" } else { "desc" };
            json!({"field": field, "order": order})
        });
        search["sort"] = keys.collect();
        if self.0.one_in(3) {
            search["q"] = self.q();
            if self.0.one_in(2) {
                search["sort"] = json!([]);
            }
        }
        if self.0.one_in(3) {
            let key = self.picked();
            let sort = search["sort"].as_array_mut().unwrap();
            sort.insert(self.0.below(sort.len() + 1), key);
        }
        let most = if self.0.one_in(8) { 60 } else { 8 };
        search["page"] = json!({"size": 1 + self.0.below(most)});
        search
    }

    fn q(&mut self) -> Value {
        let first = if self.0.one_in(4) { self.0.pick(&NAMES) } else { self.0.pick(&WORDS) };
        let mut q = json!({"text": format!("{first} {}", self.0.words(4)).trim_end()});
        if self.0.one_in(2) {
            let fields = ["title", "note", "settlements.note"];
            q["fields"] = json!(fields[self.0.below(2)..=2]);
        }
        if self.0.one_in(2) {
            q["mode"] = self.0.pick(&["all", "any", "phrase"]).into();
        }
        q
    }

    /// A key that looks into the list.
    fn picked(&mut self) -> Value {
        let field = self.0.pick(&["amount", "status", "due", "payer.name"]);
        let mut key = json!({"field": format!("settlements.{field}"), "agg": self.0.pick(&["max", "min"]),
            "order": self.0.pick(&["asc", "desc"])});
        if self.0.one_in(2) {
            key["where"] = self.filter(Level::Settlement, 2);
        }
        key
    }

    /// What documents are like.
    pub(super) fn documents(&mut self) -> Value {
        self.filter(Level::Root, 2)
    }

    /// What elements of that list are like.
    pub(super) fn elements(&mut self, list: &str) -> Value {
        self.filter(if list == "settlements" { Level::Settlement } else { Level::Line }, 2)
    }

    fn filter(&mut self, level: Level, depth: usize) -> Value {
        if depth == 0 {
            return self.condition(level, 0);
        }
        match self.0.below(8) {
            0 => json!({"and": self.filters(level, depth)}),
            1 | 2 => json!({"or": self.filters(level, depth)}),
            3 => json!({"not": self.filter(level, depth - 1)}),
            4 => {
                let mut both = Map::new();
                for _ in 0..2 {
                    if let Value::Object(one) = self.condition(level, depth - 1) {
                        both.extend(one);
                    }
                }
                // Beside others, one of these is needed all the same.
                if self.0.one_in(3) {
                    both.insert("or".to_owned(), self.filters(level, depth).into());
                }
                Value::Object(both)
            }
            _ => self.condition(level, depth - 1),
        }
    }

    fn filters(&mut self, level: Level, depth: usize) -> Vec<Value> {
        let count = if self.0.one_in(12) { 0 } else { 1 + self.0.below(3) };
        (0..count).map(|_| self.filter(level, depth - 1)).collect()
    }

    fn condition(&mut self, level: Level, depth: usize) -> Value {
        let inner = match level {
            Level::Root => Some(("settlements", Level::Settlement)),
            Level::Settlement => Some(("lines", Level::Line)),
            Level::Line => None,
        };
        if let Some((list, level)) = inner
            && self.0.one_in(3)
        {
            let mut condition = json!({});
            condition[list] = match self.0.below(6) {
                0 => json!({"exists": self.0.one_in(2)}),
                1 => self.count(level, depth),
                2 => json!({"none": self.filter(level, depth)}),
                3 => json!({"every": self.filter(level, depth)}),
                _ => json!({"some": self.filter(level, depth)}),
            };
            return condition;
        }
        if matches!(level, Level::Root) && self.0.one_in(6) {
            let mut condition = json!({});
            condition[self.0.pick(&PRESENT)] = json!({"exists": self.0.one_in(2)});
            return condition;
        }
        // One of several values has to lie between, where two of them lie on either side.
        if matches!(level, Level::Root) && self.0.one_in(12) {
            let (first, second) = (self.0.below(10), self.0.below(10));
            return json!({"marks": {"between": [first.min(second), first.max(second)]}});
        }
        if matches!(level, Level::Root) && self.0.one_in(10) {
            return json!({"paid": {self.0.pick(&["eq", "ne"]): self.0.one_in(2)}});
        }
        match self.0.below(8) {
            0 => self.part(level),
            1 if !matches!(level, Level::Line) => self.words(level),
            _ => self.comparison(level),
        }
    }

    fn count(&mut self, level: Level, depth: usize) -> Value {
        let operator = self.0.pick(&["eq", "ne", "lt", "lte", "gt", "gte"]);
        let mut count = json!({operator: self.0.below(4)});
        if self.0.one_in(2) {
            count["where"] = self.filter(level, depth.saturating_sub(1));
        }
        if self.0.one_in(4) {
            count["lte"] = self.0.below(4).into();
        }
        json!({"count": count})
    }

    /// A part of a value, perhaps in another case.
    fn part(&mut self, level: Level) -> Value {
        let field = match level {
            Level::Root => self.0.pick(&["no", "title", "status", "tags", "manager.name"]),
            Level::Settlement => self.0.pick(&["status", "payer.name"]),
            Level::Line => "code",
        };
        let operator = self.0.pick(&["contains", "icontains", "starts_with"]);
        let from = match field {
            "no" => "K-0123",
            "title" | "manager.name" | "payer.name" => self.0.pick(&NAMES),
            _ => self.0.pick(&STATUSES),
        };
        let chars: Vec<char> = from.chars().collect();
        let start = if operator == "starts_with" { 0 } else { self.0.below(chars.len() - 1) };
        let end = start + 2 + self.0.below(chars.len() - start - 1);
        let mut part: String = chars[start..end].iter().collect();
        if self.0.one_in(3) {
            part = part.to_uppercase();
        }
        let mut condition = json!({});
        condition[field] = json!({operator: part});
        condition
    }

    fn words(&mut self, level: Level) -> Value {
        let field = match level {
            Level::Root => self.0.pick(&["note", "note", "title"]),
            Level::Settlement | Level::Line => "note",
        };
        let operator = self.0.pick(&["match", "phrase"]);
        let first = self.0.pick(&WORDS);
        let mut condition = json!({});
        condition[field] = json!({operator: format!("{first} {}", self.0.words(3)).trim_end()});
        condition
    }

    fn comparison(&mut self, level: Level) -> Value {
        let (field, value) = match level {
            Level::Root => self.0.pick(&ROOT),
            Level::Settlement => self.0.pick(&SETTLEMENT),
            Level::Line => self.0.pick(&LINE),
        };
        let mut operators = Map::new();
        for _ in 0..1 + self.0.below(2) {
            let known = ["eq", "ne", "in", "nin", "lt", "lte", "gt", "gte", "between"];
            let operator = self.0.pick(&known);
            let count = if operator == "between" { 2 } else { self.0.below(4) };
            let operand = match operator {
                "in" | "nin" | "between" => (0..count).map(|_| value(&mut self.0)).collect(),
                _ => value(&mut self.0),
            };
            operators.insert(operator.to_owned(), operand);
        }
        let mut comparison = json!({});
        comparison[field] = Value::Object(operators);
        comparison
    }
}

fn name(dice: &mut Dice) -> Value {
    (dice.pick(&NAMES)).into()
}

fn status(dice: &mut Dice) -> Value {
    (dice.pick(&STATUSES)).into()
}

fn amount(dice: &mut Dice) -> Value {
    (dice.pick(&AMOUNTS)).into()
}

fn date(dice: &mut Dice) -> Value {
    (dice.pick(&DATES)).into()
}

fn moment(dice: &mut Dice) -> Value {
    if dice.one_in(5) {
        return date(dice);
    }
    format!("2026-01-31T00:00:00.{:09}Z", dice.below(11)).into()
}
