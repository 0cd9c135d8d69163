//! Playbooks in files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value as Json, json};

use crate::{fail, fixtures, logdive, run, succeed};

const PLAN: &str = r#"version = 1
window = { anchor = "started", before = "5m", after = "30s" }

[[step]]
name = "throttles"
select = { layers = ["ssm"], where = 'error_code == "ThrottlingException"', oldest = 40 }
"#;

const RULES: &str = r#"schema ssm v1 {
  evidence throttles : rows { access_key: text }
  fact throttled = count(throttles)
  fact key = only(throttles.access_key)
}
decisions { quota, contain, human }
default human "no rule applies"
rule "some" v1 mode suggest { when throttled >= 1 and throttled < 10 decide quota no action }
rule "many" v1 mode confirm {
  when throttled >= 10 decide contain
  do disable_key(key: key, user: "bert-jan")
}
rule "off" v1 mode off { when true decide human }
"#;

const PLAYBOOKS: &str = r#"version = 1

[[playbook]]
name = "ssm"
when = 'ticket.labels.namespace == "CloudTrail/Errors" and ticket.service == "ssm"'
plan = "ssm.toml"
rules = "ssm.rules"
highest = "confirm"
runbook = "https://wiki.example/ssm"

[[playbook]]
name = "severe"
when = "ticket.severity <= 2"
plan = "ssm.toml"
rules = "ssm.rules"
"#;

/// Writes the files of playbooks into a folder, and gives that of the list.
fn write(folder: &Path) -> PathBuf {
    for (name, text) in [("ssm.toml", PLAN), ("ssm.rules", RULES), ("playbooks.toml", PLAYBOOKS)] {
        fs::write(folder.join(name), text).expect("a file");
    }
    folder.join("playbooks.toml")
}

fn change(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).expect("the file");
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).expect("a file");
}

fn value(command: &mut Command, code: i32) -> Json {
    let output = run(command.arg("--json"));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{command:?}: {errors}");
    serde_json::from_slice(&output.stdout).expect("a JSON value")
}

fn text(command: &mut Command, code: i32) -> String {
    let output = run(command);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{command:?}: {errors}");
    String::from_utf8(output.stdout).expect("it prints UTF-8")
}

#[test]
fn playbooks_are_checked_and_every_mistake_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = write(folder.path());
    // In `--dir` it needs no name, and neither a lake nor a journal.
    let said = text(logdive(folder.path()).args(["playbook", "check"]), 0);
    assert!(said.contains("ssm: 3 rules, up to mode confirm"), "{said}");
    assert!(said.contains("nothing is wrong"), "{said}");

    change(&file, "ticket.service == \"ssm\"", "ticket.sevice == \"ssm\"");
    change(&file, "highest = \"confirm\"", "highest = \"confrm\"");
    change(&file, "runbook", "runbok");
    let check = || {
        let mut check = Command::new(env!("CARGO_BIN_EXE_logdive"));
        check.args(["playbook", "check"]).arg(&file).env("COLUMNS", "80");
        check
    };
    let said = text(&mut check(), 1);
    for part in [
        "playbooks.toml:5:60",
        "did you mean `ticket.service`?",
        "playbooks.toml:8:11",
        "did you mean `confirm`?",
        "playbooks.toml:9:1",
        "did you mean `runbook`?",
        "severe: 3 rules, up to mode suggest",
    ] {
        assert!(said.contains(part), "`{part}` is not in\n{said}");
    }
    let checked = value(&mut check(), 1);
    assert_eq!(checked["mistakes"].as_array().map(Vec::len), Some(3));
    assert_eq!(checked["mistakes"][0]["playbook"], "ssm");
    assert_eq!(checked["mistakes"][0]["line"], 5);

    // What does not fit between the files is at the line that asks for it.
    write(folder.path());
    change(&folder.path().join("ssm.toml"), "\"throttles\"", "\"throttled\"");
    change(&folder.path().join("ssm.rules"), "disable_key", "disable_keys");
    let said = text(&mut check(), 1);
    assert!(said.contains("ssm.rules:3:8") && said.contains("ssm.rules:4:8"), "{said}");
    assert!(said.contains("did you mean `throttled`?"), "{said}");
    write(folder.path());
    change(&folder.path().join("ssm.rules"), "disable_key", "disable_keys");
    let said = text(&mut check(), 1);
    assert!(said.contains("ssm.rules:9:1") && said.contains("`disable_key`"), "{said}");
    // Files that are broken or not there.
    write(folder.path());
    change(&folder.path().join("ssm.toml"), "oldest", "oldst");
    change(&folder.path().join("ssm.rules"), "throttled >= 10", "throttled >= 5");
    let said = text(&mut check(), 1);
    assert!(said.contains("ssm.toml:6:") && said.contains("did you mean `oldest`?"), "{said}");
    assert!(said.contains("error[A004]") && said.contains("for example with"), "{said}");
    change(&file, "plan = \"ssm.toml\"", "plan = \"none.toml\"");
    let said = text(&mut check(), 1);
    assert!(said.contains("none.toml") && said.contains("playbooks.toml:6:8"), "{said}");
    fs::write(&file, "playbook = 1\nplaybok = 2\n").expect("a file");
    let said = text(&mut check(), 1);
    assert!(said.contains("[[playbook]]") && said.contains("did you mean `playbook`?"), "{said}");
    fs::write(&file, "").expect("a file");
    assert!(text(&mut check(), 1).contains("there are no playbooks"));
    fs::remove_file(&file).expect("it was there");
    assert!(fail(&mut check()).contains("playbooks.toml"));
}

/// The file that docs/playbooks.md shows, with the files it names.
#[test]
fn the_example_of_the_docs_checks() {
    let docs = include_str!("../../../../docs/playbooks.md");
    let (_, block) = docs.split_once("```toml\n").expect("an example");
    let (block, _) = block.split_once("```").expect("its end");
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in
        [("playbooks.toml", block), ("ssm-throttling.toml", PLAN), ("ssm-throttling.rules", RULES)]
    {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    let said = text(logdive(folder.path()).args(["playbook", "check"]), 0);
    assert!(said.contains("nothing is wrong"), "{said}");
}

#[test]
fn a_ticket_is_matched_term_by_term() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = write(folder.path());
    let alarm = fixtures().join("alarms/ssm-throttling.json");
    let matched = |ticket: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_logdive"));
        command.args(["playbook", "match"]).arg(ticket).arg("--playbooks").arg(&file);
        command.env("COLUMNS", "80");
        command
    };
    let said = text(&mut matched(&alarm), 0);
    assert!(said.contains("ssm: takes it") && said.contains("severe: does not take it"), "{said}");
    assert!(said.contains("ticket.severity: 3"), "the value that was read: {said}");
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
    let found = value(&mut matched(&alarm), 0);
    assert_eq!(found["playbook"], "ssm");
    assert_eq!(found["playbooks"][1]["terms"][0]["truth"], "false");
    // A ticket as logdive writes it, of which one thing is not known.
    let ticket = json!({
        "id": "github:1", "title": "slow", "body": "", "url": null, "severity": null,
        "status": "new", "vendor_status": "open", "service": "ssm", "labels": {},
        "times": { "started": null, "detected": null, "opened": "2023-07-10T12:00:00Z",
                   "updated": null, "resolved": null },
        "group_key": null, "dedupe_key": "1", "audience": "internal", "truncated_members": 0,
        "raw_digest": "0".repeat(64), "entities": [],
    });
    let path = folder.path().join("ticket.json");
    fs::write(&path, ticket.to_string()).expect("a file");
    let said = text(&mut matched(&path), 0);
    assert!(said.contains("its condition cannot be told"), "{said}");
    assert!(said.contains("github:1: no playbook"), "{said}");
    assert_eq!(value(&mut matched(&path), 0)["playbook"], Json::Null);
    // Without a file those of the demo.
    let mut demo = logdive(&folder.path().join("nothing"));
    let said = text(demo.args(["playbook", "match"]).arg(&alarm), 0);
    assert!(said.contains("playbook ssm-throttling (of the demo)"), "{said}");
    fs::write(&path, "{}").expect("a file");
    assert!(fail(&mut matched(&path)).contains("no ticket in this payload"));
    change(&file, "<= 2", "<= x");
    assert!(fail(&mut matched(&alarm)).contains("playbooks.toml:13:"));
}

#[test]
fn the_loop_takes_playbooks_of_files_and_keeps_the_last_good_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("demo");
    succeed(logdive(&dir).arg("demo"));
    let file = write(&dir);
    let alarm = fixtures().join("alarms/ssm-throttling.json");
    let fresh = |id: &str| {
        // The alarm is known already: a ticket of its own id is one for the loop.
        let ticket = json!({
            "version": "4", "groupKey": id, "status": "firing", "alerts": [{
                "status": "firing", "startsAt": "2023-07-10T11:58:31Z",
                "labels": { "alertname": id, "service": "ssm", "namespace": "CloudTrail/Errors" },
            }],
        });
        let path = folder.path().join("alert.json");
        fs::write(&path, ticket.to_string()).expect("a file");
        path
    };
    let query = |id: &str| {
        let output = run(logdive(&dir).args(["--json", "query"]).arg(fresh(id)));
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{errors}");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let value: Json = serde_json::from_str(text.lines().next().expect("a line")).expect("JSON");
        (value, errors)
    };
    let (case, errors) = query("one");
    assert_eq!((&case["playbook"], errors.as_str()), (&json!("ssm"), ""));
    assert_eq!(case["decision"]["conclusion"]["decided"]["rule"], "many", "{case}");
    let kept = dir.join("rules/last-good");
    assert_eq!(fs::read_to_string(kept.join("ssm.rules")).expect("kept"), RULES);

    // A rule file that does not load leaves the last good one in force, loudly.
    let rules = dir.join("ssm.rules");
    change(&rules, "decide contain", "decide contian");
    let (case, errors) = query("two");
    assert_eq!(case["decision"]["conclusion"]["decided"]["rule"], "many", "{case}");
    assert!(errors.contains("the last good one stays in force"), "{errors}");
    assert!(errors.contains("ssm.rules:10:") && errors.contains("`contain`"), "{errors}");
    let status = run(logdive(&dir).arg("status"));
    let errors = String::from_utf8_lossy(&status.stderr).into_owned();
    assert!(status.status.success() && errors.starts_with("warning: "), "{errors}");
    assert_eq!(fs::read_to_string(kept.join("ssm.rules")).expect("kept"), RULES);

    // One that lost most of its rules needs a confirmation.
    let (head, _) = RULES.split_once("rule \"some\"").expect("its head");
    let (_, tail) = RULES.split_once("rule \"many\"").expect("a rule");
    let (many, _) = tail.split_once("rule \"off\"").expect("its end");
    let shrunk = format!("{head}rule \"many\"{many}").replace(">= 10", ">= 11");
    fs::write(&rules, &shrunk).expect("a file");
    let (case, errors) = query("three");
    assert!(errors.contains("most are gone") && errors.contains("confirm ssm"), "{errors}");
    let terms = case["decision"]["trace"].as_array().map(Vec::len);
    assert_eq!(terms, Some(2), "{case}");
    for name in ["ssm", "severe"] {
        let said = succeed(logdive(&dir).args(["playbook", "confirm", name]));
        assert!(said.contains("in force with 1 rules, confirmed by ana"), "{said}");
    }
    let (case, errors) = query("four");
    assert_eq!(
        (case["decision"]["trace"].as_array().map(Vec::len), errors.as_str()),
        (Some(1), "")
    );

    // The list itself.
    fs::write(&file, "[[playbook]\n").expect("a file");
    let (case, errors) = query("five");
    assert_eq!(case["playbook"], "ssm");
    assert!(errors.contains("stay in force") && errors.contains("playbooks.toml:1:"), "{errors}");
    // What was never in force takes nothing; the others go on.
    write(&dir);
    fs::write(&rules, &shrunk).expect("a file");
    let more = format!("{PLAYBOOKS}\n[[playbook]]\nname = \"new\"\nwhen = \"true\"\n");
    fs::write(&file, more).expect("a file");
    let (case, errors) = query("six");
    assert_eq!(case["playbook"], "ssm");
    assert!(errors.contains("never in force") && errors.contains("no `plan`"), "{errors}");
    let error = fail(logdive(&dir).args(["playbook", "confirm", "nobody"]));
    assert!(error.contains("there are: ssm, severe, new"), "{error}");
    assert!(alarm.exists());
}
