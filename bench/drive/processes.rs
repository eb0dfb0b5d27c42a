//! What the kernel says of processes: CPU time of one with all that it started, and the most memory it had.
//!
//! It only reads `/proc`, so it is for Linux. A process that is gone has no figures, and that is no error: processes
//! end while they are looked at, and their CPU time passes to the one that started them.

use std::collections::HashMap;
use std::fs;

use anyhow::{Context, Result};

/// Ticks a second in what `/proc` tells; the kernel shows 100 to every program, whatever its own clock does.
const TICKS: f64 = 100.0;

/// What one line of `/proc/PID/stat` says, in ticks.
#[derive(Debug, PartialEq)]
struct Stat {
    parent: u32,
    own: u64,
    /// Of children that have ended and were waited for.
    ended: u64,
}

/// CPU time of `root` and all its descendants since they began, in seconds; also of those that have ended meanwhile.
pub(crate) fn cpu_seconds(root: u32) -> Result<f64> {
    let all = stats()?;
    let found = all.get(&root).with_context(|| format!("no process has the number {root}"))?;
    let mut ticks = found.own + found.ended;
    for (pid, stat) in &all {
        if *pid != root && descends(*pid, root, &all) {
            ticks += stat.own + stat.ended;
        }
    }
    Ok(seconds(ticks))
}

/// CPU time of this process' children that have ended, in seconds.
pub(crate) fn ended_children() -> Result<f64> {
    let line = fs::read_to_string("/proc/self/stat").context("reading /proc/self/stat")?;
    let stat = parse_stat(&line).context("reading /proc/self/stat")?;
    Ok(seconds(stat.ended))
}

/// CPU time that all processes of this machine have used, and that others took from the machine, in seconds.
pub(crate) fn machine_busy() -> Result<f64> {
    let text = fs::read_to_string("/proc/stat").context("reading /proc/stat")?;
    parse_busy(&text).map(seconds).context("reading /proc/stat")
}

/// The most memory that the process has had in RAM so far, in bytes.
pub(crate) fn peak_memory(pid: u32) -> Option<u64> {
    parse_peak(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn stats() -> Result<HashMap<u32, Stat>> {
    let mut all = HashMap::new();
    for entry in fs::read_dir("/proc").context("listing /proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let line = fs::read_to_string(format!("/proc/{pid}/stat"));
        if let Some(stat) = line.ok().and_then(|line| parse_stat(&line)) {
            all.insert(pid, stat);
        }
    }
    Ok(all)
}

fn descends(pid: u32, root: u32, all: &HashMap<u32, Stat>) -> bool {
    let parents = std::iter::successors(Some(pid), |pid| all.get(pid).map(|stat| stat.parent));
    parents.skip(1).any(|parent| parent == root)
}

/// The name comes in parentheses and may hold anything, so fields are counted from behind it.
fn parse_stat(line: &str) -> Option<Stat> {
    let fields: Vec<&str> = line.rsplit_once(") ")?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: ticks(11)? + ticks(12)?,
        ended: ticks(13)? + ticks(14)?,
    })
}

/// user, nice, system, idle, iowait, irq, softirq, steal: all but the two in which nothing was done.
fn parse_busy(text: &str) -> Option<u64> {
    let fields = text.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let ticks: Vec<u64> = fields.take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
    let all: u64 = ticks.iter().sum();
    Some(all - ticks.get(3)? - ticks.get(4)?)
}

fn parse_peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / TICKS
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{Stat, descends, parse_busy, parse_peak, parse_stat};

    #[test]
    fn a_name_with_parentheses_shifts_nothing() {
        let line = "77 (a) b (c) S 12 77 77 0 -1 4194560 1 2 3 4 150 50 7 3 20 0 9 0 123 456 789";
        assert_eq!(parse_stat(line), Some(Stat { parent: 12, own: 200, ended: 10 }));
        assert_eq!(parse_stat("77 (a) S 12"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn descendants_are_found_at_any_depth() {
        let stat = |parent| Stat { parent, own: 0, ended: 0 };
        let all =
            HashMap::from([(1, stat(0)), (5, stat(1)), (6, stat(5)), (7, stat(6)), (8, stat(1))]);
        let below: Vec<u32> = (1..9).filter(|pid| descends(*pid, 5, &all)).collect();
        assert_eq!(below, [6, 7]);
    }

    #[test]
    fn waiting_is_not_work() {
        let text = "cpu  100 1 50 9000 300 2 3 4 77 88\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
        assert_eq!(parse_busy(text), Some(160));
        assert_eq!(parse_busy("intr 1"), None);
    }

    #[test]
    fn the_peak_is_in_bytes() {
        assert_eq!(parse_peak("Name:\tx\nVmHWM:\t   46000 kB\nVmRSS:\t 1 kB\n"), Some(47_104_000));
        // A zombie has none.
        assert_eq!(parse_peak("Name:\tx\nState:\tZ (zombie)\n"), None);
    }

    #[test]
    fn this_process_has_figures() {
        let own = std::process::id();
        assert!(super::peak_memory(own).unwrap() > 0);
        assert!(super::cpu_seconds(own).unwrap() >= 0.0);
        assert!(super::machine_busy().unwrap() > 0.0);
        assert!(super::cpu_seconds(u32::MAX).is_err());
    }
}
