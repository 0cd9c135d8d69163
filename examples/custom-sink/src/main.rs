//! A sink of one's own in under 40 lines, and an outbox around it: fitted, journalled, tried again.

mod sink;

use logdive_core::port::Delivery;
use logdive_core::{DeliveryKey, Document};
use logdive_sinks::{Outbox, SqliteJournal};

use sink::JsonLog;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join("logdive-custom-sink");
    std::fs::create_dir_all(&folder)?;
    let outbox = Outbox::to(JsonLog(folder.join("deliveries.jsonl")))
        .journal(SqliteJournal::open(folder.join("journal.db"))?)
        .build()?;
    let document = Document::new().heading(2, "Throttled").paragraph("72 calls in 15 minutes");
    let key = DeliveryKey::of(["OPS-42", "evidence"]);
    // Run it as often as you like: one delivery a key and content.
    outbox.send(Delivery::comment("OPS-42", key, document)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use logdive_core::testkit;
    use serde_json::Value;

    use super::JsonLog;

    /// The conformance suite that logdive's own sinks pass.
    #[tokio::test]
    async fn it_conforms() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deliveries.jsonl");
        let newest = async || {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            let by_key: BTreeMap<String, String> = lines
                .map(|line| (line["key"].to_string(), line["body"].as_str().unwrap().to_owned()))
                .collect();
            by_key.into_values().collect()
        };
        testkit::sink(&JsonLog(path.clone()), "OPS-42", newest).await;
    }
}
