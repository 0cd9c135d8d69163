//! `logdive rules diff`

use std::process::ExitCode;

use serde_json::json;

use super::file::RuleFile;
use crate::args::RulesDiff;
use crate::error::Failure;
use crate::output::Output;

pub(super) fn run(args: &RulesDiff, output: &Output) -> Result<ExitCode, Failure> {
    let old = RuleFile::read(&args.old)?.rules()?;
    let new = RuleFile::read(&args.new)?.rules()?;
    let difference = old.difference(&new);
    // What both declare, and declare otherwise, is taken for the same where they are compared: it
    // is not known that they mean the same.
    let declared =
        difference.schema().iter().any(|entry| entry.before.is_some() && entry.after.is_some());
    let same = difference.is_none() && !declared;
    output.block(&difference.to_string());
    if declared && difference.is_none() {
        output.block("the schemas declare the entries above differently, so the facts may differ");
    }
    let mut value = json!(difference);
    if let Some(object) = value.as_object_mut() {
        object.insert("same".to_owned(), same.into());
        object.insert("old".to_owned(), json!({ "file": args.old, "digest": old.digest() }));
        object.insert("new".to_owned(), json!({ "file": args.new, "digest": new.digest() }));
    }
    output.value(&value);
    Ok(super::answer(same))
}
