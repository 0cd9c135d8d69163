//! The plan in words: a line for the window, one for each step.

use std::fmt;

use chrono::SecondsFormat;
use logdive_core::{Anchor, WindowSpec, format_duration};

use super::step::{Check, Compare, Context, Follow, Measures, Select, Templates};
use super::{Around, Baseline, DivePlan, Kind, Order, Scope, Shown, Step, limits};

/// Writes the plan in words: what it is around, and what each step does.
impl fmt::Display for DivePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.around {
            Around::Window(window) => write!(f, "dive from {window}")?,
            Around::Ticket(spec) => write!(f, "dive {}", spec_in_words(spec))?,
        }
        if let Some(times) = &self.times {
            let time = match &self.around {
                Around::Ticket(spec) => spec.anchor.of(times),
                Around::Window(_) => Anchor::Started.of(times),
            };
            write!(f, ", at {}", time.to_rfc3339_opts(SecondsFormat::AutoSi, true))?;
        }
        for (layer, padding) in &self.padding {
            let (before, after) = (format_duration(padding.before), format_duration(padding.after));
            write!(f, "\n{layer} is looked at from {before} earlier to {after} later")?;
        }
        for (kind, ids) in &self.ids {
            const MOST: usize = 5;
            let some: Vec<&str> = ids.iter().take(MOST).map(String::as_str).collect();
            write!(f, "\ngiven {kind}: {}", some.join(", "))?;
            if let Some(more) = ids.len().checked_sub(MOST).filter(|more| *more > 0) {
                write!(f, " and {more} more")?;
            }
        }
        self.steps.iter().try_for_each(|step| write!(f, "\n{}: {step}", step.name))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Select(Select { scope, filter, ids, window, show }) => {
                write!(f, "lines of {scope}")?;
                if !ids.is_empty() {
                    let ids = ids.join(" or ");
                    write!(f, " with {} {ids} that the dive was given", article(&ids))?;
                }
                condition(f, filter)?;
                on(f, window.as_ref())?;
                write!(f, ", {show}")
            }
            Kind::Follow(Follow { from, ids, scope, window, hops, max_ids, max_rows, show }) => {
                let ids = ids.join(" or ");
                let article = article(&ids);
                write!(f, "lines of {scope} with {article} {ids} of `{from}`, at most ")?;
                write!(f, "{hops} hops, {max_ids} ids, {max_rows} lines")?;
                on(f, window.as_ref())?;
                write!(f, ", {show}")
            }
            Kind::Context(Context { of, before, after, within }) => {
                write!(f, "{before} lines before and {after} after each line of `{of}`, ")?;
                write!(f, "of its emitter, at most {} away", format_duration(*within))
            }
            Kind::Templates(Templates { of, most }) => {
                write!(f, "the lines of `{of}` folded into templates, the {most} most frequent")
            }
            Kind::Compare(compare) => against(f, compare),
            Kind::Measure(Measures { of, facts, .. }) => {
                write!(f, "measured over the lines of `{of}`: ")?;
                for (index, (name, measure)) in facts.iter().enumerate() {
                    let before = if index == 0 { "" } else { "; " };
                    write!(f, "{before}{name} = {measure}")?;
                }
                Ok(())
            }
            Kind::Check(Check { scope, filter, window, show }) => {
                write!(f, "expects no lines of {scope}")?;
                condition(f, filter)?;
                on(f, window.as_ref())?;
                write!(f, ", {show}")
            }
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all layers"),
            Self::Layers(layers) => f.write_str(&layers.join(", ")),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = match self.order {
            Order::Newest => "newest",
            Order::Oldest => "oldest",
        };
        write!(f, "the {order} {} shown", self.most)
    }
}

/// Writes the baseline as plans do: `1d ago`, `6h before`.
impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ago(ago) => write!(f, "{} ago", format_duration(*ago)),
            Self::Before(length) => write!(f, "{} before", format_duration(*length)),
        }
    }
}

/// The step that is added for layers of changes.
pub(super) fn changes(layers: &[String], show: Shown) -> String {
    let before = format_duration(limits::CHANGES_BEFORE);
    format!("all lines of {}, from {before} earlier, {show}", layers.join(", "))
}

fn against(f: &mut fmt::Formatter<'_>, compare: &Compare) -> fmt::Result {
    write!(f, "the lines of `{}`", compare.of)?;
    if !compare.fields.is_empty() {
        write!(f, " and their {}", compare.fields.join(", "))?;
    }
    f.write_str(" against those of ")?;
    for (index, baseline) in compare.baselines().iter().enumerate() {
        let before = if index == 0 { "" } else { ", " };
        match baseline {
            Baseline::Ago(ago) => write!(f, "{before}{} ago", format_duration(*ago))?,
            Baseline::Before(length) => {
                write!(f, "{before}the {} before", format_duration(*length))?;
            }
        }
    }
    f.write_str(": what is new, gone, changed or silent")
}

fn condition(f: &mut fmt::Formatter<'_>, filter: &str) -> fmt::Result {
    if filter.trim() == "true" { Ok(()) } else { write!(f, " where {filter}") }
}

fn on(f: &mut fmt::Formatter<'_>, window: Option<&WindowSpec>) -> fmt::Result {
    window.map_or(Ok(()), |window| write!(f, ", {}", spec_in_words(window)))
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// A window around a ticket's time in words.
fn spec_in_words(spec: &WindowSpec) -> String {
    let anchor = match spec.anchor {
        Anchor::Detected => "it was detected",
        Anchor::Opened => "the ticket was opened",
        _ => "it started",
    };
    let (before, after) = (format_duration(spec.before), format_duration(spec.after));
    format!("from {before} before to {after} after {anchor}")
}
