//! What of a predicate CloudWatch can be asked for without missing a line.
//!
//! The terms of a filter pattern match words, so `time` would miss `timeout`. A regular expression
//! matches any part; but of the characters few are allowed in one (Amazon CloudWatch Logs, *Filter
//! pattern syntax*), so the longest run of those is asked for.

use logdive_core::Predicate;

use crate::layers::http::needles::{best, needles, run};

/// A shorter text leaves out too little.
const SHORTEST: usize = 3;
/// A filter pattern has 1,024 characters at the most.
const LONGEST: usize = 1_000;

/// A regular expression that every line meets that meets the predicate.
#[derive(Debug)]
pub(super) struct Needed {
    pub(super) texts: Vec<String>,
    pub(super) regex: String,
}

pub(super) fn needed(predicate: &Predicate) -> Option<Needed> {
    let clauses = needles(predicate).into_iter().filter_map(|texts| {
        let runs: Option<Vec<&str>> = texts.iter().map(|text| run(text, is_plain)).collect();
        runs.filter(|runs| runs.iter().all(|run| run.len() >= SHORTEST))
    });
    let texts = best(clauses.collect())?;
    let mut parts: Vec<String> = texts.iter().map(|text| text.replace('.', r"\.")).collect();
    parts.push(r"\\u".to_owned());
    let regex = parts.join("|");
    let texts = texts.into_iter().map(str::to_owned).collect();
    (regex.len() <= LONGEST).then_some(Needed { texts, regex })
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_#=@;,-.".contains(c)
}

#[cfg(test)]
mod tests {
    use logdive_core::{Layer, Predicate};

    use super::needed;

    fn check(text: &str, expected: Option<&str>) {
        let predicate = Predicate::parse(text, &Layer::new("x").unwrap()).unwrap();
        assert_eq!(needed(&predicate).map(|needed| needed.regex).as_deref(), expected, "{text}");
    }

    #[test]
    fn only_what_is_sound_is_asked() {
        check(r#"body contains "timeout""#, Some(r"timeout|\\u"));
        check(r#"body contains "read timed out (5.5s)""#, Some(r"timed|\\u"));
        check(r#"body contains "10.0.0.1""#, Some(r"10\.0\.0\.1|\\u"));
        check(r#"body in {"disk full", "disk slow"}"#, Some(r"full|slow|\\u"));
        check(r#"body contains "a-b-c" and body contains "x""#, Some(r"a-b-c|\\u"));
        for none in ["true", r#"not (body contains "timeout")"#, r#"body contains "ab c""#] {
            check(none, None);
        }
    }
}
