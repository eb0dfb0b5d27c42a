//! A schema as prejoin is told of it: the job and the mapping.

use serde_json::{Map, Value, json};

use super::schema::{Column, Node, Schema, Table, Type};

/// What a source is called.
pub(super) fn source(place: usize) -> String {
    format!("s{place}")
}

/// What of a row is in the document.
pub(super) fn fields(schema: &Schema, node: &Node) -> Vec<Column> {
    let mut fields = schema.tables[node.table].key.clone();
    fields.extend(
        schema.tables[node.table]
            .columns()
            .into_iter()
            .filter(|column| ["v", "n"].contains(&column.name.as_str())),
    );
    fields
}

/// The job's file; JSON is YAML.
pub(super) fn job(schema: &Schema, index: &str) -> String {
    let job = json!({"index": index, "mapping": "thing.json", "root": level(schema, &schema.root)});
    serde_json::to_string_pretty(&job).unwrap()
}

fn level(schema: &Schema, node: &Node) -> Value {
    let table = &schema.tables[node.table];
    let mut level = Map::new();
    let mut say = |key: &str, value: Value| level.insert(key.to_owned(), value);
    say("source", json!(source(table.place)));
    say("table", json!(table.name));
    if let Some(join) = &node.join {
        let on = object(&join.on);
        match &join.through {
            None => say("on", on),
            Some(through) => {
                let link = &schema.tables[through.link];
                let mut through = json!({"table": link.name, "on": on, "to": object(&through.to)});
                told(link, &mut |key, value| {
                    through.as_object_mut().unwrap().insert(key.to_owned(), value)
                });
                say("through", through)
            }
        };
        if join.is_nocase {
            say("match", json!("nocase"));
        }
    }
    told(table, &mut say);
    if node.is_filtered {
        say("where", json!("state <> 'off'"));
    }
    if node.is_soft {
        say("deleted_at", json!("deleted_at"));
    }
    if let Some(order) = node.order {
        say("order_by", json!([order]));
    }
    let names = fields(schema, node).into_iter().map(|column| column.name);
    say("fields", names.collect());
    for (key, is_many) in [("one", false), ("many", true)] {
        let below = node.children.iter().filter(|child| is_many == many(child));
        let below: Map<String, Value> =
            below.map(|child| (child.name.clone(), self::level(schema, child))).collect();
        if !below.is_empty() {
            level.insert(key.to_owned(), Value::Object(below));
        }
    }
    Value::Object(level)
}

/// How changes and deletions are told.
fn told(table: &Table, say: &mut dyn FnMut(&str, Value) -> Option<Value>) {
    let changed = match table.dating.columns() {
        [one] => json!(one),
        several => json!(several),
    };
    say("changed_at", changed);
    if table.has_tombstones() {
        say("tombstones", json!(format!("{}_gone", table.name)));
    }
}

fn object(pairs: &[(String, String)]) -> Value {
    Value::Object(pairs.iter().map(|(left, right)| (left.clone(), json!(right))).collect())
}

fn many(node: &Node) -> bool {
    node.join.as_ref().is_some_and(|join| join.is_many)
}

/// The mapping's file.
pub(super) fn mapping(schema: &Schema) -> String {
    let mut mappings = properties(schema, &schema.root);
    mappings["dynamic"] = json!("strict");
    json!({"settings": {"number_of_replicas": 0, "refresh_interval": "60s"}, "mappings": mappings})
        .to_string()
}

fn properties(schema: &Schema, node: &Node) -> Value {
    let field = |column: Column| {
        let ty = if column.ty == Type::Number { "long" } else { "keyword" };
        (column.name, json!({"type": ty}))
    };
    let mut all: Map<String, Value> = fields(schema, node).into_iter().map(field).collect();
    for child in &node.children {
        let mut below = properties(schema, child);
        if many(child) {
            below["type"] = json!("nested");
        }
        all.insert(child.name.clone(), below);
    }
    json!({"properties": all})
}
