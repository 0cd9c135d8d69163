//! The layers of a team, as they are written in a TOML file.
//!
//! ```toml
//! version = 1
//!
//! [layer.front]
//! lateness = "30s"
//! loki = { url = "http://127.0.0.1:3100", selector = '{app="front"}' }
//!
//! [layer.storage]
//! exec = { command = ["journalctl", "-o", "json", "--since", "{from}"], format = "json" }
//! ```

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use logdive_core::{ValueType, did_you_mean, parse_duration};
use logdive_query::{Diver, DiverBuilder};
use serde::Deserialize;

use crate::error::{Context as _, Failure};

mod places;

use self::places::Place;

/// The version of the file's form.
const VERSION: u32 = 1;

/// A file of layers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    version: u32,
    #[serde(rename = "layer", default)]
    layers: BTreeMap<String, LayerConfig>,
}

/// One layer: what it declares, and one place where its lines are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LayerConfig {
    /// How late a line may come.
    lateness: Option<String>,
    /// The store has each line by then, whether or not anything is written.
    arrives_within: Option<String>,
    /// Its lines are counted, never shown.
    #[serde(default)]
    restricted: bool,
    /// Its lines are changes (deploys, flags): always on the timeline.
    #[serde(default)]
    changes: bool,
    #[serde(default)]
    fields: BTreeMap<String, FieldConfig>,
    /// Ids: a kind, and the field that holds it.
    #[serde(default)]
    ids: BTreeMap<String, String>,
    lake: Option<places::LakePlace>,
    parquet: Option<places::ParquetPlace>,
    delta: Option<places::DeltaPlace>,
    exec: Option<places::ExecPlace>,
    loki: Option<places::LokiPlace>,
    elasticsearch: Option<places::ElasticsearchPlace>,
    cloudwatch: Option<places::CloudWatchPlace>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldConfig {
    /// Keys joined by dots, or a column.
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

/// What a layer declares, read and checked.
#[derive(Debug)]
struct Declared {
    lateness: Option<Duration>,
    arrives_within: Option<Duration>,
    restricted: bool,
    changes: bool,
    fields: Vec<(String, String, ValueType)>,
    ids: Vec<(String, String)>,
}

impl Config {
    /// Reads a file of layers.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display();
        let text = std::fs::read_to_string(path).context(format!("reading `{name}`"))?;
        let config: Self =
            toml::from_str(&text).context(format!("`{name}` is no file of layers"))?;
        if config.version != VERSION {
            return Err(Failure::new(format!(
                "`{name}` has version {}, known is {VERSION}",
                config.version
            ))
            .help("use the logdive that it was written for"));
        }
        if config.layers.is_empty() {
            return Err(Failure::new(format!("`{name}` has no layers"))
                .help("add one: `[layer.NAME]` with `loki = { … }` or another place"));
        }
        Ok(config)
    }

    /// The names of the layers, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.layers.keys().map(String::as_str)
    }

    /// A diver over one layer.
    pub(crate) async fn diver(&self, name: &str) -> Result<Diver, Failure> {
        self.over([name]).await
    }

    /// A diver over some of the layers.
    pub(crate) async fn over<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Diver, Failure> {
        let mut builder = Diver::builder();
        for name in names {
            builder = self.add(builder, name).await?;
        }
        builder.build().await.context("the layers")
    }

    async fn add(&self, builder: DiverBuilder, name: &str) -> Result<DiverBuilder, Failure> {
        let Some(layer) = self.layers.get(name) else {
            let meant = did_you_mean(name, self.names());
            let failure = Failure::new(format!("there is no layer `{name}`"));
            return Err(match meant {
                Some(meant) => failure.help(format!("did you mean `{meant}`?")),
                None => failure,
            });
        };
        let declared = layer.declared().context(format!("layer `{name}`"))?;
        layer.place(name)?.add(builder, name, &declared).await
    }
}

/// What is wrong with a layer in the file.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Wrong(String);

impl LayerConfig {
    fn declared(&self) -> Result<Declared, Wrong> {
        let duration = |key: &str, text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => {
                parse_duration(text).map(Some).map_err(|why| Wrong(format!("`{key}`: {why}")))
            }
        };
        let fields = self.fields.iter().map(|(name, field)| {
            let kind = kind(&field.kind).ok_or_else(|| {
                Wrong(format!(
                    "field `{name}` has the type `{}`; there are: {}",
                    field.kind,
                    KINDS.join(", ")
                ))
            })?;
            Ok((name.clone(), field.path.clone(), kind))
        });
        Ok(Declared {
            lateness: duration("lateness", &self.lateness)?,
            arrives_within: duration("arrives_within", &self.arrives_within)?,
            restricted: self.restricted,
            changes: self.changes,
            fields: fields.collect::<Result<_, Wrong>>()?,
            ids: self.ids.clone().into_iter().collect(),
        })
    }

    fn place(&self, name: &str) -> Result<&dyn Place, Failure> {
        let places: [Option<&dyn Place>; 7] = [
            self.lake.as_ref().map(|place| place as _),
            self.parquet.as_ref().map(|place| place as _),
            self.delta.as_ref().map(|place| place as _),
            self.exec.as_ref().map(|place| place as _),
            self.loki.as_ref().map(|place| place as _),
            self.elasticsearch.as_ref().map(|place| place as _),
            self.cloudwatch.as_ref().map(|place| place as _),
        ];
        let mut places = places.into_iter().flatten();
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            (None, _) => Err(Failure::new(format!("layer `{name}` has no place")).help(
                "give it one of: lake, parquet, delta, exec, loki, elasticsearch, cloudwatch",
            )),
            _ => Err(Failure::new(format!("layer `{name}` has two places"))
                .help("give each place a layer of its own")),
        }
    }
}

const KINDS: [&str; 8] = ["bool", "int", "decimal", "text", "severity", "time", "duration", "ip"];

fn kind(name: &str) -> Option<ValueType> {
    Some(match name {
        "bool" => ValueType::Bool,
        "int" => ValueType::Int,
        "decimal" => ValueType::Decimal,
        "text" => ValueType::Text,
        "severity" => ValueType::Severity,
        "time" => ValueType::Time,
        "duration" => ValueType::Duration,
        "ip" => ValueType::Ip,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::Config;

    fn of(text: &str) -> Result<Config, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn the_file_in_the_docs_is_one() {
        let docs = include_str!("../../../docs/operating.md");
        let (_, block) = docs.split_once("```toml\n").unwrap();
        let (text, _) = block.split_once("```").unwrap();
        let config = of(text).unwrap();
        assert_eq!(config.names().count(), 6);
        for (name, layer) in &config.layers {
            layer.declared().unwrap();
            assert!(layer.place(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let layer = |text: &str| of(&format!("version = 1\n[layer.x]\n{text}"));
        for (text, named) in [
            ("loky = {}", "loky"),
            ("exec = { comand = [] }", "comand"),
            ("lateness = 5", "lateness"),
        ] {
            let error = layer(text).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        let wrong = layer("lateness = \"soon\"").unwrap().layers["x"].declared().unwrap_err();
        assert!(wrong.to_string().contains("`soon`"), "{wrong}");
        let field = layer("fields.n = { path = \"n\", type = \"number\" }").unwrap();
        let wrong = field.layers["x"].declared().unwrap_err();
        assert!(wrong.to_string().contains("there are: bool"), "{wrong}");
        assert!(layer("").unwrap().layers["x"].place("x").is_err());
        let two = layer("lake = { dir = \"a\" }\nexec = { command = [\"a\"] }").unwrap();
        assert!(two.layers["x"].place("x").is_err());
    }
}
