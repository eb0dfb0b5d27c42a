//! Which part of all rows an answer shows, in the headers that lists of front ends read.
//!
//! Promises: nothing is said of a total that is not exact, nor of a place in the order that is not known. Pure.

use axum::http::header::{CONTENT_RANGE, LINK};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use percent_encoding::percent_decode_str;

use crate::query::Page;

/// The cursor of the next page, for those who can name it as an address.
#[derive(Debug, Clone)]
pub(super) struct Next(pub(super) String);

/// Parameters that say where a page begins.
const PLACES: [&str; 3] = ["page[after]", "page[number]", "offset"];

/// How many rows there are in all.
pub(super) const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// Adds `X-Total-Count`, and `Content-Range: contracts 0-49/1234` where the page's place is known.
pub(super) fn tell(
    headers: &mut HeaderMap,
    alias: &str,
    (page, rows): (&Page, usize),
    exact: Option<u64>,
) {
    let Some(total) = exact else { return };
    headers.insert(TOTAL_COUNT, HeaderValue::from(total));
    if page.after.is_some() {
        return;
    }
    let first = page.skipped;
    let range = match rows {
        0 => format!("{alias} */{total}"),
        _ => format!("{alias} {first}-{}/{total}", first + rows - 1),
    };
    if let Ok(range) = HeaderValue::try_from(range) {
        headers.insert(CONTENT_RANGE, range);
    }
}

/// Adds `Link: </v1/contracts?…>; rel="next"`, the address of the next page.
pub(super) fn link(headers: &mut HeaderMap, path: &str, query: &str, Next(cursor): &Next) {
    let is_place = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        let name = percent_decode_str(name).decode_utf8_lossy();
        PLACES.contains(&name.as_ref())
    };
    let others = query.split('&').filter(|pair| !pair.is_empty() && !is_place(pair));
    let others: String = others.map(|pair| format!("{pair}&")).collect();
    // What ends an address in a header is written otherwise.
    let address = format!("{path}?{others}page%5Bafter%5D={cursor}").replace('>', "%3E");
    if let Ok(link) = HeaderValue::try_from(format!("<{address}>; rel=\"next\"")) {
        headers.insert(LINK, link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_has_the_same_search() {
        let next = |query: &str| {
            let mut headers = HeaderMap::new();
            link(&mut headers, "/v1/contracts", query, &Next("AVx2".to_owned()));
            headers[LINK].to_str().unwrap().to_owned()
        };
        insta::assert_snapshot!(next(""), @r#"</v1/contracts?page%5Bafter%5D=AVx2>; rel="next""#);
        insta::assert_snapshot!(next("amount=gte.1&sort=-amount&page[after]=AAAA&limit=5"), @r#"</v1/contracts?amount=gte.1&sort=-amount&limit=5&page%5Bafter%5D=AVx2>; rel="next""#);
        insta::assert_snapshot!(next("page%5Bnumber%5D=3&title=a>b"), @r#"</v1/contracts?title=a%3Eb&page%5Bafter%5D=AVx2>; rel="next""#);
        insta::assert_snapshot!(next("limit=20&offset=40"), @r#"</v1/contracts?limit=20&page%5Bafter%5D=AVx2>; rel="next""#);
    }

    fn told(page: &Page, rows: usize, exact: Option<u64>) -> String {
        let mut headers = HeaderMap::new();
        tell(&mut headers, "contracts", (page, rows), exact);
        let shown =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        shown.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn only_what_is_known_is_told() {
        let first = Page { size: 50, number: None, skipped: 0, after: None, snapshot: false };
        insta::assert_snapshot!(told(&first, 50, Some(319)), @"x-total-count: 319, content-range: contracts 0-49/319");
        let third = Page { number: Some(3), skipped: 100, ..first.clone() };
        insta::assert_snapshot!(told(&third, 20, Some(120)), @"x-total-count: 120, content-range: contracts 100-119/120");
        insta::assert_snapshot!(told(&third, 0, Some(7)), @"x-total-count: 7, content-range: contracts */7");
        let after = Page { after: Some("AVx2".to_owned()), ..first.clone() };
        insta::assert_snapshot!(told(&after, 20, Some(120)), @"x-total-count: 120");
        assert_eq!(told(&first, 50, None), "");
    }
}
