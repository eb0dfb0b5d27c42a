//! Parts of a body as a query string spells them.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// A text that stands in a query string for itself.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A filter as it is written within parentheses; nothing for one that holds for everything.
pub(super) fn filter(asked: &Value) -> String {
    let members = asked.as_object().unwrap();
    let each = members.iter().map(|(name, value)| match name.as_str() {
        "and" | "or" => {
            let inner = value.as_array().unwrap().iter().map(filter).collect::<Vec<_>>();
            format!("{name}({})", inner.join(","))
        }
        "not" => format!("not.{}", filter(value)),
        field => comparisons(field, value),
    });
    let each: Vec<String> = each.collect();
    if each.len() == 1 { each.concat() } else { format!("and({})", each.join(",")) }
}

fn comparisons(field: &str, operators: &Value) -> String {
    let each = operators.as_object().unwrap().iter();
    let each = each.map(|(operator, operand)| match (operator.as_str(), operand) {
        ("some" | "none" | "every", like) if *like == json!({}) => {
            format!("{field}.{operator}()")
        }
        ("some" | "none" | "every", like) => format!("{field}.{operator}({})", filter(like)),
        ("count", Value::Object(count)) => {
            let mut count = count.clone();
            let of = count.remove("where").map(|like| format!("({})", filter(&like)));
            let what = format!("{field}.count{}", of.unwrap_or_default());
            comparisons(&what, &Value::Object(count))
        }
        ("exists", Value::Bool(false)) => format!("{field}.is.null"),
        (_, Value::Array(values)) => {
            let values = values.iter().map(operand_text).collect::<Vec<_>>();
            format!("{field}.{operator}.({})", values.join(","))
        }
        _ => format!("{field}.{operator}.{}", operand_text(operand)),
    });
    let each: Vec<String> = each.collect();
    if each.len() == 1 { each.concat() } else { format!("and({})", each.join(",")) }
}

fn operand_text(operand: &Value) -> String {
    match operand {
        Value::String(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        other => other.to_string(),
    }
}

/// A facet of that name.
pub(super) fn facet(name: &str, asked: &Value) -> String {
    let (mut parts, mut of, mut field) = (Vec::new(), String::new(), name);
    let mut form = "terms";
    for (member, value) in asked.as_object().unwrap() {
        match member.as_str() {
            "field" => field = value.as_str().unwrap(),
            "where" => of = format!(";{}", filter(value)),
            "ranges" => parts.extend(value.as_array().unwrap().iter().map(range)),
            "interval" => parts.push(value.as_str().unwrap().to_owned()),
            "type" if value == "range" => form = "ranges",
            "type" if value == "date_histogram" => form = "dates",
            "type" => {}
            option => parts.push(format!("{option}.{}", operand_text(value))),
        }
    }
    let name = if name == field { String::new() } else { format!("{name}:") };
    format!("{name}{field}.{form}({}{of})", parts.join(","))
}

fn range(range: &Value) -> String {
    let bound = |name: &str| range.get(name).map(operand_text).unwrap_or_default();
    format!("{}..{}", bound("from"), bound("to"))
}
