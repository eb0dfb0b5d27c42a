//! A job's text without its schedules.
//!
//! Promises: two texts that differ in their schedules alone become the same; any two that may build different documents stay
//! different.

use std::borrow::Cow;
use std::path::Path;

use serde_json::Value;

use crate::times::Kind;
use crate::yaml;

/// The text without the lines that hold schedules; all of it where something else stands in them.
pub(super) fn timeless(text: &str) -> Cow<'_, str> {
    let tells = |line: &&str| {
        Kind::ALL
            .iter()
            .any(|kind| line.strip_prefix(kind.key()).is_some_and(|rest| rest.starts_with(':')))
    };
    let rest: String = text.split_inclusive('\n').filter(|line| !tells(line)).collect();
    let read = |text: &str| yaml::parse::<Value>(Path::new(""), text).ok();
    let Some(Value::Object(mut all)) = read(text) else { return Cow::Borrowed(text) };
    all.retain(|key, _| Kind::ALL.iter().all(|kind| kind.key() != key));
    match read(&rest) == Some(Value::Object(all)) {
        true => Cow::Owned(rest),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_left_out_and_nothing_else() {
        let without = "index: a\nmapping: a.json\nroot: {source: s, where: \"schedule: 1\"}\n";
        assert_eq!(timeless(without), without);
        for line in ["schedule: \"0 0 3 * * *\"\n", "sweep: '0 0 3 * * *' # at night\n"] {
            assert_eq!(timeless(&without.replace("root", &format!("{line}root"))), without);
            assert_eq!(timeless(&format!("{line}{without}")), without);
        }
        // These hold more than a schedule, or a part of one.
        for odd in [
            "{index: a,\nschedule: x, mapping: a.json}\n",
            "index: a\nschedule:\n  0 0 3 * * *\n",
            "index: a\nschedule: &a x\nmapping: *a\n",
            "index: a\nschedule: [\n",
            "index: a\n  schedule: x\n",
        ] {
            assert_eq!(timeless(odd), odd);
        }
    }
}
