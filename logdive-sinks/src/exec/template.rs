//! Argument vectors with placeholders.

use std::collections::{BTreeMap, BTreeSet};

use logdive_core::{Action, ActionKey, Value};

/// The placeholder for an action's key.
pub(super) const ACTION_KEY: &str = "action_key";
/// Programs for which an argument after `-c` or `-e` is code.
const INTERPRETERS: &[&str] = &[
    "sh",
    "bash",
    "dash",
    "zsh",
    "ksh",
    "fish",
    "python",
    "python3",
    "perl",
    "ruby",
    "node",
    "pwsh",
    "powershell",
    "cmd",
];

/// What placeholders stand for.
pub(super) struct Arguments<'a> {
    key: &'a ActionKey,
    values: Option<&'a BTreeMap<String, Value>>,
}

impl<'a> Arguments<'a> {
    pub(super) const fn of(action: &'a Action) -> Self {
        Self { key: &action.key, values: Some(&action.arguments) }
    }

    pub(super) const fn of_key(key: &'a ActionKey) -> Self {
        Self { key, values: None }
    }

    fn value(&self, name: &str) -> Result<String, String> {
        if name == ACTION_KEY {
            return Ok(self.key.to_string());
        }
        let value = self
            .values
            .and_then(|values| values.get(name))
            .map(Value::plain)
            .ok_or_else(|| format!("argument `{name}` is missing"))?;
        if value.is_empty() {
            // To many programs an empty argument means all.
            return Err(format!("argument `{name}` is empty"));
        }
        if value.contains('\0') {
            return Err(format!("argument `{name}` holds a NUL, which no argument can"));
        }
        Ok(value)
    }
}

#[derive(Debug)]
enum Part {
    Literal(String),
    Placeholder(String),
}

#[derive(Debug)]
struct Template {
    parts: Vec<Part>,
    /// Whether a value that begins with `-` would be an option.
    is_exposed: bool,
}

/// An argument vector that was checked: its program is fixed, and it knows its placeholders.
#[derive(Debug)]
pub(super) struct Vector(Vec<Template>);

impl Vector {
    pub(super) fn parse(argv: &[String], known: &BTreeSet<&str>) -> Result<Self, String> {
        let Some(program) = argv.first().filter(|program| !program.is_empty()) else {
            return Err("is empty; name a program".to_owned());
        };
        let name = program.rsplit('/').next().unwrap_or_default();
        let takes_code = INTERPRETERS.contains(&name);
        let mut templates: Vec<Template> = Vec::new();
        let mut is_behind_dashes = false;
        let mut is_code = false;
        for (index, argument) in argv.iter().enumerate() {
            let parts = parts(argument, known)?;
            let has_value = parts.iter().any(|part| matches!(part, Part::Placeholder(_)));
            if has_value && index == 0 {
                return Err(format!("the program `{argument}` must not be an argument's value"));
            }
            if has_value && is_code {
                return Err(format!(
                    "`{argument}` is code to `{program}`, and a value in it would be run; pass it \
                     behind, as in `sh -c 'echo \"$1\"' sh {{key}}`"
                ));
            }
            let is_exposed = match parts.first() {
                Some(Part::Placeholder(_)) => !is_behind_dashes,
                Some(Part::Literal(text)) if has_value && !is_behind_dashes => {
                    if text.starts_with('-') && !text.contains('=') {
                        return Err(format!(
                            "a value in `{argument}` would be a part of an option's name; write \
                             `--option={{parameter}}`"
                        ));
                    }
                    false
                }
                _ => false,
            };
            is_code = takes_code && is_code_option(argument);
            is_behind_dashes |= argument == "--" && index > 0;
            templates.push(Template { parts, is_exposed });
        }
        Ok(Self(templates))
    }

    /// Whether a placeholder is in it.
    pub(super) fn uses(&self, name: &str) -> bool {
        self.0
            .iter()
            .flat_map(|template| &template.parts)
            .any(|part| matches!(part, Part::Placeholder(placeholder) if placeholder == name))
    }

    /// The vector with values in the places of its placeholders.
    pub(super) fn fill(&self, arguments: &Arguments<'_>) -> Result<Vec<String>, String> {
        self.0
            .iter()
            .map(|template| {
                let mut filled = String::new();
                for part in &template.parts {
                    match part {
                        Part::Literal(text) => filled.push_str(text),
                        Part::Placeholder(name) => filled.push_str(&arguments.value(name)?),
                    }
                }
                if template.is_exposed && filled.starts_with('-') {
                    return Err(format!(
                        "argument `{}` would be read as an option",
                        crate::visible(&filled)
                    ));
                }
                Ok(filled)
            })
            .collect()
    }
}

/// `-c`, also among other short options (`-lc`), and the words of other interpreters for it.
fn is_code_option(argument: &str) -> bool {
    let lower = argument.to_ascii_lowercase();
    let is_short = lower.starts_with('-') && !lower.starts_with("--");
    matches!(lower.as_str(), "/c" | "-command" | "--eval" | "--print")
        || is_short && lower.ends_with(['c', 'e'])
}

fn parts(argument: &str, known: &BTreeSet<&str>) -> Result<Vec<Part>, String> {
    if argument.contains('\0') {
        return Err("holds a NUL, which no argument can".to_owned());
    }
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut chars = argument.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '}' if chars.peek() == Some(&c) => {
                chars.next();
                literal.push(c);
            }
            '}' => return Err(format!("`{argument}` has a lone `}}`; write `}}}}` for a brace")),
            '{' => {
                let mut name = String::new();
                loop {
                    match chars.next() {
                        Some('}') => break,
                        Some(c) if c != '{' => name.push(c),
                        _ => {
                            return Err(format!(
                                "`{argument}` has a `{{` without `}}`; write `{{{{` for a brace"
                            ));
                        }
                    }
                }
                if !known.contains(name.as_str()) {
                    let all: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                    return Err(format!(
                        "`{{{name}}}` in `{argument}` is no placeholder; there is {}",
                        all.join(", ")
                    ));
                }
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parts.push(Part::Placeholder(name));
            }
            c => literal.push(c),
        }
    }
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Ok(parts)
}

/// Quotes a vector so that a shell reads the very same arguments.
pub(super) fn quoted(argv: &[String]) -> String {
    let quoted: Vec<String> = argv.iter().map(|argument| quote(argument)).collect();
    quoted.join(" ")
}

fn quote(argument: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+:,./-".contains(c);
    // `=` is plain too, but not in the first word, where it would set a variable.
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return argument.to_owned();
    }
    let is_option = argument.starts_with("--") && argument.chars().all(|c| is_plain(c) || c == '=');
    if is_option {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', "'\\''"))
}
