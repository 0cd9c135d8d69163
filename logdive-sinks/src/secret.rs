//! Secrets: text that is used and never shown.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::SetupError;

/// A text that is used and never shown: neither `Debug` nor `Display` tells it.
///
/// ```
/// # use logdive_sinks::Secret;
/// let token = Secret::new("hunter2");
/// assert_eq!(format!("{token} {token:?}"), "[secret] Secret(given by the program)");
/// assert_eq!(token.expose(), "hunter2");
/// ```
#[derive(Clone)]
pub struct Secret {
    text: Arc<str>,
    /// Where it comes from, for messages.
    place: Arc<str>,
}

impl Secret {
    /// Takes a text that the program has already.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into().into(), place: "given by the program".into() }
    }

    /// Reads an environment variable.
    ///
    /// # Errors
    /// If it is not set, empty, or not UTF-8.
    pub fn env(name: &str) -> Result<Self, SetupError> {
        let place = format!("environment variable `{name}`");
        match std::env::var(name) {
            Ok(text) => Self::from_place(&text, place),
            Err(std::env::VarError::NotPresent) => {
                Err(SetupError::Secret { place, why: "is not set; export it first".to_owned() })
            }
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(SetupError::Secret { place, why: "is not UTF-8".to_owned() })
            }
        }
    }

    /// Reads a file; white space at both ends is no part of the secret.
    ///
    /// # Errors
    /// If it cannot be read, or is empty.
    pub fn file(path: impl AsRef<Path>) -> Result<Self, SetupError> {
        let path = path.as_ref();
        let place = format!("file `{}`", path.display());
        match std::fs::read_to_string(path) {
            Ok(text) => Self::from_place(&text, place),
            Err(error) => Err(SetupError::Secret { place, why: error.to_string() }),
        }
    }

    fn from_place(text: &str, place: String) -> Result<Self, SetupError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(SetupError::Secret { place, why: "is empty".to_owned() });
        }
        Ok(Self { text: text.into(), place: place.into() })
    }

    /// The text itself, for whoever sends it where it belongs.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.place)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "canary-4f2a\n").unwrap();
        let secret = Secret::file(&path).unwrap();
        assert_eq!(secret.expose(), "canary-4f2a");
        let shown = format!("{secret} {secret:?} {secret:#?}");
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.contains("token"), "says where it comes from: {shown}");
    }

    #[test]
    fn a_secret_that_is_not_there_is_named() {
        let error = Secret::env("LOGDIVE_NO_SUCH_VARIABLE").unwrap_err();
        assert_eq!(
            error.to_string(),
            "secret from environment variable `LOGDIVE_NO_SUCH_VARIABLE`: is not set; export it \
             first"
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty");
        std::fs::write(&path, " \n").unwrap();
        assert!(Secret::file(&path).unwrap_err().to_string().ends_with("is empty"));
        assert!(Secret::file(folder.path().join("none")).is_err());
        // Cargo sets this one for every test.
        assert_eq!(Secret::env("CARGO_PKG_NAME").unwrap().expose(), "logdive-sinks");
    }
}
