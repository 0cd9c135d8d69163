//! Facts for a rule set, from files.

use std::path::Path;

use logdive_core::Facts;
use logdive_core::port::{Clock as _, SystemClock};
use logdive_rules::RuleSet;
use serde_json::Value as Json;

use crate::args::RulesEval;
use crate::error::{Context as _, Failure};
use crate::{files, when};

/// Reads facts; what does not fit in the ticket is unavailable, everything else must fit.
pub(super) fn read(rules: &RuleSet, args: &RulesEval) -> Result<Facts, Failure> {
    let now = match &args.now {
        Some(text) => Some(
            when::parse(text, SystemClock::new().now(), None)
                .map_err(|why| Failure::new(format!("`--now`: {why}")))?,
        ),
        None => None,
    };
    let mut builder = rules.facts().lenient();
    if let Some(path) = &args.facts {
        builder = builder.json(&json(path)?, now);
    }
    if let Some(path) = &args.ticket {
        builder = builder.ticket(&json(path)?);
    }
    builder.build().map_err(|error| {
        let name = args.facts.as_deref().map_or_else(|| "the ticket".into(), files::name);
        let problems = error.problems().iter().map(ToString::to_string);
        let rules = args.file.display();
        Failure::new(format!("the facts of `{name}` do not fit the schema of `{rules}`"))
            .because(problems)
            .help("what cannot be known is written {\"unavailable\": \"why\"}, none is null")
    })
}

fn json(path: &Path) -> Result<Json, Failure> {
    let text = files::read(path)?;
    serde_json::from_str(&text).context(format!("`{}` is no JSON", files::name(path)))
}
