//! Takes the time: wall clock and CPU seconds between two moments, and of a program from its start to its end.
//!
//! It knows the processes of the servers by their numbers and changes nothing.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::measure::{Cpu, Measure};
use super::processes;

/// How often a running program is looked at: its peak may be missed by what it takes in its last such moment.
const LOOK: Duration = Duration::from_millis(10);
const LINES_OF_LOG: usize = 15;

/// The processes that serve, by number; each stands for all that it started.
#[derive(Clone)]
pub(crate) struct Servers {
    pub(crate) engine: u32,
    pub(crate) databases: Vec<u32>,
}

/// A measurement under way.
pub(crate) struct Meter<'a> {
    servers: &'a Servers,
    begun: Instant,
    before: Spent,
}

struct Spent {
    engine: f64,
    databases: f64,
    children: f64,
    machine: f64,
}

impl Servers {
    fn spent(&self) -> Result<Spent> {
        let databases = self.databases.iter().map(|pid| processes::cpu_seconds(*pid));
        Ok(Spent {
            engine: processes::cpu_seconds(self.engine)?,
            databases: databases.sum::<Result<f64>>()?,
            children: processes::ended_children()?,
            machine: processes::machine_busy()?,
        })
    }
}

impl<'a> Meter<'a> {
    pub(crate) fn start(servers: &'a Servers) -> Result<Self> {
        Ok(Self { servers, before: servers.spent()?, begun: Instant::now() })
    }

    /// What it took since the start. Programs that were run meanwhile must have ended.
    pub(crate) fn stop(self, documents: u64) -> Result<Measure> {
        let seconds = self.begun.elapsed().as_secs_f64();
        let (before, after) = (self.before, self.servers.spent()?);
        let mut cpu = Cpu {
            engine: after.engine - before.engine,
            databases: after.databases - before.databases,
            itself: after.children - before.children,
            others: 0.0,
        };
        let known = cpu.engine + cpu.databases + cpu.itself;
        cpu.others = (after.machine - before.machine - known).max(0.0);
        Ok(Measure { documents, seconds, cpu, ..Measure::default() })
    }
}

/// A program that ended well.
pub(crate) struct Ended {
    /// The most memory it had in RAM, in bytes.
    pub(crate) peak: Option<u64>,
    /// What it wrote to stdout.
    pub(crate) output: String,
}

/// Runs a program to its end. What it says goes to files in `folder`; the end of its log is shown when it fails.
pub(crate) fn run(command: &mut Command, folder: &Path) -> Result<Ended> {
    let program = PathBuf::from(command.get_program());
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (out, log) = (folder.join(format!("{name}.out")), folder.join(format!("{name}.log")));
    let create =
        |path: &Path| File::create(path).with_context(|| format!("creating `{}`", path.display()));
    command.stdin(Stdio::null()).stdout(create(&out)?).stderr(create(&log)?);
    let mut child = command.spawn().with_context(|| format!("starting `{}`", program.display()))?;
    let mut peak = None;
    let status = loop {
        peak = processes::peak_memory(child.id()).or(peak);
        if let Some(status) = child.try_wait().with_context(|| format!("waiting for `{name}`"))? {
            break status;
        }
        sleep(LOOK);
    };
    if !status.success() {
        let said = fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().rev().take(LINES_OF_LOG).collect();
        let end: Vec<&str> = lines.into_iter().rev().collect();
        bail!("`{name}` failed ({status}); the end of {}:\n{}", log.display(), end.join("\n"));
    }
    let output =
        fs::read_to_string(&out).with_context(|| format!("reading `{}`", out.display()))?;
    Ok(Ended { peak, output })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{Meter, Servers, run};

    #[test]
    fn what_a_program_said_and_used_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let own = std::process::id();
        let servers = Servers { engine: own, databases: vec![own] };
        let meter = Meter::start(&servers).unwrap();
        let mut busy = Command::new("sh");
        busy.args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done; echo done"]);
        let ended = run(&mut busy, folder.path()).unwrap();
        let measure = meter.stop(1).unwrap();
        assert_eq!(ended.output, "done\n");
        assert!(ended.peak.unwrap() > 100_000, "{:?}", ended.peak);
        assert!(measure.cpu.itself > 0.0 && measure.seconds > 0.0, "{measure:?}");
    }

    #[test]
    fn a_program_that_fails_is_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let mut failing = Command::new("sh");
        failing.args(["-c", "echo why it failed >&2; exit 7"]);
        let error = format!("{:#}", run(&mut failing, folder.path()).err().unwrap());
        assert!(error.contains("why it failed") && error.contains('7'), "{error}");
        assert!(run(&mut Command::new("/no/such/program"), folder.path()).is_err());
    }
}
