//! Actions as commands: argument vectors, never a shell.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use async_trait::async_trait;
use logdive_core::port::{Actuator, ActuatorError, Verification};
use logdive_core::stop::Permit;
use logdive_core::{Action, ActionKey, ActionName, ActionSpec, OnStop, Outcome};

mod command;
mod run;
mod template;

pub use command::ExecCommand;

use crate::SetupError;
use command::Checked;
use run::{Ended, Run, Stop};
use template::{Arguments, Vector};

/// Carries out actions by running commands.
///
/// A command is a vector of arguments with placeholders: `{parameter}` for an argument of the
/// action, `{action_key}` for its key, `{{` and `}}` for braces. No shell reads it. An argument
/// can never become an option: a value that begins with `-` is refused unless a `--` stands before
/// it or it is in the form `--option={parameter}`; an empty value is refused always.
///
/// Needs a Tokio runtime. On Unix a command that is ended takes what it started with it.
///
/// ```
/// # use logdive_core::{ActionClass, ActionName, ActionSpec, OnStop, Reversibility, ValueType};
/// # use logdive_sinks::{ExecActuator, ExecCommand};
/// # use std::time::Duration;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let spec = ActionSpec {
///     name: ActionName::parse("disable_key")?,
///     about: "disables an access key".to_owned(),
///     parameters: [("key".to_owned(), ValueType::Text)].into(),
///     target: "key".to_owned(),
///     class: ActionClass::parse("iam-write")?,
///     on_stop: OnStop::Abort,
///     reversibility: Reversibility::UndoneBy { action: ActionName::parse("enable_key")? },
/// };
/// let command = ExecCommand::new([
///     "aws", "iam", "update-access-key", "--access-key-id={key}", "--status=Inactive",
/// ])
/// .verify(["aws", "iam", "get-access-key-last-used", "--access-key-id={key}"])
/// .timeout(Duration::from_secs(30));
/// let actuator = ExecActuator::new().action(spec, command)?;
/// # let _ = actuator;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct ExecActuator {
    actions: BTreeMap<ActionName, (ActionSpec, Checked)>,
}

impl ExecActuator {
    /// An actuator without actions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an action. What undoes it is an action of its own.
    ///
    /// # Errors
    /// If the action is there already, a command is empty, names a placeholder that is no
    /// parameter, does not use the parameter that names the target, or could take a value for an
    /// option or for code.
    pub fn action(mut self, spec: ActionSpec, command: ExecCommand) -> Result<Self, SetupError> {
        let checked = command.checked(&spec)?;
        match self.actions.entry(spec.name.clone()) {
            Entry::Vacant(place) => place.insert((spec, checked)),
            Entry::Occupied(place) => {
                return Err(SetupError::setting(
                    format!("action `{}`", place.key()),
                    "is there already; give it another name",
                ));
            }
        };
        Ok(self)
    }

    fn known(&self, name: &ActionName) -> Result<&Checked, String> {
        let known = self.actions.get(name).map(|(_, command)| command);
        known.ok_or_else(|| format!("no command is configured for action `{name}`"))
    }

    /// Looks at something: nobody can stop it, and it ends at its time.
    async fn look(&self, command: &Checked, vector: &Vector, arguments: &Arguments<'_>) -> Looked {
        let argv = match vector.fill(arguments) {
            Ok(argv) => argv,
            Err(why) => return Looked::NotAsked(why),
        };
        let run = Run { argv: &argv, command, stop: Stop::Never };
        match run.go().await {
            Err(why) => Looked::NotAsked(why),
            Ok(Ended { code: Some(0), said, .. }) => Looked::Yes(said.proof(&argv, 0)),
            Ok(Ended { code: Some(code), said, .. }) => Looked::No(said.reason(&argv, code)),
            Ok(ended) => Looked::NotAsked(ended.cut_off(&argv, command)),
        }
    }
}

enum Looked {
    Yes(String),
    No(String),
    NotAsked(String),
}

#[async_trait]
impl Actuator for ExecActuator {
    fn actions(&self) -> Vec<ActionSpec> {
        self.actions.values().map(|(spec, _)| spec.clone()).collect()
    }

    async fn perform(&self, action: &Action, permit: &Permit) -> Outcome {
        let filled = self.known(&action.name).and_then(|command| {
            let argv = command.run.fill(&Arguments::of(action))?;
            Ok((command, argv))
        });
        let (command, argv) = match filled {
            Ok(filled) => filled,
            Err(reason) => return Outcome::Refused { reason },
        };
        let stop = match &action.on_stop {
            OnStop::Abort => Stop::AtOnce(permit),
            OnStop::FinishStep { max } => Stop::After(permit, *max),
            // What cannot be stopped runs to its end.
            _ => Stop::Ignored(permit),
        };
        // The last thing before it begins.
        if !permit.is_valid() {
            return Outcome::Refused { reason: "stopped before it began".to_owned() };
        }
        let ended = match (Run { argv: &argv, command, stop }).go().await {
            Ok(ended) => ended,
            Err(reason) => return Outcome::Refused { reason },
        };
        match ended.code {
            Some(0) => Outcome::Done { proof: ended.said.proof(&argv, 0) },
            Some(code) if command.is_in_doubt(code) => Outcome::InDoubt {
                check: format!(
                    "{}; check whether it took effect: {}",
                    ended.said.reason(&argv, code),
                    template::quoted(&argv)
                ),
            },
            Some(code) => Outcome::Failed { reason: ended.said.reason(&argv, code) },
            None => Outcome::InDoubt {
                check: format!(
                    "{}; check whether it took effect: {}",
                    ended.cut_off(&argv, command),
                    template::quoted(&argv)
                ),
            },
        }
    }

    /// Asks the commands for looking up of all actions that have one.
    async fn find(&self, key: &ActionKey) -> Result<Option<Outcome>, ActuatorError> {
        let mut unasked = None;
        for (_, command) in self.actions.values() {
            let Some(vector) = &command.find else { continue };
            match self.look(command, vector, &Arguments::of_key(key)).await {
                Looked::Yes(proof) => return Ok(Some(Outcome::Done { proof })),
                Looked::No(_) => {}
                Looked::NotAsked(why) => unasked = Some(why),
            }
        }
        // That one command did not find it says nothing if another could not look.
        unasked.map_or(Ok(None), |why| Err(ActuatorError(why)))
    }

    async fn verify(&self, action: &Action) -> Verification {
        let command = match self.known(&action.name) {
            Ok(command) => command,
            Err(why) => return Verification::Unknown(why),
        };
        let Some(vector) = &command.verify else {
            return Verification::Unknown(format!(
                "no command is configured to verify action `{}`",
                action.name
            ));
        };
        match self.look(command, vector, &Arguments::of(action)).await {
            Looked::Yes(proof) => Verification::Verified(proof),
            Looked::No(why) => Verification::NotEffective(why),
            Looked::NotAsked(why) => Verification::Unknown(why),
        }
    }

    /// The command, quoted for a shell: run there, it gets the very same arguments.
    fn preview(&self, action: &Action) -> String {
        let filled =
            self.known(&action.name).and_then(|command| command.run.fill(&Arguments::of(action)));
        match filled {
            Ok(argv) => template::quoted(&argv),
            Err(why) => format!("cannot be run: {why}"),
        }
    }
}

#[cfg(test)]
mod tests;
