//! The project's own files: they must hold what they say.

mod compose;
mod mutants;
mod structure;
mod texts;
