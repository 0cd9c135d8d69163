//! What holds for the crate as a whole: the arrows between the crates, by what cargo itself says,
//! and formats against data that others wrote.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot ask cargo has failed"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

mod beats;
mod beats_plain;
mod templates;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace's folder")
}

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(arguments)
        .args(["--locked", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "cargo {arguments:?}: {error}");
    String::from_utf8(output.stdout).expect("cargo prints text")
}

/// The crates in a package's normal tree, all features on.
fn tree(package: &str) -> BTreeSet<String> {
    let text = cargo(&[
        "tree",
        "-p",
        package,
        "-e",
        "normal",
        "--all-features",
        "--prefix",
        "none",
        "-f",
        "{p}",
    ]);
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

struct Package {
    /// Direct dependencies of every kind.
    all: BTreeSet<String>,
}

fn packages() -> BTreeMap<String, Package> {
    let json: Value =
        serde_json::from_str(&cargo(&["metadata", "--format-version", "1", "--no-deps"]))
            .expect("metadata is JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let list = |value: &Value| value.as_array().expect("a list").clone();
    list(&json["packages"])
        .iter()
        .map(|package| {
            let dependencies = list(&package["dependencies"]);
            let all = dependencies.iter().map(|d| text(&d["name"])).collect();
            (text(&package["name"]), Package { all })
        })
        .collect()
}

const LIBRARIES: [&str; 4] = ["logdive-core", "logdive-query", "logdive-rules", "logdive-sinks"];

#[test]
fn siblings_point_to_core_and_never_to_each_other() {
    let packages = packages();
    for library in LIBRARIES {
        let ours: BTreeSet<&str> = packages[library]
            .all
            .iter()
            .map(String::as_str)
            // A crate may depend on itself with more features, for its tests.
            .filter(|name| name.starts_with("logdive") && *name != library)
            .collect();
        let allowed = if library == "logdive-core" {
            BTreeSet::new()
        } else {
            BTreeSet::from(["logdive-core"])
        };
        assert_eq!(ours, allowed, "{library} imports");
    }
}

#[test]
fn only_query_names_the_engine() {
    for (name, package) in packages() {
        if name == "logdive-query" {
            continue;
        }
        for engine in ["datafusion", "parquet", "deltalake"] {
            let named = package.all.iter().any(|dependency| dependency.starts_with(engine));
            assert!(!named, "{name} names {engine}");
        }
    }
    for library in ["logdive-core", "logdive-rules", "logdive-sinks"] {
        let tree = tree(library);
        let engine = tree.iter().find(|name| {
            ["datafusion", "parquet", "deltalake"].iter().any(|engine| name.starts_with(engine))
        });
        assert_eq!(engine, None, "{library} pulls the engine");
    }
}

#[test]
fn core_depends_on_no_runtime_no_http_client_no_database() {
    let tree = tree("logdive-core");
    for absent in [
        "tokio",
        "async-std",
        "smol",
        "hyper",
        "reqwest",
        "ureq",
        "axum",
        "rusqlite",
        "libsqlite3-sys",
    ] {
        assert!(!tree.contains(absent), "core pulls {absent}");
    }
}

#[test]
fn there_is_one_arrow() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("a lock file");
    for name in ["arrow-array", "arrow-schema", "parquet", "datafusion", "object_store"] {
        let count = lock.matches(&format!("name = \"{name}\"\n")).count();
        assert_eq!(count, 1, "versions of {name}");
    }
}

#[test]
fn what_the_project_stands_on_is_direct_where_it_belongs() {
    let packages = packages();
    let needs = |package: &str, names: &[&str]| {
        for name in names {
            let named = packages[package].all.contains(*name);
            assert!(named, "{package} does not name {name}");
        }
    };
    for library in LIBRARIES {
        needs(library, &["serde", "thiserror", "chrono", "proptest"]);
    }
    needs("logdive-core", &["arrow-array", "arrow-schema", "async-trait"]);
    needs("logdive-query", &["arrow", "datafusion", "deltalake", "async-trait"]);
    needs("logdive-rules", &["arrow-array", "arrow-schema"]);
    needs("logdive-sinks", &["async-trait", "rusqlite"]);
}

/// Each example program has only its crates in its tree.
#[test]
fn examples_pull_what_they_show() {
    let packages = packages();
    let expected: [(&str, &[&str]); 7] = [
        ("custom-sink", &["logdive-core", "logdive-sinks"]),
        ("embed-query", &["logdive-core", "logdive-query"]),
        ("embed-rules", &["logdive-core", "logdive-rules"]),
        ("embed-sinks", &["logdive-core", "logdive-sinks"]),
        ("property-tests", &["logdive-core", "logdive-rules"]),
        ("embed-loop", &LIBRARIES),
        ("oncall", &LIBRARIES),
    ];
    for (example, crates) in expected {
        assert!(packages.contains_key(example), "no example {example}");
        let ours: BTreeSet<String> =
            tree(example).into_iter().filter(|name| name.starts_with("logdive-")).collect();
        let crates: BTreeSet<String> = crates.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(ours, crates, "{example} pulls");
    }
    let sink = tree("custom-sink");
    assert!(!sink.contains("datafusion"), "a custom sink pulls the engine");
    let all = &packages["custom-sink"].all;
    assert!(!all.contains("logdive-query"), "a custom sink pulls the dive");
}

#[test]
fn the_top_level_holds_nothing_else() {
    let allowed = [
        ".ci",
        ".git",
        ".gitignore",
        "CHANGELOG.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "clippy.toml",
        "docs",
        "examples",
        "logdive-core",
        "logdive-query",
        "logdive-rules",
        "logdive-sinks",
        "rustfmt.toml",
        // Made by builds and by the demo, and ignored by git.
        "target",
        "logdive-demo",
    ];
    for entry in std::fs::read_dir(root()).expect("the workspace's folder") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        assert!(allowed.contains(&name.as_str()), "`{name}` does not belong to the top level");
    }
}
