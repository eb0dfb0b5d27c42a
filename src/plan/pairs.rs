//! Whether the values of two joined columns can be equal, and which `match` makes them so. Pure.

use crate::finding::{Code, Finding};
use crate::row::{Collation, Column, Match, Type};

/// The families whose canonical texts meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Whole,
    Number,
    Text,
    Uuid,
    Bytes,
    Date,
    Instant,
    Time,
}

fn family(ty: Type) -> Option<Family> {
    match ty {
        Type::Integer | Type::Bool => Some(Family::Whole),
        Type::Decimal | Type::Float => Some(Family::Number),
        Type::Text | Type::Char | Type::Enum => Some(Family::Text),
        Type::Uuid => Some(Family::Uuid),
        Type::Binary => Some(Family::Bytes),
        Type::Date => Some(Family::Date),
        Type::Timestamp | Type::Timestamptz => Some(Family::Instant),
        Type::Time => Some(Family::Time),
        Type::Json | Type::Array | Type::Other | Type::Any => None,
    }
}

/// What is wrong with the types of a pair.
pub(super) fn types(above: &Column, here: &Column, matching: Match) -> Option<Finding> {
    let (left, right) = (family(above.ty)?, family(here.ty)?);
    let (what, hint) = match matching {
        Match::Exact => apart(left, right)?,
        Match::Integer => odd(&[left, right], &[Family::Whole, Family::Number, Family::Text])?,
        Match::Uuid => odd(&[left, right], &[Family::Uuid, Family::Text, Family::Bytes])?,
        Match::Text | Match::Nocase => apart(left, right).map(|_| {
            ("`match` does not help these types", apart(left, right).map_or("", |(_, hint)| hint))
        })?,
    };
    let (upper, lower) = (&above.name, &here.name);
    let what = format!("`{upper}` is {}, `{lower}` is {}: {what}", above.ty, here.ty);
    Some(Finding::warning(what).code(Code::JoinTypes).hint(hint))
}

/// Why exact texts of two families are not equal, and what helps.
fn apart(left: Family, right: Family) -> Option<(&'static str, &'static str)> {
    use Family::{Bytes, Number, Text, Uuid, Whole};
    let never = "they are never equal";
    let maybe = "they may never be equal";
    Some(match (left, right) {
        _ if left == right => return None,
        (Uuid | Bytes, Text | Uuid | Bytes) | (Text, Uuid | Bytes) => (maybe, "match: uuid"),
        (Whole | Number, Whole | Number | Text) | (Text, Whole | Number) => {
            (maybe, "match: integer")
        }
        (Text, _) | (_, Text) => {
            (maybe, "the texts have to be written as docs/types.md shows the other type")
        }
        _ => (never, "join other columns, or convert one of them in a `query`"),
    })
}

/// Complains when one of the families has no such form.
fn odd(pair: &[Family], known: &[Family]) -> Option<(&'static str, &'static str)> {
    let fits = pair.iter().all(|family| known.contains(family));
    (!fits).then_some((
        "they have no form in common under this `match`",
        "leave `match` out, or join other columns",
    ))
}

/// What is wrong with the collations of a pair: one side holds texts equal that the other tells apart.
pub(super) fn collations(above: &Column, here: &Column, matching: Match) -> Option<Finding> {
    let texts = [above.ty, here.ty].map(family) == [Some(Family::Text); 2];
    if !texts || !matches!(matching, Match::Exact | Match::Text) {
        return None;
    }
    let (upper, lower) = (&above.name, &here.name);
    let what = match (folds(above), folds(here)) {
        (None, Some(collation)) => format!(
            "`{lower}` here does not tell upper from lower case ({}), `{upper}` above does: rows that differ in case come back unclaimed",
            collation.name
        ),
        (Some(collation), None) => format!(
            "`{upper}` above does not tell upper from lower case ({}), `{lower}` here does: values that differ in case find no row",
            collation.name
        ),
        _ => return None,
    };
    let hint =
        "match: nocase joins them; without it they stay apart, and runs count the unclaimed rows";
    Some(Finding::warning(what).code(Code::JoinCollation).hint(hint))
}

fn folds(column: &Column) -> Option<&Collation> {
    column.collation.as_ref().filter(|collation| collation.folds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, ty: Type) -> Column {
        Column::new(name.to_owned(), ty, String::new(), true)
    }

    fn told(left: Type, right: Type, matching: Match) -> String {
        match types(&column("buyerId", left), &column("id", right), matching) {
            None => "fits".to_owned(),
            Some(finding) => format!("{} | {}", finding.what, finding.hint.unwrap_or_default()),
        }
    }

    #[test]
    fn pairs_are_told_which_match_they_need() {
        for (left, right) in [
            (Type::Text, Type::Enum),
            (Type::Bool, Type::Integer),
            (Type::Timestamp, Type::Timestamptz),
            (Type::Any, Type::Uuid),
        ] {
            assert_eq!(told(left, right, Match::Exact), "fits", "{left} {right}");
        }
        let cases = [
            told(Type::Text, Type::Integer, Match::Exact),
            told(Type::Decimal, Type::Integer, Match::Exact),
            told(Type::Uuid, Type::Binary, Match::Exact),
            told(Type::Uuid, Type::Integer, Match::Exact),
            told(Type::Date, Type::Text, Match::Exact),
            told(Type::Integer, Type::Integer, Match::Uuid),
            told(Type::Uuid, Type::Text, Match::Nocase),
        ];
        insta::assert_snapshot!(cases.join("\n"), @"
        `buyerId` is text, `id` is integer: they may never be equal | match: integer
        `buyerId` is decimal, `id` is integer: they may never be equal | match: integer
        `buyerId` is uuid, `id` is binary: they may never be equal | match: uuid
        `buyerId` is uuid, `id` is integer: they are never equal | join other columns, or convert one of them in a `query`
        `buyerId` is date, `id` is text: they may never be equal | the texts have to be written as docs/types.md shows the other type
        `buyerId` is integer, `id` is integer: they have no form in common under this `match` | leave `match` out, or join other columns
        `buyerId` is uuid, `id` is text: `match` does not help these types | match: uuid
        ");
        assert_eq!(told(Type::Uuid, Type::Text, Match::Uuid), "fits");
        assert_eq!(told(Type::Text, Type::Integer, Match::Integer), "fits");
    }

    #[test]
    fn collations_matter_when_only_one_side_folds() {
        let plain = || column("code", Type::Text);
        let folding = || Column {
            collation: Some(Collation { name: "utf8mb4_general_ci".to_owned(), folds: true }),
            ..column("ref", Type::Text)
        };
        let told = |above: Column, here: Column, matching| {
            collations(&above, &here, matching).map_or("fits".to_owned(), |finding| finding.what)
        };
        assert_eq!(told(plain(), plain(), Match::Exact), "fits");
        assert_eq!(told(folding(), folding(), Match::Exact), "fits");
        assert_eq!(told(plain(), folding(), Match::Nocase), "fits");
        assert!(told(plain(), folding(), Match::Exact).ends_with("come back unclaimed"));
        assert!(told(folding(), plain(), Match::Text).ends_with("find no row"));
    }
}
