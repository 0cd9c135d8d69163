//! The rows of files that may be in a time, shared evenly among threads.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::FileGroup;
use datafusion::datasource::physical_plan::parquet::{ParquetAccessPlan, RowGroupAccess};
use datafusion::parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use datafusion::parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use datafusion::parquet::file::page_index::column_index::ColumnIndexMetaData;
use datafusion::parquet::file::statistics::Statistics;
use logdive_core::log::Column;
use object_store::path::Path as Location;

/// Fewer rows are not worth a thread of their own.
const LEAST: usize = 4_096;

/// Rows of one row group of one file.
struct Piece {
    file: usize,
    group: usize,
    rows: Range<usize>,
}

/// File groups for threads. What no statistics exclude is read.
pub(super) fn shares(
    files: &[(Location, u64)],
    footers: &HashMap<Location, Arc<ParquetMetaData>>,
    from: Option<i64>,
    to: Option<i64>,
    threads: usize,
) -> Vec<FileGroup> {
    let mut pieces = Vec::new();
    for (file, (location, _)) in files.iter().enumerate() {
        let Some(footer) = footers.get(location) else { continue };
        for group in 0..footer.num_row_groups() {
            if let Some(rows) = rows_in(footer, group, from, to) {
                pieces.push(Piece { file, group, rows });
            }
        }
    }
    let all: usize = pieces.iter().map(|piece| piece.rows.len()).sum();
    let threads = threads.clamp(1, (all / LEAST).max(1));
    let share = all.div_ceil(threads).max(1);
    let mut shares: Vec<Vec<Piece>> = Vec::with_capacity(threads);
    let mut room = 0;
    for mut piece in pieces {
        while !piece.rows.is_empty() {
            if room == 0 {
                shares.push(Vec::new());
                room = share;
            }
            let taken = piece.rows.len().min(room);
            let end = piece.rows.start + taken;
            let part = Piece { rows: piece.rows.start..end, ..piece };
            piece.rows.start = end;
            room -= taken;
            if let Some(share) = shares.last_mut() {
                share.push(part);
            }
        }
    }
    if shares.is_empty() {
        shares.push(Vec::new());
    }
    shares.into_iter().map(|pieces| group_of(files, footers, &pieces)).collect()
}

fn group_of(
    files: &[(Location, u64)],
    footers: &HashMap<Location, Arc<ParquetMetaData>>,
    pieces: &[Piece],
) -> FileGroup {
    let mut group = Vec::new();
    for pieces in pieces.chunk_by(|a, b| a.file == b.file) {
        let Some(first) = pieces.first() else { continue };
        let Some((location, bytes)) = files.get(first.file) else { continue };
        let Some(footer) = footers.get(location) else { continue };
        let mut access = ParquetAccessPlan::new_none(footer.num_row_groups());
        for piece in pieces {
            let rows = footer.row_groups().get(piece.group).map_or(0, rows_of);
            access.set(piece.group, access_to(&piece.rows, rows));
        }
        let mut file = PartitionedFile::new(location.to_string(), *bytes);
        // As it is: a text would be decoded.
        file.object_meta.location = location.clone();
        file.extensions.insert(access);
        group.push(file);
    }
    FileGroup::new(group)
}

fn access_to(rows: &Range<usize>, all: usize) -> RowGroupAccess {
    if *rows == (0..all) {
        return RowGroupAccess::Scan;
    }
    let selectors = [
        RowSelector::skip(rows.start),
        RowSelector::select(rows.len()),
        RowSelector::skip(all.saturating_sub(rows.end)),
    ];
    let selectors = selectors.into_iter().filter(|selector| selector.row_count > 0);
    RowGroupAccess::Selection(RowSelection::from_iter(selectors))
}

fn rows_of(group: &RowGroupMetaData) -> usize {
    usize::try_from(group.num_rows()).unwrap_or_default()
}

/// The rows of a row group that may be in a time, by its statistics and those of its pages; `None`
/// if there are none.
fn rows_in(
    footer: &ParquetMetaData,
    group: usize,
    from: Option<i64>,
    to: Option<i64>,
) -> Option<Range<usize>> {
    let metadata = footer.row_group(group);
    let rows = rows_of(metadata);
    if rows == 0 {
        return None;
    }
    let meets = |low: Option<i64>, high: Option<i64>| {
        from.is_none_or(|from| high.is_none_or(|high| high >= from))
            && to.is_none_or(|to| low.is_none_or(|low| low <= to))
    };
    let time = metadata
        .columns()
        .iter()
        .position(|column| column.column_path().string() == Column::Ts.name());
    let Some(time) = time else { return Some(0..rows) };
    if let Some(Statistics::Int64(times)) = metadata.column(time).statistics()
        && !meets(times.min_opt().copied(), times.max_opt().copied())
    {
        return None;
    }
    let pages = || {
        let index = footer.column_index()?.get(group)?.get(time)?;
        let ColumnIndexMetaData::INT64(index) = index else { return None };
        let places = footer.offset_index()?.get(group)?.get(time)?.page_locations();
        let starts: Vec<usize> = places
            .iter()
            .map(|place| usize::try_from(place.first_row_index).ok())
            .collect::<Option<_>>()?;
        let wanted =
            |page: &usize| meets(index.min_value(*page).copied(), index.max_value(*page).copied());
        let first = (0..starts.len()).find(wanted);
        let last = (0..starts.len()).rfind(wanted);
        let (Some(first), Some(last)) = (first, last) else { return Some(0..0) };
        let end = starts.get(last + 1).copied().unwrap_or(rows);
        Some(*starts.get(first)?..end)
    };
    match pages() {
        None => Some(0..rows),
        Some(range) if range.is_empty() => None,
        Some(range) => Some(range),
    }
}
