//! Files whose columns agree, as one table.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::common::config::TableParquetOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::scalar::ScalarValue;
use object_store::path::Path as Location;

use super::OpenFile;
use super::apart::ApartExec;
use crate::engine::LayerStore;
use crate::footers::KnownFooters;
use crate::layers::Lost;

/// Kinds of columns that files of one layer may have: each is a plan of its own.
pub(super) const MOST: usize = 32;
/// Our column of a file's number.
pub(super) const FILE: &str = "\u{0}file";

/// Files whose columns agree: no two have one column in two types.
#[derive(Debug)]
pub(super) struct Group {
    columns: Vec<FieldRef>,
    values: Vec<FieldRef>,
    pub(super) files: Vec<OpenFile>,
    schema: SchemaRef,
}

/// The columns of a file and those that its place gives it. A column of the file goes first.
pub(super) fn whole_schema(file: &Schema, values: &[(String, ScalarValue)]) -> Schema {
    let mut fields: Vec<FieldRef> = file.fields().iter().cloned().collect();
    fields.extend(added(file, values).map(|(name, value)| field(name, value.data_type())));
    Schema::new(fields)
}

fn added<'a>(
    file: &'a Schema,
    values: &'a [(String, ScalarValue)],
) -> impl Iterator<Item = (&'a str, &'a ScalarValue)> {
    let found = values.iter().filter(|(name, _)| file.index_of(name).is_err());
    found.map(|(name, value)| (name.as_str(), value))
}

fn field(name: &str, kind: DataType) -> FieldRef {
    Arc::new(Field::new(name, kind, true))
}

/// Files by their columns, in as few groups as they fit into, and those that are too many.
pub(super) fn grouped(files: Vec<OpenFile>) -> (Vec<Group>, Vec<OpenFile>) {
    let (mut groups, mut over): (Vec<Group>, Vec<OpenFile>) = (Vec::new(), Vec::new());
    for file in files {
        let schema = file.known.footer.schema.as_ref();
        let values: Vec<FieldRef> = added(schema, &file.candidate.values)
            .map(|(name, value)| field(name, value.data_type()))
            .collect();
        let takes = |group: &Group| group.takes(schema, &values);
        let at = groups.iter().position(takes).unwrap_or(groups.len());
        if at == MOST {
            over.push(file);
            continue;
        }
        if at == groups.len() {
            let schema = Arc::new(Schema::empty());
            groups.push(Group { columns: Vec::new(), values, files: Vec::new(), schema });
        }
        if let Some(group) = groups.get_mut(at) {
            group.widen(schema);
            group.files.push(file);
        }
    }
    for group in &mut groups {
        let file = field(FILE, DataType::Int64);
        let all = group.columns.iter().chain(&group.values).cloned().chain([file]);
        group.schema = Arc::new(Schema::new(all.collect::<Vec<_>>()));
    }
    (groups, over)
}

impl Group {
    fn takes(&self, schema: &Schema, values: &[FieldRef]) -> bool {
        let agrees = |field: &FieldRef| {
            let same = |known: &&FieldRef| known.name() == field.name();
            self.values.iter().all(|value| value.name() != field.name())
                && self
                    .columns
                    .iter()
                    .find(same)
                    .is_none_or(|known| known.data_type() == field.data_type())
        };
        let clashes = values.iter().any(|v| self.columns.iter().any(|c| c.name() == v.name()));
        self.values == values && !clashes && schema.fields().iter().all(agrees)
    }

    fn widen(&mut self, schema: &Schema) {
        for new in schema.fields() {
            if self.columns.iter().all(|known| known.name() != new.name()) {
                self.columns.push(field(new.name(), new.data_type().clone()));
            }
        }
    }

    /// All columns: those of files, those of their places, the file's number.
    pub(super) const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The group as a table of a dive.
    pub(super) fn table(&self, store: &LayerStore, lost: &Arc<Lost>) -> GroupTable {
        let mut files = Vec::with_capacity(self.files.len());
        for (number, file) in self.files.iter().enumerate() {
            let candidate = &file.candidate;
            let value = |wanted: &FieldRef| {
                let found = candidate.values.iter().find(|(name, _)| name == wanted.name());
                found.map_or(ScalarValue::Null, |(_, value)| value.clone())
            };
            let mut scanned = PartitionedFile::new(candidate.location.to_string(), candidate.bytes);
            // As it is: a text would be decoded.
            scanned.object_meta.location = candidate.location.clone();
            scanned.partition_values = self.values.iter().map(value).collect();
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            scanned.partition_values.push(ScalarValue::Int64(Some(number)));
            files.push(scanned);
        }
        let known = self.files.iter();
        let known = known
            .map(|file| (file.candidate.location.clone(), Arc::clone(&file.known.footer.metadata)));
        let file = field(FILE, DataType::Int64);
        let schema = TableSchema::builder(Arc::new(Schema::new(self.columns.clone())))
            .with_table_partition_cols(
                self.values.iter().cloned().chain([file]).collect::<Vec<_>>(),
            )
            .build();
        GroupTable {
            schema,
            files,
            footers: Arc::new(KnownFooters::new(&store.store, known.collect())),
            url: store.url.clone(),
            lost: Arc::clone(lost),
        }
    }

    /// Files by their numbers.
    pub(super) fn by_number(&self) -> HashMap<i64, &OpenFile> {
        (0_i64..).zip(&self.files).collect()
    }
}

/// The files of a group as a table. What breaks in one ends that file only.
#[derive(Debug)]
pub(super) struct GroupTable {
    schema: TableSchema,
    files: Vec<PartitionedFile>,
    footers: Arc<KnownFooters>,
    url: ObjectStoreUrl,
    lost: Arc<Lost>,
}

#[async_trait]
impl TableProvider for GroupTable {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(self.schema.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut options = TableParquetOptions::default();
        // As footers are read.
        options.global.coerce_int96 = Some("us".to_owned());
        let source = ParquetSource::new(self.schema.clone())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::clone(&self.footers) as _);
        let groups = self.files.iter().map(|file| FileGroup::new(vec![file.clone()])).collect();
        let config = FileScanConfigBuilder::new(self.url.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            // Each partition is one file and stays it, so that it is known whose error it was.
            .with_preserve_order(true)
            .build();
        let names: Vec<Location> =
            self.files.iter().map(|file| file.object_meta.location.clone()).collect();
        let at_once = state.config().target_partitions();
        let files = DataSourceExec::from_data_source(config);
        Ok(Arc::new(ApartExec::new(files, names, at_once, Arc::clone(&self.lost))))
    }
}
