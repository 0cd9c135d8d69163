use std::collections::BTreeSet;
use std::fs;

use logdive_core::DeliveryKey;
use logdive_core::port::{DeliveryKind, Rendered, Sink as _, SinkError};

use super::{MarkdownFile, file_name};

fn rendered(kind: DeliveryKind, key: &str, body: &str) -> Rendered {
    let key = DeliveryKey::of([key]);
    Rendered { kind, target: "OPS-42".into(), key, body: body.into(), existing: None }
}

#[tokio::test]
async fn comments_are_updated_in_place_and_replies_appended() {
    let folder = tempfile::tempdir().unwrap();
    let sink = MarkdownFile::in_folder(folder.path()).unwrap();
    let path = sink.path("OPS-42");
    fs::write(&path, "Written by a person.").unwrap();
    sink.deliver(&rendered(DeliveryKind::Comment, "a", "first")).await.unwrap();
    sink.deliver(&rendered(DeliveryKind::Reply, "b", "reply")).await.unwrap();
    sink.deliver(&rendered(DeliveryKind::Comment, "a", "second\n")).await.unwrap();
    let (a, b) = (DeliveryKey::of(["a"]), DeliveryKey::of(["b"]));
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        format!(
            "Written by a person.\n\n<!-- logdive:{a} -->\nsecond\n<!-- /logdive:{a} -->\n\n\
             <!-- logdive:{b} -->\nreply\n<!-- /logdive:{b} -->\n"
        )
    );
    assert!(sink.find("OPS-42", &a).await.unwrap().is_some());
    assert!(sink.find("OPS-42", &DeliveryKey::of(["c"])).await.unwrap().is_none());
    assert!(sink.find("OPS-43", &a).await.unwrap().is_none());
    let names: BTreeSet<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "the file and the lock: {names:?}");
}

#[tokio::test]
async fn a_file_that_was_torn_apart_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let sink = MarkdownFile::in_folder(folder.path()).unwrap();
    let path = sink.path("OPS-42");
    let torn = format!("<!-- logdive:{} -->\nhalf", DeliveryKey::of(["a"]));
    fs::write(&path, &torn).unwrap();
    let answer = sink.deliver(&rendered(DeliveryKind::Comment, "a", "x")).await;
    assert!(matches!(answer, Err(SinkError::Rejected(why)) if why.contains("put it back")));
    assert_eq!(fs::read_to_string(&path).unwrap(), torn);
    fs::write(&path, b"\xff").unwrap();
    assert!(sink.deliver(&rendered(DeliveryKind::Comment, "a", "x")).await.is_err());
    assert_eq!(fs::read(&path).unwrap(), b"\xff");
}

#[tokio::test]
async fn many_writers_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..20 {
        // Each its own handle, as if each were a process.
        let sink = MarkdownFile::in_folder(folder.path()).unwrap();
        tasks.spawn(async move {
            let key = format!("key {n}");
            sink.deliver(&rendered(DeliveryKind::Reply, &key, "reply")).await.unwrap();
        });
    }
    tasks.join_all().await;
    let sink = MarkdownFile::in_folder(folder.path()).unwrap();
    let text = fs::read_to_string(sink.path("OPS-42")).unwrap();
    assert_eq!(text.matches("reply").count(), 20);
}

#[test]
fn no_target_leads_out_of_the_folder_or_to_anothers_file() {
    let plain = ["ops-42", "a", "x_y", &"a".repeat(64)].map(str::to_owned);
    for target in &plain {
        assert_eq!(file_name(target), format!("{target}.md"));
    }
    let other = [
        "",
        ".",
        "..",
        "../x",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "a\0b",
        "OPS-42",
        "Ops-42",
        "con",
        "nul",
        "com1",
        "a.md",
        "a b",
        "é",
        "-%2e",
        "issues/42",
        &"a".repeat(65),
        ".hidden",
        "~",
    ];
    let mut names: BTreeSet<String> = plain.iter().map(|target| file_name(target)).collect();
    for target in other {
        let name = file_name(target);
        let safe = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c);
        assert!(name.chars().all(safe) && name.len() < 100, "{name}");
        let stem = name.trim_end_matches(".md");
        assert!(stem.contains('.') && !stem.contains(".."), "{name}");
        assert!(names.insert(name), "{target}");
    }
}

#[test]
fn a_folder_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let error = MarkdownFile::in_folder(folder.path().join("none")).unwrap_err();
    assert!(error.to_string().ends_with("is not there; make it first"), "{error}");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(MarkdownFile::in_folder(file).is_err());
}
