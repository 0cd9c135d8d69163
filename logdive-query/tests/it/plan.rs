//! Plans are checked, printed and told apart.

use logdive_core::{Layers, WindowSpec};
use logdive_query::{DivePlan, Follow, Select};
use std::time::Duration;

use crate::support::{hour, s3, ssm};

fn layers() -> Layers {
    [ssm(), s3()].into_iter().collect()
}

fn plan() -> DivePlan {
    DivePlan::around(hour())
        .select("errors", Select::layers(["ssm", "s3"]).filter("error_code == \"X\"").newest(20))
        .follow("related", Follow::from("errors").ids(["access_key"]).hops(2).max_ids(50))
}

#[test]
fn a_plan_reads_as_words_and_round_trips() {
    let plan = plan();
    plan.check(&layers()).unwrap();
    assert_eq!(
        plan.to_string(),
        "dive from 2023-07-10T11:30:00Z to 2023-07-10T12:30:00Z\n\
         errors: lines of ssm, s3 where error_code == \"X\", the newest 20 shown\n\
         related: lines of all layers with a access_key of `errors`, at most 2 hops, 50 ids, \
         100000 lines, the oldest 200 shown"
    );
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<DivePlan>(&json).unwrap(), plan);
}

#[test]
fn the_digest_is_that_of_what_is_looked_for() {
    let digest = |layers_: &[&str], filter: &str, newest: u64| {
        let select = Select::layers(layers_.iter().copied()).filter(filter).newest(newest);
        DivePlan::around(hour()).select("errors", select).digest(&layers()).unwrap()
    };
    let one = digest(&["ssm", "s3"], "error_code == \"X\" and severity >= error", 20);
    assert_eq!(one, digest(&["s3", "ssm"], "error_code==\"X\"   && severity >= error # x", 20));
    assert_ne!(one, digest(&["s3", "ssm"], "error_code == \"Y\" and severity >= error", 20));
    assert_ne!(one, digest(&["s3", "ssm"], "error_code == \"X\" and severity >= error", 21));
    assert_ne!(one, digest(&["ssm"], "error_code == \"X\" and severity >= error", 20));
}

#[test]
fn what_is_wrong_is_named() {
    let check = |plan: DivePlan, expected: &[&str]| {
        let error = plan.check(&layers()).unwrap_err().to_string();
        for part in expected {
            assert!(error.contains(part), "{error:?} lacks {part:?}");
        }
    };
    let around = || DivePlan::around(hour());
    check(around(), &["no steps"]);
    check(
        around().select("errors", Select::layers(["ss3"])),
        &["step `errors`", "`ss3`", "did you mean"],
    );
    check(
        around().select("errors", Select::layers(["ssm"]).filter("error_cod == \"X\" and")),
        &["step `errors`", "errors:1:", "error[P002]"],
    );
    check(
        around().select("errors", Select::layers(["ssm"]).filter("error_cod == \"X\"")),
        &["unknown field `error_cod`", "did you mean `error_code`?", "^^^^^^^^^"],
    );
    check(
        around().select("a", Select::all()).select("a", Select::all()),
        &["two steps are named `a`"],
    );
    check(
        around().follow("b", Follow::from("a").ids(["access_key"])),
        &["step `b` follows `a`", "no step before it"],
    );
    check(
        around().select("a", Select::all()).follow("b", Follow::from("a").ids(["account"])),
        &["step `b`", "`account`", "Layer::id"],
    );
    check(
        around()
            .select("a", Select::all())
            .follow("b", Follow::from("a").ids(["access_key"]).hops(0)),
        &["`hops` is 0", "1 to 20"],
    );
    check(around().select("a", Select::all().newest(0)), &["`shown` is 0"]);
    check(
        DivePlan::for_ticket(WindowSpec::around(Duration::MAX, Duration::ZERO))
            .select("a", Select::all()),
        &["window", "longer than"],
    );
}
