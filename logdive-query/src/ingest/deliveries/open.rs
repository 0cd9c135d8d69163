//! Stores by their addresses.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use logdive_core::LayerName;
use object_store::local::LocalFileSystem;
use url::Url;

use super::{Deliveries, DeliveryError};

pub(super) fn open(address: &str, layer: LayerName) -> Result<Deliveries, DeliveryError> {
    let wrong = |why: &str| DeliveryError::Address { address: address.into(), why: why.into() };
    match address.split_once("://") {
        None => local(PathBuf::from(address), address, layer),
        Some(("file", _)) => {
            let path = Url::parse(address).ok().and_then(|url| url.to_file_path().ok());
            let path = path.ok_or_else(|| wrong("it is no path: write file:///folder"))?;
            local(path, address, layer)
        }
        Some(("s3", place)) => {
            let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
            if bucket.is_empty() {
                return Err(wrong("it names no bucket: write s3://bucket/prefix"));
            }
            s3(address, bucket, prefix, layer)
        }
        Some(_) => Err(wrong("it is neither a folder nor s3://bucket/prefix")),
    }
}

fn local(path: PathBuf, address: &str, layer: LayerName) -> Result<Deliveries, DeliveryError> {
    let wrong = |why: &str| DeliveryError::Address { address: address.into(), why: why.into() };
    let folder = fs::canonicalize(path).map_err(|error| wrong(&error.to_string()))?;
    if !folder.is_dir() {
        return Err(wrong("it is no folder"));
    }
    let url = Url::from_directory_path(&folder).map_err(|()| wrong("it is no absolute path"))?;
    let store = LocalFileSystem::new_with_prefix(&folder).map_err(|source| {
        DeliveryError::Store { what: "opening", place: address.to_owned(), source }
    })?;
    Ok(Deliveries::new(Arc::new(store), "", layer).url(url))
}

#[cfg(feature = "s3")]
fn s3(
    address: &str,
    bucket: &str,
    prefix: &str,
    layer: LayerName,
) -> Result<Deliveries, DeliveryError> {
    use object_store::path::Path;

    let failed =
        |source| DeliveryError::Store { what: "opening", place: address.to_owned(), source };
    let store = object_store::aws::AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .build()
        .map_err(failed)?;
    let prefix = Path::parse(prefix).map_err(|error| failed(error.into()))?;
    Ok(Deliveries::new(Arc::new(store), prefix, layer).url(format!("s3://{bucket}/")))
}

#[cfg(not(feature = "s3"))]
fn s3(address: &str, _: &str, _: &str, _: LayerName) -> Result<Deliveries, DeliveryError> {
    let why = "reading from S3 is not built in: build with the feature `s3`".to_owned();
    Err(DeliveryError::Address { address: address.to_owned(), why })
}
