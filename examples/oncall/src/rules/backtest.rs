//! `logdive rules backtest`

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::process::ExitCode;

use logdive_rules::{Backtest, BacktestDifference, BacktestKind, BacktestReport};
use serde_json::json;

use super::file::RuleFile;
use crate::args::RulesBacktest;
use crate::error::{Context as _, Failure};
use crate::files;
use crate::output::Output;

pub(super) fn run(args: &RulesBacktest, output: &Output) -> Result<ExitCode, Failure> {
    let rules = RuleFile::read(&args.file)?.rules()?;
    let name = files::name(&args.facts);
    let source: Box<dyn BufRead> = if files::is_standard(&args.facts) {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(&args.facts).context(format!("opening `{name}`"))?;
        Box::new(BufReader::new(file))
    };
    let mut test = Backtest::new(&rules);
    test.read(source).map_err(|error| {
        Failure::of(format!("`{name}` is no file of past facts"), &error).help(
            "each line is {\"id\": \"…\", \"facts\": {…}, \"decision\": \"…\"}; `decision` is null \
             where it is not known",
        )
    })?;
    let report = test.finish();
    print(&report, args.limit, output);
    let mut value = json!(report);
    if let Some(object) = value.as_object_mut() {
        object.insert("file".to_owned(), json!(args.file));
        object.insert("digest".to_owned(), json!(rules.digest()));
    }
    output.value(&value);
    Ok(ExitCode::SUCCESS)
}

fn print(report: &BacktestReport, limit: usize, output: &Output) {
    let totals = &report.totals;
    output.text(format!("{:>9} records", totals.records));
    output.text(format!("{:>9} agreed", totals.agreed));
    output.text(format!("{:>9} differed", totals.differed));
    output.block(&format!(
        "{:>9} left to a person: facts are missing in {}, no rule applies in {}",
        totals.left,
        totals.undetermined,
        totals.left - totals.undetermined
    ));
    output.block(&format!("{:>9}   of these some rule makes that decision", totals.could));
    output.text(format!("{:>9} decided where the person said nothing", totals.unasked));
    output.text(format!("{:>9} decided by neither", totals.open));
    for misfit in &report.misfits {
        let problem = &misfit.problem;
        output.block(&format!("unavailable in {} records: {problem}", misfit.records));
    }
    for (decision, count) in &report.unknown_decisions {
        output.block(&format!(
            "in {count} records a person decided `{decision}`, which the rules do not list"
        ));
    }
    output
        .text(format!("\n{:>9} {:>9} {:>9} {:>9}  rule", "decided", "agreed", "differed", "alone"));
    for rule in &report.rules {
        output.block(&format!(
            "{:>9} {:>9} {:>9} {:>9}  {} v{} ({})",
            rule.decided,
            rule.agreed,
            rule.differed,
            rule.unasked,
            rule.rule,
            rule.version,
            rule.mode
        ));
    }
    if !report.differences.is_empty() {
        differences(report, limit, output);
    }
}

fn differences(report: &BacktestReport, limit: usize, output: &Output) {
    let all = report.differences.len();
    let shown = if limit == 0 { all } else { limit.min(all) };
    let widths = [
        column(report, shown, "record", 24, |difference| &difference.id),
        column(report, shown, "person", 18, |difference| {
            difference.person.as_deref().unwrap_or("-")
        }),
        column(report, shown, "rules", 18, of_rules),
    ];
    let row = |cells: [&str; 3], rest: &str| {
        let cells: Vec<String> = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{:<width$}", cut(cell, width)))
            .collect();
        format!("{}  {rest}", cells.join("  "))
    };
    output.text(format!("\n{}", row(["record", "person", "rules"], "rule, and its mode")));
    for difference in report.differences.iter().take(shown) {
        let rest = match (&difference.rule, difference.mode) {
            (Some(rule), Some(mode)) => format!("{rule}, {mode}"),
            _ if difference.undetermined => difference.missing.join("; "),
            _ => "no rule applies".to_owned(),
        };
        let person = difference.person.as_deref().unwrap_or("-");
        let cells = [difference.id.as_str(), person, of_rules(difference)];
        let indent = widths.iter().sum::<usize>() + 6;
        let text = logdive_sinks::visible(&row(cells, &rest));
        output.text(crate::output::wrapped(&text, indent, usize::MAX));
    }
    let more = (all - shown) as u64 + report.more;
    if more > 0 {
        output.text(format!("{more} more; `--limit 0` and `--json` show more"));
    }
}

fn of_rules(difference: &BacktestDifference) -> &str {
    match (&difference.decision, difference.kind) {
        (Some(decision), _) => decision,
        (None, BacktestKind::Left) if difference.undetermined => "undetermined",
        (None, _) => "no rule",
    }
}

/// How wide a column is: as its longest cell, up to a limit.
fn column<'a>(
    report: &'a BacktestReport,
    shown: usize,
    head: &'a str,
    most: usize,
    cell: impl Fn(&'a BacktestDifference) -> &'a str,
) -> usize {
    let cells = report.differences.iter().take(shown).map(cell);
    let longest = cells.chain([head]).map(|cell| cell.chars().count()).max();
    longest.unwrap_or_default().min(most)
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept + "…"
}
