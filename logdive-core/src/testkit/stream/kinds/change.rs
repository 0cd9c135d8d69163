//! What people and the world change: deploys, flags, clocks, power, the way of the logs.

use super::{ERROR, INFO, WARN, fails};
use crate::testkit::stream::flow::Who;
use crate::testkit::stream::plot::{Plot, Told};
use crate::testkit::stream::script::{Spot, Stage};
use crate::testkit::stream::tier::{Tier, zone_letter, zone_of};

/// A deploy brings an error that was not there before.
pub(super) fn bad_deploy(plot: &mut Plot<'_>) -> Told {
    let (text, stage, error) = plot.of([
        (
            "release tangerine-ocelot of kms-front promoted to all hosts",
            Stage::Reply,
            "<op> crashed: envelope has no keyMaterialHint",
        ),
        (
            "hotfix vermilion-tapir of kms-auth pushed without canary step",
            Stage::Authorize,
            "evaluator threw IndexOutOfRange at statement <n> of <key>",
        ),
        (
            "server image saffron-lynx of kms-storage activated on every replica",
            Stage::Store,
            "unknown column family in read of <key>, giving an empty answer",
        ),
        (
            "rollback of kms-front to release magenta-okapi completed",
            Stage::Reply,
            "<op> failed: wire version <n> not understood",
        ),
        (
            "proxy package cobalt-civet installed by scheduler, restart forced",
            Stage::Edge,
            "POST /v1/<op> 502 header names differ in case",
        ),
    ]);
    let before = plot.of([-260, -420, -700, -190, -540]);
    plot.cause((Tier::Changes, INFO, text), &[0], 1, (before, before + 20), None);
    let mut lines = vec![(stage, ERROR, error)];
    if stage != Stage::Reply {
        lines.push((Stage::Reply, ERROR, "<op> failed: InternalError, <took> ms"));
    }
    plot.requests(&Who::default(), 60, 10, &fails(&lines, (0, 40), 500));
    Told {
        of: Tier::Front,
        severity: 2,
        title: "kms-front 5xx above 1 %".to_owned(),
        body: "5xx of kms-front are at 3 % for 2 minutes. Error budget burns fast. Customer \
               traffic grew by 4 % since yesterday."
            .to_owned(),
        host: None,
    }
}

/// A flag changes how often something is done.
pub(super) fn config_flag(plot: &mut Plot<'_>) -> Told {
    let (text, tier, often) = plot.of([
        (
            "flag hsm.open-session-per-call turned on for all traffic by mara",
            Tier::Hsm,
            "login for a single command, token <hex8>",
        ),
        (
            "setting auth.decision-cache.ttl changed to zero by ines",
            Tier::Auth,
            "decision for <account> not cached, evaluating again",
        ),
        (
            "flag storage.read-all-replicas enabled in every zone by pipeline",
            Tier::Storage,
            "fan read of shard <shard> asked three replicas",
        ),
        (
            "limit front.retry.budget raised tenfold by tobi",
            Tier::Front,
            "spent retry token <n> of <k>",
        ),
        (
            "flag edge.session-resumption disabled pending review by lena",
            Tier::Edge,
            "full handshake with <ip>, no ticket offered",
        ),
    ]);
    let before = plot.of([-35, -300, -80, -620, -150]);
    plot.cause((Tier::Changes, INFO, text), &[1], 1, (before, before + 10), None);
    let over = (0, plot.seconds());
    let hosts: Vec<u16> = (0..tier.fleet().hosts).collect();
    plot.write((tier, INFO, often), &hosts, 260, over, None);
    let lines = [(Stage::Reply, WARN, "<op> slow: <took> ms against a target of 50 ms")];
    plot.requests(&Who::default(), 110, 8, &fails(&lines, (90, 700), 200));
    Told {
        of: Tier::Front,
        severity: 3,
        title: "front p95 latency above 300 ms".to_owned(),
        body: "p95 of kms-front doubled within minutes. CPU of modules is at 80 %; a noisy \
               customer is suspected."
            .to_owned(),
        host: None,
    }
}

/// A host's clock is off.
pub(super) fn clock_skew(plot: &mut Plot<'_>) -> Told {
    let (tier, by, severity, count, text) = plot.of([
        (
            Tier::Hsm,
            92,
            WARN,
            6,
            "time daemon: offset exceeds panic threshold, clock left as it is",
        ),
        (Tier::Auth, -75, WARN, 3, "time service lost its last usable source, free running"),
        (
            Tier::Hsm,
            180,
            INFO,
            2,
            "hypervisor resume without time step, guest keeps suspended epoch",
        ),
        (Tier::Storage, 64, WARN, 4, "leap table applied twice, wall time moved ahead"),
        (Tier::Front, -130, INFO, 8, "time peers rejected as falsetickers, discipline stopped"),
    ]);
    let hosts = plot.hosts(tier, 1);
    let over = (5, plot.seconds() - 10);
    plot.cause((tier, severity, text), &hosts, count, over, None);
    plot.shift(plot.spot(vec![tier], hosts.clone()), by);
    let mut who = Who::default();
    match tier {
        Tier::Hsm => who.hsms = hosts,
        Tier::Auth => who.auths = hosts,
        Tier::Storage => who.stores = hosts,
        _ => who.fronts = hosts,
    }
    let lines =
        [(Stage::Reply, ERROR, "<op> failed: RequestExpired, stamp outside of accepted span")];
    plot.requests(&who, 600, 9, &fails(&lines, (2, 30), 400));
    Told {
        of: Tier::Front,
        severity: 3,
        title: "RequestExpired of many accounts".to_owned(),
        body: "RequestExpired of kms-front is 12 times the day before, over many accounts. \
               Clients with wrong clocks are suspected."
            .to_owned(),
        host: None,
    }
}

/// The lines of a layer come seven minutes late.
pub(super) fn late_layer(plot: &mut Plot<'_>) -> Told {
    let (tier, severity, text) = plot.of([
        (
            Tier::Hsm,
            WARN,
            "shipper spool <bytes> bytes deep, collector answers slower than lines arrive",
        ),
        (Tier::Auth, WARN, "log forwarder blocked on full output, holding <n> segments"),
        (Tier::Storage, INFO, "tail reader fell behind rotation, replaying from sealed file"),
        (Tier::Hsm, INFO, "shipper batch refused by collector quota, kept for later"),
        (Tier::Front, WARN, "forwarder lost its lease, lines wait for new owner"),
    ]);
    let hosts = plot.hosts(tier, 6);
    let over = (-30, plot.seconds());
    plot.cause((tier, severity, text), &hosts, 24, over, None);
    plot.delay(plot.spot(vec![tier], Vec::new()), 420);
    let probes = plot.hosts(Tier::Canary, 6);
    let name = tier.fleet().name;
    let missed = format!("no trace of probe <hex8> in lines of {name} within <s> s");
    plot.write((Tier::Canary, WARN, &missed), &probes, 60, over, None);
    let lines = [(Stage::Reply, WARN, "<op> slow: <took> ms, cause not known")];
    plot.requests(&Who::default(), 40, 3, &fails(&lines, (200, 900), 200));
    Told {
        of: Tier::Canary,
        severity: 3,
        title: format!("probes are not seen in {name}"),
        body: format!(
            "Probes of the last 3 minutes left no trace in {name}. The layer may not serve \
             requests."
        ),
        host: None,
    }
}

/// A zone loses power.
pub(super) fn zone_power(plot: &mut Plot<'_>) -> Told {
    let zone = u8::try_from(plot.rng.below(3)).unwrap_or_default();
    let letter = zone_letter(zone);
    let (tier, severity, count, text) = plot.of([
        (Tier::Hsm, WARN, 5, "baseboard: utility feed lost, running from battery"),
        (Tier::Storage, WARN, 3, "enclosure reports both supplies without input"),
        (Tier::Edge, WARN, 4, "carrier down on every port, rack switch lost its uplinks"),
        (Tier::Hsm, INFO, 6, "shutdown ordered by power manager, flushing tamper log"),
        (Tier::Storage, ERROR, 2, "battery controller: emergency hold, writes frozen"),
    ]);
    let all = 0..tier.fleet().hosts;
    let hosts: Vec<u16> = all
        .filter(|host| zone_of(*host) == letter)
        .take(usize::try_from(count).unwrap_or(1))
        .collect();
    plot.cause((tier, severity, text), &hosts, count, (-15, -2), None);
    let tiers = vec![Tier::Edge, Tier::Front, Tier::Auth, Tier::Hsm, Tier::Storage];
    let spot = Spot { zone: Some(letter), ..plot.spot(tiers, Vec::new()) };
    plot.silence(spot);
    let lost = format!("peer in zone {letter} not reachable from <host>, attempt <n>");
    let others: Vec<u16> = (0..60).filter(|host| zone_of(*host) != letter).collect();
    plot.write((Tier::Front, ERROR, &lost), &others, 240, (2, plot.seconds()), None);
    let probe = format!("roundtrip in zone {letter} failed: no route");
    plot.write((Tier::Canary, ERROR, &probe), &[0, 1, 2], 60, (2, plot.seconds()), None);
    let other = Who { zone: Some((zone + 1) % 3), ..Who::default() };
    let lines = [(Stage::Reply, ERROR, "<op> failed: no capacity left after zone was removed")];
    plot.requests(&other, 40, 6, &fails(&lines, (10, 300), 503));
    Told {
        of: Tier::Front,
        severity: 1,
        title: format!("hosts in zone {letter} not reachable"),
        body: format!(
            "41 hosts of kms-front, kms-auth and kms-hsm in zone {letter} do not answer. 240 \
             alerts in 3 minutes are grouped. Deploys to the zone are held."
        ),
        host: None,
    }
}
