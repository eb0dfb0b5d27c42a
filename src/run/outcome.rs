//! How a run ended, by the exit code that the same command would have had.

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All is well.
    Clean,
    /// It came to its end; something deserves a look.
    Look,
    /// It could not begin.
    NotStarted,
    /// Another process is at it: no failure.
    Held,
    /// It stopped on the way.
    Stopped,
    /// It was asked to stop.
    Interrupted,
}

impl Outcome {
    /// What an exit code says.
    pub fn of(code: u8) -> Self {
        match code {
            0 => Self::Clean,
            1 => Self::Look,
            2 => Self::NotStarted,
            3 => Self::Held,
            128.. => Self::Interrupted,
            _ => Self::Stopped,
        }
    }

    /// The exit code; `None` where it is that of the signal.
    pub fn code(self) -> Option<u8> {
        match self {
            Self::Clean => Some(0),
            Self::Look => Some(1),
            Self::NotStarted => Some(2),
            Self::Held => Some(3),
            Self::Stopped => Some(4),
            Self::Interrupted => None,
        }
    }

    /// What it means, in a few words.
    pub fn means(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Look => "finished, with something to look at",
            Self::NotStarted => "not started",
            Self::Held => "another run is at it",
            Self::Stopped => "stopped on the way, nothing is lost",
            Self::Interrupted => "stopped on request",
        }
    }

    /// Whether the index is in step afterwards.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Clean | Self::Look)
    }

    /// Whether the job has failed.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::NotStarted | Self::Stopped)
    }
}

/// What a run leaves behind.
#[derive(Debug, Clone)]
pub struct Done {
    /// How it ended.
    pub outcome: Outcome,
    /// What it has to say, in one line, for the log.
    pub told: String,
}
