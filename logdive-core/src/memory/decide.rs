//! Deciding with a function.

use std::fmt;

use crate::port::{Decide, Needs};
use crate::{Decision, Facts, Ticket};

type DecideFn = dyn Fn(&Ticket, &Facts) -> Decision + Send + Sync;

/// Decides with a function, for decisions that are better written in Rust.
pub struct FnDecide {
    needs: Needs,
    decide: Box<DecideFn>,
}

impl FnDecide {
    /// What it needs, and the function. The digest in `needs` must change with the function.
    #[must_use]
    pub fn new(
        needs: Needs,
        decide: impl Fn(&Ticket, &Facts) -> Decision + Send + Sync + 'static,
    ) -> Self {
        Self { needs, decide: Box::new(decide) }
    }
}

impl fmt::Debug for FnDecide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnDecide").field("needs", &self.needs).finish_non_exhaustive()
    }
}

impl Decide for FnDecide {
    fn needs(&self) -> Needs {
        self.needs.clone()
    }

    fn decide(&self, ticket: &Ticket, facts: &Facts) -> Decision {
        (self.decide)(ticket, facts)
    }
}
