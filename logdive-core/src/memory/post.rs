//! Posting into memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::lock;
use crate::port::{
    Caps, Delivery, Idempotency, Post, PostError, Receipt, Rendered, Sink, SinkError,
};
use crate::{DeliveryKey, Document};

/// Keeps the newest document of each key, without rendering it. A clone is the same place.
#[derive(Debug, Clone, Default)]
pub struct MemoryPost(Arc<Mutex<BTreeMap<DeliveryKey, Vec<Document>>>>);

impl MemoryPost {
    /// An empty place.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The documents of each key, oldest first.
    #[must_use]
    pub fn documents(&self) -> Vec<Vec<Document>> {
        lock(&self.0).values().cloned().collect()
    }
}

#[async_trait]
impl Post for MemoryPost {
    async fn send(&self, delivery: Delivery) -> Result<Receipt, PostError> {
        let mut posted = lock(&self.0);
        let documents = posted.entry(delivery.key).or_default();
        if documents.last() != Some(&delivery.document) {
            documents.push(delivery.document);
        }
        Ok(Receipt::new(delivery.key.to_string()))
    }
}

/// A sink that keeps bodies, one a key. A clone is the same sink.
#[derive(Debug, Clone, Default)]
pub struct MemorySink(Arc<Mutex<BTreeMap<(String, DeliveryKey), String>>>);

impl MemorySink {
    /// An empty sink.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What is stored, by target and key.
    #[must_use]
    pub fn bodies(&self) -> Vec<String> {
        lock(&self.0).values().cloned().collect()
    }
}

#[async_trait]
impl Sink for MemorySink {
    fn caps(&self) -> Caps {
        Caps::plain("memory").idempotency(Idempotency::Native)
    }

    async fn deliver(&self, rendered: &Rendered) -> Result<Receipt, SinkError> {
        lock(&self.0).insert((rendered.target.clone(), rendered.key), rendered.body.clone());
        Ok(Receipt::new(rendered.key.to_string()))
    }

    async fn find(&self, target: &str, key: &DeliveryKey) -> Result<Option<Receipt>, SinkError> {
        let stored = lock(&self.0).contains_key(&(target.to_owned(), *key));
        Ok(stored.then(|| Receipt::new(key.to_string())))
    }
}
