//! The record of deliveries.

use logdive_core::port::{Begin, DeliveryOutcome, JournalError, PendingDelivery, Receipt};
use logdive_core::{DeliveryKey, Digest};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::failed;

const SENDING: &str = "sending";
const DELIVERED: &str = "delivered";
const NOT_APPLIED: &str = "not_applied";
const NO_ANSWER: &str = "no_answer";
const DEAD: &str = "dead";

struct Known {
    target: String,
    state: String,
    receipt: Option<Receipt>,
    /// The content that the receipt is of.
    receipt_content: Option<String>,
}

fn known(
    connection: &Connection,
    key: &DeliveryKey,
    sink: &str,
) -> Result<Option<Known>, JournalError> {
    let what = "reading the record of a delivery";
    let row = connection
        .query_row(
            "SELECT target, state, receipt, receipt_content FROM delivery
             WHERE key = ?1 AND sink = ?2",
            params![key.to_string(), sink],
            |row| {
                let receipt: Option<String> = row.get(2)?;
                Ok((row.get(0)?, row.get(1)?, receipt, row.get(3)?))
            },
        )
        .optional()
        .map_err(failed(what))?;
    let Some((target, state, receipt, receipt_content)) = row else { return Ok(None) };
    let receipt = receipt
        .map(|json| serde_json::from_str(&json))
        .transpose()
        .map_err(|error| JournalError::store(what, error))?;
    Ok(Some(Known { target, state, receipt, receipt_content }))
}

pub(super) fn begin(
    connection: &mut Connection,
    key: &DeliveryKey,
    sink: &str,
    target: &str,
    content: Digest,
) -> Result<Begin, JournalError> {
    let what = "recording that a delivery begins";
    let content = content.to_string();
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed(what))?;
    let begin = match known(&transaction, key, sink)? {
        None => Begin::Fresh,
        Some(known) if known.target != target => {
            return Err(JournalError::store(
                what,
                format!(
                    "key `{key}` belongs to `{}` and not to `{target}`: one key, one place",
                    known.target
                ),
            ));
        }
        Some(Known { state, receipt, receipt_content, .. }) => match (state.as_str(), receipt) {
            (SENDING | NO_ANSWER, receipt) => Begin::Resume(receipt),
            (DELIVERED | NOT_APPLIED | DEAD, Some(receipt)) => {
                if receipt_content.as_ref() == Some(&content) {
                    return Ok(Begin::Done(receipt));
                }
                Begin::Update(receipt)
            }
            (NOT_APPLIED | DEAD, None) => Begin::Fresh,
            (state, _) => {
                let why = format!("key `{key}` is `{state}`, which cannot be: it is damaged");
                return Err(JournalError::store("reading the record of a delivery", why));
            }
        },
    };
    transaction
        .execute(
            "INSERT INTO delivery (key, sink, target, content, state, detail)
             VALUES (?1, ?2, ?3, ?4, ?5, '')
             ON CONFLICT (key, sink) DO UPDATE
             SET content = excluded.content, state = excluded.state, detail = ''",
            params![key.to_string(), sink, target, content, SENDING],
        )
        .map_err(failed(what))?;
    transaction.commit().map_err(failed(what))?;
    Ok(begin)
}

pub(super) fn end(
    connection: &mut Connection,
    key: &DeliveryKey,
    sink: &str,
    outcome: &DeliveryOutcome,
) -> Result<(), JournalError> {
    let what = "recording how a delivery ended";
    let key = key.to_string();
    let changed = match outcome {
        DeliveryOutcome::Delivered(receipt) => {
            let receipt =
                serde_json::to_string(receipt).map_err(|error| JournalError::store(what, error))?;
            connection.execute(
                "UPDATE delivery SET state = ?3, detail = '', receipt = ?4,
                 receipt_content = content WHERE key = ?1 AND sink = ?2",
                params![key, sink, DELIVERED, receipt],
            )
        }
        DeliveryOutcome::NotApplied => ended(connection, &key, sink, NOT_APPLIED, ""),
        DeliveryOutcome::NoAnswer => ended(connection, &key, sink, NO_ANSWER, ""),
        DeliveryOutcome::Dead(why) => ended(connection, &key, sink, DEAD, why),
    };
    match changed.map_err(failed(what))? {
        0 => Err(JournalError::store(what, format!("key `{key}` was not begun for `{sink}`"))),
        _ => Ok(()),
    }
}

fn ended(
    connection: &Connection,
    key: &str,
    sink: &str,
    state: &str,
    detail: &str,
) -> rusqlite::Result<usize> {
    connection.execute(
        "UPDATE delivery SET state = ?3, detail = ?4 WHERE key = ?1 AND sink = ?2",
        params![key, sink, state, detail],
    )
}

pub(super) fn open(connection: &mut Connection) -> Result<Vec<PendingDelivery>, JournalError> {
    let what = "reading the open deliveries";
    let mut select = connection
        .prepare_cached(
            "SELECT key, sink, target FROM delivery WHERE state IN (?1, ?2) ORDER BY rowid",
        )
        .map_err(failed(what))?;
    let rows = select
        .query_map([SENDING, NO_ANSWER], |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?))
        })
        .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
        .map_err(failed(what))?;
    rows.into_iter()
        .map(|(key, sink, target)| {
            let parsed = DeliveryKey::parse(&key).ok_or_else(|| {
                JournalError::store(what, format!("`{key}` is no key: the record is damaged"))
            })?;
            Ok(PendingDelivery { key: parsed, sink, target })
        })
        .collect()
}
