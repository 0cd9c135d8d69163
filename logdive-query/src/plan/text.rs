//! The text forms of a plan: TOML and JSON, of one shape, versioned.
//!
//! Both are read into one tree in which everything has its place, so that a mistake is named with
//! its line; both are written from one tree.

use logdive_core::{Diagnostic, Span};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::{DivePlan, PlanError, limits};

mod forms;
mod json;
mod node;
mod read;
mod toml;
mod windows;
mod write;

/// The version of the form.
const VERSION: u64 = 1;

/// Codes of what is wrong with a plan's text.
mod codes {
    /// It is no TOML, no JSON.
    pub(super) const SYNTAX: &str = "D001";
    /// A key that means nothing here, or stands twice.
    pub(super) const KEY: &str = "D002";
    /// A value of another type.
    pub(super) const TYPE: &str = "D003";
    /// A key that is missing.
    pub(super) const MISSING: &str = "D004";
    /// A version that is not known.
    pub(super) const VERSION: &str = "D005";
    /// A duration, time, anchor or baseline that is none.
    pub(super) const VALUE: &str = "D006";
    /// Too long or too deep.
    pub(super) const TOO_LARGE: &str = "D007";
}

impl DivePlan {
    /// Reads a plan from TOML.
    ///
    /// # Errors
    /// All that is wrong with the text, each with its line and, where one is near, what was
    /// probably meant: unknown keys and kinds of steps, wrong types, a version that is not known.
    /// Whether the plan fits layers is not known yet: see [`DivePlan::validate`].
    pub fn from_toml(text: &str) -> Result<Self, PlanError> {
        plan(text, toml::node)
    }

    /// Reads a plan from JSON.
    ///
    /// # Errors
    /// As [`DivePlan::from_toml`].
    pub fn from_json(text: &str) -> Result<Self, PlanError> {
        plan(text, json::node)
    }

    /// Writes the plan as TOML; reading that gives an equal plan.
    #[must_use]
    pub fn to_toml(&self) -> String {
        write::toml(&forms::plan(self))
    }

    /// Writes the plan as JSON; reading that gives an equal plan.
    #[must_use]
    pub fn to_json(&self) -> String {
        write::json(&forms::plan(self))
    }
}

fn plan(
    text: &str,
    node: fn(&str) -> Result<node::Node, Diagnostic>,
) -> Result<DivePlan, PlanError> {
    let wrong = |text: &str, diagnostics| PlanError::Text { text: text.to_owned(), diagnostics };
    if text.len() > limits::TEXT {
        let message = format!("the text is longer than {} bytes", limits::TEXT);
        let diagnostic = Diagnostic::new(codes::TOO_LARGE, Span::default(), message).help(
            "put sets of ids into follow steps, or make several plans of it (`limits::TEXT`)",
        );
        return Err(wrong("", vec![diagnostic]));
    }
    let node = node(text).map_err(|diagnostic| wrong(text, vec![diagnostic]))?;
    read::plan(&node).map_err(|diagnostics| wrong(text, diagnostics))
}

fn too_deep(span: Span) -> Diagnostic {
    let message = format!("nested more than {} deep", limits::DEPTH);
    Diagnostic::new(codes::TOO_LARGE, span, message).help("a plan needs five (`limits::DEPTH`)")
}

fn too_many(span: Span) -> Diagnostic {
    let message = format!("more than {} values", limits::VALUES);
    let help = "follow ids instead of listing them, or make several plans of it (`limits::VALUES`)";
    Diagnostic::new(codes::TOO_LARGE, span, message).help(help)
}

/// Gives the plan in the shape of its text forms.
impl Serialize for DivePlan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: serde_json::Value =
            serde_json::from_str(&self.to_json()).map_err(ser::Error::custom)?;
        value.serialize(serializer)
    }
}

/// Takes the plan in the shape of its text forms.
impl<'de> Deserialize<'de> for DivePlan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Self::from_json(&value.to_string()).map_err(de::Error::custom)
    }
}
