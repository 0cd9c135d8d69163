#![doc = include_str!("../README.md")]

mod check;
mod decide;
mod diagnostics;
mod facts;
pub mod limits;
mod print;
mod rule;
mod schema;
mod set;
mod syntax;
mod template;
#[cfg(feature = "proptest")]
mod testing;

pub use diagnostics::RuleErrors;
pub use facts::{FactProblem, FactsBuilder, FactsError};
pub use rule::{Argument, Call, Effect, Rule};
pub use set::RuleSet;
pub use template::{Piece, Template};
