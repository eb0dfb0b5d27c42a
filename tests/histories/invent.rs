//! Random schemas: one to four levels, relations to one row, to many and through link tables, several to one table.

use super::dice::Dice;
use super::schema::{Column, Dating, Group, Join, Node, Of, Schema, Shape, Table, Through};
use super::server::Kind;

/// Relations of a job at most.
const RELATIONS: usize = 6;

/// A schema over these servers.
pub(super) fn schema(dice: &mut Dice, places: &[Kind]) -> Schema {
    let depth = dice.within(1, 4);
    let mut inventor = Inventor { dice, places: places.len(), tables: Vec::new(), relations: 0 };
    let root = inventor.things();
    let children = inventor.children(root, depth);
    let mut root = inventor.node("root".to_owned(), root, None);
    root.children = children;
    let tables = inventor.tables;
    Schema { places: places.to_vec(), tables, root }
}

struct Inventor<'d> {
    dice: &'d mut Dice,
    places: usize,
    tables: Vec<Table>,
    relations: usize,
}

impl Inventor<'_> {
    /// A new table of things.
    fn things(&mut self) -> usize {
        let shape = self.dice.one_of(&[Shape::Number, Shape::Number, Shape::Text, Shape::Pair]);
        let tombstones = self.dice.chance(80);
        let of = Of::Things { shape, tombstones };
        let place = self.dice.below(self.places);
        self.table("t", place, shape.columns(""), of)
    }

    fn table(&mut self, letter: &str, place: usize, key: Vec<Column>, of: Of) -> usize {
        let dating = if self.dice.chance(75) { Dating::Updated } else { Dating::CreatedOrUpdated };
        let name = format!("{letter}{}", self.tables.len());
        self.tables.push(Table { name, place, key, groups: Vec::new(), dating, of });
        self.tables.len() - 1
    }

    fn shape(&self, table: usize) -> Shape {
        match self.tables[table].of {
            Of::Things { shape, .. } => shape,
            Of::Links => unreachable!("nothing refers to links"),
        }
    }

    /// Adds columns to a table; their names.
    fn group(&mut self, table: usize, shape: Shape, prefix: &str) -> Vec<String> {
        let columns = shape.columns(prefix);
        let names = names(&columns);
        self.tables[table].groups.push(Group { shape, columns });
        names
    }

    fn node(&mut self, name: String, table: usize, join: Option<Join>) -> Node {
        let order = self.dice.one_of(&[None, None, Some("n"), Some("n desc"), Some("v")]);
        Node {
            name,
            table,
            is_filtered: self.dice.chance(25),
            is_soft: self.dice.chance(40),
            order: join.as_ref().and(order),
            join,
            children: Vec::new(),
        }
    }

    fn children(&mut self, above: usize, depth: usize) -> Vec<Node> {
        if depth == 0 {
            return Vec::new();
        }
        let wanted = self.dice.within(1, 3);
        let mut children = Vec::new();
        for _ in 0..wanted {
            if self.relations < RELATIONS {
                children.push(self.child(above, depth));
            }
        }
        children
    }

    fn child(&mut self, above: usize, depth: usize) -> Node {
        self.relations += 1;
        let number = self.relations;
        let known: Vec<usize> =
            (0..self.tables.len()).filter(|table| self.tables[*table].of != Of::Links).collect();
        let table = if self.dice.chance(25) { self.dice.one_of(&known) } else { self.things() };
        let join = match self.dice.below(10) {
            0..4 => self.one(number, above, table),
            4..8 => self.many(number, above, table),
            _ => self.through(number, above, table),
        };
        let kind = if join.is_many { "list" } else { "part" };
        let mut node = self.node(format!("{kind}{number}"), table, Some(join));
        node.children = self.children(table, depth - 1);
        node
    }

    fn nocase(&mut self, shape: Shape) -> bool {
        shape == Shape::Text && self.dice.chance(35)
    }

    /// By the key of what is here, now and then by another column of it.
    fn one(&mut self, number: usize, above: usize, table: usize) -> Join {
        let by_key = self.dice.chance(85);
        let shape = if by_key { self.shape(table) } else { Shape::Text };
        let here = match by_key {
            true => names(&self.tables[table].key),
            false => self.group(table, shape, &format!("alt{number}_")),
        };
        let up = self.group(above, shape, &format!("ref{number}_"));
        let is_nocase = self.nocase(shape);
        Join { is_many: false, on: zip(up, here), through: None, is_nocase }
    }

    /// By the key of what is above, now and then by another column of it.
    fn many(&mut self, number: usize, above: usize, table: usize) -> Join {
        let by_key = self.dice.chance(85);
        let shape = if by_key { self.shape(above) } else { Shape::Text };
        let up = match by_key {
            true => names(&self.tables[above].key),
            false => self.group(above, shape, &format!("alt{number}_")),
        };
        let here = self.group(table, shape, &format!("of{number}_"));
        let is_nocase = self.nocase(shape);
        Join { is_many: true, on: zip(up, here), through: None, is_nocase }
    }

    fn through(&mut self, number: usize, above: usize, table: usize) -> Join {
        let (upper, lower) = (self.shape(above), self.shape(table));
        let place = self.tables[table].place;
        let link = self.table("l", place, Vec::new(), Of::Links);
        let on = self.group(link, upper, &format!("of{number}_"));
        let to = self.group(link, lower, &format!("to{number}_"));
        self.tables[link].key = match self.dice.chance(50) {
            true => Shape::Number.columns(""),
            // What is linked is the key: no link stands twice.
            false => self.tables[link].groups.iter().flat_map(|g| g.columns.clone()).collect(),
        };
        let here = names(&self.tables[table].key);
        let up = names(&self.tables[above].key);
        let through = Some(Through { link, to: zip(to, here) });
        Join { is_many: true, on: zip(up, on), through, is_nocase: self.nocase(upper) }
    }
}

fn names(columns: &[Column]) -> Vec<String> {
    columns.iter().map(|column| column.name.clone()).collect()
}

fn zip(left: Vec<String>, right: Vec<String>) -> Vec<(String, String)> {
    left.into_iter().zip(right).collect()
}
