//! What stands out, what is new, what changed, what stopped.

use chrono::{DateTime, Utc};

use super::rank::{Candidate, Key, stands_out};
use crate::{
    BlockKind, Decimal, Document, Evidence, Line, Novelty, Priority, RateRatio, StepKind, distance,
};

/// Lines that name what to read first.
const STANDING_OUT: usize = 6;
const TEXT: usize = 240;
/// Rows of a section; the rest is counted.
const ROWS: usize = 8;
/// Rows of what is new and may be chance: what changed for sure must not be pushed down by it.
const CHANCES: usize = 4;

/// The lines to read first.
pub(super) fn first_lines(ranked: &[Candidate], anchor: DateTime<Utc>) -> Vec<Line> {
    stands_out(ranked, STANDING_OUT)
        .into_iter()
        .map(|candidate| described(candidate, anchor, Form::Brief))
        .collect()
}

/// The sections of what differs from the baselines, if the dive compared.
pub(super) fn sections(
    document: &mut Document,
    evidence: &Evidence,
    ranked: &[Candidate],
    anchor: DateTime<Utc>,
) {
    let compared = evidence.steps.iter().any(|step| step.kind == StepKind::Compare);
    let of = |wanted: &[Novelty]| -> Vec<&Candidate> {
        ranked.iter().filter(|c| c.novelty.is_some_and(|n| wanted.contains(&n))).collect()
    };
    let all = [
        ("New: in no baseline", of(&[Novelty::New])),
        ("Changed against the baselines", of(&[Novelty::Changed])),
        ("Stopped: in the baselines, and not there now", of(&[Novelty::Gone, Novelty::Silent])),
    ];
    if compared && all.iter().all(|(_, rows)| rows.is_empty()) {
        let nothing = "Nothing is new, changed or gone against the baselines.";
        document.push(Priority::Normal, BlockKind::Paragraph(nothing.into()));
    }
    let mut examples_of: Vec<&Candidate> = Vec::new();
    for (title, candidates) in &all {
        let shown = shown(candidates);
        section(document, title, &shown, candidates.len(), anchor);
        examples_of.extend(shown);
    }
    examples(document, &examples_of);
}

/// The first of a section.
fn shown<'a>(all: &[&'a Candidate]) -> Vec<&'a Candidate> {
    let mut chances = 0;
    let is_shown = |candidate: &&&Candidate| {
        chances += usize::from(!candidate.sure);
        candidate.sure || chances <= CHANCES
    };
    all.iter().filter(is_shown).take(ROWS).copied().collect()
}

fn section(
    document: &mut Document,
    title: &str,
    shown: &[&Candidate],
    all: usize,
    anchor: DateTime<Utc>,
) {
    if shown.is_empty() {
        return;
    }
    document.push(Priority::Normal, BlockKind::Heading { level: 3, text: title.into() });
    let mut items: Vec<Line> =
        shown.iter().map(|candidate| described(candidate, anchor, Form::Whole)).collect();
    if all > shown.len() {
        let more = all - shown.len();
        items.push(format!("{more} more rank lower; the evidence holds them all").into());
    }
    document.push(Priority::Normal, BlockKind::List(items));
}

/// Lines as they were written, of what the sections show.
fn examples(document: &mut Document, shown: &[&Candidate]) {
    let examples: Vec<String> = shown
        .iter()
        .flat_map(|candidate| {
            let text = shown_text(candidate);
            let others = candidate.examples.iter().filter(move |e| e.as_str() != text);
            others.take(2).map(|example| format!("{} {example}", candidate.layer))
        })
        .collect();
    if !examples.is_empty() {
        let mut inner = Document::new();
        inner.push(Priority::Detail, BlockKind::Code(examples));
        let fold = BlockKind::Fold { title: "Examples of these lines".into(), blocks: inner.0 };
        document.push(Priority::Detail, fold);
    }
}

/// A single line is shown as it was written, several as what they share.
pub(super) fn shown_text(candidate: &Candidate) -> &str {
    match candidate.examples.first() {
        Some(only) if candidate.count == 1 && matches!(candidate.key, Key::Template(_)) => only,
        _ => &candidate.text,
    }
}

/// How much is said of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// About two lines of a terminal, so that the first screen holds a few.
    Brief,
    /// Everything but its examples.
    Whole,
}

impl Form {
    /// Characters of a log's text at most.
    const fn text(self) -> usize {
        match self {
            Self::Brief => 90,
            Self::Whole => TEXT,
        }
    }
}

fn described(candidate: &Candidate, anchor: DateTime<Utc>, form: Form) -> Line {
    let mut line = Line::new();
    let mut checks: Vec<&str> = candidate.checks.iter().map(String::as_str).collect();
    checks.truncate(2);
    if !checks.is_empty() {
        let checks = checks.join(", ");
        line = line.strong("Expected not to be there").text(format!(" (check {checks}), "));
    }
    line = match (candidate.novelty, &candidate.key) {
        (Some(Novelty::New), Key::Emitters(_)) => line.strong("New emitters"),
        (Some(Novelty::New), _) => line.strong("New"),
        (Some(Novelty::Changed), _) => changed(line, candidate, form),
        (Some(Novelty::Gone), _) => line.strong("Gone"),
        (Some(Novelty::Silent), _) => line.strong("Silent"),
        (None, _) if candidate.is_change => line.strong("Change"),
        (None, _) => line.strong("Found"),
    };
    let mut parts: Vec<String> = Vec::new();
    if matches!(candidate.novelty, Some(Novelty::Gone | Novelty::Silent)) {
        if let Some(expected) = candidate.expected {
            parts.push(format!("{} lines expected and none there", rounded(expected)));
        }
    } else {
        let severity = candidate.severity.map_or_else(String::new, |s| format!("{s} "));
        let lines = if candidate.count == 1 { "line" } else { "lines" };
        parts.push(format!("{} {severity}{lines}", candidate.count));
    }
    parts.push(match &candidate.key {
        Key::Layer => format!("{} as a whole", candidate.layer),
        _ => candidate.layer.to_string(),
    });
    match (candidate.first, candidate.last, form) {
        (Some(first), Some(last), _) if first == last => parts.push(distance(first, anchor)),
        (Some(first), _, Form::Brief) => parts.push(format!("from {}", distance(first, anchor))),
        (Some(first), Some(last), Form::Whole) => parts.push(span(first, last, anchor)),
        _ => {}
    }
    parts.extend(emitters(candidate, form));
    line = line.text(format!(", {}", parts.join(", ")));
    let text = shown_text(candidate);
    if text.is_empty() { line } else { line.text(": ").code(shortened(text, form.text())) }
}

fn changed(line: Line, candidate: &Candidate, form: Form) -> Line {
    let Some(RateRatio { ratio, low, high }) = candidate.ratio else {
        return line.strong("Changed");
    };
    let line = line.strong(format!("{} times", rounded(ratio)));
    if form == Form::Brief {
        return line;
    }
    let interval = high.map_or_else(
        || format!("at least {}", rounded(low)),
        |high| format!("{} to {}", rounded(low), rounded(high)),
    );
    line.text(format!(" what was expected (95 %: {interval})"))
}

/// When lines were written, as distances from the anchor.
pub(super) fn span(first: DateTime<Utc>, last: DateTime<Utc>, anchor: DateTime<Utc>) -> String {
    let (from, to) = (distance(first, anchor), distance(last, anchor));
    if from == to { from } else { format!("{from} to {to}") }
}

fn emitters(candidate: &Candidate, form: Form) -> Option<String> {
    if form == Form::Brief && candidate.emitter_count > 2 {
        return Some(format!("{} emitters", candidate.emitter_count));
    }
    let shown: Vec<String> =
        candidate.emitters.iter().take(2).map(|name| shortened(name, 60)).collect();
    let more = candidate.emitter_count.saturating_sub(shown.len() as u64);
    match (shown.is_empty(), more) {
        (true, 0) => None,
        (true, more) => Some(format!("{more} emitters")),
        (false, 0) if shown.len() == 1 && candidate.novelty != Some(Novelty::Silent) => {
            Some(format!("only {}", shown.join(", ")))
        }
        (false, 0) => Some(shown.join(", ")),
        (false, more) => Some(format!("{} and {more} more", shown.join(", "))),
    }
}

/// Text of a log, at most so many characters.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let cut: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{cut}…")
}

/// A number for people: three digits that count.
fn rounded(number: Decimal) -> String {
    let billionths = number.billionths();
    let mut unit = 1;
    while billionths / unit >= 1000 {
        unit *= 10;
    }
    let shown = Decimal::from_billionths((billionths + unit / 2) / unit * unit);
    let text = shown.unwrap_or(number).to_string();
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{rounded, shortened};

    #[test]
    fn numbers_and_texts_are_short() {
        let round = |text: &str| rounded(text.parse().unwrap());
        assert_eq!(round("11.6"), "11.6");
        assert_eq!(round("0.012345"), "0.0123");
        assert_eq!(round("99999"), "100000");
        assert_eq!(round("0"), "0");
        assert_eq!(round("3"), "3");
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöüß", 3), "äö…");
    }
}
