//! `logdive layers check`: is each layer there, how new is it, what do its lines look like.

use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta};
use logdive_core::port::{Budget, Clock as _, SystemClock};
use logdive_core::{Evidence, LayerName, Window, format_duration};
use logdive_query::{DivePlan, Select};
use serde_json::{Value as Json, json};

use crate::args;
use crate::config::Config;
use crate::error::{Context as _, Failure};
use crate::output::Output;
use crate::record;

/// Looks at each layer of the file.
pub(crate) async fn run(args: &args::LayersCheck, output: &Output) -> Result<(), Failure> {
    let config = Config::read(&args.config)?;
    let now = SystemClock::new().now();
    let last = TimeDelta::from_std(args.last).context("`--last`")?;
    // Clocks of other machines may be a little ahead.
    let window = Window::new(now - last, now + TimeDelta::minutes(1)).context("`--last`")?;
    let mut wrong = 0_u32;
    let names: Vec<&str> = config.names().collect();
    for name in &names {
        match look(&config, name, window, args.timeout).await {
            Ok(evidence) => {
                let value = report(name, &evidence, output);
                wrong += u32::from(value.get("reachable") != Some(&Json::Bool(true)));
                output.value(&value);
            }
            Err(failure) => {
                wrong += 1;
                output.text(format!("{name}: not reachable\n{failure}"));
                output.value(&json!({
                    "layer": name, "reachable": false, "failures": [failure.json()],
                }));
            }
        }
    }
    if wrong > 0 {
        return Err(Failure::new(format!("{wrong} of {} layers did not answer", names.len())));
    }
    Ok(())
}

async fn look(
    config: &Config,
    name: &str,
    window: Window,
    time: Duration,
) -> Result<Evidence, Failure> {
    let diver = config.diver(name).await?;
    let plan = DivePlan::around(window).select("newest", Select::layers([name]).newest(1));
    let budget = Budget { time, ..Budget::default() };
    diver.dive(&plan).budget(budget).run().await.context(format!("asking layer `{name}`"))
}

fn report(name: &str, evidence: &Evidence, output: &Output) -> Json {
    let coverage = LayerName::parse(name)
        .ok()
        .and_then(|name| evidence.coverage().layers.get(&name))
        .cloned()
        .unwrap_or_default();
    let row = evidence.step("newest").and_then(|step| step.rows.first());
    let failures: Vec<String> = coverage.failed.iter().map(ToString::to_string).collect();
    let reachable = failures.is_empty();
    let window = evidence.coverage().window;
    let newest = coverage.newest.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    let last = window.to() - window.from();
    let last = format_duration(last.to_std().unwrap_or_default());
    output.text(match (reachable, row, &newest) {
        (false, ..) => format!("{name}: did not answer: {}", failures.join("; ")),
        (true, Some(row), _) => {
            format!(
                "{name}: newest line {}\n  {}",
                row.time().to_rfc3339_opts(SecondsFormat::AutoSi, true),
                record::to_text(row)
            )
        }
        (true, None, Some(newest)) => format!("{name}: answers; newest line {newest}, none shown"),
        (true, None, None) => format!("{name}: answers; no lines in the last {last}"),
    });
    json!({
        "layer": name,
        "reachable": reachable,
        "newest": newest,
        "watermark": coverage.watermark.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        "sample": row.map(record::to_json),
        "failures": failures,
        "cost": { "bytes": coverage.cost.bytes, "rows": coverage.cost.rows },
    })
}
