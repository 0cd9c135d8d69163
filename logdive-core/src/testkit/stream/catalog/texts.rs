//! The texts of everyday lines that are not made by the grammar.

use crate::LogSeverity;
use crate::testkit::stream::script::Stage;
use crate::testkit::stream::tier::Tier;

const DEBUG: LogSeverity = LogSeverity::DEBUG;
const INFO: LogSeverity = LogSeverity::INFO;
const WARN: LogSeverity = LogSeverity::WARN;
const ERROR: LogSeverity = LogSeverity::ERROR;

/// What requests that go well leave, by stage, the frequent ones first.
pub(super) const REPLIES: &[(Stage, &[(LogSeverity, &str)])] = &[
    (
        Stage::Accept,
        &[
            (DEBUG, "accepted <op> from <ip>:<port> on <worker>"),
            (DEBUG, "admitted <op> at depth <n>, budget <pct>%"),
            (INFO, "routed <op> of <key> to partition <part>"),
        ],
    ),
    (
        Stage::Authorize,
        &[
            (INFO, "allowed <op> on <key> by key policy (cache <hit|hit|hit|miss>)"),
            (INFO, "allowed <op> on <key> by grant <hex16>"),
            (DEBUG, "signature of <ak> valid, scope <hex8>, skew <n> ms"),
            (INFO, "allowed <op> for role session of <account>"),
            (DEBUG, "policy evaluated in <us> us, <n> statements, <n> conditions"),
            (DEBUG, "session <session> bound to <ak>"),
        ],
    ),
    (
        Stage::Store,
        &[
            (DEBUG, "get <key> at <position> from memtable in <us> us"),
            (DEBUG, "get <key> at <position> from level <n> in <us> us"),
            (INFO, "read <key> with quorum <n>/3 in <us> us"),
            (DEBUG, "block cache hit for <key>, shard <shard>"),
            (INFO, "read repair of <key> not needed, digests equal"),
        ],
    ),
    (
        Stage::Crypt,
        &[
            (INFO, "<op> done session=<session> core=<n> <us> us"),
            (INFO, "unwrap ok session=<session> slot=<n> <us> us"),
            (DEBUG, "dequeued cmd=<hex8> session=<session> waited <us> us"),
            (INFO, "wrap ok session=<session> slot=<n> <us> us"),
            (DEBUG, "handle <hex8> reused session=<session>"),
            (DEBUG, "batch of <n> closed session=<session>"),
        ],
    ),
    (
        Stage::Reply,
        &[
            (INFO, "<op> <status> in <took> ms for <account>"),
            (INFO, "completed <op> on <key> in <took> ms, <bytes> bytes"),
            (DEBUG, "reply written: <op> <status>, total <tookus> us, hsm <us> us"),
            (INFO, "<op> served from partition <part> in <took> ms"),
        ],
    ),
    (
        Stage::Edge,
        &[
            (INFO, "POST /v1/<op> <status> <took>ms up=<ip>:<port>"),
            (INFO, "POST / x-op=<op> <status> <took>ms keepalive=<n>"),
        ],
    ),
    (
        Stage::Audit,
        &[
            (INFO, "audit event of <key> appended to partition <n> at <big>"),
            (DEBUG, "audit event <hex16> acknowledged in <ms> ms"),
        ],
    ),
];

/// How a few requests go wrong every day.
pub(super) struct Everyday {
    pub(super) in_a_million: u64,
    pub(super) lines: &'static [(Stage, LogSeverity, &'static str)],
    pub(super) ends: Option<Stage>,
    pub(super) slower: (u64, u64),
    pub(super) status: u16,
}

pub(super) const TROUBLES: &[Everyday] = &[
    Everyday {
        in_a_million: 6_000,
        lines: &[(Stage::Reply, WARN, "throttled <op> of <account>: request rate above quota")],
        ends: Some(Stage::Accept),
        slower: (0, 2),
        status: 429,
    },
    Everyday {
        in_a_million: 3_000,
        lines: &[(Stage::Reply, INFO, "rejected <op>: ValidationException, ciphertext too short")],
        ends: Some(Stage::Accept),
        slower: (0, 1),
        status: 400,
    },
    Everyday {
        in_a_million: 2_500,
        lines: &[
            (Stage::Authorize, INFO, "denied <op> on <key>: no statement allows it"),
            (Stage::Reply, INFO, "<op> AccessDeniedException for <account>"),
        ],
        ends: Some(Stage::Authorize),
        slower: (0, 3),
        status: 403,
    },
    Everyday {
        in_a_million: 1_500,
        lines: &[
            (Stage::Crypt, WARN, "queue full, asked to retry session=<session> depth=<n>"),
            (
                Stage::Reply,
                ERROR,
                "<op> failed: no capacity in partition <part>, gave up after <n> tries",
            ),
        ],
        ends: None,
        slower: (20, 200),
        status: 503,
    },
    Everyday {
        in_a_million: 1_200,
        lines: &[(
            Stage::Reply,
            ERROR,
            "<op> failed: client closed the connection before <took> ms",
        )],
        ends: None,
        slower: (300, 2_500),
        status: 499,
    },
    Everyday {
        in_a_million: 900,
        lines: &[
            (
                Stage::Authorize,
                ERROR,
                "could not evaluate condition of <key>: no value for aws:SourceVpce",
            ),
            (Stage::Reply, INFO, "<op> AccessDeniedException for <account>, evaluation error"),
        ],
        ends: Some(Stage::Authorize),
        slower: (0, 4),
        status: 403,
    },
    Everyday {
        in_a_million: 700,
        lines: &[
            (Stage::Store, ERROR, "read of <key> timed out on one replica after <ms> ms"),
            (Stage::Reply, WARN, "<op> slow: storage took <ms> ms on second try"),
        ],
        ends: None,
        slower: (100, 700),
        status: 200,
    },
    Everyday {
        in_a_million: 600,
        lines: &[
            (Stage::Crypt, ERROR, "command <hex8> aborted session=<session>: parity retry"),
            (Stage::Reply, WARN, "retried <op> once on another module, <took> ms"),
        ],
        ends: None,
        slower: (40, 300),
        status: 200,
    },
    Everyday {
        in_a_million: 2_000,
        lines: &[(
            Stage::Reply,
            WARN,
            "<op> refused: key <key> is <disabled|disabled|pending deletion>",
        )],
        ends: Some(Stage::Store),
        slower: (0, 3),
        status: 400,
    },
];

/// A pause of a collector.
pub(super) const PAUSES: &[(LogSeverity, &str)] = &[
    (DEBUG, "safepoint reached in <us> us"),
    (INFO, "collector paused <ms> ms (<young|young|mixed>), <pct>% reclaimed"),
    (INFO, "heap after collection <pct>% of <k> MiB"),
];

/// Jobs that run by the clock.
pub(super) const JOBS: &[(Tier, &str)] = &[
    (Tier::Front, "usage-rollup"),
    (Tier::Storage, "alias-sweep"),
    (Tier::Auth, "grant-expiry"),
    (Tier::Edge, "certificate-inventory"),
    (Tier::Queue, "rotation-scan"),
    (Tier::Hsm, "orphan-handle-sweep"),
    (Tier::Storage, "replica-digest"),
    (Tier::Front, "quota-reset"),
    (Tier::Queue, "trail-upload"),
    (Tier::Storage, "backup-incremental"),
    (Tier::Hsm, "entropy-report"),
    (Tier::Storage, "backup-full"),
    (Tier::Auth, "policy-lint"),
    (Tier::Canary, "probe-key-renewal"),
    (Tier::Queue, "dead-letter-review"),
    (Tier::Edge, "log-rotate"),
    (Tier::Hsm, "usage-counter-flush"),
    (Tier::Auth, "credential-report"),
];

/// Calls that are tried again in bursts.
pub(super) const CALLS: &[(Tier, &str)] = &[
    (Tier::Front, "lease renewal"),
    (Tier::Front, "metrics push"),
    (Tier::Auth, "issuer keys fetch"),
    (Tier::Auth, "snapshot part fetch"),
    (Tier::Storage, "hint delivery"),
    (Tier::Queue, "group heartbeat"),
    (Tier::Hsm, "audit export"),
    (Tier::Edge, "staple fetch"),
    (Tier::Canary, "result upload"),
];

/// What people and pipelines change every day.
pub(super) const CHANGES: &[(&str, &str)] = &[
    (
        "deploy",
        "deploy of <front|auth|edge|queue|canary|console> release <amber|brisk|cedar|dusty|early|frosty|gentle|hollow>-<badger|crane|dingo|egret|finch|gecko|hare|ibis> finished in zone <zone>",
    ),
    (
        "deploy",
        "deploy of <front|auth|storage|queue|docs> release <ivory|jolly|keen|lucid|mellow|noble|olive|plain>-<jackal|koala|lemur|marten|newt|otter|puffin|quail> started, wave <n>",
    ),
    (
        "flag",
        "flag <ui.dark-header|edge.http3-probe|front.shadow-read|queue.small-batches> turned <on|off> for <pct>% of traffic",
    ),
    (
        "flag",
        "flag <auth.explain-sampling|front.log-headers|storage.trim-hints> turned <on|off> in zone <zone>",
    ),
    ("config", "dashboard <capacity|latency|cost> edited, <n> panels"),
    ("config", "alert threshold of <edge-latency|front-saturation|queue-lag> moved to <k>"),
    ("scale", "fleet <edge|front|auth> resized by <n> in zone <zone>"),
    ("access", "on-call handed over to <mara|jonas|ines|tobi|ravi|lena>"),
    (
        "maintenance",
        "planned maintenance of <rack cooling|spare switch|console server> in zone <zone> begins",
    ),
    (
        "maintenance",
        "planned maintenance of <rack cooling|spare switch|console server> in zone <zone> ended",
    ),
    ("policy", "service policy bundle <hex8> published to all zones"),
    ("schema", "metrics schema <version> published"),
];
