//! A destination that goes wrong as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use logdive_core::DeliveryKey;
use logdive_core::port::{Caps, Idempotency, Receipt, Rendered, Sink, SinkError};

/// What becomes of one attempt; without a step left, it is stored.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Stored, and the answer lost.
    Lose,
    /// Nothing stored, and no answer either.
    Vanish,
    /// No answer, and it is there only after it was asked for so often.
    Late(u32),
    /// Never comes back; stored if so said.
    Hang(bool),
    /// Nothing stored.
    Fail(SinkError),
}

#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) steps: VecDeque<Step>,
    /// Errors of the next questions.
    pub(crate) find_errors: VecDeque<SinkError>,
    /// What is there, in the order it came.
    pub(crate) stored: Vec<(DeliveryKey, String)>,
    pub(crate) late: Vec<(u32, DeliveryKey, String)>,
    pub(crate) sent: u32,
    pub(crate) asked: u32,
}

impl Store {
    fn place(&mut self, rendered: &Rendered) -> Receipt {
        match rendered.existing.as_ref().and_then(|receipt| receipt.id.parse::<usize>().ok()) {
            Some(place) => {
                self.stored[place].1.clone_from(&rendered.body);
                Receipt::new(place.to_string())
            }
            None => {
                self.stored.push((rendered.key, rendered.body.clone()));
                Receipt::new((self.stored.len() - 1).to_string())
            }
        }
    }
}

/// A clone is the same destination.
#[derive(Debug, Clone)]
pub(crate) struct Scripted {
    pub(crate) caps: Caps,
    pub(crate) store: Arc<Mutex<Store>>,
}

impl Scripted {
    pub(crate) fn new(class: Idempotency, steps: impl IntoIterator<Item = Step>) -> Self {
        let store = Store { steps: steps.into_iter().collect(), ..Store::default() };
        Self {
            caps: Caps::plain("scripted").idempotency(class),
            store: Arc::new(Mutex::new(store)),
        }
    }

    pub(crate) fn stored(&self) -> usize {
        self.store.lock().unwrap().stored.len()
    }

    pub(crate) fn sent(&self) -> u32 {
        self.store.lock().unwrap().sent
    }

    pub(crate) fn last(&self) -> String {
        self.store.lock().unwrap().stored.last().unwrap().1.clone()
    }
}

fn no_answer() -> SinkError {
    SinkError::NoAnswer("the line went dead".into())
}

#[async_trait]
impl Sink for Scripted {
    fn caps(&self) -> Caps {
        self.caps.clone()
    }

    async fn deliver(&self, rendered: &Rendered) -> Result<Receipt, SinkError> {
        let hangs = {
            let mut store = self.store.lock().unwrap();
            store.sent += 1;
            let known = store.stored.iter().position(|(key, _)| *key == rendered.key);
            if let (Idempotency::Native, Some(place)) = (self.caps.idempotency, known) {
                store.steps.pop_front();
                return Ok(Receipt::new(place.to_string()));
            }
            match store.steps.pop_front() {
                None if !self.caps.body.fits(&rendered.body) => {
                    let actual = self.caps.body.measure(&rendered.body);
                    return Err(SinkError::TooLarge { actual, max: self.caps.body.max });
                }
                None => return Ok(store.place(rendered)),
                Some(Step::Lose) => {
                    store.place(rendered);
                    false
                }
                Some(Step::Vanish) => false,
                Some(Step::Late(questions)) => {
                    store.late.push((questions, rendered.key, rendered.body.clone()));
                    false
                }
                Some(Step::Hang(is_stored)) => {
                    if is_stored {
                        store.place(rendered);
                    }
                    true
                }
                Some(Step::Fail(error)) => return Err(error),
            }
        };
        if hangs {
            std::future::pending::<()>().await;
        }
        Err(no_answer())
    }

    async fn find(&self, _: &str, key: &DeliveryKey) -> Result<Option<Receipt>, SinkError> {
        let mut store = self.store.lock().unwrap();
        store.asked += 1;
        if let Some(error) = store.find_errors.pop_front() {
            return Err(error);
        }
        let found = store.stored.iter().position(|(stored, _)| stored == key);
        // What is on its way comes nearer with each question.
        let late = std::mem::take(&mut store.late);
        for (questions, key, body) in late {
            if questions <= 1 {
                store.stored.push((key, body));
            } else {
                store.late.push((questions - 1, key, body));
            }
        }
        Ok(found.map(|place| Receipt::new(place.to_string())))
    }
}
