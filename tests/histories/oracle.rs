//! What the documents are: a naive join in memory, by nested loops over all rows.
//!
//! Promises: shares nothing with the program but how the tables are called. Rows come in the order in which their server has
//! them, so that no order of texts is made up here.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::render::fields;
use super::schema::{Node, Schema, Table, Type};
use crate::support::place::Place;

/// Documents by id, without prejoin's own part.
pub(super) type Documents = BTreeMap<String, Value>;

type Row = BTreeMap<String, Option<String>>;

/// A level with its rows.
struct Level<'s> {
    schema: &'s Schema,
    node: &'s Node,
    rows: Vec<Row>,
    links: Vec<Row>,
    below: Vec<Self>,
}

/// The documents that the services' rows make now.
pub(super) async fn documents(schema: &Schema, places: &[Place]) -> Documents {
    let root = Level::read(schema, &schema.root, places).await;
    root.rows.iter().map(|row| (root.id(row), root.object(row))).collect()
}

impl<'s> Level<'s> {
    async fn read(schema: &'s Schema, node: &'s Node, places: &[Place]) -> Self {
        let table = &schema.tables[node.table];
        let mut rows = rows(schema, table, node.order, places).await;
        rows.retain(|row| {
            let off = node.is_filtered && row["state"].as_deref() == Some("off");
            let deleted = node.is_soft && row["deleted_at"].is_some();
            !off && !deleted
        });
        let through = node.join.as_ref().and_then(|join| join.through.as_ref());
        let links = match through {
            Some(through) => self::rows(schema, &schema.tables[through.link], None, places).await,
            None => Vec::new(),
        };
        let mut below = Vec::new();
        for child in &node.children {
            below.push(Box::pin(Self::read(schema, child, places)).await);
        }
        Self { schema, node, rows, links, below }
    }

    fn object(&self, row: &Row) -> Value {
        let value = |ty, text: &Option<String>| match (ty, text) {
            (_, None) => Value::Null,
            (Type::Number, Some(text)) => json!(text.parse::<i64>().unwrap()),
            (_, Some(text)) => json!(text),
        };
        let fields = fields(self.schema, self.node).into_iter();
        let mut object: Map<String, Value> =
            fields.map(|field| (field.name.clone(), value(field.ty, &row[&field.name]))).collect();
        for level in &self.below {
            let mut found = level.joined(row).into_iter().map(|row| level.object(row));
            let is_many = level.node.join.as_ref().unwrap().is_many;
            let joined = match is_many {
                true => found.collect(),
                false => found.next().unwrap_or(Value::Null),
            };
            object.insert(level.node.name.clone(), joined);
        }
        Value::Object(object)
    }

    /// The rows here that belong to one above.
    fn joined(&self, above: &Row) -> Vec<&Row> {
        let join = self.node.join.as_ref().unwrap();
        let meets = |here: &Row| {
            join.on.iter().all(|(upper, lower)| match (&above[upper], &here[lower]) {
                (Some(upper), Some(lower)) if join.is_nocase => {
                    upper.to_lowercase() == lower.to_lowercase()
                }
                (Some(upper), Some(lower)) => upper == lower,
                _ => false,
            })
        };
        let Some(through) = &join.through else {
            return self.rows.iter().filter(|row| meets(row)).collect();
        };
        let mut joined = Vec::new();
        for row in &self.rows {
            let to = |link: &&Row| {
                through
                    .to
                    .iter()
                    .all(|(linked, here)| row[here].is_some() && link[linked] == row[here])
            };
            let times = self.links.iter().filter(|link| meets(link)).filter(to).count();
            joined.extend(std::iter::repeat_n(row, times));
        }
        joined
    }

    fn id(&self, row: &Row) -> String {
        let key = &self.schema.tables[self.node.table].key;
        let part = |name: &String| row[name].clone().unwrap();
        match key.as_slice() {
            [one] => part(&one.name),
            several => {
                let escaped = several
                    .iter()
                    .map(|column| part(&column.name).replace('%', "%25").replace(':', "%3A"));
                escaped.collect::<Vec<_>>().join(":")
            }
        }
    }
}

/// All rows of a table: in that order, then in that of their key.
async fn rows(schema: &Schema, table: &Table, order: Option<&str>, places: &[Place]) -> Vec<Row> {
    let kind = schema.places[table.place];
    let columns = table.columns();
    let read: Vec<String> =
        columns.iter().map(|column| kind.as_text(&format!("t.{}", column.name))).collect();
    let mut by: Vec<String> = Vec::new();
    if let Some((column, direction)) =
        order.map(|order| order.split_once(' ').unwrap_or((order, "")))
    {
        by.extend([format!("t.{column} IS NULL"), format!("t.{column} {direction}")]);
    }
    by.extend(table.key.iter().map(|column| format!("t.{}", column.name)));
    let sql =
        format!("SELECT {} FROM {} t ORDER BY {}", read.join(", "), table.name, by.join(", "));
    let rows = places[table.place].texts(&sql).await;
    let named = |row: Vec<Option<String>>| {
        columns.iter().map(|column| column.name.clone()).zip(row).collect()
    };
    rows.into_iter().map(named).collect()
}
