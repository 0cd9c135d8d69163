//! Names of facts, fields, decisions and parameters.

use logdive_core::FieldName;

/// Words that begin or join parts of a file, hence cannot be facts.
const RESERVED: [&str; 18] = [
    "cover",
    "never",
    "schema",
    "decisions",
    "default",
    "rule",
    "evidence",
    "fact",
    "decide",
    "because",
    "do",
    "no",
    "within",
    "mode",
    "over",
    "optional",
    "ticket",
    "rows",
];

/// Checks that a name is one word that means nothing else.
pub(super) fn plain(name: &str) -> Result<(), &'static str> {
    if name.contains('.') {
        return Err("a name is one word, without dots");
    }
    if RESERVED.contains(&name) {
        return Err("it is a word of the language: choose another");
    }
    dotted(name)
}

/// Checks that a name is words joined by dots that can be written in a condition.
pub(super) fn dotted(name: &str) -> Result<(), &'static str> {
    match FieldName::parse(name) {
        Ok(_) => Ok(()),
        Err(_) if name.len() > 128 => Err("a name is 128 bytes at most"),
        Err(_) => Err("it is a word of the language: choose another"),
    }
}
