//! The engine's ceiling: documents that lie ready are sent by as many curl processes as are asked for.
//!
//! Nobody reads, joins or builds anything meanwhile, so what is reached with the best setting is taken for what the engine
//! can take in. It is this client's best, and no proof that nothing is faster: each request is a curl process of its own, on
//! the processors that the engine uses too, and each setting is tried once. Shares no code with prejoin.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread::ScopedJoinHandle;

use anyhow::{Context, Result, bail, ensure};

use serde_json::Value;

use super::engine::PREFIX;
use super::measure::Measure;
use super::meter::Meter;
use super::stage::Stage;

/// Ready-made documents, cut into bodies of requests.
pub(crate) struct Pieces {
    folder: tempfile::TempDir,
    files: Vec<PathBuf>,
    /// How many they are.
    pub(crate) documents: u64,
    /// Their size, with the actions.
    pub(crate) bytes: u64,
    /// Size at which a piece ends, in MB.
    pub(crate) megabytes: usize,
    /// Settings and mappings of the index that they are for.
    mapping: Value,
}

impl Pieces {
    /// Cuts a file in `_bulk` format, two lines for each document, into files beside it. They go with the value.
    pub(crate) fn cut(documents: &Path, mapping: Value, megabytes: usize) -> Result<Self> {
        let reading = || format!("reading `{}`", documents.display());
        let mut source =
            BufReader::with_capacity(1 << 20, File::open(documents).with_context(reading)?);
        let beside = documents.parent().with_context(reading)?;
        let folder = tempfile::tempdir_in(beside).context("making a folder for pieces")?;
        let mut pieces =
            Self { folder, files: Vec::new(), documents: 0, bytes: 0, megabytes, mapping };
        let mut document = Vec::new();
        let mut file: Option<(BufWriter<File>, usize)> = None;
        loop {
            document.clear();
            source.read_until(b'\n', &mut document).with_context(reading)?;
            if document.is_empty() {
                break;
            }
            source.read_until(b'\n', &mut document).with_context(reading)?;
            let (writer, size) = match &mut file {
                Some(open) => open,
                none => none.insert((pieces.next()?, 0)),
            };
            writer.write_all(&document).context("writing a piece")?;
            *size += document.len();
            pieces.documents += 1;
            pieces.bytes += document.len() as u64;
            if *size >= megabytes * 1_000_000
                && let Some((mut full, _)) = file.take()
            {
                full.flush().context("writing a piece")?;
            }
        }
        if let Some((mut last, _)) = file {
            last.flush().context("writing a piece")?;
        }
        Ok(pieces)
    }

    fn next(&mut self) -> Result<BufWriter<File>> {
        let path = self.folder.path().join(format!("{:05}", self.files.len()));
        let file = File::create(&path).context("creating a piece")?;
        self.files.push(path);
        Ok(BufWriter::with_capacity(1 << 20, file))
    }
}

/// Sends all pieces into a fresh index, `in_flight` requests at a time, and makes the documents visible.
pub(crate) fn run(stage: &Stage, pieces: &Pieces, in_flight: usize) -> Result<Measure> {
    let (engine, index) = (&stage.engine, &format!("{PREFIX}ceiling"));
    stage.clear()?;
    let meter = Meter::start(&stage.servers)?;
    engine.create(index, pieces.mapping.clone())?;
    let errors = "filter_path=errors,error.type,items.*.error.type";
    let url = format!("{}/{index}/_bulk?{errors}", engine.url());
    let waiting = Mutex::new(pieces.files.iter());
    let next = || waiting.lock().ok().and_then(|mut files| files.next());
    let client = || -> Result<()> {
        while let Some(file) = next() {
            send(&url, file)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..in_flight).map(|_| scope.spawn(client)).collect();
        let mut ended = clients.into_iter().map(ScopedJoinHandle::join);
        ended.try_for_each(|ended| ended.unwrap_or_else(|_| bail!("a client broke down")))
    })
    .and_then(|()| engine.refresh(index))?;
    let measure = meter.stop(pieces.documents)?;
    engine.expect(index, pieces.documents)?;
    Ok(Measure { sent: Some(pieces.bytes), ..measure })
}

fn send(url: &str, file: &Path) -> Result<()> {
    let mut curl = Command::new("curl");
    curl.args([
        "-sS",
        "-X",
        "POST",
        url,
        "-H",
        "Content-Type: application/x-ndjson",
        "-H",
        "Expect:",
    ]);
    curl.arg("--data-binary").arg(format!("@{}", file.display()));
    let output = curl.output().context("starting `curl`")?;
    ensure!(output.status.success(), "curl failed ({}) to send {}", output.status, file.display());
    ensure!(
        output.stdout == br#"{"errors":false}"#,
        "the engine refused documents of {}",
        file.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::Value;

    use super::Pieces;

    #[test]
    fn pieces_hold_whole_documents() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("docs");
        let body = "x".repeat(399_998);
        let text: String = (0..6).map(|id| format!("{id}\n{body}\n")).collect();
        fs::write(&file, &text).unwrap();
        let pieces = Pieces::cut(&file, Value::Null, 1).unwrap();
        let read: Vec<String> =
            pieces.files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        assert_eq!((pieces.documents, pieces.bytes), (6, text.len() as u64));
        // The document that passes the size is the last of its piece.
        assert_eq!(read.iter().map(|piece| piece.lines().count()).collect::<Vec<_>>(), [6, 6]);
        assert_eq!(read.concat(), text);
    }
}
