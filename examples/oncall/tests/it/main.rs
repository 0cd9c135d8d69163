//! The main job as a person runs it: the real binary, real files, real kills.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot start the binary has failed"
)]

mod brute;
mod demo;
mod errors;
mod find;
mod kill;
mod logs;
mod plan;
mod playbook;
mod rules;
mod templates;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The binary, called as from a shell.
fn logdive(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logdive"));
    command.arg("--dir").arg(dir).env_remove("CARGO_MANIFEST_DIR").env("USER", "ana");
    command.env("COLUMNS", "80");
    command
}

fn run(command: &mut Command) -> Output {
    command.output().expect("the binary starts")
}

/// Runs it and gives what it printed; it must have succeeded.
fn succeed(command: &mut Command) -> String {
    let output = run(command);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).expect("it prints UTF-8")
}

/// Runs it and gives what it said on standard error; it must have failed with 1.
fn fail(command: &mut Command) -> String {
    let output = run(command);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{command:?}: {errors}");
    assert!(errors.starts_with("error: ") || errors.starts_with('{'), "{errors}");
    errors
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The delivery files, in the order of their names.
fn deliveries() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(fixtures().join("cloudtrail")).expect("the fixtures");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files
}
