//! From a tree to TOML and JSON.

use std::fmt::Write as _;

/// What is to be written, in the order it is written in.
#[derive(Debug)]
pub(super) enum Written {
    Number(u64),
    Text(String),
    /// A time: in quotes in JSON, without in TOML.
    Time(String),
    List(Vec<Self>),
    Table(Vec<(String, Self)>),
}

impl Written {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn texts<S: Into<String>>(texts: impl IntoIterator<Item = S>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    pub(super) fn table<S: Into<String>>(entries: impl IntoIterator<Item = (S, Self)>) -> Self {
        Self::Table(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }
}

/// The form of a plan: lines of its own for what stands at the top, for each step, and for each
/// key of a step.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) top: Vec<(&'static str, Written)>,
    pub(super) steps: Vec<Vec<(&'static str, Written)>>,
}

pub(super) fn toml(form: &Form) -> String {
    let mut out = String::new();
    for (key, value) in &form.top {
        let _ = write!(out, "{key} = ");
        inline(&mut out, value, Style::Toml);
        out.push('\n');
    }
    for step in &form.steps {
        out.push_str("\n[[step]]\n");
        for (key, value) in step {
            let _ = write!(out, "{key} = ");
            inline(&mut out, value, Style::Toml);
            out.push('\n');
        }
    }
    out
}

pub(super) fn json(form: &Form) -> String {
    let mut out = "{\n".to_owned();
    for (key, value) in &form.top {
        let _ = write!(out, "  \"{key}\": ");
        inline(&mut out, value, Style::Json);
        out.push_str(",\n");
    }
    out.push_str("  \"step\": [");
    for (index, step) in form.steps.iter().enumerate() {
        out.push_str(if index == 0 { "\n    { " } else { ",\n    { " });
        for (index, (key, value)) in step.iter().enumerate() {
            out.push_str(if index == 0 { "" } else { ", " });
            let _ = write!(out, "\"{key}\": ");
            inline(&mut out, value, Style::Json);
        }
        out.push_str(" }");
    }
    out.push_str(if form.steps.is_empty() { "]\n}\n" } else { "\n  ]\n}\n" });
    out
}

#[derive(Clone, Copy, PartialEq)]
enum Style {
    Toml,
    Json,
}

fn inline(out: &mut String, value: &Written, style: Style) {
    match value {
        Written::Number(number) => {
            let _ = write!(out, "{number}");
        }
        Written::Time(time) if style == Style::Toml => out.push_str(time),
        Written::Text(text) | Written::Time(text) => quoted(out, text),
        Written::List(members) => {
            out.push('[');
            for (index, member) in members.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                inline(out, member, style);
            }
            out.push(']');
        }
        Written::Table(entries) => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                out.push_str(if index == 0 { " " } else { ", " });
                match style {
                    Style::Toml if is_bare(key) => out.push_str(key),
                    _ => quoted(out, key),
                }
                out.push_str(if style == Style::Toml { " = " } else { ": " });
                inline(out, value, style);
            }
            out.push_str(if entries.is_empty() { "}" } else { " }" });
        }
    }
}

/// A key that TOML takes without quotes.
fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// A text in double quotes, with the escapes that TOML and JSON share.
fn quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() && u32::from(c) < 0x80 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
