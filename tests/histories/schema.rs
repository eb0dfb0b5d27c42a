//! Schemas: tables on some servers, and a job that joins them into documents.
//!
//! Promises: whatever a job reads tells its changes and deletions, so that an incremental run can be right.

use super::server::Kind;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Number,
    Text,
    /// An instant, as the server keeps it best.
    Instant,
}

/// What identifies rows, and what refers to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Number,
    Text,
    /// A number and a text.
    Pair,
}

impl Shape {
    /// Columns of that shape: their names' ends and what they hold.
    fn parts(self) -> &'static [(&'static str, Type)] {
        match self {
            Self::Number => &[("id", Type::Number)],
            Self::Text => &[("code", Type::Text)],
            Self::Pair => &[("branch", Type::Number), ("label", Type::Text)],
        }
    }

    /// Columns whose names begin with `prefix`.
    pub(super) fn columns(self, prefix: &str) -> Vec<Column> {
        let parts = self.parts().iter();
        parts.map(|(end, ty)| Column { name: format!("{prefix}{end}"), ty: *ty }).collect()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) ty: Type,
}

/// Columns that are moved together: a reference, or a value by which rows are found.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) shape: Shape,
    pub(super) columns: Vec<Column>,
}

/// What tells when a row changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dating {
    /// `updated_at`, from the beginning.
    Updated,
    /// `created_at`, and `updated_at` from the first change on.
    CreatedOrUpdated,
}

impl Dating {
    pub(super) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Updated => &["updated_at"],
            Self::CreatedOrUpdated => &["updated_at", "created_at"],
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    /// The server that it is on.
    pub(super) place: usize,
    pub(super) key: Vec<Column>,
    pub(super) groups: Vec<Group>,
    pub(super) dating: Dating,
    pub(super) of: Of,
}

/// What a table is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// Things with values, of a key of that shape. Without tombstones they are only ever marked deleted, and keep their keys.
    Things { shape: Shape, tombstones: bool },
    /// Links: the first group is of what is above, the second of what is linked to it.
    Links,
}

impl Table {
    /// Values that only things have.
    pub(super) const VALUES: [(&'static str, Type); 4] = [
        ("v", Type::Text),
        ("n", Type::Number),
        ("state", Type::Text),
        ("deleted_at", Type::Instant),
    ];

    pub(super) fn has_tombstones(&self) -> bool {
        self.of == Of::Links || matches!(self.of, Of::Things { tombstones: true, .. })
    }

    /// Columns that its tombstones hold.
    pub(super) fn buried(&self) -> &[Column] {
        match self.of {
            Of::Things { .. } => &self.key,
            Of::Links => &self.groups[0].columns,
        }
    }

    /// Columns whose change leaves a tombstone.
    pub(super) fn burying(&self) -> Vec<&Column> {
        match self.of {
            Of::Things { .. } => self.key.iter().collect(),
            Of::Links => self.groups.iter().flat_map(|group| &group.columns).collect(),
        }
    }

    /// All of its columns, each once.
    pub(super) fn columns(&self) -> Vec<Column> {
        let groups = self.groups.iter().flat_map(|group| &group.columns);
        let mut columns = self.key.clone();
        columns.extend(groups.filter(|column| !self.key.contains(column)).cloned());
        let column = |(name, ty): (&str, Type)| Column { name: name.to_owned(), ty };
        if self.of != Of::Links {
            columns.extend(Self::VALUES.map(column));
        }
        columns.extend(self.dating.columns().iter().map(|name| column((name, Type::Instant))));
        columns
    }
}

/// One level of a job.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) table: usize,
    /// How its rows find those above; the root's do not.
    pub(super) join: Option<Join>,
    /// Only rows that are not switched off.
    pub(super) is_filtered: bool,
    /// Only rows that are not marked deleted.
    pub(super) is_soft: bool,
    pub(super) order: Option<&'static str>,
    pub(super) children: Vec<Self>,
}

#[derive(Debug, Clone)]
pub(super) struct Join {
    pub(super) is_many: bool,
    /// Columns above, and those here or in the link table.
    pub(super) on: Vec<(String, String)>,
    pub(super) through: Option<Through>,
    /// Upper and lower case are one.
    pub(super) is_nocase: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Through {
    pub(super) link: usize,
    /// Columns of the link table, and those here.
    pub(super) to: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
pub(super) struct Schema {
    pub(super) places: Vec<Kind>,
    pub(super) tables: Vec<Table>,
    pub(super) root: Node,
}

impl Node {
    /// It and all below.
    pub(super) fn walk(&self) -> Vec<&Self> {
        std::iter::once(self).chain(self.children.iter().flat_map(Self::walk)).collect()
    }

    /// Takes one of the nodes below away, the one at that place of [`Node::walk`]; the root stays.
    pub(super) fn prune(&mut self, at: usize) {
        let mut before = 1;
        for index in 0..self.children.len() {
            let size = self.children[index].walk().len();
            if at == before {
                self.children.remove(index);
                return;
            }
            if at < before + size {
                return self.children[index].prune(at - before);
            }
            before += size;
        }
    }
}
