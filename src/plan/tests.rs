use super::*;
use crate::source::memory::table_info;

/// A job of `text`, planned against a handful of tables of source `s`.
fn planned(text: &str, mapping: &str) -> Planned {
    let path = PathBuf::from("jobs/a.yaml");
    let file = crate::yaml::parse(&path, text).unwrap();
    let job = Job { name: "a".to_owned(), path, text: text.to_owned(), file };
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("config")).unwrap();
    let sources =
        "sources: {s: {kind: postgres, url: 'postgres://h/d'}, t: {kind: sqlite, path: t.db}}";
    std::fs::write(home.path().join("config/default.yaml"), sources).unwrap();
    let config = Config::load(home.path(), None).unwrap();
    let live = Live::of([
        (
            "s",
            "orders",
            table_info(
                "id int, no text, amount decimal, buyer int, made_at datetime, gone_at text",
            ),
        ),
        ("s", "buyers_gone", table_info("seq int, gone_at text, id int")),
        ("s", "buyers", table_info("id int, name text, ref uuid")),
        ("s", "items", table_info("id int, order_id int, price decimal")),
        ("t", "tags", table_info("id text, label text")),
        ("s", "order_tags", table_info("order_id int, tag_id int")),
    ]);
    let mapping = Mapping::parse(std::path::Path::new("mappings/a.json"), mapping).unwrap();
    plan(&job, &config, Some(&mapping), &live)
}

const MAPPING: &str = r#"{"mappings": {"dynamic": "strict", "properties": {
    "no": {"type": "keyword"}, "amount": {"type": "double"}, "made_at": {"type": "date"},
    "buyer": {"properties": {"name": {"type": "keyword"}}},
    "items": {"type": "nested", "properties": {"price": {"type": "double"}}},
    "tags": {"properties": {"label": {"type": "keyword"}}},
    "total": {"type": "double"}, "wrong": {"type": "double"}}}}"#;

fn lines(planned: &Planned) -> String {
    let line = |finding: &Finding| match &finding.hint {
        Some(hint) => format!("{finding} | {hint}"),
        None => finding.to_string(),
    };
    planned.findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_sound_job_becomes_a_plan() {
    let planned = planned(
        "index: a\nmapping: a.json\nroot:\n  source: s\n  table: orders\n  fields: [no, amount]\n  one:\n    buyer: \
         {source: s, table: buyers, on: {buyer: id}, fields: [name]}\n  many:\n    items:\n      source: s\n      \
         table: items\n      on: {id: order_id}\n      order_by: [price desc]\n      fields: [price]\ncomputed:\n  \
         total: {sum: items.price}\n",
        MAPPING,
    );
    assert_eq!(lines(&planned), "");
    let plan = planned.plan.unwrap();
    let paths: Vec<_> = plan.root.walk().iter().map(|node| node.path.clone()).collect();
    assert_eq!(paths, ["", "buyer", "items"]);
    let columns: Vec<_> =
        plan.root.read.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(columns, ["no", "amount", "buyer", "id"]);
    let buyer = &plan.root.children[0];
    assert_eq!(buyer.join.as_ref().unwrap().parent, [2]);
    let items = &plan.root.children[1].read;
    assert_eq!(
        items.by.iter().map(|&by| items.columns[by].name.as_str()).collect::<Vec<_>>(),
        ["order_id"]
    );
    assert!(plan.root.children[1].read.order[0].descending);
}

#[test]
fn all_faults_are_found_at_once() {
    let planned = planned(
        "index: Orders\nmapping: a.json\nschedule: \"*/5 * * * *\"\nroot:\n  source: s\n  table: orders\n  changed_at: \
         updated_at\n  deleted_at: gone\n  fields:\n    - no\n    - amout\n    - {column: no, name: number}\n    - \
         {column: amount, mask: hmac}\n    - made_at\n    - no\n  one:\n    buyer:\n      source: s\n      table: \
         buyers\n      on: {buyer: uid}\n      fields: [{column: name, name: nam}]\n    seller: {source: x, table: \
         sellers, on: {buyer: id}}\n    gone: {source: s, table: gone, on: {buyer: id}}\n  many:\n    tags:\n      \
         source: t\n      table: tags\n      on: {no: id}\n      order_by: [lable]\n      fields: [label]\n    \
         items: {source: s, table: items, fields: [price]}\ncomputed:\n  total: {sum: items.pric}\n  wrong: \
         {sum: itms.price}\n  amount: {count: tags}\n  both: {count: tags, exists: tags}\n",
        MAPPING,
    );
    assert!(planned.plan.is_none());
    insta::assert_snapshot!(lines(&planned), @r#"
    jobs/a.yaml:1:8: `Orders` cannot be an index's name | lower-case letters, digits, - and _, at most 200, a letter or digit first
    jobs/a.yaml:3:11: a schedule has six fields, this one 5 | seconds come first: "0 */5 * * * *" is every five minutes
    jobs/a.yaml:7:15: table `orders` of source `s` has no column `updated_at` | known are id, no, amount, buyer, made_at, gone_at
    jobs/a.yaml:8:15: table `orders` of source `s` has no column `gone` | known are id, no, amount, buyer, made_at, gone_at
    jobs/a.yaml:11:7: table `orders` of source `s` has no column `amout` | did you mean `amount`?
    jobs/a.yaml:11:7: the mapping has no field `amout` | did you mean `amount`?
    jobs/a.yaml:12:7: the mapping has no field `number` | add it to a.json
    jobs/a.yaml:13:7: `amount` is masked, but there is no key to do it with | set mask.key in the configuration
    jobs/a.yaml:14:7: `made_at` holds date-times without a zone | declare the zone of table `orders` of source `s`: time_zone: Asia/Seoul
    jobs/a.yaml:15:7: `no` stands twice in the document | rename one: {column: …, name: …}
    jobs/a.yaml:20:11: table `buyers` of source `s` has no column `uid` | did you mean `id`?
    jobs/a.yaml:21:16: the mapping has no field `buyer.nam` | did you mean `name`?
    jobs/a.yaml:22:13: the mapping has no field `seller` | add it to a.json
    jobs/a.yaml:22:22: the configuration has no source `x` | did you mean `s`?
    jobs/a.yaml:23:11: the mapping has no field `gone` | add it to a.json
    jobs/a.yaml:23:30: source `s` has no table `gone` | compare the name with the live database
    jobs/a.yaml:26:7: `tags` is a list of objects, its mapping is `object` | "type": "nested" keeps the members of one element together
    jobs/a.yaml:29:18: table `tags` of source `t` has no column `lable` | did you mean `label`?
    jobs/a.yaml:31:12: `items` needs either `on` or `through` | on: {column above: column here}
    jobs/a.yaml:34:10: `itms.price`: there is no relation `itms` | did you mean `items`?
    jobs/a.yaml:35:11: `amount` stands twice in the document | rename one: {column: …, name: …}
    jobs/a.yaml:36:9: a computed field has exactly one kind | one of count, sum, min, max, avg, exists, text
    jobs/a.yaml:36:9: the mapping has no field `both` | add it to a.json
    "#);
}

#[test]
fn keys_of_different_families_ask_for_a_match() {
    let planned = planned(
        "index: a\nmapping: a.json\nroot:\n  source: s\n  table: orders\n  fields: [no]\n  one:\n    buyer: {source: s, \
         table: buyers, on: {no: ref}, fields: [name]}\n",
        MAPPING,
    );
    assert!(planned.plan.is_some());
    insta::assert_snapshot!(
        lines(&planned),
        @"jobs/a.yaml:8:43: `no` is text, `ref` is uuid: they may never be equal | match: uuid"
    );
}

#[test]
fn a_masked_column_is_no_key() {
    let planned = planned(
        "index: a\nmapping: a.json\nroot:\n  source: s\n  table: orders\n  key: no\n  fields: [{column: no, mask: hmac}]\n",
        MAPPING,
    );
    assert!(planned.plan.is_none());
    assert!(
        lines(&planned).contains("`no` is masked, but it is part of the key, which documents show")
    );
}

#[test]
fn a_masked_column_is_no_key_of_what_is_referred_to() {
    let job = |more: &str| {
        format!(
            "index: a\nmapping: a.json\nroot:\n  source: s\n  table: orders\n  fields: [{{column: buyer, name: no, mask: hmac}}]\n  \
             one:\n    buyer: {{source: s, table: buyers, on: {{buyer: id}}, fields: [name]{more}}}\n"
        )
    };
    let said = |more: &str| {
        let findings = planned(&job(more), MAPPING).findings;
        let said = findings.iter().filter(|finding| finding.what.contains("refer"));
        said.map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(said(""), "");
    insta::assert_snapshot!(said(", where: \"name <> ''\""), @"jobs/a.yaml:8:79: `no` is masked, but it is the key of `buyer`, which documents refer to");
}

#[test]
fn rows_are_referred_to_that_can_leave_a_document_unsaid() {
    let referenced = |relation: &str| {
        let text = format!(
            "index: a\nmapping: a.json\nroot:\n  source: s\n  table: orders\n  fields: [no]\n  {relation}\n"
        );
        let planned = planned(&text, MAPPING);
        let plan = planned.plan.as_ref().unwrap_or_else(|| panic!("{}", lines(&planned)));
        let root = &plan.root;
        assert!(!root.referenced);
        root.children[0].referenced
    };
    let buyer = |more: &str| {
        referenced(&format!(
            "one: {{buyer: {{source: s, table: buyers, on: {{buyer: id}}, fields: [name]{more}}}}}"
        ))
    };
    assert!(!buyer(""));
    assert!(buyer(", match: integer"));
    assert!(buyer(", where: \"name <> ''\""));
    assert!(buyer(", deleted_at: name"));
    assert!(buyer(", tombstones: buyers_gone"));
    assert!(buyer(", key: name"));
    assert!(referenced(
        "many: {items: {source: s, table: items, on: {id: order_id}, fields: [price]}}"
    ));
    assert!(!referenced("many: {items: {source: s, table: items, on: {id: id}, fields: [price]}}"));
    let composite = "key: [order_id, id], where: \"price > 0\"";
    assert!(!referenced(&format!(
        "many: {{items: {{source: s, table: items, {composite}, on: {{id: order_id}}, fields: [price]}}}}"
    )));
    assert!(referenced(
        "many: {items: {source: s, table: items, through: {table: order_tags, on: {id: order_id}, to: {tag_id: id}}, fields: [price]}}"
    ));
}

#[test]
fn a_plan_knows_every_column_that_the_job_uses() {
    let planned = planned(
        "index: a\nmapping: a.json\nroot:\n  source: s\n  table: orders\n  changed_at: no\n  deleted_at: gone_at\n  \
         fields: [amount]\n  many:\n    items:\n      source: s\n      table: items\n      on: {id: order_id}\n      \
         order_by: [price]\n",
        MAPPING,
    );
    assert_eq!(lines(&planned), "");
    let plan = planned.plan.unwrap();
    let told = serde_json::to_string(plan.columns()).unwrap();
    insta::assert_snapshot!(told, @r#"{"s":{"items":{"id":"integer","order_id":"integer","price":"decimal"},"orders":{"amount":"decimal","gone_at":"text","id":"integer","no":"text"}}}"#);
}
