//! What a dive without a decision found, as a document.

use logdive_core::{Anchor, BlockKind, Document, Evidence, Line, Priority, Ticket, packet};

/// The document: what stands out, what was found, what is missing, how to get it again.
pub(crate) fn document(ticket: &Ticket, evidence: &Evidence, command: &str) -> Document {
    let mut document = Document::new().heading(2, format!("logdive: {}", ticket.title));
    let line = Line::new().text("No decision was asked for: this is what the logs say.");
    document.push(Priority::Essential, BlockKind::Paragraph(line));
    let anchor = Anchor::Started.of(&ticket.times);
    document.0.extend(packet::evidence(evidence, anchor, command).0);
    document
}
