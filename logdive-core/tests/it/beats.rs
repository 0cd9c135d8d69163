//! Formats against the log files of Filebeat and what its pipelines make of them.
//!
//! To add files: put them below `tests/data/beats`, with their expectations, and add a [`Set`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset};
use logdive_core::LayerName;
use logdive_core::format::{Origin, by_name, parse};
use logdive_core::log::{LogBatchBuilder, LogRecord};
use serde_json::Value;

/// Files of one format.
struct Set {
    /// Their folder.
    folder: &'static str,
    format: &'static str,
    /// Tables of the fields that a line has, by Filebeat's names.
    fields: &'static [&'static [Field]],
    /// Fields that a line has not, or what they begin with, and why.
    others: &'static [&'static [Other]],
}

/// A field by Filebeat's name, where ours is, and how the two compare.
type Field = (&'static str, Ours, How);

/// A field by Filebeat's name, or what such begin with, and why a line has none.
type Other = (&'static str, &'static str);

/// Where a field of ours is.
#[derive(Clone, Copy)]
enum Ours {
    Time,
    /// The record as it came.
    Record,
    Body,
    Level,
    Service,
    RequestId,
    Host,
    Attribute(&'static str),
    /// One of the fields behind an access log line, by its place.
    Extra(usize),
    /// All addresses of an access log line.
    Addresses,
    /// Tag, process and what launchd does its work for.
    Tag,
}

/// How a field of ours compares with Filebeat's.
#[derive(Clone, Copy)]
enum How {
    /// The same text; `-` is the same as none.
    Same,
    /// The same number.
    Number,
    /// The same instant, to the millisecond.
    Instant,
    /// They resolve percent signs; OpenTelemetry's `url.path` and `url.query` are as they came.
    Decoded,
    /// They sort the parts of a list.
    Sorted,
    /// They count in nanoseconds what the line has in milliseconds.
    Millis,
}

use How::{Decoded, Instant, Millis, Number, Same, Sorted};
use Ours::{Addresses, Attribute, Body, Extra, Host, Level, Record, RequestId, Service, Tag, Time};

const TIME: &[Field] = &[("@timestamp", Time, Instant)];

const ACCESS: &[Field] = &[
    ("event.original", Record, Same),
    ("source.address", Attribute("client.address"), Same),
    ("source.ip", Attribute("client.address"), Same),
    ("source.domain", Attribute("client.address"), Same),
    ("destination.domain", Attribute("server.address"), Same),
    ("destination.ip", Attribute("server.address"), Same),
    ("destination.port", Attribute("server.port"), Number),
    ("url.domain", Attribute("server.address"), Same),
    ("user.name", Attribute("user.name"), Same),
    ("http.request.method", Attribute("http.request.method"), Same),
    ("http.request.referrer", Attribute("http.request.header.referer"), Same),
    ("http.version", Attribute("network.protocol.version"), Same),
    ("http.response.status_code", Attribute("http.response.status_code"), Number),
    ("http.response.body.bytes", Attribute("http.response.body.size"), Number),
    ("url.original", Attribute("url.original"), Same),
    ("url.path", Attribute("url.path"), Decoded),
    ("url.query", Attribute("url.query"), Decoded),
    ("user_agent.original", Attribute("user_agent.original"), Same),
    ("tls.cipher", Attribute("tls.cipher"), Same),
    ("tls.version", Attribute("tls.protocol.version"), Same),
    ("tls.version_protocol", Attribute("tls.protocol.name"), Same),
    ("apache.access.ssl.cipher", Attribute("tls.cipher"), Same),
    ("nginx.access.remote_ip_list", Addresses, Sorted),
];

const INGRESS: &[Field] = &[
    ("http.request.id", RequestId, Same),
    ("nginx.ingress_controller.http.request.id", RequestId, Same),
    ("nginx.ingress_controller.remote_ip_list", Addresses, Sorted),
    ("nginx.ingress_controller.http.request.length", Extra(0), Number),
    ("nginx.ingress_controller.http.request.time", Extra(1), Number),
    ("nginx.ingress_controller.upstream.name", Extra(2), Same),
    ("nginx.ingress_controller.upstream.alternative_name", Extra(3), Same),
    ("nginx.ingress_controller.upstream_address_list", Extra(4), Sorted),
    ("nginx.ingress_controller.upstream.response.length_list", Extra(5), Sorted),
    ("nginx.ingress_controller.upstream.response.time_list", Extra(6), Sorted),
    ("nginx.ingress_controller.upstream.response.status_code_list", Extra(7), Sorted),
];

const TRAEFIK: &[Field] = &[
    ("traefik.access.user_identifier", Attribute("ident"), Same),
    ("traefik.access.request_count", Extra(0), Number),
    ("traefik.access.frontend_name", Extra(1), Same),
    ("traefik.access.backend_url", Extra(2), Same),
    ("event.duration", Extra(3), Millis),
];

const ERRORS: &[Field] = &[
    ("event.original", Record, Same),
    ("message", Body, Same),
    ("log.level", Level, Same),
    ("process.pid", Attribute("process.pid"), Number),
    ("process.thread.id", Attribute("thread.id"), Number),
    ("source.address", Attribute("client.address"), Same),
    ("source.ip", Attribute("client.address"), Same),
    ("source.port", Attribute("client.port"), Number),
    ("http.request.referrer", Attribute("http.request.header.referer"), Same),
    ("apache.error.module", Attribute("apache.module"), Same),
    ("nginx.error.connection_id", Attribute("nginx.connection"), Number),
];

const SYSLOG: &[Field] = &[
    ("message", Body, Same),
    ("host.hostname", Host, Same),
    ("process.pid", Attribute("process.pid"), Number),
];

/// Their name of a job of launchd is the whole tag; ours has name, process and job apart.
const NAMES: &[Field] = &[("process.name", Service, Same)];
const NAMES_OF_LAUNCHD: &[Field] = &[("process.name", Tag, Same)];

/// What Filebeat says of itself and of its own classes of events.
const PIPELINE: &[Other] = &[
    ("event.category", "their classes"),
    ("event.dataset", "their module"),
    ("event.kind", "their classes"),
    ("event.module", "their module"),
    ("event.outcome", "made of the status"),
    ("event.timezone", "the assumption, taken for ours"),
    ("event.type", "their classes"),
    ("fileset.name", "their module"),
    ("input.type", "their reader"),
    ("log.file.path", "the name of the file: `source`"),
    ("log.flags", "their reader"),
    ("log.offset", "what rows are paired by"),
    ("related.", "other fields again"),
    ("service.type", "their module"),
];

const LOOKUPS: &[Other] = &[
    ("source.as.", "looked up by address"),
    ("source.geo.", "looked up by address"),
    ("url.extension", "a part of the path"),
    ("user_agent.device.", "looked up by user agent"),
    ("user_agent.name", "looked up by user agent"),
    ("user_agent.os.", "looked up by user agent"),
    ("user_agent.version", "looked up by user agent"),
    ("apache.access.ssl.protocol", "name and version of TLS in one"),
    ("nginx.ingress_controller.upstream.ip", "the last of the list"),
    ("nginx.ingress_controller.upstream.port", "the last of the list"),
    ("nginx.ingress_controller.upstream.response.length", "the last of the list"),
    ("nginx.ingress_controller.upstream.response.status_code", "the last of the list"),
    ("nginx.ingress_controller.upstream.response.time", "the sum of the list"),
];

/// What is read out of the texts of certain programs.
const TEXTS: &[Other] = &[
    ("event.action", "in the message"),
    ("file.path", "in the message"),
    ("group.", "in the message"),
    ("source.", "in the message"),
    ("system.auth.", "in the message"),
    ("user.", "in the message"),
];

const SETS: &[Set] = &[
    Set {
        folder: "apache/access",
        format: "clf",
        fields: &[TIME, ACCESS],
        others: &[PIPELINE, LOOKUPS],
    },
    Set {
        folder: "nginx/access",
        format: "clf",
        fields: &[TIME, ACCESS],
        others: &[PIPELINE, LOOKUPS],
    },
    Set {
        folder: "nginx/ingress_controller",
        format: "clf",
        fields: &[TIME, ACCESS, INGRESS],
        others: &[PIPELINE, LOOKUPS],
    },
    Set {
        folder: "traefik/access",
        format: "clf",
        fields: &[TIME, ACCESS, TRAEFIK],
        others: &[PIPELINE, LOOKUPS],
    },
    Set {
        folder: "apache/error",
        format: "apache-error",
        fields: &[TIME, ERRORS],
        others: &[PIPELINE, LOOKUPS, TEXTS],
    },
    Set {
        folder: "nginx/error",
        format: "nginx-error",
        fields: &[TIME, ERRORS],
        others: &[PIPELINE],
    },
    Set {
        folder: "system/auth",
        format: "syslog",
        fields: &[TIME, SYSLOG, NAMES],
        others: &[PIPELINE, LOOKUPS, TEXTS],
    },
    Set {
        folder: "system/syslog",
        format: "syslog",
        fields: &[TIME, SYSLOG, NAMES_OF_LAUNCHD],
        others: &[PIPELINE],
    },
];

type Event = serde_json::Map<String, Value>;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/beats")
}

/// A file's bytes and what is expected of them.
fn load(path: &Path) -> (Vec<u8>, Vec<Event>) {
    let bytes = std::fs::read(path).expect("a log file");
    let expected = path.with_extension("log-expected.json");
    let expected = std::fs::read(expected).expect("expectations beside it");
    (bytes, serde_json::from_slice(&expected).expect("a list of events"))
}

/// The files of a folder, by name.
fn files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(data().join(folder)).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .filter(|path| path.extension().is_some_and(|end| end == "log"))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// The rows of a file, under the assumption that its expectations were made with.
fn rows(set: &Set, path: &Path, bytes: &[u8], events: &[Event]) -> Vec<LogRecord> {
    let layer = LayerName::parse("beats").expect("a name");
    // 2023-07-10T12:00:00Z
    let mut origin = Origin::new(layer, path.display().to_string(), 1_688_990_400_000_000_000);
    if let Some(Value::String(zone)) = events[0].get("event.timezone") {
        origin.assumed.offset = zone.parse::<FixedOffset>().expect("a zone");
    }
    let format = by_name(set.format).expect("a format");
    let mut out = LogBatchBuilder::new();
    let parsed = parse(&format, bytes, &origin, &mut out);
    assert_eq!(parsed.malformed, 0, "{}", path.display());
    out.finish().records().collect()
}

fn json(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| serde_json::from_str(text).expect("an object"))
}

/// A value as text; none if it is none.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A field of ours as text.
fn ours(row: &LogRecord, field: Ours) -> Option<String> {
    let attributes = json(row.attributes.as_deref());
    match field {
        Time => row.time_unix_nano.map(|nanos| nanos.to_string()),
        Record => match &row.raw {
            Some(raw) => String::from_utf8(raw.clone()).ok(),
            None => row.body.clone(),
        },
        Body => row.body.clone(),
        Level => row.severity_text.clone(),
        Service => row.service.clone(),
        RequestId => row.request_id.clone(),
        Host => {
            let host = text(&json(row.resource.as_deref())["host.name"]);
            assert_eq!(host, row.emitter, "the host is the emitter");
            host
        }
        Attribute(key) => text(&attributes[key]),
        Extra(at) => text(&attributes["extra"][at]),
        Addresses => {
            let forwarded = attributes["http.request.header.x-forwarded-for"].as_array();
            let last = ["network.peer.address", "client.address"]
                .iter()
                .find_map(|key| text(&attributes[*key]));
            let all = forwarded.into_iter().flatten().filter_map(text).chain(last);
            Some(all.collect::<Vec<_>>().join(", "))
        }
        Tag => {
            let service = row.service.as_deref()?;
            match (text(&attributes["process.pid"]), text(&attributes["launchd.job"])) {
                (Some(pid), Some(job)) => Some(format!("{service}[{pid}] ({job})")),
                _ => Some(service.to_owned()),
            }
        }
    }
}

/// Whether a field of ours is what is expected.
fn is_same(ours: Option<&str>, theirs: &Value, how: How) -> bool {
    let expected = text(theirs);
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<f64>().ok());
    match how {
        Same => {
            let given = |text: Option<&str>| text.filter(|text| *text != "-").map(str::to_owned);
            given(ours) == given(expected.as_deref())
        }
        Number => {
            let found = number(ours);
            found.is_some() && found == number(expected.as_deref())
        }
        Instant => {
            let theirs = expected.and_then(|text| DateTime::parse_from_rfc3339(&text).ok());
            let ours = ours.and_then(|nanos| nanos.parse::<i64>().ok());
            ours.zip(theirs).is_some_and(|(ours, theirs)| {
                ours.div_euclid(1_000_000) == theirs.timestamp_millis()
            })
        }
        Decoded => ours.map(decoded) == expected,
        Sorted => {
            let sort = |parts: Vec<String>| parts.into_iter().collect::<BTreeSet<_>>();
            let theirs = theirs.as_array().expect("a list").iter().filter_map(text).collect();
            ours.map(|list| sort(list.split(", ").map(str::to_owned).collect()))
                == Some(sort(theirs))
        }
        Millis => {
            let millis = number(ours.and_then(|text| text.strip_suffix("ms")));
            millis.map(|millis| millis * 1e6) == number(expected.as_deref())
        }
    }
}

/// Percent signs resolved, as their pipeline does.
fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut parts = text.split('%');
    out.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let code = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(byte) => {
                out.push(byte);
                out.extend_from_slice(part.get(2..).unwrap_or_default().as_bytes());
            }
            None => {
                out.push(b'%');
                out.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8(out).expect("UTF-8")
}

/// What was compared of a set, and what lines do not have.
#[derive(Default)]
struct Report {
    compared: BTreeMap<String, usize>,
    without: BTreeMap<String, (usize, &'static str)>,
    differences: Vec<String>,
}

impl Report {
    fn compare(&mut self, set: &Set, path: &Path, row: &LogRecord, event: &Event) {
        for (name, theirs) in event {
            let field = set.fields.iter().flat_map(|table| *table).find(|field| field.0 == name);
            if let Some((_, place, how)) = field {
                *self.compared.entry(name.clone()).or_default() += 1;
                let ours = ours(row, *place);
                if !is_same(ours.as_deref(), theirs, *how) {
                    let (path, at) = (path.display(), row.source_offset.unwrap_or_default());
                    self.differences.push(format!("{path}:{at}: {name}: {theirs}, found {ours:?}"));
                }
                continue;
            }
            let other = set.others.iter().flat_map(|table| *table).find(|(other, _)| {
                name == other || (other.ends_with('.') && name.starts_with(other))
            });
            match other {
                Some((_, why)) => self.without.entry(name.clone()).or_insert((0, why)).0 += 1,
                None => self.differences.push(format!("{}: what is `{name}`?", set.folder)),
            }
        }
    }
}

fn run(set: &Set) -> Report {
    let mut report = Report::default();
    for path in files(set.folder) {
        let (bytes, events) = load(&path);
        let rows = rows(set, &path, &bytes, &events);
        assert_eq!(rows.len(), events.len(), "rows of {}", path.display());
        let by_offset: BTreeMap<i64, &Event> = events
            .iter()
            .map(|event| (event["log.offset"].as_i64().expect("an offset"), event))
            .collect();
        assert_eq!(by_offset.len(), events.len());
        for row in &rows {
            let at = row.source_offset.expect("a place");
            let event = by_offset.get(&at).expect("an event at the place of each row");
            assert!(row.time_unix_nano.is_some(), "{}:{at} has a time", path.display());
            report.compare(set, &path, row, event);
        }
    }
    report
}

/// Run it with `--nocapture` to see what was compared and what lines do not have.
#[test]
fn formats_agree_with_filebeat() {
    let mut differences = Vec::new();
    for set in SETS {
        let report = run(set);
        println!("{} as {}", set.folder, set.format);
        for (name, count) in &report.compared {
            println!("  {count:4} {name}");
        }
        for (name, (count, why)) in &report.without {
            println!("  {count:4} {name}: not ours, {why}");
        }
        assert!(report.compared.values().sum::<usize>() > 10, "{} was compared", set.folder);
        differences.extend(report.differences);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Every file that is there is in a set.
#[test]
fn no_file_is_left_out() {
    let mut folders = BTreeSet::new();
    for module in std::fs::read_dir(data()).expect("a folder") {
        let module = module.expect("an entry").path();
        if module.is_dir() {
            for kind in std::fs::read_dir(&module).expect("a folder") {
                let kind = kind.expect("an entry").path();
                let kind = kind.strip_prefix(data()).expect("below it");
                folders.insert(kind.display().to_string());
            }
        }
    }
    let sets: BTreeSet<String> = SETS.iter().map(|set| set.folder.to_owned()).collect();
    assert_eq!(folders, sets);
}

/// The comparison tells a difference: each event with each of its fields changed is one.
#[test]
fn a_difference_is_told() {
    for set in SETS {
        let path = &files(set.folder)[0];
        let (bytes, events) = load(path);
        let rows = rows(set, path, &bytes, &events);
        for (row, event) in rows.iter().zip(&events) {
            for name in event.keys() {
                let Some((.., how)) =
                    set.fields.iter().flat_map(|table| *table).find(|f| f.0 == name)
                else {
                    continue;
                };
                let wrong = match how {
                    Sorted => serde_json::json!(["x"]),
                    Instant => serde_json::json!("1999-01-01T00:00:00Z"),
                    Number | Millis => serde_json::json!(-17),
                    Same | Decoded => serde_json::json!("another"),
                };
                let mut changed = event.clone();
                changed.insert(name.clone(), wrong);
                let mut report = Report::default();
                report.compare(set, path, row, &changed);
                assert_eq!(report.differences.len(), 1, "{name} of {}", path.display());
            }
        }
    }
}
