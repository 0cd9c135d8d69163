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

/// Most members of an enum.
pub const MEMBERS: usize = 256;

/// Most mistakes reported at once; the rest is counted.
pub const DIAGNOSTICS: usize = 200;

/// Most suggestions looked for in one file; further unknown names are reported without one.
pub(crate) const SUGGESTIONS: usize = 100;

/// Longest help of one mistake, in bytes.
pub(crate) const HELP: usize = 400;
