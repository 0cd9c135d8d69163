#![doc = include_str!("../README.md")]

mod analysis;
mod backtest;
mod batch;
mod check;
mod compiled;
mod decide;
mod diagnostics;
mod draft;
mod explain;
mod facts;
mod format;
mod keeper;
pub mod limits;
mod places;
mod print;
mod rule;
mod schema;
mod set;
mod standing;
mod statement;
mod suite;
mod syntax;
mod template;
#[cfg(feature = "proptest")]
pub mod testing;
mod verdict;

pub use analysis::{
    Analysis, Budget, Change, Difference, Finding, Fix, Outcome, SchemaChange, codes,
};
pub use backtest::{
    Backtest, BacktestDifference, BacktestError, BacktestKind, BacktestMisfit, BacktestReport,
    BacktestRule, BacktestTotals, Record,
};
pub use batch::{FactBatch, FactBatchError, Verdicts};
pub use diagnostics::RuleErrors;
pub use draft::{
    CapDraft, Condition, DefaultDraft, Draft, DraftError, EffectDraft, FORM, NoAction, RuleDraft,
    SchemaDraft,
};
pub use explain::{Explanation, FactChange, Fate, Nearest, RuleExplanation};
pub use facts::{FactProblem, FactsBuilder, FactsError};
pub use format::format;
pub use keeper::{KeepError, Keeper, Shrinking};
pub use places::Places;
pub use rule::{Argument, Call, Effect, Rule};
pub use set::RuleSet;
pub use statement::{Statement, StatementKind};
pub use suite::{Expected, Suite, SuiteReport, Test, TestReport, Weakness};
pub use template::{Piece, Template};
pub use verdict::{BoundFacts, Verdict};
