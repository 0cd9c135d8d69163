//! Plans as TOML and JSON.

use logdive_core::WindowSpec;
use logdive_query::{DivePlan, Select};

use super::{MINUTE, layers, plan};

const TOML: &str = r#"version = 1
window = { from = 2023-07-10T11:30:00Z, to = 2023-07-10T12:30:00Z }
ids = { access_key = ["AKIA1"] }
pad = { s3 = { before = "2m", after = "1m" } }

[[step]]
name = "errors"
select = { layers = ["ssm", "s3"], where = "error_code == \"X\"", newest = 20 }

[[step]]
name = "key"
select = { ids = ["access_key"], oldest = 50 }

[[step]]
name = "related"
follow = { from = "errors", ids = ["access_key"], hops = 2, max_ids = 50, max_rows = 100000, oldest = 200 }

[[step]]
name = "around"
context = { of = "errors", before = 5, after = 2, within = "1m" }

[[step]]
name = "kinds"
templates = { of = "related", most = 30 }

[[step]]
name = "before"
compare = { of = "errors", fields = ["error_code", "emitter"] }

[[step]]
name = "numbers"
measure = { of = "errors", facts = { codes = "distinct(error_code)" } }

[[step]]
name = "calm"
check = { layers = ["s3"], where = "severity >= fatal", newest = 20 }
"#;

#[test]
fn a_plan_is_written_and_read() {
    assert_eq!(plan().to_toml(), TOML);
    assert_eq!(DivePlan::from_toml(TOML), Ok(plan()));
    assert_eq!(DivePlan::from_json(&plan().to_json()), Ok(plan()));
    let json = serde_json::to_string(&plan()).unwrap();
    assert_eq!(serde_json::from_str::<DivePlan>(&json).unwrap(), plan());
}

#[test]
fn the_same_plan_written_otherwise_is_the_same() {
    // Tables at length, keys in another order, quotes and spaces, comments, layers turned round.
    let other = r#"
# what went wrong
pad.s3.after = "60s"
pad.s3.before = "120s"
[[step]]
name = 'errors'
[step.select]
newest = 2_0
where = '''error_code=="X"  # exactly'''
layers = [
  "s3",
  "ssm",
]
[[step]]
select = { oldest = 50, ids = ["access_key"], where = " true " }
name = "key"
[[step]]
name = "related"
follow = { hops = 0x2, ids = ["access_key"], from = "errors", max_ids = 50 }
[[step]]
name = "around"
context = { of = "errors", after = 2, within = "60s" }
[[step]]
name = "kinds"
templates = { of = "related", most = 30 }
[[step]]
name = "before"
[step.compare]
of = "errors"
fields = ["emitter", "error_code"]
against = ["6h before", "24h ago", "7d  ago"]
[[step]]
name = "numbers"
measure.of = "errors"
measure.facts.codes = "distinct( errors.error_code )"
[[step]]
name = "calm"
check = { layers = ["s3"], where = "(severity >= fatal)" }
[ids]
access_key = ["AKIA1"]
"#;
    let head = "version = 1\nwindow = { to = \"2023-07-10T14:30:00+02:00\", from = 2023-07-10T11:30:00.000Z }";
    let other = DivePlan::from_toml(&format!("{head}{other}")).unwrap();
    assert_ne!(other, plan());
    assert_eq!(other.digest(&layers()).unwrap(), plan().digest(&layers()).unwrap());
}

/// What was said of a text lacks some of this.
fn lacking(text: &str, toml: bool, expected: &[&str]) -> Option<String> {
    let read = if toml { DivePlan::from_toml(text) } else { DivePlan::from_json(text) };
    let error = read.unwrap_err().render("plan.x");
    let lacking: Vec<&&str> = expected.iter().filter(|part| !error.contains(**part)).collect();
    (!lacking.is_empty()).then(|| format!("{text}\n{error}\nlacks {lacking:?}\n"))
}

#[test]
fn what_is_wrong_with_a_text_is_named_with_its_place() {
    let mut failures = Vec::new();
    let mut wrong = |text: &str, toml, expected: &[&str]| {
        failures.extend(lacking(text, toml, expected));
    };
    let step = |step: &str| {
        format!(
            "version = 1\nwindow = {{ before = \"5m\" }}\n[[step]]\nname = \"errors\"\n{step}\n"
        )
    };
    for (text, expected) in [
        ("selct = {}", ["plan.x:5:1", "no key `selct`", "did you mean `select`?"]),
        ("grep = {}", ["plan.x:5:1", "no key `grep`", "there are: name, select"]),
        ("select = { layer = [] }", ["plan.x:5:12", "no key `layer`", "did you mean `layers`?"]),
        ("select = { filter = \"x\" }", ["plan.x:5:12", "no key `filter`", "mean `where`?"]),
        ("select = { layers = \"s3\" }", ["plan.x:5:21", "`layers` of", "a list of texts"]),
        ("select = { layers = [\"s3\", 3] }", ["plan.x:5:28", "a text", "not a number"]),
        ("select = { where = true }", ["plan.x:5:20", "`where` of", "a text, not a bool"]),
        ("select = { newest = \"many\" }", ["plan.x:5:21", "`newest`", "a whole number"]),
        ("select = { newest = -1 }", ["plan.x:5:21", "a whole number", "`-1`"]),
        ("select = { newest = 1.5 }", ["plan.x:5:21", "a whole number", "`1.5`"]),
        ("select = { newest = 1, oldest = 1 }", ["plan.x:5:33", "not both", "second step"]),
        ("select = { window = { before = 15 } }", ["plan.x:5:32", "no unit", "15m"]),
        ("select = { window = { before = \"15\" } }", ["plan.x:5:32", "duration", "15m"]),
        ("select = { window = { anchor = \"open\" } }", ["5:32", "`open`", "mean `opened`?"]),
        ("select = { window = { from = \"x\" } }", ["5:23", "no key `from`", "anchor"]),
        ("select = []", ["plan.x:5:10", "`select` of step `errors`", "a table"]),
        ("select = {}\ncheck = {}", ["plan.x:6:1", "a `select` and a `check`", "of its own"]),
        ("", ["plan.x:3:1", "step `errors` has no", "select, follow, context"]),
        ("follow = {}", ["plan.x:5:10", "has no `from`", "followed"]),
        ("follow = { from = \"a\" }", ["plan.x:5:10", "has no `ids`", "kinds of ids"]),
        ("context = { from = \"a\" }", ["plan.x:5:13", "no key `from`", "mean `of`?"]),
        ("templates = {}", ["plan.x:5:13", "has no `of`", "lines are read"]),
        ("compare = { of = \"a\", against = [] }", ["plan.x:5:33", "is empty", "leave it out"]),
        ("compare = { of = \"a\", against = [\"1d\"] }", ["5:34", "no baseline", "1d ago"]),
        ("measure = { of = \"a\" }", ["plan.x:5:11", "has no `facts`", "throttled"]),
        ("measure = { of = \"a\", facts = { n = 1 } }", ["5:37", "`n` of `facts`", "a text"]),
        ("select = { where = \"x }", ["plan.x:5:", "D001", "no TOML"]),
    ] {
        wrong(&step(text), true, &expected);
    }
    for (text, expected) in [
        ("", ["no `version`", "version = 1", "plan"]),
        ("version = 2", ["plan.x:1:11", "has version 2, known is 1", "written for"]),
        ("version = \"1\"", ["plan.x:1:11", "a whole number", "a text"]),
        ("version = 1", ["has no `window`", "anchor", "before"]),
        ("version = 1\nwindow = {}", ["2:10", "neither", "anchor"]),
        ("version = 1\nwindow = { from = 2023-07-10T11:30:00Z }", ["2:10", "no `to`", "write"]),
        ("version = 1\nwindow = { from = 2023-07-10 }", ["2:19", "RFC 3339", "its zone"]),
        (
            "version = 1\nwindow = { from = 2023-07-10T11:30:00Z, before = \"5m\" }",
            ["2:10", "either", "around a ticket's time"],
        ),
        (
            "version = 1\nwindow = { from = 2023-07-10T12:00:00Z, to = 2023-07-10T11:00:00Z }",
            ["2:10", "is empty", "must end after it begins"],
        ),
        ("version = 1\nsteps = []", ["2:1", "no key `steps`", "did you mean `step`?"]),
        ("version = 1\nstep = 1", ["2:8", "a list of steps", "[[step]]"]),
        ("version = 1\npad = { s3 = \"1m\" }", ["2:14", "`pad` of layer `s3`", "a table"]),
    ] {
        wrong(text, true, &expected);
    }
    for (text, expected) in [
        ("{", ["plan.x:1:2", "no JSON", "a key in quotes, found the end"]),
        ("{\"version\": 1,\n \"version\": 1}", ["plan.x:2:2", "`version` stands twice", "remove"]),
        ("{\"version\": 1,\n \"windw\": {}}", ["plan.x:2:2", "`windw`", "did you mean `window`?"]),
        ("{\"version\": 1} x", ["plan.x:1:16", "expected the end", "found `x`"]),
        ("{\"version\": nul}", ["plan.x:1:13", "expected a value", "`n`"]),
        ("{\"version\": \"\\x\"}", ["plan.x:1:13", "no JSON text", "escape"]),
        ("[1, 2", ["plan.x:1:6", "`,` or `]`", "the end"]),
    ] {
        wrong(text, false, &expected);
    }
    // All mistakes at once, up to a bound.
    let many: String = (0..100).map(|n| format!("k{n} = 1\n")).collect();
    wrong(&many, true, &["`k0`", "`k9`", "and 10 more"]);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn windows_of_tickets_are_written_too() {
    let spec = WindowSpec::around(15 * MINUTE, MINUTE / 2);
    let plan = DivePlan::around_ticket(spec).select("a", Select::all().on(spec));
    let text = "version = 1\n\
                window = { anchor = \"started\", before = \"15m\", after = \"30s\" }\n\n\
                [[step]]\nname = \"a\"\n\
                select = { window = { anchor = \"started\", before = \"15m\", after = \"30s\" }, \
                newest = 200 }\n";
    assert_eq!(plan.to_toml(), text);
    assert_eq!(DivePlan::from_toml(text), Ok(plan));
}
