//! Requests on their way through the layers, and the ids that they carry.

use super::rng::{Rng, hash};
use super::text::Text;
use super::tier::Tier;

/// The operations, the frequent ones first.
pub(super) const OPS: [&str; 10] = [
    "Decrypt",
    "GenerateDataKey",
    "Encrypt",
    "Sign",
    "DescribeKey",
    "Verify",
    "ReEncrypt",
    "CreateGrant",
    "ListKeys",
    "CreateKey",
];
/// Up to which of a hundred draws each is chosen.
const OP_SHARES: [u64; 10] = [38, 62, 76, 84, 90, 94, 96, 98, 99, 100];

/// How many customers there are.
const ACCOUNTS: u64 = 4_000;

/// Whom a request must be of, or which hosts it must meet. Empty lists and `None` allow all.
#[derive(Debug, Clone, Default)]
pub(super) struct Who {
    pub(super) zone: Option<u8>,
    pub(super) op: Option<u8>,
    pub(super) account: Option<u32>,
    /// With an account: which of its keys.
    pub(super) key: Option<u32>,
    pub(super) fronts: Vec<u16>,
    pub(super) auths: Vec<u16>,
    pub(super) hsms: Vec<u16>,
    pub(super) stores: Vec<u16>,
}

impl Who {
    pub(super) fn meets(&self, flow: &Flow) -> bool {
        let host = |hosts: &[u16], host: u16| hosts.is_empty() || hosts.contains(&host);
        self.zone.is_none_or(|zone| zone == flow.zone)
            && self.op.is_none_or(|op| op == flow.op)
            && self.account.is_none_or(|account| account == flow.account)
            && self.key.is_none_or(|key| key == flow.key)
            && host(&self.fronts, flow.front)
            && host(&self.auths, flow.auth)
            && host(&self.hsms, flow.hsm)
            && host(&self.stores, flow.store)
    }
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    pub(super) id: u64,
    pub(super) zone: u8,
    pub(super) op: u8,
    pub(super) account: u32,
    pub(super) key: u32,
    pub(super) edge: u16,
    pub(super) front: u16,
    pub(super) auth: u16,
    pub(super) hsm: u16,
    pub(super) store: u16,
    pub(super) session: u64,
    pub(super) status: u16,
    /// How long it took, in microseconds.
    pub(super) micros: u64,
}

impl Flow {
    /// A request that meets `who`. Every other one shares the session of the one before it.
    pub(super) fn make(minute: u64, number: u64, who: Option<&Who>) -> Self {
        let mut rng = Rng::of(&[minute, number]);
        let id = rng.next();
        let zone = who.and_then(|who| who.zone);
        let zone = zone.unwrap_or_else(|| u8::try_from(rng.below(3)).unwrap_or_default());
        let hundred = rng.below(100);
        let op = OP_SHARES.iter().position(|share| hundred < *share).unwrap_or_default();
        let op = u8::try_from(op).unwrap_or_default();
        // The square of a number below one: few customers send most.
        let drawn = rng.below(ACCOUNTS);
        let account = u32::try_from(drawn * drawn / ACCOUNTS).unwrap_or_default();
        let key = u32::try_from(rng.below(6)).unwrap_or_default();
        let (edge, front) =
            (Tier::Edge.host_in(zone, &mut rng), Tier::Front.host_in(zone, &mut rng));
        let (auth, store) =
            (Tier::Auth.host_in(zone, &mut rng), Tier::Storage.host_in(zone, &mut rng));
        let session = hash(&[minute, number / 2, 0x5e55]);
        let hsm = Tier::Hsm.any_host(&mut Rng::new(session));
        let micros =
            6_000 + rng.below(9_000) + rng.below(9_000) * u64::from(rng.below(20) == 0) * 9;
        let mut flow = Self {
            id,
            zone,
            op,
            account,
            key,
            edge,
            front,
            auth,
            hsm,
            store,
            session,
            status: 200,
            micros,
        };
        if let Some(who) = who {
            flow.pin(who, &mut rng);
        }
        flow
    }

    fn pin(&mut self, who: &Who, rng: &mut Rng) {
        let mut host = |hosts: &[u16], host: &mut u16| {
            if !hosts.is_empty() {
                *host = rng.pick(hosts);
            }
        };
        host(&who.fronts, &mut self.front);
        host(&who.auths, &mut self.auth);
        host(&who.stores, &mut self.store);
        if !who.hsms.is_empty() {
            host(&who.hsms, &mut self.hsm);
            // A session is one host's.
            self.session = hash(&[self.session, self.hsm.into()]);
        }
        self.op = who.op.unwrap_or(self.op);
        self.account = who.account.unwrap_or(self.account);
        self.key = who.key.unwrap_or(self.key);
    }

    pub(super) fn op_name(&self) -> &'static str {
        OPS.get(usize::from(self.op)).copied().unwrap_or("Decrypt")
    }

    /// As a UUID of version 4.
    pub(super) fn request(&self, out: &mut Text) {
        let (a, b) = (self.id, hash(&[self.id]));
        out.hex(a >> 32, 8);
        out.byte(b'-');
        out.hex(a >> 16, 4);
        out.push("-4");
        out.hex(a, 3);
        out.push("-a");
        out.hex(b >> 48, 3);
        out.byte(b'-');
        out.hex(b, 12);
    }

    pub(super) fn trace(&self) -> [u8; 16] {
        let (a, b) = (hash(&[self.id, 1]), hash(&[self.id, 2]));
        (u128::from(a) << 64 | u128::from(b)).to_be_bytes()
    }

    pub(super) fn session(&self, out: &mut Text) {
        out.push("0x");
        out.hex(self.session, 12);
    }

    pub(super) fn account(&self, out: &mut Text) {
        out.padded(account_number(self.account), 12);
    }

    pub(super) fn access_key(&self, out: &mut Text) {
        write_access_key(self.account, self.key, out);
    }

    pub(super) fn key(&self, out: &mut Text) {
        write_key(self.account, self.key, out);
    }
}

pub(super) fn account_number(account: u32) -> u64 {
    100_000_000_000 + hash(&[0xacc0, account.into()]) % 899_999_999_999
}

/// An access key's id: `AKIA` and 16 of base 32. Each account has three.
pub(super) fn write_access_key(account: u32, key: u32, out: &mut Text) {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    out.push("AKIA");
    let mut bits = u128::from(hash(&[0xa41a, account.into(), u64::from(key) / 2]));
    bits |= u128::from(hash(&[0xa41b, account.into(), u64::from(key) / 2])) << 64;
    for _ in 0..16 {
        let letter = usize::try_from(bits & 31).unwrap_or_default();
        out.byte(LETTERS.get(letter).copied().unwrap_or(b'A'));
        bits >>= 5;
    }
}

/// A key's id: `mrk-` and 20 of base 16.
pub(super) fn write_key(account: u32, key: u32, out: &mut Text) {
    out.push("mrk-");
    out.hex(hash(&[0x4e1, account.into(), key.into()]), 16);
    out.hex(hash(&[0x4e2, account.into(), key.into()]), 4);
}
