//! What a dive used: time and memory.

use std::time::{Duration, Instant};

/// What a dive used. It differs from run to run, so it is no part of the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Wall time.
    pub time: Duration,
    /// The most memory that the dive's own budget counted at once, in bytes.
    pub held: u64,
    /// By how much the most memory of the whole process rose while it ran, in bytes: what
    /// decoders and buffers took beside what was counted is in it. `None` where the system does
    /// not say; of dives that run at once, each sees the others.
    pub process: Option<u64>,
}

/// A dive that began.
#[derive(Debug)]
pub(super) struct Begun {
    at: Instant,
    resident: Option<u64>,
}

impl Begun {
    pub(super) fn now() -> Self {
        Self { at: Instant::now(), resident: status("VmRSS:") }
    }

    pub(super) fn usage(&self, held: u64) -> Usage {
        let peak = status("VmHWM:");
        Usage {
            time: self.at.elapsed(),
            held,
            process: peak.zip(self.resident).map(|(peak, before)| peak.saturating_sub(before)),
        }
    }
}

/// A size from the system's account of this process (proc(5), `/proc/self/status`), in bytes.
fn status(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}
