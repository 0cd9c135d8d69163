//! `1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG`, behind the priority.

use super::super::cursor::Cursor;
use super::super::time::iso;
use super::{Message, data, given};

/// Reads a message behind its priority; `None` if it has no version and time in front.
///
/// A header that is cut short, or structured data that does not end, is told as the row's error;
/// a missing `STRUCTURED-DATA` is taken for none.
pub(super) fn read(mut cursor: Cursor<'_>) -> Option<Message<'_>> {
    let version = cursor.digits();
    if !(1..=2).contains(&version.len()) || version.starts_with('0') || !cursor.eat(" ") {
        return None;
    }
    let mut message = Message::default();
    let stamp = cursor.word();
    if stamp != "-" {
        let (civil, _) = iso(stamp).filter(|(_, len)| *len == stamp.len())?;
        message.time = Some(civil);
    }
    for field in [&mut message.host, &mut message.app, &mut message.process, &mut message.id] {
        if !cursor.eat(" ") {
            message.error = Some("its header ends early");
        }
        *field = given(cursor.word());
    }
    if !cursor.eat(" ") {
        message.error = message.error.or(Some("its header ends early"));
        return Some(message);
    }
    if cursor.first() == Some(b'[') {
        match data::end(cursor.rest()) {
            Some(end) => {
                message.data = Some(cursor.take(end));
                cursor.eat(" ");
            }
            None => message.error = Some("its structured data does not end"),
        }
    } else if cursor.rest() == "-" || cursor.rest().starts_with("- ") {
        cursor.take(1);
        cursor.eat(" ");
    }
    cursor.eat("\u{feff}");
    message.body = cursor.rest();
    Some(message)
}
