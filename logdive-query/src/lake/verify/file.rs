//! One data file, read whole.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;

use chrono::{DateTime, NaiveDate};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use logdive_core::log::{Column, LogRow};
use logdive_core::{Digest, LogBatch};

use super::{LakeFile, Seen};

/// Rows that are held at once.
const ROWS: usize = 1_024;
/// Problems of one file that are told one by one.
const MOST: usize = 10;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What was found in a file.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) rows: u64,
    pub(super) problems: Vec<String>,
    untold: u64,
}

pub(super) fn check(root: &Path, file: &LakeFile, seen: &Mutex<Seen>) -> Checked {
    let mut checked = Checked::default();
    let path = root.join(&file.path);
    match whole(&path, file) {
        // What has other bytes than were written is not decoded: it may ask for anything.
        Ok(Some(problem)) => checked.problem(problem),
        Ok(None) => {
            if let Err(error) = checked.read(root, &path, file, seen) {
                checked.problem(format!("it cannot be read: {error}"));
            }
        }
        Err(error) => checked.problem(format!("it cannot be read: {error}")),
    }
    if checked.untold > 0 {
        let untold = checked.untold;
        checked.problems.push(format!("and {untold} more"));
    }
    checked
}

/// Compares size and digest.
fn whole(path: &Path, file: &LakeFile) -> std::io::Result<Option<String>> {
    let found = File::open(path)?;
    let size = found.metadata()?.len();
    if size != file.bytes {
        return Ok(Some(format!("it has {size} bytes, the log says {}", file.bytes)));
    }
    let Some(written) = digest_in(&file.path) else { return Ok(None) };
    let digest = Digest::of_reader(found)?.short();
    Ok((digest != written).then(|| format!("its digest is {digest}, it was written as {written}")))
}

/// The digest that a name carries: that of files of ours.
fn digest_in(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?.strip_suffix(".parquet")?;
    let (front, digest) = name.rsplit_once('-')?;
    let before = front.rsplit('-').next()?;
    let hex = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_hexdigit());
    // `group-digest` as they are named now, `stream-batch-digest` as they were at first.
    let ours = (before == front && hex(front))
        || (before.len() >= 10 && before.bytes().all(|b| b.is_ascii_digit()));
    (ours && hex(digest)).then_some(digest)
}

impl Checked {
    fn problem(&mut self, what: String) {
        if self.problems.len() < MOST { self.problems.push(what) } else { self.untold += 1 }
    }

    fn read(
        &mut self,
        root: &Path,
        path: &Path,
        file: &LakeFile,
        seen: &Mutex<Seen>,
    ) -> Result<(), Failure> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
        let sorted = builder.metadata().row_groups().iter().all(|group| {
            group
                .sorting_columns()
                .and_then(|columns| columns.first())
                .is_some_and(|column| column.column_idx == Column::Ts as i32 && !column.descending)
        });
        let mut times: Option<(i64, i64)> = None;
        let mut last = i64::MIN;
        let mut order = Ok(());
        for batch in builder.with_batch_size(ROWS).build()? {
            let batch = LogBatch::try_new(&batch?)?;
            for line in batch.rows() {
                let row = self.rows;
                self.rows += 1;
                let ts = line.int(Column::Ts).unwrap_or_default();
                if ts < last && order.is_ok() {
                    order = Err(row);
                }
                last = ts;
                times = Some(times.map_or((ts, ts), |(low, high)| (low.min(ts), high.max(ts))));
                if let Err(why) = blob(&line, root, seen) {
                    self.problem(format!("row {row}: {why}"));
                }
            }
        }
        if let (true, Err(row)) = (sorted, order) {
            self.problem(format!("row {row} is older than the one before it"));
        }
        if let Some(rows) = file.rows.filter(|rows| *rows != self.rows) {
            self.problem(format!("it has {} rows, the log says {rows}", self.rows));
        }
        if let Some((low, high)) = times {
            self.times(low, high, file);
        }
        Ok(())
    }

    fn times(&mut self, low: i64, high: i64, file: &LakeFile) {
        let below = file.oldest.is_some_and(|oldest| low < oldest.timestamp_micros());
        let above = file.newest.is_some_and(|newest| high > newest.timestamp_micros());
        if below || above {
            self.problem("it has lines outside of the times that the log says".to_owned());
        }
        let day = |micros| DateTime::from_timestamp_micros(micros).map(|time| time.date_naive());
        let other = |date: NaiveDate| day(low) != Some(date) || day(high) != Some(date);
        if let Some(date) = file.date.filter(|date| other(*date)) {
            self.problem(format!("it has lines of other days than {date}"));
        }
    }
}

fn blob(line: &LogRow<'_>, root: &Path, seen: &Mutex<Seen>) -> Result<(), String> {
    let Some(name) = line.text(Column::RawBlob) else { return Ok(()) };
    let raw = line.binary(Column::Raw).unwrap_or_default();
    Seen::check(seen, root, raw, name)
        .map_err(|why| format!("blob `{}`: {why}", name.chars().take(80).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::digest_in;

    #[test]
    fn only_our_names_carry_a_digest() {
        let ours = [
            "date=2023-07-10/0123456789ab-ba9876543210.parquet",
            "a-b/s_20_x-0000000007-ba9876543210.parquet",
        ];
        for name in ours {
            assert_eq!(digest_in(name), Some("ba9876543210"), "{name}");
        }
        for name in [
            "date=2023-07-10/part-00001-0ad0b2f5-6f8c-4b0f-9d21-1f4a55bd9d3c-c000.snappy.parquet",
            "date=2023-07-10/0ad0b2f5-6f8c-4b0f-9d21-1f4a55bd9d3c.parquet",
            "ba9876543210.parquet",
            "x-ba9876543210.parquet",
            "0123456789ab-ba98765432.parquet",
        ] {
            assert_eq!(digest_in(name), None, "{name}");
        }
    }
}
