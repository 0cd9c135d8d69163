//! Everyday: about two thousand kinds of lines, few of them frequent, and how often each is.

use super::grammar;
use super::pattern::Pattern;
use super::rng::Rng;
use super::script::{Stage, Trouble};
use super::tier::Tier;
use crate::LogSeverity;

mod texts;

use texts::{CALLS, CHANGES, JOBS, PAUSES, REPLIES, TROUBLES};

/// Kinds of lines by their place, and what draws them.
#[derive(Debug)]
pub(super) struct Catalog {
    pub(super) patterns: Vec<Pattern>,
    /// Drawn from evenly: frequent patterns stand in it often.
    pub(super) background: Vec<u32>,
    /// The usual lines of requests by stage, the frequent ones first.
    pub(super) usual: Vec<(Stage, Vec<u32>)>,
    pub(super) bursts: Vec<Burst>,
    pub(super) changes: Vec<u32>,
    /// Trouble that is everyday, and for how many requests in a million.
    pub(super) troubles: Vec<(u64, Trouble)>,
}

/// Lines that come many at a time.
#[derive(Debug)]
pub(super) struct Burst {
    pub(super) tier: Tier,
    pub(super) patterns: Vec<u32>,
    pub(super) when: When,
    /// At least and at most so many lines.
    pub(super) lines: (u64, u64),
}

/// In which minutes a burst comes.
#[derive(Debug, Clone, Copy)]
pub(super) enum When {
    /// Each so many minutes, beginning with one.
    Each(u64, u64),
    /// By chance, one minute of so many.
    OneOf(u64),
    /// Once a day, in this minute of it.
    Daily(u64),
}

/// So many places the table of everyday lines has.
const TABLE: usize = 1 << 16;

impl Catalog {
    pub(super) fn new() -> Self {
        let mut catalog = Self {
            patterns: Vec::new(),
            background: Vec::with_capacity(TABLE),
            usual: Vec::new(),
            bursts: Vec::new(),
            changes: Vec::new(),
            troubles: Vec::new(),
        };
        catalog.add_background();
        catalog.add_requests();
        catalog.add_bursts();
        for (kind, text) in CHANGES {
            let pattern = Pattern::with(
                Tier::Changes,
                LogSeverity::INFO,
                text,
                &format!(r#"{{"kind":"{kind}","target":"<{TARGETS}>","by":"<{PEOPLE}>"}}"#),
            );
            let place = catalog.add(pattern);
            catalog.changes.push(place);
        }
        catalog
    }

    /// Adds a pattern, and gives its place.
    pub(super) fn add(&mut self, pattern: Pattern) -> u32 {
        self.patterns.push(pattern);
        u32::try_from(self.patterns.len() - 1).unwrap_or_default()
    }

    fn add_background(&mut self) {
        let mut calm = Vec::new();
        let mut uneasy = Vec::new();
        let mut sore = Vec::new();
        for (tier, counts) in [
            (Tier::Edge, [140, 24, 4]),
            (Tier::Front, [300, 55, 8]),
            (Tier::Auth, [270, 50, 7]),
            (Tier::Hsm, [310, 55, 6]),
            (Tier::Storage, [270, 48, 8]),
            (Tier::Queue, [160, 30, 5]),
            (Tier::Canary, [80, 14, 3]),
        ] {
            for pattern in grammar::patterns(tier, counts) {
                let list = match pattern.severity {
                    LogSeverity::ERROR => &mut sore,
                    LogSeverity::WARN => &mut uneasy,
                    _ => &mut calm,
                };
                list.push(self.add(pattern));
            }
        }
        // In a hundred thousand: 130 errors, 4,000 warnings.
        let (errors, warnings) = (TABLE * 13 / 10_000, TABLE * 4 / 100);
        let mut rng = Rng::new(0xca7a);
        self.share_out(&mut sore, errors, &mut rng);
        self.share_out(&mut uneasy, warnings, &mut rng);
        self.share_out(&mut calm, TABLE - errors - warnings, &mut rng);
    }

    /// Gives patterns places in the table: the one of rank r a share of 1 / (r + 10), each one at
    /// least (Zipf's law, flat at its head).
    fn share_out(&mut self, patterns: &mut [u32], places: usize, rng: &mut Rng) {
        for last in (1..patterns.len()).rev() {
            patterns.swap(last, rng.place(last + 1));
        }
        let weight = |rank: usize| 1_000_000_000 / (rank + 10);
        let total: usize = (0..patterns.len()).map(weight).sum();
        for (rank, pattern) in patterns.iter().enumerate() {
            let times = (weight(rank) * places / total.max(1)).max(1);
            self.background.extend(std::iter::repeat_n(*pattern, times));
        }
    }

    fn add_requests(&mut self) {
        for (stage, texts) in REPLIES {
            let patterns: Vec<u32> = texts
                .iter()
                .map(|(severity, text)| self.add(Pattern::of_flow(stage.tier(), *severity, text)))
                .collect();
            self.usual.push((*stage, patterns));
        }
        for everyday in TROUBLES {
            let lines = everyday
                .lines
                .iter()
                .map(|(stage, severity, text)| {
                    (*stage, self.add(Pattern::of_flow(stage.tier(), *severity, text)))
                })
                .collect();
            let trouble = Trouble {
                lines,
                ends: everyday.ends,
                slower: everyday.slower,
                status: everyday.status,
            };
            self.troubles.push((everyday.in_a_million, trouble));
        }
    }

    fn add_bursts(&mut self) {
        let mut rng = Rng::new(0xb125);
        for tier in [Tier::Front, Tier::Auth, Tier::Storage, Tier::Queue] {
            let patterns = PAUSES
                .iter()
                .map(|(severity, text)| self.add(Pattern::new(tier, *severity, "gc", text)));
            let patterns = patterns.collect();
            self.bursts.push(Burst { tier, patterns, when: When::OneOf(9), lines: (3, 9) });
        }
        for (place, (tier, job)) in JOBS.iter().enumerate() {
            let texts = [
                format!("job {job} started on <host>"),
                format!("job {job}: <k> of <k> looked at"),
                format!("job {job}: <n> changed, <n> left for later"),
                format!("job {job} done in <s> s"),
            ];
            let patterns = texts
                .iter()
                .map(|text| self.add(Pattern::new(*tier, LogSeverity::INFO, "jobs", text)))
                .collect();
            let when = match place % 3 {
                0 => When::Each(rng.between(10, 30), rng.below(30)),
                1 => When::Each(60, rng.below(60)),
                _ => When::Daily(rng.below(1_440)),
            };
            self.bursts.push(Burst { tier: *tier, patterns, when, lines: (4, 24) });
        }
        for (tier, call) in CALLS {
            let texts = [
                (
                    LogSeverity::WARN,
                    format!("{call} to <peer> failed, attempt <n>, next in <ms> ms"),
                ),
                (LogSeverity::INFO, format!("{call} to <peer> succeeded after <n> attempts")),
            ];
            let patterns = texts
                .iter()
                .map(|(severity, text)| self.add(Pattern::new(*tier, *severity, "retry", text)))
                .collect();
            self.bursts.push(Burst {
                tier: *tier,
                patterns,
                when: When::OneOf(45),
                lines: (6, 40),
            });
        }
    }
}

/// What changes are made to, and by whom.
const TARGETS: &str = "front|auth|edge|storage|queue|canary|docs|console";
const PEOPLE: &str = "mara|jonas|ines|tobi|pipeline|ravi|lena|scheduler";
