//! The sinks alone: a document into a GitHub issue, as one comment that is updated in place.

#![expect(clippy::print_stdout, reason = "it prints what it found")]

use logdive_core::port::Delivery;
use logdive_core::{DeliveryKey, Document};
use logdive_sinks::{GithubIssues, Outbox, Secret, SqliteJournal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let outbox = Outbox::to(GithubIssues::new("acme/ops", Secret::env("GITHUB_TOKEN")?)?)
        .journal(SqliteJournal::open("deliveries.db")?)
        .build()?;
    let document = Document::new()
        .heading(2, "KMS throttling")
        .paragraph("72 throttled calls in 15 minutes, all by key alias/billing");
    let key = DeliveryKey::of(["KMS-7", "evidence"]);
    let receipt = outbox.send(Delivery::comment("issues/42", key, document)).await?;
    println!("comment {}, everything kept: {}", receipt.id, receipt.kept.is_all());
    Ok(())
}
