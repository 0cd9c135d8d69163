//! How much an analysis may cost.

use crate::limits;

/// How much an analysis may cost. What does not fit is reported as undecided.
///
/// ```
/// use logdive_rules::Budget;
///
/// let quick = Budget::default().conflicts(1_000);
/// assert!(quick != Budget::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    pub(crate) conflicts: u64,
    pub(crate) product: usize,
    pub(crate) steps: usize,
    pub(crate) cells: usize,
}

/// The limits of [`limits`].
impl Default for Budget {
    fn default() -> Self {
        Self {
            conflicts: limits::CONFLICTS,
            product: limits::TEXT_PRODUCT,
            steps: limits::TEXT_STEPS,
            cells: limits::CELL_WORK,
        }
    }
}

impl Budget {
    /// Most conflicts of the solver in one question.
    #[must_use]
    pub const fn conflicts(mut self, most: u64) -> Self {
        self.conflicts = most;
        self
    }

    /// Most states that the tests of one text entry are run through side by side, and for each
    /// the usual number of steps.
    #[must_use]
    pub const fn text_states(mut self, most: usize) -> Self {
        self.product = most;
        self.steps = most.saturating_mul(limits::TEXT_STEPS / limits::TEXT_PRODUCT);
        self
    }

    /// Most answers of terms that are computed to find cells.
    #[must_use]
    pub const fn cell_work(mut self, most: usize) -> Self {
        self.cells = most;
        self
    }
}
