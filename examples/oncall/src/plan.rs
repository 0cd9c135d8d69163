//! `logdive plan check`, `logdive plan explain`.

use std::path::Path;

use logdive_core::format_duration;
use logdive_core::port::Budget;
use logdive_query::{DivePlan, PlanError};
use serde_json::json;

use crate::args::PlanFile;
use crate::error::{Context as _, Failure};
use crate::output::Output;
use crate::source;

/// Reads a plan's file.
pub(crate) fn read(path: &Path) -> Result<DivePlan, Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).context(format!("reading `{name}`"))?;
    parse(&text).map_err(|error| {
        Failure::new(error.render(&name).trim_end()).help("docs/plans.md shows a whole plan")
    })
}

/// Reads a plan's text: JSON if it begins with a brace, else TOML.
pub(crate) fn parse(text: &str) -> Result<DivePlan, PlanError> {
    if text.trim_start().starts_with('{') {
        DivePlan::from_json(text)
    } else {
        DivePlan::from_toml(text)
    }
}

pub(crate) async fn check(args: &PlanFile, output: &Output) -> Result<(), Failure> {
    let (plan, _, digest) = checked(args).await?;
    let name = args.file.display();
    let ticket = if plan.needs_ticket() {
        "it is for whatever ticket it is run for"
    } else {
        "it needs no ticket"
    };
    output.text(format!("`{name}` fits its layers; {ticket}"));
    output.text(format!("digest {digest}"));
    output.value(&json!({
        "file": args.file, "fits": true, "needs_ticket": plan.needs_ticket(),
        "digest": digest,
    }));
    Ok(())
}

pub(crate) async fn explain(args: &PlanFile, output: &Output) -> Result<(), Failure> {
    let (plan, text, digest) = checked(args).await?;
    let budget = Budget::default();
    output.text(&text);
    output.text(format!(
        "\nIt may read {} rows and {} MiB, hold {} MiB of memory and take {}, unless its budget \
         says otherwise.\nNothing was looked at, so nothing is estimated.\ndigest {digest}",
        budget.rows,
        budget.bytes >> 20,
        budget.memory >> 20,
        format_duration(budget.time)
    ));
    output.value(&json!({
        "file": args.file, "words": text.lines().collect::<Vec<_>>(),
        "needs_ticket": plan.needs_ticket(), "budget": budget, "digest": digest,
    }));
    Ok(())
}

/// The plan, in words as it is run, and its digest.
async fn checked(args: &PlanFile) -> Result<(DivePlan, String, String), Failure> {
    let plan = read(&args.file)?;
    let layers = source::declared(args.config.as_deref()).await?;
    let what = || format!("`{}` does not fit its layers", args.file.display());
    let misfit = |error: &PlanError| {
        let named = error.render(&args.file.display().to_string());
        Failure::new(what()).because([named.trim_end().to_owned()])
    };
    let text = plan.explain(&layers).map_err(|error| misfit(&error))?;
    let digest = plan.digest(&layers).map_err(|error| misfit(&error))?;
    Ok((plan, text, digest.to_string()))
}
