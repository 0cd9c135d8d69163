//! Decision rules at the terminal.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

use crate::{fail, run, succeed};

fn rules(command: &str) -> Command {
    let mut rules = Command::new(env!("CARGO_BIN_EXE_logdive"));
    rules.args(["rules", command]).env("COLUMNS", "80");
    rules
}

/// What a command prints as JSON, a value a line; it must have ended with this code.
fn values(command: &mut Command, code: i32) -> Vec<Json> {
    let output = run(command.arg("--json"));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{command:?}: {errors}");
    let text = String::from_utf8(output.stdout).expect("it prints UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn value(command: &mut Command, code: i32) -> Json {
    let mut values = values(command, code);
    assert_eq!(values.len(), 1);
    values.remove(0)
}

/// What a command prints for people; it must have ended with this code, and fit the terminal.
fn text(command: &mut Command, code: i32) -> String {
    let output = run(command);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{command:?}: {errors}");
    let text = String::from_utf8(output.stdout).expect("it prints UTF-8");
    for line in text.lines() {
        // A line of the file itself is not folded.
        let drawn = line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
        let is_of_file = drawn.trim_start().starts_with('|');
        assert!(is_of_file || line.chars().count() <= 80, "{line}");
    }
    text
}

/// The blocks of a kind in docs/rules.md.
fn documented(kind: &str) -> String {
    let docs = include_str!("../../../../docs/rules.md");
    let fence = format!("```{kind}\n");
    let (_, block) = docs.split_once(fence.as_str()).expect("an example");
    block.split_once("```").expect("its end").0.to_owned()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).expect("a file");
        path
    }
}

const QUOTA: &str = r#"# Throttling.
schema quota v1 {
  ticket.severity : int 1..5
  ticket.tier     : text optional
  fact throttled  : int
  fact other_err  : int
}
decisions { quota, calm, human }
default human "no rule applies"

rule "own quota" v2 mode automatic {
  when   throttled >= 50 and other_err == 0 and ticket.severity > 1
  decide quota because "{throttled} throttles, no other error"
  do     label(name: "quota")
}
rule "quiet" v1 mode confirm {
  when   throttled == 0 and other_err == 0
  decide calm
  no action
}
"#;

#[test]
fn the_example_of_the_docs_checks_and_its_tests_pass() {
    let folder = Folder::new();
    let file = folder.file("throttling.rules", &documented("rules"));
    let said = text(rules("check").arg(&file), 0);
    assert!(said.contains("nothing is wrong") && said.contains("3 rules"), "{said}");
    let checked = value(rules("check").arg(&file), 0);
    assert_eq!((&checked["ok"], &checked["findings"]), (&json!(true), &json!([])));
    assert_eq!(checked["digest"].as_str().map(str::len), Some(64));
    let suite = folder.file("tests.toml", &documented("toml"));
    let said = text(rules("test").args([&file, &suite]), 0);
    assert!(said.contains("3 of 3 tests passed"), "{said}");
}

#[test]
fn mistakes_are_drawn_and_have_lines_and_columns() {
    let folder = Folder::new();
    let broken = QUOTA.replace("other_err == 0\n", "other_er == 0\n").replace("calm\n", "clam\n");
    let file = folder.file("broken.rules", &broken);
    let said = text(rules("check").arg(&file), 1);
    assert!(said.contains("broken.rules:18:") && said.contains("did you mean `calm`?"), "{said}");
    assert!(said.contains("2 errors"), "{said}");
    let checked = value(rules("check").arg(&file), 1);
    let found = checked["diagnostics"].as_array().expect("diagnostics");
    assert_eq!(found.len(), 2);
    assert_eq!((&found[0]["code"], &found[0]["line"]), (&json!("P010"), &json!(17)));
    assert_eq!(found[0]["column"], 29);
    let span = &found[0]["span"];
    let (start, end) = (span["start"].as_u64().expect("it"), span["end"].as_u64().expect("it"));
    assert_eq!(&broken.as_bytes()[start as usize..end as usize], b"other_er");
    assert_eq!(checked["digest"], Json::Null);

    // Several files, one of which is not there: each is told.
    let good = folder.file("good.rules", QUOTA);
    let output = run(rules("check").arg(&file).arg("nowhere.rules").arg(&good));
    let (said, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("nowhere.rules"), "{errors}");
    assert!(said.contains("good.rules: nothing is wrong"), "{said}");
    let all = values(rules("check").arg(&file).arg("nowhere.rules").arg(&good), 1);
    let ok: Vec<&Json> = all.iter().map(|value| &value["ok"]).collect();
    assert_eq!(ok, [&json!(false), &json!(false), &json!(true)]);
}

#[test]
fn what_does_not_hold_is_shown_with_facts_and_a_fix() {
    let folder = Folder::new();
    let flawed = QUOTA.replace(" and ticket.severity > 1", "")
        + "cover when throttled > 0\nnever automatic when ticket.severity == 1\n";
    let file = folder.file("flawed.rules", &flawed);
    let said = text(rules("check").arg(&file), 1);
    for part in [
        "error[A006]",
        "error[A007]",
        "flawed.rules:21:",
        "flawed.rules:12:",
        "for example with",
        "      ticket.severity: 1\n",
        "add to `when` of `own quota`: and ticket.severity > 1",
    ] {
        assert!(said.contains(part), "`{part}` is not in\n{said}");
    }
    let checked = value(rules("check").arg(&file), 1);
    let findings = checked["findings"].as_array().expect("findings");
    let broken = findings.iter().find(|found| found["code"] == "A007").expect("the invariant");
    assert_eq!(broken["rules"], json!(["own quota"]));
    assert_eq!(broken["witness"]["ticket.severity"], json!({ "known": { "int": 1 } }));
    assert_eq!((&broken["level"], &broken["line"]), (&json!("error"), &json!(12)));
    assert!(broken["fix"].is_object() && broken["span"].is_object(), "{broken}");
    assert!(checked["digest"].is_string(), "it loads");
}

#[test]
fn a_set_that_shrinks_needs_a_confirmation() {
    let folder = Folder::new();
    let rule = |at: usize| {
        format!("rule \"r{at}\" v1 mode suggest {{ when throttled == {at} decide quota }}\n")
    };
    let set = |count| {
        QUOTA.split("\nrule").next().expect("its head").to_owned()
            + "\n"
            + &(0..count).map(rule).collect::<String>()
    };
    let old = folder.file("old.rules", &set(5));
    let new = folder.file("new.rules", &set(2));
    let check = || {
        let mut check = rules("check");
        check.arg(&new).arg("--was").arg(&old);
        check
    };
    let said = text(&mut check(), 1);
    assert!(said.contains("2 rules, the version in force 5"), "{said}");
    assert!(said.contains("--confirm-shrink"), "{said}");
    assert_eq!(value(&mut check(), 1)["shrinks"], json!({ "from": 5, "to": 2 }));
    let said = text(check().arg("--confirm-shrink"), 0);
    assert!(said.contains("nothing is wrong"), "{said}");
    folder.file("new.rules", &set(3));
    text(&mut check(), 0);
    folder.file("new.rules", &set(0));
    text(&mut check(), 1);
    let error = fail(rules("check").args([&new, &old]).arg("--was").arg(&old));
    assert!(error.contains("one by one"), "{error}");
}

#[test]
fn files_are_laid_out_in_one_step() {
    let folder = Folder::new();
    let squeezed = "schema s v1{fact n:int} decisions{a,human} default human \"x\" # why\n\
                    rule \"r\" v1 mode suggest{when n==1&&!(n>2) decide a}";
    let file = folder.file("a.rules", squeezed);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("permissions");
    let good = folder.file("b.rules", QUOTA);
    succeed(rules("fmt").arg(&good));
    let check = |code| text(rules("fmt").arg("--check").args([&file, &good]), code);
    assert_eq!(check(1), format!("{} would change\n", file.display()));
    assert_eq!(fs::read_to_string(&file).expect("it"), squeezed, "nothing is changed");

    let digest = |file: &Path| value(rules("check").arg(file), 0)["digest"].clone();
    let before = digest(&file);
    let link = folder.0.path().join("link.rules");
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    succeed(rules("fmt").arg(&link));
    let laid_out = fs::read_to_string(&file).expect("it");
    assert!(
        laid_out.contains("n == 1 and not (n > 2)") && laid_out.contains("# why"),
        "{laid_out}"
    );
    assert_eq!(digest(&file), before);
    assert_eq!(check(0), "");
    let mode = fs::metadata(&file).expect("it").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert!(fs::symlink_metadata(&link).expect("it").is_symlink());
    let left = fs::read_dir(folder.0.path()).expect("the folder").count();
    assert_eq!(left, 3, "nothing is left beside them");

    // Standard input to standard output.
    let piped = |text: &str, options: &[&str]| {
        let mut command = rules("fmt");
        command.arg("-").args(options);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        child.stdin.take().expect("its input").write_all(text.as_bytes()).expect("it reads");
        child.wait_with_output().expect("it ends")
    };
    assert_eq!(piped(squeezed, &[]).stdout, laid_out.as_bytes());
    assert_eq!(piped(squeezed, &["--check"]).status.code(), Some(1));
    assert_eq!(piped(&laid_out, &["--check"]).status.code(), Some(0));
    // What cannot be read stays, and the others are laid out all the same.
    let broken = folder.file("c.rules", "rule \"half");
    folder.file("a.rules", squeezed);
    let error = fail(rules("fmt").args([&broken, &file]));
    assert!(error.contains("c.rules") && error.contains("does not load"), "{error}");
    assert_eq!(fs::read_to_string(&broken).expect("it"), "rule \"half");
    assert_eq!(fs::read_to_string(&file).expect("it"), laid_out);
}

#[test]
fn tests_in_files_fail_with_their_line() {
    let folder = Folder::new();
    let file = folder.file("quota.rules", QUOTA);
    let test = |name: &str, throttled: i64, expect: &str| {
        format!(
            "[[test]]\nname = \"{name}\"\nfacts = {{ ticket = {{ severity = 3 }}, \
             throttled = {throttled}, other_err = 0 }}\nexpect = {{ {expect} }}\n"
        )
    };
    let quota = "decision = \"quota\", rule = \"own quota\"";
    let good = format!(
        "now = 2026-11-23T03:00:00Z\n{}{}",
        test("quota", 72, quota),
        test("some", 20, "no_rule = true")
    );
    let suite = folder.file("tests.toml", &good);
    let said = text(rules("test").args([&file, &suite]), 0);
    assert!(said.contains("2 of 2 tests passed"), "{said}");
    assert!(said.contains("never tested: rule \"quiet\""), "{said}");

    folder.file("tests.toml", &(good.clone() + &test("wrong", 0, quota)));
    let said = text(rules("test").args([&file, &suite]), 1);
    assert!(said.contains("failed: wrong") && said.contains("tests.toml:10"), "{said}");
    assert!(said.contains("2 of 3 tests passed"), "{said}");
    let report = value(rules("test").args([&file, &suite]), 1);
    assert_eq!((&report["passed"], &report["tests"][2]["line"]), (&json!(false), &json!(10)));
    assert_eq!(report["never_decided"], json!([]), "it decided, if not as expected");

    // A suite in which nothing decides proves nothing.
    folder.file("tests.toml", &test("some", 20, "no_rule = true"));
    let said = text(rules("test").args([&file, &suite]), 1);
    assert!(said.contains("proves nothing"), "{said}");
    folder.file("tests.toml", &good.replace("expect", "expct"));
    let error = fail(rules("test").args([&file, &suite]));
    assert!(error.contains("line 2") && error.contains("`expct`"), "{error}");
}

#[test]
fn facts_are_decided_and_the_trace_is_shown() {
    let folder = Folder::new();
    let file = folder.file("quota.rules", QUOTA);
    let eval = |facts: &Json, code| {
        let facts = folder.file("facts.json", &facts.to_string());
        value(rules("eval").arg(&file).arg("--facts").arg(facts), code)
    };
    let facts = json!({ "ticket": { "severity": 3 }, "throttled": 72, "other_err": 0 });
    let decided = eval(&facts, 0);
    assert_eq!(decided["conclusion"], "decided");
    assert_eq!((&decided["decision"], &decided["rule"]), (&json!("quota"), &json!("own quota")));
    assert_eq!((&decided["mode"], &decided["missing"]), (&json!("automatic"), &json!([])));
    assert_eq!(decided["because"], "72 throttles, no other error");
    assert_eq!(decided["actions"][0]["name"], "label");
    assert_eq!(decided["trace"].as_array().map(Vec::len), Some(2));
    assert_eq!(decided["trace"][0]["when"][0]["read"], json!({ "known": { "int": 72 } }));
    assert_eq!(decided["digest"].as_str().map(str::len), Some(64));

    let calm = eval(&json!({ "throttled": 0, "other_err": 0, "ticket.severity": 2 }), 0);
    assert_eq!(
        (&calm["conclusion"], &calm["mode"]),
        (&json!("no_action_needed"), &json!("confirm"))
    );
    let none = eval(&json!({ "throttled": 5, "other_err": 0, "ticket.severity": 2 }), 0);
    assert_eq!((&none["conclusion"], &none["decision"]), (&json!("no_rule"), &Json::Null));
    assert_eq!((&none["rule"], &none["mode"]), (&Json::Null, &Json::Null));
    let unknown = json!({ "unavailable": "loki timed out" });
    let open = eval(&json!({ "throttled": 72, "other_err": unknown, "ticket.severity": 2 }), 0);
    assert_eq!(open["conclusion"], "undetermined");
    assert_eq!(open["missing"][0]["fact"], "other_err");
    assert_eq!(open["missing"][0]["reason"], "loki timed out");

    let path = folder.0.path().join("facts.json");
    folder.file("facts.json", &facts.to_string());
    let said = text(rules("eval").arg(&file).arg("--facts").arg(&path), 0);
    for part in [
        "decided: quota (rule \"own quota\", mode automatic)",
        "because: 72 throttles, no other error",
        "do: label(name: \"quota\")",
        "false: \"quiet\" v1",
        "throttled: 72",
    ] {
        assert!(said.contains(part), "`{part}` is not in\n{said}");
    }
}

#[test]
fn a_ticket_of_its_own_is_read_leniently_and_facts_are_not() {
    let folder = Folder::new();
    let file = folder.file("quota.rules", QUOTA);
    let facts = folder.file("facts.json", r#"{"throttled": 72, "other_err": 0}"#);
    let eval = |ticket: &str| {
        let ticket = folder.file("event.json", ticket);
        let mut eval = rules("eval");
        eval.arg(&file).arg("--facts").arg(&facts).arg("--ticket").arg(ticket);
        eval
    };
    assert_eq!(value(&mut eval(r#"{"severity": 3, "other": [1]}"#), 0)["conclusion"], "decided");
    let open = value(&mut eval(r#"{"severity": "high"}"#), 0);
    assert_eq!(
        (&open["conclusion"], &open["missing"][0]["fact"]),
        (&json!("undetermined"), &json!("ticket.severity"))
    );
    let ticket_alone = folder.file("event.json", r#"{"severity": 3}"#);
    let open = value(rules("eval").arg(&file).arg("--ticket").arg(ticket_alone), 0);
    assert_eq!(open["conclusion"], "undetermined");

    folder.file("facts.json", r#"{"throttled": "many", "other_er": 0}"#);
    let error = fail(&mut eval(r#"{"severity": 3}"#));
    assert!(error.contains("`throttled` is of type int"), "{error}");
    assert!(error.contains("did you mean `other_err`?"), "{error}");
    folder.file("facts.json", "{");
    assert!(fail(&mut eval("{}")).contains("is no JSON"));
    let missing = run(rules("eval").arg(&file));
    assert_eq!(missing.status.code(), Some(2));
    folder.file("quota.rules", "rule");
    assert!(fail(&mut eval("{}")).contains("does not load"));
}

#[test]
fn times_may_be_a_distance_from_now() {
    let folder = Folder::new();
    let file = folder.file(
        "a.rules",
        "schema s v1 { fact at : time } decisions { old, human } default human \"x\"\n\
         rule \"old\" v1 mode suggest { when at < 2026-11-23T00:00:00Z decide old }\n",
    );
    let facts = folder.file("facts.json", r#"{"at": "-15m"}"#);
    let eval = || {
        let mut eval = rules("eval");
        eval.arg(&file).arg("--facts").arg(&facts);
        eval
    };
    let at = |now: &str| value(eval().args(["--now", now]), 0)["conclusion"].clone();
    assert_eq!(at("2026-11-23T00:10:00Z"), "decided");
    assert_eq!(at("2026-11-23T00:20:00Z"), "no_rule");
    let error = fail(&mut eval());
    assert!(error.contains("`at` is of type time"), "{error}");
}

#[test]
fn why_not_is_explained_with_the_smallest_change() {
    let folder = Folder::new();
    let file = folder.file("quota.rules", QUOTA);
    let facts = json!({ "ticket": { "severity": 3 }, "throttled": 30, "other_err": 0 });
    let facts = folder.file("facts.json", &facts.to_string());
    let explain = || {
        let mut explain = rules("explain");
        explain.arg(&file).arg("--facts").arg(&facts);
        explain
    };
    let said = text(&mut explain(), 0);
    for part in ["no rule applies", "false: own quota", "`own quota` decides if", "were:    50"] {
        assert!(said.contains(part), "`{part}` is not in\n{said}");
    }
    let only = text(explain().args(["--rule", "quiet"]), 0);
    assert!(only.contains("`quiet` decides if") && !only.contains("own quota"), "{only}");
    let explained = value(explain().args(["--rule", "own quota"]), 0);
    assert_eq!(explained["conclusion"], "no_rule");
    assert_eq!(explained["nearest"][0]["rule"], "own quota");
    assert_eq!(explained["nearest"][0]["changes"][0]["to"], json!({ "known": { "int": 50 } }));
    assert_eq!(explained["rules"].as_array().map(Vec::len), Some(1));
    let error = fail(explain().args(["--rule", "own quote"]));
    assert!(error.contains("did you mean `own quota`?"), "{error}");
}

#[test]
fn versions_are_compared_by_what_they_mean() {
    let folder = Folder::new();
    let old = folder.file("old.rules", QUOTA);
    let same = folder.file("same.rules", &QUOTA.replace("throttled >= 50", "not (throttled < 50)"));
    let said = text(rules("diff").args([&old, &same]), 0);
    assert!(said.contains("both decide the same"), "{said}");
    assert_eq!(value(rules("diff").args([&old, &same]), 0)["same"], true);

    let new = folder.file("new.rules", &QUOTA.replace(">= 50", ">= 60"));
    let said = text(rules("diff").args([&old, &new]), 1);
    assert!(said.contains("before: quota") && said.contains("throttled:"), "{said}");
    let found = value(rules("diff").args([&old, &new]), 1);
    assert_eq!(found["same"], false);
    let throttled = &found["changes"][0]["witness"]["throttled"]["known"]["int"];
    assert!((50..60).contains(&throttled.as_i64().expect("a number")), "{found}");
    assert!(found["new"]["digest"] != found["old"]["digest"], "{found}");
    let error = fail(rules("diff").arg(&old).arg("nowhere.rules"));
    assert!(error.contains("nowhere.rules"), "{error}");
}

#[test]
fn the_past_is_compared_with_the_rules() {
    let folder = Folder::new();
    let file = folder.file("quota.rules", QUOTA);
    let record = |id: &str, throttled: Json, decision: Json| {
        json!({ "id": id, "facts": { "throttled": throttled, "other_err": 0 },
                "ticket": { "severity": 3 }, "decision": decision })
        .to_string()
            + "\n"
    };
    let lines = [
        record("OPS-1", json!(72), json!("quota")),
        record("OPS-2", json!(72), json!("human")),
        record("OPS-3", json!(72), Json::Null),
        record("OPS-4", json!("many"), json!("quota")),
        record("OPS-5", json!(10), json!("calm")),
    ];
    let past = folder.file("past.jsonl", &lines.concat());
    let backtest = || {
        let mut backtest = rules("backtest");
        backtest.arg(&file).arg("--facts").arg(&past);
        backtest
    };
    let report = value(&mut backtest(), 0);
    let totals = &report["totals"];
    assert_eq!((&totals["records"], &totals["agreed"]), (&json!(5), &json!(1)));
    assert_eq!((&totals["differed"], &totals["left"]), (&json!(1), &json!(2)));
    assert_eq!((&totals["could"], &totals["unasked"]), (&json!(2), &json!(1)));
    assert_eq!(totals["misfits"], 1);
    let ids: Vec<&Json> =
        report["differences"].as_array().expect("it").iter().map(|found| &found["id"]).collect();
    assert_eq!(ids, ["OPS-2", "OPS-4", "OPS-5", "OPS-3"]);
    assert_eq!(report["differences"][0]["person"], "human");
    assert_eq!(report["differences"][0]["rule"], "own quota");

    let said = text(&mut backtest(), 0);
    for part in ["5 records", "OPS-2", "own quota, automatic", "`throttled` is of type int"] {
        assert!(said.contains(part), "`{part}` is not in\n{said}");
    }
    let cut = text(backtest().args(["--limit", "1"]), 0);
    assert!(cut.contains("3 more") && !cut.contains("OPS-4"), "{cut}");
    folder.file("past.jsonl", &(lines.concat() + "{\"id\": 1}"));
    let error = fail(&mut backtest());
    assert!(error.contains("line 6, column 8"), "{error}");
}
