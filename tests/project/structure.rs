//! Dependencies run one way.

use std::path::{Path, PathBuf};

/// Modules from the ground up; each may use those before it, and itself. Modules of one line do not use each other.
const ORDER: &[&[&str]] = &[
    &["finding", "failpoint"],
    &["yaml"],
    &["row", "config", "times"],
    &["job", "mapping"],
    &["source"],
    &["plan"],
    &["render", "trace"],
    &["hydrate"],
    &["assemble"],
    &["sink"],
    &["state"],
    &["sync"],
    &["query"],
    &["access"],
    &["api"],
    &["run"],
    &["cli"],
];

fn level(module: &str) -> Option<usize> {
    ORDER.iter().position(|level| level.contains(&module))
}

fn rust_files(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
}

/// The module that a file below `src/` belongs to.
fn module_of(file: &Path, src: &Path) -> String {
    let relative = file.strip_prefix(src).unwrap();
    let first = relative.components().next().unwrap();
    first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// Modules named after `crate::` in a file, its unit tests left out.
fn used(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.split("crate::")
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .filter(|name: &String| !name.is_empty())
        .collect()
}

#[test]
fn dependencies_run_one_way() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| file.file_name().unwrap() != "tests.rs") {
        let module = module_of(file, &src);
        if matches!(module.as_str(), "lib" | "main") {
            continue;
        }
        let own =
            level(&module).unwrap_or_else(|| panic!("`{module}` is not in the order of modules"));
        let text = std::fs::read_to_string(file).unwrap();
        assert!(!text.contains("use crate::{"), "{}: name one module in each line", file.display());
        for name in used(&text) {
            let Some(other) = level(&name) else { continue };
            if name != module && other >= own {
                wrong.push(format!("{} uses {name}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "against the order:\n{}", wrong.join("\n"));
}
