//! Requests as JSON.
//!
//! Source: OTLP specification, *JSON Protobuf Encoding*; Protocol Buffers documentation, *ProtoJSON
//! format*.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::lines::Lines;
use super::record::{Described, Once, Record};
use crate::format::Rows;

mod number;
mod reader;
mod record;
mod value;
mod walk;

use self::reader::{Json, NotJson, Reader};
use self::value::{Scalar, key_values};
use self::walk::{Elements, Member, Members};

/// Reads a frame: a JSON object.
pub(super) fn parse(rows: &mut Rows<'_>) {
    let frame = rows.record();
    let mut walk = Walk {
        lines: Lines::new(rows),
        resource: Described::default(),
        scope: Described::default(),
        record: Record::default(),
    };
    let items: Vec<_> = Members::of(frame).collect();
    let is_logs = |key: &str| matches!(key, "resourceLogs" | "resource_logs");
    if !items.is_empty() && !items.iter().flatten().any(|member| is_logs(&member.key)) {
        let error = match items.iter().flatten().next() {
            Some(member) => format!("this holds no logs: its first key is `{:.80}`", member.key),
            None => "this is no request of OTLP logs".to_owned(),
        };
        walk.lines.broken(frame, &error);
        return walk.lines.finish();
    }
    for item in items {
        match item {
            Ok(member) if is_logs(&member.key) => walk.elements(&member, Walk::resource_logs),
            Ok(member) => {
                let error = format!("a request has no key `{:.80}`", member.key);
                walk.lines.broken(member.whole, &error);
            }
            Err(broken) => {
                walk.lines.broken(broken.rest, &format!("the request is broken: {}", broken.why));
            }
        }
        if walk.lines.is_full() {
            break;
        }
    }
    walk.lines.finish();
}

struct Walk<'r, 'a> {
    lines: Lines<'r, 'a>,
    resource: Described<'a>,
    scope: Described<'a>,
    record: Record<'a>,
}

type Item<'a> = Result<Member<'a>, walk::Broken<'a>>;

impl<'a> Walk<'_, 'a> {
    fn resource_logs(&mut self, logs: &'a [u8]) {
        let items: Vec<Item<'a>> = Members::of(logs).collect();
        let is_children = |key: &str| matches!(key, "scopeLogs" | "scope_logs");
        let resource = &mut self.resource;
        resource.clear();
        for member in items.iter().flatten().filter(|member| !is_children(&member.key)) {
            described(member, "resource", resource, |reader, key, resource| match key {
                "attributes" => key_values(reader, &mut resource.attributes, &mut resource.notes),
                "droppedAttributesCount" | "dropped_attributes_count" => {
                    dropped(reader, key, resource)
                }
                _ => {
                    resource.notes.lossy = true;
                    reader.skip()
                }
            });
        }
        self.lines.set_resource(resource, || as_it_came(&items, is_children));
        let before = self.lines.pushed();
        self.children(&items, "resource", is_children, Self::scope_logs);
        if self.lines.pushed() == before {
            self.lines.childless(&self.resource.notes, logs);
        }
    }

    fn scope_logs(&mut self, logs: &'a [u8]) {
        let items: Vec<Item<'a>> = Members::of(logs).collect();
        let is_children = |key: &str| matches!(key, "logRecords" | "log_records");
        let scope = &mut self.scope;
        scope.clear();
        for member in items.iter().flatten().filter(|member| !is_children(&member.key)) {
            described(member, "scope", scope, |reader, key, scope| {
                match key {
                    "name" => {
                        scope.see(Once::Name);
                        scope.name = Scalar::read(reader, key)?.text(&mut scope.notes);
                    }
                    "version" => {
                        scope.see(Once::Version);
                        scope.version = Scalar::read(reader, key)?.text(&mut scope.notes);
                    }
                    "attributes" => key_values(reader, &mut scope.attributes, &mut scope.notes)?,
                    "droppedAttributesCount" | "dropped_attributes_count" => {
                        dropped(reader, key, scope)?;
                    }
                    _ => {
                        scope.notes.lossy = true;
                        reader.skip()?;
                    }
                }
                Ok(())
            });
        }
        self.lines.set_scope(scope, || as_it_came(&items, is_children));
        let before = self.lines.pushed();
        self.children(&items, "scope", is_children, Self::log_record);
        if self.lines.pushed() == before {
            self.lines.childless(&self.scope.notes, logs);
        }
    }

    fn log_record(&mut self, text: &'a [u8]) {
        self.record.clear();
        let mut reader = Reader::of(text);
        match record::read(&mut reader, &mut self.record).and_then(|()| reader.end()) {
            Ok(()) => self.lines.push(&mut self.record, text),
            Err(NotJson { at, why }) => {
                let error = format!("the log record is no JSON object at byte {at}: {why}");
                self.lines.broken(text, &error);
            }
        }
    }

    fn children(
        &mut self,
        items: &[Item<'a>],
        name: &str,
        is_children: impl Fn(&str) -> bool,
        each: fn(&mut Self, &'a [u8]),
    ) {
        for item in items {
            match item {
                Ok(member) if is_children(&member.key) => self.elements(member, each),
                Ok(_) => {}
                Err(broken) => {
                    let error = format!("the list of the {name} is broken: {}", broken.why);
                    self.lines.broken(broken.rest, &error);
                }
            }
            if self.lines.is_full() {
                return;
            }
        }
    }

    /// Goes through an array; null is an empty one.
    fn elements(&mut self, member: &Member<'a>, each: fn(&mut Self, &'a [u8])) {
        if member.value == b"null" {
            return;
        }
        for element in Elements::of(member.value) {
            match element {
                Ok(element) => each(self, element),
                Err(broken) => {
                    let error = format!("`{}` is broken: {}", member.key, broken.why);
                    self.lines.broken(broken.rest, &error);
                }
            }
            if self.lines.is_full() {
                return;
            }
        }
    }
}

/// Reads what stands beside the children of a resource or a scope: the object that describes it,
/// and the url of the schema.
fn described<'a>(
    member: &Member<'a>,
    name: &str,
    described: &mut Described<'a>,
    each: impl Fn(&mut Reader<'a>, &str, &mut Described<'a>) -> Result<(), NotJson>,
) {
    let wrong_before = described.notes.error.is_some();
    let mut reader = Reader::of(member.value);
    let mut read = || {
        match &*member.key {
            key if key == name => {
                described.see(Once::Whole);
                match reader.value()? {
                    Json::Null => {}
                    Json::Object => reader.object(|reader, key| {
                        each(reader, &key, described)?;
                        if reader.take_replaced() {
                            described.notes.error(|| format!("`{key:.80}` is not Unicode"));
                        }
                        Ok(())
                    })?,
                    other => {
                        reader.skip_rest(&other)?;
                        described.notes.error(|| "it is no object".to_owned());
                    }
                }
            }
            "schemaUrl" | "schema_url" => {
                described.see(Once::SchemaUrl);
                let url = Scalar::read(&mut reader, &member.key)?;
                described.schema_url = url.text(&mut described.notes);
            }
            _ => {
                described.notes.lossy = true;
                return Ok(());
            }
        }
        reader.end()
    };
    if let Err(NotJson { at, why }) = read() {
        described.notes.error(|| format!("it is no JSON at byte {at}: {why}"));
    }
    if reader.take_replaced() {
        described.notes.error(|| "a text is not Unicode".to_owned());
    }
    if !wrong_before {
        described.notes.within(|| format!("the {name}"));
    }
}

fn dropped<'a>(
    reader: &mut Reader<'a>,
    key: &str,
    described: &mut Described<'a>,
) -> Result<(), NotJson> {
    described.see(Once::Dropped);
    let count = Scalar::read(reader, key)?;
    described.dropped_attributes_count = count.number(&mut described.notes).unwrap_or_default();
    Ok(())
}

/// The members without the children, as text; in base64 where they are none.
fn as_it_came(items: &[Item<'_>], is_children: impl Fn(&str) -> bool) -> String {
    let mut object = vec![b'{'];
    for member in items.iter().flatten().filter(|member| !is_children(&member.key)) {
        if object.len() > 1 {
            object.push(b',');
        }
        object.extend_from_slice(member.whole);
    }
    object.push(b'}');
    String::from_utf8(object).unwrap_or_else(|error| STANDARD.encode(error.as_bytes()))
}
