//! The words that everyday lines are made of: what each layer has to talk about.

use super::tier::Tier;

/// A part of a layer's program, and the things it deals with.
pub(super) type Component = (&'static str, &'static [&'static str]);

/// A verb: base, past, gerund.
pub(super) type Verb = [&'static str; 3];

pub(super) const fn components(tier: Tier) -> &'static [Component] {
    match tier {
        Tier::Edge => EDGE,
        Tier::Front => FRONT,
        Tier::Auth => AUTH,
        Tier::Hsm => HSM,
        Tier::Storage => STORAGE,
        Tier::Queue => QUEUE,
        Tier::Canary => CANARY,
        Tier::Changes => &[],
    }
}

const EDGE: &[Component] = &[
    ("listener", &["accept backlog", "socket group", "listen address", "worker slot"]),
    ("tls", &["session ticket ring", "certificate chain", "OCSP staple", "cipher preference list"]),
    ("balancer", &["backend pool", "weight table", "outlier list", "sticky map", "health score"]),
    ("http2", &["stream window", "header table", "frame buffer", "ping deadline"]),
    ("limiter", &["token bucket", "burst allowance", "client bucket group"]),
    ("geo", &["prefix table", "country map", "anycast route"]),
    ("resolver", &["upstream record", "negative cache", "search domain"]),
    ("metrics", &["histogram shard", "scrape page", "label set"]),
];

const FRONT: &[Component] = &[
    ("router", &["route table", "operation map", "shadow route", "path matcher"]),
    ("admission", &["concurrency budget", "queue depth target", "priority class", "shed ratio"]),
    ("quota", &["account quota", "usage window", "quota lease", "burst credit"]),
    ("codec", &["request envelope", "ciphertext header", "schema cache", "json arena"]),
    ("idempotency", &["replay window", "token store", "dedupe record"]),
    ("hsmclient", &["partition map", "session lease", "handle cache", "wrap context"]),
    ("keycache", &["metadata entry", "alias entry", "tombstone", "refresh batch"]),
    ("http", &["connection", "keep-alive pool", "read buffer", "idle socket"]),
    ("audit", &["audit batch", "trail buffer", "digest block"]),
    ("discovery", &["peer list", "lease record", "zone view"]),
    ("runtime", &["thread pool", "heap region", "class unloading", "safepoint"]),
    ("flags", &["flag snapshot", "override file", "segment rule"]),
];

const AUTH: &[Component] = &[
    ("sigv4", &["signing key", "canonical form", "date scope", "credential scope"]),
    ("policy", &["policy document", "statement index", "condition tree", "principal set"]),
    ("grants", &["grant table", "grant token", "retiring list", "constraint map"]),
    ("sts", &["session credential", "role chain", "assumed identity", "external id"]),
    ("cache", &["decision entry", "principal entry", "negative entry", "eviction ring"]),
    ("sync", &["change cursor", "policy delta", "snapshot part", "push channel"]),
    ("oidc", &["issuer keys", "audience list", "thumbprint"]),
    ("rpc", &["call slot", "deadline wheel", "channel", "metadata block"]),
    ("pool", &["storage connection", "idle connection", "checkout timer"]),
    ("explain", &["trace record", "decision sample", "explanation page"]),
    ("runtime", &["arena", "worker group", "finalizer queue"]),
];

const HSM: &[Component] = &[
    ("session", &["session table", "handle block", "login token", "idle timer"]),
    ("slot", &["slot map", "token label", "object store"]),
    (
        "engine",
        &["command ring", "crypto core", "pipeline stage", "microcode page", "batch window"],
    ),
    ("rng", &["entropy pool", "health test window", "reseed counter", "noise source"]),
    ("thermal", &["fan curve", "sensor array", "heat sink reading"]),
    ("firmware", &["image slot", "module digest", "boot counter", "patch table"]),
    ("tamper", &["mesh reading", "voltage window", "light sensor", "lid switch"]),
    ("attest", &["quote cache", "measurement log", "nonce window"]),
    ("keystore", &["wrapped blob", "usage counter", "key slot", "zeroize list"]),
    ("bus", &["lane", "descriptor ring", "interrupt group", "DMA window"]),
    ("audit", &["audit ring", "hash chain block", "export cursor"]),
    ("clock", &["time source", "drift estimate", "leap table"]),
];

const STORAGE: &[Component] = &[
    ("wal", &["log segment", "group commit", "sync barrier", "tail block"]),
    ("memtable", &["write buffer", "skip list arena", "flush slot"]),
    ("compaction", &["level run", "merge job", "overlap set", "tombstone range"]),
    ("replication", &["apply queue", "peer cursor", "snapshot chunk", "catch-up batch"]),
    ("repair", &["range digest", "hint file", "repair session"]),
    ("raft", &["election timer", "vote record", "lease", "membership entry", "heartbeat round"]),
    ("blockcache", &["cache shard", "pinned block", "index block"]),
    ("scrub", &["checksum pass", "extent list", "sector sample"]),
    ("backup", &["backup chain", "manifest part", "upload part"]),
    ("disk", &["extent", "write-back queue", "trim batch", "io scheduler class"]),
    ("rpc", &["request arena", "stream credit", "peer channel"]),
    ("keyspace", &["range split", "range merge", "placement rule"]),
];

const QUEUE: &[Component] = &[
    ("consumer", &["offset commit", "fetch session", "partition claim", "rebalance round"]),
    ("producer", &["record batch", "linger timer", "idempotent sequence"]),
    ("fanout", &["subscriber list", "push frame", "ack window", "redelivery slot"]),
    ("retention", &["segment index", "time index", "delete horizon"]),
    ("scheduler", &["job lease", "timer wheel", "cron entry", "run slot"]),
    ("deadletter", &["parked message", "retry budget", "quarantine shelf"]),
    ("rotation", &["rotation job", "key generation", "due list"]),
];

const CANARY: &[Component] = &[
    ("roundtrip", &["probe round", "sample ciphertext", "latency bucket"]),
    ("sign", &["sample digest", "signature check", "probe key"]),
    ("grant", &["throwaway grant", "propagation timer"]),
    ("tlsprobe", &["handshake sample", "expiry reading"]),
    ("agent", &["schedule slot", "result spool", "heartbeat page"]),
];

pub(super) const VERBS: &[Verb] = &[
    ["refresh", "refreshed", "refreshing"],
    ["rebuild", "rebuilt", "rebuilding"],
    ["rotate", "rotated", "rotating"],
    ["release", "released", "releasing"],
    ["reclaim", "reclaimed", "reclaiming"],
    ["resize", "resized", "resizing"],
    ["publish", "published", "publishing"],
    ["load", "loaded", "loading"],
    ["merge", "merged", "merging"],
    ["prune", "pruned", "pruning"],
    ["verify", "verified", "verifying"],
    ["warm", "warmed", "warming"],
    ["seal", "sealed", "sealing"],
    ["swap", "swapped", "swapping"],
    ["renew", "renewed", "renewing"],
    ["expire", "expired", "expiring"],
    ["sample", "sampled", "sampling"],
    ["drain", "drained", "draining"],
    ["pin", "pinned", "pinning"],
    ["compact", "compacted", "compacting"],
    ["advance", "advanced", "advancing"],
    ["register", "registered", "registering"],
    ["hand over", "handed over", "handing over"],
    ["re-read", "re-read", "re-reading"],
];

/// Forms of debug and info: `{c}` component, `{o}` object, `{b}`, `{p}`, `{g}` forms of the verb.
pub(super) const CALM: &[&str] = &[
    "{p} {o} in <ms> ms",
    "{c}: {p} {o} <hex8> (<k> entries, <bytes> bytes)",
    "{g} {o} for <account>",
    "{c} {o} {p}, took=<ms>ms n=<n>",
    "[{c}] {o} <k>/<k> {p}",
    "{o} {p} by <worker>, next in <s> s",
    "event={c}.{b} object=\"{o}\" dur_us=<us> result=ok",
    "about to {b} {o} (generation <k>)",
    "{c}: {o} is at <pct>% after {g}",
    "finished {g} {o}: <k> kept, <n> dropped",
    "{o} of <peer> {p} at <hex16>",
    "{c}: skip {g} {o}, nothing changed since <s> s",
    "{p} <n> of <k> {o} items, peer <ip>:<port>",
    "{c} tick: {o} <pct>% used, {p} <n> times",
    "{o} <hex8> {p} (<fast|slow> path, <us> us)",
    "{c}: {b} of {o} scheduled in <s> s",
    "{o} version <version> {p}",
    "will {b} {o} when idle, <n> pending",
];

/// Forms of warnings.
pub(super) const UNEASY: &[&str] = &[
    "{c}: {g} {o} took <ms> ms, longer than wanted",
    "{o} above soft limit: <pct>%, {g} early",
    "could not {b} {o} at once, will try again in <s> s",
    "{c}: {o} <hex8> was not {p}, using the old one",
    "slow {o}: <k> ms on <worker>",
    "{o} {p} twice, keeping the newer (<hex8>)",
    "{c}: deprecated setting for {o} is still read",
    "retry <n> while {g} {o} with <peer>",
];

/// Forms of errors that are everyday.
pub(super) const SORE: &[&str] = &[
    "{c}: failed to {b} {o} <hex8>: connection reset by <ip>",
    "{o} not {p}: deadline of <ms> ms passed",
    "{c}: gave up {g} {o} after <n> tries",
    "error while {g} {o}: broken pipe (peer <peer>)",
];
