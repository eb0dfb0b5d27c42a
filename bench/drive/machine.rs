//! What the figures were measured on: processor, memory, kernel, and the versions of all that took part.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::stage::Stage;

/// Names and values, for people. `versions` says the same of what this program cannot ask itself.
pub(crate) fn describe(stage: &Stage, versions: &[String]) -> Result<Vec<(String, String)>> {
    let processors = std::thread::available_parallelism().context("counting processors")?;
    let cpu = fs::read_to_string("/proc/cpuinfo").context("reading /proc/cpuinfo")?;
    let memory = fs::read_to_string("/proc/meminfo").context("reading /proc/meminfo")?;
    let kernel =
        fs::read_to_string("/proc/sys/kernel/osrelease").context("reading the kernel's version")?;
    let model = after(&cpu, "model name").unwrap_or("unknown");
    let gibibytes = after(&memory, "MemTotal").map_or(f64::NAN, gibibytes);
    let mut lines = vec![
        ("CPU".to_owned(), format!("{processors} × {model}, shared by all that runs here")),
        ("memory".to_owned(), format!("{gibibytes:.1} GiB")),
        ("kernel".to_owned(), format!("Linux {}", kernel.trim())),
        ("engine".to_owned(), stage.engine.describe()?),
        ("prejoin".to_owned(), version(&stage.prejoin)?),
        ("ceiling".to_owned(), version(Path::new("curl"))?),
    ];
    let named = versions.iter().filter_map(|text| text.split_once('='));
    lines.extend(named.map(|(name, version)| (name.to_owned(), version.to_owned())));
    Ok(lines)
}

/// The first line of what a program says of its version, up to its libraries.
fn version(program: &Path) -> Result<String> {
    let asking = || format!("asking `{}` for its version", program.display());
    let output = Command::new(program).arg("--version").output().with_context(asking)?;
    let text = String::from_utf8(output.stdout).with_context(asking)?;
    let line = text.lines().next().unwrap_or_default();
    Ok(line.split(" (").next().unwrap_or_default().to_owned())
}

/// The value of a line `name : value`.
fn after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start().strip_prefix(':')?.trim())
}

fn gibibytes(kibibytes: &str) -> f64 {
    let number = kibibytes.trim_end_matches("kB").trim().parse::<f64>();
    number.map_or(f64::NAN, |number| number / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::{after, gibibytes};

    #[test]
    fn values_follow_their_names() {
        let text = "processor\t: 0\nmodel name\t: A (R) B\nMemTotal:       24682952 kB\n";
        assert_eq!(after(text, "model name"), Some("A (R) B"));
        assert_eq!(after(text, "absent"), None);
        let memory = after(text, "MemTotal").map(gibibytes).unwrap();
        assert!((memory - 23.5).abs() < 0.1, "{memory}");
    }
}
