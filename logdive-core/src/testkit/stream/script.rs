//! What goes wrong: how requests end otherwise than they should, who falls silent, whose clock is
//! off, whose lines come late, and which lines are written beside.

use super::flow::{Flow, Who};
use super::tier::{Tier, zone_of};

/// A place on a request's way where lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Accept,
    Authorize,
    Store,
    Crypt,
    Reply,
    Edge,
    Audit,
}

impl Stage {
    pub(super) const fn tier(self) -> Tier {
        match self {
            Self::Accept | Self::Reply => Tier::Front,
            Self::Authorize => Tier::Auth,
            Self::Store => Tier::Storage,
            Self::Crypt => Tier::Hsm,
            Self::Edge => Tier::Edge,
            Self::Audit => Tier::Queue,
        }
    }

    pub(super) const fn host(self, flow: &Flow) -> u16 {
        match self {
            Self::Accept | Self::Reply => flow.front,
            Self::Authorize => flow.auth,
            Self::Store => flow.store,
            Self::Crypt => flow.hsm,
            Self::Edge => flow.edge,
            Self::Audit => (flow.id % 8) as u16,
        }
    }
}

/// How a request goes wrong.
#[derive(Debug, Clone, Default)]
pub(super) struct Trouble {
    /// Lines instead of the usual ones of their stage, by their pattern.
    pub(super) lines: Vec<(Stage, u32)>,
    /// The last stage that it reaches before the reply.
    pub(super) ends: Option<Stage>,
    /// How much longer it takes, in milliseconds, from and to.
    pub(super) slower: (u64, u64),
    /// The status of the reply; 0 for the usual one.
    pub(super) status: u16,
}

/// Trouble for some requests over some time.
#[derive(Debug, Clone)]
pub(super) struct Effect {
    /// Nanoseconds since 1970, inclusive and exclusive.
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) who: Who,
    /// How many of the requests that are met, in a thousand.
    pub(super) per_mille: u64,
    /// How many requests a minute beside the usual ones.
    pub(super) extra: u64,
    pub(super) trouble: Trouble,
}

/// A line beside those of requests.
#[derive(Debug, Clone)]
pub(super) struct Emit {
    pub(super) ts: i64,
    pub(super) host: u16,
    pub(super) pattern: u32,
    pub(super) salt: u64,
    /// Whose ids it carries, by its place among the script's.
    pub(super) who: Option<usize>,
}

/// Emitters over some time.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    pub(super) from: i64,
    pub(super) to: i64,
    /// All layers if empty.
    pub(super) tiers: Vec<Tier>,
    /// All emitters if empty.
    pub(super) hosts: Vec<u16>,
    pub(super) zone: Option<char>,
}

impl Spot {
    pub(super) fn covers(&self, tier: Tier, host: u16, ts: i64) -> bool {
        self.from <= ts
            && ts < self.to
            && (self.tiers.is_empty() || self.tiers.contains(&tier))
            && (self.hosts.is_empty() || self.hosts.contains(&host))
            && self.zone.is_none_or(|zone| zone == zone_of(host))
    }
}

/// Everything that one incident does.
#[derive(Debug, Clone, Default)]
pub(super) struct Script {
    pub(super) effects: Vec<Effect>,
    /// In order of time.
    pub(super) emits: Vec<Emit>,
    pub(super) whos: Vec<Who>,
    pub(super) silent: Vec<Spot>,
    /// Clocks that are ahead by so many nanoseconds, or behind.
    pub(super) ahead: Vec<(Spot, i64)>,
    /// Lines that come later by so many nanoseconds.
    pub(super) late: Vec<(Spot, i64)>,
}
