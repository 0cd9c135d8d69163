//! Every limit is hit, and the error names the step, the limit and the way out; hostile plans are
//! refused before they cost anything.

#![expect(clippy::print_stdout, reason = "how long each took is told with `--nocapture`")]

use std::time::{Duration, Instant};

use logdive_core::WindowSpec;
use logdive_query::{
    Baseline, Check, Compare, Context, DivePlan, Follow, Measures, Select, Templates, limits,
};

use super::{MINUTE, layers, refused};
use crate::support::hour;

const DAY: Duration = Duration::from_secs(86_400);

fn around() -> DivePlan {
    DivePlan::around(hour())
}

fn errors() -> DivePlan {
    around().select("errors", Select::layers(["ssm", "s3"]))
}

/// One at the limit builds, one beyond it does not.
fn at_limit(of: impl Fn(u64) -> DivePlan, most: u64, expected: &[&str]) {
    of(most).validate(&layers()).unwrap();
    refused(&of(most + 1), expected);
}

#[test]
fn numbers() {
    let select = |most| around().select("a", Select::all().newest(most));
    at_limit(select, limits::SHOWN, &["step `a`", "`shown`", "1 to 100000", "limits::SHOWN"]);
    refused(&select(0), &["step `a`", "`shown` is 0"]);
    let check = |most| around().check("a", Check::all().newest(most));
    at_limit(check, limits::SHOWN, &["step `a`", "limits::SHOWN"]);
    let follow = || Follow::from("errors").ids(["access_key"]);
    let hops = |most| errors().follow("b", follow().hops(most));
    at_limit(hops, limits::HOPS, &["step `b`", "`hops` is 21", "1 to 20", "limits::HOPS"]);
    refused(&hops(0), &["`hops` is 0", "1 to 20"]);
    let ids = |most| errors().follow("b", follow().max_ids(most));
    at_limit(ids, limits::IDS, &["step `b`", "`max_ids`", "fewer", "limits::IDS"]);
    let rows = |most| errors().follow("b", follow().max_rows(most));
    at_limit(rows, limits::ROWS, &["step `b`", "`max_rows`", "limits::ROWS"]);
    let before = |most| errors().context("c", Context::of("errors").before(most));
    let named = ["step `c`", "`before`", "0 to 1000", "limits::CONTEXT_LINES"];
    at_limit(before, limits::CONTEXT_LINES, &named);
    let after = |most| errors().context("c", Context::of("errors").after(most));
    at_limit(after, limits::CONTEXT_LINES, &["step `c`", "`after`", "step of their own"]);
    refused(&errors().context("c", Context::of("errors").before(0).after(0)), &["is 0"]);
    let most = |most| errors().templates("t", Templates::of("errors").most(most));
    at_limit(most, limits::TEMPLATES, &["step `t`", "`most`", "limits::TEMPLATES"]);
}

#[test]
fn lengths_of_time() {
    let second = Duration::from_secs(1);
    let within = |time| errors().context("c", Context::of("errors").within(time));
    within(limits::CONTEXT_WITHIN).validate(&layers()).unwrap();
    let beyond = within(limits::CONTEXT_WITHIN + second);
    refused(&beyond, &["step `c`", "`within`", "1d", "limits::CONTEXT_WITHIN"]);
    refused(&within(Duration::ZERO), &["step `c`", "above 0s"]);
    let plan = |before| {
        DivePlan::around_ticket(WindowSpec::around(before, Duration::ZERO))
            .select("a", Select::all())
    };
    plan(limits::WINDOW).validate(&layers()).unwrap();
    for unbounded in [limits::WINDOW + second, Duration::MAX] {
        let named = ["the plan", "longer than 400d", "limits::WINDOW"];
        refused(&plan(unbounded), &named);
        let spec = WindowSpec::around(unbounded, Duration::MAX);
        let step = errors().select("b", Select::all().on(spec));
        refused(&step, &["step `b`", "longer than 400d"]);
        let check = errors().check("b", Check::all().on(spec));
        refused(&check, &["step `b`", "longer than 400d"]);
        let follow = Follow::from("errors").ids(["access_key"]).on(spec);
        refused(&errors().follow("b", follow), &["step `b`", "longer than 400d"]);
    }
    let long = "any(within 401d before started)";
    let measures = errors().measure("m", Measures::of("errors").fact("n", long));
    refused(&measures, &["measure `n`", "longer than 400d"]);
    let pad = |before| errors().pad("s3", before, MINUTE);
    pad(limits::PADDING).validate(&layers()).unwrap();
    refused(&pad(limits::PADDING + second), &["layer `s3`", "7d", "limits::PADDING"]);
    // Padding counts as a part of the window.
    refused(&plan(limits::WINDOW).pad("s3", second, second), &["longer than 400d"]);
    for baseline in [Baseline::Ago as fn(Duration) -> Baseline, Baseline::Before] {
        let compare = |reach| errors().compare("d", Compare::of("errors").against(baseline(reach)));
        compare(limits::BASELINE_REACH).validate(&layers()).unwrap();
        let beyond = compare(limits::BASELINE_REACH + second);
        refused(&beyond, &["step `d`", "400d1s", "limits::BASELINE_REACH"]);
    }
}

#[test]
fn counts() {
    let steps =
        |most: u64| (0..most).fold(around(), |plan, n| plan.select(format!("s{n}"), Select::all()));
    at_limit(steps, limits::STEPS as u64, &["the plan", "`steps`", "limits::STEPS", "several"]);
    let given = |most| (0..most).fold(errors(), |plan, n| plan.id("request", n.to_string()));
    at_limit(given, limits::GIVEN as u64, &["the plan", "`ids`", "limits::GIVEN"]);
    let kinds = |most: u64| {
        let ids = (0..most).map(|_| "access_key");
        errors().select("b", Select::all().ids(ids))
    };
    at_limit(kinds, limits::ID_KINDS as u64, &["step `b`", "`ids`", "limits::ID_KINDS"]);
    let baselines = |most: u64| {
        let ago = |day: u64| Baseline::Ago(u32::try_from(day + 1).unwrap() * DAY);
        let compare = (0..most).fold(Compare::of("errors"), |all, n| all.against(ago(n)));
        errors().compare("d", compare)
    };
    let named = ["step `d`", "`baselines`", "0 to 16", "limits::BASELINES"];
    at_limit(baselines, limits::BASELINES as u64, &named);
    let fields = |most: u64| {
        let names = (0..most).map(|_| "error_code");
        errors().compare("d", Compare::of("errors").fields(names))
    };
    at_limit(fields, limits::FIELDS as u64, &["step `d`", "`fields`", "limits::FIELDS"]);
    let facts = |from: u64, count: u64| {
        let names = (from..from + count).map(|n| format!("n{n}"));
        names.fold(Measures::of("errors"), |all, name| all.fact(name, "count()"))
    };
    let in_step = |most| errors().measure("m", facts(0, most));
    let named = ["step `m`", "`facts`", "limits::STEP_MEASURES"];
    at_limit(in_step, limits::STEP_MEASURES as u64, &named);
    let in_all = |most: u64| {
        let each = limits::STEP_MEASURES as u64;
        let steps = (0..most.div_ceil(each)).map(|n| n * each);
        steps.fold(errors(), |plan, from| {
            plan.measure(format!("m{from}"), facts(from, each.min(most - from)))
        })
    };
    let named = ["`facts of the plan`", "0 to 1000", "limits::MEASURES"];
    at_limit(in_all, limits::MEASURES as u64, &named);
}

#[test]
fn predicates() {
    let select = |filter: String| around().select("a", Select::layers(["s3"]).filter(filter));
    let terms = |most: u64| {
        let terms: Vec<String> = (0..most).map(|n| format!("who == \"{n}\"")).collect();
        select(terms.join(" or "))
    };
    let named = ["step `a`", "more than 4096 terms", "in { … }"];
    at_limit(terms, limits::TERMS as u64, &named);
    let members = |most: u64| {
        let members: Vec<String> = (0..most).map(|n| format!("\"{n}\"")).collect();
        select(format!("who in {{{}}}", members.join(",")))
    };
    at_limit(members, limits::MEMBERS as u64, &["step `a`", "more than 10000 members"]);
    let depth = |most: u64| {
        let most = usize::try_from(most).unwrap();
        select(format!("{}who is absent{}", "(".repeat(most), ")".repeat(most)))
    };
    // The predicate itself is one level.
    let named = ["step `a`", "nested more than 64 deep"];
    at_limit(depth, limits::PREDICATE_DEPTH as u64 - 1, &named);
    let nots = format!("{}who is absent", "not ".repeat(limits::PREDICATE_DEPTH + 1));
    refused(&select(nots), &["step `a`", "nested more than 64 deep"]);
    let text = |most: u64| {
        let rest = usize::try_from(most).unwrap() - "a".len() - "s3 ".len() - "true#".len();
        select(format!("true#{}", "x".repeat(rest)))
    };
    let named = ["step `a`", "`text`", "several plans", "limits::TEXT"];
    at_limit(text, limits::TEXT as u64, &named);
}

#[test]
fn texts() {
    let head = "version = 1\nwindow = { before = \"5m\" }\n";
    let toml = |rest: String| match DivePlan::from_toml(&format!("{head}{rest}")) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    let json = |rest: String| {
        let head = "\"version\":1,\"window\":{\"before\":\"5m\"}";
        DivePlan::from_json(&format!("{{{head},{rest}}}"))
            .err()
            .map_or_else(String::new, |error| error.to_string())
    };
    let step = |n: u64| format!("[[step]]\nname = \"s{n}\"\nselect = {{}}\n");
    let steps = |most: u64| (0..most).map(step).collect::<String>();
    assert_eq!(toml(steps(limits::STEPS as u64)), "");
    let error = toml(steps(limits::STEPS as u64 + 1));
    assert!(error.contains("101 steps, at most 100") && error.contains("limits::STEPS"), "{error}");
    // The lists inside the plan, the ids and the kind: three levels.
    let nested = |deep: usize| format!("{}{}", "[".repeat(deep), "]".repeat(deep));
    for (what, fits, beyond) in [
        (
            "toml",
            toml(format!("x = {}", nested(limits::DEPTH - 1))),
            toml(format!("x = {}", nested(limits::DEPTH))),
        ),
        (
            "json",
            json(format!("\"x\":{}", nested(limits::DEPTH - 1))),
            json(format!("\"x\":{}", nested(limits::DEPTH))),
        ),
    ] {
        assert!(fits.contains("no key `x`"), "{what}: {fits}");
        assert!(
            beyond.contains("more than 16 deep") && beyond.contains("limits::DEPTH"),
            "{what}: {beyond}"
        );
    }
    let ids = |most: usize| (0..most).map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(",");
    let (fits, beyond) = (limits::GIVEN, limits::VALUES);
    assert_eq!(toml(format!("ids = {{ request = [{}] }}", ids(fits))), "");
    assert_eq!(json(format!("\"ids\":{{\"request\":[{}]}}", ids(fits))), "");
    for error in [
        toml(format!("ids = {{ request = [{}] }}", ids(2 * beyond))),
        json(format!("\"ids\":{{\"request\":[{}]}}", ids(beyond))),
    ] {
        assert!(
            error.contains("more than 20000 values") && error.contains("limits::VALUES"),
            "{error}"
        );
    }
    let text = |most: usize| format!("#{}", "x".repeat(most - head.len() - 1));
    assert_eq!(toml(text(limits::TEXT)), "");
    let error = toml(text(limits::TEXT + 1));
    assert!(
        error.contains("longer than 1048576 bytes") && error.contains("limits::TEXT"),
        "{error}"
    );
}

/// Fails for what costs the square of its size. (In release builds each is refused within 50 ms;
/// `--nocapture` shows the times.)
fn at_once<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = run();
    let took = begun.elapsed();
    println!("{took:>12?} {what}");
    assert!(took < Duration::from_secs(20), "{what}: {took:?}");
    result
}

#[test]
fn hostile_conditions_are_refused_at_once() {
    let ors = |count: usize, term: &str| vec![term; count].join(" or ");
    let ands = |count: usize, term: &str| vec![term; count].join("&&");
    let giant = "\"x\",".repeat(200_000);
    for (what, filter, expected) in [
        ("20,000 terms", ors(20_000, "severity >= error"), "4096 terms"),
        ("60,000 terms", ands(60_000, "severity>=error"), "4096 terms"),
        ("unknown fields", ors(limits::TERMS, "unknown_field == 1"), " more\n"),
        ("a giant set", format!("body in {{{giant}}}"), "more than 10000 members"),
        ("parentheses", "(".repeat(500_000), "64 deep"),
        ("nots", "not ".repeat(200_000), "64 deep"),
        ("a long word", "x".repeat(1_000_000), "unknown field"),
        ("a long path", "x.".repeat(500_000), "step `a`"),
        ("no tokens", "\u{7f}".repeat(500_000), "more"),
        ("quotes", "\"".repeat(1_000_000), "step `a`"),
    ] {
        let plan = around().select("a", Select::all().filter(&filter));
        at_once(what, || refused(&plan, &[expected]));
        let measure = format!("count(where {filter})");
        let plan = errors().measure("a", Measures::of("errors").fact("n", measure));
        at_once(what, || refused(&plan, &["step `a`"]));
    }
}

#[test]
fn hostile_plans_are_refused_at_once() {
    let many = (0..100_000).fold(around(), |plan, _| plan.select("a", Select::all()));
    at_once("100,000 steps", || refused(&many, &["`steps` is 100000", "limits::STEPS"]));
    let long = "x".repeat(100_000);
    for (plan, expected) in [
        (around().select(long.clone(), Select::all()), "step `xxx"),
        (around().select("a", Select::layers([long.clone()])), "step `a`"),
        (errors().compare("a", Compare::of(long.clone())), "step `a`"),
        (errors().compare("a", Compare::of("errors").fields([long.clone()])), "step `a`"),
        (errors().measure("a", Measures::of("errors").fact(long.clone(), "any()")), "step `a`"),
        (errors().pad(long, MINUTE, MINUTE), "padding"),
    ] {
        let error = at_once("a long name", || plan.validate(&layers()).unwrap_err().to_string());
        assert!(error.contains(expected) && error.len() < 1_000, "{error}");
    }
}

#[test]
fn hostile_texts_are_refused_at_once() {
    for (what, text) in [
        ("lists", "[".repeat(500_000)),
        ("tables", "{\"a\":".repeat(200_000)),
        ("steps", format!("{{\"version\":1,\"step\":{}", "[{\"select\":".repeat(80_000))),
        ("quotes", "\"".repeat(500_000)),
        ("escapes", format!("\"{}", "\\".repeat(500_000))),
        ("keys", (0..60_000).fold("{".to_owned(), |all, n| all + &format!("\"k{n}\":1,"))),
        ("a number", "1".repeat(1_000_000)),
    ] {
        let read = at_once(what, || DivePlan::from_json(&text));
        let error = read.unwrap_err().to_string();
        assert!(error.len() < 50_000, "{what}: {}", error.len());
    }
    for (what, text) in [
        ("lists", format!("a = {}", "[".repeat(500_000))),
        ("tables", format!("a = {}", "{a=".repeat(300_000))),
        ("a dotted key", format!("{}a = 1", "a.".repeat(500_000))),
        ("a dotted head", format!("[{}a]", "a.".repeat(500_000))),
        (
            "dots in tables",
            format!("a = {}", ("{".to_owned() + &"a.".repeat(70) + "a=").repeat(79)),
        ),
        ("less", format!("a = {}", ("{".to_owned() + &"a.".repeat(7) + "a=").repeat(79))),
        ("steps", "[[step]]\n".repeat(110_000)),
        ("a long word", "a".repeat(1_000_000)),
        ("a long text", format!("a = \"{}", "x".repeat(1_000_000))),
        ("literal texts", format!("a = '''{}", "x'".repeat(500_000))),
        ("inline tables", format!("a = [{}]", "{a=1},".repeat(170_000))),
        ("keys", (0..60_000).map(|n| format!("k{n} = 1\n")).collect()),
        ("too long", "x".repeat(limits::TEXT + 1)),
    ] {
        let read = at_once(what, || DivePlan::from_toml(&text));
        let error = read.unwrap_err().to_string();
        assert!(error.len() < 50_000, "{what}: {}", error.len());
    }
}
