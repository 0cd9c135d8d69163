//! The demo's inputs, in the binary, so that it plays anywhere and offline.

/// One CloudTrail delivery file: its name and its bytes.
pub(crate) type File = (&'static str, &'static [u8]);

macro_rules! files {
    ($($name:literal)*) => {
        [$((
            concat!("218007301253_CloudTrail_us-east-1_20230710T", $name, ".json"),
            include_bytes!(concat!(
                "../fixtures/cloudtrail/218007301253_CloudTrail_us-east-1_20230710T",
                $name,
                ".json"
            )) as &[u8],
        ),)*]
    };
}

/// All delivery files in the order of their delivery, which their names tell.
pub(crate) const DELIVERIES: [File; 13] = files! {
    "1145Z_7xgocspSowgK0Gto" "1145Z_s7dpHbl38neqZbm2" "1150Z_1vnLavRRp0ek1mP4"
    "1200Z_iLj9fb7yyUG9X4Bf" "1200Z_x9kHmzMa7cx6l9wM" "1205Z_1dM7GQM67kudSyGD"
    "1205Z_86g9Vok9HiUCgSI7" "1205Z_SjF3IkuNXJkoHyar" "1205Z_UljXNp9xLp8nsAGc"
    "1205Z_dOIWyEekdNWhkpqY" "1205Z_lKy08gyrqqRJyzsn" "1205Z_nx9Yx1FyJdBaTqKj"
    "1205Z_zs3JGxETHr59VpkX"
};

/// The alarm on S3 client errors at 11:42.
pub(crate) const S3_ALARM: &[u8] = include_bytes!("../fixtures/alarms/s3-client-errors.json");
/// The alarm on SSM throttling at 11:58.
pub(crate) const SSM_ALARM: &[u8] = include_bytes!("../fixtures/alarms/ssm-throttling.json");
/// The alarm on S3 client errors at 12:00.
pub(crate) const S3_AGAIN: &[u8] = include_bytes!("../fixtures/alarms/s3-client-errors-again.json");
/// The certificate of the key that signed them, and the address they name for it.
pub(crate) const CERTIFICATE: &[u8] = include_bytes!("../fixtures/alarms/signing-certificate.pem");
/// The address they name for it.
pub(crate) const CERTIFICATE_URL: &str = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0000000000000000000000000000000a.pem";
