//! Where a command looks: the demo's folder, a file of layers, or a lake.

use std::path::Path;

use chrono::{DateTime, Utc};
use logdive_core::port::{Clock as _, SystemClock};
use logdive_core::{Layer, LayerName, Layers};
use logdive_query::{Diver, Lake};

use crate::config::Config;
use crate::error::{Context as _, Failure};
use crate::home::Home;
use crate::layers;

/// Layers to look into, and what time it is there.
pub(crate) struct Source {
    pub(crate) diver: Diver,
    pub(crate) now: DateTime<Utc>,
}

impl Source {
    /// A lake with all layers that are in it. Nothing is declared of them: they have the fields
    /// that every line has, and no lateness, so that no answer over them is said to be complete.
    pub(crate) async fn of_lake(dir: &Path) -> Result<Self, Failure> {
        let name = dir.display();
        let lake = Lake::open(dir).await.context(format!("opening the lake `{name}`"))?;
        let found = lake.layers().await.context(format!("reading the lake `{name}`"))?;
        if found.is_empty() {
            return Err(Failure::new(format!("the lake `{name}` has no lines"))
                .help("put some into it with `logdive ingest`"));
        }
        let layers: Result<Vec<Layer>, _> =
            found.iter().map(|name| Layer::new(name.as_str())).collect();
        let builder = Diver::builder().lake(lake, layers.context("the layers")?);
        Self::with(builder.build().await.context("making the diver")?)
    }

    /// Layers of a file; with names, only those.
    pub(crate) async fn of_config(path: &Path, only: &[LayerName]) -> Result<Self, Failure> {
        let config = Config::read(path)?;
        let diver = if only.is_empty() {
            config.over(config.names()).await?
        } else {
            config.over(only.iter().map(LayerName::as_str)).await?
        };
        Self::with(diver)
    }

    /// The demo's lake, in the demo's time.
    pub(crate) async fn of_home(dir: &Path) -> Result<Self, Failure> {
        let home = Home::open(dir)?;
        let dir = home.lake();
        let lake =
            Lake::open(&dir).await.context(format!("opening the lake `{}`", dir.display()))?;
        let builder = Diver::builder().lake(lake, layers::all().context("the layers")?);
        let diver = builder.build().await.context("making the diver")?;
        Ok(Self { diver, now: home.clock()? })
    }

    fn with(diver: Diver) -> Result<Self, Failure> {
        Ok(Self { diver, now: SystemClock::new().now() })
    }
}

/// The layers of a file, or those of the demo.
pub(crate) async fn declared(config: Option<&Path>) -> Result<Layers, Failure> {
    match config {
        Some(path) => Ok(Source::of_config(path, &[]).await?.diver.layers().clone()),
        None => Ok(layers::all().context("the layers")?.into_iter().collect()),
    }
}
