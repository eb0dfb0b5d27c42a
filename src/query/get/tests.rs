//! What query strings say as bodies, and what is said about those that are wrong.

use super::*;
use crate::query::fields::tests::fields;
use crate::query::parse;

fn body(query: &str) -> String {
    translate(&Limits::default(), &fields(), query)
        .unwrap_or_else(|refusal| panic!("{refusal}"))
        .body
        .to_string()
}

fn refused(query: &str) -> String {
    match translate(&Limits::default(), &fields(), query) {
        Err(refusal) => refusal.to_string(),
        Ok(translated) => {
            let mut refusal = parse(&fields(), translated.body.to_string().as_bytes()).unwrap_err();
            translated.tell(&mut refusal.faults);
            refusal.to_string()
        }
    }
}

#[test]
fn nothing_asks_for_the_first_page_of_all() {
    assert_eq!(body(""), "{}");
    assert_eq!(body("&&"), "{}");
}

#[test]
fn conditions_are_typed_by_their_fields() {
    insta::assert_snapshot!(body("title=eq.5"), @r#"{"filter":{"title":{"eq":"5"}}}"#);
    insta::assert_snapshot!(body("amount=gte.12345678901234567890"), @r#"{"filter":{"amount":{"gte":12345678901234567890}}}"#);
    insta::assert_snapshot!(body("rate=1.50"), @r#"{"filter":{"rate":{"eq":1.50}}}"#);
    insta::assert_snapshot!(body("paid=eq.true&signed_at=lt.2026-01-31T09:30:00%2B09:00"), @r#"{"filter":{"and":[{"paid":{"eq":true}},{"signed_at":{"lt":"2026-01-31T09:30:00+09:00"}}]}}"#);
    insta::assert_snapshot!(body("nobody=eq.5"), @r#"{"filter":{"nobody":{"eq":"5"}}}"#);
}

#[test]
fn values_are_read_as_they_are_written() {
    // As a form: `+` and `%20` are spaces.
    insta::assert_snapshot!(body("title=a+b%20c"), @r#"{"filter":{"title":{"eq":"a b c"}}}"#);
    // Decomposed Hangul is composed.
    insta::assert_snapshot!(body("manager.name=eq.%E1%84%80%E1%85%A1"), @r#"{"filter":{"manager.name":{"eq":"가"}}}"#);
    // A parameter of its own needs no quotes; a group does.
    insta::assert_snapshot!(body("title=eq.(주)신성,+1:1.5"), @r#"{"filter":{"title":{"eq":"(주)신성, 1:1.5"}}}"#);
    insta::assert_snapshot!(body(r#"or=(title.eq."(주) \"신성\", a\\b",title.eq.1.5:2)"#), @r#"{"filter":{"or":[{"title":{"eq":"(주) \"신성\", a\\b"}},{"title":{"eq":"1.5:2"}}]}}"#);
    insta::assert_snapshot!(body(r#"title="in.(a)""#), @r#"{"filter":{"title":{"eq":"in.(a)"}}}"#);
    insta::assert_snapshot!(body(r#"title=eq.&amount=is.null&paid=is.not_null"#), @r#"{"filter":{"and":[{"title":{"eq":""}},{"amount":{"exists":false}},{"paid":{"exists":true}}]}}"#);
    insta::assert_snapshot!(body(r#"title=in.(a,"b,c",)&amount=in.()&amount=nin.(1,2)&amount=between.(1,5)"#), @r#"{"filter":{"and":[{"title":{"in":["a","b,c",""]}},{"amount":{"in":[]}},{"amount":{"nin":[1,2]}},{"amount":{"between":[1,5]}}]}}"#);
    insta::assert_snapshot!(body("title=like.*a*&title=ilike.*b*&title=like.c*&title=like.d&title=like.*\"e*\"*"), @r#"{"filter":{"and":[{"title":{"contains":"a"}},{"title":{"icontains":"b"}},{"title":{"starts_with":"c"}},{"title":{"eq":"d"}},{"title":{"contains":"e*"}}]}}"#);
}

#[test]
fn conditions_combine() {
    insta::assert_snapshot!(body("amount=gte.1&amount=lt.5&title=not.eq.a"), @r#"{"filter":{"and":[{"amount":{"gte":1}},{"amount":{"lt":5}},{"not":{"title":{"eq":"a"}}}]}}"#);
    insta::assert_snapshot!(body("settlements=some(status.eq.overdue,amount.gt.1000000)"), @r#"{"filter":{"settlements":{"some":{"and":[{"status":{"eq":"overdue"}},{"amount":{"gt":1000000}}]}}}}"#);
    insta::assert_snapshot!(body("settlements=none(status.eq.overdue)&settlements=every(payer.name.eq.a)&settlements=some()"), @r#"{"filter":{"and":[{"settlements":{"none":{"status":{"eq":"overdue"}}}},{"settlements":{"every":{"payer.name":{"eq":"a"}}}},{"settlements":{"some":{}}}]}}"#);
    insta::assert_snapshot!(body("settlements=count.gte.2&settlements=count.2&settlements=count.between.(1,3)"), @r#"{"filter":{"and":[{"settlements":{"count":{"gte":2}}},{"settlements":{"count":{"eq":2}}},{"settlements":{"count":{"between":[1,3]}}}]}}"#);
    insta::assert_snapshot!(body("settlements=count(status.eq.overdue,amount.gt.5).gte.2&settlements=count().2&settlements=not.count(lines.count(code.eq.a).gt.1).lt.3"), @r#"{"filter":{"and":[{"settlements":{"count":{"gte":2,"where":{"and":[{"status":{"eq":"overdue"}},{"amount":{"gt":5}}]}}}},{"settlements":{"count":{"eq":2,"where":{}}}},{"not":{"settlements":{"count":{"lt":3,"where":{"lines":{"count":{"gt":1,"where":{"code":{"eq":"a"}}}}}}}}}]}}"#);
    insta::assert_snapshot!(body("or=(settlements.count(status.eq.paid).eq.0,title.eq.a)"), @r#"{"filter":{"or":[{"settlements":{"count":{"eq":0,"where":{"status":{"eq":"paid"}}}}},{"title":{"eq":"a"}}]}}"#);
    insta::assert_snapshot!(body("settlements=not.some(lines.some(code.in.(a,b)))"), @r#"{"filter":{"not":{"settlements":{"some":{"lines":{"some":{"code":{"in":["a","b"]}}}}}}}}"#);
    insta::assert_snapshot!(body("or=(title.eq.draft,and(amount.gt.9000000,not.settlements.some(status.eq.paid)),manager.name.not.eq.x)&and=()"), @r#"{"filter":{"and":[{"or":[{"title":{"eq":"draft"}},{"and":[{"amount":{"gt":9000000}},{"not":{"settlements":{"some":{"status":{"eq":"paid"}}}}}]},{"not":{"manager.name":{"eq":"x"}}}]},{"and":[]}]}}"#);
    insta::assert_snapshot!(body("or=(settlements.count.gte.2,manager.name.eq.a.in.b,settlements.amount.eq.5)"), @r#"{"filter":{"or":[{"settlements":{"count":{"gte":2}}},{"manager.name":{"eq":"a.in.b"}},{"settlements.amount":{"eq":5}}]}}"#);
}

#[test]
fn what_is_no_condition_has_its_place_in_the_body() {
    insta::assert_snapshot!(body("q=삼성+클라우드&q.fields=title,memo&q.mode=any"), @r#"{"q":{"text":"삼성 클라우드","fields":["title","memo"],"mode":"any"}}"#);
    insta::assert_snapshot!(body("q=cloud&q.fuzzy=true"), @r#"{"q":{"text":"cloud","fuzzy":true}}"#);
    insta::assert_snapshot!(body("sort=-amount,title,-max(settlements.amount;status.eq.overdue,amount.gt.5),min(settlements.amount)"), @r#"{"sort":[{"field":"amount","order":"desc"},{"field":"title","order":"asc"},{"field":"settlements.amount","agg":"max","order":"desc","where":{"and":[{"status":{"eq":"overdue"}},{"amount":{"gt":5}}]}},{"field":"settlements.amount","agg":"min","order":"asc"}]}"#);
    insta::assert_snapshot!(body("fields=title,manager.name&count=exact&view=mobile&highlight=true"), @r#"{"fields":["title","manager.name"],"count":"exact","view":"mobile","highlight":true}"#);
    insta::assert_snapshot!(body("page[size]=20&page%5Bafter%5D=AVx2&page[snapshot]=true&highlight=title,memo"), @r#"{"page":{"size":20,"after":"AVx2","snapshot":true},"highlight":["title","memo"]}"#);
    insta::assert_snapshot!(body("limit=20&offset=40"), @r#"{"page":{"size":20,"number":3}}"#);
    insta::assert_snapshot!(body("facets=title,manager.name&facet.mode=disjunctive&title=in.(a,b)&amount=gt.1"), @r#"{"facets":{"title":{"type":"terms"},"manager.name":{"type":"terms"}},"facet_filters":{"title":{"in":["a","b"]}},"filter":{"amount":{"gt":1}}}"#);
    insta::assert_snapshot!(body("facets=settlements.amount&facet.mode=disjunctive&settlements.amount=in.(1,2)"), @r#"{"facets":{"settlements.amount":{"type":"terms"}},"facet_filters":{"settlements.amount":{"in":[1,2]}}}"#);
    let mut preferred = translate(&Limits::default(), &fields(), "title=a").unwrap();
    preferred.prefer_count(Some("exact"));
    insta::assert_snapshot!(preferred.body, @r#"{"filter":{"title":{"eq":"a"}},"count":"exact"}"#);
}

#[test]
fn facets_have_forms_and_names() {
    insta::assert_snapshot!(body(r#"facets=title.terms(size.5,prefix."김,"),amount.ranges(..0,0..1000000,1000000..),signed_at.dates(month,min.2026-01-01,max.2026-12-31)"#), @r#"{"facets":{"title":{"type":"terms","size":5,"prefix":"김,"},"amount":{"type":"range","ranges":[{"to":0},{"from":0,"to":1000000},{"from":1000000}]},"signed_at":{"type":"date_histogram","interval":"month","min":"2026-01-01","max":"2026-12-31"}}}"#);
    insta::assert_snapshot!(body("facets=title.terms(),paid,by_year:signed_at.dates(year),by_day:signed_at.dates(day,timezone.UTC)&timezone=Asia/Seoul"), @r#"{"facets":{"title":{"type":"terms"},"paid":{"type":"terms"},"by_year":{"type":"date_histogram","field":"signed_at","interval":"year","timezone":"Asia/Seoul"},"by_day":{"type":"date_histogram","field":"signed_at","interval":"day","timezone":"UTC"}}}"#);
    insta::assert_snapshot!(body(r#"facets=settlements.status.terms(count.elements;amount.gt.5,payer.name.in.(a,"b;c")),large:settlements.amount.ranges("1".."2",..;status.eq.paid)"#), @r#"{"facets":{"settlements.status":{"type":"terms","count":"elements","where":{"and":[{"amount":{"gt":5}},{"payer.name":{"in":["a","b;c"]}}]}},"large":{"type":"range","field":"settlements.amount","ranges":[{"from":1,"to":2},{}],"where":{"status":{"eq":"paid"}}}}}"#);
    insta::assert_snapshot!(body("facets=signed_at.ranges(2026-01-01..2026-01-31T09:30:00%2B09:00),rate.ranges(-1.5..2,.5..)"), @r#"{"facets":{"signed_at":{"type":"range","ranges":[{"from":"2026-01-01","to":"2026-01-31T09:30:00+09:00"}]},"rate":{"type":"range","ranges":[{"from":-1.5,"to":2},{"from":".5"}]}}}"#);
    // What was chosen of a field is said of the elements that are counted.
    insta::assert_snapshot!(body("facets=settlements.status.terms(;amount.gt.5),amount.ranges(1..5)&facet.mode=disjunctive&settlements.status=in.(paid)&amount=gte.1&amount=lt.5"), @r#"{"facets":{"settlements.status":{"type":"terms","where":{"amount":{"gt":5}}},"amount":{"type":"range","ranges":[{"from":1,"to":5}]}},"facet_filters":{"settlements.status":{"in":["paid"],"where":{"amount":{"gt":5}}},"amount":{"gte":1,"lt":5}}}"#);
}

#[test]
fn facets_that_are_wrong_have_their_place() {
    insta::assert_snapshot!(refused("facets=title,amount.ranges(1,5)"), @"facets invalid_query: `..` is expected, at character 22 (a range is `from..to`, `from..` or `..to`)");
    insta::assert_snapshot!(refused("facets=amount.range(..5)"), @"facets invalid_query: a field with `.terms(…)`, `.ranges(…)` or `.dates(…)` is expected, at character 1");
    insta::assert_snapshot!(refused("facets=settlements.status.terms(;amount.gt.5)&facet.mode=disjunctive&settlements.status=paid&settlements.status=where.x"), @"settlements.status repeated_key: this is said already, by this parameter or by another name of it (write it once)");
    insta::assert_snapshot!(refused("facets=title.terms(5)"), @"facets invalid_query: an option is expected, at character 13 (such as `size.50`)");
    insta::assert_snapshot!(refused("facets=title.terms(sise.5)"), @"facets unknown_key: unknown option `sise`, at character 13 (did you mean `size`?)");
    insta::assert_snapshot!(refused("facets=signed_at.dates(month,year)"), @"facets repeated_key: this is said already, at character 23 (write it once)");
    insta::assert_snapshot!(refused("facets=title,title"), @"facets repeated_key: a facet of this name is there already, at character 7 (give it another, such as `by_year:signed_at.dates(year)`)");
    insta::assert_snapshot!(refused("facets=title,:title"), @"facets invalid_query: a name is expected, at character 7");
    insta::assert_snapshot!(refused("facets=title.terms(size.5"), @"facets invalid_query: `)` is expected, at character 19");
    insta::assert_snapshot!(refused("facets=amount.ranges(a..5,1..2..3)"), @"facets invalid_query: `)` is expected, at character 24");
    insta::assert_snapshot!(refused("facets=amount.ranges(a..5,..)"), @"facets invalid_value: a whole number is expected here, not a string");
    insta::assert_snapshot!(refused("facets=signed_at.dates()&timezone=Seoul"), @"facets invalid_value: `interval` is missing");
    insta::assert_snapshot!(refused("facets=signed_at.dates(moth)&timezone=Seoul"), @"facets invalid_value: day or week or month or quarter or year is expected here");
    insta::assert_snapshot!(refused("facets=signed_at.dates(day)&timezone=Seoul"), @"timezone invalid_value: the name of a time zone is expected here (such as `Asia/Seoul`)");
    insta::assert_snapshot!(refused("facets=nope.dates(month)&timezone=UTC"), @"facets unknown_field: unknown field `nope` (known here are amount, manager, memo, paid, place, rate, secret, settlements, signed_at, title)");
    insta::assert_snapshot!(refused("facets=title.terms(size.x)"), @"facets invalid_value: a whole number from 1 to 100 is expected here");
    insta::assert_snapshot!(refused("facets=title.terms(;amount.gt.5)"), @"facets operator_not_allowed: `where` is about the elements of a list, and this is no field of one (use `filter` for what documents are like)");
    insta::assert_snapshot!(refused("facets=title.ranges(a..b)"), @"facets field_cannot_serve: `title` has no ranges that could be counted");
    insta::assert_snapshot!(refused("facets=title&timezone=Asia/Seoul&signed_at=2026-01-31"), @"timezone invalid_query: no facet here counts days by the clocks of a zone (`facets=signed_at.dates(day)` does; a day in a condition is one of UTC, and a time says its own zone)");
    insta::assert_snapshot!(refused("timezone=Asia/Seoul&timezone=UTC&facet.mode=disjunctive&facet.mode=conjunctive"), @r"
    timezone repeated_key: this is said already (write it once)
    facet.mode repeated_key: this is said already (write it once)
    ");
    insta::assert_snapshot!(refused("facets=settlements.status,a:settlements.status.terms(;amount.gt.5)&facet.mode=disjunctive&settlements.status=paid"), @"settlements.status invalid_query: this field is counted of different elements, and which of them are chosen is not said (the body of a POST can say it)");
    insta::assert_snapshot!(refused("facets=settlements.status.terms(;amont.gt.5)&facet.mode=disjunctive&settlements.status=gt.paid"), @r"
    facets unknown_field: unknown field `amont` (did you mean `amount`?)
    facets unknown_field: unknown field `amont` (did you mean `amount`?)
    ");
}

#[test]
fn what_is_wrong_has_its_place() {
    insta::assert_snapshot!(refused("manger.name=eq.a&amount=gte.x&title=equals.a&srot=-amount&page[site]=1&filter={}"), @r"
    srot unknown_parameter: unknown parameter `srot` (did you mean `sort`?)
    page[site] unknown_parameter: unknown parameter `page[site]` (did you mean `page[size]`?)
    filter unknown_parameter: unknown parameter `filter` (only the body of a POST has it)
    ");
    insta::assert_snapshot!(refused("manger.name=eq.a&amount=gte.x&title=equals.a&sort=-amont&fields=title,nmae&page[size]=0&limit=5"), @"limit repeated_key: this is said already, by this parameter or by another name of it (write it once)");
    insta::assert_snapshot!(refused("manger.name=eq.a&amount=gte.x&title=eqq.a&sort=-amont&fields=title,nmae&page[size]=-1"), @r"
    sort unknown_field: unknown field `amont` (did you mean `amount`?)
    fields unknown_field: unknown field `nmae` (known here are amount, manager, memo, paid, place, rate, secret, settlements, signed_at, title)
    page[size] invalid_value: a whole number from 0 to 200 is expected here
    manger.name unknown_field: unknown field `manger.name` (did you mean `manager.name`?)
    amount invalid_value: a whole number is expected here, not a string
    title unknown_operator: unknown operator `eqq` (did you mean `eq`?)
    ");
    insta::assert_snapshot!(refused("or=(title.eq.a,amount.gt)&and=(title.eq.\"a&title=a&settlements=some(status.eq.a"), @r#"
    or invalid_query: an operator and a value are expected, at character 20 (write `operator.value`, such as `eq.active`; a value that looks like an operator is written in double quotes)
    and invalid_query: a closing `"` is expected, at character 13
    settlements invalid_query: `)` is expected, at character 17
    "#);
    insta::assert_snapshot!(refused("title&amount=&title=%zz&%ff=1&title=%ff"), @r"
    title invalid_query: a value is expected (`eq.` asks for the empty text)
    amount invalid_query: a value is expected (`eq.` asks for the empty text)
    title invalid_query: `%` and two hexadecimal digits are expected, at character 1 (`%` itself is `%25`)
    � invalid_query: this is no UTF-8 once it is decoded
    title invalid_query: this is no UTF-8 once it is decoded
    ");
    insta::assert_snapshot!(refused("title=like.*a&title=ilike.a*&title=like.a*b&title=like.*"), @r"
    title unsupported_pattern: this pattern cannot be searched for, at character 6 (`like.*text*`, `like.text*` and `ilike.*text*` can; a `*` that is meant is written in double quotes)
    title unsupported_pattern: this pattern cannot be searched for, at character 7 (`like.*text*`, `like.text*` and `ilike.*text*` can; a `*` that is meant is written in double quotes)
    title unsupported_pattern: this pattern cannot be searched for, at character 6 (`like.*text*`, `like.text*` and `ilike.*text*` can; a `*` that is meant is written in double quotes)
    title unsupported_pattern: this pattern cannot be searched for, at character 6 (`like.*text*`, `like.text*` and `ilike.*text*` can; a `*` that is meant is written in double quotes)
    ");
    insta::assert_snapshot!(refused("amount=is.nothing&amount=in.1&amount=in.(1,2&title=eq.\"a\"b&or=(title.eq.a(b))"), @r#"
    amount invalid_query: `null` or `not_null` is expected, at character 4
    amount invalid_query: `(` is expected, at character 4
    amount invalid_query: `,` or `)` is expected, at character 8
    title invalid_query: nothing more is expected, at character 7
    or invalid_query: `,` or `)` is expected, at character 12 (a value with `,`, `(`, `)` or `"` is written in double quotes)
    "#);
    insta::assert_snapshot!(refused("sort=-&fields=title,,amount&offset=x&facet.mode=both&sort=title)&sort=max(settlements.amount"), @r"
    sort invalid_query: a name is expected, at character 2
    fields invalid_query: a name is expected, at character 7
    offset invalid_value: a whole number is expected
    facet.mode invalid_value: `conjunctive` or `disjunctive` is expected
    sort invalid_query: nothing more is expected, at character 6
    sort invalid_query: `)` is expected, at character 23
    ");
    insta::assert_snapshot!(refused("offset=30&page[size]=20"), @"offset invalid_value: a multiple of the page's size, 20, is expected");
    insta::assert_snapshot!(refused("facets=title&facet.mode=disjunctive&title=not.eq.a"), @"title invalid_query: a facet's own condition is one comparison, without `not.`");
    insta::assert_snapshot!(refused("facets=title&facet.mode=disjunctive&title=a&title=b"), @"title repeated_key: this is said already, by this parameter or by another name of it (write it once)");
}

#[test]
fn conditions_on_elements_that_are_wrong_have_their_place() {
    insta::assert_snapshot!(refused("settlements=count(status.eq.paid)&settlements=count(status.eq.paid"), @r"
    settlements invalid_query: how many is expected, at character 22 (write `count(…).gte.2`)
    settlements invalid_query: `)` is expected, at character 21
    ");
    insta::assert_snapshot!(refused("settlements=count(amont.gt.1).gte.2&settlements=count(status.eq.paid).between.(1,3)&title=count().1"), @r#"
    settlements unknown_field: unknown field `amont` (did you mean `amount`?)
    settlements unknown_key: unknown key `between` (known are eq, ne, lt, lte, gt, gte, where)
    settlements invalid_value: how many is missing (write {"gte": 2})
    title operator_not_allowed: `count` asks about a list, and `title` is none
    "#);
    insta::assert_snapshot!(refused("settlements.amount=eq.5&settlements=some(amont.eq.1)&settlements=eq.1"), @r#"
    settlements.amount needs_some: `settlements.amount` is a field of the elements of `settlements` (write {"settlements": {"some": {"amount": …}}})
    settlements unknown_field: unknown field `amont` (did you mean `amount`?)
    settlements operator_not_allowed: `eq` compares values, and `settlements` is a list of objects (write {"some": {…}} for what one element is like)
    "#);
}

#[test]
fn limits_hold() {
    insta::assert_snapshot!(refused(&format!("title={}", "a".repeat(8 << 10))), @" limit_exceeded: a query string has at most 8192 bytes (send the search as the body of a POST)");
    let deep = |depth: usize| {
        format!("or={}title.eq.a{}", "(and".repeat(depth) + "(", ")".repeat(depth + 1))
    };
    let deep_not = format!("title={}eq.a", "not.".repeat(500));
    insta::assert_snapshot!(refused(&deep(500)), @"or limit_exceeded: the filter is nested more than 8 deep, at character 33");
    insta::assert_snapshot!(refused(&deep_not), @"title limit_exceeded: the filter is nested more than 8 deep, at character 33");
    assert!(body(&deep(6)).contains("title"));
}

#[test]
fn values_of_a_field_are_a_facet_without_rows() {
    let body = |query: &str| {
        let translated = translate_values(&Limits::default(), &fields(), query);
        translated.unwrap_or_else(|refusal| panic!("{refusal}")).body.to_string()
    };
    insta::assert_snapshot!(body("field=manager.name&prefix=%E1%84%80%E1%85%A1&size=5"), @r#"{"facets":{"values":{"field":"manager.name","prefix":"가","size":5}},"page":{"size":0},"count":"none"}"#);
    insta::assert_snapshot!(body("prefix=&field=title&amount=gte.5&q=a&view=mobile"), @r#"{"facets":{"values":{"prefix":"","field":"title"}},"q":{"text":"a"},"view":"mobile","page":{"size":0},"count":"none","filter":{"amount":{"gte":5}}}"#);
    insta::assert_snapshot!(body("field=title&title=in.(a,b)&amount=gte.5&facet.mode=disjunctive"), @r#"{"facets":{"values":{"field":"title"}},"page":{"size":0},"count":"none","facet_filters":{"title":{"in":["a","b"]}},"filter":{"amount":{"gte":5}}}"#);
    // A field of the document that is called so is asked about within parentheses.
    insta::assert_snapshot!(body("field=title&and=(size.gt.5)"), @r#"{"facets":{"values":{"field":"title"}},"page":{"size":0},"count":"none","filter":{"and":[{"size":{"gt":"5"}}]}}"#);
}
