//! Files of every row, in each format, against what is right.

mod audit;
mod lost;
mod office;
mod refused;
mod sent;

use axum::body::to_bytes;
use axum::http::response::Parts;
use calamine::{Data, Reader, Xlsx};
use prejoin::config::ApiConfig;
use serde_json::{Value, json};

use super::documents;
use super::evaluator::{answer, at};
use super::generator::Generator;
use super::harness::Api;
use crate::support::engines::{TestEngine, on_both_engines};

#[tokio::test]
async fn a_view_brings_its_columns() {
    let api = Api::filled(TestEngine::OpenSearch.client().await).await;
    let paid = json!({"paid": {"eq": true}});
    let views = json!({api.alias.clone(): {"mobile": {"filter": paid, "fields": ["no", "manager"], "page": {"size": 5}}}});
    let viewed = api.configured(&ApiConfig {
        views: serde_json::from_value(views).unwrap(),
        ..ApiConfig::default()
    });
    let lines = cells(&text(&viewed, &json!({"view": "mobile"})).await);
    let headings: Vec<&str> = lines[0].iter().map(|(_, heading)| heading.as_str()).collect();
    assert_eq!(headings, ["_id", "no", "manager.name", "manager.team.name"]);
    let expected = answer(&documents::all(), &api.parsed(&json!({"filter": paid})));
    let ids: Vec<&str> = lines[1..].iter().map(|line| line[0].1.as_str()).collect();
    assert_eq!(ids, expected);
    for (body, at) in [
        (json!({"columns": ["no", "status"]}), "/columns/1"),
        (json!({"explode": "settlements"}), "/explode"),
        (json!({"explode": "settlements", "columns": ["no"]}), "/explode"),
        (json!({"explode": "settlements", "fields": ["no"]}), "/explode"),
    ] {
        let mut body = body;
        body["view"] = "mobile".into();
        let (parts, said) = export(&viewed, &body).await;
        let said: Value = serde_json::from_slice(&said).unwrap();
        let told = (parts.status.as_u16(), &said["errors"][0]["pointer"]);
        assert_eq!(told, (400, &json!(at)), "{body}");
    }
    api.remove().await;
}

on_both_engines!(
    ndjson_has_the_rows_of_a_search_in_its_order,
    csv_has_a_cell_for_each_value,
    a_sheet_has_the_cells_of_csv,
    an_exploded_list_has_a_line_for_each_element,
);

/// What is answered to an export, as it travels.
async fn export(api: &Api, body: &Value) -> (Parts, Vec<u8>) {
    let (parts, body) = api.answer(body).await.into_parts();
    (parts, to_bytes(body, usize::MAX).await.unwrap().to_vec())
}

/// The text of an export that went well.
async fn text(api: &Api, body: &Value) -> String {
    let (parts, bytes) = export(api, body).await;
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(parts.status, 200, "{body}: {text}");
    text
}

/// The lines of NDJSON, without the last, which says that they are all.
fn rows(text: &str) -> Vec<Value> {
    let mut lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let end = lines.pop().unwrap();
    assert_eq!(end, json!({"_end": true, "rows": lines.len()}));
    assert!(text.ends_with('\n'));
    lines
}

/// The cells of CSV by RFC 4180: whether each was quoted, and what it says.
fn cells(text: &str) -> Vec<Vec<(bool, String)>> {
    let mut rest = text.strip_prefix('\u{FEFF}').expect("a mark of its encoding");
    let (mut lines, mut line) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        let cell = match rest.strip_prefix('"') {
            None => {
                let end = rest.find([',', '\r']).unwrap();
                let cell = rest[..end].to_owned();
                rest = &rest[end..];
                (false, cell)
            }
            Some(quoted) => {
                let mut cell = String::new();
                rest = quoted;
                loop {
                    let end = rest.find('"').unwrap();
                    cell.push_str(&rest[..end]);
                    rest = &rest[end + 1..];
                    let Some(more) = rest.strip_prefix('"') else { break };
                    cell.push('"');
                    rest = more;
                }
                (true, cell)
            }
        };
        line.push(cell);
        if let Some(more) = rest.strip_prefix(',') {
            rest = more;
        } else {
            rest = rest.strip_prefix("\r\n").expect("a line's end");
            lines.push(std::mem::take(&mut line));
        }
    }
    assert!(line.is_empty(), "the last line has no end");
    lines
}

fn id(document: &Value) -> &str {
    document["_prejoin"]["id"].as_str().unwrap()
}

/// The documents of a search's answer, in its order.
fn found(api: &Api, search: &Value) -> Vec<Value> {
    let all = documents::all();
    let ids = answer(&all, &api.parsed(search));
    let of = |wanted: String| all.iter().find(|document| id(document) == wanted).unwrap().clone();
    ids.into_iter().map(of).collect()
}

/// Without what its search says of pages and counts.
fn of_a_search(mut search: Value) -> Value {
    let members = search.as_object_mut().unwrap();
    members.retain(|name, _| ["filter", "sort", "q", "facet_filters"].contains(&name.as_str()));
    search
}

async fn ndjson_has_the_rows_of_a_search_in_its_order(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let mut generator = Generator::new(20_261_130);
    let mut found = 0;
    let searches = (0..25).map(|_| of_a_search(generator.search()));
    for search in std::iter::once(json!({})).chain(searches) {
        let expected = answer(&documents::all(), &api.parsed(&search));
        let mut body = search.clone();
        body["format"] = "ndjson".into();
        let (parts, bytes) = export(&api, &body).await;
        assert_eq!(parts.headers["content-type"], "application/x-ndjson");
        assert_eq!(parts.headers["x-total-count"], expected.len().to_string().as_str());
        let rows = rows(std::str::from_utf8(&bytes).unwrap());
        let ids: Vec<&str> = rows.iter().map(|row| row["_id"].as_str().unwrap()).collect();
        assert_eq!(ids, expected, "{search}");
        let mut first = search.clone();
        first["page"] = json!({"size": 200});
        let page = api.search(&first).await.json();
        assert_eq!(page["data"].as_array().unwrap()[..], rows[..rows.len().min(200)]);
        found += rows.len();
        body["limit"] = 40.into();
        assert_eq!(self::rows(&text(&api, &body).await)[..], rows[..rows.len().min(40)]);
    }
    assert!(found > documents::COUNT * 2, "{found}");
    api.remove().await;
}

/// A cell, as CSV has it: whether it is quoted, and what it says.
fn plain(values: &[&Value]) -> (bool, String) {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match values {
        [] => (false, String::new()),
        [one] => {
            let digits = one.to_string().bytes().filter(u8::is_ascii_digit).count();
            // None of the numbers here begins with zeros that would not count but "0.".
            let long = one.is_number() && digits > 15;
            let text = text(one);
            match one.is_string() && text.starts_with(['=', '+', '-', '@']) {
                true => (true, format!("'{text}")),
                false => (one.is_string() || long, text),
            }
        }
        several => (true, several.iter().map(|value| text(value)).collect::<Vec<_>>().join(", ")),
    }
}

const COLUMNS: [&str; 16] = [
    "no",
    "title",
    "status",
    "tags",
    "amount",
    "stock",
    "rate",
    "price",
    "serial",
    "half",
    "paid",
    "signed_at",
    "seen_at",
    "manager.name",
    "manager.team.name",
    "settlements.due",
];

fn asked(format: &str) -> Value {
    let mut columns: Vec<Value> = vec![json!("_id")];
    columns.extend(COLUMNS.map(Value::from));
    columns.push(json!("settlements"));
    columns.push(json!({"path": "settlements.amount", "as": "sum", "heading": "합계, \"원\""}));
    columns.push(json!({"path": "settlements.lines.code", "as": "count"}));
    columns.push(json!({"path": "settlements.status", "separator": "; "}));
    json!({"format": format, "columns": columns, "sort": [{"field": "amount", "order": "desc"}]})
}

fn line(document: &Value) -> Vec<(bool, String)> {
    let values = |path: &str| at(document, "", path);
    let mut line = vec![(true, id(document).to_owned())];
    line.extend(COLUMNS.map(|path| plain(&values(path))));
    line.push((false, values("settlements").len().to_string()));
    let amounts = values("settlements.amount");
    let sum: i128 = amounts.into_iter().map(|amount| i128::from(amount.as_i64().unwrap())).sum();
    line.push((sum.unsigned_abs() >= 1_000_000_000_000_000, sum.to_string()));
    line.push((false, values("settlements.lines.code").len().to_string()));
    let statuses: Vec<&str> =
        values("settlements.status").into_iter().map(|status| status.as_str().unwrap()).collect();
    line.push((!statuses.is_empty(), statuses.join("; ")));
    line
}

async fn csv_has_a_cell_for_each_value(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let (parts, bytes) = export(&api, &asked("csv")).await;
    assert_eq!(parts.headers["content-type"], "text/csv; charset=utf-8");
    let disposition = parts.headers["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with(&format!("attachment; filename=\"{}-20", api.alias)));
    let mut lines = cells(std::str::from_utf8(&bytes).unwrap());
    let headings: Vec<String> = lines.remove(0).into_iter().map(|(_, heading)| heading).collect();
    assert_eq!((headings[1].as_str(), headings[18].as_str()), ("no", "합계, \"원\""));
    let documents = found(&api, &json!({"sort": asked("csv")["sort"]}));
    let expected: Vec<_> = documents.iter().map(line).collect();
    assert_eq!(lines, expected);
    // The greatest amounts have more digits than spreadsheets keep.
    assert_eq!(lines[0][5], (true, i64::MAX.to_string()));

    let everything = cells(&text(&api, &json!({})).await);
    let headings: Vec<&str> = everything[0].iter().map(|(_, heading)| heading.as_str()).collect();
    assert_eq!(headings[..3], ["_id", "amount", "byte"]);
    assert!(headings.contains(&"settlements") && !headings.contains(&"settlements.amount"));
    assert_eq!(everything.len(), documents::COUNT + 1);
    let none =
        cells(&text(&api, &json!({"filter": {"or": []}, "fields": ["no", "manager"]})).await);
    let headings: Vec<&str> = none[0].iter().map(|(_, heading)| heading.as_str()).collect();
    assert_eq!((none.len(), headings), (1, vec!["_id", "no", "manager.name", "manager.team.name"]));
    api.remove().await;
}

/// The cells of a workbook, as CSV would have them.
fn sheet(bytes: Vec<u8>) -> Vec<Vec<String>> {
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(std::io::Cursor::new(bytes)).unwrap();
    let range = book.worksheet_range_at(0).unwrap().unwrap();
    let told = |cell: &Data| match cell {
        Data::DateTime(time) => time.as_f64().to_string(),
        cell => cell.to_string(),
    };
    range.rows().map(|row| row.iter().map(told).collect()).collect()
}

async fn a_sheet_has_the_cells_of_csv(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let (parts, bytes) = export(&api, &asked("xlsx")).await;
    assert_eq!(parts.status, 200, "{}", String::from_utf8_lossy(&bytes));
    assert_eq!(parts.headers["content-length"], bytes.len().to_string().as_str());
    let sheet = sheet(bytes);
    let csv = cells(&text(&api, &asked("csv")).await);
    assert_eq!(sheet.len(), csv.len());
    let (mut days, mut long) = (0, 0);
    for (cells, line) in sheet.iter().zip(&csv) {
        for ((cell, (quoted, text)), heading) in cells.iter().zip(line).zip(&csv[0]) {
            let dates = ["signed_at", "settlements.due"].contains(&heading.1.as_str());
            let is_day = dates && text.len() == 10;
            days += usize::from(is_day);
            long += usize::from(*quoted && text.bytes().filter(u8::is_ascii_digit).count() > 15);
            match is_day {
                true => assert!(["46022", "46023", "46053"].contains(&cell.as_str()), "{cell}"),
                // No text is a formula here, whatever it begins with.
                false if *quoted => assert_eq!(cell, text.trim_start_matches('\'')),
                false if text.is_empty() || ["true", "false"].contains(&text.as_str()) => {
                    assert_eq!(cell.to_lowercase(), *text);
                }
                false => {
                    let bits = |text: &str| text.parse::<f64>().unwrap().to_bits();
                    assert_eq!(bits(cell), bits(text));
                }
            }
        }
    }
    assert!(days > 50 && long > 50, "{days} days, {long} long numbers");
    api.remove().await;
}

async fn an_exploded_list_has_a_line_for_each_element(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let columns =
        json!(["_id", "no", "settlements.amount", "settlements.payer.name", "settlements.lines"]);
    let body = json!({"format": "ndjson", "explode": "settlements", "columns": columns});
    let rows = rows(&text(&api, &body).await);
    let mut expected = Vec::new();
    for document in found(&api, &json!({})) {
        let row = |amount: &Value, name: &Value, lines: usize| {
            json!({"_id": id(&document), "no": document["no"], "settlements.amount": amount,
                "settlements.payer.name": name, "settlements.lines": lines})
        };
        let elements = at(&document, "", "settlements");
        if elements.is_empty() {
            expected.push(row(&Value::Null, &Value::Null, 0));
        }
        expected.extend(elements.into_iter().map(|element| {
            let lines = element["lines"].as_array().unwrap().len();
            row(&element["amount"], &element["payer"]["name"], lines)
        }));
    }
    assert!(expected.len() > documents::COUNT, "{}", expected.len());
    assert_eq!(rows, expected);
    // So many lines are there also where nothing of the elements is shown.
    for shown in ["columns", "fields"] {
        let body = json!({"format": "ndjson", "explode": "settlements", shown: ["no"]});
        let lines = self::rows(&text(&api, &body).await);
        let numbers =
            |rows: &[Value]| -> Vec<Value> { rows.iter().map(|row| row["no"].clone()).collect() };
        assert_eq!(numbers(&lines), numbers(&expected), "{body}");
    }
    // Each value of the elements has a column by itself, where nothing else is said.
    let everything = cells(&text(&api, &json!({"explode": "settlements"})).await);
    assert_eq!(everything.len(), expected.len() + 1);
    assert!(everything[0].iter().any(|(_, heading)| heading == "settlements.payer.name"));
    api.remove().await;
}
