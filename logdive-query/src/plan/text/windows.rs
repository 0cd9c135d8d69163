//! Windows, times and baselines in a plan's text.

use chrono::{DateTime, Datelike as _, SecondsFormat, Utc};
use logdive_core::{
    Anchor, Diagnostic, Times, Window, WindowSpec, format_duration, nearest, parse_duration,
};

use super::codes;
use super::node::{Node, Value};
use super::read::{Reader, Table};
use super::write::Written;
use crate::plan::error::short;
use crate::plan::{Around, Baseline};

const FIXED: [&str; 2] = ["from", "to"];
const ANCHORED: [&str; 3] = ["anchor", "before", "after"];
const TIMES: [&str; 5] = ["started", "detected", "opened", "updated", "resolved"];
const HELP: &str = "write `window = { anchor = \"started\", before = \"15m\", after = \"5m\" }`, \
                    or `{ from = …, to = … }`";

/// The window of the plan: fixed, or around a ticket's time.
pub(super) fn around(reader: &mut Reader, node: &Node) -> Option<Around> {
    let what = "`window` of the plan";
    let table = reader.table(node, what, &["from", "to", "anchor", "before", "after"])?;
    let has = |keys: &[&str]| keys.iter().any(|key| table.get(key).is_some());
    match (has(&FIXED), has(&ANCHORED)) {
        (true, false) => fixed(reader, &table).map(Around::Window),
        (false, true) => Some(Around::Ticket(anchored(reader, &table)?)),
        (both, _) => {
            let message = if both {
                "a window is either from a time to a time, or around a ticket's time"
            } else {
                "the window says neither from when to when, nor around which time"
            };
            reader.report(Diagnostic::new(codes::VALUE, node.span, message).help(HELP));
            None
        }
    }
}

/// The window of a step: around a ticket's time.
pub(super) fn spec(reader: &mut Reader, table: &Table<'_>) -> Option<WindowSpec> {
    let node = table.get("window")?;
    let what = format!("`window` of {}", table.what);
    let window = reader.table(node, &what, &ANCHORED)?;
    anchored(reader, &window)
}

fn anchored(reader: &mut Reader, table: &Table<'_>) -> Option<WindowSpec> {
    let anchor = match table.get("anchor") {
        None => Some(Anchor::Started),
        Some(node) => {
            let name = reader.text(node, &format!("`anchor` of {}", table.what))?;
            let anchor = Anchor::from_name(&name);
            if anchor.is_none() {
                let names = Anchor::ALL.map(Anchor::name);
                let message = format!("a ticket has no time `{}`", short(&name));
                let diagnostic = Diagnostic::new(codes::VALUE, node.span, message);
                reader.report(match nearest(&name, &names) {
                    Some(near) => diagnostic.suggestion(near),
                    None => diagnostic.help(format!("there are: {}", names.join(", "))),
                });
            }
            anchor
        }
    };
    let before = reader.duration(table, "before").unwrap_or_default();
    let after = reader.duration(table, "after").unwrap_or_default();
    Some(WindowSpec { anchor: anchor?, before, after })
}

fn fixed(reader: &mut Reader, table: &Table<'_>) -> Option<Window> {
    let from = needed_time(reader, table, "from");
    let to = needed_time(reader, table, "to");
    match Window::new(from?, to?) {
        Ok(window) => Some(window),
        Err(error) => {
            reader.report(Diagnostic::new(codes::VALUE, table.span, error.to_string()));
            None
        }
    }
}

/// The times of the ticket that a plan is for.
pub(super) fn times(reader: &mut Reader, node: &Node) -> Option<Times> {
    let table = reader.table(node, "`times` of the plan", &TIMES)?;
    let started = time(reader, &table, "started");
    let detected = time(reader, &table, "detected");
    let updated = time(reader, &table, "updated");
    let resolved = time(reader, &table, "resolved");
    let opened = needed_time(reader, &table, "opened")?;
    Some(Times { started, detected, opened, updated, resolved })
}

fn needed_time(reader: &mut Reader, table: &Table<'_>, key: &str) -> Option<DateTime<Utc>> {
    if table.get(key).is_none() {
        let help = format!("write `{key} = 2023-07-10T11:58:00Z`");
        return reader.missing(table, key, &help);
    }
    time(reader, table, key)
}

fn time(reader: &mut Reader, table: &Table<'_>, key: &str) -> Option<DateTime<Utc>> {
    let node = table.get(key)?;
    let what = format!("`{key}` of {}", table.what);
    let (Value::Text(text) | Value::Time(text)) = &node.value else {
        return reader.not(node, &what, "a time");
    };
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => Some(time.with_timezone(&Utc)),
        Err(error) => {
            let message = format!("`{}` is no RFC 3339 time: {error}", short(text));
            let help = "write it with its zone: `2023-07-10T11:58:00Z`";
            reader.report(Diagnostic::new(codes::VALUE, node.span, message).help(help));
            None
        }
    }
}

/// `1d ago`, `6h before`
pub(super) fn baseline(reader: &mut Reader, node: &Node, what: &str) -> Option<Baseline> {
    let text = reader.text(node, &format!("a member of {what}"))?;
    let words: Vec<&str> = text.split_whitespace().take(3).collect();
    let baseline = match words.as_slice() {
        [length, word @ ("ago" | "before")] => match (parse_duration(length), *word) {
            (Ok(length), "ago") => Ok(Baseline::Ago(length)),
            (Ok(length), _) => Ok(Baseline::Before(length)),
            (Err(why), _) => Err(short(&why)),
        },
        _ => Err(format!("`{}` is no baseline", short(&text))),
    };
    baseline
        .map_err(|message| {
            let help = "write `1d ago` for the same window a day ago, `6h before` for the time \
                        directly before it";
            reader.report(Diagnostic::new(codes::VALUE, node.span, message).help(help));
        })
        .ok()
}

pub(super) fn write_around(around: &Around) -> Written {
    match around {
        Around::Window(window) => {
            Written::table([("from", write_time(window.from())), ("to", write_time(window.to()))])
        }
        Around::Ticket(spec) => write_spec(spec),
    }
}

pub(super) fn write_spec(spec: &WindowSpec) -> Written {
    let mut entries = vec![("anchor", Written::text(spec.anchor.name()))];
    for (key, length) in [("before", spec.before), ("after", spec.after)] {
        if !length.is_zero() {
            entries.push((key, Written::Text(format_duration(length))));
        }
    }
    Written::table(entries)
}

pub(super) fn write_times(times: &Times) -> Written {
    let all = [times.started, times.detected, Some(times.opened), times.updated, times.resolved];
    let all = TIMES.into_iter().zip(all);
    Written::table(all.filter_map(|(key, time)| Some((key, write_time(time?)))))
}

fn write_time(time: DateTime<Utc>) -> Written {
    let text = time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    // Years beyond are no times in TOML.
    if (0..=9_999).contains(&time.year()) { Written::Time(text) } else { Written::Text(text) }
}
