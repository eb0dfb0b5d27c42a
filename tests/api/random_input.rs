//! Input by chance: no query string, body or cursor ends in a panic or a failure of the server, and a filter means the same
//! in a query string and in a body.
//!
//! Each test takes a few seconds, or `PREJOIN_TEST_SECONDS`. The seed of what goes wrong is printed; `PREJOIN_TEST_SEED` has
//! it happen again.

use std::time::{Duration, Instant};

use prejoin::query::get::translate;
use prejoin::query::{Fields, Limits, parse_within};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::json;

use super::counting::Requests;
use super::documents::{self, Dice};
use super::generator::Generator;
use super::harness::{Api, Reply};
use super::spelled::{encoded, facet, filter as written};
use crate::support::engines::TestEngine;

const SECONDS: u64 = 4;

/// What query strings are made of, right and wrong.
const WORDS: [&str; 77] = [
    "status",
    "amount",
    "manager.name",
    "settlements",
    "settlements.lines",
    "title",
    "signed_at",
    "paid",
    "rate",
    "hidden",
    "nobody",
    "sort",
    "fields",
    "q",
    "q.fields",
    "q.fuzzy",
    "facets",
    "facet.mode",
    "page[size]",
    "page[after]",
    "page[number]",
    "page[",
    "limit",
    "offset",
    "count",
    "highlight",
    "timezone",
    "view",
    "or",
    "and",
    "not.",
    "eq.",
    "ne.",
    "gte.",
    "in.",
    "nin.",
    "between.",
    "is.null",
    "is.not_null",
    "like.*",
    "ilike.*",
    "some(",
    "none(",
    "every(",
    "count.gte.",
    "count(",
    ".terms(",
    ".ranges(",
    ".dates(",
    "month",
    "size.",
    "prefix.",
    "Asia/Seoul",
    "..",
    ":",
    "exists.",
    "match.",
    "max(",
    "min(",
    ";",
    "(",
    ")",
    ",",
    "=",
    "&",
    "\"",
    "\\",
    "*",
    "-",
    "1",
    "99999999999999999999",
    "1.5e3",
    "overdue",
    "2026-01-31",
    "true",
    "김철수",
    "null",
];
/// What is put into bodies at any place.
const BITS: [&str; 22] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "null",
    "true",
    "-",
    "1e999",
    "0",
    "\"some\":",
    "\"filter\":",
    "\"not\":",
    "\"\\ud800\"",
    "\u{0}",
    "é",
    "{}",
    "[]",
    "\"view\":",
];

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect(name))
}

/// Seeds for as long as the test may take, or the only one that is asked for.
fn seeds() -> impl Iterator<Item = u64> {
    let (seconds, one) = (variable("PREJOIN_TEST_SECONDS"), variable("PREJOIN_TEST_SEED"));
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(SECONDS));
    // The same ones every time, unless others are wanted.
    let first = one.unwrap_or_else(|| if seconds.is_some() { rand::random() } else { 0 });
    (0..).map(move |number| first.wrapping_add(number)).take_while(move |seed| match one {
        Some(one) => *seed == one,
        None => Instant::now() < end,
    })
}

fn dice(seed: u64) -> Dice {
    Dice(StdRng::seed_from_u64(seed))
}

/// What any answer is: a success or a problem of the caller's.
fn is_answered(reply: &Reply, seed: u64, input: &str) {
    let told = matches!(reply.status, 200 | 400 | 422);
    assert!(told, "{}\n{input:?}\n{}\nPREJOIN_TEST_SEED={seed}", reply.status, reply.text);
    reply.json();
}

fn soup(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..1 + dice.below(30) {
        text.push_str(dice.pick(&WORDS));
        if dice.one_in(4) {
            text.push_str(dice.pick(&["=", "=eq.", "&", "."]));
        }
    }
    text
}

/// `text` with a few characters taken out, doubled or put in.
fn damaged(dice: &mut Dice, text: &str, bits: &[&str]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..1 + dice.below(4) {
        let at = dice.below(characters.len() + 1);
        match dice.below(3) {
            0 if at < characters.len() => drop(characters.remove(at)),
            1 if at < characters.len() => characters.insert(at, characters[at]),
            _ => drop(characters.splice(at..at, dice.pick(bits).chars())),
        }
    }
    characters.into_iter().collect()
}

#[test]
fn a_filter_means_the_same_in_a_query_string_and_in_a_body() {
    let fields = Fields::new(&documents::mapping());
    let limits = Limits { depth: 20, comparisons: 1_000, ..Limits::default() };
    let mut tried = 0;
    for seed in seeds() {
        let search = Generator::new(seed).search();
        let body = json!({"filter": {"and": [search["filter"]]}, "count": "exact"}).to_string();
        let expected = parse_within(&limits, &fields, body.as_bytes());
        let query =
            format!("and={}&count=exact", encoded(&format!("({})", written(&search["filter"]))));
        if query.len() > 8 << 10 {
            continue;
        }
        let got = translate(&limits, &fields, &query);
        let got =
            got.and_then(|got| parse_within(&limits, &fields, got.body.to_string().as_bytes()));
        assert_eq!(
            got,
            expected,
            "{body}\n{}\nPREJOIN_TEST_SEED={seed}",
            written(&search["filter"])
        );
        expected.unwrap_or_else(|refusal| panic!("{refusal}\n{body}\nPREJOIN_TEST_SEED={seed}"));
        tried += 1;
    }
    eprintln!("{tried} filters");
    assert!(tried > 0);
}

#[test]
fn a_facet_means_the_same_in_a_query_string_and_in_a_body() {
    let fields = Fields::new(&documents::mapping());
    let limits = Limits { depth: 20, comparisons: 1_000, ..Limits::default() };
    let mut tried = 0;
    for seed in seeds() {
        let mut facets = Requests::new(seed).search()["facets"].take();
        for facet in facets.as_object_mut().unwrap().values_mut() {
            // No ranges at all are a slip in a query string.
            if facet["ranges"] == json!([]) {
                facet["ranges"] = json!([{}]);
            }
        }
        let each = facets.as_object().unwrap().iter().map(|(name, asked)| facet(name, asked));
        let told = each.collect::<Vec<_>>().join(",");
        let body = json!({"facets": facets}).to_string();
        let expected = parse_within(&limits, &fields, body.as_bytes());
        let query = format!("facets={}", encoded(&told));
        if query.len() > 8 << 10 {
            continue;
        }
        let got = translate(&limits, &fields, &query);
        let got =
            got.and_then(|got| parse_within(&limits, &fields, got.body.to_string().as_bytes()));
        assert_eq!(got, expected, "{body}\n{told}\nPREJOIN_TEST_SEED={seed}");
        expected.unwrap_or_else(|refusal| panic!("{refusal}\n{body}\nPREJOIN_TEST_SEED={seed}"));
        tried += 1;
    }
    eprintln!("{tried} facets");
    assert!(tried > 0);
}

#[tokio::test]
async fn query_strings_by_chance_are_answered() {
    let api = Api::filled(TestEngine::OpenSearch.client().await).await;
    let (mut tried, mut found) = (0, 0);
    for seed in seeds() {
        let mut dice = dice(seed);
        let query = match dice.below(3) {
            0 => encoded(&soup(&mut dice)).replace("%3D", "=").replace("%26", "&"),
            1 => (0..dice.below(60)).map(|_| format!("%{:02x}", dice.below(256))).collect(),
            _ if dice.one_in(3) => {
                let facets = Requests::new(seed).search()["facets"].take();
                let each = facets.as_object().unwrap().iter();
                let each = each.map(|(name, asked)| facet(name, asked)).collect::<Vec<_>>();
                format!("facets={}", encoded(&damaged(&mut dice, &each.join(","), &WORDS)))
            }
            _ => {
                let filter = written(&Generator::new(seed).search()["filter"]);
                let damaged =
                    if dice.one_in(2) { filter } else { damaged(&mut dice, &filter, &WORDS) };
                format!("or={}", encoded(&format!("({damaged})")))
            }
        };
        let reply = api.get(&query).await;
        is_answered(&reply, seed, &query);
        tried += 1;
        found += usize::from(reply.status == 200);
    }
    eprintln!("{tried} query strings, {found} of them searches");
    assert!(tried > 0);
    api.remove().await;
}

#[tokio::test]
async fn bodies_by_chance_are_answered() {
    let api = Api::filled(TestEngine::OpenSearch.client().await).await;
    let (mut tried, mut found) = (0, 0);
    for seed in seeds() {
        let mut dice = dice(seed);
        let body = damaged(&mut dice, &Generator::new(seed).search().to_string(), &BITS);
        let reply = api.search_text(&body).await;
        is_answered(&reply, seed, &body);
        tried += 1;
        found += usize::from(reply.status == 200);
    }
    eprintln!("{tried} bodies, {found} of them searches");
    assert!(tried > 0);
    api.remove().await;
}

#[tokio::test]
async fn cursors_by_chance_are_refused() {
    const ALPHABET: &[u8] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ %";
    let api = Api::filled(TestEngine::OpenSearch.client().await).await;
    let search = json!({"sort": [{"field": "amount"}], "page": {"size": 3}});
    let good = api.search(&search).await.json()["page"]["next"].as_str().unwrap().to_owned();
    let mut tried = 0;
    for seed in seeds() {
        let mut dice = dice(seed);
        let mut cursor: Vec<u8> = good.bytes().collect();
        if dice.one_in(2) {
            cursor = (0..dice.below(200)).map(|_| dice.pick(ALPHABET)).collect();
        } else {
            for _ in 0..1 + dice.below(3) {
                let at = dice.below(cursor.len());
                cursor[at] = dice.pick(ALPHABET);
            }
            cursor.truncate(1 + dice.below(cursor.len() * 2));
        }
        let cursor = String::from_utf8(cursor).unwrap();
        if cursor == good {
            continue;
        }
        let mut body = search.clone();
        body["page"]["after"] = cursor.as_str().into();
        let replies = [
            api.search(&body).await,
            api.get(&format!("sort=amount&limit=3&page[after]={}x", encoded(&cursor))).await,
        ];
        for reply in replies {
            assert_eq!(reply.status, 400, "{cursor}\n{}\nPREJOIN_TEST_SEED={seed}", reply.text);
            assert_eq!(
                reply.json()["code"],
                "invalid_cursor",
                "{cursor}\nPREJOIN_TEST_SEED={seed}"
            );
        }
        tried += 1;
    }
    eprintln!("{tried} cursors");
    assert!(tried > 0);
    api.remove().await;
}
