//! DataFusion with its defaults, over the same files.

use std::path::PathBuf;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::JoinType;
use datafusion::prelude::{DataFrame, Expr, ParquetReadOptions, SessionContext, col, lit};
use logdive_core::Window;

use crate::data::Data;
use crate::figures::{Asked, timed};
use crate::ours::{ERRORS, HOPS};

pub(crate) async fn ask(data: &Data, window: Window, runs: usize) -> Vec<Asked> {
    let mut asked = Vec::new();
    for (by, files) in
        [("datafusion, all files", &data.files), ("datafusion, files of the day", &data.day_files)]
    {
        let context = SessionContext::new();
        let logs = table(&context, files).await;
        let errors = timed(ERRORS, by, runs, async || count(newest(&logs, window)).await).await;
        let hops = timed(HOPS, by, runs, async || count(two_hops(&logs, window)).await).await;
        asked.extend([errors, hops]);
    }
    asked
}

async fn table(context: &SessionContext, files: &[PathBuf]) -> DataFrame {
    let paths: Vec<String> = files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
    context.read_parquet(paths, ParquetReadOptions::default()).await.expect("the files")
}

fn inside(window: Window) -> Expr {
    let time = |time: chrono::DateTime<chrono::Utc>| {
        let micros = Some(time.timestamp_micros());
        lit(ScalarValue::TimestampMicrosecond(micros, Some("UTC".into())))
    };
    col("ts").gt_eq(time(window.from())).and(col("ts").lt(time(window.to())))
}

fn errors(logs: &DataFrame, window: Window) -> DataFrame {
    let wanted = col("layer").eq(lit("front")).and(col("severity_number").gt_eq(lit(17)));
    logs.clone().filter(inside(window).and(wanted)).expect("columns of the files")
}

fn newest(logs: &DataFrame, window: Window) -> DataFrame {
    let sorted = errors(logs, window).sort(vec![col("ts").sort(false, false)]);
    sorted.and_then(|sorted| sorted.limit(0, Some(200))).expect("columns of the files")
}

fn two_hops(logs: &DataFrame, window: Window) -> DataFrame {
    let ids = errors(logs, window).select(vec![col("request_id").alias("id")]).expect("a column");
    let all = logs.clone().filter(inside(window)).expect("columns of the files");
    all.join(ids, JoinType::LeftSemi, &["request_id"], &["id"], None).expect("a join")
}

async fn count(frame: DataFrame) -> u64 {
    let batches = frame.collect().await.expect("an answer");
    batches.iter().map(|batch| batch.num_rows() as u64).sum()
}
