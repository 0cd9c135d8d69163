//! Plans as people check, read and use them.

use std::fs;
use std::process::Command;

use serde_json::Value as Json;

use crate::{fail, fixtures, logdive, succeed};

fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_logdive"))
}

/// The plan that docs/plans.md shows.
fn documented() -> String {
    let docs = include_str!("../../../../docs/plans.md");
    let (_, block) = docs.split_once("```toml\n").expect("an example");
    block.split_once("```").expect("its end").0.to_owned()
}

#[test]
fn the_plan_of_the_docs_fits_the_demo() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("plan.toml");
    fs::write(&file, documented()).expect("a file");
    let text = succeed(binary().args(["plan", "check"]).arg(&file));
    assert!(text.contains("fits its layers") && text.contains("digest "), "{text}");
    let words = succeed(binary().args(["plan", "explain"]).arg(&file));
    for said in [
        "dive from 15m before to 5m after it started",
        "kms is looked at from 1m earlier to 1m later",
        "errors: lines of s3, ssm where error_code is present, the newest 200 shown",
        "throttled = count(errors where error_code == \"ThrottlingException\")",
        "no-key-made: expects no lines of iam",
        "may read 50000000 rows",
    ] {
        assert!(words.contains(said), "`{said}` is not in\n{words}");
    }
    let json = |command: &str| -> Json {
        let text = succeed(binary().args(["--json", "plan", command]).arg(&file));
        serde_json::from_str(&text).expect("a JSON line")
    };
    assert_eq!(json("check")["digest"], json("explain")["digest"]);
    assert_eq!(json("check")["needs_ticket"], true);
}

#[test]
fn what_is_wrong_with_a_plan_is_shown_in_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("plan.toml");
    let check = |text: &str| {
        fs::write(&file, text).expect("a file");
        fail(binary().args(["plan", "check"]).arg(&file))
    };
    let error = check(&documented().replace("newest = 200", "newst = 200"));
    assert!(error.contains("plan.toml:9:") && error.contains("did you mean `newest`?"), "{error}");
    let error = check(&documented().replace("\"s3\", \"ssm\"", "\"s4\""));
    assert!(error.contains("step `errors`") && error.contains("did you mean `s3`?"), "{error}");
    let error = check(&documented().replace("distinct(user)", "distinct(usr)"));
    assert!(error.contains("step `numbers`") && error.contains("did you mean `user`?"), "{error}");
    let error = check("{ \"version\": 1, \"windw\": 1 }");
    assert!(error.contains("did you mean `window`?"), "{error}");
    let error = fail(binary().args(["plan", "check", "nowhere.toml"]));
    assert!(error.contains("nowhere.toml"), "{error}");
    // Against the layers of a file.
    let layers = folder.path().join("layers.toml");
    fs::write(&layers, "version = 1\n[layer.web]\nexec = { command = [\"true\"] }\n").expect("one");
    let plan = "version = 1\nwindow = { before = \"5m\" }\n[[step]]\nname = \"a\"\nselect = { layers = [\"web\"] }\n";
    fs::write(&file, plan).expect("a file");
    let text = succeed(binary().args(["plan", "check"]).arg(&file).arg("--layers").arg(&layers));
    assert!(text.contains("fits its layers"), "{text}");
}

#[test]
fn a_ticket_is_dived_for_by_a_plan() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("demo");
    succeed(logdive(&dir).arg("demo"));
    let file = folder.path().join("plan.toml");
    let plan = "version = 1\n\
        window = { anchor = \"started\", before = \"5m\", after = \"30s\" }\n\
        [[step]]\nname = \"throttles\"\n\
        select = { layers = [\"ssm\"], where = 'error_code == \"ThrottlingException\"' }\n";
    fs::write(&file, plan).expect("a file");
    let alarm = fixtures().join("alarms/ssm-throttling.json");
    let query = |options: &[&str]| -> Json {
        let mut command = logdive(&dir);
        command.args(["--json", "query"]).arg(&alarm).arg("--plan").arg(&file).args(options);
        serde_json::from_str(&succeed(&mut command)).expect("a JSON line")
    };
    let found = query(&[]);
    let matched = found["steps"][0]["matched"].as_u64().expect("a number");
    assert!(matched > 0, "{found}");
    assert_eq!(found["posted"], Json::Null);
    // At another time there was nothing of it.
    assert_eq!(query(&["--at", "2023-07-10T10:00:00Z"])["steps"][0]["matched"], 0);
    assert_eq!(query(&["--at", "12:00", "--tz", "+02:00"])["steps"][0]["matched"], 0);

    let posted = query(&["--post"]);
    let path = posted["posted"].as_str().expect("a file");
    let ticket = fs::read_to_string(path).expect("the ticket");
    assert!(ticket.contains("throttles") && ticket.contains("ThrottlingException"), "{ticket}");
    assert!(ticket.contains("--plan"), "the command that gets it again is in it: {ticket}");
    // Again: the comment is updated in place.
    query(&["--post"]);
    assert_eq!(fs::read_to_string(path).expect("the ticket"), ticket);

    let mut wrong = logdive(&dir);
    let error = fail(wrong.arg("query").arg(&alarm).args(["--at", "12:00"]));
    assert!(error.contains("`--at`") && error.contains("--tz"), "{error}");
    let wrong = crate::run(logdive(&dir).arg("query").arg(&alarm).args(["--id", "request"]));
    assert_eq!(wrong.status.code(), Some(2));
}
