//! From what was read of a request to rows.

use std::fmt::Write as _;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::notes::Notes;
use super::record::{Described, Record};
use super::values::{Token, Values};
use crate::format::object::{ObjectWriter, quoted};
use crate::format::{RAW_LIMIT, Rows};
use crate::log::{LogLine, LogSeverity};

/// How many attributes a record, a resource or a scope had that its SDK dropped.
const DROPPED: &str = "otel.dropped_attributes_count";

/// What stands in the request for a resource or a scope, where its row does not hold all of it.
const AS_IT_CAME: &str = "otlp.raw";

const SCHEMA_URL: &str = "schema_url";

/// The attributes that may hold the request id, first things first.
///
/// Source: OpenTelemetry semantic conventions, AWS SDK attributes; what applications name theirs.
const REQUEST_IDS: [&str; 12] = [
    "request_id",
    "aws.request_id",
    "http.request.id",
    "request.id",
    "http.request_id",
    "requestId",
    "requestID",
    "req_id",
    "x_request_id",
    "x-request-id",
    "correlation_id",
    "correlationId",
];

/// The attributes of a resource that tell what wrote its records, first things first: the
/// narrowest place comes first.
///
/// Source: OpenTelemetry semantic conventions, resource attributes.
const EMITTERS: [&str; 4] = ["service.instance.id", "k8s.pod.name", "host.name", SERVICE];

const SERVICE: &str = "service.name";

const UID: &str = "log.record.uid";

/// Each row repeats the resource and the scope of its record. Rows of one frame may take so many
/// times the frame's bytes; what goes beyond stays as it came, so that a small hostile request
/// cannot fill the memory.
const EXPANSION: usize = 64;

/// What the rows of any frame may take.
const FEW: usize = 4096;

/// What a row takes beside its texts, about.
const ROW: usize = 256;

/// Makes rows of the records of one frame.
#[derive(Debug)]
pub(super) struct Lines<'r, 'a> {
    rows: &'r mut Rows<'a>,
    frame: &'a [u8],
    resource: String,
    resource_error: Option<String>,
    service: String,
    emitter: String,
    scope: String,
    scope_error: Option<String>,
    /// Used again for each record.
    attributes: String,
    body: String,
    uid: String,
    request_id: String,
    pushed: u64,
    /// Bytes that rows may still take.
    left: usize,
    /// Where that ran out.
    full: Option<usize>,
}

impl<'r, 'a> Lines<'r, 'a> {
    pub(super) fn new(rows: &'r mut Rows<'a>) -> Self {
        let frame = rows.record();
        Self {
            rows,
            frame,
            resource: String::new(),
            resource_error: None,
            service: String::new(),
            emitter: String::new(),
            scope: String::new(),
            scope_error: None,
            attributes: String::new(),
            body: String::new(),
            uid: String::new(),
            request_id: String::new(),
            pushed: 0,
            left: frame.len().saturating_mul(EXPANSION).saturating_add(FEW),
            full: None,
        }
    }

    /// Rows so far.
    pub(super) const fn pushed(&self) -> u64 {
        self.pushed
    }

    /// Whether no more records are taken.
    pub(super) const fn is_full(&self) -> bool {
        self.full.is_some()
    }

    /// The records that follow are of this resource. What of it no field holds is kept as it
    /// came.
    pub(super) fn set_resource(
        &mut self,
        resource: &mut Described<'a>,
        as_it_came: impl FnOnce() -> String,
    ) {
        self.set_scope(&mut Described::default(), String::new);
        self.service.clear();
        self.emitter.clear();
        let mut rank = EMITTERS.len();
        for (key, place) in resource.attributes.members() {
            let Some(found) = EMITTERS.iter().position(|known| *known == key) else { continue };
            let mut number = String::new();
            let Some(text) = id(&resource.attributes, place, &mut number) else { continue };
            if key == SERVICE {
                text.clone_into(&mut self.service);
            }
            if found <= rank {
                rank = found;
                text.clone_into(&mut self.emitter);
            }
        }
        let attributes = &mut resource.attributes;
        if !resource.schema_url.is_empty() {
            attributes.member(SCHEMA_URL, Token::Text(std::mem::take(&mut resource.schema_url)));
        }
        dropped(attributes, resource.dropped_attributes_count);
        self.resource.clear();
        if !attributes.is_empty() {
            resource.notes.lossy |= !attributes.write_object(&mut self.resource);
        }
        if resource.notes.keep() {
            attributes.member(AS_IT_CAME, Token::Text(as_it_came().into()));
            self.resource.clear();
            attributes.write_object(&mut self.resource);
        }
        self.resource_error.clone_from(&resource.notes.error);
    }

    /// The records that follow are of this scope.
    pub(super) fn set_scope(
        &mut self,
        scope: &mut Described<'a>,
        as_it_came: impl FnOnce() -> String,
    ) {
        self.scope.clear();
        self.scope_error.clone_from(&scope.notes.error);
        let mut object = ObjectWriter::new(&mut self.scope);
        let text = |text: &'_ str| !text.is_empty();
        object.option("name", Some(&*scope.name).filter(|name| text(name)));
        object.option("version", Some(&*scope.version).filter(|version| text(version)));
        if !scope.attributes.is_empty() {
            let unique = scope.attributes.write_object(object.value("attributes"));
            scope.notes.lossy |= !unique;
        }
        object.option(SCHEMA_URL, Some(&*scope.schema_url).filter(|url| text(url)));
        if scope.dropped_attributes_count > 0 {
            object.json(DROPPED, &scope.dropped_attributes_count.to_string());
        }
        if scope.notes.keep() {
            quoted(object.value(AS_IT_CAME), &as_it_came());
        }
        object.end();
        if self.scope == "{}" {
            self.scope.clear();
        }
    }

    /// Whether there is room for one more row with its resource and scope.
    fn has_room(&mut self, part: &[u8]) -> bool {
        let texts = [&self.resource, &self.scope, &self.service, &self.emitter];
        let bytes = texts.iter().map(|text| text.len()).sum::<usize>().saturating_add(ROW);
        match self.left.checked_sub(bytes) {
            Some(left) if self.full.is_none() => {
                self.left = left;
                true
            }
            _ => {
                self.full.get_or_insert(range(self.frame, part).start);
                false
            }
        }
    }

    /// Adds the row of a record that stands here.
    pub(super) fn push(&mut self, record: &mut Record<'a>, part: &'a [u8]) {
        if !self.has_room(part) {
            return;
        }
        let notes = &mut record.notes;
        let mut time = |nanos: u64, name: &str| match i64::try_from(nanos) {
            Ok(0) => None,
            Ok(nanos) => Some(nanos),
            Err(_) => {
                notes.error(|| format!("`{name}` {nanos} is beyond the year 2262"));
                None
            }
        };
        let time_unix_nano = time(record.time_unix_nano, "time_unix_nano");
        let observed = time(record.observed_time_unix_nano, "observed_time_unix_nano");
        let severity = LogSeverity::from_number(record.severity_number);
        notes.lossy |= severity.is_none() && record.severity_number != 0;
        notes.lossy |= record.flags > 0xff;

        let (uid, request_id) = find_ids(&record.attributes);
        dropped(&mut record.attributes, record.dropped_attributes_count);
        self.attributes.clear();
        if !record.attributes.is_empty() {
            notes.lossy |= !record.attributes.write_object(&mut self.attributes);
        }
        self.body.clear();
        let body = match record.body.get(0) {
            None | Some(Token::Null) => None,
            Some(Token::Text(text)) => Some(&**text),
            Some(Token::Bytes(bytes)) => {
                STANDARD.encode_string(bytes, &mut self.body);
                Some(&*self.body)
            }
            Some(_) => {
                notes.lossy |= !record.body.write(0, &mut self.body);
                Some(&*self.body)
            }
        };
        let error = [&notes.error, &self.scope_error, &self.resource_error]
            .into_iter()
            .find_map(Option::as_deref);
        let range = range(self.frame, part);
        self.rows.part(self.frame, range);
        let base = self.rows.line();
        let line = LogLine {
            time_unix_nano,
            observed_time_unix_nano: observed.unwrap_or(base.observed_time_unix_nano),
            severity,
            severity_text: given(&record.severity_text),
            service: given(&self.service),
            emitter: given(&self.emitter).or(base.emitter),
            event: given(&record.event_name),
            uid: uid.and_then(|place| id(&record.attributes, place, &mut self.uid)),
            request_id: request_id
                .and_then(|place| id(&record.attributes, place, &mut self.request_id)),
            trace_id: record.trace_id,
            span_id: record.span_id,
            trace_flags: i32::try_from(record.flags & 0xff).ok().filter(|flags| *flags != 0),
            body,
            attributes: given(&self.attributes),
            resource: given(&self.resource),
            scope: given(&self.scope),
            parse_error: error,
            raw: (notes.lossy || error.is_some()).then_some(part),
            ..base
        };
        self.rows.push_whole(&line);
        self.pushed += 1;
    }

    /// Adds a row of what could not be read, with its bytes, and with the resource and the scope
    /// it belongs to.
    pub(super) fn broken(&mut self, part: &'a [u8], error: &str) {
        if self.has_room(part) {
            self.push_broken(part, error);
        }
    }

    fn push_broken(&mut self, part: &'a [u8], error: &str) {
        self.rows.part(self.frame, range(self.frame, part));
        let kept = part.get(..RAW_LIMIT).unwrap_or(part);
        let body = String::from_utf8_lossy(kept);
        let base = self.rows.line();
        let line = LogLine {
            service: given(&self.service),
            emitter: given(&self.emitter).or(base.emitter),
            body: Some(&body),
            resource: given(&self.resource),
            scope: given(&self.scope),
            parse_error: Some(error),
            raw: Some(part),
            ..base
        };
        self.rows.push_whole(&line);
        self.pushed += 1;
    }

    /// Adds a row of a resource or a scope that has no records, if it says more than fields hold.
    pub(super) fn childless(&mut self, notes: &Notes, part: &'a [u8]) {
        if notes.keep() {
            let error = notes.error.as_deref().unwrap_or("it says what OTLP does not have");
            self.broken(part, &format!("this holds no log records; {error}"));
        }
    }

    /// Ends the frame: what stands behind the last record that was taken is kept.
    pub(super) fn finish(mut self) {
        if let Some(rest) = self.full.and_then(|at| self.frame.get(at..)) {
            let error = format!(
                "rows of all records of this request would take more than {EXPANSION} times its \
                 bytes: send smaller resources or larger records; this is the rest"
            );
            self.push_broken(rest, &error);
        }
    }
}

/// Where a part of the frame stands in it.
fn range(frame: &[u8], part: &[u8]) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(frame.as_ptr() as usize);
    start..start.saturating_add(part.len())
}

fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn dropped(attributes: &mut Values<'_>, count: u32) {
    if count > 0 {
        attributes.member(DROPPED, Token::Int(count.into()));
    }
}

/// The places of the record's own id and of its request's.
fn find_ids(attributes: &Values<'_>) -> (Option<usize>, Option<usize>) {
    let (mut uid, mut request_id) = (None, None);
    let mut rank = REQUEST_IDS.len();
    for (key, place) in attributes.members() {
        if key == UID {
            uid = Some(place).filter(|place| is_id(attributes.get(*place))).or(uid);
        } else if let Some(found) = REQUEST_IDS.iter().position(|known| *known == key)
            && found <= rank
            && is_id(attributes.get(place))
        {
            rank = found;
            request_id = Some(place);
        }
    }
    (uid, request_id)
}

fn is_id(token: Option<&Token<'_>>) -> bool {
    match token {
        Some(Token::Text(text)) => !text.is_empty(),
        Some(Token::Int(_)) => true,
        _ => false,
    }
}

/// An id: a text that is not empty, or a whole number, which is written to the buffer.
fn id<'t>(values: &'t Values<'_>, place: usize, number: &'t mut String) -> Option<&'t str> {
    match values.get(place) {
        Some(Token::Text(text)) => given(text),
        Some(Token::Int(int)) => {
            number.clear();
            let _ = write!(number, "{int}");
            Some(number)
        }
        _ => None,
    }
}
