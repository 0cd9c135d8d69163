//! `logdive rules fmt`

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use super::file::RuleFile;
use crate::args::RulesFmt;
use crate::error::Failure;
use crate::files;
use crate::output::Output;

/// Every file is looked at, whatever is wrong with another.
pub(super) fn run(args: &RulesFmt, output: &Output) -> ExitCode {
    let mut ok = true;
    for path in &args.files {
        match file(path, args.check, output) {
            Ok(changed) => ok &= !(changed && args.check),
            Err(failure) => {
                output.failure(&failure);
                ok = false;
            }
        }
    }
    super::answer(ok)
}

/// Gives whether the file is laid out otherwise.
fn file(path: &Path, check: bool, output: &Output) -> Result<bool, Failure> {
    let file = RuleFile::read(path)?;
    let laid_out = logdive_rules::format(&file.text).map_err(|errors| file.broken(&errors))?;
    let changed = laid_out != file.text;
    let mut value = json!({ "file": path, "changed": changed });
    match (files::is_standard(path), check) {
        (_, true) if changed => output.text(format!("{} would change", file.name)),
        (_, true) => {}
        (true, false) => {
            output.verbatim(&laid_out);
            if let Some(object) = value.as_object_mut() {
                object.insert("text".to_owned(), laid_out.into());
            }
        }
        (false, false) if changed => {
            files::replace(path, &laid_out)?;
            output.text(format!("{} is laid out", file.name));
        }
        (false, false) => {}
    }
    output.value(&value);
    Ok(changed)
}
