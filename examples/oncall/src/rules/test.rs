//! `logdive rules test`

use std::process::ExitCode;

use serde_json::json;

use super::file::RuleFile;
use super::suite;
use crate::args::RulesTest;
use crate::error::Failure;
use crate::output::Output;

pub(super) fn run(args: &RulesTest, output: &Output) -> Result<ExitCode, Failure> {
    let rules = RuleFile::read(&args.rules)?.rules()?;
    let file = suite::read(&args.suite)?;
    let report = file.suite.run(&rules);
    let mut failed = 0;
    for (test, line) in report.tests.iter().zip(&file.lines) {
        let Some(failure) = &test.failure else { continue };
        failed += 1;
        let place = line.map(|line| format!(":{line}")).unwrap_or_default();
        output.block(&format!("failed: {}\n  {}{place}\n  {failure}\n", test.name, file.name));
    }
    if let Some(weakness) = &report.weakness {
        output.block(&format!("the suite proves nothing: {weakness}"));
    }
    for rule in &report.never_decided {
        output.block(&format!("never tested: rule \"{rule}\" decides in no test"));
    }
    for rule in &report.never_silent {
        output.block(&format!("never silent: rule \"{rule}\" applies in every test"));
    }
    let passed = report.tests.len() - failed;
    output.text(format!("{passed} of {} tests passed", report.tests.len()));
    output.value(&json!({
        "rules": args.rules,
        "suite": args.suite,
        "passed": report.passed(),
        "digest": rules.digest(),
        "tests": report.tests.iter().zip(&file.lines).map(|(test, line)| json!({
            "name": test.name, "line": line, "passed": test.failure.is_none(),
            "failure": test.failure,
        })).collect::<Vec<_>>(),
        "never_decided": report.never_decided,
        "never_silent": report.never_silent,
        "weakness": report.weakness,
    }));
    Ok(super::answer(report.passed()))
}
