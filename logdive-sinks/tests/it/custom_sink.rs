//! A sink as another team would write it: everything between the marks, in under 40 lines.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use logdive_core::port::{Caps, Delivery, Idempotency, Receipt, Rendered, Sink, SinkError};
use logdive_core::{DeliveryKey, Document};
use logdive_sinks::Outbox;
use tokio::sync::Mutex;

// A wiki with one page a target.
#[derive(Debug, Default, Clone)]
struct Wiki {
    pages: Arc<Mutex<BTreeMap<(String, DeliveryKey), String>>>,
}

#[async_trait]
impl Sink for Wiki {
    fn caps(&self) -> Caps {
        Caps::plain("wiki").markdown().idempotency(Idempotency::ReadBack)
    }

    async fn deliver(&self, rendered: &Rendered) -> Result<Receipt, SinkError> {
        let place = (rendered.target.clone(), rendered.key);
        self.pages.lock().await.insert(place, rendered.body.clone());
        Ok(Receipt::new(&rendered.target))
    }

    async fn find(&self, target: &str, key: &DeliveryKey) -> Result<Option<Receipt>, SinkError> {
        let place = (target.to_owned(), *key);
        Ok(self.pages.lock().await.contains_key(&place).then(|| Receipt::new(target)))
    }
}
// Until here.

#[test]
fn it_is_short() {
    let source = include_str!("custom_sink.rs");
    let begin = source.find("// A wiki").unwrap();
    let end = source.find("// Until here.").unwrap();
    assert!(source.get(begin..end).unwrap().lines().count() < 40);
}

#[tokio::test]
async fn it_works_in_an_outbox() {
    let wiki = Wiki::default();
    let outbox = Outbox::to(wiki.clone()).build().unwrap();
    let key = DeliveryKey::of(["OPS-1"]);
    for text in ["first", "second"] {
        let delivery = Delivery::comment("OPS-1", key, Document::new().paragraph(text));
        outbox.send(delivery).await.unwrap();
    }
    let pages = wiki.pages.lock().await;
    assert_eq!(pages.values().collect::<Vec<_>>(), ["second\n"]);
}
