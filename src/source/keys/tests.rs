//! What parts of keys become.

use super::*;
use crate::row::Key;

fn column(ty: Type, native: &str) -> ReadColumn {
    let zone = Some(TimeZone::fixed(jiff::tz::offset(9)));
    ReadColumn { zone, ..ReadColumn::new("c", ty, native) }
}

fn spelled(dialect: Dialect, ty: Type, native: &str, matching: Match, part: &str) -> String {
    let lookup = Lookup::of(dialect, &column(ty, native), matching).unwrap();
    let mut values = Vec::new();
    lookup.spellings(part, &mut values);
    let values: Vec<String> = values
        .into_iter()
        .map(|value| match value {
            Value::Integer(value) => value.to_string(),
            Value::Unsigned(value) => format!("{value}u"),
            Value::Real(value) => format!("{value}f"),
            Value::Text(value) => format!("'{value}'"),
            Value::Bytes(value) => format!("{}b", value.len()),
        })
        .collect();
    format!("{:?} {}", lookup.fold, values.join(" "))
}

#[test]
fn parts_become_what_the_column_holds() {
    use Dialect::{Mysql, Postgres, Sqlite};
    let uuid = "0190a7c0-1111-7222-8333-444455556666";
    let exact = |dialect, ty, part| spelled(dialect, ty, "", Match::Exact, part);
    for (dialect, ty, part, wanted) in [
        (Postgres, Type::Integer, "7", "None 7"),
        (Postgres, Type::Integer, "-7", "None -7"),
        (Postgres, Type::Integer, "007", "None "),
        (Postgres, Type::Integer, "seven", "None "),
        (Postgres, Type::Integer, "18446744073709551615", "None "),
        (Mysql, Type::Integer, "18446744073709551615", "None 18446744073709551615u"),
        (Mysql, Type::Integer, "7a", "None "),
        (Sqlite, Type::Integer, "7a", "None '7a'"),
        (Sqlite, Type::Any, "7", "None '7' 7"),
        (Sqlite, Type::Any, "7.5", "None '7.5' 7.5f"),
        (Postgres, Type::Decimal, "901.00", "None '901.00'"),
        (Postgres, Type::Decimal, "NaN", "None "),
        (Postgres, Type::Text, "a\0b", "None "),
        (Sqlite, Type::Text, "a\0b", "None 'a\0b'"),
        (Postgres, Type::Bool, "1", "None 'true'"),
        (Postgres, Type::Bool, "2", "None "),
        (Mysql, Type::Bool, "1", "None 1"),
        (Mysql, Type::Bool, "2", "None 2"),
        (Mysql, Type::Bool, "true", "None "),
        (Postgres, Type::Uuid, "nothing", "None "),
        (Postgres, Type::Binary, "AAEC", "None 3b"),
        (Postgres, Type::Binary, "?", "None "),
        (Postgres, Type::Decimal, "1e999999", "None "),
        (Postgres, Type::Float, "1e999", "None "),
        (Postgres, Type::Date, "2026-01-31", "None '2026-01-31'"),
        (Postgres, Type::Date, "2026-02-30", "None "),
        (Postgres, Type::Date, "2026-01-31T00:00:00", "None "),
        (Postgres, Type::Date, "0000-01-01", "None "),
        (Postgres, Type::Date, "-000043-03-15", "None "),
        (Postgres, Type::Time, "23:59:59.999999", "None '23:59:59.999999'"),
        (Postgres, Type::Time, "24:00:00", "None '24:00:00'"),
        (Postgres, Type::Time, "24:00:01", "None "),
        (Postgres, Type::Time, "-10:00:00", "None "),
        (Postgres, Type::Time, "12:00:00.", "None "),
        (Postgres, Type::Time, "12:00", "None "),
        (Mysql, Type::Time, "-838:59:59", "None '-838:59:59'"),
        (Mysql, Type::Time, "99:99:99", "None "),
        (Postgres, Type::Timestamptz, "-000043-03-15T00:00:00Z", "None "),
        (Postgres, Type::Timestamp, "0000-01-01T00:00:00Z", "None "),
        (Postgres, Type::Timestamp, "2026-01-31T00:00:00Z", "None '2026-01-31T09:00:00'"),
        (Mysql, Type::Timestamptz, "2026-01-31T00:00:00.5Z", "None '2026-01-31T00:00:00.5'"),
    ] {
        assert_eq!(exact(dialect, ty, part), wanted, "{dialect:?} {ty:?} {part}");
    }
    assert_eq!(exact(Postgres, Type::Uuid, uuid), format!("None '{uuid}'"));
    for (part, wanted) in
        [("0.5", "None 0.5f"), ("0", "None 0f"), ("1e39", "None "), ("1e-99", "None ")]
    {
        assert_eq!(spelled(Postgres, Type::Float, "real", Match::Exact, part), wanted, "{part}");
    }
}

#[test]
fn what_a_column_held_is_given_back_as_one_value() {
    use Dialect::{Mysql, Sqlite};
    let given = |dialect, ty, native, part| {
        Lookup::of(dialect, &column(ty, native), Match::Exact).unwrap().given(part)
    };
    assert_eq!(given(Sqlite, Type::Any, "", "7"), Some(Value::Integer(7)));
    assert_eq!(given(Sqlite, Type::Any, "", "seven"), Some(text("seven")));
    assert_eq!(given(Sqlite, Type::Binary, "BLOB", "AAEC"), Some(Value::Bytes(vec![0, 1, 2])));
    assert_eq!(given(Mysql, Type::Date, "date", "yesterday"), None);
    // As MySQL compares the column with a number of double precision.
    assert_eq!(given(Mysql, Type::Float, "float", "0.1"), Some(Value::Real(0.1_f32.into())));
    assert_eq!(given(Mysql, Type::Float, "double", "0.1"), Some(Value::Real(0.1)));
}

#[test]
fn matching_binds_every_spelling() {
    use Dialect::{Mysql, Postgres, Sqlite};
    let uuid = "0190a7c0-1111-7222-8333-444455556666";
    insta::assert_snapshot!(
        spelled(Postgres, Type::Text, "text", Match::Uuid, uuid).replace("' '", "'\n'"), @"
    None '0190a7c0-1111-7222-8333-444455556666'
    '0190a7c0111172228333444455556666'
    '0190A7C0-1111-7222-8333-444455556666'
    '0190A7C0111172228333444455556666'
    ");
    assert_eq!(spelled(Mysql, Type::Binary, "binary(16)", Match::Uuid, uuid), "None 16b");
    assert_eq!(spelled(Mysql, Type::Char, "char(4)", Match::Integer, "7"), "None '7'");
    for (dialect, ty, native, matching, wanted) in [
        (Postgres, Type::Text, "text", Match::Nocase, "Case 'kim'"),
        (Postgres, Type::Text, "text", Match::Text, "Blanks 'kim'"),
        (Postgres, Type::Char, "character(9)", Match::Text, "None 'kim'"),
        (Mysql, Type::Text, "varchar(9) collate utf8mb4_general_ci", Match::Nocase, "None 'kim'"),
        (Mysql, Type::Text, "varchar(9) collate utf8mb4_0900_ai_ci", Match::Nocase, "Case 'kim'"),
        (Mysql, Type::Text, "varchar(9) collate utf8mb4_bin", Match::Nocase, "Case 'kim'"),
        (Mysql, Type::Text, "varchar(9) collate utf8mb4_bin", Match::Text, "None 'kim'"),
        (Sqlite, Type::Text, "TEXT", Match::Nocase, "Case 'kim'"),
    ] {
        assert_eq!(spelled(dialect, ty, native, matching, "kim"), wanted, "{native}");
    }
    assert_eq!(spelled(Sqlite, Type::Text, "TEXT", Match::Nocase, "café"), "Case 'café' 'cafÉ'");
    assert_eq!(spelled(Sqlite, Type::Text, "TEXT", Match::Nocase, "김"), "Case '김'");
}

#[test]
fn composite_keys_take_every_combination_and_drop_the_impossible() {
    let lookups = [(Type::Integer, "int"), (Type::Any, "")].map(|(ty, native)| {
        Lookup::of(Dialect::Sqlite, &column(ty, native), Match::Exact).unwrap()
    });
    let keys = [Key::from_parts(["1", "2"]), Key::from_parts(["3", "b"])];
    let table = KeyTable::of(&lookups, keys.iter());
    assert_eq!(table.rows(), 3);
    assert_eq!(
        table.values[..4],
        [Value::Integer(1), text("2"), Value::Integer(1), Value::Integer(2)]
    );
    let keys = [Key::from("no parts")];
    assert_eq!(KeyTable::of(&lookups, keys.iter()).rows(), 0);
}

#[test]
fn nothing_is_looked_up_by_json() {
    let said = Lookup::of(Dialect::Postgres, &column(Type::Json, "jsonb"), Match::Exact);
    assert_eq!(said.unwrap_err().to_string(), "column `c` (jsonb) cannot be joined on");
}
