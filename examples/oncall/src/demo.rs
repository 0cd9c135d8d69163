//! The main job: a real incident, played offline from its logs to an action that waits for a
//! person.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use logdive_core::format::CloudTrail;
use logdive_core::{Actor, Case, LayerName, Scope};
use logdive_query::Lake;
use logdive_query::lake::LakeWriter;
use logdive_sinks::SqliteJournal;
use serde_json::json;

use crate::args::Args;
use crate::bot::Bot;
use crate::error::{Context as _, Failure};
use crate::fixtures::{self, File};
use crate::home::Home;
use crate::ingest::{Ingest, Ingested};
use crate::output::{Output, case_json};
use crate::{alarms, tool};

/// The story's times: when the files of a delivery are there.
const NOON: &str = "2023-07-10T12:00:30Z";
const LATER: &str = "2023-07-10T12:05:30Z";

pub(crate) async fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let noon = time(NOON)?;
    let home = Home::replace(&args.dir, noon)?;
    std::fs::create_dir_all(home.tickets()).context("making the tickets' folder")?;
    tool::install(&home.tools())?;
    let lake = Lake::create(home.lake()).await.context("making the lake")?;
    let mut writer = lake.writer().await.context("taking the lake's one writer")?;
    // Made here, so that every command finds it: a journal that is missing is an error.
    drop(SqliteJournal::open(home.journal()).context("making the journal")?);
    let command = invocation(args);

    output.text(
        "logdive plays an incident of 2023-07-10: real AWS CloudTrail logs of one account under a\n\
         simulated attack (invictus-ir/aws_dataset, MIT). Nothing leaves this machine.\n",
    );
    let (early, late) = fixtures::DELIVERIES.split_at(5);
    heading(output, "12:00Z: CloudTrail has delivered the files up to 12:00Z");
    stream(&mut writer, early, noon, output).await?;
    let bot = Bot::open(&home, &command).await?;

    heading(output, "Act 1: an alarm of 11:42, S3 client errors");
    let first = take(&bot, "s3-client-errors.json", fixtures::S3_ALARM).await?;
    show(&bot, &first, output);

    heading(output, "Act 2: an alarm of 11:58, SSM throttling; not all of its lines are here yet");
    let second = take(&bot, "ssm-throttling.json", fixtures::SSM_ALARM).await?;
    show(&bot, &second, output);

    heading(output, "Act 3: 12:05Z, the next files arrive, and the bot looks again");
    let later = time(LATER)?;
    home.set_clock(later)?;
    bot.clock.set(later);
    stream(&mut writer, late, later, output).await?;
    drop(writer);
    let reason = "the files of 12:05Z have arrived";
    bot.pilot
        .look_again(second.id(), &Actor::Automation, reason)
        .await
        .context("asking for a second look")?;
    let second = bot.pilot.finish(&second).await.context("looking again")?;
    show(&bot, &second, output);

    heading(output, "Act 4: a person takes the wheel");
    let person = args.actor();
    let receipt =
        bot.pilot.stop(Scope::Global, &person, "I take it from here").await.context("stopping")?;
    output.text(format!(
        "stopped by {person}: epoch {}, {} in flight. What automation may start has ended;\n\
         what a named person starts still works.\n",
        receipt.epoch,
        receipt.in_flight.len()
    ));
    output.value(&json!({ "stopped": receipt.epoch, "in_flight": receipt.in_flight.len() }));
    let third = take(&bot, "s3-client-errors-again.json", fixtures::S3_AGAIN).await?;
    for result in bot.pilot.run().await.context("driving every open case")? {
        result.context("driving a case")?;
    }
    output.text("The next alarm comes in. Its logs are found and written into its ticket, and");
    output.text("nothing moves by itself:\n");
    show(&bot, &third, output);

    ending(&home, &command, &second, output);
    Ok(())
}

fn time(text: &str) -> Result<DateTime<Utc>, Failure> {
    text.parse().context("a time of the story")
}

fn heading(output: &Output, text: &str) {
    output.text(format!("\n=== {text}\n"));
}

async fn stream(
    writer: &mut LakeWriter,
    files: &[File],
    now: DateTime<Utc>,
    output: &Output,
) -> Result<(), Failure> {
    let format = Arc::new(CloudTrail::new());
    let other = LayerName::parse("other").context("a layer's name")?;
    let mut ingest = Ingest::resume(writer, other, format).await?;
    let (mut lines, mut malformed) = (0, 0);
    for (n, (name, bytes)) in files.iter().enumerate() {
        let Ingested::New(parsed) = ingest.file(name, bytes, now).await? else { continue };
        lines += parsed.records;
        malformed += parsed.malformed;
        output.progress(format!("  [{}/{}] {name}: {} lines", n + 1, files.len(), parsed.records));
    }
    output
        .text(format!("{} files, {lines} lines in the lake, {malformed} malformed.", files.len()));
    output.value(&json!({ "files": files.len(), "lines": lines, "malformed": malformed }));
    Ok(())
}

/// What a webhook does: the ticket is durable, then the case is driven.
async fn take(bot: &Bot, name: &str, payload: &[u8]) -> Result<Case, Failure> {
    let ticket = alarms::ticket(name, payload)?;
    let case = bot.pilot.accept(ticket).await.context("recording the ticket")?;
    bot.pilot.finish(&case).await.context("carrying the ticket through the loop")
}

fn show(bot: &Bot, case: &Case, output: &Output) {
    output.document(&bot.pilot.packet(case));
    output.value(&case_json(case));
}

/// How this process was called, so that printed commands work as they stand.
pub(crate) fn invocation(args: &Args) -> String {
    // Set by `cargo run` for what it runs.
    let by_cargo = std::env::var_os("CARGO_MANIFEST_DIR").is_some();
    let program = std::env::args().next().unwrap_or_else(|| "logdive".to_owned());
    let program = if by_cargo { "cargo run -q --".to_owned() } else { program };
    if args.dir == std::path::Path::new("./logdive-demo") {
        program
    } else {
        format!("{program} --dir {}", quoted(&args.dir.display().to_string()))
    }
}

fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn ending(home: &Home, command: &str, case: &Case, output: &Output) {
    let dir = home.dir().display();
    output.text(format!(
        "\n=== Now you\n\n\
         {dir}/lake      a Delta table of all 954 lines\n\
         {dir}/tickets   the packets as the tickets got them\n\
         {dir}/journal.db   every step\n\n\
         Automation is stopped. Three commands to try:\n\n  \
         {command} approve {id}\n  \
         {command} reset --reason 'the key is contained'\n  \
         {command} query {id}\n",
        id = case.id()
    ));
    output.value(&json!({ "dir": home.dir(), "case": case.id() }));
}
