//! What went wrong, for the person at the terminal.

use std::error::Error;
use std::fmt;

/// A failure, with what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    causes: Vec<String>,
    help: Option<String>,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), causes: Vec::new(), help: None }
    }

    /// A failure of something that tells its own causes.
    pub(crate) fn of(what: impl Into<String>, error: &dyn Error) -> Self {
        let mut failure = Self::new(what);
        let mut cause: Option<&dyn Error> = Some(error);
        while let Some(error) = cause {
            failure.causes.push(error.to_string());
            cause = error.source();
        }
        failure
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what it comes of.
    pub(crate) fn because(mut self, causes: impl IntoIterator<Item = String>) -> Self {
        self.causes.extend(causes);
        self
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!({ "error": self.what, "causes": self.causes, "help": self.help })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        for cause in &self.causes {
            write!(f, "\n  because: {cause}")?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// Names what was being done when something failed.
pub(crate) trait Context<T> {
    fn context(self, what: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E: Error> Context<T> for Result<T, E> {
    fn context(self, what: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| Failure::of(what, &error))
    }
}
