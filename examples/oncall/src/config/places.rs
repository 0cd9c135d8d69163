//! The places where the lines of a layer may be.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use logdive_core::format::by_name;
use logdive_core::port::SystemClock;
use logdive_core::{Field, Layer, LayerField};
use logdive_query::{
    CloudWatchLayer, DeltaLayer, DiverBuilder, ElasticsearchLayer, ExecLayer, Lake, LokiLayer,
    ParquetLayer,
};
use serde::Deserialize;

use super::Declared;
use crate::error::{Context as _, Failure};

/// A place of lines.
#[async_trait(?Send)]
pub(super) trait Place {
    /// Adds the layer of a name to a diver.
    async fn add(
        &self,
        builder: DiverBuilder,
        name: &str,
        declared: &Declared,
    ) -> Result<DiverBuilder, Failure>;
}

/// Tells a layer what is declared of it.
macro_rules! declare {
    ($layer:expr, $declared:expr) => {{
        let mut layer = $layer;
        for (name, path, kind) in &$declared.fields {
            layer = layer.field(name, path, kind.clone());
        }
        for (kind, field) in &$declared.ids {
            layer = layer.id(kind, field);
        }
        if let Some(lateness) = $declared.lateness {
            layer = layer.lateness(lateness);
        }
        if $declared.restricted {
            layer = layer.restricted();
        }
        if $declared.changes {
            layer = layer.changes();
        }
        layer
    }};
}

/// As `declare`, for stores that answer for the time of asking.
macro_rules! declare_asked {
    ($layer:expr, $declared:expr) => {{
        let mut layer = declare!($layer, $declared);
        if let Some(within) = $declared.arrives_within {
            layer = layer.arrives_within(within, Arc::new(SystemClock::new()));
        }
        layer
    }};
}

/// A secret out of the environment.
fn secret(variable: &str) -> Result<String, Failure> {
    std::env::var(variable).context(format!("the environment variable `{variable}`"))
}

/// Our lake.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LakePlace {
    dir: PathBuf,
}

#[async_trait(?Send)]
impl Place for LakePlace {
    async fn add(
        &self,
        builder: DiverBuilder,
        name: &str,
        declared: &Declared,
    ) -> Result<DiverBuilder, Failure> {
        let lake = Lake::open(&self.dir)
            .await
            .context(format!("opening the lake `{}`", self.dir.display()))?;
        let what = || format!("layer `{name}`");
        let mut layer = Layer::new(name).context(what())?;
        for (name, path, kind) in &declared.fields {
            let field = LayerField::attribute(path, kind.clone());
            layer = layer.field(name, field).context(what())?;
        }
        for (kind, field) in &declared.ids {
            layer = layer.id(kind, field).context(what())?;
        }
        if let Some(lateness) = declared.lateness {
            layer = layer.lateness(lateness);
        }
        if declared.restricted {
            layer = layer.restricted();
        }
        if declared.changes {
            layer = layer.changes();
        }
        Ok(builder.lake(lake, [layer]))
    }
}

/// Parquet files.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ParquetPlace {
    url: String,
    /// Built-in fields and the columns that hold them.
    #[serde(default)]
    columns: BTreeMap<String, String>,
    time: Option<String>,
}

#[async_trait(?Send)]
impl Place for ParquetPlace {
    async fn add(
        &self,
        builder: DiverBuilder,
        name: &str,
        declared: &Declared,
    ) -> Result<DiverBuilder, Failure> {
        let mut layer = ParquetLayer::open(&self.url).context(format!("layer `{name}`"))?;
        for (field, column) in fields(&self.columns)? {
            layer = layer.column(field, column);
        }
        if let Some(time) = &self.time {
            layer = layer.time(time);
        }
        Ok(builder.layer(name, declare!(layer, declared)))
    }
}

/// A foreign Delta table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeltaPlace {
    url: String,
    #[serde(default)]
    columns: BTreeMap<String, String>,
    time: Option<String>,
}

#[async_trait(?Send)]
impl Place for DeltaPlace {
    async fn add(
        &self,
        builder: DiverBuilder,
        name: &str,
        declared: &Declared,
    ) -> Result<DiverBuilder, Failure> {
        let mut layer = DeltaLayer::open(&self.url).context(format!("layer `{name}`"))?;
        for (field, column) in fields(&self.columns)? {
            layer = layer.column(field, column);
        }
        if let Some(time) = &self.time {
            layer = layer.time(time);
        }
        Ok(builder.layer(name, declare!(layer, declared)))
    }
}

fn fields(columns: &BTreeMap<String, String>) -> Result<Vec<(Field, &String)>, Failure> {
    columns
        .iter()
        .map(|(field, column)| {
            let field = Field::parse(field).context(format!("the field of column `{column}`"))?;
            Ok((field, column))
        })
        .collect()
}

/// A command.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExecPlace {
    command: Vec<String>,
    format: Option<String>,
}

#[async_trait(?Send)]
impl Place for ExecPlace {
    async fn add(
        &self,
        builder: DiverBuilder,
        name: &str,
        declared: &Declared,
    ) -> Result<DiverBuilder, Failure> {
        let mut layer = ExecLayer::new(&self.command);
        if let Some(format) = &self.format {
            layer = layer.format(by_name(format).context(format!("layer `{name}`"))?);
        }
        Ok(builder.layer(name, declare_asked!(layer, declared)))
    }
}

/// Loki.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LokiPlace {
    url: String,
    selector: String,
    tenant: Option<String>,
    /// The environment variable that holds a bearer token.
    token_env: Option<String>,
}

#[async_trait(?Send)]
impl Place for LokiPlace {
    async fn add(
        &self,
        builder: DiverBuilder,
        name: &str,
        declared: &Declared,
    ) -> Result<DiverBuilder, Failure> {
        let mut layer = LokiLayer::new(&self.url, &self.selector);
        if let Some(tenant) = &self.tenant {
            layer = layer.tenant(tenant);
        }
        if let Some(variable) = &self.token_env {
            layer = layer.bearer(secret(variable)?);
        }
        Ok(builder.layer(name, declare_asked!(layer, declared)))
    }
}

/// Elasticsearch or OpenSearch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ElasticsearchPlace {
    url: String,
    index: String,
    #[serde(default)]
    opensearch: bool,
    time: Option<String>,
    /// The environment variable that holds an API key.
    api_key_env: Option<String>,
}

#[async_trait(?Send)]
impl Place for ElasticsearchPlace {
    async fn add(
        &self,
        builder: DiverBuilder,
        name: &str,
        declared: &Declared,
    ) -> Result<DiverBuilder, Failure> {
        let mut layer = ElasticsearchLayer::new(&self.url, &self.index);
        if self.opensearch {
            layer = layer.opensearch();
        }
        if let Some(time) = &self.time {
            layer = layer.time(time);
        }
        if let Some(variable) = &self.api_key_env {
            layer = layer.api_key(secret(variable)?);
        }
        Ok(builder.layer(name, declare_asked!(layer, declared)))
    }
}

/// CloudWatch Logs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CloudWatchPlace {
    region: String,
    group: String,
    endpoint: Option<String>,
}

#[async_trait(?Send)]
impl Place for CloudWatchPlace {
    async fn add(
        &self,
        builder: DiverBuilder,
        name: &str,
        declared: &Declared,
    ) -> Result<DiverBuilder, Failure> {
        let mut layer = CloudWatchLayer::filter(&self.region, &self.group);
        if let Some(endpoint) = &self.endpoint {
            layer = layer.endpoint(endpoint);
        }
        Ok(builder.layer(name, declare_asked!(layer, declared)))
    }
}
