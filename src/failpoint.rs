//! Points of a run at which a test may hold the program, to kill it there, to freeze it or to change the world meanwhile.
//!
//! `PREJOIN_FAILPOINT=after_bulk:3` names a point and which arrival at it (the first when left out; `3+7` for two of them). The
//! program then writes the file that `PREJOIN_FAILPOINT_HELD` names, and goes on when it is gone. Promises: without the feature `failpoints`, which no
//! release has, reaching a point is nothing. What it changes beside is how many keys an incremental run remembers
//! (`sync::rounds`), and how many of what differs a look gathers (`sync::verify`). Never ends or fails a run by itself.

/// Where a run can be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// Roots were read with all that belongs to them; nothing of them is written.
    AfterRead,
    /// Documents of an index were looked for in the services by their ids.
    AfterIds,
    /// A bulk was answered; nobody knows its outcomes yet.
    AfterBulk,
    /// What was read is written; horizons, or a checkpoint, are not.
    BeforeAdvance,
    /// A new index is loaded and counted; it is not in step with what has changed meanwhile.
    BeforeCatchUp,
    /// All is ready for readers to change over.
    BeforeSwap,
    /// They have changed over; nothing was noted of it.
    AfterSwap,
}

/// Nothing.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn reach(_: Point) -> std::future::Ready<()> {
    std::future::ready(())
}

#[cfg(feature = "failpoints")]
pub(crate) use held::reach;

#[cfg(feature = "failpoints")]
mod held {
    use std::path::PathBuf;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::Point;

    /// Between two looks at whether the file is still there.
    const PAUSE: Duration = Duration::from_millis(2);

    static HOLD: LazyLock<Option<Hold>> = LazyLock::new(|| {
        let told = std::env::var("PREJOIN_FAILPOINT").ok()?;
        let file = std::env::var_os("PREJOIN_FAILPOINT_HELD").map(PathBuf::from);
        let hold = parse(&told).zip(file).map(|((point, arrivals), file)| Hold {
            point,
            arrivals,
            arrived: AtomicU64::new(0),
            file,
        });
        if hold.is_none() {
            tracing::error!(
                "PREJOIN_FAILPOINT is not like `after_bulk:3`, or PREJOIN_FAILPOINT_HELD names no file: nothing is held"
            );
        }
        hold
    });

    struct Hold {
        point: Point,
        arrivals: Vec<u64>,
        arrived: AtomicU64,
        file: PathBuf,
    }

    /// Waits here for as long as the test wants it.
    pub(crate) async fn reach(point: Point) {
        let Some(hold) = HOLD.as_ref().filter(|hold| hold.point == point) else { return };
        if !hold.arrivals.contains(&(hold.arrived.fetch_add(1, Ordering::Relaxed) + 1)) {
            return;
        }
        if let Err(error) = std::fs::write(&hold.file, "") {
            tracing::error!(%error, "PREJOIN_FAILPOINT_HELD cannot be written: nothing is held");
        }
        while hold.file.exists() {
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A point and the arrivals at it that are meant.
    fn parse(told: &str) -> Option<(Point, Vec<u64>)> {
        let (name, arrivals) = told.split_once(':').unwrap_or((told, "1"));
        let point = match name {
            "after_read" => Point::AfterRead,
            "after_ids" => Point::AfterIds,
            "after_bulk" => Point::AfterBulk,
            "before_advance" => Point::BeforeAdvance,
            "before_catch_up" => Point::BeforeCatchUp,
            "before_swap" => Point::BeforeSwap,
            "after_swap" => Point::AfterSwap,
            _ => return None,
        };
        let arrivals = arrivals.split('+').map(|told| told.parse().ok().filter(|told| *told > 0));
        Some((point, arrivals.collect::<Option<_>>()?))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_point_is_told_with_an_arrival() {
            assert_eq!(parse("after_bulk:3"), Some((Point::AfterBulk, vec![3])));
            assert_eq!(parse("after_ids:3+7"), Some((Point::AfterIds, vec![3, 7])));
            assert_eq!(parse("before_swap"), Some((Point::BeforeSwap, vec![1])));
            for wrong in
                ["", "after_lunch", "after_read:", "after_read:0", "after_read:x", "after_read:1+"]
            {
                assert_eq!(parse(wrong), None, "{wrong}");
            }
        }
    }
}
