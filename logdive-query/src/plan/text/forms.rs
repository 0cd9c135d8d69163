//! The form of each part of a plan: which keys it has, read and written.

use std::collections::{BTreeMap, BTreeSet};

use logdive_core::{Diagnostic, format_duration};

use super::node::{Node, Value};
use super::read::{Reader, Table};
use super::write::{Form, Written};
use super::{VERSION, codes, windows};
use crate::plan::error::short;
use crate::plan::step::{Check, Compare, Context, Follow, Measures, Select, Templates};
use crate::plan::{DivePlan, Kind, Order, Padding, Scope, Shown, Step, limits};

const PLAN: [&str; 6] = ["version", "window", "times", "ids", "pad", "step"];
const KINDS: [&str; 7] =
    ["select", "follow", "context", "templates", "compare", "measure", "check"];

pub(super) fn read(reader: &mut Reader, node: &Node) -> Option<DivePlan> {
    let table = reader.table(node, "the plan", &PLAN)?;
    version(reader, &table)?;
    let around = match table.get("window") {
        Some(window) => windows::around(reader, window),
        None => reader.missing(
            &table,
            "window",
            "write `window = { anchor = \"started\", before = \"15m\", after = \"5m\" }`",
        ),
    };
    let times = table.get("times").and_then(|node| windows::times(reader, node));
    let ids = table.get("ids").map_or_else(BTreeMap::new, |node| ids(reader, node));
    let padding = table.get("pad").map_or_else(BTreeMap::new, |node| padding(reader, node));
    let steps = steps(reader, &table);
    Some(DivePlan { around: around?, times, ids, padding, steps })
}

fn version(reader: &mut Reader, table: &Table<'_>) -> Option<()> {
    let Some(node) = table.get("version") else {
        return reader.missing(table, "version", "write `version = 1`");
    };
    let version = reader.number(table, "version")?;
    if version != VERSION {
        let message = format!("the plan has version {version}, known is {VERSION}");
        let help = "use the logdive that it was written for";
        reader.report(Diagnostic::new(codes::VERSION, node.span, message).help(help));
        return None;
    }
    Some(())
}

fn ids(reader: &mut Reader, node: &Node) -> BTreeMap<String, BTreeSet<String>> {
    let what = "`ids` of the plan";
    let entries = reader.map(node, what);
    let table = Table { what, span: node.span, entries };
    let mut ids = BTreeMap::new();
    for (key, _) in entries {
        let values = reader.texts(&table, &key.name).unwrap_or_default();
        ids.insert(key.name.clone(), values.into_iter().collect());
    }
    ids
}

fn padding(reader: &mut Reader, node: &Node) -> BTreeMap<String, Padding> {
    let mut padding = BTreeMap::new();
    for (key, node) in reader.map(node, "`pad` of the plan") {
        let what = format!("`pad` of layer `{}`", short(&key.name));
        let Some(table) = reader.table(node, &what, &["before", "after"]) else { continue };
        let before = reader.duration(&table, "before").unwrap_or_default();
        let after = reader.duration(&table, "after").unwrap_or_default();
        padding.insert(key.name.clone(), Padding { before, after });
    }
    padding
}

fn steps(reader: &mut Reader, table: &Table<'_>) -> Vec<Step> {
    let node = table.get("step");
    let members: &[Node] = match node.map(|node| (node, &node.value)) {
        None => &[],
        Some((_, Value::List(members))) => members,
        Some((node, _)) => {
            reader.not::<()>(node, "`step`", "a list of steps, each under `[[step]]`");
            &[]
        }
    };
    if members.len() > limits::STEPS
        && let Some(node) = node
    {
        let (count, most) = (members.len(), limits::STEPS);
        let message = format!("the plan has {count} steps, at most {most}");
        let help = "make several plans of it (`limits::STEPS`)";
        let diagnostic = Diagnostic::new(codes::TOO_LARGE, node.span, message);
        reader.report(diagnostic.help(help));
        return Vec::new();
    }
    members.iter().filter_map(|member| step(reader, member)).collect()
}

fn step(reader: &mut Reader, node: &Node) -> Option<Step> {
    let name = match &node.value {
        Value::Table(entries) => entries.iter().find_map(|(key, node)| match &node.value {
            Value::Text(text) if key.name == "name" => Some(short(text)),
            _ => None,
        }),
        _ => None,
    };
    let what = name.map_or_else(|| "a step".to_owned(), |name| format!("step `{name}`"));
    let mut keys = vec!["name"];
    keys.extend(KINDS);
    let table = reader.table(node, &what, &keys)?;
    let name = reader.needed(&table, "name", "name it: `name = \"errors\"`");
    let mut kinds = table.entries.iter().filter(|(key, _)| KINDS.contains(&key.name.as_str()));
    let Some((key, node)) = kinds.next() else {
        // A kind that is misspelt was reported as an unknown key.
        if table.entries.iter().all(|(key, _)| key.name == "name") {
            let help = format!("give it one of: {}", KINDS.join(", "));
            return reader.missing(&table, "select", &help);
        }
        return None;
    };
    if let Some((other, _)) = kinds.next() {
        let message = format!("{what} is a `{}` and a `{}`", key.name, other.name);
        let diagnostic = Diagnostic::new(codes::KEY, other.span, message);
        reader.report(diagnostic.help("make a step of its own of each"));
        return None;
    }
    let what = format!("`{}` of {what}", key.name);
    let kind = match key.name.as_str() {
        "select" => Kind::Select(select(reader, node, &what)?),
        "follow" => Kind::Follow(follow(reader, node, &what)?),
        "context" => Kind::Context(context(reader, node, &what)?),
        "templates" => Kind::Templates(templates(reader, node, &what)?),
        "compare" => Kind::Compare(compare(reader, node, &what)?),
        "measure" => Kind::Measure(measure(reader, node, &what)?),
        _ => Kind::Check(check(reader, node, &what)?),
    };
    Some(Step { name: name?, kind })
}

fn select(reader: &mut Reader, node: &Node, what: &str) -> Option<Select> {
    const KEYS: [&str; 6] = ["layers", "where", "ids", "window", "newest", "oldest"];
    let table = reader.table(node, what, &KEYS)?;
    let default = Select::all();
    Some(Select {
        scope: scope(reader, &table),
        filter: condition(reader, &table).unwrap_or(default.filter),
        ids: reader.texts(&table, "ids").unwrap_or_default(),
        window: windows::spec(reader, &table),
        show: shown(reader, &table).unwrap_or(default.show),
    })
}

fn check(reader: &mut Reader, node: &Node, what: &str) -> Option<Check> {
    let table = reader.table(node, what, &["layers", "where", "window", "newest", "oldest"])?;
    let default = Check::all();
    Some(Check {
        scope: scope(reader, &table),
        filter: condition(reader, &table).unwrap_or(default.filter),
        window: windows::spec(reader, &table),
        show: shown(reader, &table).unwrap_or(default.show),
    })
}

fn follow(reader: &mut Reader, node: &Node, what: &str) -> Option<Follow> {
    const KEYS: [&str; 9] =
        ["from", "ids", "layers", "window", "hops", "max_ids", "max_rows", "newest", "oldest"];
    let table = reader.table(node, what, &KEYS)?;
    let from = reader.needed(&table, "from", "name the step whose ids are followed");
    if table.get("ids").is_none() {
        reader.missing::<()>(&table, "ids", "name the kinds of ids: `ids = [\"request\"]`");
    }
    let default = Follow::from(from?);
    Some(Follow {
        ids: reader.texts(&table, "ids").unwrap_or_default(),
        scope: scope(reader, &table),
        window: windows::spec(reader, &table),
        hops: reader.number(&table, "hops").unwrap_or(default.hops),
        max_ids: reader.number(&table, "max_ids").unwrap_or(default.max_ids),
        max_rows: reader.number(&table, "max_rows").unwrap_or(default.max_rows),
        show: shown(reader, &table).unwrap_or(default.show),
        from: default.from,
    })
}

const OF: &str = "name the step whose lines are read";

fn context(reader: &mut Reader, node: &Node, what: &str) -> Option<Context> {
    let table = reader.table(node, what, &["of", "before", "after", "within"])?;
    let default = Context::of(reader.needed(&table, "of", OF)?);
    Some(Context {
        before: reader.number(&table, "before").unwrap_or(default.before),
        after: reader.number(&table, "after").unwrap_or(default.after),
        within: reader.duration(&table, "within").unwrap_or(default.within),
        of: default.of,
    })
}

fn templates(reader: &mut Reader, node: &Node, what: &str) -> Option<Templates> {
    let table = reader.table(node, what, &["of", "most"])?;
    let default = Templates::of(reader.needed(&table, "of", OF)?);
    let most = reader.number(&table, "most").unwrap_or(default.most);
    Some(default.most(most))
}

fn compare(reader: &mut Reader, node: &Node, what: &str) -> Option<Compare> {
    let table = reader.table(node, what, &["of", "against", "fields"])?;
    let of = reader.needed(&table, "of", OF);
    let what = format!("`against` of {what}");
    let mut baselines = Vec::new();
    match table.get("against").map(|node| (node, &node.value)) {
        None => {}
        Some((node, Value::List(members))) if members.is_empty() => {
            let message = format!("{what} is empty");
            let help = "leave it out for a day ago, a week ago and the 6 hours before";
            reader.report(Diagnostic::new(codes::VALUE, node.span, message).help(help));
        }
        Some((_, Value::List(members))) => {
            for member in members {
                if !reader.is_full() {
                    baselines.extend(windows::baseline(reader, member, &what));
                }
            }
        }
        Some((node, _)) => {
            reader.not::<()>(node, &what, "a list of baselines");
        }
    }
    let fields = reader.texts(&table, "fields").unwrap_or_default();
    Some(Compare { of: of?, baselines, fields })
}

fn measure(reader: &mut Reader, node: &Node, what: &str) -> Option<Measures> {
    let table = reader.table(node, what, &["of", "facts"])?;
    let of = reader.needed(&table, "of", OF);
    let help = "write `facts = { throttled = 'count(where error_code == \"Throttling\")' }`";
    let Some(node) = table.get("facts") else { return reader.missing(&table, "facts", help) };
    let what = format!("`facts` of {what}");
    let mut measures = Measures::of(of?);
    for (key, node) in reader.map(node, &what) {
        if reader.is_full() {
            break;
        }
        if let Some(text) = reader.text(node, &format!("`{}` of {what}", short(&key.name))) {
            measures = measures.fact(key.name.clone(), text);
        }
    }
    Some(measures)
}

fn scope(reader: &mut Reader, table: &Table<'_>) -> Scope {
    reader.texts(table, "layers").map_or(Scope::All, Scope::Layers)
}

fn condition(reader: &mut Reader, table: &Table<'_>) -> Option<String> {
    let node = table.get("where")?;
    reader.text(node, &format!("`where` of {}", table.what))
}

fn shown(reader: &mut Reader, table: &Table<'_>) -> Option<Shown> {
    let newest = reader.number(table, "newest").map(Shown::newest);
    let oldest = reader.number(table, "oldest").map(Shown::oldest);
    if newest.is_some()
        && let Some(node) = table.get("oldest")
    {
        let message = format!("{} shows the newest lines or the oldest, not both", table.what);
        let diagnostic = Diagnostic::new(codes::KEY, node.span, message);
        reader.report(diagnostic.help("make a second step"));
    }
    newest.or(oldest)
}

/// The form that a plan is written in. What is as by default is left out.
pub(super) fn plan(plan: &DivePlan) -> Form {
    let mut top = vec![
        ("version", Written::Number(VERSION)),
        ("window", windows::write_around(&plan.around)),
    ];
    if let Some(times) = &plan.times {
        top.push(("times", windows::write_times(times)));
    }
    if !plan.ids.is_empty() {
        let ids = plan.ids.iter().map(|(kind, ids)| (kind.clone(), Written::texts(ids)));
        top.push(("ids", Written::table(ids)));
    }
    if !plan.padding.is_empty() {
        let padding = plan.padding.iter().map(|(layer, padding)| {
            let sides = [("before", padding.before), ("after", padding.after)];
            let sides = sides.map(|(key, side)| (key, Written::Text(format_duration(side))));
            (layer.clone(), Written::table(sides))
        });
        top.push(("pad", Written::table(padding)));
    }
    let steps = plan.steps.iter().map(|step| {
        let (kind, form) = kind(&step.kind);
        vec![("name", Written::text(&step.name)), (kind, Written::table(form))]
    });
    Form { top, steps: steps.collect() }
}

type Entries = Vec<(&'static str, Written)>;

fn kind(kind: &Kind) -> (&'static str, Entries) {
    let mut out: Entries = Vec::new();
    let name = match kind {
        Kind::Select(select) => {
            selected(&mut out, &select.scope, &select.filter);
            if !select.ids.is_empty() {
                out.push(("ids", Written::texts(&select.ids)));
            }
            out.extend(select.window.map(|spec| ("window", windows::write_spec(&spec))));
            out.push(write_shown(select.show));
            "select"
        }
        Kind::Check(check) => {
            selected(&mut out, &check.scope, &check.filter);
            out.extend(check.window.map(|spec| ("window", windows::write_spec(&spec))));
            out.push(write_shown(check.show));
            "check"
        }
        Kind::Follow(follow) => {
            out.push(("from", Written::text(&follow.from)));
            out.push(("ids", Written::texts(&follow.ids)));
            write_scope(&mut out, &follow.scope);
            out.extend(follow.window.map(|spec| ("window", windows::write_spec(&spec))));
            out.push(("hops", Written::Number(follow.hops)));
            out.push(("max_ids", Written::Number(follow.max_ids)));
            out.push(("max_rows", Written::Number(follow.max_rows)));
            out.push(write_shown(follow.show));
            "follow"
        }
        Kind::Context(context) => {
            out.push(("of", Written::text(&context.of)));
            out.push(("before", Written::Number(context.before)));
            out.push(("after", Written::Number(context.after)));
            out.push(("within", Written::Text(format_duration(context.within))));
            "context"
        }
        Kind::Templates(templates) => {
            out.push(("of", Written::text(&templates.of)));
            out.push(("most", Written::Number(templates.most)));
            "templates"
        }
        Kind::Compare(compare) => {
            out.push(("of", Written::text(&compare.of)));
            if !compare.baselines.is_empty() {
                let baselines = compare.baselines.iter().map(ToString::to_string);
                out.push(("against", Written::texts(baselines)));
            }
            if !compare.fields.is_empty() {
                out.push(("fields", Written::texts(&compare.fields)));
            }
            "compare"
        }
        Kind::Measure(measures) => {
            out.push(("of", Written::text(&measures.of)));
            let facts = measures.facts.iter();
            let facts = facts.map(|(name, text)| (name.clone(), Written::text(text)));
            out.push(("facts", Written::table(facts)));
            "measure"
        }
    };
    (name, out)
}

fn selected(out: &mut Entries, scope: &Scope, filter: &str) {
    write_scope(out, scope);
    if filter != "true" {
        out.push(("where", Written::text(filter)));
    }
}

fn write_scope(out: &mut Entries, scope: &Scope) {
    if let Scope::Layers(layers) = scope {
        out.push(("layers", Written::texts(layers)));
    }
}

fn write_shown(show: Shown) -> (&'static str, Written) {
    match show.order {
        Order::Newest => ("newest", Written::Number(show.most)),
        Order::Oldest => ("oldest", Written::Number(show.most)),
    }
}
