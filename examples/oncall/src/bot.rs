//! The composition: lake, dives, rules, tickets, actions and journal become a pilot.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use logdive_core::memory::ManualClock;
use logdive_core::{
    ActionClass, ActionName, ActionSpec, Mode, OnStop, Pilot, Reversibility, StopLatch, ValueType,
};
use logdive_query::{Diver, Lake};
use logdive_sinks::{ExecActuator, ExecCommand, MarkdownFile, Outbox, Secret, SqliteJournal};

use crate::error::{Context as _, Failure};
use crate::home::Home;
use crate::playbook::InForce;
use crate::{layers, playbook, playbooks};

/// A pilot over a folder, and what it stands on.
#[derive(Debug)]
pub(crate) struct Bot {
    pub(crate) pilot: Pilot,
    pub(crate) diver: Diver,
    pub(crate) clock: ManualClock,
    /// What a person must not miss: playbooks that do not load.
    pub(crate) warnings: Vec<String>,
}

impl Bot {
    /// Composes a pilot over a folder that the demo made.
    pub(crate) async fn open(home: &Home, command: &str) -> Result<Self, Failure> {
        let lake_dir = home.lake();
        let lake = Lake::open(&lake_dir)
            .await
            .context(format!("opening the lake `{}`", lake_dir.display()))?;
        let diver = Diver::builder()
            .lake(lake, layers::all().context("the layers")?)
            .build()
            .await
            .context("making the diver")?;
        let clock = ManualClock::at(home.clock()?);
        let journal_path = home.journal();
        let journal = SqliteJournal::open(&journal_path)
            .context(format!("opening the journal `{}`", journal_path.display()))?;
        let tickets = MarkdownFile::in_folder(home.tickets()).context("the tickets' folder")?;
        // The outbox waits by the machine's clock: its timeouts are real, whatever the story's time.
        let outbox =
            Outbox::to(tickets).journal(journal.clone()).build().context("making the outbox")?;
        let mut builder = Pilot::builder()
            .post_to(outbox)
            .actuator(actuator(&home.tools())?)
            .journal(journal)
            .stop(StopLatch::file(home.latch()).context("the stop latch")?)
            .clock(clock.clone())
            .ceiling(Mode::Automatic)
            .command(command);
        let InForce { playbooks, warnings } =
            match playbook::in_force(home.dir(), &diver, &actions()?)? {
                Some(found) => found,
                None => InForce { playbooks: playbooks::all(&diver)?, warnings: Vec::new() },
            };
        for playbook in playbooks {
            builder = builder.playbook(playbook);
        }
        let pilot = builder.build().context("making the pilot")?;
        Ok(Self { pilot, diver, clock, warnings })
    }
}

/// What can be done: an access key is disabled, and enabled again.
fn actuator(tools: &Path) -> Result<ExecActuator, Failure> {
    // The demo's `aws` comes before any other: nothing leaves the machine.
    let tools = tools.canonicalize().context(format!("the folder `{}`", tools.display()))?;
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", tools.display());
    let mut actuator = ExecActuator::new();
    for (spec, status) in specs()? {
        let status = format!("--status={status}");
        let call = |verb: &str| {
            ["aws", "iam", verb, "--user-name={user}", "--access-key-id={key}", &status]
                .map(str::to_owned)
        };
        let command = ExecCommand::new(call("update-access-key"))
            .verify(call("list-access-keys"))
            .env("PATH", Secret::new(&path))
            .timeout(Duration::from_secs(10));
        actuator = actuator.action(spec, command).context("the actions")?;
    }
    Ok(actuator)
}

/// What can be done, as rules may ask for it.
pub(crate) fn actions() -> Result<Vec<ActionSpec>, Failure> {
    Ok(specs()?.into_iter().map(|(spec, _)| spec).collect())
}

/// Each action, and the status that it gives a key.
fn specs() -> Result<Vec<(ActionSpec, &'static str)>, Failure> {
    let name = |name: &str| ActionName::parse(name).context("the name of an action");
    let class = ActionClass::parse("iam-write").context("the class of an action")?;
    let specs = [
        ("disable_key", "enable_key", "Inactive", "makes an access key unusable"),
        ("enable_key", "disable_key", "Active", "makes an access key usable again"),
    ]
    .map(|(action, undo, status, about)| {
        let spec = ActionSpec {
            name: name(action)?,
            about: about.to_owned(),
            parameters: BTreeMap::from([
                ("key".to_owned(), ValueType::Text),
                ("user".to_owned(), ValueType::Text),
            ]),
            target: "key".to_owned(),
            class: class.clone(),
            on_stop: OnStop::FinishStep { max: Duration::from_secs(10) },
            reversibility: Reversibility::UndoneBy { action: name(undo)? },
        };
        Ok((spec, status))
    });
    specs.into_iter().collect()
}
