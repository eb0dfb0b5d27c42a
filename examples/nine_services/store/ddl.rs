//! The statements that make tables, in the words of each kind of store.
//!
//! Text only, no connection. All names come from the services' own tables; they are quoted all the
//! same, since camelCase would not survive otherwise.

use crate::store::Kind as Dialect;
use crate::table::{Column, Kind, Table};

impl Dialect {
    /// `name` as an identifier.
    pub(super) fn quote(self, name: &str) -> String {
        match self {
            Self::Mariadb => format!("`{}`", name.replace('`', "``")),
            Self::Sqlite | Self::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// The table's name, within `place` where the store has places.
    pub(super) fn table(self, place: &str, table: &str) -> String {
        match self {
            Self::Sqlite => self.quote(table),
            Self::Postgres | Self::Mariadb => {
                format!("{}.{}", self.quote(place), self.quote(table))
            }
        }
    }

    /// Names in a row: `"a", "b"`.
    pub(super) fn list<'a>(self, names: impl IntoIterator<Item = &'a str>) -> String {
        names.into_iter().map(|name| self.quote(name)).collect::<Vec<_>>().join(", ")
    }

    /// The statements that make the table; where enums are types, those come first.
    pub(super) fn create(self, place: &str, table: &Table) -> Vec<String> {
        let mut statements = Vec::new();
        let mut parts = Vec::new();
        for column in table.columns {
            let kind = match column.kind {
                Kind::Enum(words) if self == Self::Postgres => {
                    let name = self.table(place, &format!("{}_{}", table.name, column.name));
                    statements.push(format!("DROP TYPE IF EXISTS {name}"));
                    statements.push(format!("CREATE TYPE {name} AS ENUM ({})", literals(words)));
                    name
                }
                kind => self.kind(kind),
            };
            parts.push(self.column(column, &kind));
        }
        parts.push(format!("PRIMARY KEY ({})", self.list(table.key.iter().copied())));
        let name = self.table(place, table.name);
        statements.push(format!("CREATE TABLE {name} (\n  {}\n)", parts.join(",\n  ")));
        statements
    }

    /// The statements that make the table's indexes.
    pub(super) fn indexes(self, place: &str, table: &Table) -> Vec<String> {
        let on = self.table(place, table.name);
        let index = |columns: &&[&str]| {
            let name = self.quote(&format!("{}_{}", table.name, columns.join("_")));
            format!("CREATE INDEX {name} ON {on} ({})", self.list(columns.iter().copied()))
        };
        table.indexes.iter().map(index).collect()
    }

    /// One insert of `rows` rows, a question mark for each value.
    pub(super) fn insert(self, place: &str, table: &Table, rows: usize) -> String {
        let row = format!("({})", vec!["?"; table.columns.len()].join(", "));
        let columns = self.list(table.columns.iter().map(|column| column.name));
        let name = self.table(place, table.name);
        format!("INSERT INTO {name} ({columns}) VALUES {}", vec![row; rows].join(", "))
    }

    fn column(self, column: &Column, kind: &str) -> String {
        let name = self.quote(column.name);
        let null = if column.nullable { "NULL" } else { "NOT NULL" };
        let check = match (self, column.kind) {
            (Self::Sqlite, Kind::Enum(words)) => {
                format!(" CHECK ({name} IN ({}))", literals(words))
            }
            (Self::Sqlite, Kind::Bool) => format!(" CHECK ({name} IN (0, 1))"),
            // Without a default of its own, an old server would set the first such column to now.
            (Self::Mariadb, Kind::Instant) if !column.nullable => {
                " DEFAULT current_timestamp(3)".to_owned()
            }
            _ => String::new(),
        };
        format!("{name} {kind} {null}{check}")
    }

    fn kind(self, kind: Kind) -> String {
        match self {
            Self::Sqlite => sqlite(kind).to_owned(),
            Self::Postgres => postgres(kind),
            Self::Mariadb => mariadb(kind),
        }
    }
}

/// SQLite rounds what it takes for a decimal: exact numbers are kept as text.
fn sqlite(kind: Kind) -> &'static str {
    match kind {
        Kind::Int | Kind::Unsigned | Kind::Bool => "INTEGER",
        Kind::Bytes(_) => "BLOB",
        _ => "TEXT",
    }
}

fn postgres(kind: Kind) -> String {
    match kind {
        Kind::Int | Kind::Unsigned => "bigint".to_owned(),
        Kind::Bool => "boolean".to_owned(),
        Kind::Text(_) | Kind::Enum(_) => "text".to_owned(),
        Kind::Code(length) => format!("varchar({length}) COLLATE \"C\""),
        Kind::Decimal(digits, scale) => format!("numeric({digits}, {scale})"),
        Kind::Date => "date".to_owned(),
        Kind::Clock => "timestamp(0)".to_owned(),
        Kind::Instant => "timestamptz(3)".to_owned(),
        Kind::Uuid => "uuid".to_owned(),
        Kind::Json => "jsonb".to_owned(),
        Kind::Bytes(_) => "bytea".to_owned(),
    }
}

fn mariadb(kind: Kind) -> String {
    match kind {
        Kind::Int => "bigint".to_owned(),
        Kind::Unsigned => "bigint unsigned".to_owned(),
        Kind::Bool => "tinyint(1)".to_owned(),
        Kind::Text(length) => format!("varchar({length})"),
        Kind::Code(length) => format!("varchar({length}) COLLATE utf8mb4_bin"),
        Kind::Enum(words) => format!("enum({})", literals(words)),
        Kind::Decimal(digits, scale) => format!("decimal({digits}, {scale})"),
        Kind::Date => "date".to_owned(),
        Kind::Clock => "datetime".to_owned(),
        Kind::Instant => "timestamp(3)".to_owned(),
        Kind::Uuid => "uuid".to_owned(),
        Kind::Json => "json".to_owned(),
        Kind::Bytes(length) => format!("varbinary({length})"),
    }
}

fn literals(words: &[&str]) -> String {
    let quoted = words.iter().map(|word| format!("'{}'", word.replace('\'', "''")));
    quoted.collect::<Vec<_>>().join(", ")
}
