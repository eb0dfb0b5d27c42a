//! `explain`: one document out of three kinds of servers, taken apart.

use serde_json::{Value, json};

use super::failures::sqlite;
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::home::{Home, Ran};
use crate::support::own::Indexes;
use crate::support::place::Place;
use crate::support::services;

on_both_engines!(
    each_part_is_told_with_where_it_comes_from,
    what_has_changed_since_is_told_path_by_path,
    each_way_of_not_being_there_is_told,
    what_is_masked_now_is_not_shown_from_before,
    a_key_of_bytes_is_found_by_its_text,
);

const MAPPING: &str = r#"{"mappings": {"dynamic": "strict", "properties": {
    "branch": {"type": "long"}, "no": {"type": "keyword"}, "amount": {"type": "double"}, "signed": {"type": "date"},
    "account": {"properties": {"name": {"type": "keyword"}}},
    "settlements": {"type": "nested", "properties": {
        "id": {"type": "long"}, "amount": {"type": "double"}, "payer": {"type": "keyword"}}},
    "products": {"type": "nested", "properties": {"name": {"type": "keyword"}}},
    "total": {"type": "double"}}}}"#;

const JOB: &str = "\
index: INDEX
mapping: contracts.json
root:
  source: contract
  table: contracts
  where: gone = 0
  fields: [branch, no, amount, signed]
  one:
    account: {source: account, table: accounts, on: {account_id: id}, fields: [name]}
  many:
    settlements:
      source: contract
      table: settlements
      on: {branch: branch, no: contract_no}
      order_by: [id]
      fields: [id, amount, {column: payer, mask: hmac}]
    products:
      source: product
      through: {table: links, on: {no: contract_no}, to: {product_id: id}}
      table: products
      match: text
      order_by: [name]
      fields: [name]
computed:
  total: {sum: settlements.amount}
";

struct Scene {
    home: Home,
    index: Indexes,
    contract: Place,
    account: Place,
}

impl Scene {
    /// Three contracts: one with all its parts, one with none of them, one that its `where` leaves out.
    async fn new(engine: TestEngine) -> Self {
        let index = Indexes::of(engine, "explain").await;
        let (contract, account) = (Place::postgres().await, Place::mariadb().await);
        contract
            .run(
                "CREATE TABLE contracts (branch int, no text, amount numeric(30, 2), account_id int, signed text,
                    gone int NOT NULL DEFAULT 0, PRIMARY KEY (branch, no));
                 CREATE TABLE settlements (id int PRIMARY KEY, branch int, contract_no text, amount numeric(30, 2), payer text);
                 INSERT INTO contracts VALUES (1, 'A:1', 12345678901234567890.10, 7, '2026-01-02'),
                    (1, 'B', NULL, NULL, NULL), (2, 'A:1', 5, 8, NULL); UPDATE contracts SET gone = 1 WHERE branch = 2;
                 INSERT INTO settlements VALUES (1, 1, 'A:1', 10.50, '110-11'), (3, 1, 'A:1', 0.25, NULL);",
            )
            .await;
        account
            .run("CREATE TABLE accounts (id int PRIMARY KEY, name varchar(40)); INSERT INTO accounts VALUES (7, 'Kim')")
            .await;
        let (postgres, mariadb) = (services::postgres(), services::mariadb());
        let config = format!(
            "sources:\n  contract: {{kind: postgres, url: '{postgres}', schema: {}}}\n  account: {{kind: mysql, url: \
             '{mariadb}', schema: {}}}\n  product: {{kind: sqlite, path: shop.db}}\nmask: {{key: pepper}}\n",
            contract.schema(),
            account.schema()
        );
        let home = Home::new()
            .file("mappings/contracts.json", MAPPING)
            .file("jobs/contracts.yaml", &JOB.replace("INDEX", &index))
            .file("config/default.yaml", &config)
            .engine(engine)
            .await;
        sqlite(
            &home,
            "CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT);
             CREATE TABLE links (contract_no TEXT, product_id INTEGER, PRIMARY KEY (contract_no, product_id));
             INSERT INTO products VALUES (1, 'pen'), (2, 'ink');
             INSERT INTO links VALUES ('A:1', 1), ('A:1', 2)",
        )
        .await;
        Self { home, index, contract, account }
    }

    async fn loaded(engine: TestEngine) -> Self {
        let scene = Self::new(engine).await;
        let ran = scene.home.run(&["reindex", "contracts"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        scene
    }

    fn explain(&self, id: &str) -> Ran {
        self.home.run(&["explain", "contracts", id])
    }

    /// What came out: exit code, verdict, and the report.
    fn verdict(&self, id: &str) -> (Option<i32>, String, Value) {
        let ran = self.home.run(&["explain", "contracts", id, "--json"]);
        let report = ran.json();
        (ran.code, report["verdict"].as_str().unwrap().to_owned(), report)
    }

    /// Stdout without what differs from run to run.
    fn told(&self, ran: &Ran) -> String {
        let line = |line: &str| match line.split_once(": version ") {
            Some((head, _)) => format!("{head}: version …"),
            None => line.trim_end().to_owned(),
        };
        let text = ran.stdout.replace(&*self.index, "INDEX");
        text.lines().map(line).collect::<Vec<_>>().join("\n")
    }
}

async fn each_part_is_told_with_where_it_comes_from(engine: TestEngine) {
    let scene = Scene::loaded(engine).await;
    let ran = scene.explain("1:A%3A1");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    insta::allow_duplicates! {
        insta::assert_snapshot!(scene.told(&ran), @r#"
        contracts 1:A%3A1: the index holds what the services say

            part         source    table        joined by                                                                       rows
            (root)       contract  contracts    branch, no                                                                      1
            account      account   accounts     accounts.id = contracts.account_id                                              1
            settlements  contract  settlements  settlements.branch = contracts.branch, settlements.contract_no = contracts.no   2
            products     product   products     products.id = links.product_id, links.contract_no = contracts.no (match: text)  2

          read by
            (root): SELECT t."branch", t."no", t."amount", t."signed", t."account_id" FROM "contracts" AS t WHERE (gone = 0
              ) AND (t."branch", t."no") IN (SELECT * FROM unnest($1::int8[], $2::text[]))
            account: SELECT t.`name`, t.`id` FROM `accounts` AS t WHERE t.`id` IN (?)
            settlements: SELECT t."id", t."amount", t."payer", t."branch", t."contract_no" FROM "settlements" AS t WHERE (t."branch", t."contract_no") IN (SELECT * FROM unnest($1::int8[], $2::text[])) ORDER BY t."branch", t."contract_no", t."id" NULLS LAST, t."id"
            products: SELECT t."name", t."id", l."contract_no" FROM "links" AS l JOIN "products" AS t ON t."id" = l."product_id" WHERE rtrim(l."contract_no") IN (?) ORDER BY t."name" NULLS LAST, t."id"

          INDEX-000001 holds it: version …
        "#);
    }
    // NULL to one, nothing to many.
    let (code, verdict, report) = scene.verdict("1:B");
    assert_eq!((code, verdict.as_str()), (Some(0), "equal"), "{report:#}");
    let rows: Vec<_> =
        report["parts"].as_array().unwrap().iter().map(|part| &part["rows"]).collect();
    assert_eq!(rows, [1, 0, 0, 0]);
    let held = &report["held"];
    let version = held["version"].as_u64().unwrap();
    assert_eq!((held["epoch"].as_u64(), held["batch"].as_u64()), (Some(version >> 24), Some(0)));
    assert!(held["built_at"].is_string() && held["digest"].is_i64(), "{held}");
}

async fn what_has_changed_since_is_told_path_by_path(engine: TestEngine) {
    let scene = Scene::loaded(engine).await;
    scene
        .contract
        .run(
            "UPDATE contracts SET amount = amount + 0.01 WHERE no = 'A:1';
             INSERT INTO settlements VALUES (2, 1, 'A:1', 7, '220-22');
             UPDATE settlements SET payer = '330-33' WHERE id = 3",
        )
        .await;
    scene.account.run("UPDATE accounts SET name = 'Lee'").await;
    sqlite(&scene.home, "DELETE FROM links WHERE product_id = 1").await;
    let ran = scene.explain("1:A%3A1");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let told = scene.told(&ran);
    let difference = told.split_once("difference").unwrap().1;
    insta::allow_duplicates! {
        insta::assert_snapshot!(difference, @r#"
        (- the index, + the services)
           changed amount
             - 12345678901234567890.10
             + 12345678901234567890.11
           changed account.name
             - "Kim"
             + "Lee"
           added settlements[1]
             + {"id":2,"amount":7.00,"payer":"2334660a05825f783b107d8f485f0003d2ce69daf35fbcb0a1e34048087f8a98"}
           changed settlements[2].payer
             - null
             + "c9446ffec4b3b9b45b4351bb6d1b775272544d7a479c0ec93fb02f48bbd4a603"
           missing products[1]
             - {"name":"pen"}
           changed total
             - 10.75
             + 17.75
           added _prejoin.refs[2]
             + "settlements:2"
           missing _prejoin.refs[0]
             - "products:1"
        "#);
    }
    let ran = scene.home.run(&["explain", "contracts", "1:A%3A1", "-vv"]);
    for value in ["110-11", "220-22", "330-33"] {
        assert!(!ran.stdout.contains(value) && !ran.stderr.contains(value), "{ran:?}");
    }
    for value in ["Kim", "Lee", "12345678901234567890"] {
        assert!(!ran.stderr.contains(value), "{}", ran.stderr);
    }
}

async fn each_way_of_not_being_there_is_told(engine: TestEngine) {
    let scene = Scene::new(engine).await;
    let short = |id: &str| {
        let (code, verdict, report) = scene.verdict(id);
        let first = scene.told(&scene.explain(id)).lines().next().unwrap().to_owned();
        (code.unwrap(), verdict, report["left_out"] == true, first)
    };
    let not_loaded = scene.explain("1:B");
    assert_eq!(not_loaded.code, Some(1));
    assert!(not_loaded.stdout.contains("nothing is loaded yet: `prejoin reindex contracts`"));

    scene.contract.run("UPDATE contracts SET signed = 'long ago' WHERE no = 'B'").await;
    assert_eq!(scene.home.run(&["reindex", "contracts"]).code, Some(1));
    let refused = scene.explain("1:B");
    assert_eq!(refused.code, Some(1));
    assert!(refused.stdout.contains("parsing_exception: signed"), "{}", refused.stdout);
    let letter = &scene.verdict("1:B").2["dead_letter"];
    assert_eq!((&letter["key"], &letter["field"]), (&json!("1:B"), &json!("signed")));

    scene.contract.run("INSERT INTO contracts VALUES (3, 'new', 1, NULL, NULL)").await;
    let mut all = vec![short("3:new"), short("2:A%3A1"), short("9:9")];
    scene.contract.run("UPDATE contracts SET gone = 1 WHERE no = 'A:1'").await;
    all.push(short("1:A%3A1"));
    scene.contract.run("DELETE FROM contracts").await;
    all.push(short("1:A%3A1"));
    let all = all
        .iter()
        .map(|(code, verdict, left_out, first)| format!("{code} {verdict} {left_out}: {first}"));
    insta::allow_duplicates! {
        insta::assert_snapshot!(all.collect::<Vec<_>>().join("\n"), @"
        1 not_indexed false: contracts 3:new: the services have it, the index does not
        1 nowhere true: contracts 2:A%3A1: neither the services nor the index have it: its row is there, but `where` or `deleted_at` leaves it out
        1 nowhere false: contracts 9:9: neither the services nor the index have it: there is no such row
        1 only_indexed true: contracts 1:A%3A1: only the index has it: its row is there, but `where` or `deleted_at` leaves it out
        1 only_indexed false: contracts 1:A%3A1: only the index has it: there is no such row
        ");
        insta::assert_snapshot!(scene.explain("1").told(), @"
        exit 2
        error: the id has 1 part(s), and the root's key has 2

        hint: write branch, no in this order, joined by `:`; a `:` within one is written %3A, a % is written %25
        ");
    }
}

async fn what_is_masked_now_is_not_shown_from_before(engine: TestEngine) {
    let scene = Scene::new(engine).await;
    let clear = JOB.replace("{column: payer, mask: hmac}", "payer").replace("INDEX", &scene.index);
    let home = &scene.home;
    std::fs::write(home.path().join("jobs/contracts.yaml"), clear).unwrap();
    assert_eq!(home.run(&["reindex", "contracts"]).code, Some(0));
    std::fs::write(home.path().join("jobs/contracts.yaml"), JOB.replace("INDEX", &scene.index))
        .unwrap();
    scene
        .contract
        .run("UPDATE contracts SET amount = 3; DELETE FROM settlements WHERE id = 3")
        .await;
    let (code, _, report) = scene.verdict("1:A%3A1");
    assert_eq!((code, &report["same_job"]), (Some(1), &json!(false)));
    let text = report.to_string();
    assert!(!text.contains("110-11"), "{report:#}");
    // What the job does not mask is shown; what it works out of many fields is not.
    assert!(text.contains("12345678901234567890.10"), "{report:#}");
    let total =
        report["differences"].as_array().unwrap().iter().find(|found| found["path"] == "total");
    assert!(total.unwrap()["index"].as_str().unwrap().starts_with("(hidden"), "{report:#}");
}

/// Sixteen bytes that meet another service's UUIDs are an id in the form of theirs.
async fn a_key_of_bytes_is_found_by_its_text(engine: TestEngine) {
    let index = Indexes::of(engine, "uuid").await;
    let place = Place::mariadb().await;
    place
        .run(
            "CREATE TABLE things (id binary(16) PRIMARY KEY); CREATE TABLE names (id char(36), thing char(36) PRIMARY KEY);
             INSERT INTO things VALUES (UNHEX('0190a7c0111172228333444455556666'));
             INSERT INTO names VALUES ('a', '0190a7c0-1111-7222-8333-444455556666')",
        )
        .await;
    let job = format!(
        "index: {index}\nmapping: things.json\nroot:\n  source: s\n  table: things\n  fields: [id]\n  one:\n    \
         name: {{source: s, table: names, on: {{id: thing}}, match: uuid, fields: [id]}}\n"
    );
    let config = format!(
        "sources: {{s: {{kind: mysql, url: '{}', schema: {}}}}}\n",
        services::mariadb(),
        place.schema()
    );
    let mapping = r#"{"mappings": {"properties": {"id": {"type": "keyword"},
        "name": {"properties": {"id": {"type": "keyword"}}}}}}"#;
    let home = Home::new()
        .file("mappings/things.json", mapping)
        .file("jobs/things.yaml", &job)
        .file("config/default.yaml", &config)
        .engine(engine)
        .await;
    assert_eq!(home.run(&["reindex", "things"]).code, Some(0));
    let ran = home.run(&["explain", "things", "0190a7c0-1111-7222-8333-444455556666", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let report = ran.json();
    assert_eq!(report["verdict"], "equal");
    assert_eq!(report["parts"][1]["rows"], 1);
}
