//! The one-command tools: each calls the very function that the bot calls.

use logdive_core::pilot::Driven;
use logdive_core::{CaseId, Mode, Scope, Stage, StopLatch};
use serde_json::json;

use crate::args::{Args, ModeCommand};
use crate::bot::Bot;
use crate::demo::invocation;
use crate::error::{Context as _, Failure};
use crate::home::Home;
use crate::output::{Output, case_json, status_word};

pub(crate) async fn open(args: &Args) -> Result<(Home, Bot), Failure> {
    let home = Home::open(&args.dir)?;
    let bot = Bot::open(&home, &invocation(args)).await?;
    for warning in &bot.warnings {
        Output::new(args.json).warning(warning);
    }
    Ok((home, bot))
}

fn case_id(text: &str) -> Result<CaseId, Failure> {
    CaseId::parse(text).map_err(|error| {
        Failure::new(error.to_string()).help("`logdive cases` lists those there are")
    })
}

/// Drives a case on and shows its packet.
pub(crate) async fn report(bot: &Bot, id: &CaseId, output: &Output) -> Result<(), Failure> {
    match bot.pilot.carry_on(id).await.context(format!("carrying case {id} on"))? {
        Driven::Here(case) => {
            output.document(&bot.pilot.packet(&case));
            output.value(&case_json(&case));
        }
        Driven::Elsewhere(holder) => {
            output.text(format!("recorded; {holder} drives and carries it on"));
            output.value(&json!({ "case": id, "driven_by": holder }));
        }
    }
    Ok(())
}

pub(crate) async fn cases(args: &Args, output: &Output) -> Result<(), Failure> {
    let (_, bot) = open(args).await?;
    for case in bot.pilot.cases().await.context("reading the journal")? {
        let decision = case
            .decision()
            .map_or_else(|| "undecided".to_owned(), |record| record.decision.to_string());
        let state = case.ended().map_or("open", |_| "over");
        output.text(format!("{}  {state}  {}\n    {decision}", case.id(), case.ticket().title));
        for (action, status) in case.actions() {
            output.text(format!("    {action}: {}", status_word(status)));
        }
        output.value(&case_json(&case));
    }
    Ok(())
}

pub(crate) async fn approve(args: &Args, case: &str, output: &Output) -> Result<(), Failure> {
    let id = case_id(case)?;
    let (_, bot) = open(args).await?;
    let approved = bot.pilot.approve(&id, None, &args.actor()).await;
    approved.context(format!("approving the actions of case {id}"))?;
    report(&bot, &id, output).await
}

pub(crate) async fn reject(
    args: &Args,
    case: &str,
    reason: &str,
    output: &Output,
) -> Result<(), Failure> {
    let id = case_id(case)?;
    let (_, bot) = open(args).await?;
    let rejected = bot.pilot.reject(&id, None, &args.actor(), reason).await;
    rejected.context(format!("refusing the actions of case {id}"))?;
    report(&bot, &id, output).await
}

pub(crate) async fn stop(
    args: &Args,
    scope: &Scope,
    reason: &str,
    output: &Output,
) -> Result<(), Failure> {
    // The latch first and alone: a stop must not wait for a lake or a journal to open.
    let home = Home::open(&args.dir)?;
    let latch = StopLatch::file(home.latch()).context("opening the stop latch")?;
    let at = home.clock()?;
    let pressed = latch.stop(scope.clone(), args.actor(), at, reason);
    let receipt = pressed.context("pressing the stop latch")?;
    output.text(format!("{scope} is stopped, epoch {}", receipt.epoch));
    let recorded = match open(args).await {
        Ok((_, bot)) => bot.pilot.stop(scope.clone(), &args.actor(), reason).await.is_ok(),
        Err(_) => false,
    };
    if !recorded {
        output.text("the latch holds; the journal could not record it");
    }
    output.value(&json!({ "stopped": scope, "epoch": receipt.epoch, "recorded": recorded }));
    Ok(())
}

pub(crate) async fn reset(
    args: &Args,
    scope: &Scope,
    reason: &str,
    output: &Output,
) -> Result<(), Failure> {
    let (_, bot) = open(args).await?;
    let epoch = bot.pilot.reset(scope, &args.actor(), reason).await.context("resetting")?;
    output.text(format!(
        "{scope} is reset, epoch {epoch}. The mode is `suggest`: automation shows and does not \
         act.\nTo raise it: {} mode set {scope} automatic --reason TEXT",
        invocation(args)
    ));
    output.value(&json!({ "reset": scope, "epoch": epoch, "mode": Mode::Suggest }));
    Ok(())
}

pub(crate) async fn status(args: &Args, output: &Output) -> Result<(), Failure> {
    let home = Home::open(&args.dir)?;
    let latch = StopLatch::file(home.latch()).context("opening the stop latch")?;
    let stopped = latch.stopped(&[]);
    match &stopped {
        Some(why) => output.text(format!("stopped: {why}")),
        None => output.text("not stopped by the latch"),
    }
    // The rest is told if it can be: status works with journal and lake gone.
    let modes = match open(args).await {
        Ok((_, bot)) => bot.pilot.modes().await.ok(),
        Err(_) => None,
    };
    match &modes {
        None => output.text("the journal cannot be read: modes are unknown"),
        Some((settings, journal_stop)) => {
            if let (None, Some(why)) = (&stopped, journal_stop) {
                output.text(format!("stopped by the journal: {why}"));
            }
            for setting in settings {
                let stage = setting.stage.map_or("all stages".to_owned(), |s| s.to_string());
                output.text(format!(
                    "{} {stage}: {}, set by {}: {}",
                    setting.scope, setting.mode, setting.by, setting.reason
                ));
            }
        }
    }
    output.value(&json!({
        "stopped": stopped,
        "epoch": latch.epoch(),
        "modes": modes.map(|(settings, _)| settings),
    }));
    Ok(())
}

pub(crate) async fn mode(
    args: &Args,
    command: &ModeCommand,
    output: &Output,
) -> Result<(), Failure> {
    let ModeCommand::Set { scope, mode, reason } = command;
    let (_, bot) = open(args).await?;
    for stage in [Stage::Decide, Stage::Act] {
        bot.pilot
            .set_mode(scope.clone(), Some(stage), *mode, &args.actor(), reason)
            .await
            .context("setting the mode")?;
    }
    output.text(format!("{scope}: {mode}"));
    output.value(&json!({ "scope": scope, "mode": mode }));
    Ok(())
}
