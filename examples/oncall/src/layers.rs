//! The layers: AWS services, as CloudTrail tells of them.

use std::time::Duration;

use logdive_core::{Layer, LayerError, LayerField, ValueType};

/// CloudTrail delivers an event within about 15 minutes of the call (AWS CloudTrail user guide,
/// *How CloudTrail works*).
const LATENESS: Duration = Duration::from_secs(15 * 60);

/// The services that the demo's events come from.
const SERVICES: [&str; 14] = [
    "account",
    "cloudtrail",
    "ec2",
    "health",
    "iam",
    "kms",
    "logs",
    "notifications",
    "organizations",
    "route53",
    "s3",
    "secretsmanager",
    "ssm",
    "sts",
];

/// All layers.
pub(crate) fn all() -> Result<Vec<Layer>, LayerError> {
    SERVICES.iter().map(|service| layer(service)).collect()
}

fn layer(service: &str) -> Result<Layer, LayerError> {
    let text = |path: &str| LayerField::attribute(path, ValueType::Text);
    let layer = Layer::new(service)?
        .lateness(LATENESS)
        .field("error_code", text("errorCode"))?
        .field("read_only", LayerField::attribute("readOnly", ValueType::Bool))?
        .field("access_key", text("userIdentity.accessKeyId"))?
        .field("user", text("userIdentity.userName"))?
        .field("source_ip", text("sourceIPAddress"))?
        .field("user_agent", text("userAgent"))?
        .id("access_key", "access_key")?;
    // What ties services together beside the key: the id `resource`, written differently by each.
    match service {
        "secretsmanager" => layer
            .field("secret_id", text("requestParameters.secretId"))?
            .id("resource", "secret_id"),
        "kms" => layer
            .field("secret_id", text("requestParameters.encryptionContext.SecretARN"))?
            .field(
                "parameter",
                text("requestParameters.encryptionContext.PARAMETER_ARN").after(":parameter"),
            )?
            .id("resource", "secret_id")?
            .id("resource", "parameter"),
        "ssm" => {
            layer.field("parameter", text("requestParameters.name"))?.id("resource", "parameter")
        }
        "s3" => layer.field("bucket", text("requestParameters.bucketName")),
        "sts" => layer.field("role", text("requestParameters.roleArn")),
        _ => Ok(layer),
    }
}
