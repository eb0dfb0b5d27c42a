use std::collections::BTreeSet;

use super::*;
use crate::plan::of_memory::{planned, sources};
use crate::source::memory::Memory;

const JOB: &str = "
index: a
mapping: a.json
root:
  source: s
  table: orders
  changed_at: at
  tombstones: orders_gone
  where: no <> ''
  fields: [no]
  one:
    buyer: {source: s, table: buyers, on: {buyer: ref}, match: nocase, changed_at: at, fields: [name]}
  many:
    items:
      source: s
      table: items
      on: {id: order_id}
      changed_at: [at, seen_at]
      tombstones: items_gone
      deleted_at: gone
      fields: [price]
      one:
        maker: {source: s, table: makers, on: {maker: id}, match: integer, changed_at: at, fields: [name]}
      many:
        tags:
          source: s
          through: {table: item_tags, on: {id: item}, to: {tag: code}, changed_at: at, tombstones: item_tags_gone}
          table: tags
          changed_at: at
          fields: [label]
";

const NEVER: &str = "2000-01-01 00:00:00";
const BEFORE: &str = "2026-11-21 09:59:59";
const SINCE: &str = "2026-11-21T10:00:00Z";

/// Two orders of Kim and one of nobody; items of two of them, of one maker and under two tags.
fn memory(changed: &str) -> Memory {
    let at = |table: &str, key: &str| match format!("{table} {key}") == changed {
        true => "2026-11-21 10:00:00",
        false if table.len().is_multiple_of(2) => NEVER,
        false => BEFORE,
    };
    let told = |table: &str, rows: &[(&str, &str)]| {
        let row = |(key, rest): &(&str, &str)| format!("{key}|{}{rest}\n", at(table, key));
        rows.iter().map(row).collect::<String>()
    };
    Memory::default()
        .table(
            "orders",
            "id int, at text, no text, buyer text",
            &told("orders", &[("1", "|A|kim"), ("2", "|-|KIM"), ("3", "|C|-")]),
        )
        .table("orders_gone", "seq int, gone_at text, id int", &told("orders_gone", &[("1", "|9")]))
        .table(
            "buyers",
            "ref text, at text, name text",
            &told("buyers", &[("Kim", "|Kim"), ("Lee", "|Lee")]),
        )
        .table(
            "items",
            "id int, at text, seen_at text, order_id int, price int, maker text, gone text",
            &format!(
                "1|{}|-|1|5|007|-\n2|{}|{}|2|5|07|x\n3|{}|-|-|5|seven|-",
                at("items", "1"),
                BEFORE,
                at("items", "2"),
                at("items", "3")
            ),
        )
        .table("items_gone", "seq int, gone_at text, id int", &told("items_gone", &[("1", "|8")]))
        .table(
            "makers",
            "id int, at text, name text",
            &told("makers", &[("7", "|Acme"), ("8", "|None")]),
        )
        .table(
            "item_tags",
            "id int, at text, item int, tag text",
            &told("item_tags", &[("1", "|1|red"), ("2", "|2|red"), ("3", "|2|blue")]),
        )
        .table(
            "item_tags_gone",
            "seq int, gone_at text, item int",
            &told("item_tags_gone", &[("1", "|2")]),
        )
        .table(
            "tags",
            "code text, at text, label text",
            &told("tags", &[("red", "|Red"), ("blue", "|Blue"), ("none", "|None")]),
        )
}

/// A run that read upwards would follow what changes while it reads.
#[tokio::test]
async fn what_has_changed_is_read_from_the_latest_on() {
    let memory = Arc::new(memory(""));
    let plan = planned(JOB, &memory).await;
    let mut marks = Vec::new();
    for watch in plan.root.walk().into_iter().flat_map(|node| &node.watches) {
        if let Seen::Marked(seen) = &watch.seen {
            marks.extend(seen);
        }
        marks.extend(watch.gone.iter().map(|gone| &gone.told));
    }
    // Orders, buyers, items by two columns, makers, links, tags; and three tables of deleted rows.
    assert_eq!(marks.len(), 10);
    assert!(marks.iter().all(|mark| mark.rows.backward));
}

/// Changed rows, their roots and references, of all that has changed.
async fn traced(memory: Memory, since: &str) -> String {
    traced_of(JOB, memory, since).await
}

async fn traced_of(job: &str, memory: Memory, since: &str) -> String {
    let memory = Arc::new(memory);
    let plan = planned(job, &memory).await;
    let size = PageSize { rows: 100, bytes: 1 << 20 };
    let tracer = Tracer::new(&plan, &sources(&memory), size).unwrap();
    let since: Timestamp = since.parse().unwrap();
    let (send, mut found) = mpsc::channel(1_000);
    tracer.changes(|_| Some(since), None, &send).await.unwrap();
    drop(send);
    let (mut rows, mut roots, mut refs) = (0, BTreeSet::new(), BTreeSet::new());
    while let Some(found) = found.recv().await {
        rows += found.rows;
        roots.extend(found.roots.into_iter().map(|key| key.as_str().to_owned()));
        refs.extend(found.refs);
    }
    let joined = |texts: BTreeSet<String>| texts.into_iter().collect::<Vec<_>>().join(" ");
    format!("{rows}: {} | {}", joined(roots), joined(refs))
}

#[tokio::test]
async fn every_row_leads_to_its_roots() {
    for (changed, found) in [
        ("", "0:  | "),
        ("orders 2", "1: 2 | "),
        ("orders_gone 1", "1: 9 | "),
        ("buyers Kim", "1: 1 2 | buyer:Kim"),
        ("buyers Lee", "1:  | buyer:Lee"),
        ("items 1", "1: 1 | items:1"),
        ("items 2", "1: 2 | items:2"),
        ("items 3", "1:  | items:3"),
        ("items_gone 1", "1:  | items:8"),
        ("makers 7", "1: 1 2 | items.maker:7"),
        ("makers 8", "1:  | items.maker:8"),
        ("item_tags 2", "1: 2 | "),
        ("item_tags_gone 1", "1: 2 | "),
        ("tags red", "1: 1 2 | items.tags:red"),
        ("tags blue", "1: 2 | items.tags:blue"),
        ("tags none", "1:  | items.tags:none"),
    ] {
        assert_eq!(traced(memory(changed), SINCE).await, found, "{changed}");
    }
}

/// An outbox has texts for keys of all kinds, and rows of whatever else goes on.
#[tokio::test]
async fn keys_are_told_in_any_spelling() {
    const JOB: &str = "
index: a
mapping: a.json
root:
  source: s
  table: orders
  tombstones: {table: outbox, at: sent, key: {id: ref}}
  many:
    lines:
      source: s
      table: order_lines
      key: [no, part]
      on: {id: order_id}
      tombstones: {table: line_outbox, key: {no: ref}}
";
    let told =
        ["7|2026-11-21 10:00:00| 007 ", "8|2026-11-21 10:00:01|12.0", "9|2026-11-21 10:00:02|"];
    let odd = ["1|2026-11-21 10:00:03|all", "2|2026-11-21 10:00:04|-", "3|2026-11-21 09:00:00|5"];
    let memory = Memory::default()
        .table("orders", "id int", "1")
        .table("order_lines", "no int, part text, order_id int", "1|a|1")
        .table("outbox", "seq int, sent text, ref text", &[told, odd].concat().join("\n"))
        .table(
            "line_outbox",
            "seq int, gone_at text, ref text, part text",
            "1|2026-11-21 10:00:00|+03|a:b\n2|2026-11-21 10:00:00|3.5|c",
        );
    let found = traced_of(JOB, memory, SINCE).await;
    assert_eq!(found, "7: 12 7 | lines:3:a%3Ab");
}

#[tokio::test]
async fn everything_has_changed_since_long_ago() {
    let found = traced(memory(""), "1999-01-01T00:00:00Z").await;
    assert!(found.starts_with("20: 1 2 3 9 | buyer:Kim "), "{found}");
}

#[tokio::test]
async fn each_table_is_remembered_by_its_name() {
    let memory = Arc::new(memory(""));
    let plan = planned(JOB, &memory).await;
    let size = PageSize { rows: 100, bytes: 1 << 20 };
    let tracer = Tracer::new(&plan, &sources(&memory), size).unwrap();
    let names: Vec<&str> = tracer.names().collect();
    assert_eq!(names, ["", "buyer", "items", "items.maker", "items.tags", "items.tags/link"]);
}

/// What changed is told by nothing but a look at all rows.
async fn whole(before: Memory, after: Memory) -> String {
    let job = JOB.replace("changed_at: at", "changed_at: none");
    let job = job.replace("changed_at: [at, seen_at]", "changed_at: none");
    let mut shares = None;
    let mut told = String::new();
    for memory in [before, after] {
        let memory = Arc::new(memory);
        let plan = planned(&job, &memory).await;
        let size = PageSize { rows: 100, bytes: 1 << 20 };
        let tracer = Tracer::new(&plan, &sources(&memory), size).unwrap();
        let (send, mut found) = mpsc::channel(1_000);
        let since: Timestamp = SINCE.parse().unwrap();
        let (known, now) = (shares.unwrap_or_default(), tracer.looks().await.unwrap());
        tracer.changes(|_| Some(since), Some((&known, &now)), &send).await.unwrap();
        shares = Some(now);
        drop(send);
        let mut roots = BTreeSet::new();
        while let Some(found) = found.recv().await {
            roots.extend(found.roots.into_iter().map(|key| key.as_str().to_owned()));
        }
        told = roots.into_iter().collect::<Vec<_>>().join(" ");
    }
    told
}

#[tokio::test]
async fn what_tells_no_time_is_held_against_what_it_was() {
    let with = |table, columns, rows| memory("").table(table, columns, rows);
    let buyers = |rows| with("buyers", "ref text, at text, name text", rows);
    let makers = |rows| with("makers", "id int, at text, name text", rows);
    let links = |rows| with("item_tags", "id int, at text, item int, tag text", rows);
    let unlinked = "1|x|1|red\n2|x|2|red\n3|x|2|blue";
    for (what, before, after, found) in [
        ("nothing", memory(""), memory(""), ""),
        ("a time alone", memory(""), memory("buyers Kim"), ""),
        ("a name", memory(""), buyers("Kim|x|Kim2\nLee|x|Lee"), "1 2"),
        ("nobody's name", memory(""), buyers("Kim|x|Kim\nLee|x|Lee2"), ""),
        ("a grandchild", memory(""), makers("7|x|Acme2\n8|x|None"), "1 2"),
        ("a link", links(unlinked), links("1|x|1|red\n2|x|2|red\n3|x|1|blue"), "1"),
    ] {
        assert_eq!(whole(before, after).await, found, "{what}");
    }
}
