//! The sink: lines of JSON in a file, one a delivery; the newest of a key counts.

use std::fs::{File, OpenOptions, read_to_string};
use std::io::Write;
use std::path::PathBuf;

use async_trait::async_trait;
use logdive_core::DeliveryKey;
use logdive_core::port::{Caps, Idempotency, Receipt, Rendered, Sink, SinkError};
use serde_json::{Value, json};

/// Writes deliveries into a file of JSON lines.
#[derive(Debug)]
pub(crate) struct JsonLog(pub(crate) PathBuf);

#[async_trait]
impl Sink for JsonLog {
    fn caps(&self) -> Caps {
        Caps::plain(format!("json:{}", self.0.display())).idempotency(Idempotency::ReadBack)
    }

    async fn deliver(&self, sent: &Rendered) -> Result<Receipt, SinkError> {
        let line = json!({ "target": sent.target, "key": sent.key, "body": sent.body });
        let open = OpenOptions::new().create(true).append(true).open(&self.0);
        let mut file: File = open.map_err(|error| SinkError::Transient(error.to_string()))?;
        let written = writeln!(file, "{line}").and_then(|()| file.sync_all());
        written.map_err(|error| SinkError::NoAnswer(error.to_string()))?;
        Ok(Receipt::new(sent.key.to_string()))
    }

    async fn find(&self, target: &str, key: &DeliveryKey) -> Result<Option<Receipt>, SinkError> {
        let found = read_to_string(&self.0).unwrap_or_default().lines().any(|line| {
            let line: Value = serde_json::from_str(line).unwrap_or_default();
            line.get("target") == Some(&json!(target)) && line.get("key") == Some(&json!(key))
        });
        Ok(found.then(|| Receipt::new(key.to_string())))
    }
}
