//! For property tests of rule sets: facts, laws, coverage.

mod coverage;
mod facts;
mod guided;
mod laws;

pub use coverage::{Coverage, Uncovered};
pub use guided::NoSuchFacts;
pub use laws::{Broken, Law};
