//! A command as it is configured, and as it was checked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use logdive_core::ActionSpec;

use super::template::{ACTION_KEY, Vector};
use crate::{Secret, SetupError};

/// How long a command may run, if nothing else is said.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A command, and how its end is read.
#[derive(Debug, Clone)]
#[must_use]
pub struct ExecCommand {
    run: Vec<String>,
    find: Option<Vec<String>>,
    verify: Option<Vec<String>>,
    timeout: Duration,
    in_doubt: InDoubt,
    minimal_env: bool,
    env: BTreeMap<String, Secret>,
}

#[derive(Debug, Clone)]
enum InDoubt {
    Codes(BTreeSet<i32>),
    All,
}

impl ExecCommand {
    /// A program and its arguments. Exit code 0 means that it was done, any other that it had no
    /// effect, if nothing else is said.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self {
            run: argv.into_iter().map(Into::into).collect(),
            find: None,
            verify: None,
            timeout: TIMEOUT,
            in_doubt: InDoubt::Codes(BTreeSet::new()),
            minimal_env: false,
            env: BTreeMap::new(),
        }
    }

    /// A command that ends with 0 if the effect of `{action_key}` is there; it knows no other
    /// placeholder.
    pub fn find<S: Into<String>>(mut self, argv: impl IntoIterator<Item = S>) -> Self {
        self.find = Some(argv.into_iter().map(Into::into).collect());
        self
    }

    /// A command that ends with 0 if the action took effect.
    pub fn verify<S: Into<String>>(mut self, argv: impl IntoIterator<Item = S>) -> Self {
        self.verify = Some(argv.into_iter().map(Into::into).collect());
        self
    }

    /// How long each of the commands may run; 60 s, if nothing else is said.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Exit codes after which it may have taken effect all the same.
    pub fn in_doubt_on(mut self, codes: impl IntoIterator<Item = i32>) -> Self {
        self.in_doubt = InDoubt::Codes(codes.into_iter().collect());
        self
    }

    /// After every exit code but 0 it may have taken effect all the same.
    pub fn in_doubt_on_any_failure(mut self) -> Self {
        self.in_doubt = InDoubt::All;
        self
    }

    /// Gives it only `PATH`, `HOME`, `LANG` and what [`ExecCommand::env`] names, instead of all of
    /// this process's environment.
    pub const fn minimal_env(mut self) -> Self {
        self.minimal_env = true;
        self
    }

    /// Sets an environment variable. Its value is shown nowhere.
    pub fn env(mut self, name: impl Into<String>, value: Secret) -> Self {
        self.env.insert(name.into(), value);
        self
    }

    pub(super) fn checked(self, spec: &ActionSpec) -> Result<Checked, SetupError> {
        let name = &spec.name;
        let parameters: BTreeSet<&str> = spec.parameters.keys().map(String::as_str).collect();
        let with_key: BTreeSet<&str> = parameters.iter().copied().chain([ACTION_KEY]).collect();
        let parse = |argv: &[String], what: &str, known: &BTreeSet<&str>| {
            Vector::parse(argv, known)
                .map_err(|why| SetupError::setting(format!("{what} of action `{name}`"), why))
        };
        if parameters.contains(ACTION_KEY) {
            return Err(SetupError::setting(
                format!("parameter `{ACTION_KEY}` of action `{name}`"),
                "is the name of the action's key; give it another",
            ));
        }
        let run = parse(&self.run, "command", &with_key)?;
        if !run.uses(&spec.target) {
            return Err(SetupError::setting(
                format!("command of action `{name}`"),
                format!("does not use `{{{}}}`, which names its target", spec.target),
            ));
        }
        let find = self.find.as_deref();
        let find = find
            .map(|argv| parse(argv, "command to find", &BTreeSet::from([ACTION_KEY])))
            .transpose()?;
        if find.as_ref().is_some_and(|find| !find.uses(ACTION_KEY)) {
            return Err(SetupError::setting(
                format!("command to find of action `{name}`"),
                "does not use `{action_key}`, so it would find others' effects",
            ));
        }
        let verify = self.verify.as_deref();
        let verify = verify.map(|argv| parse(argv, "command to verify", &with_key)).transpose()?;
        if self.timeout.is_zero() {
            return Err(SetupError::setting(
                format!("timeout of action `{name}`"),
                "must be longer than 0",
            ));
        }
        for variable in self.env.keys() {
            if variable.is_empty() || variable.contains(['=', '\0']) {
                return Err(SetupError::setting(
                    format!(
                        "environment variable `{}` of action `{name}`",
                        crate::visible(variable)
                    ),
                    "is no name of one",
                ));
            }
        }
        Ok(Checked {
            run,
            find,
            verify,
            timeout: self.timeout,
            in_doubt: self.in_doubt,
            minimal_env: self.minimal_env,
            env: self.env,
        })
    }
}

/// A command whose vectors were checked against its action.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) run: Vector,
    pub(super) find: Option<Vector>,
    pub(super) verify: Option<Vector>,
    pub(super) timeout: Duration,
    in_doubt: InDoubt,
    pub(super) minimal_env: bool,
    pub(super) env: BTreeMap<String, Secret>,
}

impl Checked {
    pub(super) fn is_in_doubt(&self, code: i32) -> bool {
        match &self.in_doubt {
            InDoubt::Codes(codes) => codes.contains(&code),
            InDoubt::All => true,
        }
    }

    /// Removes the values of its environment from what it said.
    pub(super) fn redacted(&self, text: &str) -> String {
        self.env
            .values()
            .filter(|value| !value.expose().is_empty())
            .fold(text.to_owned(), |text, value| text.replace(value.expose(), "[secret]"))
    }
}
