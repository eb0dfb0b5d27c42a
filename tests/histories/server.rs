//! The servers that histories happen on: their words for tables, triggers and the present, and sessions that write.

use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection, SqliteConnection};

use super::schema::{Column, Table, Type};
use crate::support::place::Place;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    Postgres,
    Mariadb,
}

impl Kind {
    pub(super) async fn place(self) -> Place {
        let place = match self {
            Self::Sqlite => Place::sqlite().await,
            Self::Postgres => Place::postgres().await,
            Self::Mariadb => Place::mariadb().await,
        };
        if self == Self::Sqlite {
            // Who reads keeps nobody from writing.
            place.run("PRAGMA journal_mode = WAL").await;
        }
        place
    }

    /// How long after its time a change may be seen: what the server does not tell of its transactions and its clock.
    pub(super) fn overlap(self) -> &'static str {
        if self == Self::Postgres { "0s" } else { "1s" }
    }

    /// Whether transactions can be left open while others write.
    pub(super) fn has_many_writers(self) -> bool {
        self != Self::Sqlite
    }

    /// The present of a statement; of a transaction, it is that of its beginning wherever it has one.
    fn now(self) -> &'static str {
        match self {
            Self::Sqlite => "strftime('%Y-%m-%d %H:%M:%f', 'now')",
            Self::Postgres => "now()",
            Self::Mariadb => "@began",
        }
    }

    /// A statement in which `NOW` is the present.
    pub(super) fn speak(self, sql: &str) -> String {
        sql.replace("NOW", self.now())
    }

    fn ty(self, ty: Type) -> &'static str {
        match (ty, self) {
            (Type::Number, _) => "BIGINT",
            (Type::Text, Self::Mariadb) => "VARCHAR(40) COLLATE utf8mb4_bin",
            (Type::Text, _) => "VARCHAR(40)",
            (Type::Instant, Self::Sqlite) => "TEXT",
            (Type::Instant, Self::Postgres) => "TIMESTAMPTZ",
            (Type::Instant, Self::Mariadb) => "TIMESTAMP(6)",
        }
    }

    /// A column as text.
    pub(super) fn as_text(self, column: &str) -> String {
        let text = if self == Self::Mariadb { "CHAR" } else { "TEXT" };
        format!("CAST({column} AS {text})")
    }

    /// What makes a table, and the table of its deleted rows with the triggers that fill it.
    pub(super) fn make(self, table: &Table) -> Vec<String> {
        let column = |column: &Column| {
            let null = if table.key.contains(column) { "NOT NULL" } else { "NULL" };
            format!("{} {} {null}", column.name, self.ty(column.ty))
        };
        let columns: Vec<String> = table.columns().iter().map(column).collect();
        let name = &table.name;
        let mut made = vec![format!(
            "CREATE TABLE {name} ({}, PRIMARY KEY ({}))",
            columns.join(", "),
            list(&table.key)
        )];
        if table.has_tombstones() {
            let seq = match self {
                Self::Sqlite => "INTEGER PRIMARY KEY",
                Self::Postgres => "BIGSERIAL PRIMARY KEY",
                Self::Mariadb => "BIGINT AUTO_INCREMENT PRIMARY KEY",
            };
            let buried = table.buried().iter();
            let buried: String = buried
                .map(|column| format!("{} {} NULL, ", column.name, self.ty(column.ty)))
                .collect();
            let at = self.ty(Type::Instant);
            made.push(format!("CREATE TABLE {name}_gone (seq {seq}, {buried}gone_at {at} NULL)"));
            made.extend(self.triggers(table));
        }
        made
    }

    fn triggers(self, table: &Table) -> Vec<String> {
        let name = &table.name;
        let olds = |columns: &[Column]| {
            columns
                .iter()
                .map(|column| format!("OLD.{}", column.name))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let now = if self == Self::Mariadb { "now(6)" } else { self.now() };
        let (columns, values) = (list(table.buried()), olds(table.buried()));
        let insert =
            format!("INSERT INTO {name}_gone ({columns}, gone_at) VALUES ({values}, {now});");
        let differs = |Column { name, .. }: &&Column| match self {
            Self::Sqlite => format!("OLD.{name} IS NOT NEW.{name}"),
            Self::Postgres => format!("OLD.{name} IS DISTINCT FROM NEW.{name}"),
            Self::Mariadb => format!("NOT (OLD.{name} <=> NEW.{name})"),
        };
        let differ = table.burying().iter().map(differs).collect::<Vec<_>>().join(" OR ");
        let after = |what: &str, body: &str| {
            format!("CREATE TRIGGER {name}_{what} AFTER {what} ON {name} FOR EACH ROW {body}")
        };
        match self {
            Self::Sqlite => vec![
                after("delete", &format!("BEGIN {insert} END")),
                after("update", &format!("WHEN {differ} BEGIN {insert} END")),
            ],
            Self::Mariadb => vec![
                after("delete", &format!("BEGIN {insert} END")),
                after("update", &format!("BEGIN IF {differ} THEN {insert} END IF; END")),
            ],
            Self::Postgres => vec![
                format!(
                    "CREATE FUNCTION {name}_went() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {insert} RETURN NULL; END $$"
                ),
                after("delete", &format!("EXECUTE FUNCTION {name}_went()")),
                after("update", &format!("WHEN ({differ}) EXECUTE FUNCTION {name}_went()")),
            ],
        }
    }
}

fn list(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// A connection that writes.
pub(super) enum Session {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    Mariadb(MySqlConnection),
}

impl Session {
    /// One with a transaction begun, which does not wait long for others.
    pub(super) async fn begin(kind: Kind, place: &Place) -> Self {
        let at = place.address();
        let (mut session, begin) = match kind {
            Kind::Sqlite => {
                (Self::Sqlite(SqliteConnection::connect(&at).await.unwrap()), "BEGIN IMMEDIATE")
            }
            Kind::Postgres => {
                let session = PgConnection::connect(&at).await.unwrap();
                (Self::Postgres(session), "SET lock_timeout = '50ms'; BEGIN")
            }
            Kind::Mariadb => {
                let session = MySqlConnection::connect(&at).await.unwrap();
                let begin =
                    "SET innodb_lock_wait_timeout = 0; START TRANSACTION; SET @began = now(6)";
                (Self::Mariadb(session), begin)
            }
        };
        session.run(begin).await.unwrap();
        session
    }

    async fn run(&mut self, sql: &str) -> sqlx::Result<()> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Sqlite(session) => sql.execute(session).await.map(|_| ()),
            Self::Postgres(session) => sql.execute(session).await.map(|_| ()),
            Self::Mariadb(session) => sql.execute(session).await.map(|_| ()),
        }
    }

    /// Runs a statement; `false` when another transaction is in its way, which ends this one. One that would make a second row
    /// of a key does nothing.
    ///
    /// # Panics
    /// When it cannot be meant.
    pub(super) async fn edit(&mut self, sql: &str) -> bool {
        self.run("SAVEPOINT edit").await.unwrap();
        let Err(error) = self.run(sql).await else { return true };
        let told = error.as_database_error().unwrap_or_else(|| panic!("{error}: {sql}"));
        if told.is_unique_violation() {
            self.run("ROLLBACK TO SAVEPOINT edit").await.unwrap();
            return true;
        }
        let in_the_way = ["55P03", "40P01", "40001"];
        let code = told.code();
        let is_meant = code.as_deref().is_some_and(|code| in_the_way.contains(&code))
            || ["Lock wait timeout", "Record has changed"]
                .iter()
                .any(|text| told.message().contains(text));
        assert!(is_meant, "{error} {code:?}: {sql}");
        false
    }

    pub(super) async fn end(mut self, commit: bool) {
        self.run(if commit { "COMMIT" } else { "ROLLBACK" }).await.unwrap();
    }
}
