//! Which keys hold what, in formats whose lines are keys and values.

/// What a key may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Role {
    Time,
    Level,
    Message,
    RequestId,
    TraceId,
    SpanId,
    Uid,
    Event,
    Emitter,
    Service,
}

/// How many roles there are.
pub(super) const ROLES: usize = 10;

/// The keys of all roles, as a tree: keys of nested objects are below that of the outer one.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys {
    /// By the length of the key, so that most keys of a line are compared with few.
    by_length: Vec<Vec<Key>>,
}

#[derive(Debug, Clone)]
struct Key {
    name: String,
    entry: Entry,
}

/// What is at a key.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    /// The roles of a value that is no object, with the key's rank among the role's keys.
    pub(super) roles: Vec<(Role, usize)>,
    /// Keys of an object.
    pub(super) inner: Option<Box<Keys>>,
}

impl Keys {
    pub(super) fn guesses() -> Self {
        let mut keys = Self::default();
        keys.set(
            Role::Time,
            [
                "time",
                "timestamp",
                "@timestamp",
                "ts",
                "eventTime",
                "datetime",
                "date",
                "t",
                "asctime",
                "timeMillis",
                "timestampMillis",
                "_time",
                "timestamp_ms",
            ],
        );
        keys.set(
            Role::Level,
            ["level", "severity", "severity_text", "lvl", "log.level", "loglevel", "levelname"],
        );
        keys.set(
            Role::Message,
            [
                "message",
                "msg",
                "body",
                "log",
                "text",
                "short_message",
                "logEvent.message",
                "event.original",
            ],
        );
        keys.set(
            Role::RequestId,
            [
                "request_id",
                "requestId",
                "requestID",
                "req_id",
                "reqId",
                "x_request_id",
                "x-request-id",
                "correlation_id",
                "correlationId",
                "http.request.id",
                "req.id",
                "req",
            ],
        );
        keys.set(
            Role::TraceId,
            ["trace_id", "traceId", "traceID", "trace.id", "trace", "otelTraceID", "dd.trace_id"],
        );
        keys.set(Role::SpanId, ["span_id", "spanId", "spanID", "span.id", "otelSpanID"]);
        keys.set(
            Role::Uid,
            ["uid", "event_id", "eventID", "eventId", "log.record.uid", "event.id"],
        );
        keys.set(Role::Event, ["event", "event_name", "eventName", "event.name", "event.action"]);
        keys.set(
            Role::Emitter,
            [
                "host",
                "hostname",
                "instance",
                "pod",
                "emitter",
                "host.name",
                "kubernetes.pod.name",
                "kubernetes.pod_name",
                "k8s.pod.name",
            ],
        );
        keys.set(
            Role::Service,
            ["service", "service_name", "serviceName", "service.name", "app", "application"],
        );
        keys
    }

    /// Sets the keys of a role in the place of those it had.
    pub(super) fn set<S: AsRef<str>>(&mut self, role: Role, keys: impl IntoIterator<Item = S>) {
        self.forget(role);
        for (rank, key) in keys.into_iter().enumerate() {
            let key = key.as_ref();
            self.entry(key).roles.push((role, rank));
            let mut keys = &mut *self;
            let mut names = key.split('.').peekable();
            while let Some(name) = names.next() {
                let entry = keys.entry(name);
                if names.peek().is_none() {
                    if !entry.roles.contains(&(role, rank)) {
                        entry.roles.push((role, rank));
                    }
                    break;
                }
                keys = entry.inner.get_or_insert_default();
            }
        }
    }

    fn forget(&mut self, role: Role) {
        for key in self.by_length.iter_mut().flatten() {
            key.entry.roles.retain(|(of, _)| *of != role);
            if let Some(inner) = &mut key.entry.inner {
                inner.forget(role);
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Entry> {
        let same = self.by_length.get(name.len())?;
        same.iter().find(|key| key.name == name).map(|key| &key.entry)
    }

    fn entry(&mut self, name: &str) -> &mut Entry {
        if self.by_length.len() <= name.len() {
            self.by_length.resize(name.len() + 1, Vec::new());
        }
        // Made longer just above.
        let same = self.by_length.get_mut(name.len());
        #[expect(clippy::expect_used, reason = "the length is in range")]
        let same = same.expect("a bucket of each length");
        let at = same.iter().position(|key| key.name == name).unwrap_or_else(|| {
            same.push(Key { name: name.to_owned(), entry: Entry::default() });
            same.len() - 1
        });
        #[expect(clippy::expect_used, reason = "it was found or pushed")]
        &mut same.get_mut(at).expect("a key").entry
    }
}

/// Writes the functions that set a format's keys; the format has a field `keys`.
macro_rules! key_setters {
    () => {
        $crate::format::keys::key_setter! {
            /// Sets the keys that may hold the time, first things first: a text, or a number
            /// since 1970 whose size tells its unit.
            time, Time
        }
        $crate::format::keys::key_setter! {
            /// Sets the keys that may hold the level: a word, the numbers of pino and bunyan (10
            /// to 60), of syslog (0 to 7), or of OpenTelemetry (8 to 24).
            level, Level
        }
        $crate::format::keys::key_setter! {
            /// Sets the keys that may hold the text.
            message, Message
        }
        $crate::format::keys::key_setter! {
            /// Sets the keys that may hold the request id.
            request_id, RequestId
        }
        $crate::format::keys::key_setter! {
            /// Sets the keys that may hold the trace id, 32 hexadecimal digits.
            trace_id, TraceId
        }
        $crate::format::keys::key_setter! {
            /// Sets the keys that may hold the span id, 16 hexadecimal digits.
            span_id, SpanId
        }
        $crate::format::keys::key_setter! {
            /// Sets the keys that may hold the line's own id.
            uid, Uid
        }
        $crate::format::keys::key_setter! {
            /// Sets the keys that may hold the event's name.
            event, Event
        }
        $crate::format::keys::key_setter! {
            /// Sets the keys that may hold what wrote the line.
            emitter, Emitter
        }
        $crate::format::keys::key_setter! {
            /// Sets the keys that may hold the service.
            service, Service
        }
    };
}

macro_rules! key_setter {
    ($(#[$doc:meta])* $name:ident, $role:ident) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name<S: AsRef<str>>(mut self, keys: impl IntoIterator<Item = S>) -> Self {
            self.keys.set($crate::format::keys::Role::$role, keys);
            self
        }
    };
}

pub(super) use {key_setter, key_setters};
