//! Computed fields: which rows and which of their fields they are worked out from.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

use super::fit::Values;
use super::level::Level;
use super::names::{Form, Target};
use super::{Node, Planner, label};
use crate::finding::{Code, Finding, Place, did_you_mean};
use crate::job::{At, ComputedFile};
use crate::mapping::Mapping;
use crate::row::Type;

/// A field that is worked out.
#[derive(Debug)]
pub struct Computed {
    /// Its name as JSON: `"settlement_total":`.
    pub label: String,
    /// Its name.
    pub name: String,
    /// How.
    pub aggregate: Aggregate,
}

/// What is worked out.
#[derive(Debug)]
pub enum Aggregate {
    /// Number of rows.
    Count(Path),
    /// Whether there is a row.
    Exists(Path),
    /// Exact sum; 0 of nothing.
    Sum(Path),
    /// Least value; null of nothing.
    Min(Path),
    /// Greatest value; null of nothing.
    Max(Path),
    /// Mean with four more decimals than the values; null of nothing.
    Avg(Path),
    /// Texts, a line each.
    Text(Vec<Path>),
}

/// The way from the root to rows, and to one of their fields.
#[derive(Debug)]
pub struct Path {
    /// Index of the child at each level.
    pub steps: Vec<usize>,
    /// Index of the field in the last node; unused where rows are counted.
    pub field: usize,
    /// Conditions on the rows.
    pub only: Vec<Only>,
}

/// A condition on a row: its field has one of these values.
#[derive(Debug)]
pub struct Only {
    /// Index of the field.
    pub field: usize,
    /// The values.
    pub values: Vec<serde_json::Value>,
}

impl Planner<'_> {
    pub(super) fn computed(
        &mut self,
        root: Option<&Node>,
        mapping: Option<&Mapping>,
    ) -> Vec<Computed> {
        let file = &self.job.file;
        let root_file = &file.root;
        let names = root_file.fields.iter().map(|field| field.name().to_owned());
        let mut siblings: BTreeSet<String> = names
            .chain(root_file.one.keys().cloned())
            .chain(root_file.many.keys().cloned())
            .collect();
        let mut all = Vec::new();
        for (name, computed) in &file.computed {
            let at = (Target::of(mapping), computed.place());
            self.check_name(("", name), Form::Value, at, &mut siblings);
            // Without the tables nothing can be said of the paths.
            let Some(root) = root else { continue };
            if let Some(aggregate) = self.aggregate(computed, root) {
                if let Some(values) = values(&aggregate, root) {
                    self.check_values(("", name), values, at);
                }
                all.push(Computed { label: label(name), name: name.clone(), aggregate });
            }
        }
        all
    }

    fn aggregate(&mut self, computed: &At<ComputedFile>, root: &Node) -> Option<Aggregate> {
        let place = computed.place();
        let single = [
            (&computed.count, Aggregate::Count as fn(Path) -> Aggregate, false),
            (&computed.exists, Aggregate::Exists, false),
            (&computed.sum, Aggregate::Sum, true),
            (&computed.min, Aggregate::Min, true),
            (&computed.max, Aggregate::Max, true),
            (&computed.avg, Aggregate::Avg, true),
        ];
        let given: Vec<_> = single
            .into_iter()
            .filter_map(|(path, make, field)| path.as_ref().map(|path| (path, make, field)))
            .collect();
        match (given.as_slice(), &computed.text) {
            ([(path, make, field)], None) => self.path(path, *field, (computed, root)).map(make),
            ([], Some(paths)) if !paths.is_empty() => {
                let paths: Vec<_> =
                    paths.iter().map(|path| self.path(path, true, (computed, root))).collect();
                paths.into_iter().collect::<Option<Vec<_>>>().map(Aggregate::Text)
            }
            _ => {
                let finding = Finding::error("a computed field has exactly one kind")
                    .code(Code::Computed)
                    .hint("one of count, sum, min, max, avg, exists, text");
                self.report(finding, place);
                None
            }
        }
    }

    fn path(
        &mut self,
        text: &str,
        to_field: bool,
        (computed, root): (&At<ComputedFile>, &Node),
    ) -> Option<Path> {
        let place = computed.place();
        let mut names: Vec<&str> = text.split('.').collect();
        let field = if to_field { names.pop() } else { None };
        let (mut node, mut level) = (root, Level::of_root(&self.job.file.root));
        let mut steps = Vec::new();
        for name in names {
            let Some(below) = level.one.get(name).or_else(|| level.many.get(name)) else {
                let known = level.one.keys().chain(level.many.keys()).map(String::as_str);
                let finding = Finding::error(format!("`{text}`: there is no relation `{name}`"))
                    .code(Code::Computed)
                    .hint(did_you_mean(name, known));
                self.report(finding, place);
                return None;
            };
            // A relation of the job that is not in the plan has a finding of its own.
            let step = node.children.iter().position(|child| child.name == name)?;
            steps.push(step);
            node = node.children.get(step)?;
            level = Level::of_relation(below);
        }
        let field = match field {
            Some(name) => self.field_of(node, name, text, place)?,
            None => 0,
        };
        let only = computed.only.iter().flatten().map(|(name, value)| {
            let field = self.field_of(node, name, text, place)?;
            let values = match value {
                serde_json::Value::Array(values) => values.iter().map(composed).collect(),
                value => vec![composed(value)],
            };
            Some(Only { field, values })
        });
        let only = only.collect::<Option<Vec<_>>>()?;
        Some(Path { steps, field, only })
    }

    fn field_of(
        &mut self,
        node: &Node,
        name: &str,
        text: &str,
        place: Option<Place>,
    ) -> Option<usize> {
        let found = node.fields.iter().position(|field| field.name == name);
        let finding = match found.and_then(|index| node.fields.get(index)) {
            Some(field) if field.mask => {
                Finding::error(format!("`{text}`: `{name}` is masked and cannot be computed with"))
            }
            Some(_) => return found,
            None => Finding::error(format!("`{text}`: there is no field `{name}`"))
                .hint(did_you_mean(name, node.fields.iter().map(|field| field.name.as_str()))),
        };
        self.report(finding.code(Code::Computed), place);
        None
    }
}

/// What is known of the values of an aggregate; `None` when its field is not known.
fn values<'n>(aggregate: &Aggregate, root: &'n Node) -> Option<Values<'n>> {
    let known = |ty| Some(Values { ty, native: "", certain: true });
    let of = |path: &Path| {
        let node = path.steps.iter().try_fold(root, |node, &step| node.children.get(step))?;
        let field = node.fields.get(path.field)?;
        Some(Values { ty: node.gives(field)?, native: "", certain: field.cast.is_some() })
    };
    match aggregate {
        Aggregate::Count(_) => known(Type::Integer),
        Aggregate::Exists(_) => known(Type::Bool),
        Aggregate::Avg(_) => known(Type::Decimal),
        Aggregate::Text(_) => known(Type::Text),
        Aggregate::Sum(path) | Aggregate::Min(path) | Aggregate::Max(path) => of(path),
    }
}

/// A condition's value in the form in which documents hold texts.
fn composed(value: &serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::String(text) => text.nfc().collect::<String>().into(),
        other => other.clone(),
    }
}
