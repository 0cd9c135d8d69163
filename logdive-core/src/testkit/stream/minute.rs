//! One minute: which lines there are, before they are written.
//!
//! A minute is made from the seed and its number alone, so that any part of the stream can be had
//! without what is before it. Requests begin and end within their minute. Only lines of clocks
//! that are off leave it; whoever makes a minute looks for them in its neighbours.

use super::catalog::{Burst, Catalog, When};
use super::flow::Flow;
use super::rng::{Rng, hash};
use super::script::{Effect, Script, Stage, Trouble};
use super::tier::Tier;
use super::{Rates, StreamSpec};

/// Nanoseconds.
const MICRO: i64 = 1_000;
const SECOND: i64 = 1_000_000_000;
pub(super) const MINUTE: i64 = 60 * SECOND;

/// A clock is off by less than so many minutes.
const FARTHEST: i64 = 5;

/// A line before it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planned {
    /// When the emitter says it was, in nanoseconds.
    pub(super) ts: i64,
    pub(super) pattern: u32,
    pub(super) host: u16,
    pub(super) tier: Tier,
    /// Its request, by its place among the minute's.
    pub(super) flow: Option<u32>,
    pub(super) salt: u64,
    /// By how many nanoseconds it is observed later than usual.
    pub(super) late: i64,
    /// By how many nanoseconds the emitter's clock is ahead because of an incident.
    ahead: i64,
}

impl Planned {
    /// When it was, by the clock of those who observe it, in nanoseconds.
    pub(super) const fn observed_from(&self) -> i64 {
        self.ts - self.ahead
    }
}

/// What minutes are made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) spec: &'a StreamSpec,
    pub(super) catalog: &'a Catalog,
    pub(super) scripts: &'a [Script],
}

/// The lines of a minute and their requests; kept for the next one, so that its room is used
/// again.
#[derive(Debug, Default)]
pub(super) struct Minute {
    pub(super) lines: Vec<Planned>,
    pub(super) flows: Vec<Flow>,
}

impl Source<'_> {
    /// Plans the lines whose time is in a minute, in order.
    pub(super) fn plan(&self, minute: i64, out: &mut Minute) {
        out.lines.clear();
        out.flows.clear();
        let inside = |line: &Planned| line.ts.div_euclid(MINUTE) == minute;
        for other in minute - FARTHEST..=minute + FARTHEST {
            let begin = other * MINUTE;
            let crosses = || {
                let mut ahead = self.scripts.iter().flat_map(|script| &script.ahead);
                ahead.any(|(spot, _)| spot.from < begin + MINUTE && begin < spot.to)
            };
            if other == minute {
                self.raw(other, out, |_| true);
            } else if crosses() {
                self.raw(other, out, |line| line.ahead != 0);
            }
        }
        out.lines.retain(inside);
        // The salt makes the order total.
        out.lines.sort_unstable_by_key(|line| (line.ts, line.tier, line.host, line.salt));
    }

    /// Adds the lines that come into being in a minute.
    fn raw(&self, minute: i64, out: &mut Minute, wanted: impl Fn(&Planned) -> bool) {
        let Some(rates) = self.spec.rates(minute) else { return };
        let begin = out.lines.len();
        let scripts: Vec<&Script> =
            self.scripts.iter().filter(|script| script.touches(minute)).collect();
        let mut making = Making {
            source: self,
            seed: hash(&[self.spec.seed, minute.cast_unsigned()]),
            begin: minute * MINUTE,
            rng: Rng::of(&[self.spec.seed, minute.cast_unsigned(), 1]),
            scripts: &scripts,
            out,
        };
        making.bursts(minute, &rates);
        making.requests(&rates);
        making.background(&rates, begin);
        making.changes();
        making.incidents();
        if scripts.is_empty() {
            return;
        }
        let mut place = begin;
        while let Some(line) = out.lines.get_mut(place) {
            let hidden = scripts.iter().any(|script| script.hides(line));
            if !hidden {
                for script in &scripts {
                    script.bend(line);
                }
            }
            if hidden || !wanted(line) {
                out.lines.swap_remove(place);
            } else {
                place += 1;
            }
        }
    }
}

impl Script {
    fn touches(&self, minute: i64) -> bool {
        let (begin, end) = (minute * MINUTE, (minute + 1) * MINUTE);
        let spots = self.silent.iter().chain(self.ahead.iter().map(|(spot, _)| spot));
        let spots = spots.chain(self.late.iter().map(|(spot, _)| spot));
        let mut spans = spots
            .map(|spot| (spot.from, spot.to))
            .chain(self.effects.iter().map(|effect| (effect.from, effect.to)))
            .chain(self.emits.iter().map(|emit| (emit.ts, emit.ts + 1)));
        spans.any(|(from, to)| from < end && begin < to)
    }

    fn hides(&self, line: &Planned) -> bool {
        self.silent.iter().any(|spot| spot.covers(line.tier, line.host, line.ts))
    }

    fn bend(&self, line: &mut Planned) {
        let at = line.ts - line.ahead;
        for (spot, by) in &self.late {
            if spot.covers(line.tier, line.host, at) {
                line.late += by;
            }
        }
        for (spot, by) in &self.ahead {
            if spot.covers(line.tier, line.host, at) {
                line.ts += by;
                line.ahead += by;
            }
        }
    }
}

/// A minute while it is made.
struct Making<'a> {
    source: &'a Source<'a>,
    seed: u64,
    /// Its begin in nanoseconds.
    begin: i64,
    rng: Rng,
    /// The scripts that have to do with it.
    scripts: &'a [&'a Script],
    out: &'a mut Minute,
}

impl Making<'_> {
    fn push(&mut self, tier: Tier, host: u16, pattern: u32, at: i64, flow: Option<u32>) {
        let fleet = tier.fleet();
        let ts = at + tier.clock_of(host, self.source.spec.seed);
        let ts = ts.clamp(self.begin, self.begin + MINUTE - 1).div_euclid(fleet.tick) * fleet.tick;
        let salt = self.rng.next();
        let line = Planned { ts, pattern, host, tier, flow, salt, late: 0, ahead: 0 };
        self.out.lines.push(line);
    }

    /// A time in the minute, so far into it, at which something of a length begins and does not
    /// end behind it.
    fn begin_of(&self, drawn: u64, length: i64) -> i64 {
        let room = (MINUTE - 1 - length).max(1).unsigned_abs();
        let after = (u128::from(drawn) * u128::from(room)) >> 64;
        self.begin + i64::try_from(after).unwrap_or_default()
    }

    fn any_time(&mut self) -> i64 {
        let drawn = self.rng.next();
        self.begin_of(drawn, 0)
    }

    fn requests(&mut self, rates: &Rates) {
        let source = self.source;
        // A request leaves 5.3 lines; seven of ten lines are of requests.
        let thousandths = rates.lines * 132;
        let chance = u64::from(self.rng.below(1_000) < thousandths % 1_000);
        for number in 0..thousandths / 1_000 + chance {
            let flow = Flow::make(self.seed, number, None);
            let drawn = self.rng.next();
            let at = self.begin_of(drawn, 0);
            let everyday = self.everyday().and_then(|place| source.catalog.troubles.get(place));
            let effects = self.scripts.iter().copied().flat_map(|script| &script.effects);
            let mut effects = effects.filter(|effect| {
                effect.from <= at
                    && at < effect.to
                    && effect.who.meets(&flow)
                    && hash(&[flow.id, effect.from.cast_unsigned()]) % 1_000 < effect.per_mille
            });
            let effect = effects.next().map(|effect| &effect.trouble);
            let trouble = effect.or(everyday.map(|(_, trouble)| trouble));
            self.request(flow, trouble, drawn);
        }
    }

    /// Which everyday trouble befalls a request, if one does.
    fn everyday(&mut self) -> Option<usize> {
        let mut drawn = self.rng.below(1_000_000);
        for (place, (share, _)) in self.source.catalog.troubles.iter().enumerate() {
            if drawn < *share {
                return Some(place);
            }
            drawn -= share;
        }
        None
    }

    fn request(&mut self, mut flow: Flow, trouble: Option<&Trouble>, drawn: u64) {
        if let Some(trouble) = trouble {
            let (low, high) = trouble.slower;
            flow.micros += self.rng.between(low, high) * 1_000 + self.rng.below(1_000);
            if trouble.status != 0 {
                flow.status = trouble.status;
            }
        }
        let begin = self.begin_of(drawn, stage_time(Stage::Audit, &flow));
        let place = u32::try_from(self.out.flows.len()).unwrap_or_default();
        for (stage, usual) in &self.source.catalog.usual {
            let (tier, host) = (stage.tier(), stage.host(&flow));
            let at = begin + stage_time(*stage, &flow);
            let told = trouble.map_or([].as_slice(), |trouble| &trouble.lines);
            let mut told = told.iter().filter(|(of, _)| of == stage).peekable();
            let ended = trouble.and_then(|trouble| trouble.ends).is_some_and(|last| {
                *stage > last && *stage != Stage::Reply && *stage != Stage::Edge
            });
            if told.peek().is_some() {
                for (_, pattern) in told {
                    self.push(tier, host, *pattern, at, Some(place));
                }
            } else if !ended && self.writes(*stage, &flow) {
                let drawn = self.rng.place(usual.len());
                let drawn = drawn.min(self.rng.place(usual.len()));
                if let Some(pattern) = usual.get(drawn) {
                    self.push(tier, host, *pattern, at, Some(place));
                }
            }
        }
        self.out.flows.push(flow);
    }

    /// Whether a stage leaves a line when all goes well.
    fn writes(&mut self, stage: Stage, flow: &Flow) -> bool {
        let percent = match stage {
            Stage::Accept => 35,
            Stage::Store => 60,
            // Describing and listing keys need no module.
            Stage::Crypt if flow.op == 4 || flow.op == 8 => 0,
            Stage::Audit => 12,
            _ => 100,
        };
        self.rng.below(100) < percent
    }

    fn background(&mut self, rates: &Rates, begin: usize) {
        let wanted = usize::try_from(rates.lines).unwrap_or_default();
        let table = &self.source.catalog.background;
        while self.out.lines.len() - begin < wanted {
            let place = self.rng.place(table.len());
            let Some(pattern) = table.get(place) else { return };
            let Some(kind) = self.kind(*pattern) else { return };
            let (host, at) = (kind.any_host(&mut self.rng), self.any_time());
            self.push(kind, host, *pattern, at, None);
        }
    }

    fn kind(&self, pattern: u32) -> Option<Tier> {
        let place = usize::try_from(pattern).ok()?;
        self.source.catalog.patterns.get(place).map(|pattern| pattern.tier)
    }

    fn bursts(&mut self, minute: i64, rates: &Rates) {
        for burst in &self.source.catalog.bursts {
            let now = match burst.when {
                When::Each(each, first) => minute.cast_unsigned() % each == first % each,
                When::OneOf(minutes) => self.rng.below(minutes) == 0,
                When::Daily(of_day) => minute.rem_euclid(1_440).cast_unsigned() == of_day,
            };
            if now {
                self.burst(burst, rates);
            }
        }
    }

    fn burst(&mut self, burst: &Burst, rates: &Rates) {
        // Of a larger service more hosts have it.
        let (low, high) = burst.lines;
        let lines = self.rng.between(low, high) * (rates.full / 1_400).clamp(1, 8);
        let host = burst.tier.any_host(&mut self.rng);
        let drawn = self.rng.next();
        let mut at = self.begin_of(drawn, 5 * SECOND);
        for number in 0..lines {
            at += i64::try_from(self.rng.below(300_000)).unwrap_or_default() * MICRO;
            // The first and last of its lines come once, those between many times.
            let last = burst.patterns.len().saturating_sub(1);
            let which = match number {
                0 => 0,
                n if n + 1 == lines => last,
                _ => self.rng.place(burst.patterns.len()),
            };
            let other = u16::try_from(number / 12).unwrap_or_default();
            let host = (host + other) % burst.tier.fleet().hosts;
            // A small service, or a thinned day, has less of each.
            let kept = self.rng.below(rates.thin * 350) < rates.full.min(350);
            if let Some(pattern) = burst.patterns.get(which)
                && kept
                && at < self.begin + MINUTE
            {
                self.push(burst.tier, host, *pattern, at, None);
            }
        }
    }

    /// A change every twelve minutes, however much or little else there is.
    fn changes(&mut self) {
        if self.rng.below(12) == 0 {
            let pattern = self.rng.pick(&self.source.catalog.changes);
            let (host, at) = (Tier::Changes.any_host(&mut self.rng), self.any_time());
            self.push(Tier::Changes, host, pattern, at, None);
        }
    }

    fn incidents(&mut self) {
        let end = self.begin + MINUTE;
        for script in self.scripts {
            for (place, effect) in script.effects.iter().enumerate() {
                if effect.from < end && self.begin < effect.to {
                    self.extra(effect, hash(&[effect.from.cast_unsigned(), place as u64]));
                }
            }
            let first = script.emits.partition_point(|emit| emit.ts < self.begin);
            let rest = script.emits.get(first..).unwrap_or_default();
            for emit in rest.iter().take_while(|emit| emit.ts < end) {
                let flow = emit.who.and_then(|who| script.whos.get(who)).map(|who| {
                    self.out.flows.push(Flow::make(emit.salt, 0, Some(who)));
                    u32::try_from(self.out.flows.len() - 1).unwrap_or_default()
                });
                if let Some(tier) = self.kind(emit.pattern) {
                    self.push(tier, emit.host, emit.pattern, emit.ts, flow);
                }
            }
        }
    }

    /// Requests beside the usual ones: those whom it befalls try again.
    fn extra(&mut self, effect: &Effect, seed: u64) {
        for number in 0..effect.extra {
            let flow = Flow::make(self.seed ^ seed, number, Some(&effect.who));
            let drawn = self.rng.next();
            let at = self.begin_of(drawn, 0);
            if effect.from <= at && at < effect.to {
                self.request(flow, Some(&effect.trouble), drawn);
            }
        }
    }
}

/// When after its begin a request reaches a stage.
fn stage_time(stage: Stage, flow: &Flow) -> i64 {
    let whole = i64::try_from(flow.micros).unwrap_or_default() * MICRO;
    match stage {
        Stage::Accept => 0,
        Stage::Authorize => 1_200 * MICRO,
        Stage::Store => 2_600 * MICRO,
        Stage::Crypt => whole - 900 * MICRO,
        Stage::Reply => whole,
        Stage::Edge => whole + 700 * MICRO,
        Stage::Audit => whole + 4_000 * MICRO,
    }
}
