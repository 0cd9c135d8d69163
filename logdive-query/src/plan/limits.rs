//! What a plan may ask for, at most. A plan beyond a limit does not build: it is refused before
//! anything is read, by an error that names the step, the limit and the way out.

use std::time::Duration;

use logdive_core::predicate::limits as predicate;

/// Longest text of a plan, and longest predicates and measures of one together, in bytes.
pub const TEXT: usize = 1 << 20;
/// Deepest nesting of tables and lists in a plan's text; its form needs five.
pub const DEPTH: usize = 16;
/// Most values (texts, numbers, lists, tables) in a plan's text.
pub const VALUES: usize = 20_000;
/// Most steps.
pub const STEPS: usize = 100;
/// Longest window, padding included: beyond it a dive is not one for a ticket. 400 days.
pub const WINDOW: Duration = Duration::from_secs(400 * DAY);
/// Longest padding of a layer, on each side: 7 days.
pub const PADDING: Duration = Duration::from_secs(7 * DAY);
/// Most lines that a step shows.
pub const SHOWN: u64 = 100_000;
/// Most ids that a dive is given.
pub const GIVEN: usize = 10_000;
/// Most kinds of ids in one step.
pub const ID_KINDS: usize = 32;
/// Most hops of a follow.
pub const HOPS: u64 = 20;
/// Most ids of a follow.
pub const IDS: u64 = 10_000;
/// Most lines of a follow.
pub const ROWS: u64 = 100_000_000;
/// Most lines before a hit, and as many after it.
pub const CONTEXT_LINES: u64 = 1_000;
/// How far a line of a context may be from its hit: 24 hours.
pub const CONTEXT_WITHIN: Duration = Duration::from_secs(DAY);
/// Most templates that a step shows.
pub const TEMPLATES: u64 = 10_000;
/// Most baselines of a compare.
pub const BASELINES: usize = 16;
/// How far a baseline may reach back: 400 days.
pub const BASELINE_REACH: Duration = Duration::from_secs(400 * DAY);
/// Most fields whose values a compare compares.
pub const FIELDS: usize = 32;
/// Most measures in one step.
pub const STEP_MEASURES: usize = 256;
/// Most measures in one plan.
pub const MEASURES: usize = 1_000;
/// Most terms of one predicate.
pub const TERMS: usize = predicate::TERMS;
/// Deepest nesting of one predicate.
pub const PREDICATE_DEPTH: usize = predicate::DEPTH;
/// Most members of one set.
pub const MEMBERS: usize = predicate::MEMBERS;
/// How much longer before the window changes (deploys, flags) are looked at: 2 hours. What broke
/// a service is often rolled out a while before anybody notices.
pub const CHANGES_BEFORE: Duration = Duration::from_secs(7_200);

const DAY: u64 = 86_400;
