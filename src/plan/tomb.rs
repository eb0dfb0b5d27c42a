//! Tables of deleted rows that are still to be made: which, and the statements that make and fill them.
//!
//! Promises: the statements are SQL of the table's own server, one after the other, each ended by a semicolon, and fail rather
//! than replace what is there. Whoever writes to the table needs no right on the other. Pure: nothing is sent anywhere.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::advice::quote;
use super::called::{fitting, home, parts, qualified};
use super::{Live, Planner};
use crate::config::{Config, Server};
use crate::finding::{Code, Finding, Level};
use crate::job::Job;
use crate::row::Column;

/// A table of deleted rows that is still to be made.
#[derive(Debug, Clone)]
pub struct Tomb {
    /// The source's name.
    pub source: String,
    /// The table whose deleted rows it holds.
    pub table: String,
    /// What it is called.
    pub gone: String,
    /// Its column of the time.
    pub at: String,
    /// Its columns of the key, each with the one that it is of.
    pub key: IndexMap<String, Column>,
    /// Columns of the table whose change makes a row another one.
    pub watched: IndexMap<String, Column>,
    /// Jobs and what of them reads the table: see [`super::Watch::name`].
    pub levels: Vec<(String, String)>,
    /// Whether a job names it.
    pub is_declared: bool,
}

/// The tables of deleted rows that a job lacks, and what keeps its tables from being known.
pub fn tombs(job: &Job, config: &Config, live: &Live) -> (Vec<Tomb>, Vec<Finding>) {
    let mut planner = Planner::new(job, config, live);
    let _root = planner.root(None);
    let is_in_the_way = |finding: &Finding| {
        finding.level == Level::Error && finding.code != Code::MissingTombstones
    };
    let mut findings = super::sorted(planner.findings);
    findings.retain(is_in_the_way);
    (planner.tombs, findings)
}

impl Tomb {
    /// As few tables as do for all: one for each table that is read.
    pub fn together(all: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut together: BTreeMap<_, Self> = BTreeMap::new();
        for tomb in all {
            let name = (tomb.source.clone(), tomb.gone.clone(), tomb.table.clone());
            match together.get_mut(&name) {
                None => drop(together.insert(name, tomb)),
                Some(known) => {
                    known.key.extend(tomb.key);
                    known.watched.extend(tomb.watched);
                    known.levels.extend(tomb.levels);
                    known.is_declared |= tomb.is_declared;
                }
            }
        }
        together.into_values().collect()
    }

    /// A comment, in place of [`Tomb::statements`] where it is there.
    pub fn is_there(&self) -> String {
        let (source, gone, table, levels) = (&self.source, &self.gone, &self.table, self.levels());
        comment(&format!(
            "Source {source}: {gone} is there. If it tells of rows that are deleted from {table}: to be named in the job, for {levels}: tombstones: {gone}"
        ))
    }

    /// Which jobs read the table, and where.
    fn levels(&self) -> String {
        let levels = self.levels.iter().map(|(job, level)| match level.as_str() {
            "" => format!("{job} (root)"),
            level => format!("{job} ({level})"),
        });
        levels.collect::<Vec<_>>().join(", ")
    }

    /// The statements that make it, and the triggers that fill it.
    pub fn statements(&self, server: &Server) -> String {
        let made = Made::of(self, server);
        let mut lines = made.head();
        lines.extend(match server {
            Server::Postgres(_) => made.on_postgres(),
            Server::Mysql(_) => made.on_mysql(),
            Server::Sqlite { .. } => made.on_sqlite(),
        });
        lines.join("\n")
    }
}

/// The words of the statements, quoted.
struct Made<'t> {
    tomb: &'t Tomb,
    server: &'t Server,
    /// The tables with their schemas, as far as these are known.
    table: String,
    gone: String,
    /// The schemas of the table and of that of deleted rows.
    place: Option<String>,
    schema: Option<String>,
    /// What is called after the table of deleted rows.
    plain: String,
    at: String,
    /// The key's columns, and the values of the row that was.
    columns: String,
    olds: String,
    /// Whether the row became another one.
    differs: String,
}

impl<'t> Made<'t> {
    fn of(tomb: &'t Tomb, server: &'t Server) -> Self {
        let name = |name: &String| quote(server, name);
        let own = |column: &Column| format!("OLD.{}", quote(server, &column.name));
        let home = home(server);
        let table = parts(&tomb.table, home.as_deref(), server);
        let (schema, plain) = parts(&tomb.gone, home.as_deref(), server);
        Self {
            tomb,
            server,
            table: qualified(table, server),
            gone: qualified((schema, plain), server),
            place: table.0.map(str::to_owned),
            schema: schema.map(str::to_owned),
            plain: plain.to_owned(),
            at: quote(server, &tomb.at),
            columns: tomb.key.keys().map(name).collect::<Vec<_>>().join(", "),
            olds: tomb.key.values().map(own).collect::<Vec<_>>().join(", "),
            differs: tomb
                .watched
                .values()
                .map(|column| differs(server, column))
                .collect::<Vec<_>>()
                .join(" OR "),
        }
    }

    /// What people read first.
    fn head(&self) -> Vec<String> {
        let tomb = self.tomb;
        let levels = tomb.levels();
        let mut head = vec![comment(&format!(
            "Source {}: rows that are deleted from {}, for {levels}.",
            tomb.source, tomb.table
        ))];
        if !tomb.is_declared {
            head.push(comment(&format!("To be named in the job: tombstones: {}", tomb.gone)));
        }
        head.push(comment(&format!(
            "The account that prejoin reads with needs SELECT on {}.",
            tomb.gone
        )));
        // A day later than the job says, for the time that a run takes and for clocks.
        let old = match self.server {
            Server::Postgres(_) => "now() - interval '31 days'",
            Server::Mysql(_) => "now(6) - INTERVAL 31 DAY",
            Server::Sqlite { .. } => "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-31 days')",
        };
        head.push(comment(&format!(
            "Old rows may go, once the job says how long they stay (tombstones: {{table: {}, keep: 30d}}):",
            tomb.gone
        )));
        head.push(comment(&format!("DELETE FROM {} WHERE {} < {old};", self.gone, self.at)));
        head
    }

    /// The table: a key of its own, the key that was, and when it went.
    fn create(&self, own: &str, time: &str) -> String {
        let column = |(name, column): (&String, &Column)| {
            format!("{} {} NULL", quote(self.server, name), column.native)
        };
        let columns = self.tomb.key.iter().map(column).collect::<Vec<_>>().join(", ");
        let (seq, at) = (quote(self.server, "gone_seq"), &self.at);
        format!("CREATE TABLE {} ({seq} {own}, {columns}, {at} {time});", self.gone)
    }

    /// A name that begins with the table's.
    fn named(&self, what: &str) -> String {
        quote(self.server, &fitting(&self.plain, what))
    }

    fn insert(&self) -> String {
        format!("INSERT INTO {} ({}) VALUES ({})", self.gone, self.columns, self.olds)
    }

    fn trigger(&self, event: &str, body: &str) -> String {
        let name = self.named(&format!("_{}", event.to_lowercase()));
        let name = match (self.server, &self.place) {
            // They are where their table is.
            (Server::Mysql(_), Some(schema)) => format!("{}.{name}", quote(self.server, schema)),
            _ => name,
        };
        format!("CREATE TRIGGER {name} AFTER {event} ON {}\n    FOR EACH ROW {body};", self.table)
    }

    fn on_postgres(&self) -> Vec<String> {
        let name = self.named("_note");
        let (function, path) = match &self.schema {
            Some(schema) => {
                let path = "\n    SECURITY DEFINER SET search_path = pg_catalog, pg_temp";
                (format!("{}.{name}", quote(self.server, schema)), path)
            }
            // Set behind it, when the server says which schema that is.
            None => (name, ""),
        };
        let body = literal(&format!("BEGIN {}; RETURN NULL; END", self.insert()));
        let call = format!("EXECUTE FUNCTION {function}()");
        let mut statements = vec![
            self.create(
                "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
                "timestamptz NOT NULL DEFAULT clock_timestamp()",
            ),
            format!("CREATE INDEX {} ON {} ({});", self.named("_at"), self.gone, self.at),
            format!(
                "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql{path}\n    AS {body};"
            ),
        ];
        if self.schema.is_none() {
            statements.push(at_home(&function));
        }
        statements.push(self.trigger("DELETE", &call));
        statements.push(self.trigger("UPDATE", &format!("WHEN ({})\n    {call}", self.differs)));
        statements
    }

    fn on_mysql(&self) -> Vec<String> {
        let (gone, at) = (&self.gone, &self.at);
        let (columns, olds) = (&self.columns, &self.olds);
        // One statement, so that no client has to be told where it ends.
        let moved = format!(
            "INSERT INTO {gone} ({columns})\n    SELECT {olds} FROM DUAL WHERE {}",
            self.differs
        );
        let deleted = format!("INSERT INTO {gone} ({columns}) VALUES ({olds})");
        vec![
            self.create(
                "BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY",
                "TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)",
            ),
            format!("CREATE INDEX {} ON {gone} ({at});", self.named("_at")),
            self.trigger("DELETE", &deleted),
            self.trigger("UPDATE", &moved),
        ]
    }

    fn on_sqlite(&self) -> Vec<String> {
        let body = format!("BEGIN {}; END", self.insert());
        vec![
            self.create(
                "INTEGER PRIMARY KEY",
                "TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))",
            ),
            format!("CREATE INDEX {} ON {} ({});", self.named("_at"), self.gone, self.at),
            self.trigger("DELETE", &body),
            self.trigger("UPDATE", &format!("WHEN {}\n    {body}", self.differs)),
        ]
    }
}

/// Whether a column's value is another one, letters' case included.
fn differs(server: &Server, column: &Column) -> String {
    let name = quote(server, &column.name);
    let folds = column.collation.as_ref().is_some_and(|collation| collation.folds);
    match server {
        Server::Postgres(_) if folds => {
            format!(
                "OLD.{name}::text COLLATE \"C\" IS DISTINCT FROM NEW.{name}::text COLLATE \"C\""
            )
        }
        Server::Postgres(_) => format!("OLD.{name} IS DISTINCT FROM NEW.{name}"),
        // Some of these texts are equal to others with blanks behind them.
        Server::Mysql(_) if column.collation.is_some() => {
            format!("NOT (CAST(OLD.{name} AS BINARY) <=> CAST(NEW.{name} AS BINARY))")
        }
        Server::Mysql(_) => format!("NOT (OLD.{name} <=> NEW.{name})"),
        // Collations that others have made fold, too.
        Server::Sqlite { .. } => format!("OLD.{name} COLLATE BINARY IS NOT NEW.{name}"),
    }
}

/// Has a function of PostgreSQL, once it is made, run as its owner and find its table where that was made. Whoever deletes
/// rows may make temporary tables, which would be found first if they were not named last.
fn at_home(function: &str) -> String {
    let alter = literal("ALTER FUNCTION %s SECURITY DEFINER SET search_path = %I, pg_temp");
    let function = literal(&format!("{function}()"));
    let body =
        format!("BEGIN EXECUTE format({alter}, {function}::regprocedure, current_schema()); END");
    format!("DO {};", literal(&body))
}

/// A text of PostgreSQL. Backslashes are letters in it, as the standard says.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A line that no server runs, whatever a name in it holds.
fn comment(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("-- {text}")
}

#[cfg(test)]
mod tests {
    use super::super::called::named_after;
    use super::*;
    use crate::config::{Address, Secret};
    use crate::row::Type;

    fn tomb(table: &str, key: &str, level: &str) -> Tomb {
        let column = Column::new(key.to_owned(), Type::Integer, "bigint".to_owned(), false);
        let columns: IndexMap<String, Column> = [(key.to_owned(), column)].into();
        Tomb {
            source: "shop".to_owned(),
            table: table.to_owned(),
            gone: named_after(table),
            at: "gone_at".to_owned(),
            key: columns.clone(),
            watched: columns,
            levels: vec![("orders".to_owned(), level.to_owned())],
            is_declared: false,
        }
    }

    #[test]
    fn a_table_that_is_read_twice_has_one_of_its_deleted_rows() {
        let all =
            [tomb("links", "a", "x/link"), tomb("tags", "id", "y"), tomb("links", "b", "z/link")];
        let together = Tomb::together(all);
        let told = |tomb: &Tomb| (tomb.gone.clone(), tomb.key.len(), tomb.levels.len());
        let told: Vec<_> = together.iter().map(told).collect();
        assert_eq!(told, [("links_gone".to_owned(), 2, 2), ("tags_gone".to_owned(), 1, 1)]);
    }

    fn address(url: &str) -> Address {
        Address { url: Secret::plain(url), password: None, schema: None, ca_file: None }
    }

    /// A trigger's own database is where MySQL looks for what names none.
    #[test]
    fn each_table_of_mysql_names_its_database() {
        let server = Server::Mysql(address("mysql://u:p@h:3306/front%20end?ssl-mode=disabled"));
        let tomb = Tomb { gone: "orders_gone".to_owned(), ..tomb("billing.orders", "id", "") };
        let sql = tomb.statements(&server);
        for part in [
            "CREATE TABLE `front end`.`orders_gone` (",
            "CREATE TRIGGER `billing`.`orders_gone_delete` AFTER DELETE ON `billing`.`orders`",
            "INSERT INTO `front end`.`orders_gone` (`id`) VALUES (OLD.`id`);",
        ] {
            assert!(sql.contains(part), "{part}: {sql}");
        }
        assert!(!sql.contains(" `orders_gone`"), "{sql}");
    }

    #[test]
    fn names_leave_neither_comments_nor_quotes() {
        let server = Server::Sqlite { path: "s.db".into() };
        let sql = tomb("x\nDROP TABLE y;\"", "id", "").statements(&server);
        let mut lines = sql.lines().map(str::trim_start).filter(|line| !line.starts_with("--"));
        assert!(lines.next().unwrap().starts_with("CREATE TABLE \"x"), "{sql}");
        assert!(sql.contains("DROP TABLE y;\"\"_gone\""), "{sql}");
        assert!(!sql.contains("y;\" "), "{sql}");
    }
}
