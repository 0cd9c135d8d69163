//! Too little of something: replicas, disks, pools, quotas of others.

use super::{ERROR, INFO, WARN, fails};
use crate::testkit::stream::flow::Who;
use crate::testkit::stream::plot::{Plot, Told};
use crate::testkit::stream::script::Stage;
use crate::testkit::stream::tier::Tier;

/// A replica is behind.
pub(super) fn replica_lag(plot: &mut Plot<'_>) -> Told {
    let stores = plot.hosts(Tier::Storage, 1);
    let (severity, count, text) = plot.of([
        (WARN, 30, "apply queue stalled behind large range deletion, replica serves old positions"),
        (INFO, 50, "catch-up throttled by snapshot transfer, lag <k> records"),
        (WARN, 18, "write stream from primary paused: flow control window closed"),
        (INFO, 40, "follower reads continue from frozen view while checkpoint is rebuilt"),
        (WARN, 22, "replication slot kept waiting for fsync of busy device, position <position>"),
    ]);
    let over = (-120, plot.seconds());
    plot.cause((Tier::Storage, severity, text), &stores, count, over, None);
    let lines = [
        (Stage::Store, INFO, "get <key> at <position>: not present"),
        (Stage::Reply, ERROR, "<op> NotFoundException: key <key> does not exist"),
    ];
    plot.requests(&Who { stores, ..Who::default() }, 120, 12, &fails(&lines, (0, 8), 404));
    Told {
        of: Tier::Front,
        severity: 3,
        title: "customers cannot use keys they just created".to_owned(),
        body: "NotFoundException of kms-front is 9 times the week before. Two customers say that \
               new keys do not work; permissions look wrong."
            .to_owned(),
        host: None,
    }
}

/// A disk is full.
pub(super) fn disk_full(plot: &mut Plot<'_>) -> Told {
    let (tier, severity, count, text) = plot.of([
        (Tier::Storage, ERROR, 25, "write of log segment failed: no space left on device"),
        (
            Tier::Queue,
            WARN,
            15,
            "retention cannot delete sealed segments, volume at high water mark",
        ),
        (Tier::Hsm, WARN, 10, "audit ring cannot be exported, journal partition exhausted"),
        (
            Tier::Front,
            ERROR,
            8,
            "trail buffer spilled to disk and was refused: volume quota exceeded",
        ),
        (Tier::Auth, WARN, 12, "snapshot part discarded: temporary directory has no inodes left"),
    ]);
    let hosts = plot.hosts(tier, 1);
    let over = (-60, plot.seconds());
    plot.cause((tier, severity, text), &hosts, count, over, None);
    let mut who = Who::default();
    match tier {
        Tier::Storage => who.stores = hosts,
        Tier::Front => who.fronts = hosts,
        Tier::Auth => who.auths = hosts,
        Tier::Hsm => who.hsms = hosts,
        _ => who.op = Some(7),
    }
    let lines = [(Stage::Reply, ERROR, "<op> failed: write path unavailable after <took> ms")];
    plot.requests(&who, 500, 10, &fails(&lines, (40, 400), 500));
    Told {
        of: Tier::Front,
        severity: 2,
        title: "CreateKey and CreateGrant fail".to_owned(),
        body: "500 of kms-front on calls that write are at 30 % for 2 minutes. Deploy in \
               progress?"
            .to_owned(),
        host: None,
    }
}

/// All connections of a pool are in use.
pub(super) fn pool_exhausted(plot: &mut Plot<'_>) -> Told {
    let (tier, stage, severity, text) = plot.of([
        (
            Tier::Auth,
            Stage::Authorize,
            WARN,
            "all storage connections checked out, <n> callers waiting",
        ),
        (Tier::Front, Stage::Accept, INFO, "hsm client pool exhausted, request parked for <ms> ms"),
        (
            Tier::Auth,
            Stage::Authorize,
            WARN,
            "checkout timer fired before any connection became idle",
        ),
        (
            Tier::Storage,
            Stage::Store,
            WARN,
            "request arena empty: every slot held by abandoned scans",
        ),
        (
            Tier::Front,
            Stage::Accept,
            WARN,
            "keep-alive pool pinned by half open sockets to partition <part>",
        ),
    ]);
    let hosts = plot.hosts(tier, 3);
    plot.is_cause((tier, severity, text), &hosts);
    let mut who = Who::default();
    match tier {
        Tier::Auth => who.auths = hosts,
        Tier::Storage => who.stores = hosts,
        _ => who.fronts = hosts,
    }
    let late = (Stage::Reply, ERROR, "<op> failed: deadline exceeded while waiting, <took> ms");
    let lines = [(stage, severity, text), late];
    plot.requests(&who, 250, 5, &fails(&lines, (1_800, 3_100), 504));
    plot.requests(&who, 450, 9, &fails(&[late], (1_800, 3_100), 504));
    Told {
        of: Tier::Hsm,
        severity: 2,
        title: "modules idle while requests time out".to_owned(),
        body: "Timeouts of kms-front rise for 3 minutes. Queue wait of modules looks odd; \
               hardware is suspected."
            .to_owned(),
        host: None,
    }
}

/// Something the service depends on throttles it.
pub(super) fn throttled(plot: &mut Plot<'_>) -> Told {
    let (tier, severity, count, text) = plot.of([
        (Tier::Auth, INFO, 80, "identity provider answered rate exceeded, backing off <ms> ms"),
        (Tier::Queue, WARN, 40, "object store told us to slow down, upload window halved"),
        (
            Tier::Front,
            WARN,
            60,
            "usage metering endpoint refuses batches, admission falls back to strict mode",
        ),
        (Tier::Edge, INFO, 30, "resolver upstream limits us, serving negative answers from memory"),
        (Tier::Auth, WARN, 100, "role broker quota spent, assumed identities cannot be renewed"),
    ]);
    let hosts = plot.hosts(tier, 6);
    let over = (-45, plot.seconds());
    plot.cause((tier, severity, text), &hosts, count, over, None);
    let lines = [(Stage::Reply, ERROR, "<op> failed: ServiceUnavailable for <account>, try later")];
    plot.requests(&Who::default(), 70, 22, &fails(&lines, (60, 900), 503));
    Told {
        of: Tier::Front,
        severity: 2,
        title: "ServiceUnavailable in all zones".to_owned(),
        body: "503 of kms-front are at 6 % in all zones for 2 minutes. Traffic is as usual; \
               suspect capacity of the front ends."
            .to_owned(),
        host: None,
    }
}
