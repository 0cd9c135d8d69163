//! What CEL itself says of a row: evaluated over the JSON, with no part of our language.
//!
//! An error (a missing attribute, operands of types that do not go together) is CEL's third
//! outcome. `&&`, `||` and the macros made of them absorb it where the other side decides.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use super::cel::Cel;

/// A value of CEL, or why there is none.
type Outcome = Result<Value, String>;

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Json(Json),
    Time(DateTime<Utc>),
}

/// What the variables stand for.
pub(super) type Scope = BTreeMap<String, Json>;

/// The truth of a condition over a row; `None` is an error.
pub(super) fn truth(cel: &Cel, scope: &Scope) -> Option<bool> {
    bool_of(evaluate(cel, scope)).ok()
}

fn evaluate(cel: &Cel, scope: &Scope) -> Outcome {
    match cel {
        Cel::Bool(value) => json(*value),
        Cel::Number(value) => json(*value),
        Cel::Text(value) => json(value.as_str()),
        Cel::Null => json(Json::Null),
        Cel::Name(name) => {
            scope.get(name).cloned().map(Value::Json).ok_or_else(|| format!("no `{name}`"))
        }
        Cel::Member(of, key) => match evaluate(of, scope)? {
            Value::Json(Json::Object(mut map)) => {
                map.remove(key).map(Value::Json).ok_or_else(|| format!("no such key: {key}"))
            }
            other => Err(format!("no members: {other:?}")),
        },
        Cel::List(members) => {
            let members: Result<Vec<Json>, String> =
                members.iter().map(|member| plain(evaluate(member, scope)?)).collect();
            json(members?)
        }
        Cel::Not(inner) => json(!bool_of(evaluate(inner, scope))?),
        Cel::Ternary(condition, then, other) => {
            let chosen = if bool_of(evaluate(condition, scope))? { then } else { other };
            evaluate(chosen, scope)
        }
        Cel::Binary("&&", left, right) => {
            absorb(false, [left, right].into_iter().map(|side| evaluate(side, scope)))
        }
        Cel::Binary("||", left, right) => {
            absorb(true, [left, right].into_iter().map(|side| evaluate(side, scope)))
        }
        Cel::Binary(symbol, left, right) => {
            let (left, right) = (evaluate(left, scope)?, evaluate(right, scope)?);
            binary(symbol, &left, &right)
        }
        Cel::Call(name, arguments) => call(name, arguments, scope),
        Cel::Method(of, name, arguments) => method(of, name, arguments, scope),
        Cel::Index(..) | Cel::Negative(_) => panic!("the oracle has no {cel:?}"),
    }
}

fn json(value: impl Into<Json>) -> Outcome {
    Ok(Value::Json(value.into()))
}

fn plain(value: Value) -> Result<Json, String> {
    match value {
        Value::Json(json) => Ok(json),
        Value::Time(_) => Err("a time in a list".to_owned()),
    }
}

fn bool_of(outcome: Outcome) -> Result<bool, String> {
    match outcome? {
        Value::Json(Json::Bool(value)) => Ok(value),
        other => Err(format!("no bool: {other:?}")),
    }
}

fn text_of(value: &Value) -> Result<&str, String> {
    match value {
        Value::Json(Json::String(text)) => Ok(text),
        other => Err(format!("no string: {other:?}")),
    }
}

fn list_of(value: Value) -> Result<Vec<Json>, String> {
    match value {
        Value::Json(Json::Array(members)) => Ok(members),
        other => Err(format!("no list: {other:?}")),
    }
}

/// `||` over all with `decides` true, `&&` with `decides` false: what decides wins over errors.
fn absorb(decides: bool, outcomes: impl Iterator<Item = Outcome>) -> Outcome {
    let mut error = None;
    for outcome in outcomes {
        match bool_of(outcome) {
            Ok(value) if value == decides => return json(decides),
            Ok(_) => {}
            Err(found) => error = Some(found),
        }
    }
    error.map_or_else(|| json(!decides), Err)
}

/// Values of different types are not equal; a list is equal member by member.
fn equal(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => left.as_f64() == right.as_f64(),
        (left, right) => left == right,
    }
}

fn binary(symbol: &str, left: &Value, right: &Value) -> Outcome {
    match (symbol, left, right) {
        ("==" | "!=", Value::Json(left), Value::Json(right)) => {
            json(equal(left, right) == (symbol == "=="))
        }
        ("==" | "!=", left, right) => json((left == right) == (symbol == "==")),
        ("in", Value::Json(member), Value::Json(Json::Array(members))) => {
            json(members.iter().any(|other| equal(member, other)))
        }
        ("<" | "<=" | ">" | ">=", left, right) => {
            let ordering = match (left, right) {
                (Value::Time(left), Value::Time(right)) => Some(left.cmp(right)),
                (Value::Json(Json::Number(left)), Value::Json(Json::Number(right))) => {
                    left.as_f64().partial_cmp(&right.as_f64())
                }
                (Value::Json(Json::String(left)), Value::Json(Json::String(right))) => {
                    Some(left.cmp(right))
                }
                _ => return Err(format!("no overload: {left:?} {symbol} {right:?}")),
            };
            json(ordering.is_some_and(|ordering| match symbol {
                "<" => ordering.is_lt(),
                "<=" => ordering.is_le(),
                ">" => ordering.is_gt(),
                _ => ordering.is_ge(),
            }))
        }
        ("+", left, right) => match (text_of(left), text_of(right)) {
            (Ok(left), Ok(right)) => json(format!("{left}{right}")),
            _ => panic!("the oracle has no arithmetic: {left:?} + {right:?}"),
        },
        _ => panic!("the oracle has no {left:?} {symbol} {right:?}"),
    }
}

fn call(name: &str, arguments: &[Cel], scope: &Scope) -> Outcome {
    match (name, arguments) {
        ("has", [Cel::Member(of, key)]) => match evaluate(of, scope)? {
            Value::Json(Json::Object(map)) => json(map.contains_key(key)),
            other => Err(format!("no members: {other:?}")),
        },
        ("size", [of]) => match evaluate(of, scope)? {
            Value::Json(Json::Array(members)) => json(members.len()),
            Value::Json(Json::String(text)) => json(text.chars().count()),
            other => Err(format!("no size: {other:?}")),
        },
        ("timestamp", [of]) => {
            let text = evaluate(of, scope)?;
            let time = DateTime::parse_from_rfc3339(text_of(&text)?);
            time.map(|time| Value::Time(time.to_utc())).map_err(|error| error.to_string())
        }
        ("hasIntersection", [left, right]) => {
            let left = list_of(evaluate(left, scope)?)?;
            let right = list_of(evaluate(right, scope)?)?;
            json(left.iter().any(|left| right.iter().any(|right| equal(left, right))))
        }
        _ => panic!("the oracle has no `{name}` of {arguments:?}"),
    }
}

fn method(of: &Cel, name: &str, arguments: &[Cel], scope: &Scope) -> Outcome {
    let of = evaluate(of, scope)?;
    if let [Cel::Name(variable), body] = arguments {
        let members = list_of(of)?;
        let mut each = members.into_iter().map(|member| {
            let mut scope = scope.clone();
            scope.insert(variable.clone(), member);
            evaluate(body, &scope)
        });
        return match name {
            "exists" => absorb(true, each),
            "all" => absorb(false, each),
            "map" => json(each.map(|each| plain(each?)).collect::<Result<Vec<Json>, String>>()?),
            "exists_one" => {
                let found: Result<Vec<bool>, String> = each.by_ref().map(bool_of).collect();
                json(found?.into_iter().filter(|found| *found).count() == 1)
            }
            _ => panic!("the oracle has no macro `{name}`"),
        };
    }
    let [argument] = arguments else { panic!("the oracle has no `{name}` of {arguments:?}") };
    let argument = evaluate(argument, scope)?;
    let (text, argument) = (text_of(&of)?, text_of(&argument)?);
    json(match name {
        "contains" => text.contains(argument),
        "startsWith" => text.starts_with(argument),
        "endsWith" => text.ends_with(argument),
        // The corpus has one expression, an anchor and a letter.
        "matches" => match argument.strip_prefix('^') {
            Some(start) if start.chars().all(char::is_alphanumeric) => text.starts_with(start),
            _ => panic!("the oracle has no expression `{argument}`"),
        },
        _ => panic!("the oracle has no method `{name}`"),
    })
}
