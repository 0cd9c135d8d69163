//! Patterns of lines: fixed text, and slots that each line fills anew.
//!
//! A pattern is written `served <op> of <key> in <ms> ms`; `<hit|miss>` is one of these words.
//! Text in angle brackets that is no slot stands for itself.

use super::flow::{Flow, OPS, write_access_key, write_key};
use super::rng::Rng;
use super::text::Text;
use super::tier::{Tier, zone_letter, zone_of};
use crate::LogSeverity;

/// How a kind of line looks.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) tier: Tier,
    pub(super) severity: LogSeverity,
    pub(super) body: Template,
    pub(super) attributes: Template,
    /// Whether its lines carry the request's id.
    pub(super) request: bool,
    /// Whether its lines carry the trace's id too.
    pub(super) trace: bool,
}

/// Fixed text and slots.
#[derive(Debug, Clone, Default)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Text(Box<str>),
    Slot(Slot),
    Word(Box<[Box<str>]>),
}

macro_rules! slots {
    ($($(#[$doc:meta])* $slot:ident = $name:literal,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Slot { $($(#[$doc])* $slot,)* }

        impl Slot {
            fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$slot),)*
                    _ => None,
                }
            }
        }
    };
}

slots! {
    /// 0 to 99, small ones more often.
    Few = "n",
    /// 1 to 4,999.
    Many = "k",
    /// 10⁶ to 10⁹.
    Big = "big",
    /// 512 bytes to 16 MiB.
    Bytes = "bytes",
    /// 1 to 900, small ones more often.
    Millis = "ms",
    /// 40 to 9,000.
    Micros = "us",
    /// 2 to 600.
    Seconds = "s",
    /// 1 to 99.
    Percent = "pct",
    /// Such as `41.3`.
    Degrees = "temp",
    Hex8 = "hex8",
    Hex16 = "hex16",
    Ip = "ip",
    Port = "port",
    Pid = "pid",
    Worker = "worker",
    Shard = "shard",
    Version = "version",
    /// The host that writes.
    Host = "host",
    /// Another host of the same layer.
    Peer = "peer",
    Hsm = "hsm",
    Store = "store",
    Zone = "zone",
    Partition = "part",
    Replica = "replica",
    Position = "position",
    PolicyVersion = "pv",
    Op = "op",
    Request = "request",
    Session = "session",
    Account = "account",
    AccessKey = "ak",
    Key = "key",
    Status = "status",
    /// How long the request took, in milliseconds.
    Took = "took",
    /// How long the request took, in microseconds.
    TookMicros = "tookus",
}

/// What slots are filled from.
pub(super) struct Fill<'a> {
    pub(super) rng: Rng,
    pub(super) flow: Option<&'a Flow>,
    pub(super) tier: Tier,
    pub(super) host: u16,
}

impl Template {
    pub(super) fn new(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut fixed = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('<') {
            fixed.push_str(before);
            let slot = behind.split_once('>').and_then(|(name, after)| {
                let piece = match Slot::named(name) {
                    Some(slot) => Piece::Slot(slot),
                    None if name.contains('|') => {
                        Piece::Word(name.split('|').map(Into::into).collect())
                    }
                    None => return None,
                };
                Some((piece, after))
            });
            if let Some((piece, after)) = slot {
                if !fixed.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut fixed).into()));
                }
                pieces.push(piece);
                rest = after;
            } else {
                fixed.push('<');
                rest = behind;
            }
        }
        fixed.push_str(rest);
        if !fixed.is_empty() {
            pieces.push(Piece::Text(fixed.into()));
        }
        Self(pieces)
    }

    /// Its fixed text, `<>` for each slot.
    #[cfg(test)]
    pub(super) fn source(&self) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.to_string(),
            _ => "<>".to_owned(),
        };
        self.0.iter().map(text).collect()
    }

    pub(super) fn write(&self, fill: &mut Fill<'_>, out: &mut Text) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push(text),
                Piece::Slot(slot) => fill.write(*slot, out),
                Piece::Word(words) => {
                    let place = fill.rng.place(words.len());
                    out.push(words.get(place).map_or("", |word| word));
                }
            }
        }
    }
}

impl Fill<'_> {
    /// A number up to `most`, small ones more often.
    fn small(&mut self, most: u64) -> u64 {
        let drawn = self.rng.below(most + 1);
        drawn * self.rng.below(most + 1) / (most + 1)
    }

    fn write(&mut self, slot: Slot, out: &mut Text) {
        match slot {
            Slot::Few => out.number(self.small(99)),
            Slot::Many => out.number(1 + self.rng.below(4_999)),
            Slot::Big => out.number(self.rng.between(1_000_000, 1_000_000_000)),
            Slot::Bytes => out.number(512 + self.small(16 << 20)),
            Slot::Millis => out.number(1 + self.small(899)),
            Slot::Micros => out.number(40 + self.small(8_960)),
            Slot::Seconds => out.number(2 + self.small(598)),
            Slot::Percent => out.number(1 + self.rng.below(99)),
            Slot::Degrees => {
                out.number(self.rng.between(34, 58));
                out.byte(b'.');
                out.number(self.rng.below(10));
            }
            Slot::Hex8 => out.hex(self.rng.next(), 8),
            Slot::Hex16 => out.hex(self.rng.next(), 16),
            Slot::Ip => self.ip(out),
            Slot::Port => out.number(self.rng.between(1_024, 65_535)),
            Slot::Pid => out.number(300 + self.rng.below(32_000)),
            Slot::Worker => {
                out.push("worker-");
                out.number(self.rng.below(16));
            }
            Slot::Shard => {
                out.push("s-");
                out.padded(self.rng.below(256), 3);
            }
            Slot::Version => {
                out.number(self.rng.between(3, 5));
                out.byte(b'.');
                out.number(self.rng.below(12));
                out.byte(b'.');
                out.number(self.rng.below(30));
            }
            Slot::Host => out.push(self.tier.host(self.host)),
            Slot::Peer => {
                let peer = self.tier.any_host(&mut self.rng);
                out.push(self.tier.host(peer));
            }
            Slot::Zone => self.zone(out),
            Slot::Partition => out.number(u64::from(self.hsm() % 4) + 1),
            Slot::Hsm => {
                let hsm = self.hsm();
                out.push(Tier::Hsm.host(hsm));
            }
            Slot::Store => {
                let store = self.store();
                out.push(Tier::Storage.host(store));
            }
            Slot::Replica => {
                out.byte(b'r');
                out.number(u64::from(self.store() % 3) + 1);
            }
            Slot::Position => out.number(self.rng.between(7_000_000_000, 7_900_000_000)),
            Slot::PolicyVersion => out.number(self.rng.between(11, 71)),
            _ => self.write_of_flow(slot, out),
        }
    }

    /// Slots that a request fills; without one, any value.
    fn write_of_flow(&mut self, slot: Slot, out: &mut Text) {
        let Some(flow) = self.flow else { return self.write_without(slot, out) };
        match slot {
            Slot::Op => out.push(flow.op_name()),
            Slot::Request => flow.request(out),
            Slot::Session => flow.session(out),
            Slot::Account => flow.account(out),
            Slot::AccessKey => flow.access_key(out),
            Slot::Key => flow.key(out),
            Slot::Status => out.number(flow.status.into()),
            Slot::Took => out.number(flow.micros / 1_000),
            Slot::TookMicros => out.number(flow.micros),
            _ => {}
        }
    }

    fn write_without(&mut self, slot: Slot, out: &mut Text) {
        let account = u32::try_from(self.rng.below(4_000)).unwrap_or_default();
        let key = u32::try_from(self.rng.below(6)).unwrap_or_default();
        match slot {
            Slot::Op => out.push(self.rng.pick(&OPS)),
            Slot::Request => Flow::make(self.rng.next(), 0, None).request(out),
            Slot::Session => {
                out.push("0x");
                out.hex(self.rng.next(), 12);
            }
            Slot::Account => out.padded(super::flow::account_number(account), 12),
            Slot::AccessKey => write_access_key(account, key, out),
            Slot::Key => write_key(account, key, out),
            Slot::Status => out.number(200),
            Slot::Took => out.number(1 + self.small(899)),
            Slot::TookMicros => out.number(40 + self.small(8_960)),
            _ => {}
        }
    }

    fn zone(&mut self, out: &mut Text) {
        let zone = match (self.flow, self.tier) {
            (Some(flow), _) => zone_letter(flow.zone),
            (None, Tier::Changes) => zone_letter(u8::try_from(self.rng.below(3)).unwrap_or(0)),
            (None, _) => zone_of(self.host),
        };
        out.byte(u8::try_from(zone).unwrap_or(b'a'));
    }

    fn ip(&mut self, out: &mut Text) {
        // Of one request the same in all its lines.
        let drawn = self.flow.map_or_else(|| self.rng.next(), |flow| flow.id.rotate_left(17));
        if self.tier == Tier::Edge {
            out.push("203.0.113.");
        } else {
            out.push("10.");
            out.number(drawn >> 8 & 63);
            out.byte(b'.');
            out.number(drawn >> 16 & 255);
            out.byte(b'.');
        }
        out.number(drawn & 255);
    }

    fn hsm(&mut self) -> u16 {
        match (self.tier, self.flow) {
            (Tier::Hsm, _) => self.host,
            (_, Some(flow)) => flow.hsm,
            (_, None) => Tier::Hsm.any_host(&mut self.rng),
        }
    }

    fn store(&mut self) -> u16 {
        match (self.tier, self.flow) {
            (Tier::Storage, _) => self.host,
            (_, Some(flow)) => flow.store,
            (_, None) => Tier::Storage.any_host(&mut self.rng),
        }
    }
}

impl Pattern {
    /// A pattern with the attributes that lines of its layer have.
    pub(super) fn new(tier: Tier, severity: LogSeverity, component: &str, body: &str) -> Self {
        let attributes = match tier {
            Tier::Edge => format!(r#"{{"unit":"{component}","worker":"<worker>"}}"#),
            Tier::Front => {
                format!(
                    r#"{{"logger":"kms.front.{component}","thread":"<worker>","zone":"<zone>"}}"#
                )
            }
            Tier::Auth => format!(r#"{{"logger":"auth.{component}","pid":<pid>}}"#),
            Tier::Hsm => {
                format!(r#"{{"mod":"{component}","partition":<part>,"temp":"<temp>"}}"#)
            }
            Tier::Storage => {
                format!(r#"{{"component":"{component}","replica":"<replica>","shard":"<shard>"}}"#)
            }
            Tier::Queue => format!(r#"{{"topic":"{component}","lag":<n>}}"#),
            Tier::Canary => format!(r#"{{"probe":"{component}","zone":"<zone>","ms":<ms>}}"#),
            Tier::Changes => format!(r#"{{"kind":"{component}"}}"#),
        };
        Self::with(tier, severity, body, &attributes)
    }

    /// A pattern with attributes of its own.
    pub(super) fn with(tier: Tier, severity: LogSeverity, body: &str, attributes: &str) -> Self {
        Self {
            tier,
            severity,
            body: Template::new(body),
            attributes: Template::new(attributes),
            request: false,
            trace: false,
        }
    }

    /// A pattern whose lines carry the request's id, with the attributes that lines of requests
    /// have in its layer.
    pub(super) fn of_flow(tier: Tier, severity: LogSeverity, body: &str) -> Self {
        let attributes = match tier {
            Tier::Edge => r#"{"client":"<ip>","status":<status>,"bytes":<k>,"ms":<took>}"#,
            Tier::Front => {
                r#"{"op":"<op>","account":"<account>","accessKeyId":"<ak>","keyId":"<key>","status":<status>,"latencyMs":<took>,"zone":"<zone>"}"#
            }
            Tier::Auth => {
                r#"{"ak":"<ak>","sessionHandle":"<session>","policyVersion":<pv>,"cacheAgeMs":<k>}"#
            }
            Tier::Hsm => r#"{"session":"<session>","partition":<part>,"queue":<n>,"us":<us>}"#,
            Tier::Storage => {
                r#"{"record":"<key>","replica":"<replica>","position":<position>,"us":<us>}"#
            }
            Tier::Queue => r#"{"topic":"audit","subject":"<key>","lag":<n>}"#,
            Tier::Canary => r#"{"probe":"roundtrip","zone":"<zone>","ms":<took>}"#,
            Tier::Changes => r#"{"kind":"event"}"#,
        };
        let mut pattern = Self::with(tier, severity, body, attributes);
        pattern.request = true;
        pattern.trace = tier == Tier::Front;
        pattern
    }
}

#[cfg(test)]
mod tests {
    use super::{Fill, Template};
    use crate::testkit::stream::rng::Rng;
    use crate::testkit::stream::text::Text;
    use crate::testkit::stream::tier::Tier;

    #[test]
    fn slots_are_filled_and_other_brackets_stay() {
        let template = Template::new("a < b <img> <zone> <one|one> on <host>");
        let mut out = Text::default();
        let mut fill = Fill { rng: Rng::new(1), flow: None, tier: Tier::Hsm, host: 1 };
        template.write(&mut fill, &mut out);
        assert_eq!(out.as_str(), "a < b <img> b one on hsm-02");
    }
}
