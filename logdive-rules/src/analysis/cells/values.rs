//! Values of each type where terms may change their answer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use ipnet::IpNet;
use logdive_core::{Decimal, Predicate, Value, ValueSet, ValueType};

use super::text;
use crate::analysis::budget::Budget;

/// How well a value reads in a witness: least is best.
pub(super) type Rank = u8;

const CALM: Rank = 0;
const CONSTANT: Rank = 1;
const ROUND: Rank = 2;
const NEXT: Rank = 3;
const FAR: Rank = 4;

/// Values that stand for all of a type, in order, each with how well it reads; and why they may
/// not.
pub(super) fn candidates(
    kind: &ValueType,
    ranges: &[(i64, i64)],
    terms: &[&Predicate],
    budget: Budget,
    states: usize,
    left: &mut usize,
) -> (Vec<(Value, u8)>, Option<String>) {
    let (mut found, mut undecided) = if *kind == ValueType::Text {
        let limits = text::Limits { product: budget.product, steps: budget.steps };
        let text::Texts { texts, undecided } = text::texts(terms.iter().copied(), limits);
        // Short texts read best.
        let texts: BTreeSet<String> = texts.into_iter().collect();
        let ranked = texts.into_iter().map(|text| {
            let rank = u8::try_from(text.len()).unwrap_or(u8::MAX);
            (Value::Text(text), rank)
        });
        (ranked.collect(), undecided)
    } else {
        let mut constants = Vec::new();
        for term in terms {
            match term {
                Predicate::Compare { value, .. } => constants.push(value.clone()),
                Predicate::In { values, .. } => constants.extend_from_slice(values),
                _ => {}
            }
        }
        (around(kind, ranges, &constants), None)
    };
    let cost: usize = terms.iter().map(|term| cost(term)).sum();
    let room = *left / (states * cost.max(1));
    if found.len() > room {
        found.truncate(room.max(1));
        undecided = Some("its terms have too many constants".to_owned());
    }
    *left = left.saturating_sub(found.len() * states * cost);
    (found, undecided)
}

/// How many comparisons a term takes.
const fn cost(term: &Predicate) -> usize {
    match term {
        Predicate::In { values, .. } => values.len() + 1,
        _ => 1,
    }
}

/// The value of a quiet day, which witnesses and shrunk cases prefer.
pub(crate) fn calm(kind: &ValueType, range: Option<(i64, i64)>) -> Value {
    match kind {
        ValueType::Bool => Value::Bool(false),
        ValueType::Int => Value::Int(range.map_or(0, |(low, high)| 0.clamp(low, high))),
        ValueType::Severity => Value::Int(9),
        ValueType::Decimal => Value::Decimal(Decimal::from(0)),
        ValueType::Enum(members) => Value::Text(members.first().cloned().unwrap_or_default()),
        ValueType::Time => Value::Time(DateTime::UNIX_EPOCH),
        ValueType::Duration => Value::Duration(Duration::ZERO),
        ValueType::Ip => Value::Ip(IpAddr::from([127, 0, 0, 1])),
        ValueType::Cidr => Value::from(IpNet::from(IpAddr::from([127, 0, 0, 1]))),
        ValueType::Set(_) => Value::Set(ValueSet::default()),
        _ => Value::Text(String::new()),
    }
}

/// Values of a type, in order, such that terms with these constants answer of any value as they do
/// of one of them: each constant, its neighbours, the ends of the domain and the calm value. Some
/// may be outside of the range: of a lower bound that says something.
///
/// What is compared with networks changes its answer at their first and last address; of networks
/// also where one holds a constant, and nothing that is smaller and like it does.
fn around(kind: &ValueType, ranges: &[(i64, i64)], constants: &[Value]) -> Vec<(Value, Rank)> {
    let mut found = Found::default();
    found.add(calm(kind, ranges.last().copied()), CALM);
    match kind {
        ValueType::Bool => {
            found.add(Value::Bool(true), ROUND);
        }
        ValueType::Enum(members) => {
            members.iter().for_each(|member| found.add(Value::Text(member.clone()), ROUND));
        }
        ValueType::Severity => (0..=25).for_each(|number| found.add(Value::Int(number), ROUND)),
        ValueType::Ip => found.add(Value::Ip(LOOP_6), FAR),
        ValueType::Cidr => found.add(Value::from(IpNet::from(LOOP_6)), FAR),
        _ => {}
    }
    for end in ranges.iter().flat_map(|(low, high)| [low, high]) {
        found.add(Value::Int(*end), ROUND);
        neighbours(&Value::Int(*end), &mut found);
    }
    for constant in constants {
        match (kind, constant) {
            (ValueType::Ip, Value::Cidr(network)) => {
                for end in [network.network(), network.broadcast()] {
                    found.add(Value::Ip(end), ROUND);
                    neighbours(&Value::Ip(end), &mut found);
                }
            }
            (ValueType::Cidr, Value::Cidr(network)) => around_network(network, &mut found),
            _ => {
                found.add(constant.clone(), CONSTANT);
                neighbours(constant, &mut found);
            }
        }
    }
    found.0.into_values().collect()
}

const LOOP_6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

fn around_network(network: &IpNet, found: &mut Found) {
    found.add(Value::Cidr(*network), CONSTANT);
    network.supernet().into_iter().for_each(|wider| found.add(Value::from(wider), ROUND));
    let mut hosts = Found::default();
    for end in [network.network(), network.broadcast()] {
        hosts.add(Value::Ip(end), ROUND);
        neighbours(&Value::Ip(end), &mut hosts);
    }
    for (host, rank) in hosts.0.into_values() {
        if let Value::Ip(host) = host {
            found.add(Value::from(IpNet::from(host)), rank);
        }
    }
}

/// Values by their order, each with its best rank.
#[derive(Default)]
struct Found(BTreeMap<Key, (Value, Rank)>);

/// What values of one type are ordered by.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(i128),
    Text(String),
    Ip(IpAddr),
    Network(IpNet),
}

impl Found {
    fn add(&mut self, value: Value, rank: Rank) {
        let Some(key) = key(&value) else { return };
        let slot = self.0.entry(key).or_insert((value, rank));
        slot.1 = slot.1.min(rank);
    }
}

fn key(value: &Value) -> Option<Key> {
    Some(match value {
        Value::Bool(value) => Key::Number((*value).into()),
        Value::Int(value) => Key::Number((*value).into()),
        Value::Decimal(value) => Key::Number(value.billionths()),
        Value::Duration(length) => Key::Number(i128::try_from(length.as_nanos()).ok()?),
        Value::Time(time) => Key::Number(
            i128::from(time.timestamp()) * 1_000_000_000
                + i128::from(time.timestamp_subsec_nanos()),
        ),
        Value::Text(text) => Key::Text(text.clone()),
        Value::Ip(ip) => Key::Ip(*ip),
        Value::Cidr(network) => Key::Network(*network),
        _ => return None,
    })
}

/// How far two values of one type are apart; nothing for types without a distance.
pub(crate) fn distance(a: &Value, b: &Value) -> Option<u128> {
    match (key(a)?, key(b)?) {
        (Key::Number(a), Key::Number(b)) => Some(a.abs_diff(b)),
        _ => None,
    }
}

/// The next values below and above, and rounder ones that may lie in the same gap.
fn neighbours(value: &Value, found: &mut Found) {
    match value {
        Value::Int(number) => {
            let both = [number.checked_sub(1), number.checked_add(1)];
            both.into_iter().flatten().for_each(|number| found.add(Value::Int(number), ROUND));
        }
        Value::Decimal(number) => {
            for (step, rank) in [(1, NEXT), (1_000_000_000, ROUND)] {
                for step in [-step, step] {
                    let near = Decimal::from_billionths(number.billionths() + step);
                    near.into_iter().for_each(|near| found.add(Value::Decimal(near), rank));
                }
            }
        }
        Value::Duration(length) => {
            for (step, rank) in STEPS {
                let step = Duration::from_nanos(step);
                let both = [length.checked_sub(step), length.checked_add(step)];
                both.into_iter().flatten().for_each(|near| found.add(Value::Duration(near), rank));
            }
        }
        Value::Time(time) => {
            for (step, rank) in STEPS {
                let step = TimeDelta::nanoseconds(i64::try_from(step).unwrap_or(i64::MAX));
                let both = [time.checked_sub_signed(step), time.checked_add_signed(step)];
                both.into_iter().flatten().for_each(|near| found.add(Value::Time(near), rank));
            }
        }
        Value::Ip(IpAddr::V4(ip)) => {
            let ip = u32::from(*ip);
            let both = [ip.checked_sub(1), ip.checked_add(1)];
            let both = both.into_iter().flatten().map(|ip| IpAddr::V4(ip.into()));
            both.for_each(|ip| found.add(Value::Ip(ip), NEXT));
        }
        Value::Ip(IpAddr::V6(ip)) => {
            let ip = u128::from(*ip);
            let both = [ip.checked_sub(1), ip.checked_add(1)];
            let both = both.into_iter().flatten().map(|ip| IpAddr::V6(ip.into()));
            both.for_each(|ip| found.add(Value::Ip(ip), NEXT));
        }
        _ => {}
    }
}

/// In nanoseconds: the next value, a millisecond, a second, a minute.
const STEPS: [(u64, Rank); 4] =
    [(1, FAR), (1_000_000, NEXT), (1_000_000_000, ROUND), (60_000_000_000, NEXT)];
