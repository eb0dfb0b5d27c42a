//! What a role does not see has no bearing on what it is answered.
//!
//! One caller asks three indexes the same, by everything that can be asked: what they answer differs in nothing.

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::json;

use super::counting::Requests;
use super::documents::{self, Dice};
use super::generator::{Generator, seed};
use super::hidden::{Limits, paths};
use super::worlds::Worlds;
use crate::support::engines::{TestEngine, on_both_engines};

on_both_engines!(what_is_hidden_does_not_matter);

async fn what_is_hidden_does_not_matter(engine: TestEngine) {
    let seed = seed();
    let mut dice = Dice(StdRng::seed_from_u64(seed));
    let (mut answered, mut refused, mut pages, mut counts) = (0, 0, 0, 0);
    for round in 0..3 {
        let limits = Limits::drawn(&mut dice);
        println!("rows {:?}, hidden {:?}, masked {:?}", limits.rows, limits.hidden, limits.masked);
        let worlds = Worlds::made(engine, &limits, &mut dice).await;
        let mut generator = Generator::new(seed.wrapping_add(round));
        for _ in 0..60 {
            let mut body = generator.search();
            if dice.one_in(3) {
                let fields: Vec<&str> = (0..3).map(|_| dice.pick(&paths())).collect();
                body["fields"] = json!(fields);
            }
            if dice.one_in(6) {
                body["view"] = dice.pick(&["paid", "owed", "dated", "none"]).into();
            }
            if body.get("q").is_some() && dice.one_in(2) {
                body["highlight"] = json!([dice.pick(&["title", "memo", "note"])]);
            }
            if dice.one_in(4) {
                worlds.explain(&body).await;
            }
            let replies = worlds.search(&body).await;
            match replies[0].status {
                200 => {
                    answered += 1;
                    pages += worlds.page_on(&body, replies).await;
                }
                400 | 422 => refused += 1,
                other => panic!("{other} for {body}"),
            }
        }
        counts += counts_do_not_matter(&worlds, seed.wrapping_add(round), &mut dice).await;
        for field in [
            "no",
            "title",
            "status",
            "tags",
            "manager.name",
            "settlements.status",
            "settlements.lines.code",
        ] {
            let typed = dice.pick(&["", "%EA%B9%80", "a", "o", "K-00"]);
            worlds.get(&format!(":facet?field={field}&prefix={typed}")).await;
        }
        files_are_as_if_it_never_was(&worlds, &mut generator).await;
        names_are_as_if_they_never_were(&worlds, &limits).await;
        documents_are_there_or_not(&worlds, &limits).await;
        for api in worlds.apis {
            api.remove().await;
        }
    }
    println!(
        "{answered} searches answered, {refused} refused, {pages} pages more, {counts} counts"
    );
    assert!(answered > 15 && refused > 15, "{answered} answered, {refused} refused");
}

/// Facets, what was chosen of them, and aggregates; how many of them are answered.
async fn counts_do_not_matter(worlds: &Worlds, seed: u64, dice: &mut Dice) -> usize {
    let mut requests = Requests::new(seed);
    let mut answered = 0;
    for _ in 0..20 {
        let mut body = requests.search();
        if dice.one_in(2) {
            let mut aggregate = requests.aggregate();
            if aggregate["type"] == "group" {
                aggregate["size"] = json!(1 + dice.below(20));
            }
            body["aggregate"] = json!({"a": aggregate});
        }
        if dice.one_in(6) {
            worlds.explain(&body).await;
        }
        match worlds.search(&body).await[0].status {
            200 => answered += 1,
            400 | 422 => {}
            other => panic!("{other} for {body}"),
        }
    }
    answered
}

/// All rows and columns that are shown, of all documents and of some.
async fn files_are_as_if_it_never_was(worlds: &Worlds, generator: &mut Generator) {
    for body in [json!({}), json!({"format": "ndjson"}), json!({"explode": "settlements"})] {
        let replies = worlds.export(&body).await;
        // Without a name in it, nothing can be hidden of it.
        assert!(replies[0].status == 200 || body["explode"].is_string(), "{}", replies[0].text);
    }
    let mut files = 0;
    for _ in 0..10 {
        let search = generator.search();
        let body = json!({"filter": search["filter"], "sort": search["sort"], "format": "ndjson",
            "columns": ["_id", "title", "settlements", {"path": "settlements.amount", "as": "sum"}]});
        files += usize::from(worlds.export(&body).await[0].status == 200);
        worlds.export(&json!({"filter": search["filter"], "sort": search["sort"]})).await;
    }
    println!("{files} files with columns");
}

/// The third index never had the name: what it says is what is said of a name that is nowhere.
async fn names_are_as_if_they_never_were(worlds: &Worlds, limits: &Limits) {
    let mut names: Vec<String> = Vec::new();
    for path in limits.hidden.iter().chain(&limits.masked) {
        names.push((*path).to_owned());
        // A slip of the pen, for which the name itself would be the suggestion.
        names.push(format!("{path}x"));
        names.push(path.chars().skip(1).collect());
    }
    for name in &names {
        let inner = name.strip_prefix("settlements.");
        let inner =
            inner.map(|inner| json!({"filter": {"settlements": {"some": {inner: {"in": ["a"]}}}}}));
        let bodies = [
            json!({"filter": {name: {"eq": "a"}}}),
            json!({"filter": {name: {"exists": true}}}),
            json!({"filter": {name: {"some": {"a": {"eq": 1}}}}}),
            json!({"sort": [{"field": name}]}),
            json!({"fields": [name]}),
            json!({"q": {"text": "김철수", "fields": [name]}}),
            json!({"q": {"text": "김철수"}, "highlight": [name]}),
            json!({"facets": {name: {"type": "terms"}}}),
            json!({"facet_filters": {name: {"in": ["a"]}}}),
            json!({"aggregate": {"a": {"type": "group", "by": [name], "metrics": {"m": {"sum": name}}}}}),
        ];
        for body in bodies.into_iter().chain(inner) {
            let replies = worlds.search(&body).await;
            let hidden = limits.hidden.contains(&name.as_str());
            assert!(!hidden || replies[0].status == 400, "{body}: {}", replies[0].text);
        }
        let exports = [
            json!({"columns": [name]}),
            json!({"columns": ["no", {"path": name, "as": "count"}]}),
            json!({"columns": ["no", {"path": name, "as": "sum"}]}),
            json!({"explode": name}),
        ];
        for body in exports {
            let replies = worlds.export(&body).await;
            let hidden = limits.hidden.contains(&name.as_str());
            assert!(!hidden || replies[0].status == 400, "{body}: {}", replies[0].text);
        }
        worlds.get(&format!("/c001?fields={name}")).await;
        for query in
            ["{}=eq.a", "{}=is.null", "sort=-{}", "fields={}", "not.{}=in.(a,b)", "or=({}.eq.a)"]
        {
            worlds.get(&format!("?{}", query.replace("{}", name))).await;
        }
        for query in ["field={}", "field={}&prefix=a", "field=no&{}=a"] {
            worlds.get(&format!(":facet?{}", query.replace("{}", name))).await;
        }
    }
}

async fn documents_are_there_or_not(worlds: &Worlds, limits: &Limits) {
    let (mut there, mut gone) = (0, 0);
    for document in documents::all().iter().take(40) {
        let id = document["_prejoin"]["id"].as_str().unwrap();
        match worlds.get(&format!("/{id}")).await[0].status {
            200 => there += 1,
            404 => gone += 1,
            other => panic!("{other} for {id}"),
        }
    }
    assert!(limits.rows.is_none() || gone > 0, "{there} there, {gone} gone");
}
