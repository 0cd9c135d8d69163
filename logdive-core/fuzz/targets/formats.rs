//! Any bytes in any pieces, by the format that the variable `LOGDIVE_FORMAT` names: no panic, the
//! rows depend on the bytes alone, and every row has its record.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use logdive_core::format::{Format, Origin, Parser, by_name};
use logdive_core::{LayerName, LogBatch, LogBatchBuilder};

static FORMAT: LazyLock<Arc<dyn Format>> = LazyLock::new(|| {
    let name = std::env::var("LOGDIVE_FORMAT").unwrap_or_else(|_| "json".to_owned());
    by_name(&name).unwrap_or_else(|error| panic!("{error}"))
});

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> LogBatch {
    let layer = LayerName::parse("x").expect("a name");
    let mut parser =
        Parser::new(Arc::clone(&FORMAT), Origin::new(layer, "x", 1_700_000_000_000_000_000));
    let mut out = LogBatchBuilder::new();
    for piece in pieces {
        parser.feed(piece, &mut out);
    }
    parser.finish(&mut out);
    out.finish()
}

fuzz_target!(|input: &[u8]| {
    let Some((cut, bytes)) = input.split_first() else { return };
    let whole = read([bytes]);
    let pieces = read(bytes.chunks(usize::from(*cut) + 1));
    assert!(whole.as_arrow() == pieces.as_arrow(), "the rows depend on the pieces");
    if !bytes.iter().all(u8::is_ascii_whitespace) {
        let framed = !matches!(FORMAT.name(), "cloudtrail") && !FORMAT.name().starts_with("otlp");
        assert!(!framed || !whole.is_empty(), "nothing came of it");
    }
    if FORMAT.name().starts_with("otlp") {
        return;
    }
    for record in whole.records() {
        let from = usize::try_from(record.source_offset.expect("an offset")).expect("a place");
        let is_there = |text: &[u8]| bytes.get(from..from + text.len()) == Some(text);
        let kept = [
            record.raw.as_deref(),
            record.body.as_deref().map(str::as_bytes),
            record.attributes.as_deref().map(str::as_bytes),
        ];
        assert!(kept.into_iter().flatten().any(is_there), "the record is lost: {record:?}");
    }
});
