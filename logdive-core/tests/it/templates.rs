//! How well lines are grouped: grouping accuracy after Zhu et al., *Tools and Benchmarks for
//! Automated Log Parsing*, ICSE-SEIP 2019: a message is right if and only if its group has
//! exactly the messages of its true template.

mod generate;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::hash::Hash;
use std::path::{Path, PathBuf};

use logdive_core::log::shape;
use logdive_core::template::Miner;

use generate::SETS;

/// Lines of a set, as LogHub's sets have them.
const LINES: usize = 2_000;

/// What is reached at least: of the mean of all sets, and of each.
const MEAN: f64 = 0.95;
const LOWEST: f64 = 0.6;

/// The part of the messages whose group has exactly the messages of their label.
fn accuracy<G: Hash + Eq, L: Hash + Eq + Copy>(groups: &[G], labels: &[L]) -> f64 {
    assert_eq!(groups.len(), labels.len());
    let mut of_group: HashMap<&G, (usize, HashSet<L>)> = HashMap::new();
    let mut of_label: HashMap<L, usize> = HashMap::new();
    for (group, label) in groups.iter().zip(labels) {
        let (size, found) = of_group.entry(group).or_default();
        *size += 1;
        found.insert(*label);
        *of_label.entry(*label).or_default() += 1;
    }
    let right: usize = of_group
        .values()
        .filter(|(size, found)| {
            found.len() == 1 && found.iter().all(|label| of_label[label] == *size)
        })
        .map(|(size, _)| size)
        .sum();
    right as f64 / labels.len() as f64
}

struct Figures {
    templates: usize,
    truth: usize,
    shape: f64,
    mined: f64,
}

fn measure(texts: &[String], labels: &[usize]) -> Figures {
    let mined = Miner::new().mine(texts.iter().map(String::as_str));
    let shapes: Vec<i64> = texts.iter().map(|text| shape(text)).collect();
    Figures {
        templates: mined.templates.len(),
        truth: labels.iter().collect::<HashSet<_>>().len(),
        shape: accuracy(&shapes, labels),
        mined: accuracy(&mined.of, labels),
    }
}

#[expect(clippy::print_stdout, reason = "the table is shown with --nocapture")]
fn print(name: &str, kind: &str, figures: &Figures) {
    println!(
        "{name:<12} {kind:<8} {:>9} {:>9} {:>7.3} {:>7.3}",
        figures.truth, figures.templates, figures.shape, figures.mined
    );
}

#[expect(clippy::print_stdout, reason = "the table is shown with --nocapture")]
fn title() {
    println!(
        "{:<12} {:<8} {:>9} {:>9} {:>7} {:>7}",
        "set", "lines", "true", "found", "shape", "mined"
    );
}

/// The mean over all sets, of messages and of whole lines, and the lowest of a set.
#[test]
fn lines_are_grouped_as_their_labels_say() {
    title();
    let mut sums = [0.0, 0.0];
    for (name, set) in SETS {
        let lines = generate::lines(set, LINES, 7);
        let labels: Vec<usize> = lines.iter().map(|line| line.label).collect();
        let messages: Vec<String> = lines.iter().map(|line| line.message.clone()).collect();
        let whole: Vec<String> =
            lines.iter().map(|line| format!("{}{}", line.head, line.message)).collect();
        for (at, (kind, texts)) in [("message", messages), ("whole", whole)].iter().enumerate() {
            let figures = measure(texts, &labels);
            print(name, kind, &figures);
            assert!(figures.mined >= LOWEST, "{name}, {kind}: {:.3}", figures.mined);
            sums[at] += figures.mined;
        }
    }
    let means = sums.map(|sum| sum / SETS.len() as f64);
    println!("mean of {} sets: messages {:.3}, whole lines {:.3}", SETS.len(), means[0], means[1]);
    assert!(means[0] >= MEAN && means[1] >= MEAN, "{means:?}");
}

/// LogHub's own sets, if somebody has them: their licence keeps them out of this repository.
///
/// `LOGDIVE_LOGHUB=folder cargo test -p logdive-core --test it loghub -- --ignored --nocapture`
#[test]
#[ignore = "needs a folder with LogHub's `*_2k.log_structured.csv`"]
fn loghub_is_grouped_as_its_labels_say() {
    let folder = std::env::var("LOGDIVE_LOGHUB").expect("LOGDIVE_LOGHUB names a folder");
    let files = structured(Path::new(&folder));
    assert!(!files.is_empty(), "no `*_2k.log_structured.csv` in `{folder}`");
    title();
    let mut sum = 0.0;
    for file in &files {
        let text = fs::read_to_string(file).expect("a file");
        let mut rows = csv(&text).into_iter();
        let names = rows.next().expect("a head");
        let column = |name: &str| names.iter().position(|n| n == name).expect("a column");
        let (content, event) = (column("Content"), column("EventId"));
        let (texts, events): (Vec<String>, Vec<String>) =
            rows.map(|row| (row[content].clone(), row[event].clone())).unzip();
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let labels: Vec<usize> = events
            .iter()
            .map(|event| {
                let next = numbers.len();
                *numbers.entry(event).or_insert(next)
            })
            .collect();
        let figures = measure(&texts, &labels);
        sum += figures.mined;
        let name = file.file_name().expect("a name").to_string_lossy();
        print(name.split('_').next().unwrap_or(&name), "message", &figures);
    }
    println!("mean of {} sets: {:.3}", files.len(), sum / files.len() as f64);
}

fn structured(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(structured(&path));
        } else if path.to_string_lossy().ends_with("_2k.log_structured.csv") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Rows of RFC 4180.
fn csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            c => field.push(c),
        }
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows
}

#[test]
fn rows_of_csv_are_read() {
    let rows = csv("a,b\n1,\"x, \"\"y\"\"\"\n");
    assert_eq!(rows, [vec!["a", "b"], vec!["1", "x, \"y\""]]);
}

#[test]
fn accuracy_is_as_defined() {
    assert_eq!(accuracy(&[1, 1, 2, 2], &['a', 'a', 'b', 'b']), 1.0);
    assert_eq!(accuracy(&[1, 1, 2, 3], &['a', 'a', 'b', 'b']), 0.5);
    assert_eq!(accuracy(&[1, 1, 1], &['a', 'a', 'b']), 0.0);
}
