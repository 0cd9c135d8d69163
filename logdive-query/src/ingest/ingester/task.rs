//! The task that owns the writer.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use logdive_core::port::Clock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use super::push::{Message, Push};
use super::{IngestError, IngestLimits};
use crate::lake::{GroupPart, LakeError, LakeWriter};

/// The pause before a failed commit is written again, at first and at most.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the task does with what is pushed.
#[derive(Debug, Clone)]
pub(super) enum State {
    Taking,
    /// The newest commit could not be written, yet.
    Refusing(Arc<str>),
    Ended {
        why: Arc<str>,
        /// Whether something was given up.
        failed: bool,
    },
}

impl State {
    /// The error of whoever wants something of an ended ingester.
    pub(super) fn ended(state: &watch::Receiver<Self>) -> IngestError {
        let why = match &*state.borrow() {
            Self::Ended { why, .. } => why.to_string(),
            // It said nothing any more: its runtime was shut down.
            _ => "it was closed".to_owned(),
        };
        IngestError::Ended { why }
    }
}

pub(super) struct Task {
    writer: LakeWriter,
    limits: IngestLimits,
    messages: mpsc::UnboundedReceiver<Message>,
    ending: watch::Receiver<bool>,
    state: watch::Sender<State>,
    room: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
    /// Whoever waits for what was given up.
    given_up: Vec<Waiting>,
}

/// Who waits for rows to be durable, and the room that they take.
type Waiting = (oneshot::Sender<u64>, OwnedSemaphorePermit);

impl Task {
    pub(super) fn new(
        writer: LakeWriter,
        limits: IngestLimits,
        messages: mpsc::UnboundedReceiver<Message>,
        ending: watch::Receiver<bool>,
        state: watch::Sender<State>,
        room: Arc<Semaphore>,
    ) -> Self {
        let clock = Arc::clone(writer.lake().clock());
        Self { writer, limits, messages, ending, state, room, clock, given_up: Vec::new() }
    }

    /// Commits group after group until the ingester is closed or nobody has it any more.
    pub(super) async fn run(mut self) {
        let failure = loop {
            match self.next(None).await {
                Next::Message(Message::Push(first)) => {
                    let (group, open) = self.gather(*first).await;
                    if let Err(error) = self.commit(group).await {
                        break Some(error);
                    }
                    if let Some(open) = open {
                        self.open(open).await;
                    }
                }
                Next::Message(open) => self.open(open).await,
                Next::Time => {}
                Next::End => break None,
            }
        };
        let Self { writer, mut messages, state, room, given_up, .. } = self;
        messages.close();
        room.close();
        // The lake is free before anybody is told so.
        drop(writer);
        state.send_replace(match failure {
            None => State::Ended { why: "it was closed".into(), failed: false },
            Some(error) => State::Ended { why: explain(&error).into(), failed: true },
        });
        // What still waits is given up here, behind what is said.
        drop((messages, given_up));
    }

    /// The next message, or that it is time; `End` when there will be no more.
    async fn next(&mut self, timer: Option<&mut Timer<'_>>) -> Next {
        let timer = async {
            match timer {
                Some(timer) => timer.await,
                None => std::future::pending().await,
            }
        };
        let ending = Self::ending(self.ending.clone());
        let message = tokio::select! {
            biased;
            message = self.messages.recv() => message,
            // Nobody else says anything any more: what was said is still taken.
            () = ending, if !self.messages.is_closed() => {
                self.messages.close();
                self.messages.recv().await
            }
            () = timer => return Next::Time,
        };
        message.map_or(Next::End, Next::Message)
    }

    /// Takes what belongs into the commit of a first push. It ends early if somebody asks where a
    /// stream stands.
    async fn gather(&mut self, first: Push) -> (Vec<Push>, Option<Message>) {
        let clock = Arc::clone(&self.clock);
        let mut timer = clock.sleep_until(later(first.came, self.limits.commit_after));
        let mut bytes = first.room.num_permits();
        let mut group = vec![first];
        while bytes < self.limits.commit_bytes {
            match self.next(Some(&mut timer)).await {
                Next::Message(Message::Push(push)) => {
                    bytes = bytes.saturating_add(push.room.num_permits());
                    group.push(*push);
                }
                Next::Message(open) => return (group, Some(open)),
                Next::Time | Next::End => break,
            }
        }
        (group, None)
    }

    /// Commits a group, however often it takes, and says so to those who pushed. Nothing is taken
    /// meanwhile once it has failed.
    async fn commit(&mut self, group: Vec<Push>) -> Result<(), LakeError> {
        let (parts, waiting): (Vec<GroupPart>, Vec<Waiting>) =
            group.into_iter().map(|push| (push.part, (push.durable, push.room))).unzip();
        let mut pause = PAUSE;
        let appended = loop {
            let last = self.is_ending();
            match self.writer.append_group(&parts).await {
                Ok(appended) => break appended,
                Err(error) => {
                    if last {
                        self.given_up = waiting;
                        return Err(error);
                    }
                    self.state.send_replace(State::Refusing(explain(&error).into()));
                    self.pause(pause).await;
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
            }
        };
        self.state.send_if_modified(|state| {
            let refused = matches!(state, State::Refusing(_));
            if refused {
                *state = State::Taking;
            }
            refused
        });
        for (durable, room) in waiting {
            // Whoever does not wait for it needs no answer.
            let _ = durable.send(appended.version);
            drop(room);
        }
        Ok(())
    }

    /// Waits until it is to end: it is closed, or nobody has it any more.
    async fn ending(mut ending: watch::Receiver<bool>) {
        let _ = ending.wait_for(|ending| *ending).await;
    }

    fn is_ending(&self) -> bool {
        *self.ending.borrow() || self.ending.has_changed().is_err()
    }

    /// Waits a while, or until it is to end.
    async fn pause(&self, pause: Duration) {
        tokio::select! {
            biased;
            () = Self::ending(self.ending.clone()) => {}
            () = self.clock.sleep_until(later(self.clock.now(), pause)) => {}
        }
    }

    async fn open(&self, message: Message) {
        if let Message::Open { stream, reply } = message {
            let _ = reply.send(self.writer.lake().committed(&stream).await);
        }
    }
}

type Timer<'a> = std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

enum Next {
    Message(Message),
    Time,
    End,
}

fn later(time: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
    time.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// An error with its causes, in one line.
fn explain(error: &LakeError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}
