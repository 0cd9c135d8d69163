//! `logdive rules …`

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// Check rule files, and prove what holds whatever the facts.
    ///
    /// Finds rules that can never decide, conflicts, gaps in what is to be covered, automatic
    /// decisions that must not be, each with facts that show it and a way out. Exit code 0:
    /// nothing is an error; 1: something is.
    Check(RulesCheck),
    /// Lay rule files out as all are laid out.
    ///
    /// Each file is replaced in one step. Exit code 0: done; 1: a file cannot be read, or with
    /// `--check` is laid out otherwise.
    Fmt(RulesFmt),
    /// Run the tests of a rule set.
    ///
    /// Exit code 0: all passed, and they prove something; 1: not so.
    Test(RulesTest),
    /// Decide over facts, and show what each rule read.
    ///
    /// Exit code 0: it was decided, whatever came out; 1: it could not be.
    Eval(RulesEval),
    /// Explain why rules decide or do not, and what would have to change.
    ///
    /// For each rule that does not decide it names the smallest change of the facts by which it
    /// would.
    Explain(RulesExplain),
    /// Compare what two rule files decide, over all facts, with facts for each difference.
    ///
    /// Exit code 0: they mean the same, which is proved; 1: they differ, or it could not be told.
    Diff(RulesDiff),
    /// Compare what rules decide with what persons decided.
    ///
    /// The past is a file of one JSON object a line: `id`, `facts` as `eval` reads them (with
    /// `ticket` inside or beside) and `decision`: what the person decided, or null. Facts that do
    /// not fit are unavailable, and counted.
    Backtest(RulesBacktest),
}

#[derive(Debug, clap::Args)]
pub(crate) struct RulesCheck {
    /// The rule files.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The version in force: a file that has less than half of its rules, or none, is refused.
    #[arg(long, value_name = "OLD")]
    pub(crate) was: Option<PathBuf>,
    /// The file may have less than half of the rules of `--was`.
    #[arg(long, requires = "was")]
    pub(crate) confirm_shrink: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RulesFmt {
    /// The rule files; `-` reads standard input and writes standard output.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Change nothing; name the files that would change.
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RulesTest {
    /// The rule file.
    pub(crate) rules: PathBuf,
    /// The tests, TOML or JSON.
    pub(crate) suite: PathBuf,
}

/// A rule file, and facts for it.
#[derive(Debug, clap::Args)]
pub(crate) struct RulesEval {
    /// The rule file.
    pub(crate) file: PathBuf,
    /// The facts, a JSON object: `{"ticket": {…}, "throttled": 72, "tier": null, "other_err":
    /// {"unavailable": "loki timed out"}, "secrets": {"at_least": 20}}`; `-` is standard input.
    #[arg(long, required_unless_present = "ticket")]
    pub(crate) facts: Option<PathBuf>,
    /// The ticket, JSON, if it does not stand among the facts. What does not fit in a ticket is
    /// unavailable.
    #[arg(long)]
    pub(crate) ticket: Option<PathBuf>,
    /// The time that times among the facts may be a distance from (`"-15m"`): RFC 3339, or `now`.
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) now: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RulesExplain {
    #[command(flatten)]
    pub(crate) over: RulesEval,
    /// Only this rule.
    #[arg(long)]
    pub(crate) rule: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RulesDiff {
    /// The old version.
    pub(crate) old: PathBuf,
    /// The new version.
    pub(crate) new: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RulesBacktest {
    /// The rule file.
    pub(crate) file: PathBuf,
    /// What was known, and decided, in the past: one JSON object a line; `-` is standard input.
    #[arg(long)]
    pub(crate) facts: PathBuf,
    /// Show so many differences; 0 shows all that are kept. `--json` is not cut.
    #[arg(long, default_value_t = 40)]
    pub(crate) limit: usize,
}
