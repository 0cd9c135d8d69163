//! Plans are checked, printed, written, read and told apart.

use std::time::Duration;

use logdive_core::{Layer, Layers, WindowSpec};
use logdive_query::{
    Baseline, Check, Compare, Context, DivePlan, Follow, Measures, Select, Templates,
};

use crate::support::{hour, s3, ssm};

mod docs;
mod laws;
mod limits;
mod text;

const MINUTE: Duration = Duration::from_secs(60);

fn layers() -> Layers {
    [ssm(), s3(), Layer::new("deploys").unwrap().changes()].into_iter().collect()
}

fn plan() -> DivePlan {
    DivePlan::around(hour())
        .id("access_key", "AKIA1")
        .pad("s3", 2 * MINUTE, MINUTE)
        .select("errors", Select::layers(["ssm", "s3"]).filter("error_code == \"X\"").newest(20))
        .select("key", Select::all().ids(["access_key"]).oldest(50))
        .follow("related", Follow::from("errors").ids(["access_key"]).hops(2).max_ids(50))
        .context("around", Context::of("errors").before(5).after(2).within(MINUTE))
        .templates("kinds", Templates::of("related").most(30))
        .compare("before", Compare::of("errors").fields(["error_code", "emitter"]))
        .measure("numbers", Measures::of("errors").fact("codes", "distinct(error_code)"))
        .check("calm", Check::layers(["s3"]).filter("severity >= fatal"))
}

#[test]
fn a_plan_reads_as_words() {
    let plan = plan();
    plan.validate(&layers()).unwrap();
    assert_eq!(
        plan.to_string(),
        "dive from 2023-07-10T11:30:00Z to 2023-07-10T12:30:00Z\n\
         s3 is looked at from 2m earlier to 1m later\n\
         given access_key: AKIA1\n\
         errors: lines of ssm, s3 where error_code == \"X\", the newest 20 shown\n\
         key: lines of all layers with an access_key that the dive was given, the oldest 50 shown\n\
         related: lines of all layers with an access_key of `errors`, at most 2 hops, 50 ids, \
         100000 lines, the oldest 200 shown\n\
         around: 5 lines before and 2 after each line of `errors`, of its emitter, at most 1m away\n\
         kinds: the lines of `related` folded into templates, the 30 most frequent\n\
         before: the lines of `errors` and their error_code, emitter against those of 1d ago, \
         7d ago, the 6h before: what is new, gone, changed or silent\n\
         numbers: measured over the lines of `errors`: codes = distinct(error_code)\n\
         calm: expects no lines of s3 where severity >= fatal, the newest 20 shown"
    );
    let spec = WindowSpec::around(5 * MINUTE, MINUTE);
    assert_eq!(
        DivePlan::around_ticket(spec).select("a", Select::all().on(spec)).to_string(),
        "dive from 5m before to 1m after it started\n\
         a: lines of all layers, from 5m before to 1m after it started, the newest 200 shown"
    );
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

/// The plan is refused, with all of these said.
fn refused(plan: &DivePlan, expected: &[&str]) {
    let error = plan.validate(&layers()).unwrap_err().to_string();
    for part in expected {
        assert!(error.contains(part), "{error:?} lacks {part:?}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let around = || DivePlan::around(hour());
    let errors = || around().select("errors", Select::layers(["ssm", "s3"]));
    refused(&around(), &["no steps"]);
    refused(
        &around().select("errors", Select::layers(["ss3"])),
        &["step `errors`", "`ss3`", "did you mean"],
    );
    refused(&around().select("Errors", Select::all()), &["step `Errors`"]);
    refused(
        &around().select("errors", Select::layers(["ssm"]).filter("error_cod == \"X\" and")),
        &["step `errors`", "errors:1:", "error[P002]"],
    );
    refused(
        &around().check("calm", Check::layers(["ssm"]).filter("error_cod == \"X\"")),
        &["step `calm`", "unknown field `error_cod`", "did you mean `error_code`?", "^^^^^^^^^"],
    );
    refused(
        &around().select("a", Select::all()).select("a", Select::all()),
        &["two steps are named `a`"],
    );
    refused(&errors().pad("s33", MINUTE, MINUTE), &["padding", "`s33`", "did you mean `s3`?"]);
    refused(&errors().id("Key", "x"), &["ids.Key"]);
    refused(
        &around().select("a", Select::all().ids(["acces_key"])),
        &["step `a`", "`acces_key`", "did you mean `access_key`?"],
    );
    // Steps that read others.
    refused(
        &around().follow("b", Follow::from("a").ids(["access_key"])),
        &["step `b` follows `a`", "no step before it"],
    );
    refused(
        &errors().context("c", Context::of("error")),
        &["step `c`", "`error`", "did you mean `errors`?"],
    );
    refused(&errors().templates("t", Templates::of("x")), &["step `t`", "there are: errors"]);
    refused(
        &errors().templates("t", Templates::of("errors")).context("c", Context::of("t")),
        &["step `c`", "`t`", "no lines of its own"],
    );
    let related = errors().follow("related", Follow::from("errors").ids(["access_key"]));
    refused(
        &related.compare("c", Compare::of("related")),
        &["step `c` compares `related`", "compare a select"],
    );
    refused(
        &errors().follow("b", Follow::from("errors").ids(["account"])),
        &["step `b`", "`account`", "no layer of the step it follows", "Layer::id"],
    );
    refused(&errors().follow("b", Follow::from("errors")), &["step `b`", "`ids` is 0"]);
    refused(
        &errors().compare("c", Compare::of("errors").fields(["error_cod"])),
        &["step `c`", "`error_cod`", "did you mean `error_code`?"],
    );
    // Baselines.
    for (baseline, why) in [
        (Baseline::Ago(30 * MINUTE), "overlaps the window, which is 1h long"),
        (Baseline::Ago(Duration::ZERO), "empty"),
        (Baseline::Before(Duration::ZERO), "empty"),
    ] {
        let compare = Compare::of("errors").against(baseline);
        refused(&errors().compare("c", compare), &["step `c`", why]);
    }
    // Measures.
    let measured =
        |name: &str, text: &str| errors().measure("m", Measures::of("errors").fact(name, text));
    refused(&measured("n", "cuont()"), &["measure `n` of step `m`", "did you mean `count`?"]);
    refused(&measured("n", "sum(error_code)"), &["measure `n` of step `m`", "has no `sum`"]);
    refused(&measured("n", "count(where error_cod == \"x\")"), &["did you mean `error_code`?"]);
    refused(&measured("a.b", "count()"), &["`a.b`", "step `m`", "one word"]);
    refused(&errors().measure("m", Measures::of("errors")), &["step `m`", "`facts` is 0"]);
    let twice = Measures::of("errors").fact("n", "count()").fact("n", "any()");
    refused(&errors().measure("m", twice), &["`n`", "two facts of this name"]);
    let again = measured("n", "count()").measure("o", Measures::of("errors").fact("n", "any()"));
    refused(&again, &["`n`", "step `m`", "step `o`"]);
    // Windows.
    let nothing = WindowSpec::around(Duration::ZERO, Duration::ZERO);
    refused(&DivePlan::around_ticket(nothing).select("a", Select::all()), &["empty"]);
    refused(&around().select("a", Select::all().on(nothing)), &["step `a`", "empty"]);
}
