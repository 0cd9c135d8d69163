//! Modules that are slow, changed, distrusted or only said to be ill.

use super::{ERROR, INFO, WARN, fails};
use crate::testkit::stream::flow::Who;
use crate::testkit::stream::plot::{Plot, Told};
use crate::testkit::stream::script::Stage;
use crate::testkit::stream::tier::Tier;

const NO_ANSWER: (Stage, crate::LogSeverity, &str) =
    (Stage::Reply, ERROR, "<op> failed: module did not answer in time, <took> ms");
const SLOW: (Stage, crate::LogSeverity, &str) =
    (Stage::Reply, WARN, "<op> slow: <took> ms, of which <ms> ms in partition <part>");
const LONG_COMMAND: (Stage, crate::LogSeverity, &str) =
    (Stage::Crypt, WARN, "command <hex8> took <tookus> us session=<session>");

/// One module is slow by twenty times.
pub(super) fn latency(plot: &mut Plot<'_>) -> Told {
    let hsms = plot.hosts(Tier::Hsm, 1);
    let who = Who { hsms: hsms.clone(), ..Who::default() };
    let (severity, count, text) = plot.of([
        (
            WARN,
            45,
            "session table <pct>% full, <k> handles held by vanished clients, none released",
        ),
        (WARN, 0, "handle pool starved: close acknowledged but slot kept busy session=<session>"),
        (
            INFO,
            24,
            "conditional test of noise source repeated <n> times, commands wait until it passes",
        ),
        (WARN, 12, "thermal governor holds core clock at <pct>% since intake sensor reads <temp>"),
        (INFO, 60, "wear levelling of object store runs in foreground, <n> writes deferred"),
    ]);
    if count == 0 {
        plot.is_cause((Tier::Hsm, severity, text), &hsms);
        let lines = [(Stage::Crypt, severity, text), SLOW];
        plot.requests(&who, 200, 2, &fails(&lines, (300, 1_500), 200));
    } else {
        let over = (-90, plot.seconds());
        plot.cause((Tier::Hsm, severity, text), &hsms, count, over, None);
    }
    plot.requests(&who, 500, 8, &fails(&[LONG_COMMAND, NO_ANSWER], (4_900, 5_300), 504));
    plot.requests(&who, 1_000, 6, &fails(&[LONG_COMMAND, SLOW], (400, 2_400), 200));
    Told {
        of: Tier::Front,
        severity: 2,
        title: "front p99 latency above 2 s".to_owned(),
        body: "p99 of kms-front is above 2 s for 3 minutes in zones a, b and c. Timeouts of \
               Decrypt and GenerateDataKey rise in all zones."
            .to_owned(),
        host: None,
    }
}

/// Six modules are slow since their firmware was changed.
pub(super) fn firmware(plot: &mut Plot<'_>) -> Told {
    let hsms = plot.hosts(Tier::Hsm, 6);
    let who = Who { hsms: hsms.clone(), ..Who::default() };
    let names: Vec<&str> = hsms.iter().map(|host| Tier::Hsm.host(*host)).collect();
    let text = plot.of([
        "module firmware wave two promoted to ",
        "microcode bundle rolled forward without soak time on ",
        "engine firmware swap completed for ",
        "candidate image heliotrope activated by pipeline for ",
        "batch firmware activation finished, now live: ",
    ]);
    let text = format!("{text}{}", names.join(" "));
    plot.cause((Tier::Changes, INFO, &text), &[0], 1, (-1_210, -1_190), None);
    let boot = (Tier::Hsm, INFO, "booted image <version>, former one kept in slot B");
    plot.write(boot, &hsms, 6, (-1_180, -1_060), None);
    plot.requests(&who, 350, 10, &fails(&[LONG_COMMAND, NO_ANSWER], (4_900, 5_300), 504));
    plot.requests(&who, 1_000, 4, &fails(&[LONG_COMMAND, SLOW], (400, 2_400), 200));
    let first = names.first().copied().unwrap_or_default();
    Told {
        of: Tier::Hsm,
        severity: 2,
        title: format!("{first} latency above 1 s"),
        body: format!(
            "Command latency of {first} is above 1 s for 2 minutes. Five more modules fire the \
             same alert. Runbook: drain the module."
        ),
        host: hsms.first().map(|host| Tier::Hsm.host(*host)),
    }
}

/// A module cannot attest itself: one line.
pub(super) fn attestation(plot: &mut Plot<'_>) -> Told {
    let hsms = plot.hosts(Tier::Hsm, 1);
    let (severity, text) = plot.of([
        (ERROR, "attestation quote refused: measurement of boot block differs from golden set"),
        (WARN, "self measurement mismatch in register seven, quote withheld"),
        (ERROR, "quote signature chain ends at unknown endorsement key"),
        (WARN, "attest nonce answered with stale counter, verifier marked this module untrusted"),
        (ERROR, "secure boot log replay diverges from sealed manifest"),
    ]);
    plot.cause((Tier::Hsm, severity, text), &hsms, 1, (-30, -5), None);
    let partition = hsms.first().map_or(1, |host| host % 4 + 1);
    let who = Who { hsms, op: Some(3), ..Who::default() };
    let lines = [(
        Stage::Reply,
        WARN,
        "<op> rerouted: partition <part> has fewer trusted modules than wanted",
    )];
    plot.requests(&who, 1_000, 9, &fails(&lines, (20, 90), 200));
    Told {
        of: Tier::Front,
        severity: 3,
        title: format!("Sign latency of partition {partition} above target"),
        body: format!(
            "Sign requests of partition {partition} are rerouted. Capacity of the partition is \
             below N+1; add capacity."
        ),
        host: None,
    }
}

/// A probe says that a module is ill and well in turns; it is the probe.
pub(super) fn flapping_probe(plot: &mut Plot<'_>) -> Told {
    let probe = plot.hosts(Tier::Canary, 1);
    let module = plot.hosts(Tier::Hsm, 1);
    let name = module.first().map_or("", |host| Tier::Hsm.host(*host));
    let (severity, count, text) = plot.of([
        (WARN, 9, "connection table of this probe host full, dropping new flows"),
        (WARN, 14, "probe key reached its own rate quota, result counted as failure"),
        (INFO, 6, "probe pinned to retired address, resolver answer ignored"),
        (INFO, 3, "result judged by stale threshold file from previous quarter"),
        (WARN, 5, "probe runs twice since failover, both instances share one lock"),
    ]);
    let over = (-60, plot.seconds());
    plot.cause((Tier::Canary, severity, text), &probe, count, over, None);
    let failed = format!("roundtrip to {name} failed after <ms> ms");
    plot.write((Tier::Canary, ERROR, &failed), &probe, 40, over, None);
    let well = format!("roundtrip to {name} ok in <ms> ms");
    plot.write((Tier::Canary, INFO, &well), &probe, 36, over, None);
    let drained = format!("drain of {name} asked for by remediation");
    plot.write((Tier::Changes, INFO, &drained), &[0], 3, over, None);
    let back = format!("{name} put back in service by remediation");
    plot.write((Tier::Changes, INFO, &back), &[0], 3, over, None);
    Told {
        of: Tier::Canary,
        severity: 3,
        title: format!("{name} health flapping"),
        body: format!("Health of {name} changed 6 times in 5 minutes. Drain {name}."),
        host: module.first().map(|host| Tier::Hsm.host(*host)),
    }
}
