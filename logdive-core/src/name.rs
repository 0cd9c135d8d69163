//! Names as newtypes: each kind of name is its own type, checked once when it is made.

use std::fmt;

use thiserror::Error;

/// A text that is not a name of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not a {kind}: {rule}")]
pub struct NameError {
    kind: &'static str,
    text: String,
    rule: &'static str,
}

impl NameError {
    pub(crate) fn new(kind: &'static str, text: &str, rule: &'static str) -> Self {
        // A hostile name is not repeated at full length.
        Self { kind, text: text.chars().take(80).collect(), rule }
    }
}

pub(crate) const PLAIN_RULE: &str =
    "1 to 64 of a-z, 0-9, `_` and `-`, beginning with a letter or a digit";

pub(crate) fn is_plain(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    first
        && text.len() <= 64
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

macro_rules! plain_name {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        // Invariant: 1 to 64 of a-z, 0-9, `_` and `-`, beginning with a letter or a digit; so it
        // is safe as an identifier, a file name and a partition value.
        pub struct $name(String);

        impl $name {
            /// Checks and takes a name.
            ///
            /// # Errors
            /// If the text is not 1 to 64 of `a-z`, `0-9`, `_` and `-`, beginning with a letter
            /// or a digit.
            pub fn parse(text: impl AsRef<str>) -> Result<Self, NameError> {
                let text = text.as_ref();
                if is_plain(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(NameError::new($kind, text, PLAIN_RULE))
                }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = NameError;
            fn try_from(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

plain_name!(
    /// The name of a [`Layer`](crate::Layer).
    LayerName,
    "layer name"
);
plain_name!(
    /// The name of one step of a dive.
    StepName,
    "step name"
);
plain_name!(
    /// The name of a [`Playbook`](crate::Playbook).
    PlaybookName,
    "playbook name"
);
plain_name!(
    /// The name of an action an [`Actuator`](crate::port::Actuator) can perform.
    ActionName,
    "action name"
);
plain_name!(
    /// The class of an action, by which caps are counted.
    ActionClass,
    "action class"
);
plain_name!(
    /// The kind of an id that ties lines of several layers together (`access_key`, `trace`).
    IdKind,
    "id kind"
);

impl LayerName {
    /// Stands for a layer that a checked batch cannot lack.
    pub(crate) fn unnamed() -> Self {
        Self("unnamed".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::LayerName;

    #[test]
    fn names_are_checked() {
        for good in ["s3", "secrets-manager", "a", "0", &"a".repeat(64)] {
            assert!(LayerName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "S3", "a b", "../x", "a/b", "_a", "é", &"a".repeat(65)] {
            assert!(LayerName::parse(bad).is_err(), "{bad}");
        }
    }
}
