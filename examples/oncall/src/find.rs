//! `logdive find`: a dive without a ticket.

use chrono::{DateTime, SecondsFormat, Utc};
use logdive_core::{Coverage, Evidence, StepKind, Window};
use logdive_query::{DivePlan, PlanError, Select};
use serde_json::{Value as Json, json};

use crate::args::{Args, Find};
use crate::error::{Context as _, Failure};
use crate::output::Output;
use crate::source::Source;
use crate::{record, when};

const STEP: &str = "found";

pub(crate) async fn run(args: &Args, asked: &Find, output: &Output) -> Result<(), Failure> {
    let source = match (&asked.lake, &asked.config) {
        (Some(lake), _) => Source::of_lake(lake).await?,
        (None, Some(config)) => Source::of_config(config, &asked.layers).await?,
        (None, None) => Source::of_home(&args.dir).await.map_err(|failure| {
            Failure::new("there is nothing to look into")
                .because([failure.to_string()])
                .help("give `--lake DIR` or `--layers FILE`, or play the demo first")
        })?,
    };
    let time = |option: &str, text: &str| {
        when::parse(text, source.now, asked.tz)
            .map_err(|why| Failure::new(format!("`{option}`: {why}")))
    };
    let (from, to) = (time("--from", &asked.from)?, time("--to", &asked.to)?);
    let window = Window::new(from, to).context("`--from` and `--to`")?;
    let select = if asked.layers.is_empty() {
        Select::all()
    } else {
        Select::layers(asked.layers.iter().map(|layer| layer.as_str()))
    };
    let select = select.filter(&asked.filter).newest(asked.limit);
    let plan = DivePlan::around(window).select(STEP, select);
    plan.validate(source.diver.layers()).map_err(|error| misfit(&error))?;
    let evidence = source.diver.dive(&plan).run().await.context("looking for lines")?;
    tell(&evidence, output);
    Ok(())
}

fn tell(evidence: &Evidence, output: &Output) {
    let coverage = evidence.coverage();
    let changes = evidence.steps.iter().filter(|step| step.kind == StepKind::Changes);
    for change in changes.flat_map(|step| &step.rows) {
        output.text(format!("changed  {}", wrapped(&record::to_text(change))));
    }
    let Some(found) = evidence.step(STEP) else { return };
    for row in &found.rows {
        output.text(wrapped(&record::to_text(row)));
        output.value(&record::to_json(row));
    }
    if found.matched == 0 {
        output.text("no lines");
    } else if found.cut > 0 {
        let shown = found.rows.len();
        output.text(format!("the newest {shown} of {} lines; more with `--limit`", found.matched));
    } else {
        output.text(format!("{} lines", found.matched));
    }
    if let Some(stopped) = &found.stopped {
        output.text(format!("stopped: {stopped}"));
    }
    output.text(wrapped(&coverage.to_string()));
    for gap in coverage.gaps() {
        output.text(wrapped(&format!("  {gap}")));
    }
    if found.matched == 0 {
        proof(coverage, output);
    }
    output.value(&json!({
        "matched": found.matched,
        "shown": found.rows.len(),
        "complete": coverage.is_complete(),
        "gaps": coverage.gaps().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "from": time(coverage.window.from()),
        "to": time(coverage.window.to()),
        "layers": layers(coverage),
        "plan": evidence.provenance.plan_digest,
        "lake_version": evidence.provenance.lake_version,
    }));
}

/// What is wrong with the command line: a condition by its place in it.
fn misfit(error: &PlanError) -> Failure {
    match error {
        PlanError::Predicate { text, diagnostics, .. } => {
            let rendered: String =
                diagnostics.iter().map(|found| found.render("--where", text)).collect();
            Failure::new(rendered.trim_end())
        }
        other => Failure::new(other.render("--where").trim_end()),
    }
}

/// Why an empty answer can be believed, layer by layer.
fn proof(coverage: &Coverage, output: &Output) {
    for (name, layer) in &coverage.layers {
        let newest = layer.newest.map_or_else(|| "none".to_owned(), time);
        let mut text =
            format!("  {name}: {} rows looked at, its newest line {newest}", layer.scanned);
        if let Some(watermark) = layer.watermark {
            text.extend([format!(", all there until {}", time(watermark))]);
        }
        if !layer.silent_emitters.is_empty() {
            text.extend([format!(", silent: {}", layer.silent_emitters.join(", "))]);
        }
        output.text(wrapped(&text));
    }
}

fn layers(coverage: &Coverage) -> Json {
    let layers = coverage.layers.iter().map(|(name, layer)| {
        json!({
            "layer": name, "scanned": layer.scanned, "matched": layer.matched,
            "newest": layer.newest.map(time), "watermark": layer.watermark.map(time),
            "silent_emitters": layer.silent_emitters,
        })
    });
    layers.collect()
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Longest text of one line that is shown; the rest is in `--json`.
const LONGEST: usize = 600;
const INDENT: usize = 4;

fn wrapped(text: &str) -> String {
    crate::output::wrapped(text, INDENT, LONGEST)
}
