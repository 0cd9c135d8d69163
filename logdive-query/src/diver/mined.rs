//! From shapes to templates: one mining for a whole dive, so that all its steps speak of the same
//! templates.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use logdive_core::template::Miner;
use logdive_core::{LayerName, LogSeverity, Template, TemplateId};

use crate::gather::{ShapeLines, Shapes};

/// Emitters named with a template.
pub(super) const NAMED: usize = 3;

/// Templates by layer and shape.
#[derive(Debug, Default)]
pub(super) struct Mined(BTreeMap<(String, i64), (TemplateId, String)>);

impl Mined {
    /// Mines the templates of lines by their shapes.
    pub(super) fn of<'a>(found: impl IntoIterator<Item = &'a Shapes>) -> Self {
        // One text a shape, the same one in whichever order steps are looked at.
        let mut texts: BTreeMap<&str, BTreeMap<i64, &str>> = BTreeMap::new();
        for ((layer, shape), lines) in found.into_iter().flatten() {
            let text = texts.entry(layer).or_default().entry(*shape).or_insert(&lines.oldest);
            *text = (*text).min(&lines.oldest);
        }
        let mut mined = BTreeMap::new();
        for (layer, texts) in texts {
            let found = Miner::new().mine(texts.values().copied());
            for (shape, at) in texts.keys().zip(found.of) {
                if let Some(template) = found.templates.get(at) {
                    let key = (layer.to_owned(), *shape);
                    mined.insert(key, (template.id, template.text.clone()));
                }
            }
        }
        Self(mined)
    }

    /// Lines by template.
    pub(super) fn fold(&self, shapes: &Shapes) -> BTreeMap<(LayerName, TemplateId), Folded> {
        let mut folded: BTreeMap<(LayerName, TemplateId), Folded> = BTreeMap::new();
        for ((layer, shape), lines) in shapes {
            let key = (layer.clone(), *shape);
            let (Some((id, text)), Ok(layer)) = (self.0.get(&key), LayerName::parse(layer)) else {
                continue;
            };
            match folded.get_mut(&(layer.clone(), *id)) {
                Some(template) => template.lines.join(lines.clone()),
                None => {
                    let template = Folded { text: text.clone(), lines: lines.clone() };
                    folded.insert((layer, *id), template);
                }
            }
        }
        folded
    }

    /// The templates of lines, at most so many: severe ones stay, then frequent ones. Most frequent
    /// first.
    pub(super) fn templates(&self, shapes: &Shapes, most: usize) -> Vec<Template> {
        let mut templates: Vec<Template> = self
            .fold(shapes)
            .into_iter()
            .map(|((layer, id), folded)| folded.template(layer, id))
            .collect();
        if templates.len() > most {
            let mild = |t: &Template| t.severity.is_none_or(|s| s < LogSeverity::WARN);
            templates.sort_by_cached_key(|t| {
                (mild(t), std::cmp::Reverse(t.count), t.layer.clone(), t.id)
            });
            templates.truncate(most);
        }
        templates.sort_by(|a, b| (b.count, &a.layer, a.id).cmp(&(a.count, &b.layer, b.id)));
        templates
    }
}

/// Lines of one template.
#[derive(Debug, Clone)]
pub(super) struct Folded {
    pub(super) text: String,
    pub(super) lines: ShapeLines,
}

impl Folded {
    fn template(self, layer: LayerName, id: TemplateId) -> Template {
        let Self { text, lines } = self;
        let time = |micros| DateTime::from_timestamp_micros(micros).unwrap_or_default();
        Template {
            layer,
            id,
            text,
            severity: severity(&lines),
            count: lines.count,
            first: time(lines.first),
            last: time(lines.last),
            emitters: named(&lines.emitters),
            emitter_count: lines.emitters.len() as u64,
            examples: examples(&lines),
        }
    }
}

pub(super) fn severity(lines: &ShapeLines) -> Option<LogSeverity> {
    LogSeverity::from_number(lines.severity?.into())
}

/// The first few names.
pub(super) fn named(emitters: &BTreeSet<String>) -> Vec<String> {
    emitters.iter().take(NAMED).cloned().collect()
}

/// The oldest text, and the newest if it is another. A long one is cut: it is an example.
pub(super) fn examples(lines: &ShapeLines) -> Vec<String> {
    const LONGEST: usize = 1_000;
    let cut = |text: &str| text.chars().take(LONGEST).collect::<String>();
    let mut examples = vec![cut(&lines.oldest)];
    if lines.newest != lines.oldest {
        examples.push(cut(&lines.newest));
    }
    examples
}
