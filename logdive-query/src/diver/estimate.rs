//! What a dive would read, told before it reads anything.

use std::fmt;

#[cfg(feature = "lake")]
use logdive_core::Window;
use logdive_core::port::{Budget, DiveError};

use super::Diver;
use super::open::{Versions, Wanted};
#[cfg(feature = "lake")]
use crate::files::ScanFile;

/// What a dive would read of its lakes, by the log alone: files whose times meet its windows, each
/// in proportion to the time that is looked at. What foreign layers would send is not known
/// before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Estimate {
    /// Files that may be opened.
    pub files: u64,
    /// Lines in the windows, baselines among them.
    pub rows: u64,
    /// Bytes of files, as they are compressed.
    pub bytes: u64,
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, rows, bytes } = self;
        write!(f, "about {rows} lines and {bytes} bytes in {files} files")
    }
}

impl Estimate {
    /// Estimates what is asked of layers: that of the plan, then those of baselines.
    pub(super) fn of(diver: &Diver, versions: &Versions, wanted: &[Wanted]) -> Self {
        #[cfg_attr(not(feature = "lake"), expect(unused_mut, reason = "only lakes are estimated"))]
        let mut estimate = Self::default();
        #[cfg(feature = "lake")]
        for (of_lake, (snapshot, _)) in diver.lakes.iter().zip(&versions.lakes) {
            for wanted in wanted {
                let windows = wanted
                    .iter()
                    .filter(|(name, _)| of_lake.layers.iter().any(|layer| layer.name() == *name))
                    .map(|(_, (window, _))| *window);
                let Some(window) = windows.reduce(|a, b| a.hull(&b)) else { continue };
                for file in snapshot.scan_files(Some(&window)) {
                    estimate.add(&file, &window);
                }
            }
        }
        let _ = (diver, versions, wanted);
        estimate
    }

    #[cfg(feature = "lake")]
    fn add(&mut self, file: &ScanFile, window: &Window) {
        let (rows, bytes) = file.in_window(window);
        self.files += 1;
        self.rows = self.rows.saturating_add(rows);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Whether it is within a budget.
    ///
    /// # Errors
    /// If it is not, with the estimate and the way out.
    pub(super) fn within(&self, budget: &Budget) -> Result<(), DiveError> {
        let over = if self.rows > budget.rows {
            format!("the row budget is {} rows", budget.rows)
        } else if self.bytes > budget.bytes {
            format!("the byte budget is {} bytes", budget.bytes)
        } else {
            return Ok(());
        };
        Err(DiveError::OverBudget(format!(
            "the dive would read {self}; {over}: look at a shorter window, at fewer baselines, or \
             raise the budget"
        )))
    }
}
