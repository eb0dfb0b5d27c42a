//! Which objects can be written once and put into many documents, and in which order references stand.
//!
//! Promises: an object is reusable only when nothing but its own row decides what it is: no list is in it, and no computed
//! field looks into it.

use super::{Aggregate, Computed, Node, Path};

/// Relations of one reusable object at most: as many as a word has bits.
const RELATIONS: usize = 64;

impl Node {
    /// Notes, of this root and all below it, what is reusable, and the order of references.
    pub(super) fn prepare_reuse(&mut self, computed: &[Computed]) {
        let mut texts: Vec<String> =
            self.walk().into_iter().map(|node| format!("{}:", node.path)).collect();
        texts.sort_unstable();
        self.number(&texts);
        self.mark();
        for path in computed.iter().flat_map(|computed| computed.aggregate.paths()) {
            self.look_into(&path.steps);
        }
    }

    fn number(&mut self, texts: &[String]) {
        let text = format!("{}:", self.path);
        self.rank = texts.binary_search(&text).unwrap_or_default();
        self.children.iter_mut().for_each(|child| child.number(texts));
    }

    fn mark(&mut self) {
        self.children.iter_mut().for_each(Self::mark);
        let one = self.join.as_ref().is_some_and(|join| !join.many);
        let whole = self.children.iter().all(|child| child.reusable);
        self.reusable = one && whole && self.walk().len() <= RELATIONS;
    }

    fn look_into(&mut self, steps: &[usize]) {
        self.reusable = false;
        if let Some((&step, rest)) = steps.split_first()
            && let Some(child) = self.children.get_mut(step)
        {
            child.look_into(rest);
        }
    }
}

impl Aggregate {
    /// Where it looks.
    fn paths(&self) -> &[Path] {
        match self {
            Self::Count(path)
            | Self::Exists(path)
            | Self::Sum(path)
            | Self::Min(path)
            | Self::Max(path)
            | Self::Avg(path) => std::slice::from_ref(path),
            Self::Text(paths) => paths,
        }
    }
}
