//! The eight layers of the service: who writes, how lines look, what is declared of them.

use std::sync::LazyLock;
use std::time::Duration;

use super::rng::{Rng, hash};
use crate::{Layer, LayerError, LayerField, LayerName, Layers, Unit, ValueType};

/// One of the eight layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Tier {
    Edge,
    Front,
    Auth,
    Hsm,
    Storage,
    Queue,
    Canary,
    Changes,
}

/// Nanoseconds of a millisecond.
const MILLI: i64 = 1_000_000;

/// What is the same for all lines of a layer.
pub(super) struct Fleet {
    pub(super) name: &'static str,
    pub(super) service: &'static str,
    pub(super) source: &'static str,
    /// How many emitters.
    pub(super) hosts: u16,
    /// How long a line is on its way until it is observed, in nanoseconds, and at most how much
    /// longer.
    pub(super) delay: (i64, i64),
    /// By how much an emitter's clock may be off, in nanoseconds, to either side.
    pub(super) clock: i64,
    /// What the layer's clock counts in, in nanoseconds.
    pub(super) tick: i64,
    /// How the layer writes debug, info, warn, error and fatal.
    pub(super) words: [&'static str; 5],
}

const LOWER: [&str; 5] = ["debug", "info", "warning", "error", "critical"];
const UPPER: [&str; 5] = ["DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const LETTER: [&str; 5] = ["D", "I", "W", "E", "F"];

const FLEETS: [Fleet; 8] = [
    Fleet {
        name: "edge",
        service: "kms-edge",
        source: "/var/log/edge/access.log",
        hosts: 18,
        delay: (300 * MILLI, 900 * MILLI),
        clock: 3 * MILLI,
        tick: MILLI,
        words: LOWER,
    },
    Fleet {
        name: "front",
        service: "kms-front",
        source: "/var/log/kms/front.json",
        hosts: 60,
        delay: (500 * MILLI, 2_500 * MILLI),
        clock: 4 * MILLI,
        tick: 1_000,
        words: UPPER,
    },
    Fleet {
        name: "auth",
        service: "kms-auth",
        source: "/var/log/kms/auth.json",
        hosts: 24,
        delay: (800 * MILLI, 5_000 * MILLI),
        clock: 4 * MILLI,
        tick: 1_000,
        words: UPPER,
    },
    Fleet {
        name: "hsm",
        service: "kms-hsm",
        source: "/var/log/hsm/engine.log",
        hosts: 40,
        delay: (2_000 * MILLI, 9_000 * MILLI),
        clock: 15 * MILLI,
        tick: 1,
        words: LETTER,
    },
    Fleet {
        name: "storage",
        service: "kms-storage",
        source: "/var/log/kvs/server.log",
        hosts: 12,
        delay: (400 * MILLI, 1_500 * MILLI),
        clock: 2 * MILLI,
        tick: 1_000,
        words: UPPER,
    },
    Fleet {
        name: "queue",
        service: "kms-feed",
        source: "/var/log/feed/worker.log",
        hosts: 8,
        delay: (1_000 * MILLI, 3_000 * MILLI),
        clock: 5 * MILLI,
        tick: MILLI,
        words: LOWER,
    },
    Fleet {
        name: "canary",
        service: "kms-canary",
        source: "/var/log/canary/probe.log",
        hosts: 6,
        delay: (200 * MILLI, 800 * MILLI),
        clock: 8 * MILLI,
        tick: MILLI,
        words: UPPER,
    },
    Fleet {
        name: "changes",
        service: "kms-changes",
        source: "changes/events",
        hosts: 2,
        delay: (1_000 * MILLI, 4_000 * MILLI),
        clock: 0,
        tick: MILLI,
        words: LOWER,
    },
];

static EMPTY: Fleet = Fleet {
    name: "none",
    service: "none",
    source: "none",
    hosts: 1,
    delay: (0, 0),
    clock: 0,
    tick: 1,
    words: UPPER,
};

impl Tier {
    pub(super) const ALL: [Self; 8] = [
        Self::Edge,
        Self::Front,
        Self::Auth,
        Self::Hsm,
        Self::Storage,
        Self::Queue,
        Self::Canary,
        Self::Changes,
    ];

    pub(super) fn fleet(self) -> &'static Fleet {
        FLEETS.get(self as usize).unwrap_or(&EMPTY)
    }

    pub(super) fn layer(self) -> &'static LayerName {
        static NAMES: LazyLock<Vec<LayerName>> = LazyLock::new(|| {
            FLEETS.iter().filter_map(|fleet| LayerName::parse(fleet.name).ok()).collect()
        });
        static NONE: LazyLock<LayerName> = LazyLock::new(LayerName::unnamed);
        NAMES.get(self as usize).unwrap_or(&NONE)
    }

    /// The name of an emitter.
    pub(super) fn host(self, host: u16) -> &'static str {
        static NAMES: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
            let of = |tier: Tier| (0..tier.fleet().hosts).map(move |host| tier.write_host(host));
            Tier::ALL.into_iter().map(|tier| of(tier).collect()).collect()
        });
        NAMES.get(self as usize).and_then(|names| names.get(usize::from(host))).map_or("", |n| n)
    }

    fn write_host(self, host: u16) -> String {
        let (zone, number) = (zone_of(host), host / 3 + 1);
        match self {
            Self::Edge => format!("edge-{zone}-{number:02}"),
            Self::Front => format!("front-{zone}-{number:02}"),
            Self::Auth => format!("auth-{zone}-{number:02}"),
            Self::Hsm => format!("hsm-{:02}", host + 1),
            Self::Storage => format!("kvs-r{}-{number:02}", host % 3 + 1),
            Self::Queue => format!("feed-{:02}", host + 1),
            Self::Canary => format!("canary-{zone}-{number}"),
            Self::Changes if host == 0 => "deployer".to_owned(),
            Self::Changes => "flagd".to_owned(),
        }
    }

    /// An emitter of a zone.
    pub(super) fn host_in(self, zone: u8, rng: &mut Rng) -> u16 {
        let groups = u64::from((self.fleet().hosts / 3).max(1));
        u16::try_from(rng.below(groups)).unwrap_or_default() * 3 + u16::from(zone)
    }

    pub(super) fn any_host(self, rng: &mut Rng) -> u16 {
        u16::try_from(rng.below(self.fleet().hosts.into())).unwrap_or_default()
    }

    /// By how many nanoseconds an emitter's clock is ahead, always.
    pub(super) fn clock_of(self, host: u16, seed: u64) -> i64 {
        let most = self.fleet().clock;
        let span = most.unsigned_abs() * 2 + 1;
        let ahead = hash(&[seed, 0xc10c, self as u64, host.into()]) % span;
        i64::try_from(ahead).unwrap_or_default() - most
    }
}

/// The zone of an emitter, by its place in its fleet.
pub(super) const fn zone_of(host: u16) -> char {
    zone_letter((host % 3) as u8)
}

pub(super) const fn zone_letter(zone: u8) -> char {
    match zone % 3 {
        0 => 'a',
        1 => 'b',
        _ => 'c',
    }
}

/// What is declared of the layers.
pub(super) fn layers() -> Result<Layers, LayerError> {
    let text = |path: &str| LayerField::attribute(path, ValueType::Text);
    let int = |path: &str| LayerField::attribute(path, ValueType::Int);
    let took = |path: &str, unit: Unit| LayerField::attribute(path, ValueType::Duration).unit(unit);
    let late = Duration::from_secs;
    Ok(Layers::from_iter([
        Layer::new("edge")?
            .field("client", LayerField::attribute("client", ValueType::Ip))?
            .field("status", int("status"))?
            .field("bytes", int("bytes"))?
            .field("took", took("ms", Unit::Milliseconds))?
            .lateness(late(5)),
        Layer::new("front")?
            .field("op", text("op"))?
            .field("account", text("account"))?
            .field("access_key", text("accessKeyId"))?
            .field("key", text("keyId"))?
            .field("status", int("status"))?
            .field("took", took("latencyMs", Unit::Milliseconds))?
            .field("zone", text("zone"))?
            .field("retry_of", text("retryOf"))?
            .id("account", "account")?
            .id("access_key", "access_key")?
            .id("key", "key")?
            .lateness(late(10)),
        Layer::new("auth")?
            .field("access_key", text("ak"))?
            .field("session", text("sessionHandle"))?
            .field("account", text("principal.account"))?
            .field("policy_version", int("policyVersion"))?
            .field("cache_age", took("cacheAgeMs", Unit::Milliseconds))?
            .id("access_key", "access_key")?
            .id("session", "session")?
            .id("account", "account")?
            .lateness(late(15)),
        Layer::new("hsm")?
            .field("session", text("session"))?
            .field("partition", int("partition"))?
            .field("queued", int("queue"))?
            .field("took", took("us", Unit::Microseconds))?
            .field("temperature", LayerField::attribute("temp", ValueType::Decimal))?
            .field("firmware", text("fw"))?
            .id("session", "session")?
            .lateness(late(30)),
        Layer::new("storage")?
            .field("key", text("record"))?
            .field("replica", text("replica"))?
            .field("position", int("position"))?
            .field("took", took("us", Unit::Microseconds))?
            .id("key", "key")?
            .lateness(late(10)),
        Layer::new("queue")?
            .field("topic", text("topic"))?
            .field("key", text("subject"))?
            .field("lag", int("lag"))?
            .id("key", "key")?
            .lateness(late(10)),
        Layer::new("canary")?
            .field("probe", text("probe"))?
            .field("zone", text("zone"))?
            .field("took", took("ms", Unit::Milliseconds))?
            .lateness(late(5)),
        Layer::new("changes")?
            .field("change", text("kind"))?
            .field("target", text("target"))?
            .field("by", text("by"))?
            .lateness(late(10))
            .changes(),
    ]))
}

#[cfg(test)]
mod tests {
    use super::{Tier, layers};

    #[test]
    fn every_layer_is_declared_and_has_emitters_of_its_own() {
        let layers = layers().unwrap();
        assert_eq!(layers.len(), Tier::ALL.len());
        let mut names = std::collections::BTreeSet::new();
        for tier in Tier::ALL {
            assert!(layers.get(tier.layer()).is_some(), "{}", tier.layer());
            for host in 0..tier.fleet().hosts {
                assert!(names.insert(tier.host(host)), "{} twice", tier.host(host));
            }
        }
        assert_eq!(names.len(), 60 + 24 + 40 + 12 + 18 + 8 + 6 + 2);
    }
}
