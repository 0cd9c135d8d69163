use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use chrono::TimeDelta;

use super::tier::Tier;
use super::{Incident, IncidentKind, Stream, StreamSpec, baselines, last_lines, write_json_lines};
use crate::log::{Column, LogBatch, LogRow};
use crate::{EntityKind, Fact, Field, IdKind, Value, Window};

/// About 2,500 lines an hour, days before as full as the last.
fn stream() -> Stream {
    Stream::new(StreamSpec::default().lines_per_day(LINES).thinned(1)).unwrap()
}

const LINES: u64 = 60_000;

fn text(stream: &Stream, window: Window) -> String {
    let mut out = Vec::new();
    for batch in stream.batches(window) {
        write_json_lines(&batch, &mut out).unwrap();
    }
    String::from_utf8(out).unwrap()
}

fn part(window: Window, from: i64, to: i64) -> Window {
    let at = |seconds| window.from() + TimeDelta::seconds(seconds);
    Window::new(at(from), at(to)).unwrap()
}

fn of_kind(stream: &Stream, kind: IncidentKind) -> Vec<Incident> {
    stream.incidents().iter().filter(|incident| incident.kind == kind).cloned().collect()
}

fn body<'a>(row: &LogRow<'a>) -> &'a str {
    row.text(Column::Body).unwrap_or_default()
}

#[test]
fn the_same_seed_gives_the_same_bytes_in_whatever_parts() {
    let (one, other) = (stream(), stream());
    // Clocks that are ahead and behind are in it.
    let skews = of_kind(&one, IncidentKind::ClockSkew);
    for skew in skews.iter().take(2) {
        let window =
            Window::new(skew.onset - TimeDelta::minutes(4), skew.onset + TimeDelta::minutes(14))
                .unwrap();
        let whole = text(&one, window);
        let cuts = [0, 1, 59, 60, 61, 400, 401, 613, 1_080];
        let parts = cuts.windows(2).map(|cut| text(&other, part(window, cut[0], cut[1])));
        assert_eq!(whole, parts.collect::<String>(), "{skew}");
    }
    let another = Stream::new(StreamSpec::default().lines_per_day(LINES).seed(2)).unwrap();
    let hour = part(one.last_day(), 0, 600);
    assert_ne!(text(&one, hour), text(&another, hour));
}

#[test]
fn lines_are_in_order_and_inside() {
    let stream = stream();
    let day = stream.last_day();
    let window = part(day, 3_600, 3 * 3_600 + 7);
    let mut last = i64::MIN;
    let mut rising: BTreeMap<String, i64> = BTreeMap::new();
    for batch in stream.batches(window) {
        for row in batch.rows() {
            let nanos = row.int(Column::TimeUnixNano).unwrap();
            assert!(nanos >= last, "order");
            last = nanos;
            let time = chrono::DateTime::from_timestamp_nanos(nanos);
            assert!(window.contains(time));
            let seq = row.int(Column::Seq).unwrap();
            let emitter = row.text(Column::Emitter).unwrap().to_owned();
            assert!(rising.insert(emitter, seq).is_none_or(|before| before < seq), "{seq}");
        }
    }
    assert!(last > 0);
    let before = stream.window().from();
    let before = Window::new(before - TimeDelta::hours(2), before).unwrap();
    assert_eq!(stream.batches(before).count(), 0, "nothing before the first day");
}

#[test]
fn everyday_is_as_it_is_said_to_be() {
    let stream = Stream::new(StreamSpec::default().lines_per_day(LINES)).unwrap().quiet();
    let day = stream.last_day();
    let hours = |hour: i64| part(day, hour * 3_600, (hour + 4) * 3_600);
    let mut shapes: BTreeMap<i64, u64> = BTreeMap::new();
    let mut layers: BTreeMap<String, u64> = BTreeMap::new();
    let (mut lines, mut errors, mut bytes) = (0, 0, 0);
    let begin = Instant::now();
    for batch in stream.batches(day) {
        lines += batch.len() as u64;
        for row in batch.rows() {
            *shapes.entry(row.int(Column::Shape).unwrap()).or_default() += 1;
            *layers.entry(row.text(Column::Layer).unwrap().to_owned()).or_default() += 1;
            errors += u64::from(row.int(Column::SeverityNumber).unwrap() >= 17);
        }
    }
    let json = text(&stream, part(day, 36_000, 37_000));
    for line in json.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
        bytes += line.len() as u64 + 1;
    }
    bytes /= json.lines().count() as u64;
    let rate = lines as f64 / begin.elapsed().as_secs_f64();
    println!("{lines} lines, {rate:.0} lines/s unoptimised, {layers:?}");
    println!("{errors} errors, {} shapes, {bytes} bytes a line as JSON", shapes.len());
    assert!((LINES - LINES / 10..LINES + LINES / 10).contains(&lines), "{lines} lines");
    let share = errors as f64 / lines as f64;
    assert!((0.000_4..0.001_8).contains(&share), "{share} are errors");
    assert!((240..360).contains(&bytes), "{bytes} bytes a line");
    assert!(shapes.len() > 1_600, "{} shapes", shapes.len());
    let mut counts: Vec<u64> = shapes.into_values().collect();
    counts.sort_unstable_by_key(|count| std::cmp::Reverse(*count));
    let head: u64 = counts.iter().take(30).sum();
    assert!(head * 5 > lines * 2, "the thirty most frequent kinds are {head} lines");
    assert!(counts.iter().filter(|count| **count < 30).count() > 1_000, "a long tail");
    for tier in Tier::ALL {
        assert!(layers.contains_key(tier.fleet().name), "{}", tier.fleet().name);
    }
    let count = |window| stream.batches(window).map(|batch| batch.len()).sum::<usize>();
    let (afternoon, night) = (count(hours(13)), count(hours(1)));
    assert!(afternoon > night * 2, "{afternoon} in the afternoon, {night} in the night");
    let yesterday = baselines(day)[0];
    let thinned = count(yesterday) as f64 / lines as f64;
    assert!((0.04..0.09).contains(&thinned), "yesterday has {thinned} of the lines");
}

#[test]
fn no_everyday_line_and_no_other_incident_shows_a_cause() {
    let stream = stream();
    assert_eq!(stream.incidents().len(), 90);
    let fragments: BTreeSet<&str> =
        stream.incidents().iter().map(|incident| incident.truth.fragment.as_str()).collect();
    assert_eq!(fragments.len(), 90, "each cause has words of its own");
    let mut used = BTreeSet::new();
    for batch in stream.quiet().batches(part(stream.last_day(), 50_000, 53_600)) {
        used.extend(batch.rows().map(|row| body(&row).to_owned()));
    }
    let patterns = stream.catalog.patterns.iter().map(|pattern| pattern.body.source());
    let kinds: Vec<String> = patterns.collect();
    for incident in stream.incidents() {
        let truth = &incident.truth;
        assert!(truth.fragment.split(' ').count() >= 3, "{incident}: {}", truth.fragment);
        assert!(!used.iter().any(|line| truth.is_in(line)), "{incident}");
        let same = kinds.iter().filter(|kind| truth.is_in(kind)).count();
        assert_eq!(same, 1, "{incident}: {}", truth.fragment);
    }
}

#[test]
fn causes_are_where_they_are_said_to_be() {
    let stream = stream();
    let mut fewer = 0;
    // One variant of each kind; the other tests have all of them.
    for incident in stream.incidents().iter().step_by(7) {
        let alone = stream.only(incident);
        let around = Window::new(incident.hour.from(), incident.end + TimeDelta::minutes(4));
        let (mut causes, mut symptoms) = (0, 0);
        for batch in alone.batches(around.unwrap()) {
            for row in batch.rows() {
                if incident.truth.is_in(body(&row)) {
                    causes += 1;
                    assert_eq!(row.layer().as_ref(), Some(&incident.truth.layer), "{incident}");
                    let emitter = row.text(Column::Emitter).unwrap().to_owned();
                    assert!(incident.truth.emitters.contains(&emitter), "{incident}: {emitter}");
                    let time = row.to_record().time();
                    assert!(incident.hour.contains(time), "{incident}: {time}");
                    assert!(time < incident.end + TimeDelta::minutes(4), "{incident}: {time}");
                } else if row.int(Column::SeverityNumber).unwrap() >= 13 {
                    let time = row.to_record().time();
                    symptoms += u64::from(incident.onset <= time && time < incident.end);
                }
            }
        }
        assert!((1..=300).contains(&causes), "{incident}: {causes} lines of the cause");
        fewer += u64::from(causes < symptoms);
    }
    assert!(fewer >= 12, "symptoms are more than causes in {fewer} of 13");
}

#[test]
fn tickets_are_as_monitoring_opens_them() {
    let stream = stream();
    let mut hosts = 0;
    for incident in stream.incidents() {
        let Incident { ticket, truth, hour, .. } = incident;
        let told = format!("{} {}", ticket.title, ticket.body);
        assert!(!truth.is_in(&told), "{incident} tells its cause");
        assert!(hour.contains(ticket.times.started.unwrap()), "{incident}");
        assert!(incident.onset < ticket.times.opened && ticket.times.opened < incident.end);
        assert!(stream.window().intersection(hour).is_some(), "{incident}");
        hosts += ticket.entities.iter().filter(|e| e.kind == EntityKind::Host).count();
    }
    assert!(hosts >= 5);
}

/// The values of an id in the lines of each layer.
fn ids(
    batches: &BTreeMap<crate::LayerName, LogBatch>,
    stream: &Stream,
    kind: &str,
) -> Vec<(String, BTreeSet<String>)> {
    let kind = IdKind::parse(kind).unwrap();
    let of = |name: &crate::LayerName, batch: &LogBatch| {
        let layer = stream.layers().get(name).unwrap();
        let mut values = BTreeSet::new();
        for row in batch.rows() {
            let reader = layer.reader(row);
            for field in layer.id_fields(&kind) {
                if let Fact::Known(Value::Text(value)) = reader.read(field) {
                    values.insert(value);
                }
            }
        }
        (name.to_string(), values)
    };
    batches.iter().map(|(name, batch)| of(name, batch)).collect()
}

#[test]
fn ids_cross_layers_and_fields_are_of_their_types() {
    let stream = stream().quiet();
    let batches = stream.by_layer(part(stream.last_day(), 40_000, 42_400));
    for (kind, layers) in [
        ("request", ["edge", "front", "auth", "hsm", "storage"].as_slice()),
        ("session", ["auth", "hsm"].as_slice()),
        ("access_key", ["front", "auth"].as_slice()),
        ("key", ["front", "storage", "queue"].as_slice()),
    ] {
        let ids = ids(&batches, &stream, kind);
        let of = |name: &str| ids.iter().find(|(layer, _)| layer == name).map(|(_, ids)| ids);
        let first = of(layers[0]).unwrap();
        for layer in &layers[1..] {
            let other = of(layer).unwrap();
            let both = first.intersection(other).count();
            assert!(both * 2 > other.len() && both > 10, "{kind}: {both} in {layer} too");
        }
    }
    for (name, batch) in &batches {
        let layer = stream.layers().get(name).unwrap();
        for row in batch.rows() {
            let reader = layer.reader(row);
            for (field, _) in layer.declared_fields() {
                let fact = reader.read(&Field::parse(field).unwrap());
                assert!(!matches!(fact, Fact::Unavailable(_)), "{name}.{field}: {fact}");
            }
        }
    }
}

#[test]
fn late_lines_are_observed_late_and_a_dark_zone_is_silent() {
    let stream = stream();
    let late = &of_kind(&stream, IncidentKind::LateLayer)[0];
    let inside = Window::new(late.onset, late.end).unwrap();
    let delay = |row: &LogRow<'_>| {
        row.int(Column::ObservedTimeUnixNano).unwrap() - row.int(Column::TimeUnixNano).unwrap()
    };
    for (layer, batch) in stream.only(late).by_layer(inside) {
        assert!(!batch.is_empty() || layer.as_str() == "changes", "{layer}");
        for row in batch.rows() {
            let is_late = delay(&row) > 400_000_000_000;
            assert_eq!(is_late, layer == late.truth.layer, "{layer}: {}", delay(&row));
        }
    }
    let dark = &of_kind(&stream, IncidentKind::ZonePower)[0];
    let inside = Window::new(dark.onset, dark.end).unwrap();
    let fronts = |stream: &Stream| -> BTreeSet<String> {
        let batches = stream.by_layer(inside);
        let front = batches.iter().find(|(layer, _)| layer.as_str() == "front").unwrap().1;
        front.rows().map(|row| row.text(Column::Emitter).unwrap().to_owned()).collect()
    };
    let zones = |stream: &Stream| -> BTreeSet<char> {
        fronts(stream).iter().filter_map(|front| front.chars().nth(6)).collect()
    };
    assert_eq!(zones(&stream.quiet()), BTreeSet::from(['a', 'b', 'c']));
    assert_eq!(zones(&stream.only(dark)).len(), 2);
}

#[test]
fn the_last_lines_are_those_of_the_service() {
    let stream = stream();
    let incident = &stream.incidents()[0];
    let batches: Vec<LogBatch> = stream.only(incident).batches(incident.hour).collect();
    let service = incident.ticket.service.clone().unwrap();
    let last = last_lines(&batches, &service, incident.hour, 50);
    assert_eq!(last.len(), 50);
    assert!(last.iter().all(|row| row.service.as_ref() == Some(&service)));
    assert!(last.is_sorted_by_key(|row| row.time_unix_nano));
    let errors = super::last_errors(&batches, &service, incident.hour, 50);
    assert!(errors.iter().all(|row| row.severity == Some(crate::LogSeverity::ERROR)));
}
