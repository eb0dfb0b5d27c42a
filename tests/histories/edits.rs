//! Random edits, each a statement that makes sense whatever was done before, so that any of them may be left out.

use super::dice::Dice;
use super::schema::{Column, Dating, Group, Of, Schema, Shape, Table};

/// A transaction on one server.
#[derive(Debug, Clone)]
pub(super) struct Transaction {
    pub(super) place: usize,
    /// Statements in which `NOW` is the present.
    pub(super) edits: Vec<String>,
    pub(super) commits: bool,
    /// Runs that come and go while it is open.
    pub(super) open_for: usize,
}

/// Texts that are keys: some differ in case alone, some have what ids escape.
const TEXTS: [&str; 10] = ["a", "A", "b", "B", "ab", "aB", "c:d", "5%", "e", "f"];
/// When the first rows were made: long before any run's horizon.
const LONG_AGO: &str = "'2001-01-01 00:00:00'";
/// How many keys there are of a shape.
const KEYS: usize = 10;

/// Makes edits up.
pub(super) struct Editor<'e> {
    pub(super) schema: &'e Schema,
    pub(super) dice: &'e mut Dice,
    /// Values that were given: each is a new one.
    pub(super) given: u64,
    /// Rows that were touched last, by their table's name.
    pub(super) recent: Vec<(String, String)>,
}

impl Editor<'_> {
    /// Transactions that put a few rows into every table.
    pub(super) fn fill(&mut self) -> Vec<Transaction> {
        let schema = self.schema;
        let fill = |table: &Table| {
            let edits = (0..KEYS + 2).map(|_| self.insert(table).0.replace("NOW", LONG_AGO));
            let edits = edits.collect();
            Transaction { place: table.place, edits, commits: true, open_for: 0 }
        };
        schema.tables.iter().map(fill).collect()
    }

    /// About so many transactions one after the other, each on one server.
    pub(super) fn some(&mut self, count: usize) -> Vec<Transaction> {
        (0..count).flat_map(|_| self.transaction()).collect()
    }

    fn transaction(&mut self) -> Vec<Transaction> {
        let schema = self.schema;
        let of = |edits, place| Transaction { place, edits, commits: true, open_for: 0 };
        if self.dice.chance(10) {
            return self.flash().map(|(edits, place)| of(edits, place)).into();
        }
        let place = schema.tables[self.dice.below(schema.tables.len())].place;
        let here: Vec<&Table> = schema.tables.iter().filter(|table| table.place == place).collect();
        let count = self.dice.within(1, 5);
        let edits: Vec<String> = (0..count)
            .map(|_| {
                let table = self.dice.one_of(&here);
                self.edit(table)
            })
            .collect();
        let mut transaction = of(edits, place);
        transaction.commits = self.dice.chance(85);
        if schema.places[place].has_many_writers() && self.dice.chance(25) {
            transaction.open_for = self.dice.within(1, 3);
        }
        vec![transaction]
    }

    /// A row that comes and goes at once.
    fn flash(&mut self) -> [(Vec<String>, usize); 2] {
        let all = &self.schema.tables;
        let mortal: Vec<&Table> = all.iter().filter(|table| table.has_tombstones()).collect();
        let Some(at) = (!mortal.is_empty()).then(|| self.dice.below(mortal.len())) else {
            let place = all[0].place;
            return [(Vec::new(), place), (Vec::new(), place)];
        };
        let table = mortal[at];
        let (insert, key) = self.insert(table);
        let delete = format!("DELETE FROM {} WHERE {key}", table.name);
        [(vec![insert], table.place), (vec![delete], table.place)]
    }

    fn edit(&mut self, table: &Table) -> String {
        let mortal = table.has_tombstones();
        match table.of {
            Of::Links => match self.dice.below(10) {
                0..4 => self.insert(table).0,
                4..7 => self.movement(table),
                _ => self.delete(table),
            },
            Of::Things { shape, .. } => match self.dice.below(100) {
                0..18 => self.insert(table).0,
                18..34 => self.value(table),
                34..56 if !table.groups.is_empty() => self.movement(table),
                56..70 if mortal => self.delete(table),
                70..80 if mortal => self.rekey(table, shape),
                80..83 => self.bulk(table),
                83..92 => self.soft(table),
                _ => self.switch(table),
            },
        }
    }

    /// A new row, and the condition that finds it.
    fn insert(&mut self, table: &Table) -> (String, String) {
        let key = match table.of {
            Of::Things { shape, .. } => self.values(shape),
            Of::Links => vec![self.dice.within(1, 40).to_string()],
        };
        let mut row: Vec<(String, String)> = Vec::new();
        let by_groups = table.of == Of::Links && table.key.len() > 1;
        if !by_groups {
            row.extend(table.key.iter().map(name).zip(key));
        }
        for group in &table.groups {
            let values = self.reference(group, by_groups);
            row.extend(group.columns.iter().map(name).zip(values));
        }
        if table.of != Of::Links {
            row.push(("v".to_owned(), self.fresh()));
            row.push(("n".to_owned(), self.small()));
            let state = if self.dice.chance(80) { "'on'" } else { "'off'" };
            row.push(("state".to_owned(), state.to_owned()));
        }
        let dated = if table.dating == Dating::Updated { "updated_at" } else { "created_at" };
        row.push((dated.to_owned(), "NOW".to_owned()));
        let is_key = |(name, _): &&(String, String)| table.key.iter().any(|key| key.name == *name);
        let found = all(row.iter().filter(is_key).cloned(), " AND ");
        let found = self.touched(table, found);
        let (names, values): (Vec<String>, Vec<String>) = row.into_iter().unzip();
        let insert = format!(
            "INSERT INTO {} ({}) VALUES ({})",
            table.name,
            names.join(", "),
            values.join(", ")
        );
        (insert, found)
    }

    fn value(&mut self, table: &Table) -> String {
        let value = match self.dice.chance(60) {
            true => format!("v = {}", self.fresh()),
            false => format!("n = {}", self.small()),
        };
        self.update(table, &value)
    }

    /// A row's parent, or another column by which it is found; of a link, now and then both ends at once.
    fn movement(&mut self, table: &Table) -> String {
        let groups = match table.of {
            Of::Links if self.dice.chance(30) => &table.groups[..],
            _ => {
                let at = self.dice.below(table.groups.len());
                &table.groups[at..=at]
            }
        };
        let mut set = Vec::new();
        for group in groups {
            let must = group.columns.iter().any(|column| table.key.contains(column));
            let values = self.reference(group, must);
            set.extend(group.columns.iter().map(name).zip(values));
        }
        self.update(table, &all(set, ", "))
    }

    fn rekey(&mut self, table: &Table, shape: Shape) -> String {
        let key = self.values(shape);
        let new = |between| all(table.key.iter().map(name).zip(key.clone()), between);
        let update = self.update(table, &new(", "));
        self.touched(table, new(" AND "));
        update
    }

    fn delete(&mut self, table: &Table) -> String {
        format!("DELETE FROM {} WHERE {}", table.name, self.some_row(table))
    }

    /// Many rows at one time.
    fn bulk(&mut self, table: &Table) -> String {
        let set = match self.dice.below(3) {
            0 => format!("v = {}", self.fresh()),
            1 => "n = n + 1".to_owned(),
            _ => "state = 'on'".to_owned(),
        };
        let least = self.small();
        format!("UPDATE {} SET {set}, updated_at = NOW WHERE n >= {least}", table.name)
    }

    fn soft(&mut self, table: &Table) -> String {
        let set = if self.dice.chance(60) { "deleted_at = NOW" } else { "deleted_at = NULL" };
        self.update(table, set)
    }

    fn switch(&mut self, table: &Table) -> String {
        let set = if self.dice.chance(60) { "state = 'off'" } else { "state = 'on'" };
        self.update(table, set)
    }

    fn update(&mut self, table: &Table, set: &str) -> String {
        let row = self.some_row(table);
        format!("UPDATE {} SET {set}, updated_at = NOW WHERE {row}", table.name)
    }

    /// The condition of a row that may be there; of links, of all that have one end.
    fn some_row(&mut self, table: &Table) -> String {
        let recent = self.recent.iter().rev().filter(|(name, _)| *name == table.name);
        let recent: Vec<&String> = recent.map(|(_, row)| row).take(3).collect();
        if !recent.is_empty() && self.dice.chance(35) {
            return self.dice.one_of(&recent).clone();
        }
        let (columns, values) = match table.of {
            Of::Things { shape, .. } => (&table.key, self.values(shape)),
            Of::Links => {
                let group = &table.groups[self.dice.below(table.groups.len())];
                (&group.columns, self.values(group.shape))
            }
        };
        self.touched(table, all(columns.iter().map(name).zip(values), " AND "))
    }

    fn touched(&mut self, table: &Table, row: String) -> String {
        self.recent.push((table.name.clone(), row.clone()));
        row
    }

    /// What refers to a row that may be there, or to none.
    fn reference(&mut self, group: &Group, must: bool) -> Vec<String> {
        match !must && self.dice.chance(10) {
            true => vec!["NULL".to_owned(); group.columns.len()],
            false => self.values(group.shape),
        }
    }

    fn values(&mut self, shape: Shape) -> Vec<String> {
        let dice = &mut self.dice;
        match shape {
            Shape::Number => vec![dice.within(1, KEYS).to_string()],
            Shape::Text => vec![format!("'{}'", dice.one_of(&TEXTS))],
            Shape::Pair => {
                vec![dice.within(1, 2).to_string(), format!("'{}'", dice.one_of(&TEXTS[..5]))]
            }
        }
    }

    fn fresh(&mut self) -> String {
        self.given += 1;
        format!("'v{}'", self.given)
    }

    fn small(&mut self) -> String {
        match self.dice.chance(10) {
            true => "NULL".to_owned(),
            false => self.dice.within(0, 4).to_string(),
        }
    }
}

fn name(column: &Column) -> String {
    column.name.clone()
}

/// `a = 1, b = 2`
fn all(pairs: impl IntoIterator<Item = (String, String)>, between: &str) -> String {
    let pairs = pairs.into_iter().map(|(name, value)| format!("{name} = {value}"));
    pairs.collect::<Vec<_>>().join(between)
}
