//! The memory that a run of the real program takes, and what its configured sizes allow it.

use std::process::Stdio;
use std::time::Duration;

use crate::support::home::{Home, Ran};

pub(super) const MIB: usize = 1 << 20;

/// A run that has ended, and the most bytes of memory it had in use.
pub(super) struct Measured {
    pub(super) ran: Ran,
    pub(super) peak: usize,
}

/// Runs the program to its end, and watches.
pub(super) fn measured(home: &Home, arguments: &[&str]) -> Measured {
    let mut command = home.command(arguments);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let watching = std::thread::spawn(move || {
        let mut peak = 0;
        // A process that has ended has no memory to tell of. The peak never falls, so no look can miss it but those at the
        // very end, when all that is left is to swap.
        while let Some(now) = peak_of(&status) {
            peak = now;
            std::thread::sleep(Duration::from_millis(3));
        }
        peak
    });
    let output = child.wait_with_output().unwrap();
    Measured { ran: home.ran(&output), peak: watching.join().unwrap() }
}

/// The bytes of memory that a process has in use.
pub(super) fn now_of(process: u32) -> usize {
    told_of(&format!("/proc/{process}/status"), "VmRSS:").expect("a process that runs")
}

fn peak_of(status: &str) -> Option<usize> {
    told_of(status, "VmHWM:")
}

fn told_of(status: &str, name: &str) -> Option<usize> {
    let status = std::fs::read_to_string(status).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024)
}

/// Sizes as they are configured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) page_bytes: usize,
    pub(super) bulk_bytes: usize,
    pub(super) bulk_in_flight: usize,
    pub(super) cache_bytes: usize,
    pub(super) readers: usize,
}

impl Sizes {
    pub(super) fn configured(&self, mut home: Home) -> Home {
        let Self { page_bytes, bulk_bytes, bulk_in_flight, cache_bytes, readers } = self;
        for (name, size) in [
            ("PAGE_BYTES", page_bytes),
            ("BULK_BYTES", bulk_bytes),
            ("BULK_IN_FLIGHT", bulk_in_flight),
            ("CACHE_BYTES", cache_bytes),
            ("READERS", readers),
        ] {
            home = home.variable(&format!("PREJOIN__LOAD__{name}"), &size.to_string());
        }
        home
    }
}

/// The widest that there is in the services.
#[derive(Debug, Clone, Copy)]
pub(super) struct Widest {
    /// Bytes of a row.
    pub(super) row: usize,
    /// Bytes of a document.
    pub(super) document: usize,
}

/// Rows that a server's driver holds for one statement: those ahead of us, and the one that we are at.
const ROWS_OF_A_DRIVER: usize = 10;

impl Sizes {
    /// The most bytes that a run may take beyond what it takes for next to nothing.
    ///
    /// Each reader has four pages of its share: one of roots that waits, one of which a part is being joined, that part, and
    /// one that becomes documents; each may pass its bound by one row. Each body, filled or on its way, may pass its bound
    /// by one document. What was freed goes back to the system at once (`.cargo/config.toml`), so nothing is added for it.
    pub(super) fn allow(&self, widest: Widest) -> usize {
        let pages = 4 * (self.page_bytes + self.readers * widest.row);
        let drivers = self.readers * ROWS_OF_A_DRIVER * widest.row;
        let bodies = (self.readers + self.bulk_in_flight) * (self.bulk_bytes + widest.document);
        pages + drivers + bodies + self.cache_bytes
    }
}
