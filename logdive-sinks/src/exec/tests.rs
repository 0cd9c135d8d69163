use std::time::Duration;

use logdive_core::port::{Actuator as _, Verification};
use logdive_core::stop::{Permit, PermitRequest, StopReceipt};
use logdive_core::{
    Action, ActionClass, ActionKey, ActionName, ActionRequest, ActionSpec, Actor, OnStop, Outcome,
    Reversibility, Scope, StopLatch, TicketId, Value, ValueType,
};

use super::{ExecActuator, ExecCommand};
use crate::Secret;

fn spec(on_stop: OnStop) -> ActionSpec {
    ActionSpec {
        name: ActionName::parse("disable_key").unwrap(),
        about: "disables a key".into(),
        parameters: [("key".to_owned(), ValueType::Text)].into(),
        target: "key".into(),
        class: ActionClass::parse("iam").unwrap(),
        on_stop,
        reversibility: Reversibility::Irreversible,
    }
}

fn action(value: &str, on_stop: OnStop) -> Action {
    let spec = spec(on_stop);
    let arguments = [("key".to_owned(), Value::from(value))].into();
    let request = ActionRequest { name: spec.name.clone(), arguments };
    let ticket = TicketId::parse("demo:1").unwrap();
    let key = ActionKey::new(&logdive_core::CaseId::new(&ticket, 0), "rule", &request, 0);
    let arguments = request.arguments.clone();
    match Action::bind(key, &request, &spec) {
        Ok(action) => action,
        // Core refuses some values first; here it is about what comes behind.
        Err(_) => Action {
            key,
            name: spec.name,
            arguments,
            target: value.into(),
            class: spec.class,
            on_stop: spec.on_stop,
            reversibility: spec.reversibility,
        },
    }
}

fn permit(latch: &StopLatch) -> Permit {
    let request = PermitRequest {
        holder: "disable_key".into(),
        scopes: vec![],
        by: Actor::Automation,
        epoch: latch.epoch(),
    };
    latch.permit(request).unwrap()
}

fn stop(latch: &StopLatch) -> StopReceipt {
    let at = "2026-07-10T12:00:00Z".parse().unwrap();
    latch.stop(Scope::Global, Actor::person("ana", "cli"), at, "").unwrap()
}

fn actuator(command: ExecCommand) -> ExecActuator {
    ExecActuator::new().action(spec(OnStop::Abort), command).unwrap()
}

async fn perform(command: ExecCommand, value: &str) -> Outcome {
    let latch = StopLatch::in_memory();
    actuator(command).perform(&action(value, OnStop::Abort), &permit(&latch)).await
}

fn sh(script: &str) -> ExecCommand {
    ExecCommand::new(["sh", "-c", script, "sh", "{key}"])
}

#[tokio::test]
async fn exit_codes_are_outcomes() {
    let outcome = perform(sh("echo disabled $1; echo more"), "AKIA1").await;
    assert_eq!(outcome, Outcome::Done { proof: "`sh` exited with 0: disabled AKIA1".into() });

    let outcome = perform(sh("echo out; echo no such key >&2; exit 3"), "AKIA1").await;
    assert_eq!(outcome, Outcome::Failed { reason: "`sh` exited with 3: no such key".into() });

    let outcome = perform(sh("exit 75").in_doubt_on([75]), "AKIA1").await;
    let Outcome::InDoubt { check } = outcome else { panic!("{outcome}") };
    assert_eq!(
        check,
        "`sh` exited with 75; check whether it took effect: sh -c 'exit 75' sh AKIA1"
    );
    let outcome = perform(sh("exit 1").in_doubt_on_any_failure(), "AKIA1").await;
    assert!(matches!(outcome, Outcome::InDoubt { .. }), "{outcome}");
}

#[tokio::test]
async fn what_was_not_started_was_refused() {
    let missing = ExecCommand::new(["/no/such/program", "{key}"]);
    let outcome = perform(missing, "AKIA1").await;
    let Outcome::Refused { reason } = outcome else { panic!("{outcome}") };
    assert!(reason.starts_with("cannot start `/no/such/program`"), "{reason}");

    let latch = StopLatch::in_memory();
    let held = permit(&latch);
    stop(&latch);
    let outcome = actuator(sh("exit 0")).perform(&action("a", OnStop::Abort), &held).await;
    assert_eq!(outcome, Outcome::Refused { reason: "stopped before it began".into() });
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_in_doubt() {
    // It starts another process that holds its output open, which ends with it.
    let command = sh("sleep 60 & sleep 60").timeout(Duration::from_millis(50));
    let outcome = perform(command, "AKIA1").await;
    let Outcome::InDoubt { check } = outcome else { panic!("{outcome}") };
    assert_eq!(
        check,
        "`sh` did not end within 50ms and was killed; check whether it took effect: sh -c 'sleep \
         60 & sleep 60' sh AKIA1"
    );
}

#[tokio::test]
async fn a_stop_ends_what_may_be_aborted() {
    let latch = StopLatch::in_memory();
    let held = permit(&latch);
    let actuator = actuator(sh("sleep 60 & echo begun; sleep 60"));
    let action = action("AKIA1", OnStop::Abort);
    let stop = async {
        while !format!("{held:?}").contains("runs") {
            tokio::task::yield_now().await;
        }
        stop(&latch).in_flight
    };
    let (outcome, in_flight) = tokio::join!(actuator.perform(&action, &held), stop);
    assert!(in_flight[0].progress.contains("sleep 60"), "{in_flight:?}");
    let Outcome::InDoubt { check } = outcome else { panic!("{outcome}") };
    assert!(check.starts_with("`sh` was killed by a stop; check"), "{check}");
}

#[tokio::test]
async fn a_stop_lets_a_step_finish() {
    for (max, is_done) in [(Duration::from_secs(60), true), (Duration::ZERO, false)] {
        let latch = StopLatch::in_memory();
        let held = permit(&latch);
        let folder = tempfile::tempdir().unwrap();
        let flag = folder.path().join("go");
        let flag = flag.to_str().unwrap();
        let on_stop = OnStop::FinishStep { max };
        let command = sh("while [ ! -e \"$1\" ]; do sleep 0.01; done");
        let actuator = ExecActuator::new().action(spec(on_stop.clone()), command).unwrap();
        let action = action(flag, on_stop);
        let stopped = async {
            stop(&latch);
            if is_done {
                // It has noticed the stop and goes on.
                while !format!("{held:?}").contains("finishing") {
                    tokio::task::yield_now().await;
                }
                std::fs::write(flag, "").unwrap();
            }
        };
        // The permit is asked once more before it begins, so it must have begun.
        let begun = async {
            while !format!("{held:?}").contains("runs") {
                tokio::task::yield_now().await;
            }
            stopped.await;
        };
        let (outcome, ()) = tokio::join!(actuator.perform(&action, &held), begun);
        assert_eq!(matches!(outcome, Outcome::Done { .. }), is_done, "{outcome}");
        assert_eq!(matches!(outcome, Outcome::InDoubt { .. }), !is_done, "{outcome}");
    }
}

#[tokio::test]
async fn a_value_never_becomes_an_option() {
    let outcome = perform(ExecCommand::new(["true", "{key}"]), "--force").await;
    assert_eq!(
        outcome,
        Outcome::Refused { reason: "argument `--force` would be read as an option".into() }
    );
    for safe in [vec!["echo", "--", "{key}"], vec!["echo", "--key={key}"], vec!["echo", "k={key}"]]
    {
        let outcome = perform(ExecCommand::new(safe), "-rf").await;
        assert!(matches!(outcome, Outcome::Done { .. }), "{outcome}");
    }
    let outcome = perform(ExecCommand::new(["true", "--", "{key}"]), "").await;
    assert_eq!(outcome, Outcome::Refused { reason: "argument `key` is empty".into() });
    let outcome = perform(ExecCommand::new(["true", "--", "{key}"]), "a\0b").await;
    assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome}");
}

#[test]
fn a_command_that_could_go_wrong_is_no_command() {
    let refuse = |command: ExecCommand, why: &str| {
        let error = ExecActuator::new().action(spec(OnStop::Abort), command).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    };
    let none: [&str; 0] = [];
    refuse(ExecCommand::new(none), "is empty");
    refuse(
        ExecCommand::new(["x", "{kez}"]),
        "`{kez}` in `{kez}` is no placeholder; there is `action_key`, `key`",
    );
    refuse(ExecCommand::new(["x", "{key"]), "without `}`");
    refuse(ExecCommand::new(["x", "key}"]), "lone `}`");
    refuse(ExecCommand::new(["{key}"]), "the program");
    refuse(ExecCommand::new(["x", "-k{key}"]), "option's name");
    refuse(ExecCommand::new(["x", "--{key}=1"]), "option's name");
    refuse(ExecCommand::new(["sh", "-c", "echo {key}"]), "is code to `sh`");
    refuse(ExecCommand::new(["/bin/bash", "-lc", "echo {key}"]), "is code");
    refuse(ExecCommand::new(["x", "y"]), "does not use `{key}`");
    refuse(ExecCommand::new(["x", "{key}"]).find(["y", "{key}"]), "no placeholder");
    refuse(ExecCommand::new(["x", "{key}"]).find(["y"]), "does not use `{action_key}`");
    refuse(ExecCommand::new(["x", "{key}"]).timeout(Duration::ZERO), "longer than 0");
    let twice = actuator(ExecCommand::new(["x", "{key}"]));
    assert!(twice.action(spec(OnStop::Abort), ExecCommand::new(["x", "{key}"])).is_err());
}

/// What a shell makes of the preview is what runs.
#[tokio::test]
async fn a_preview_is_what_runs() {
    let values = [
        "plain",
        "a b",
        "it's",
        "$(touch x)",
        "`id`",
        "\"q\"",
        "a\nb",
        "*",
        "~",
        "!x",
        "\\",
        "a;b",
        "é漢",
        "#x",
        "a=b",
        "{x}",
        "-x",
        "\u{1b}[31m",
    ];
    for value in values {
        let print = ["printf", "%s|", "--", "{key}", "--opt={key}", "{{}}", ""];
        let actuator = actuator(ExecCommand::new(print));
        let preview = actuator.preview(&action(value, OnStop::Abort));
        let by_shell = std::process::Command::new("sh").args(["-c", &preview]).output().unwrap();
        let opt = format!("--opt={value}");
        let direct = std::process::Command::new("printf")
            .args(["%s|", "--", value, &opt, "{}", ""])
            .output()
            .unwrap();
        assert_eq!(by_shell.stdout, direct.stdout, "{preview}");
        assert!(!direct.stdout.is_empty());
    }
    let refused = actuator(ExecCommand::new(["x", "{key}"])).preview(&action("-x", OnStop::Abort));
    assert_eq!(refused, "cannot be run: argument `-x` would be read as an option");
}

#[tokio::test]
async fn effects_are_found_and_verified() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let script = "echo \"$1\" > \"$0/$1\"";
    let command = ExecCommand::new(["sh", "-c", script, folder, "{action_key}", "{key}"])
        .find(["sh", "-c", "test -e \"$0/$1\" && echo there", folder, "{action_key}"])
        .verify(["sh", "-c", "test -e \"$0/$1\"", folder, "{action_key}"]);
    let actuator = actuator(command);
    let action = action("AKIA1", OnStop::Abort);
    assert_eq!(actuator.find(&action.key).await, Ok(None));
    assert!(matches!(actuator.verify(&action).await, Verification::NotEffective(_)));
    let latch = StopLatch::in_memory();
    actuator.perform(&action, &permit(&latch)).await;
    let found = Outcome::Done { proof: "`sh` exited with 0: there".into() };
    assert_eq!(actuator.find(&action.key).await, Ok(Some(found)));
    assert!(matches!(actuator.verify(&action).await, Verification::Verified(_)));
    // A command that cannot look is no command that found nothing.
    let blind = ExecCommand::new(["true", "{key}"]).find(["/no/such", "{action_key}"]);
    assert!(self::actuator(blind).find(&action.key).await.is_err());
}

#[tokio::test]
async fn output_is_data_and_bounded_and_secrets_stay_in() {
    let outcome = perform(sh("printf '\\033[31mred\\n'"), "a").await;
    assert_eq!(outcome, Outcome::Done { proof: "`sh` exited with 0: \\u{1b}[31mred".into() });
    let outcome = perform(sh("head -c 3000000 /dev/zero | tr '\\0' x"), "a").await;
    let Outcome::Done { proof } = outcome else { panic!("{outcome}") };
    assert!(proof.len() < 400, "{}", proof.len());

    let command = sh("echo token=$TOKEN home=$HOME cargo=$CARGO_PKG_NAME")
        .minimal_env()
        .env("TOKEN", Secret::new("canary-4f2a"))
        .env("HOME", Secret::new("/h"));
    assert!(!format!("{command:?}").contains("canary"));
    let outcome = perform(command, "a").await;
    assert_eq!(
        outcome,
        Outcome::Done { proof: "`sh` exited with 0: token=[secret] home=[secret] cargo=".into() }
    );
}
