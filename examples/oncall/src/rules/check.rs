//! `logdive rules check`

use std::path::Path;
use std::process::ExitCode;

use logdive_core::Level;
use logdive_rules::RuleSet;
use serde_json::{Value as Json, json};

use super::file::RuleFile;
use super::findings::{self, Found};
use super::place::Lines;
use crate::args::RulesCheck;
use crate::error::Failure;
use crate::files;
use crate::output::Output;

pub(super) fn run(args: &RulesCheck, output: &Output) -> Result<ExitCode, Failure> {
    let was = match &args.was {
        Some(_) if args.files.len() > 1 => {
            return Err(Failure::new("`--was` is the old version of one file")
                .help("check the files one by one"));
        }
        Some(path) => Some(RuleFile::read(path)?.rules()?),
        None => None,
    };
    let mut ok = true;
    for path in &args.files {
        ok &= match RuleFile::read(path) {
            Ok(file) => {
                let report = Report::of(file, was.as_ref(), args.confirm_shrink);
                report.print(path, output);
                report.is_ok()
            }
            Err(failure) => {
                output.failure(&failure);
                output.value(&json!({
                    "file": files::name(path), "ok": false, "digest": null, "diagnostics": [],
                    "findings": [], "error": failure.json(),
                }));
                false
            }
        };
    }
    Ok(super::answer(ok))
}

/// What is wrong with a file.
struct Report {
    file: RuleFile,
    rules: Result<RuleSet, logdive_rules::RuleErrors>,
    findings: Vec<Found>,
    /// How many rules there were, if there must be a confirmation and is none.
    shrinks_from: Option<usize>,
}

impl Report {
    fn of(file: RuleFile, was: Option<&RuleSet>, confirmed: bool) -> Self {
        let rules = RuleSet::parse(&file.text);
        let findings =
            rules.as_ref().map(|rules| findings::all(rules, &file.text)).unwrap_or_default();
        let shrinks_from = match (&rules, was) {
            (Ok(rules), Some(was)) if !confirmed && was.shrinks_to(rules) => {
                Some(was.rules().len())
            }
            _ => None,
        };
        Self { file, rules, findings, shrinks_from }
    }

    fn is_ok(&self) -> bool {
        self.rules.is_ok()
            && self.shrinks_from.is_none()
            && !self.findings.iter().any(Found::is_error)
    }

    fn print(&self, path: &Path, output: &Output) {
        let RuleFile { name, text } = &self.file;
        let lines = Lines::of(text);
        let (mut errors, mut rest) = (0, 0);
        let mut diagnostics: Vec<Json> = Vec::new();
        if let Err(found) = &self.rules {
            errors += found.diagnostics().len();
            for diagnostic in found.diagnostics() {
                output.drawn(&diagnostic.render(name, text));
                output.text("");
                diagnostics.push(lines.json(diagnostic));
            }
        }
        for found in &self.findings {
            match found.diagnostic.level {
                Level::Error => errors += 1,
                _ => rest += 1,
            }
            output.drawn(&found.draw(name, text));
            output.text("");
        }
        let count = self.rules.as_ref().map_or(0, |rules| rules.rules().len());
        if let Some(from) = self.shrinks_from {
            errors += 1;
            output.block(&format!(
                "error: `{name}` has {count} rules, the version in force {from}: most are gone\n  \
                 help: if they should be, give `--confirm-shrink`"
            ));
            output.text("");
        }
        let said = match (errors, rest) {
            (0, 0) => "nothing is wrong".to_owned(),
            (0, rest) => format!("no errors, {}", counted(rest, "remark")),
            (errors, 0) => counted(errors, "error"),
            (errors, rest) => {
                format!("{}, {}", counted(errors, "error"), counted(rest, "remark"))
            }
        };
        let size = self.rules.as_ref().map(|rules| {
            format!(
                " ({}, digest {:.12})",
                counted(rules.rules().len(), "rule"),
                rules.digest().to_string()
            )
        });
        output.block(&format!("{name}: {said}{}", size.unwrap_or_default()));
        output.value(&json!({
            "file": path,
            "ok": self.is_ok(),
            "digest": self.rules.as_ref().ok().map(RuleSet::digest),
            "diagnostics": diagnostics,
            "findings": self.findings.iter().map(|found| found.json(&lines)).collect::<Vec<_>>(),
            "shrinks": self.shrinks_from.map(|from| json!({ "from": from, "to": count })),
        }));
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
