//! The demo, and the three commands it ends with.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::brute::{self, between, is_early, of_service};
use crate::{logdive, succeed};

fn play(dir: &Path) -> (String, Vec<Value>) {
    let text = succeed(logdive(dir).arg("demo"));
    let json = succeed(logdive(dir).args(["--json", "demo"]));
    let values = json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    (text, values)
}

/// The packets as JSON, in the order they were shown.
fn packets(values: &[Value]) -> Vec<&Value> {
    values.iter().filter(|value| value["facts"].is_object()).collect()
}

#[test]
fn the_story_is_told_and_its_commands_work() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("demo");
    let (text, values) = play(&dir);
    for said in [
        "Evidence complete",
        "No action needed: missing_settings",
        "Evidence INCOMPLETE",
        "Undetermined: for a person",
        "Changed since the last packet",
        "Decided: contain_key",
        "\"throttled by own quota\" v2 does not apply",
        "disable_key",
        "stopped by ana (cli)",
    ] {
        assert!(text.contains(said), "the demo does not say `{said}`");
    }
    let packets = packets(&values);
    assert_eq!(packets.len(), 4);
    assert_eq!(packets[0]["complete"], true);
    assert_eq!(packets[0]["ended"], "no action needed");
    assert_eq!(packets[1]["complete"], false);
    assert!(packets[1]["decision"]["conclusion"]["undetermined"].is_object());
    assert_eq!(packets[1]["actions"].as_array().map(Vec::len), Some(0), "nothing is done");
    assert_eq!(packets[2]["actions"][0]["status"], "waits for approval");
    assert_eq!(packets[3]["decision"]["mode"]["mode"], "suggest", "stopped");
    let case = packets[2]["case"].as_str().expect("a case").to_owned();

    // The three commands, as they are printed.
    let commands: Vec<String> = text
        .lines()
        .skip_while(|line| !line.starts_with("Automation is stopped"))
        .filter_map(|line| line.trim().split_once(" --dir ").map(|(_, rest)| rest.to_owned()))
        .collect();
    assert_eq!(commands.len(), 3, "{text}");
    let keys = dir.join("iam-access-keys.txt");
    assert!(!keys.exists(), "nothing is done before it is approved");
    let mut answers = Vec::new();
    for command in &commands {
        let line = format!("'{}' --dir {command}", env!("CARGO_BIN_EXE_logdive"));
        let mut shell = std::process::Command::new("sh");
        answers.push(succeed(shell.args(["-c", &line]).env("USER", "ana")));
    }
    assert!(commands[0].contains(&format!("approve {case}")));
    let done = fs::read_to_string(&keys).expect("the key's status");
    assert_eq!(done, "bert-jan AKIATFQR7NSC8Q4X20BJ Inactive\n");
    assert!(answers[0].contains("done ("), "{}", answers[0]);
    assert!(answers[1].contains("The mode is `suggest`"), "{}", answers[1]);
    assert!(answers[2].contains("is over (every action is done"), "{}", answers[2]);

    // In another order they work as well: the query looks again, and the action still waits.
    play(&dir);
    let again = succeed(logdive(&dir).args(["query", &case]));
    assert!(again.contains("bert-jan\"): proposed"), "{again}");
    succeed(logdive(&dir).args(["approve", &case]));
    assert_eq!(fs::read_to_string(&keys).expect("the key's status"), done);
}

#[test]
fn counts_are_those_of_the_raw_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, values) = play(&folder.path().join("demo"));
    let packets = packets(&values);
    let lines: u64 = values.iter().filter_map(|value| value["lines"].as_u64()).sum();
    assert_eq!(lines, brute::events(|_| true).len() as u64);

    let early = brute::events(is_early);
    let all = brute::events(|_| true);
    let is_s3_error =
        |event: &&&Value| of_service(event, "s3").is_some() && !event["errorCode"].is_null();
    let window = between(&early, "2023-07-10T11:37:59Z", "2023-07-10T11:43:29Z");
    let errors = window.iter().filter(is_s3_error).count();
    assert_eq!(packets[0]["facts"]["seen"]["known"]["int"], errors);

    for (packet, events) in [(packets[1], &early), (packets[2], &all)] {
        let window = between(events, "2023-07-10T11:53:32Z", "2023-07-10T11:59:02Z");
        let throttles: Vec<&&Value> = window
            .iter()
            .filter(|event| of_service(event, "ssm").is_some())
            .filter(|event| event["errorCode"] == "ThrottlingException")
            .collect();
        let keys: BTreeSet<&str> =
            throttles.iter().filter_map(|e| e["userIdentity"]["accessKeyId"].as_str()).collect();
        let secrets: BTreeSet<&str> = window
            .iter()
            .filter(|e| e["userIdentity"]["accessKeyId"].as_str().is_some_and(|k| keys.contains(k)))
            .filter(|event| event["eventName"] == "GetSecretValue" && event["errorCode"].is_null())
            .filter_map(|event| event["requestParameters"]["secretId"].as_str())
            .collect();
        let facts = &packet["facts"];
        assert_eq!(facts["throttled"]["at_least"][0]["int"], throttles.len());
        assert_eq!(facts["secrets_read"]["at_least"][0]["int"], secrets.len());
        assert_eq!(
            keys.into_iter().collect::<Vec<_>>(),
            [facts["key"]["known"]["text"].as_str().expect("a key")]
        );
    }
}

/// What looks like an event's id in a text.
fn uuids(text: &str) -> BTreeSet<String> {
    let is_uuid = |word: &&str| {
        let lengths: Vec<usize> = word.split('-').map(str::len).collect();
        lengths == [8, 4, 4, 4, 12] && word.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
    };
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words.filter(is_uuid).map(str::to_owned).collect()
}

fn tickets(dir: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(dir.join("tickets")).expect("the tickets");
    entries
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.file_name().to_string_lossy().ends_with(".md"))
        .map(|entry| {
            let text = fs::read_to_string(entry.path()).expect("a ticket");
            (entry.file_name().to_string_lossy().into_owned(), text)
        })
        .collect()
}

#[test]
fn packets_name_lines_that_are_in_the_data_and_are_the_same_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("demo");
    let first_text = succeed(logdive(&dir).arg("demo"));
    let first = tickets(&dir);
    let second_text = succeed(logdive(&dir).arg("demo"));
    assert_eq!(first, tickets(&dir), "running twice gives the same packet bytes");
    assert_eq!(first_text, second_text);

    let all = brute::events(|_| true);
    let ids = brute::ids(&all);
    let named: BTreeSet<String> = first.values().flat_map(|text| uuids(text)).collect();
    assert!(named.len() > 40, "{} lines are named", named.len());
    let unknown: Vec<&String> = named.difference(&ids).collect();
    assert!(unknown.is_empty(), "not in the data: {unknown:?}");
    let throttles: BTreeSet<String> = all
        .iter()
        .filter(|e| e["errorCode"] == "ThrottlingException")
        .map(|e| e["eventID"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(throttles.len(), 26);
    assert!(throttles.is_subset(&named), "all throttles are in the second packet");
}
