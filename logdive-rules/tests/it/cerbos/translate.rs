//! From CEL to our text form, or a refusal that names the construct.
//!
//! The translation keeps CEL's third outcome: an error of CEL is our unknown, row by row. So a
//! choice is `(c and a) or (not c and b) or (c and not c)`, the last of which is unknown with `c`
//! and else false: CEL errs if it cannot choose, even where both branches say the same.

use serde_json::Value as Json;

use super::cel::Cel;
use super::form::{Form, any, choice, close, known_set, not, text, witness};
use super::rows::attributes;
use Form::{And, Known, Open, Or, Term};

/// What our language cannot say.
pub(super) type Refusal = &'static str;

pub(super) const FIELDS: Refusal = "a field against a field";
pub(super) const ARITHMETIC: Refusal = "arithmetic, concatenation";
pub(super) const CAST: Refusal = "a cast";
pub(super) const HIERARCHY: Refusal = "a hierarchy";
pub(super) const CLOCK: Refusal = "the clock";
pub(super) const SIZE: Refusal = "a size";
pub(super) const INDEX: Refusal = "a place in a list";
pub(super) const ONE: Refusal = "exactly one element";
pub(super) const LIST: Refusal = "a list as a value";
pub(super) const TURNED: Refusal = "a constant that contains a field";
pub(super) const NULL: Refusal = "null of an attribute that is left out, or in a list";
pub(super) const MIXED: Refusal = "all elements of some element";
pub(super) const SAME: Refusal = "two tests of the same element";

/// The condition in our text form.
pub(super) fn translate(cel: &Cel, principal: &Json) -> Result<String, Refusal> {
    let translator = Translator { principal, variables: Vec::new() };
    Ok(text(&translator.condition(cel)?))
}

#[derive(Clone)]
struct Translator<'a> {
    principal: &'a Json,
    /// Variables of macros, and the lists that they run over.
    variables: Vec<(String, String)>,
}

/// What stands on one side of a comparison.
enum Operand {
    Constant(Json),
    /// A time as it is written.
    Time(String),
    /// A field of the row: its name, and whether a null in it is a value.
    Field(&'static str),
    /// An attribute of a list's elements.
    Element {
        list: String,
        set: &'static str,
    },
}

impl Translator<'_> {
    fn condition(&self, cel: &Cel) -> Result<Form, Refusal> {
        match cel {
            Cel::Bool(value) => Ok(Known(*value)),
            Cel::Not(inner) => Ok(not(self.condition(inner)?)),
            Cel::Binary("&&", left, right) => {
                Ok(And(vec![self.condition(left)?, self.condition(right)?]))
            }
            Cel::Binary("||", left, right) => {
                Ok(Or(vec![self.condition(left)?, self.condition(right)?]))
            }
            Cel::Ternary(condition, then, other) => Ok(choice(
                self.condition(condition)?,
                self.condition(then)?,
                self.condition(other)?,
            )),
            Cel::Binary("in", left, right) => self.member(left, right),
            Cel::Binary(symbol @ ("==" | "!=" | "<" | "<=" | ">" | ">="), left, right) => {
                self.compare(symbol, left, right)
            }
            Cel::Call(name, arguments) => match (name.as_str(), &arguments[..]) {
                ("has", [path]) => match self.operand(path)? {
                    Operand::Field(name) if !name.contains('.') => {
                        Ok(Term(format!("ticket.{name} is present")))
                    }
                    _ => Err("`has` of a path"),
                },
                ("hasIntersection", [left, right]) => match self.constant(left) {
                    Some(constants) => self.intersection(right, &constants),
                    None => self.intersection(left, &self.constant(right).ok_or(FIELDS)?),
                },
                _ => Err(self.unsaid(cel)),
            },
            Cel::Method(of, name, arguments) => self.method(cel, of, name, arguments),
            Cel::Member(..) => match self.operand(cel)? {
                Operand::Field(name) => Ok(Term(format!("ticket.{name}"))),
                _ => Err(LIST),
            },
            _ => Err(self.unsaid(cel)),
        }
    }

    /// Names what stands there.
    fn unsaid(&self, cel: &Cel) -> Refusal {
        match cel {
            Cel::Binary("+" | "-" | "*" | "/" | "%", ..) | Cel::Negative(_) => ARITHMETIC,
            Cel::Index(..) => INDEX,
            Cel::List(_) => LIST,
            Cel::Call(name, _) => match name.as_str() {
                "int" | "double" | "string" => CAST,
                "hierarchy" => HIERARCHY,
                "now" => CLOCK,
                "size" => SIZE,
                _ => "a function",
            },
            Cel::Method(of, name, _) => match name.as_str() {
                "exists_one" => ONE,
                "filter" | "map" => LIST,
                "ancestorOf" | "descendentOf" | "overlaps" => self.unsaid(of),
                _ => "a method",
            },
            Cel::Null => NULL,
            Cel::Member(of, _) => self.unsaid(of),
            _ => "a form that is not read here",
        }
    }

    fn operand(&self, cel: &Cel) -> Result<Operand, Refusal> {
        if let Some(constant) = self.constant(cel) {
            return Ok(Operand::Constant(constant));
        }
        if let Cel::Call(name, arguments) = cel
            && name == "timestamp"
            && let [inner] = &arguments[..]
        {
            return match self.operand(inner)? {
                Operand::Constant(Json::String(time)) => Ok(Operand::Time(time)),
                Operand::Field(name) => Ok(Operand::Field(name)),
                _ => Err("a time that is no field"),
            };
        }
        let Some(path) = cel.path() else { return Err(self.unsaid(cel)) };
        let named = |wanted: &str, is_set: bool| {
            let found = attributes()
                .into_iter()
                .find(|(name, kind)| *name == wanted && kind.starts_with("set of") == is_set);
            found.map(|(name, _)| name).ok_or("an attribute that rows do not have")
        };
        match path[..] {
            ["R", "id"] => Ok(Operand::Field("id")),
            ["R", "attr", ..] => {
                let (_, names) = path.split_at(2);
                Ok(Operand::Field(named(&names.join("."), false)?))
            }
            [variable, key] => {
                let (_, list) =
                    self.variables.iter().find(|(name, _)| *name == variable).ok_or(LIST)?;
                let set = named(&format!("{list}.{key}"), true)?;
                Ok(Operand::Element { list: list.clone(), set })
            }
            _ => Err(LIST),
        }
    }

    /// What does not depend on the row.
    fn constant(&self, cel: &Cel) -> Option<Json> {
        match cel {
            Cel::Bool(value) => Some((*value).into()),
            Cel::Number(value) => Some((*value).into()),
            Cel::Text(value) => Some(value.as_str().into()),
            Cel::Null => Some(Json::Null),
            Cel::List(members) => members.iter().map(|member| self.constant(member)).collect(),
            Cel::Binary("+", left, right) => match (self.constant(left)?, self.constant(right)?) {
                (Json::String(left), Json::String(right)) => Some((left + &right).into()),
                _ => None,
            },
            Cel::Member(..) => match cel.path()?[..] {
                ["P", "attr", key] => self.principal.get("attr")?.get(key).cloned(),
                _ => None,
            },
            _ => None,
        }
    }

    fn compare(&self, symbol: &str, left: &Cel, right: &Cel) -> Result<Form, Refusal> {
        // A choice between values is a choice between comparisons.
        if let Cel::Ternary(condition, then, other) = left {
            let condition = self.condition(condition)?;
            let then = self.compare(symbol, then, right)?;
            return Ok(choice(condition, then, self.compare(symbol, other, right)?));
        }
        if let Cel::Ternary(..) = right {
            return self.compare(mirrored(symbol), right, left);
        }
        for (symbol, sized, bound) in [(symbol, left, right), (mirrored(symbol), right, left)] {
            if let (Cel::Call(name, arguments), Some(bound)) = (sized, self.constant(bound))
                && name == "size"
            {
                return self.size(symbol, arguments, &bound);
            }
        }
        match (self.operand(left)?, self.operand(right)?) {
            (Operand::Constant(left), Operand::Constant(right)) => {
                folded(symbol, &left, &right).map(Known)
            }
            (Operand::Constant(_) | Operand::Time(_), _) => {
                self.compare(mirrored(symbol), right, left)
            }
            (field, Operand::Constant(Json::Null)) => match field {
                Operand::Field(name) if is_null_a_value(name) => Ok(Term(match symbol {
                    "==" => format!("ticket.{name} is absent"),
                    _ => format!("ticket.{name} is present"),
                })),
                _ => Err(NULL),
            },
            (field, Operand::Constant(value)) => {
                Ok(tested(field, symbol, format!("{symbol} {}", literal(&value)?)))
            }
            (field, Operand::Time(time)) => Ok(tested(field, symbol, format!("{symbol} {time}"))),
            _ => Err(FIELDS),
        }
    }

    /// Whether a list is empty is all that our language says of its size.
    fn size(&self, symbol: &str, of: &[Cel], bound: &Json) -> Result<Form, Refusal> {
        let (Some(path), Some(bound)) = (of.first().and_then(Cel::path), bound.as_f64()) else {
            return Err(SIZE);
        };
        let list = self.list(&path).ok_or(SIZE)?;
        let set = witness(&list).ok_or(SIZE)?;
        let holds = |size: f64| match symbol {
            "==" => size == bound,
            "!=" => size != bound,
            "<" => size < bound,
            "<=" => size <= bound,
            ">" => size > bound,
            _ => size >= bound,
        };
        if [2.0, 3.0, 1e18].iter().any(|size| holds(*size) != holds(1.0))
            || list.matches('.').count() > 1
        {
            return Err(SIZE);
        }
        let empty = Term(format!("ticket.{set} is empty"));
        Ok(match (holds(0.0), holds(1.0)) {
            (true, false) => empty,
            (false, true) => not(empty),
            (true, true) => Or(vec![empty.clone(), not(empty)]),
            (false, false) => And(vec![empty.clone(), not(empty)]),
        })
    }

    /// The list that a path leads to, by its name in the row.
    fn list(&self, path: &[&str]) -> Option<String> {
        match path {
            ["R", "attr", names @ ..] => Some(names.join(".")),
            [variable, names @ ..] => {
                let (_, list) = self.variables.iter().find(|(name, _)| name == variable)?;
                Some(format!("{list}.{}", names.join(".")))
            }
            [] => None,
        }
    }

    fn member(&self, left: &Cel, right: &Cel) -> Result<Form, Refusal> {
        let Some(constant) = self.constant(right) else {
            // A constant in a list of the row.
            let set =
                right.path().and_then(|path| self.list(&path)).ok_or_else(|| self.unsaid(right))?;
            return match self.operand(left)? {
                Operand::Constant(value) if known_set(&set) => {
                    Ok(any(&set, &format!("== {}", literal(&value)?)))
                }
                Operand::Constant(_) => Err(LIST),
                _ => Err(FIELDS),
            };
        };
        let values = constant.as_array().ok_or(LIST)?;
        let has_null = values.iter().any(Json::is_null);
        let values: Result<Vec<String>, Refusal> =
            values.iter().filter(|value| !value.is_null()).map(literal).collect();
        let test = format!("in {{{}}}", values?.join(", "));
        Ok(match self.operand(left)? {
            Operand::Field(name) if is_null_a_value(name) && has_null => Or(vec![
                Term(format!("ticket.{name} is absent")),
                Term(format!("ticket.{name} {test}")),
            ]),
            Operand::Constant(_) | Operand::Time(_) => return Err(LIST),
            field => tested(field, "==", test),
        })
    }

    fn intersection(&self, list: &Cel, constants: &Json) -> Result<Form, Refusal> {
        let values: Result<Vec<String>, Refusal> =
            constants.as_array().ok_or(LIST)?.iter().map(literal).collect();
        let test = format!("in {{{}}}", values?.join(", "));
        let set = match list {
            // CEL errs if one element lacks the attribute: here nothing absorbs it.
            Cel::Method(of, name, arguments) if name == "map" => {
                let (Some(path), [Cel::Name(variable), Cel::Member(element, key)]) =
                    (of.path(), &arguments[..])
                else {
                    return Err(LIST);
                };
                if **element != Cel::Name(variable.clone()) {
                    return Err(LIST);
                }
                format!("{}.{key}", self.list(&path).ok_or(LIST)?)
            }
            list => {
                list.path().and_then(|path| self.list(&path)).ok_or_else(|| self.unsaid(list))?
            }
        };
        match known_set(&set) {
            true => Ok(Term(format!("any ticket.whole.{set} {test}"))),
            false => Err(LIST),
        }
    }

    fn method(&self, cel: &Cel, of: &Cel, name: &str, arguments: &[Cel]) -> Result<Form, Refusal> {
        if let ("exists" | "all", [Cel::Name(variable), body]) = (name, arguments) {
            let all = name == "all";
            if let Some(list) = self.constant(of) {
                // A list that is known: its elements one by one.
                let members = list
                    .as_array()
                    .ok_or(LIST)?
                    .iter()
                    .map(|member| self.condition(&substituted(body, variable, member)));
                let members = members.collect::<Result<Vec<Form>, Refusal>>()?;
                return Ok(if all { And(members) } else { Or(members) });
            }
            let list =
                of.path().and_then(|path| self.list(&path)).ok_or_else(|| self.unsaid(of))?;
            let outer = match of.path().as_deref() {
                Some(["R", ..]) => None,
                _ => list.rsplit_once('.').map(|(outer, _)| outer.to_owned()),
            };
            let mut inner = self.clone();
            inner.variables.push((variable.clone(), list.clone()));
            let body = inner.condition(body)?;
            return close(&body, all, &list, outer.as_deref());
        }
        let word = match name {
            "contains" => "contains",
            "startsWith" => "starts_with",
            "endsWith" => "ends_with",
            "matches" => "matches",
            _ => return Err(self.unsaid(cel)),
        };
        let [argument] = arguments else { return Err(self.unsaid(cel)) };
        match (self.operand(of)?, self.operand(argument)?) {
            (Operand::Constant(_), Operand::Constant(_)) => Err("a constant against a constant"),
            (Operand::Constant(_), _) => Err(TURNED),
            (field, Operand::Constant(value)) => {
                Ok(match tested(field, word, format!("{word} {}", literal(&value)?)) {
                    form @ (Term(_) | Open { .. }) => form,
                    form => panic!("{form:?}"),
                })
            }
            _ => Err(FIELDS),
        }
    }
}

/// A null is a value in these, and equal to null only.
fn is_null_a_value(field: &str) -> bool {
    ["owner", "coOwner"].contains(&field)
}

fn mirrored(symbol: &str) -> &str {
    match symbol {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        same => same,
    }
}

fn folded(symbol: &str, left: &Json, right: &Json) -> Result<bool, Refusal> {
    let ordering = match (left, right) {
        (Json::Number(left), Json::Number(right)) => left.as_f64().partial_cmp(&right.as_f64()),
        (Json::String(left), Json::String(right)) => Some(left.cmp(right)),
        _ => None,
    };
    let ordering = ordering.ok_or("constants of two types")?;
    Ok(match symbol {
        "==" => ordering.is_eq(),
        "!=" => ordering.is_ne(),
        "<" => ordering.is_lt(),
        "<=" => ordering.is_le(),
        ">" => ordering.is_gt(),
        _ => ordering.is_ge(),
    })
}

fn literal(value: &Json) -> Result<String, Refusal> {
    match value {
        Json::Bool(value) => Ok(value.to_string()),
        Json::Number(number) => Ok(number.as_f64().unwrap().to_string()),
        Json::String(text) => {
            Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
        }
        Json::Null => Err(NULL),
        Json::Array(_) | Json::Object(_) => Err(LIST),
    }
}

/// A test of a field or of a list's elements. Of a field whose null is a value, equality is
/// definite where it is null.
fn tested(field: Operand, symbol: &str, test: String) -> Form {
    match field {
        Operand::Field(name) => {
            let term = Term(format!("ticket.{name} {test}"));
            match symbol {
                "==" if is_null_a_value(name) => {
                    And(vec![Term(format!("ticket.{name} is present")), term])
                }
                "!=" if is_null_a_value(name) => {
                    Or(vec![Term(format!("ticket.{name} is absent")), term])
                }
                _ => term,
            }
        }
        Operand::Element { list, set } => Open { list, set: set.to_owned(), test, closed: None },
        Operand::Constant(_) | Operand::Time(_) => panic!("constants are folded"),
    }
}

/// The body of a macro with its variable put in.
fn substituted(body: &Cel, variable: &str, value: &Json) -> Cel {
    let again = |cel: &Cel| Box::new(substituted(cel, variable, value));
    let each = |cels: &[Cel]| cels.iter().map(|cel| *again(cel)).collect();
    match body {
        Cel::Name(name) if name == variable => match value {
            Json::String(text) => Cel::Text(text.clone()),
            Json::Number(number) => Cel::Number(number.as_f64().unwrap()),
            Json::Bool(value) => Cel::Bool(*value),
            _ => Cel::Null,
        },
        Cel::Member(of, key) => Cel::Member(again(of), key.clone()),
        Cel::Index(of, at) => Cel::Index(again(of), again(at)),
        Cel::Call(name, arguments) => Cel::Call(name.clone(), each(arguments)),
        Cel::Method(of, name, arguments) => Cel::Method(again(of), name.clone(), each(arguments)),
        Cel::List(members) => Cel::List(each(members)),
        Cel::Not(inner) => Cel::Not(again(inner)),
        Cel::Negative(inner) => Cel::Negative(again(inner)),
        Cel::Binary(symbol, left, right) => Cel::Binary(symbol, again(left), again(right)),
        Cel::Ternary(condition, then, other) => {
            Cel::Ternary(again(condition), again(then), again(other))
        }
        other => other.clone(),
    }
}
