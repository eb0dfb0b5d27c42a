use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;

use super::*;
use crate::hydrate::{Hydrated, Hydrator};
use crate::plan::of_memory::{planned, sources};
use crate::source::memory::Memory;
use crate::source::{Budget, KeyRange, PageSize, Source};

const JOB: &str = "
index: a
mapping: a.json
root:
  source: s
  table: orders
  fields: [no, {column: fee, as: decimal}, {column: secret, mask: hmac}]
  one:
    buyer: {source: s, table: buyers, on: {buyer: id}, fields: [name]}
  many:
    items:
      source: s
      table: items
      on: {id: order_id}
      fields: [{column: price, as: decimal}, kind]
      one:
        maker: {source: s, table: buyers, on: {maker: id}, fields: [name]}
computed:
  total: {sum: items.price}
  mean: {avg: items.price}
  top: {max: items.price, only: {kind: [big, huge]}}
  big: {exists: items, only: {kind: big}}
  text: {text: [no, buyer.name, items.maker.name]}
";

fn memory() -> Memory {
    Memory::default()
        .table(
            "orders",
            "id int, no text, buyer int, fee text, secret text",
            "1 | A\"1 | 7 | 0.10 | 1234 \n 2 | B | - | - | - \n 3 | C | 99 | 5 | 1234",
        )
        .table("buyers", "id int, name text", "7 | Kim\n8 | 김철수")
        .table(
            "items",
            "id int, order_id int, price text, kind text, maker int",
            "1|1|10.00|big|7\n2|1|2.5|small|8\n3|3|9|huge|8\n4|5|1|big|8",
        )
}

async fn documents(memory: Memory, budget: usize) -> (Vec<String>, Vec<String>, Option<String>) {
    let (documents, asked, overflow) = tried(memory, budget, 1 << 20).await;
    (documents.into_iter().map(Result::unwrap).collect(), asked, overflow)
}

type Tried = (Vec<Result<String, Refused>>, Vec<String>, Option<String>);

async fn tried(memory: Memory, budget: usize, limit: usize) -> Tried {
    let memory = Arc::new(memory);
    let plan = planned(JOB, &memory).await;
    let made = made(&plan, &memory, Sizes { budget, limit, rows: 100, cache: 1 << 20 }).await;
    let asked = memory.asked.lock().unwrap().clone();
    (made.documents, asked, made.overflow)
}

#[derive(Clone, Copy)]
struct Sizes {
    budget: usize,
    /// Bytes of a document.
    limit: usize,
    /// Rows of a page.
    rows: usize,
    cache: usize,
}

#[derive(Debug, Default, PartialEq)]
struct Made {
    documents: Vec<Result<String, Refused>>,
    rows: BTreeMap<String, u64>,
    overflow: Option<String>,
}

async fn made(plan: &Plan, memory: &Arc<Memory>, sizes: Sizes) -> Made {
    let masking = || Masking::new(b"k");
    let mut assembler = Assembler::new(plan, masking(), "2026-01-01T00:00:00Z", sizes.limit);
    let hydrator = Hydrator::new(plan, &sources(memory), sizes.cache, masking());
    let size = PageSize { rows: 100, bytes: 1 << 20 };
    let mut pages = memory.scan(Arc::clone(&plan.root.read), KeyRange::default(), size);
    let page = pages.next().await.unwrap().unwrap();
    let mut made = Made::default();
    for from in (0..page.len()).step_by(sizes.rows) {
        let part = page.part(from, page.len().min(from + sizes.rows));
        let (page, budget) = (Arc::new(part), Budget::new(sizes.budget));
        let level = match hydrator.hydrate(&plan.root, page, &budget).await.unwrap() {
            Hydrated::Overflow(path) => {
                made.overflow = Some(path);
                continue;
            }
            Hydrated::Whole(level, _) => level,
        };
        level.count_rows(&plan.root, &mut made.rows);
        for row in 0..level.rows.len() {
            let (mut id, mut out) = (String::new(), Vec::new());
            assert!(assembler.id(&level, row, &mut id));
            let written = assembler.document(&level, row, &id, &mut out);
            made.documents.push(written.map(|()| String::from_utf8(out).unwrap()));
        }
    }
    made
}

/// Objects that nothing looks into: in one another, in lists, absent, masked, and one with a value that does not fit.
const REUSED: &str = "
index: a
mapping: a.json
root:
  source: s
  table: orders
  fields: [no]
  one:
    buyer:
      source: s
      table: people
      on: {buyer: id}
      fields: [name, {column: phone, mask: hmac}]
      one:
        team: {source: s, table: teams, on: {team: id}, fields: [{column: size, as: integer}]}
  many:
    items:
      source: s
      table: items
      on: {id: order_id}
      fields: [kind]
      one:
        maker:
          source: s
          table: people
          on: {maker: id}
          fields: [name]
          one:
            team: {source: s, table: teams, on: {team: id}, match: integer, fields: [name]}
";

fn people() -> Memory {
    Memory::default()
        .table("orders", "id int, no text, buyer int", "1|A|7\n2|B|8\n3|C|-\n4|D|99\n5|E|9\n6|F|7")
        .table(
            "people",
            "id int, name text, phone text, team int",
            "7|K\"im|1|1\n8|김|-|-\n9|Lee|2|2",
        )
        .table("teams", "id int, name text, size text", "1|red|4\n2|blue|many")
        .table(
            "items",
            "id int, order_id int, kind text, maker int",
            "1|1|a|7\n2|1|b|9\n3|2|a|-\n4|6|c|7",
        )
}

#[tokio::test]
async fn what_is_written_once_is_what_is_written_each_time() {
    let memory = Arc::new(people());
    let plan = planned(REUSED, &memory).await;
    let sizes = |rows, cache| Sizes { budget: 1 << 20, limit: 1 << 20, rows, cache };
    let each_time = made(&plan, &memory, sizes(100, 0)).await;
    let asked = || std::mem::take(&mut *memory.asked.lock().unwrap()).len();
    assert_eq!(asked(), 5);
    // Within one page, over pages with what was kept, and with room for nothing.
    for (rows, cache, reads) in [(100, 1 << 20, 5), (1, 1 << 20, 14), (1, 1, 18)] {
        assert_eq!(made(&plan, &memory, sizes(rows, cache)).await, each_time, "{rows} {cache}");
        assert_eq!(asked(), reads, "{rows} {cache}");
    }
    let refused = each_time.documents[4].as_ref().unwrap_err();
    assert_eq!(refused.field, "buyer.team.size");
    let count = |path: &str| each_time.rows[path];
    assert_eq!(["buyer", "buyer.team", "items", "items.maker.team"].map(count), [4, 3, 4, 3]);
    insta::assert_snapshot!(each_time.documents[0].as_ref().unwrap(), @r#"{"no":"A","buyer":{"name":"K\"im","phone":"0aa2054d88556d7e5df6e54b00683dae80bbd4266a5d1cbc89abacbf856ad862","team":{"size":4}},"items":[{"kind":"a","maker":{"name":"K\"im","team":{"name":"red"}}},{"kind":"b","maker":{"name":"Lee","team":{"name":"blue"}}}],"_prejoin":{"id":"1","digest":8363443596062377978,"refs":["items.maker.team:1","items.maker.team:2","items:1","items:2"],"built_at":"2026-01-01T00:00:00Z"}}"#);
}

/// Looked into, held as rows, over pages; and by keys of two columns, and by keys that differ in case.
#[tokio::test]
async fn rows_that_are_kept_are_those_that_are_read() {
    let memory = Arc::new(memory());
    let plan = planned(JOB, &memory).await;
    let sizes = |rows, cache| Sizes { budget: 1 << 20, limit: 1 << 20, rows, cache };
    let read = made(&plan, &memory, sizes(100, 0)).await;
    for (rows, cache) in [(1, 1 << 20), (1, 1), (2, 400)] {
        assert_eq!(made(&plan, &memory, sizes(rows, cache)).await, read, "{rows} {cache}");
    }
    let memory = Arc::new(
        Memory::default()
            .table(
                "orders",
                "id int, a int, b text, buyer text",
                "1|1|x|Kim\n2|1|y|KIM\n3|2|x|lee\n4|1|x|kim",
            )
            .table("shops", "id int, a int, b text, name text", "1|1|x|one\n2|1|y|two\n3|2|z|three")
            .table("people", "id text, name text", "kim|Kim\nLEE|Lee"),
    );
    let plan = planned(PAIRED, &memory).await;
    let read = made(&plan, &memory, sizes(100, 0)).await;
    for (rows, cache) in [(100, 1 << 20), (1, 1 << 20), (1, 1), (2, 400)] {
        assert_eq!(made(&plan, &memory, sizes(rows, cache)).await, read, "{rows} {cache}");
    }
    let documents: Vec<&str> =
        read.documents.iter().map(|made| body(made.as_ref().unwrap())).collect();
    insta::assert_snapshot!(documents.join("\n"), @r#"
    {"id":1,"shop":{"name":"one"},"buyer":{"name":"Kim"}
    {"id":2,"shop":{"name":"two"},"buyer":{"name":"Kim"}
    {"id":3,"shop":null,"buyer":{"name":"Lee"}
    {"id":4,"shop":{"name":"one"},"buyer":{"name":"Kim"}
    "#);
}

/// The document without prejoin's own object.
fn body(document: &str) -> &str {
    document.split(",\"_prejoin\"").next().unwrap()
}

const PAIRED: &str = "
index: a
mapping: a.json
root:
  source: s
  table: orders
  fields: [id]
  one:
    shop: {source: s, table: shops, on: {a: a, b: b}, fields: [name]}
    buyer: {source: s, table: people, on: {buyer: id}, match: nocase, fields: [name]}
";

/// One root with an object in another: as rows they fit, written into one another they do not.
#[tokio::test]
async fn whether_a_root_fits_is_up_to_its_rows() {
    let long = "x".repeat(1_000);
    let memory = Memory::default()
        .table("orders", "id int, no text, buyer int", "1|A|7")
        .table("people", "id int, name text, phone text, team int", "7|Kim|1|1")
        .table("teams", "id int, name text, size text", &format!("1|{long}|4"))
        .table("items", "id int, order_id int, kind text, maker int", "1|1|a|7\n2|1|b|7");
    let memory = Arc::new(memory);
    let plan = planned(REUSED, &memory).await;
    let hydrator = Hydrator::new(&plan, &sources(&memory), 1 << 20, Masking::new(b"k"));
    let size = PageSize { rows: 100, bytes: 1 << 20 };
    let mut pages = memory.scan(Arc::clone(&plan.root.read), KeyRange::default(), size);
    let page = Arc::new(pages.next().await.unwrap().unwrap());
    let budget = || Budget::new(2_100);
    let kept = hydrator.hydrate(&plan.root, Arc::clone(&page), &budget()).await.unwrap();
    assert!(matches!(kept, Hydrated::Overflow(_)), "{kept:?}");
    let alone = hydrator.hydrate_alone(&plan.root, page, &budget()).await.unwrap();
    assert!(matches!(alone, Hydrated::Whole(..)), "{alone:?}");
}

/// Two rows of one key: worth a word, also when they were read for a page that had to be cut.
#[tokio::test]
async fn what_is_odd_is_told_of_a_page_that_overflowed() {
    let memory = Arc::new(
        Memory::default()
            .table("orders", "id int, a int, b text, buyer text", "1|1|x|kim")
            .table("shops", "id int, a int, b text, name text", "1|1|x|one\n2|1|x|two")
            .table("people", "id text, name text", &format!("kim|{}", "x".repeat(1_000))),
    );
    let plan = planned(PAIRED, &memory).await;
    let hydrator = Hydrator::new(&plan, &sources(&memory), 1 << 20, None);
    let size = PageSize { rows: 100, bytes: 1 << 20 };
    let mut pages = memory.scan(Arc::clone(&plan.root.read), KeyRange::default(), size);
    let page = Arc::new(pages.next().await.unwrap().unwrap());
    let tight = hydrator.hydrate(&plan.root, Arc::clone(&page), &Budget::new(900)).await.unwrap();
    assert!(matches!(tight, Hydrated::Overflow(_)), "{tight:?}");
    let Hydrated::Whole(_, odd) =
        hydrator.hydrate(&plan.root, page, &Budget::new(1 << 20)).await.unwrap()
    else {
        panic!("it fits");
    };
    assert_eq!(odd.ambiguous, 1);
}

#[tokio::test]
async fn rows_become_documents() {
    let (documents, _, _) = documents(memory(), 1 << 20).await;
    for document in &documents {
        serde_json::from_str::<serde_json::Value>(document).unwrap();
    }
    insta::assert_snapshot!(documents.join("\n"), @r#"
    {"no":"A\"1","fee":0.10,"secret":"ec0a8196b933edd970bffa04a6431892eb1ba8835d8e4b8a18d7f5f47833a35b","buyer":{"name":"Kim"},"items":[{"price":10.00,"kind":"big","maker":{"name":"Kim"}},{"price":2.5,"kind":"small","maker":{"name":"김철수"}}],"total":12.50,"mean":6.250000,"top":10.00,"big":true,"text":"A\"1\nKim\n김철수","_prejoin":{"id":"1","digest":4389862347210899285,"refs":["items:1","items:2"],"built_at":"2026-01-01T00:00:00Z"}}
    {"no":"B","fee":null,"secret":null,"buyer":null,"items":[],"total":0,"mean":null,"top":null,"big":false,"text":"B","_prejoin":{"id":"2","digest":6224859966234065479,"refs":[],"built_at":"2026-01-01T00:00:00Z"}}
    {"no":"C","fee":5,"secret":"ec0a8196b933edd970bffa04a6431892eb1ba8835d8e4b8a18d7f5f47833a35b","buyer":null,"items":[{"price":9,"kind":"huge","maker":{"name":"김철수"}}],"total":9,"mean":9.0000,"top":9,"big":false,"text":"C\n김철수","_prejoin":{"id":"3","digest":-3920825829768856513,"refs":["items:3"],"built_at":"2026-01-01T00:00:00Z"}}
    "#);
}

#[tokio::test]
async fn each_key_is_asked_for_once() {
    let (_, mut asked, _) = documents(memory(), 1 << 20).await;
    asked.sort();
    insta::assert_snapshot!(asked.join("\n"), @"
    buyer: 7 99
    items.maker: 7 8
    items: 1 2 3
    ");
}

#[tokio::test]
async fn what_does_not_fit_is_reported_by_its_path() {
    let (documents, _, overflow) = documents(memory(), 300).await;
    assert!(documents.is_empty());
    assert_eq!(overflow.as_deref(), Some("items"));
}

/// A row that many elements share is held once and written many times.
#[tokio::test]
async fn a_document_past_the_limit_is_refused() {
    let (documents, _, _) = tried(memory(), 1 << 20, 150).await;
    let refused = documents[0].as_ref().unwrap_err();
    assert_eq!((refused.field.as_str(), refused.what.as_str()), ("items.maker", "too_large"));
    assert!(documents[1].is_ok());
    // Wherever it grows past its limit: in its own fields, in an object, in a computed text.
    for (limit, field) in [(20, "secret"), (110, "buyer"), (310, "text")] {
        let (documents, _, _) = tried(memory(), 1 << 20, limit).await;
        assert_eq!(documents[0].as_ref().unwrap_err().field, field, "{limit}");
    }
}
