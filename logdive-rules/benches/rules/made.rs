//! Rule sets and facts of a size, the same on every run.

use std::fmt::Write as _;

use logdive_core::{Facts, Reason, ReasonKind};
use logdive_rules::RuleSet;

/// Twelve fields as a ticket and a dive give them.
const SCHEMA: &str = r#"
schema bench v1 {
  ticket.severity : int 1..5
  ticket.kind     : enum { throttling, latency, errors, key_state, access, quota, deploy, other }
  ticket.service  : text
  ticket.region   : text optional
  ticket.title    : text
  evidence lines  : rows { error_code: text, latency: duration }
  fact throttled  = count(lines where error_code == "ThrottlingException")
  fact errors     = count(lines where severity >= error)
  fact p99        = max(lines.latency)
  fact caller     : text optional
  fact deployed   : bool
  fact share      : decimal
  fact tier       : enum { free, team, enterprise } optional
}
decisions { quota, rollback, known, watch, human }
default human "no rule applies"
"#;

const KINDS: [&str; 8] =
    ["throttling", "latency", "errors", "key_state", "access", "quota", "deploy", "other"];
const TIERS: [&str; 3] = ["free", "team", "enterprise"];
const DECISIONS: [&str; 4] = ["quota", "rollback", "known", "watch"];
const WORDS: [&str; 16] = [
    "elevated",
    "error",
    "rate",
    "on",
    "front",
    "storage",
    "timeout",
    "throttled",
    "requests",
    "key",
    "latency",
    "p99",
    "spike",
    "disk",
    "after",
    "deploy",
];

/// Numbers that look random and are the same on every run (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words.get(self.below(words.len() as u64) as usize).copied().unwrap_or_default()
    }
}

/// A rule file of so many rules of five terms each, as teams write them: a kind of ticket, a
/// service, a measure or two, and what hinders.
pub(crate) fn text(rules: usize) -> String {
    made(rules, false)
}

fn made(rules: usize, chain: bool) -> String {
    let mut dice = Dice(7);
    let mut text = SCHEMA.to_owned();
    for at in 0..rules {
        let kind = dice.of(&KINDS);
        let service = dice.below(40);
        let measure = match dice.below(6) {
            0 => format!("throttled >= {}", dice.below(500)),
            1 => format!("errors < {} and p99 > {}ms", dice.below(200), dice.below(2_000)),
            2 => format!("errors == 0 and share >= 0.{}", dice.below(90) + 10),
            3 => format!("p99 <= {}ms and deployed", dice.below(2_000)),
            4 => format!("throttled in {{0, {}}} and errors > {}", dice.below(50), dice.below(100)),
            _ => format!("caller == \"role-{}\" and errors < {}", dice.below(200), dice.below(300)),
        };
        let more = match dice.below(6) {
            0 => format!("ticket.severity > {}", dice.below(4) + 1),
            1 => format!("ticket.title contains \"{}\"", dice.of(&WORDS)),
            2 => format!("ticket.title has_token \"{}\"", dice.of(&WORDS)),
            3 => format!("tier == {}", dice.of(&TIERS)),
            4 => format!("ticket.region == \"region-{}\"", dice.below(12)),
            _ => "not deployed".to_owned(),
        };
        let unless = if dice.below(2) == 0 { "unless ticket.severity == 1" } else { "" };
        let over = if at > 0 && (dice.below(4) == 0 || chain) {
            let below = if chain { at as u64 - 1 } else { dice.below(at as u64) };
            format!("over \"rule {below}\"")
        } else {
            String::new()
        };
        let mode = dice.of(&["shadow", "suggest", "confirm", "automatic"]);
        let decision = dice.of(&DECISIONS);
        let effect = match dice.below(3) {
            0 => "no action".to_owned(),
            1 => "do reply(text: \"{throttled} throttles of {caller}\")".to_owned(),
            _ => String::new(),
        };
        writeln!(
            text,
            "rule \"rule {at}\" v1 mode {mode} {over} {{\n  when ticket.kind == {kind} and \
             ticket.service == \"service-{service}\" and {measure} and {more}\n  {unless}\n  \
             decide {decision} because \"{{errors}} errors\"\n  {effect}\n}}"
        )
        .expect("memory");
    }
    text
}

pub(crate) fn rules(count: usize) -> RuleSet {
    RuleSet::parse(text(count)).expect("made to be read")
}

/// The same, each rule above the one before it.
pub(crate) fn ranked(count: usize) -> RuleSet {
    RuleSet::parse(made(count, true)).expect("made to be read")
}

/// A set of facts: of each kind some are absent, unavailable or lower bounds.
pub(crate) fn facts(dice: &mut Dice) -> Facts {
    let cut = || Reason::new(ReasonKind::Cut, "cut");
    let number = |dice: &mut Dice, bound: u64| {
        // Most measures are small.
        let number = if dice.below(3) == 0 { 0 } else { dice.below(bound) as i64 };
        match dice.below(50) {
            0 => logdive_core::Fact::AtLeast(number.into(), cut()),
            1 => logdive_core::Fact::Unavailable(cut()),
            _ => number.into(),
        }
    };
    let title: Vec<&str> = (0..5).map(|_| dice.of(&WORDS)).collect();
    let title = format!("{} #{}", title.join(" "), dice.below(1_000_000));
    let optional = |dice: &mut Dice, text: String| match dice.below(10) {
        0 => logdive_core::Fact::Absent,
        1 => logdive_core::Fact::Unavailable(cut()),
        _ => text.into(),
    };
    let service = format!("service-{}", dice.below(40));
    let region = format!("region-{}", dice.below(12));
    let caller = format!("role-{}", dice.below(20_000));
    let p99 = std::time::Duration::from_micros(dice.below(2_500_000));
    let share = logdive_core::Decimal::from_billionths(dice.below(1_000).into());
    let share = share.unwrap_or_else(|| logdive_core::Decimal::from(0));
    Facts::new()
        .with("ticket.severity", dice.below(5) as i64 + 1)
        .with("ticket.kind", dice.of(&KINDS))
        .with("ticket.service", service)
        .with("ticket.region", optional(dice, region))
        .with("ticket.title", title)
        .with("throttled", number(dice, 1_000))
        .with("errors", number(dice, 300))
        .with("p99", p99)
        .with("caller", optional(dice, caller))
        .with("deployed", dice.below(4) == 0)
        .with("share", share)
        .with("tier", dice.of(&TIERS))
}
