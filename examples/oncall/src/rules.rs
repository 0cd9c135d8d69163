//! `logdive rules …`: the rule language at the terminal.

use std::process::ExitCode;

use logdive_core::TermTrace;

use crate::args::RulesCommand;
use crate::error::Failure;
use crate::output::Output;

mod backtest;
mod check;
mod diff;
mod eval;
mod explain;
mod facts;
mod file;
pub(crate) mod findings;
mod fmt;
pub(crate) mod place;
mod suite;
mod test;

pub(crate) fn run(command: &RulesCommand, output: &Output) -> Result<ExitCode, Failure> {
    match command {
        RulesCommand::Check(args) => check::run(args, output),
        RulesCommand::Fmt(args) => Ok(fmt::run(args, output)),
        RulesCommand::Test(args) => test::run(args, output),
        RulesCommand::Eval(args) => eval::run(args, output),
        RulesCommand::Explain(args) => explain::run(args, output),
        RulesCommand::Diff(args) => diff::run(args, output),
        RulesCommand::Backtest(args) => backtest::run(args, output),
    }
}

/// Terms of a condition, each with its truth and the value it read.
pub(crate) fn terms(terms: &[TermTrace], output: &Output) {
    eval::terms(terms, "", output);
}

/// The exit code of a command that answers a question.
const fn answer(yes: bool) -> ExitCode {
    if yes { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
