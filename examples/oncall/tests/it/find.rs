//! Lines are found without a ticket.

use std::fs;
use std::process::Command;

use serde_json::Value as Json;

use crate::{fail, logdive, succeed};

fn lines(text: &str) -> Vec<Json> {
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

#[test]
fn lines_of_the_demo_are_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("demo");
    succeed(logdive(&dir).arg("demo"));
    let find = |options: &[&str]| {
        let mut command = logdive(&dir);
        command.args(["find", "--layer", "ssm", "--from", "2023-07-10T11:50:00Z"]);
        command.args(["--to", "2023-07-10T11:59:00Z"]).args(options);
        command
    };
    let throttled = r#"error_code == "ThrottlingException""#;
    let text = succeed(&mut find(&["--where", throttled, "--limit", "5"]));
    assert!(text.contains("the newest 5 of "), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let rows = lines(&succeed(find(&["--where", throttled, "--limit", "5"]).arg("--json")));
    assert_eq!(rows.len(), 6);
    assert!(rows[..5].iter().all(|row| row["attributes"]["errorCode"] == "ThrottlingException"));
    let report = &rows[5];
    assert_eq!((&report["shown"], &report["layers"][0]["layer"]), (&5.into(), &"ssm".into()));
    assert!(report["matched"].as_u64() > Some(5), "{report}");

    // The demo's time is 12:05:30, so this window is the same and one more.
    let mut relative = logdive(&dir);
    relative.args(["--json", "find", "--layer", "ssm", "--where", throttled, "--from", "-15m30s"]);
    let relative = lines(&succeed(relative.args(["--to", "2023-07-10T13:59", "--tz", "+02:00"])));
    assert_eq!(relative.last().expect("a report")["matched"], report["matched"]);

    // An empty answer carries its proof.
    let text = succeed(&mut find(&["--where", "event == \"NeverHappened\""]));
    assert!(text.starts_with("no lines\n"), "{text}");
    assert!(
        text.contains("ssm: ") && text.contains("rows looked at, its newest line 2023"),
        "{text}"
    );

    let error = fail(&mut find(&["--where", "eror_code == \"x\""]));
    assert!(
        error.contains("--where:1:1") && error.contains("did you mean `error_code`?"),
        "{error}"
    );
    let error = fail(&mut find(&["--layer", "smm"]));
    assert!(error.contains("did you mean `ssm`?"), "{error}");
    let error = fail(logdive(&dir).args(["find", "--from", "-5m", "--to", "-10m"]));
    assert!(error.contains("must end after it begins"), "{error}");
    let error = fail(logdive(&dir).args(["find", "--from", "soon"]));
    assert!(error.contains("`--from`") && error.contains("-30m"), "{error}");
    let error = fail(logdive(&folder.path().join("none")).args(["find", "--from", "-5m"]));
    assert!(error.contains("--lake DIR"), "{error}");
}

#[test]
fn a_bare_lake_is_looked_into() {
    let folder = tempfile::tempdir().expect("a folder");
    let (lake, file) = (folder.path().join("lake"), folder.path().join("front.log"));
    let binary = || Command::new(env!("CARGO_BIN_EXE_logdive"));
    fs::write(
        &file,
        "time=2023-07-10T11:58:13Z level=error msg=hot\ntime=2023-07-10T11:58:14Z level=info msg=ok\n",
    )
    .expect("a file");
    let mut ingest = binary();
    ingest.args(["ingest", "--layer", "front", "--format", "logfmt", "--lake"]).arg(&lake);
    succeed(ingest.arg(&file));
    let mut find = binary();
    find.args(["--json", "find", "--from", "2023-07-10", "--to", "2023-07-11", "--tz", "+00:00"]);
    find.args(["--where", "severity >= error", "--lake"]).arg(&lake);
    let rows = lines(&succeed(&mut find));
    assert_eq!(rows[0]["body"], "hot", "{rows:?}");
    assert_eq!(rows[1]["matched"], 1);
    // Nothing is declared of the layer, so lines may still arrive.
    assert_eq!(rows[1]["complete"], false);

    let layers = folder.path().join("layers.toml");
    let text = format!(
        "version = 1\n[layer.front]\nlateness = \"1s\"\nexec = {{ command = [\"cat\", \"{}\"], format = \"logfmt\" }}\n",
        file.display()
    );
    fs::write(&layers, text).expect("a file");
    let mut find = binary();
    find.args(["--json", "find", "--from", "2023-07-10T11:00:00Z", "--to", "2023-07-10T12:00:00Z"]);
    let rows = lines(&succeed(find.arg("--layers").arg(&layers)));
    assert_eq!(rows.len(), 3, "{rows:?}");
}
