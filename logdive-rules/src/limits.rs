//! Limits of a rule file. Beyond them a file is refused, never cut.

/// Longest file, in bytes: 1 MiB.
pub const FILE: usize = 1 << 20;

/// Most rules in a file.
pub const RULES: usize = 10_000;

/// Deepest nesting of `not` and parentheses in a condition.
pub const DEPTH: usize = logdive_core::predicate::limits::DEPTH;

/// Most terms in one condition.
pub const TERMS: usize = logdive_core::predicate::limits::TERMS;

/// Longest name of a rule, in bytes: it is part of a scope (`rule:NAME`).
pub const NAME: usize = 200;

/// Longest JSON pointer of a ticket field, in bytes.
pub const POINTER: usize = 512;

/// Most members of an enum.
pub const MEMBERS: usize = 256;

/// Most mistakes reported at once; the rest is counted.
pub const DIAGNOSTICS: usize = 200;

/// Longest record of a back-test, in bytes of its line: 1 MiB.
pub const RECORD: usize = 1 << 20;

/// Most differences of each kind that a back-test keeps; the rest is counted.
pub const DIFFERENCES_KEPT: usize = 1_000;

/// Most names of misfits and of unknown decisions that a back-test keeps.
pub const NAMES_KEPT: usize = 100;

/// Most suggestions looked for in one file; further unknown names are reported without one.
pub(crate) const SUGGESTIONS: usize = 100;

/// Longest help of one mistake, in bytes.
pub(crate) const HELP: usize = 400;

/// Most states of the automata of all tests of one text entry, together: what `contains`,
/// `matches` and their like compile to before they are run. Beyond it, and beyond the other
/// limits of texts below, the analysis says of the entry that it is not decided.
pub const TEXT_STATES: usize = 20_000;

/// Most sets of automaton states that the analysis remembers for one test of a text, in bytes:
/// 8 MiB.
pub const TEXT_MEMORY: usize = 8 << 20;

/// Most states of all tests of one text entry run side by side.
pub const TEXT_PRODUCT: usize = 20_000;

/// Most steps of these side by side: states times kinds of characters.
pub const TEXT_STEPS: usize = 1_600_000;

/// Most kinds of text that the tests of one entry tell apart.
pub const TEXT_CELLS: usize = 4_096;

/// Most conflicts of the solver in one question of the analysis.
pub const CONFLICTS: u64 = 20_000;

/// Most rules of a set that is analysed; of a larger one nothing is decided, and what it claims is not
/// proved.
pub const ANALYSED_RULES: usize = 2_000;

/// Most findings of one code that are shown; that there are more is said.
pub const FINDINGS: usize = 100;

/// Most differences between two rule sets that are shown; that there are more is said.
pub const DIFFERENCES: usize = 100;

/// Most facts that [`RuleSet::nearest`](crate::RuleSet::nearest) changes.
pub const CHANGES: usize = 8;

/// Most answers of terms that the analysis computes to find the cells of all entries: cells times
/// terms. An entry that does not fit is not decided.
pub const CELL_WORK: usize = 20_000_000;
