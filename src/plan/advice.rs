//! What will work, and will be slow or miss something: indexes, and changes and deletes that cannot be seen.

use super::Planner;
use super::columns::ColumnSet;
use super::level::Level;
use super::relation::Spot;
use crate::config::{Server, SourceConfig};
use crate::finding::{Code, Finding, Place};
use crate::job::{At, ChangedAt, ThroughFile};
use crate::row::{Match, TableInfo, Type};

/// A table in whose indexes something is looked for.
pub(super) struct Indexed<'i> {
    pub(super) info: &'i TableInfo,
    /// As the job names it; `None` for a query.
    pub(super) table: Option<&'i str>,
    pub(super) server: &'i Server,
}

/// How the columns of an index have to stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// First, in any order.
    Equality,
    /// First, in this order.
    Order,
}

impl Indexed<'_> {
    /// The statement that would make an index on these columns.
    fn statement(&self, columns: &[String]) -> Option<String> {
        let list: Vec<String> = columns.iter().map(|name| quoted(self.server, name)).collect();
        self.made(columns, &list.join(", "))
    }

    fn made(&self, name: &[String], what: &str) -> Option<String> {
        let table = self.table?;
        let plain = table.rsplit('.').next().unwrap_or(table);
        let name = format!("{plain}_{}", name.join("_")).to_lowercase();
        let parts: Vec<String> = table.split('.').map(|part| quoted(self.server, part)).collect();
        Some(format!("CREATE INDEX {} ON {} ({what})", quoted(self.server, &name), parts.join(".")))
    }

    fn serves(&self, names: &[String], wanted: Wanted) -> bool {
        // Of what lies below a view nothing is known.
        self.info.derived
            || self.info.indexes.iter().any(|index| match wanted {
                Wanted::Order => index.starts_with(names),
                Wanted::Equality => {
                    let leading = index.get(..names.len()).unwrap_or(index);
                    leading.len() == names.len() && names.iter().all(|name| leading.contains(name))
                }
            })
            // What finds one row needs no more columns.
            || wanted == Wanted::Equality
                && self.info.unique.iter().any(|unique| unique.iter().all(|name| names.contains(name)))
    }
}

impl<'a> Planner<'a> {
    /// The root is read in the order of its key, page by page.
    pub(super) fn advise_key_order(&mut self, level: Level<'a>, set: &ColumnSet<'_>) {
        let key = level.key.map_or(&*set.info.primary_key, |key| key.names()).to_vec();
        let table = set.indexed(false);
        if !key.is_empty() && !table.serves(&key, Wanted::Order) {
            let what = format!(
                "no index of {} begins with {}, its key: every page sorts the whole table",
                set.table,
                listed(&key)
            );
            let finding = missing_index(what, table.statement(&key), Code::MissingKeyIndex);
            self.advise(finding, level.key.map_or(level.table_place(), At::place));
        }
    }

    /// A relation's rows are looked up by these columns for every page.
    pub(super) fn advise_join_index(
        &mut self,
        (set, linked): (&ColumnSet<'_>, bool),
        names: &[String],
        matching: Match,
        place: Option<Place>,
    ) {
        let table = set.indexed(linked);
        let name = set.named(linked);
        if !names.iter().all(|name| table.info.column(name).is_some()) || names.is_empty() {
            return;
        }
        if !table.serves(names, Wanted::Equality) {
            let what = format!(
                "no index of {name} begins with {}: every page reads the whole table",
                listed(names)
            );
            self.advise(missing_index(what, table.statement(names), Code::MissingIndex), place);
        } else if let Some(expression) = self.folded(&table, names, matching) {
            let what = format!(
                "no index of {name} is on {expression}, which this `match` asks for: every page reads the whole table"
            );
            let hint = table.made(&[names.join("_"), "folded".to_owned()], &expression);
            self.advise(missing_index(what, hint, Code::MissingIndex), place);
        }
    }

    /// The expression that is looked up in place of a column's texts, unless there is an index on such.
    fn folded(&self, table: &Indexed<'_>, names: &[String], matching: Match) -> Option<String> {
        let name = names.iter().find(|name| {
            let ty = table.info.column(name).map(|column| column.ty);
            matches!(ty, Some(Type::Text | Type::Enum | Type::Other))
        })?;
        let expression = match matching {
            _ if table.info.derived || matches!(table.server, Server::Mysql(_)) => return None,
            Match::Text => format!("rtrim({name})"),
            Match::Nocase => format!("lower(rtrim({name}))"),
            _ => return None,
        };
        let parts = |text: &str| {
            let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
            words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect::<Vec<_>>()
        };
        let wanted = parts(&expression);
        let known = |made: &String| {
            let made = parts(made);
            wanted.iter().all(|word| made.contains(word))
        };
        (!table.info.expressions.iter().any(known)).then_some(expression)
    }

    /// What tells of a level's changed and deleted rows.
    pub(super) fn advise_changes(
        &mut self,
        level: Level<'a>,
        spot: &Spot<'_>,
        set: &ColumnSet<'_>,
    ) {
        let name = match spot.path.as_str() {
            "" => "the root".to_owned(),
            path => format!("`{path}`"),
        };
        self.advise_changed_at((set, false), level.changed_at, &name, level.table_place());
        if level.tombstones.is_none() && !level.is_told() {
            let hint = "deleted_at:, where: or tombstones: tell (`prejoin check --tombstone-sql` prints how to make these); else full loads find what is gone";
            self.advise(
                unseen(Code::UnseenDeletes, format!("deletes in {name} cannot be seen"), hint),
                level.table_place(),
            );
        }
    }

    /// As [`Planner::advise_changes`], for links.
    pub(super) fn advise_link(
        &mut self,
        through: &At<ThroughFile>,
        path: &str,
        set: &ColumnSet<'_>,
    ) {
        let (name, place) = (format!("the links of `{path}`"), through.table.place());
        self.advise_changed_at((set, true), through.changed_at.as_ref(), &name, place);
        if through.tombstones.is_none() {
            let what = format!(
                "{name}: what is deleted, or moves to another row above, cannot be seen there"
            );
            let hint = "tombstones: tell (`prejoin check --tombstone-sql` prints how to make them); else full loads find what is gone";
            self.advise(unseen(Code::UnseenDeletes, what, hint), place);
        }
        let (linked, here): (Vec<String>, Vec<String>) =
            through.to.iter().map(|(linked, here)| (linked.clone(), here.clone())).unzip();
        if !linked.is_empty() {
            self.advise_join_index((set, false), &here, Match::Exact, through.to.place());
        }
    }

    /// A table of deleted rows is read from a time on.
    pub(super) fn advise_gone_index(
        &mut self,
        (source, told): (&SourceConfig, &TableInfo),
        (table, at): (&str, &str),
        place: Option<Place>,
    ) {
        let indexed = Indexed { info: told, table: Some(table), server: &source.server };
        let column = [at.to_owned()];
        if !indexed.serves(&column, Wanted::Order) {
            let what = format!(
                "no index of table `{table}` of source `{}` begins with {}: every incremental run reads the whole table",
                source.name,
                listed(&column)
            );
            let statement = indexed.statement(&column);
            self.advise(missing_index(what, statement, Code::MissingChangedAtIndex), place);
        }
    }

    fn advise_changed_at(
        &mut self,
        (set, linked): (&ColumnSet<'_>, bool),
        changed_at: Option<&At<ChangedAt>>,
        name: &str,
        place: Option<Place>,
    ) {
        let Some(changed_at) = changed_at else {
            let what = format!("changes in {name} cannot be seen");
            let hint = "changed_at: the column that tells when a row last changed, or none, to have all of them compared";
            return self.advise(unseen(Code::UnseenChanges, what, hint), place);
        };
        let ChangedAt::Columns(names) = &**changed_at else { return };
        let table = set.indexed(linked);
        let names = names.iter().map(|changed| &changed.column);
        for column in names.filter(|name| table.info.column(name).is_some()) {
            let column = std::slice::from_ref(column);
            if !table.serves(column, Wanted::Order) {
                let what = format!(
                    "no index of {} begins with {}: every incremental run reads the whole table",
                    set.named(linked),
                    listed(column)
                );
                let finding =
                    missing_index(what, table.statement(column), Code::MissingChangedAtIndex);
                self.advise(finding, changed_at.place());
            }
        }
    }
}

fn missing_index(what: String, statement: Option<String>, code: Code) -> Finding {
    let finding = Finding::warning(what).code(code);
    match statement {
        Some(statement) => finding.hint(statement),
        None => finding,
    }
}

fn unseen(code: Code, what: String, hint: &str) -> Finding {
    Finding::warning(what).code(code).hint(hint)
}

/// A name in a statement for people: quoted where it has to be.
fn quoted(server: &Server, name: &str) -> String {
    let simple = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.chars().all(simple) { name.to_owned() } else { quote(server, name) }
}

/// A name in its server's quotes.
pub(super) fn quote(server: &Server, name: &str) -> String {
    match server {
        Server::Mysql(_) => format!("`{}`", name.replace('`', "``")),
        Server::Postgres(_) | Server::Sqlite { .. } => {
            format!("\"{}\"", name.replace('"', "\"\""))
        }
    }
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
