//! Writing an incident: its lines, its effects, its ticket.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::catalog::Catalog;
use super::flow::Who;
use super::incident::{GroundTruth, Incident, IncidentKind, fragment};
use super::pattern::Pattern;
use super::rng::Rng;
use super::script::{Effect, Emit, Script, Spot, Stage, Trouble};
use super::tier::Tier;
use crate::entities::{self, Entity, EntityKind, Found};
use crate::{
    Audience, Digest, LogSeverity, Ticket, TicketId, TicketSeverity, TicketStatus, Times, Window,
};

const SECOND: i64 = 1_000_000_000;

/// A kind of line: who writes it, how severe it is, its text.
pub(super) type Saying<'a> = (Tier, LogSeverity, &'a str);

/// An incident while it is written.
pub(super) struct Plot<'a> {
    catalog: &'a mut Catalog,
    pub(super) rng: Rng,
    /// Which of its kind.
    pub(super) variant: usize,
    onset: i64,
    end: i64,
    script: Script,
    truth: Option<GroundTruth>,
}

/// What a ticket says.
pub(super) struct Told {
    /// The layer that the monitoring watches.
    pub(super) of: Tier,
    pub(super) severity: u8,
    pub(super) title: String,
    pub(super) body: String,
    /// The host it names, if it names one.
    pub(super) host: Option<&'static str>,
}

/// How requests end, in the words of their lines.
#[derive(Default)]
pub(super) struct Ending<'a> {
    pub(super) lines: &'a [(Stage, LogSeverity, &'a str)],
    pub(super) ends: Option<Stage>,
    pub(super) slower: (u64, u64),
    pub(super) status: u16,
}

impl<'a> Plot<'a> {
    pub(super) fn new(
        catalog: &'a mut Catalog,
        rng: Rng,
        variant: usize,
        onset: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> Self {
        let nanos = |time: DateTime<Utc>| time.timestamp_micros() * 1_000;
        let (onset, end) = (nanos(onset), nanos(end));
        Self { catalog, rng, variant, onset, end, script: Script::default(), truth: None }
    }

    /// This variant's of five.
    pub(super) fn of<T: Copy>(&self, five: [T; 5]) -> T {
        let [first, second, third, fourth, fifth] = five;
        match self.variant % 5 {
            0 => first,
            1 => second,
            2 => third,
            3 => fourth,
            _ => fifth,
        }
    }

    /// Other hosts of a layer, so many.
    pub(super) fn hosts(&mut self, tier: Tier, count: usize) -> Vec<u16> {
        let mut hosts = Vec::new();
        while hosts.len() < count.min(tier.fleet().hosts.into()) {
            let host = tier.any_host(&mut self.rng);
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        hosts
    }

    /// So many lines over a time, in seconds after the onset.
    pub(super) fn write(
        &mut self,
        (tier, severity, text): Saying<'_>,
        hosts: &[u16],
        count: u64,
        (from, to): (i64, i64),
        who: Option<Who>,
    ) {
        let pattern = if who.is_some() {
            Pattern::of_flow(tier, severity, text)
        } else {
            Pattern::new(tier, severity, component(tier), text)
        };
        let pattern = self.catalog.add(pattern);
        let who = who.map(|who| {
            self.script.whos.push(who);
            self.script.whos.len() - 1
        });
        let span = ((to - from).max(1) * SECOND).unsigned_abs();
        for number in 0..count {
            // One after the other over the whole time, each somewhere in its part of it.
            let begin = span / count * number;
            let after = begin + self.rng.below((span / count).max(1));
            let ts = self.onset + from * SECOND + i64::try_from(after).unwrap_or_default();
            let host = self.rng.pick(hosts);
            let salt = self.rng.next();
            self.script.emits.push(Emit { ts, host, pattern, salt, who });
        }
    }

    /// The lines of the cause: as [`Plot::write`].
    pub(super) fn cause(
        &mut self,
        saying: Saying<'_>,
        hosts: &[u16],
        count: u64,
        over: (i64, i64),
        who: Option<Who>,
    ) {
        self.is_cause(saying, hosts);
        self.write(saying, hosts, count, over, who);
    }

    /// Says that lines of this kind are the cause's.
    pub(super) fn is_cause(&mut self, (tier, _, text): Saying<'_>, hosts: &[u16]) {
        let mut emitters: Vec<String> =
            hosts.iter().map(|host| tier.host(*host).to_owned()).collect();
        emitters.sort_unstable();
        self.truth = Some(GroundTruth {
            layer: tier.layer().clone(),
            emitters,
            line: text.to_owned(),
            fragment: fragment(text),
        });
    }

    /// Requests that end like this: of those there are so many in a thousand, and so many more a
    /// minute.
    pub(super) fn requests(&mut self, who: &Who, per_mille: u64, extra: u64, ending: &Ending<'_>) {
        let lines = ending.lines.iter().map(|(stage, severity, text)| {
            (*stage, self.catalog.add(Pattern::of_flow(stage.tier(), *severity, text)))
        });
        let trouble = Trouble {
            lines: lines.collect(),
            ends: ending.ends,
            slower: ending.slower,
            status: ending.status,
        };
        let (from, to) = (self.onset, self.end);
        let effect = Effect { from, to, who: who.clone(), per_mille, extra, trouble };
        self.script.effects.push(effect);
    }

    /// These emitters for as long as it lasts.
    pub(super) const fn spot(&self, tiers: Vec<Tier>, hosts: Vec<u16>) -> Spot {
        Spot { from: self.onset, to: self.end, tiers, hosts, zone: None }
    }

    pub(super) fn silence(&mut self, spot: Spot) {
        self.script.silent.push(spot);
    }

    /// Clocks are ahead by so many seconds, or behind.
    pub(super) fn shift(&mut self, spot: Spot, seconds: i64) {
        self.script.ahead.push((spot, seconds * SECOND));
    }

    /// Lines come so many seconds later than usual.
    pub(super) fn delay(&mut self, spot: Spot, seconds: i64) {
        self.script.late.push((spot, seconds * SECOND));
    }

    /// How many seconds it lasts.
    pub(super) const fn seconds(&self) -> i64 {
        (self.end - self.onset) / SECOND
    }

    /// Ends writing.
    pub(super) fn finish(mut self, kind: IncidentKind, told: &Told) -> Option<(Incident, Script)> {
        self.script.emits.sort_by_key(|emit| emit.ts);
        let time = |nanos: i64| DateTime::from_timestamp_nanos(nanos);
        let (onset, end) = (time(self.onset), time(self.end));
        let variant = u32::try_from(self.variant).unwrap_or_default();
        let felt = TimeDelta::seconds(i64::try_from(self.rng.between(60, 170)).unwrap_or(90));
        let times = Times {
            started: Some(onset + felt),
            detected: Some(onset + felt + TimeDelta::seconds(60)),
            ..Times::opened(onset + felt + TimeDelta::seconds(75))
        };
        let ticket = ticket(kind, variant, told, times)?;
        let truth = self.truth?;
        let started = onset + felt;
        let hour = Window::new(started - TimeDelta::minutes(45), started + TimeDelta::minutes(15));
        let hour = hour.ok()?;
        Some((Incident { kind, variant, onset, end, hour, ticket, truth }, self.script))
    }
}

const fn component(tier: Tier) -> &'static str {
    match tier {
        Tier::Edge => "core",
        Tier::Front => "service",
        Tier::Auth => "service",
        Tier::Hsm => "system",
        Tier::Storage => "server",
        Tier::Queue => "worker",
        Tier::Canary => "agent",
        Tier::Changes => "event",
    }
}

fn ticket(kind: IncidentKind, variant: u32, told: &Told, times: Times) -> Option<Ticket> {
    let id = TicketId::new("alerts", &format!("{kind}-{variant}")).ok()?;
    let fields = told.host.map(|host| Entity {
        kind: EntityKind::Host,
        value: host.to_owned(),
        found: Found::Field("host".to_owned()),
    });
    let labels = BTreeMap::from([
        ("alertname".to_owned(), told.title.clone()),
        ("layer".to_owned(), told.of.fleet().name.to_owned()),
    ]);
    Some(Ticket {
        entities: entities::collect(fields.into_iter().collect(), &told.title, &told.body),
        title: told.title.clone(),
        body: told.body.clone(),
        url: None,
        severity: TicketSeverity::new(told.severity),
        status: TicketStatus::New,
        vendor_status: "firing".to_owned(),
        service: Some(told.of.fleet().service.to_owned()),
        labels,
        times,
        group_key: None,
        dedupe_key: id.to_string(),
        audience: Audience::Internal,
        truncated_members: 0,
        raw_digest: Digest::of_parts([id.to_string(), told.body.clone()]),
        id,
    })
}
