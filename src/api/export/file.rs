//! Sends a file.
//!
//! Promises: as many bytes as were said, or a body that is broken off.

use std::fs::File;

use tokio::io::AsyncReadExt;

use super::outlet::Outlet;

/// Bytes that are read at a time.
const PIECE: usize = 256 << 10;

/// A file that nobody else can open, from its beginning.
pub(super) struct Made {
    pub(super) file: File,
    pub(super) length: u64,
}

/// Sends all of it; says how that ended.
pub(super) async fn send(made: Made, outlet: &Outlet) -> &'static str {
    let mut file = tokio::fs::File::from_std(made.file);
    let mut left = made.length;
    while left > 0 {
        let mut piece = Vec::with_capacity(PIECE);
        match (&mut file).take(PIECE as u64).read_to_end(&mut piece).await {
            Ok(read @ 1..) => left = left.saturating_sub(read as u64),
            Ok(0) => return "internal",
            Err(error) => {
                tracing::error!(%error, "the file of an export cannot be read");
                return "internal";
            }
        }
        if outlet.send(piece, None).await.is_err() {
            return "client_stalled";
        }
    }
    match outlet.end().await {
        Ok(()) => "complete",
        Err(_) => "client_stalled",
    }
}
