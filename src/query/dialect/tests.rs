use super::*;
use crate::mapping::Mapping;
use crate::query::parse_within;

fn fields() -> Fields {
    let text = r#"{"mappings": {"properties": {
        "id": {"type": "long"}, "status": {"type": "keyword"}, "title": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
        "amount": {"type": "long"}, "rate": {"type": "double"}, "signed_at": {"type": "date"}, "paid": {"type": "boolean"},
        "stem": {"type": "long"}, "stem_ne": {"type": "long"}, "manager": {"properties": {"name": {"type": "keyword"}}},
        "settlements": {"type": "nested", "properties": {"amount": {"type": "long"}, "status": {"type": "keyword"}}}}}}"#;
    Fields::new(&Mapping::parse(std::path::Path::new("m.json"), text).unwrap())
}

/// The body that it becomes, or what is wrong, with it or with the body.
fn told(dialect: Dialect, asked: Asked<'_>) -> String {
    told_within(&Limits::default(), dialect, asked)
}

fn told_within(limits: &Limits, dialect: Dialect, asked: Asked<'_>) -> String {
    let fields = fields();
    match rewrite(dialect, (limits, &fields), asked) {
        Err(refusal) => refusal.to_string(),
        Ok(rewritten) => {
            let body = rewritten.body.to_string();
            match parse_within(limits, &fields, body.as_bytes()) {
                Ok(_) => body,
                Err(mut refusal) => {
                    rewritten.tell(&mut refusal.faults);
                    refusal.to_string()
                }
            }
        }
    }
}

fn simple(query: &str) -> String {
    told(Dialect::RaDataSimpleRest, Asked::Query(Some(query)))
}

fn json_server(query: &str) -> String {
    told(Dialect::RaDataJsonServer, Asked::Query(Some(query)))
}

fn refine(query: &str) -> String {
    told(Dialect::RefineSimpleRest, Asked::Query(Some(query)))
}

fn refine_eq(query: &str) -> String {
    told(Dialect::RefineSimpleRestEq, Asked::Query(Some(query)))
}

fn grid(body: &str) -> String {
    told(Dialect::AgGrid, Asked::Body(body.as_bytes()))
}

/// The filters of a column's model.
fn column(model: &str) -> String {
    let told = grid(&format!(r#"{{"startRow": 0, "endRow": 100, "filterModel": {model}}}"#));
    told.replace(r#"{"count":"capped","page":{"size":100,"number":1},"#, "{")
}

#[test]
fn a_list_of_simple_rest_is_a_search() {
    insta::assert_snapshot!(simple("sort=[%22amount%22,%22DESC%22]&range=[50,74]&filter={%22status%22:%22active%22}"), @r#"{"count":"capped","sort":[{"field":"amount","order":"desc"}],"page":{"size":25,"number":3},"filter":{"and":[{"status":{"eq":"active"}}]}}"#);
    insta::assert_snapshot!(simple("filter={%22id%22:[1,%22a-2%22]}"), @r#"{"count":"capped","page":{"size":200},"filter":{"and":[{"_id":{"in":["1","a-2"]}}]}}"#);
    insta::assert_snapshot!(simple("sort=[%22id%22,%22ASC%22]&filter={}&range=[0,9]"), @r#"{"count":"capped","sort":[{"field":"id","order":"asc"}],"page":{"size":10,"number":1}}"#);
}

#[test]
fn a_filter_of_simple_rest_is_ours_in_short() {
    insta::assert_snapshot!(simple(r#"filter={"manager":{"name":"김철수"},"amount":{"gte":5,"lt":9},"id":{"lt":9},"status":["a","b"],"paid":"true","title":null,"q":"삼성"}"#), @r#"{"count":"capped","q":{"text":"삼성"},"page":{"size":200},"filter":{"and":[{"manager.name":{"eq":"김철수"}},{"amount":{"gte":5,"lt":9}},{"id":{"lt":9}},{"status":{"in":["a","b"]}},{"paid":{"eq":true}},{"title":{"exists":false}}]}}"#);
    insta::assert_snapshot!(simple(r#"filter={"or":[{"status":"a"},{"not":{"id":7}}],"settlements":{"some":{"status":{"eq":"overdue"}}},"manager":{"exists":false}}"#), @r#"{"count":"capped","page":{"size":200},"filter":{"and":[{"or":[{"status":{"eq":"a"}},{"not":{"_id":{"eq":"7"}}}]},{"settlements":{"some":{"status":{"eq":"overdue"}}}},{"manager":{"exists":false}}]}}"#);
    insta::assert_snapshot!(simple(r#"filter={"q":"","amount":"x","nobody":{"name":1},"settlements":{"amount":1}}"#), @r"
    filter invalid_value: a whole number is expected here, not a string
    filter unknown_field: unknown field `nobody.name` (known here are amount, id, manager, paid, rate, settlements, signed_at, status, stem, stem_ne, title)
    filter unknown_operator: unknown operator `amount` (did you mean `count`?)
    ");
    insta::assert_snapshot!(simple(r#"filter={"settlements.amount":5,"status":1}"#), @r#"filter needs_some: `settlements.amount` is a field of the elements of `settlements` (write {"settlements": {"some": {"amount": …}}})"#);
}

#[test]
fn what_simple_rest_cannot_be_asked_is_refused() {
    insta::assert_snapshot!(simple("embed=[]&sort=amount&range=0-24&filter=[]&page=1"), @r#"
    filter invalid_value: a filter is expected, as JSON (write `{"status":"active"}`)
    sort invalid_value: a field and an order are expected (write `["amount","DESC"]`)
    range invalid_value: the first and the last row of a page are expected (write `[0,24]`)
    embed unknown_parameter: unknown parameter `embed` (documents have what belongs to them in them already: leave it out)
    page unknown_parameter: unknown parameter `page` (there are `filter`, `range` and `sort`)
    "#);
    insta::assert_snapshot!(simple("sort=[%22amount%22,%22DESC%22]&sort=[%22rate%22,%22ASC%22]&filter={%22q%22:5,%22id%22:1,%22id%22:2}"), @r"
    filter invalid_value: `q` is a text to search for (the data provider in prejoin's `clients/` can say it)
    filter repeated_key: `id` stands here twice (write it once)
    sort repeated_key: this is said already (write it once)
    ");
    insta::assert_snapshot!(simple("range=[9975,9999]"), @r#"{"count":"capped","page":{"size":25,"number":400}}"#);
    insta::assert_snapshot!(simple("range=[10000,10024]"), @"range limit_exceeded: pages reach the first 10000 rows (narrow the filter; the data provider in prejoin's `clients/` goes on by cursor)");
    insta::assert_snapshot!(simple("range=[0,999]"), @"range limit_exceeded: a page has at most 200 rows (ask for fewer; `api.limits.page_size` of the configuration can be up to 1,000)");
    insta::assert_snapshot!(simple("range=[10,34]"), @"range invalid_value: a page begins at a multiple of its size, 25 (keep the size from page to page)");
    insta::assert_snapshot!(simple("range=[5,4]"), @"range invalid_value: a page ends behind its beginning (count its rows from 0)");
    insta::assert_snapshot!(simple("filter=%zz"), @"filter invalid_query: this is no UTF-8, written as in a form (a `%` itself is `%25`)");
}

#[test]
fn a_list_of_json_server_is_a_search() {
    insta::assert_snapshot!(json_server("_end=50&_order=DESC&_sort=amount&_start=25&manager.name=%EA%B9%80&amount_gte=5&rate_lte=1.5&status_ne=a&title_like=ab&q=x"), @r#"{"count":"capped","page":{"size":25,"number":2},"sort":[{"field":"amount","order":"desc"}],"q":{"text":"x"},"filter":{"and":[{"manager.name":{"eq":"김"}},{"amount":{"gte":5}},{"rate":{"lte":1.5}},{"status":{"ne":"a"}},{"title":{"icontains":"ab"}}]}}"#);
    insta::assert_snapshot!(json_server("status=a&status=b&id=1&id=2&id_ne=3&paid=true"), @r#"{"count":"capped","page":{"size":200},"filter":{"and":[{"status":{"in":["a","b"]}},{"_id":{"in":["1","2"]}},{"_id":{"ne":"3"}},{"paid":{"eq":true}}]}}"#);
    insta::assert_snapshot!(json_server("_sort=id,status&_order=ASC,desc&_start=0&_end=10&title="), @r#"{"count":"capped","page":{"size":10,"number":1},"sort":[{"field":"id","order":"asc"},{"field":"status","order":"desc"}],"filter":{"and":[{"title":{"eq":""}}]}}"#);
}

#[test]
fn what_json_server_cannot_be_asked_is_refused() {
    insta::assert_snapshot!(json_server("_embed=x&_page=1&status&_start=0&_order=ASC"), @r"
    _end invalid_value: a page begins at `_start` and ends before `_end` (write both, as whole numbers)
    _sort invalid_query: `_order` goes with `_sort` (name a field)
    _embed unknown_parameter: unknown parameter `_embed` (documents have what belongs to them in them already: leave it out)
    _page unknown_parameter: unknown parameter `_page` (there are `_start`, `_end`, `_sort` and `_order`)
    status invalid_query: this is no condition: a value is expected (the data provider in prejoin's `clients/` can say it)
    ");
    insta::assert_snapshot!(json_server("stem_ne=5&amount_gte=1&amount_gte=2&nobody=1&settlements.status=a&amount=x"), @r"
    stem_ne invalid_query: `stem_ne` is a field, and a condition on another (the data provider in prejoin's `clients/` can say it)
    amount_gte invalid_query: several values are given for one comparison (the data provider in prejoin's `clients/` can say it)
    ");
    insta::assert_snapshot!(json_server("_sort=amount,rate&_order=ASC"), @"_sort invalid_query: `_sort` and `_order` have as many parts (name an order for each field)");
    insta::assert_snapshot!(json_server("_sort=amount&_order=UP"), @"_sort invalid_value: asc or desc is expected here");
}

#[test]
fn what_refine_drops_is_not_guessed() {
    insta::assert_snapshot!(refine("_start=0&_end=10&amount=5&status=a&status=b&paid"), @r"
    amount invalid_query: what is asked of `amount` has lost its operator (`@refinedev/simple-rest` writes `gt`, `lt`, `in`, `null` and others like `eq`: use `gte`, `lte`, `ne` or `contains`, the dialect `refine-simple-rest-eq` if you filter by `eq` alone, or the data provider in prejoin's `clients/`)
    status invalid_query: what is asked of `status` has lost its operator (`@refinedev/simple-rest` writes `gt`, `lt`, `in`, `null` and others like `eq`: use `gte`, `lte`, `ne` or `contains`, the dialect `refine-simple-rest-eq` if you filter by `eq` alone, or the data provider in prejoin's `clients/`)
    paid invalid_query: this is no condition: a value is expected (the data provider in prejoin's `clients/` can say it)
    ");
    insta::assert_snapshot!(refine("_start=0&_end=10&id=5"), @"id invalid_query: what is asked of `id` has lost its operator (`@refinedev/simple-rest` writes `gt`, `lt`, `in`, `null` and others like `eq`: use `gte`, `lte`, `ne` or `contains`, the dialect `refine-simple-rest-eq` if you filter by `eq` alone, or the data provider in prejoin's `clients/`)");
    insta::assert_snapshot!(refine("_start=0&_end=10&nobody=5"), @"nobody unknown_field: unknown field `nobody` (known here are amount, id, manager, paid, rate, settlements, signed_at, status, stem, stem_ne, title)");
    insta::assert_snapshot!(refine("id=5&id=6"), @r#"{"count":"capped","page":{"size":200},"filter":{"and":[{"_id":{"in":["5","6"]}}]}}"#);
    insta::assert_snapshot!(refine("_start=0&_end=10&_sort=status,amount&_order=asc,desc&amount_gte=5&amount_lte=5&title_like=ab&status_ne=a&q=x"), @r#"{"count":"capped","page":{"size":10,"number":1},"sort":[{"field":"status","order":"asc"},{"field":"amount","order":"desc"}],"q":{"text":"x"},"filter":{"and":[{"amount":{"gte":5}},{"amount":{"lte":5}},{"title":{"icontains":"ab"}},{"status":{"ne":"a"}}]}}"#);
    insta::assert_snapshot!(refine_eq("_start=0&_end=10&amount=5&status=a&status=b&paid"), @r"
    status invalid_query: `status` has several values, and no operator (`in`, `nin` and `between` look the same in this dialect; the data provider in prejoin's `clients/` keeps them apart)
    paid invalid_query: this is no condition: a value is expected (the data provider in prejoin's `clients/` can say it)
    ");
    insta::assert_snapshot!(refine_eq("_start=0&_end=10&amount=5&status=a"), @r#"{"count":"capped","page":{"size":10,"number":1},"filter":{"and":[{"amount":{"eq":5}},{"status":{"eq":"a"}}]}}"#);
}

#[test]
fn a_block_of_a_grid_is_a_search() {
    insta::assert_snapshot!(grid(r#"{"startRow": 100, "endRow": 200, "sortModel": [{"colId": "amount", "sort": "desc", "type": "default"}, {"colId": "id", "sort": "asc"}], "filterModel": {}}"#), @r#"{"count":"capped","page":{"size":100,"number":2},"sort":[{"field":"amount","order":"desc"},{"field":"id","order":"asc"}]}"#);
    insta::assert_snapshot!(column(r#"{"title": {"filterType": "text", "type": "contains", "filter": "ab"}, "amount": {"filterType": "number", "type": "inRange", "filter": 1, "filterTo": 5}}"#), @r#"{"filter":{"and":[{"title":{"icontains":"ab"}},{"amount":{"gt":1,"lt":5}}]}}"#);
    insta::assert_snapshot!(column(r#"{"amount": {"filterType": "number", "operator": "OR", "conditions": [{"filterType": "number", "type": "notEqual", "filter": 1}, {"filterType": "number", "type": "blank"}]}}"#), @r#"{"filter":{"and":[{"or":[{"amount":{"ne":1,"exists":true}},{"not":{"amount":{"exists":true}}}]}]}}"#);
    insta::assert_snapshot!(column(r#"{"status": {"filterType": "text", "type": "blank"}, "title": {"filterType": "text", "type": "notContains", "filter": "ab"}}"#), @r#"{"filter":{"and":[{"not":{"and":[{"status":{"exists":true}},{"not":{"status":{"eq":""}}}]}},{"not":{"title":{"icontains":"ab"}}}]}}"#);
    insta::assert_snapshot!(column(r#"{"signed_at": {"filterType": "date", "type": "greaterThan", "dateFrom": "2026-01-31 00:00:00", "dateTo": null}, "id": {"filterType": "number", "type": "lessThan", "filter": 7}}"#), @r#"{"filter":{"and":[{"signed_at":{"gt":"2026-01-31"}},{"id":{"lt":7}}]}}"#);
    insta::assert_snapshot!(grid(r#"{"startRow": 0, "endRow": 10, "inRangeInclusive": true, "filterModel": {"signed_at": {"filterType": "date", "type": "inRange", "dateFrom": "2026-01-01", "dateTo": "2026-01-31T00:00:00"}}}"#), @r#"{"count":"capped","page":{"size":10,"number":1},"filter":{"and":[{"signed_at":{"between":["2026-01-01","2026-01-31"]}}]}}"#);
}

#[test]
fn what_a_grid_cannot_be_answered_is_refused() {
    insta::assert_snapshot!(column(r#"{"title": {"filterType": "text", "type": "endsWith", "filter": "ab"}, "status": {"filterType": "set", "values": ["a"]}, "signed_at": {"filterType": "date", "type": "today"}, "amount": {"filterType": "number", "type": "lessThan"}}"#), @r"
    /filterModel/title unsupported_pattern: ends of texts cannot be searched for (`contains` and `startsWith` can)
    /filterModel/status invalid_value: filters of type `set` are not understood (the data provider in prejoin's `clients/` can say it)
    /filterModel/signed_at unknown_operator: a condition of type `today` is not understood (take it out of the column's `filterOptions`)
    /filterModel/amount invalid_value: a value to compare with is expected (send the grid's `filterModel`)
    ");
    insta::assert_snapshot!(column(r#"{"signed_at": {"filterType": "date", "type": "equals", "dateFrom": "2026-01-31 09:30:00"}}"#), @"/filterModel/signed_at invalid_value: a time is in no zone here: only whole days can be compared with (the data provider in prejoin's `clients/` can say it)");
    insta::assert_snapshot!(column(r#"{"filterType": "join", "type": "AND", "conditions": []}"#), @"/filterModel invalid_value: advanced filters are not understood (the data provider in prejoin's `clients/` can say it)");
    insta::assert_snapshot!(column(r#"{"amount": {"filterType": "number", "type": "equals", "filter": "x"}, "nobody": {"filterType": "text", "type": "equals", "filter": "x"}}"#), @r"
    /filterModel/amount invalid_value: a whole number is expected here, not a string
    /filterModel/nobody unknown_field: unknown field `nobody` (known here are amount, id, manager, paid, rate, settlements, signed_at, status, stem, stem_ne, title)
    ");
    insta::assert_snapshot!(grid(r#"{"startRow": 0, "groupKeys": [], "startRow": 1, "sortModel": [{"colId": "amount", "sort": "desc", "type": "absolute"}, {}]}"#), @r"
    /groupKeys unknown_key: unknown key `groupKeys` (there are `startRow`, `endRow`, `sortModel`, `filterModel` and `inRangeInclusive`)
    /startRow repeated_key: `startRow` stands here twice (write it once)
    /endRow invalid_value: rows from `startRow` up to `endRow` are asked for (send both, as whole numbers)
    /sortModel/0 invalid_value: there is no order by absolute values (leave `type` out)
    /sortModel/1 invalid_value: `colId` and `sort` are expected (send the grid's)
    ");
    insta::assert_snapshot!(grid("{"), @" invalid_json: not valid JSON at line 1, column 1");
    insta::assert_snapshot!(told(Dialect::AgGrid, Asked::Query(None)), @" invalid_query: this dialect does not ask in this way (AG Grid asks by POST, the others by GET)");
}

#[test]
fn totals_are_true_or_what_pages_reach() {
    assert_eq!(total(Some(9_995), false, 10_000), 9_995);
    assert_eq!(total(Some(30), false, 20), 20);
    assert_eq!(total(None, false, 10_000), 10_000);
    assert_eq!(total(Some(12_345), true, 10_000), 12_345);
}

#[test]
fn the_last_page_ends_where_pages_do() {
    insta::assert_snapshot!(simple("range=[9990,10019]"), @r#"{"count":"capped","page":{"size":30,"number":334}}"#);
    insta::assert_snapshot!(json_server("_start=9940&_end=10010"), @r#"{"count":"capped","page":{"size":70,"number":143}}"#);
    insta::assert_snapshot!(simple("range=[10020,10049]"), @"range limit_exceeded: pages reach the first 10000 rows (narrow the filter; the data provider in prejoin's `clients/` goes on by cursor)");
}

#[test]
fn what_is_nested_without_end_is_refused_before_it_is_read() {
    let query_string = crate::config::ByteSize(64 << 10);
    let limits = Limits { query_string, ..Limits::default() };
    let nested = |(open, close): (&str, &str)| {
        let times = (60 << 10) / (open.len() + close.len());
        format!("{}{}", open.repeat(times), close.repeat(times))
    };
    let or = (r#"{"or":["#, "]}");
    let each = [or, (r#"{"not":"#, "}"), (r#"{"":"#, "}"), (r#"{"a":"#, "}")];
    let each = each.map(nested).into_iter().chain(["[", r#"{"some":"#].map(|open| {
        let close = if open == "[" { "]" } else { "}" };
        format!(r#"{{"settlements":{}}}"#, nested((open, close)))
    }));
    for filter in each {
        // What is at the bottom is missing, as it would be in what is meant to be deep and nothing else.
        let filter = filter.replace(":}", ":1}");
        let query = format!("filter={filter}");
        let told = told_within(&limits, Dialect::RaDataSimpleRest, Asked::Query(Some(&query)));
        assert_eq!(
            told,
            "filter limit_exceeded: the filter is nested more than 64 deep (ask for less at a time)"
        );
    }
    let joined = nested((r#"{"operator":"OR","conditions":["#, "]}"));
    for model in [format!(r#"{{"amount":{joined}}}"#), nested(("[", "]"))] {
        let told = column(&model);
        assert!(told.contains("limit_exceeded: the body is nested more than 64 deep"), "{told}");
    }
    insta::assert_snapshot!(column(r#"{"amount": {"operator": "OR", "conditions": [{"operator": "AND", "conditions": []}]}}"#), @"/filterModel/amount invalid_value: filters of type `` are not understood (the data provider in prejoin's `clients/` can say it)");
    // As deep as a filter may be configured to be.
    let limits = Limits { depth: 20, ..Limits::default() };
    let deepest = format!("filter={}{{}}{}", r#"{"or":["#.repeat(18), "]}".repeat(18));
    let told = told_within(&limits, Dialect::RaDataSimpleRest, Asked::Query(Some(&deepest)));
    assert!(told.starts_with(r#"{"count":"capped","#), "{told}");
}

#[test]
fn nothing_that_is_said_is_lost() {
    insta::assert_snapshot!(simple(r#"filter={"nobody":{}}"#), @"filter unknown_field: unknown field `nobody` (known here are amount, id, manager, paid, rate, settlements, signed_at, status, stem, stem_ne, title)");
    insta::assert_snapshot!(simple(r#"filter={"manager":{"nobody":{}}}"#), @"filter unknown_field: unknown field `manager.nobody` (known here are amount, id, manager, paid, rate, settlements, signed_at, status, stem, stem_ne, title)");
    insta::assert_snapshot!(simple(r#"filter={"":{"status":"a"},"amount":{},"manager":{}}"#), @r"
    filter unknown_field: unknown field `.status` (did you mean `status`?)
    filter invalid_value: an operator is expected here
    filter invalid_value: an operator is expected here
    ");
    insta::assert_snapshot!(simple(r#"filter={"amount":{"gte":5,"gte":9},"q":"a","q":"b"}"#), @r"
    filter repeated_key: `q` stands here twice (write it once)
    filter repeated_key: `gte` stands here twice (write it once)
    ");
    insta::assert_snapshot!(simple(r#"filter={"settlements":{"some":{"amount":{"gt":1}},"some":{"amount":{"lt":1}}}}"#), @"filter repeated_key: `some` stands here twice (write it once)");
    insta::assert_snapshot!(simple(r#"filter={"or":[{"status":"a","status":"b"}],"id":{"eq":1,"eq":2},"status":["\ud800"]}"#), @r"
    filter repeated_key: `status` stands here twice (write it once)
    filter repeated_key: `eq` stands here twice (write it once)
    filter invalid_value: a text with half a character (leave it out)
    ");
    insta::assert_snapshot!(column(r#"{"amount": {"filterType": "number", "type": "equals", "type": "lessThan", "filter": 1}}"#), @"/filterModel/amount repeated_key: `type` stands here twice (write it once)");
    insta::assert_snapshot!(column(r#"{"amount": {"filterType": "number", "type": "blank"}, "amount": {"filterType": "number", "type": "notBlank"}}"#), @"/filterModel repeated_key: `amount` stands here twice (write it once)");
    insta::assert_snapshot!(grid(r#"{"startRow": 0, "endRow": 10, "inRangeInclusive": "true", "sortModel": [{"colId": "amount", "sort": "asc", "sort": "desc"}]}"#), @r"
    /sortModel/0 repeated_key: `sort` stands here twice (write it once)
    /inRangeInclusive invalid_value: true or false is expected here (leave it out for false)
    ");
}

#[test]
fn documents_are_equal_by_id_and_sorted_by_their_own() {
    insta::assert_snapshot!(simple(r#"filter={"id":{"eq":7}}"#), @r#"{"count":"capped","page":{"size":200},"filter":{"and":[{"_id":{"eq":"7"}}]}}"#);
    insta::assert_snapshot!(simple(r#"filter={"id":{"in":[7,"a"],"ne":8,"gt":3}}"#), @r#"{"count":"capped","page":{"size":200},"filter":{"and":[{"id":{"gt":3}},{"_id":{"in":["7","a"]}},{"_id":{"ne":"8"}}]}}"#);
    insta::assert_snapshot!(simple(r#"filter={"id":{"nobody":3}}"#), @"filter unknown_operator: unknown operator `nobody` (known are eq, ne, in, nin, lt, lte, gt, gte, between, exists, contains, icontains, starts_with, match, phrase, some, none, every, count)");
    insta::assert_snapshot!(json_server("id_ne=7&id_gte=3"), @r#"{"count":"capped","page":{"size":200},"filter":{"and":[{"_id":{"ne":"7"}},{"id":{"gte":3}}]}}"#);
    insta::assert_snapshot!(column(r#"{"id": {"filterType": "number", "operator": "AND", "conditions": [{"filterType": "number", "type": "notEqual", "filter": 7}, {"filterType": "number", "type": "lessThan", "filter": 9}]}}"#), @r#"{"filter":{"and":[{"and":[{"_id":{"ne":"7"}},{"id":{"lt":9}}]}]}}"#);
}

#[test]
fn no_ids_are_not_all_rows() {
    insta::assert_snapshot!(json_server(""), @" invalid_query: nothing is asked for: no ids, or a filter whose values are `undefined` (do not ask for no ids; lists say `_start` and `_end`)");
    assert_eq!(refine(""), json_server(""));
    insta::assert_snapshot!(told(Dialect::RefineSimpleRest, Asked::Query(None)), @r#"{"count":"capped","page":{"size":200}}"#);
    insta::assert_snapshot!(simple("filter={%22id%22:[]}"), @r#"{"count":"capped","page":{"size":200},"filter":{"and":[{"_id":{"in":[]}}]}}"#);
    let ids = format!("id={}", "a".repeat(9_000));
    insta::assert_snapshot!(json_server(&ids), @" limit_exceeded: a query string has at most 8192 bytes (ask for fewer ids or values at a time; `api.limits.query_string` of the configuration can be up to 64KiB)");
}

#[test]
fn rows_have_an_id() {
    let row = |text: &str| {
        let mut written = String::new();
        row(text, &mut written).unwrap();
        written
    };
    insta::assert_snapshot!(row(r#"{"_id":"17","amount":1.50,"id":17}"#), @r#"{"id":17,"amount":1.50}"#);
    insta::assert_snapshot!(row(r#"{"_id":"K-1","id":17,"title":"a"}"#), @r#"{"id":"K-1","title":"a"}"#);
    insta::assert_snapshot!(row(r#"{"_id":"K-1"}"#), @r#"{"id":"K-1"}"#);
    insta::assert_snapshot!(row(r#"{"_id":"K-1","id":"K-1"}"#), @r#"{"id":"K-1"}"#);
}
