//! Which lines belong to the record in front of them.

use memchr::{memchr, memmem};

use crate::format::time::leading;

/// Whether a line belongs to the record of a head.
///
/// A line with a time is a record, unless the time may also be a number of another kind than the
/// head's time, or the line is indented and the head is not. Behind a head with a time, all other
/// lines belong to it; behind one without, those that are indented deeper and the known parts of
/// stack traces.
pub(super) fn continues(head: &[u8], previous: &[u8], line: &[u8]) -> bool {
    match leading(line) {
        None => leading(head).is_some() || continues_untimed(head, previous, line),
        Some(time) if time.indent > 0 || time.is_weak => {
            let head_time = leading(head);
            let deeper = time.indent > indent(head);
            let other = head_time.is_some_and(|head| head.kind != time.kind);
            deeper || (time.is_weak && other)
        }
        Some(_) => false,
    }
}

fn continues_untimed(head: &[u8], previous: &[u8], line: &[u8]) -> bool {
    let depth = indent(line);
    if depth > 0 {
        return depth > indent(head);
    }
    closes(line)
        || of_jvm(line)
        || of_php(line)
        || of_python(head, previous, line)
        || of_go(head, line)
        || of_rust(head, previous, line)
}

fn indent(line: &[u8]) -> usize {
    line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// The end of a block: brackets alone.
fn closes(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    matches!(line.first(), Some(b'}' | b']' | b')'))
        && line.iter().all(|byte| matches!(byte, b'}' | b']' | b')' | b',' | b';'))
}

/// Java, Kotlin, .NET and JavaScript.
fn of_jvm(line: &[u8]) -> bool {
    match line.first() {
        Some(b'C') => line.starts_with(b"Caused by:"),
        Some(b'S') => line.starts_with(b"Suppressed:"),
        Some(b'a') => {
            line.starts_with(b"at ")
                && (memchr(b'(', line).is_some() || memchr(b':', line).is_some())
        }
        Some(b'.') => line.starts_with(b"... ") && line.ends_with(b" more"),
        Some(b'-') => line.starts_with(b"--- End of "),
        _ => false,
    }
}

fn of_php(line: &[u8]) -> bool {
    line == b"Stack trace:" || matches!(line, [b'#', digit, ..] if digit.is_ascii_digit())
}

const TRACEBACK: &[u8] = b"Traceback (most recent call last)";

/// `Traceback …`, its indented lines, the exception that ends it, and the sentences that chain
/// one to the next.
fn of_python(head: &[u8], previous: &[u8], line: &[u8]) -> bool {
    if line.starts_with(TRACEBACK) {
        // A second one that nothing chains to the first is a record of its own.
        return is_chain(previous) || (previous == head && !head.starts_with(TRACEBACK));
    }
    if is_chain(line) {
        return true;
    }
    if indent(previous) == 0 {
        return false;
    }
    let name = line
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
        .count();
    let begins = line.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    if !begins || !matches!(line.get(name), None | Some(b':')) {
        return false;
    }
    let name = line.get(..name).unwrap_or_default();
    let known =
        [b"Error".as_slice(), b"Exception", b"Warning", b"Interrupt", b"Exit", b"Iteration"];
    head.starts_with(TRACEBACK) || known.iter().any(|end| name.ends_with(end))
}

fn is_chain(line: &[u8]) -> bool {
    line.starts_with(b"During handling of the above exception")
        || line.starts_with(b"The above exception was the direct cause")
}

/// The goroutines behind a panic or a fatal error, or behind the first of a dump.
fn of_go(head: &[u8], line: &[u8]) -> bool {
    let goroutine = line.starts_with(b"goroutine ") && line.ends_with(b"]:");
    let dump = ["panic:", "fatal error:", "goroutine ", "SIG", "runtime:", "unexpected fault"]
        .iter()
        .any(|begin| head.starts_with(begin.as_bytes()));
    goroutine
        || (dump
            && (line.ends_with(b")")
                || line.starts_with(b"created by ")
                || line.starts_with(b"[signal ")
                || line.starts_with(b"runtime stack:")
                || line.starts_with(b"panic: ")
                || line.starts_with(b"PC=")
                || line.starts_with(b"exit status ")))
}

/// What follows `thread 'main' panicked at src/main.rs:2:5:`.
fn of_rust(head: &[u8], previous: &[u8], line: &[u8]) -> bool {
    head.starts_with(b"thread '")
        && memmem::find(head, b" panicked at ").is_some()
        && (line == b"stack backtrace:"
            || line.starts_with(b"note: ")
            || (previous == head && head.ends_with(b":")))
}
