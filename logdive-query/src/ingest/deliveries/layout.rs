//! How services lay out what they deliver.

use std::sync::Arc;

use logdive_core::format::{Format, Framing, JsonLines, Rows, UnknownFormat, by_name};
use object_store::path::Path;

use super::AlbLog;

/// How objects are laid out under the prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// `AWSLogs/[ORGANIZATION/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/….json.gz`. The prefix may
    /// stand in front of it or end within it. Digests and insights beside it are left alone.
    CloudTrail,
    /// `AWSLogs/ACCOUNT/elasticloadbalancing/REGION/YYYY/MM/DD/….log.gz`: access logs of
    /// Application Load Balancers. The prefix may stand in front of it or end within it.
    /// Connection logs, and logs of other load balancers, are left alone.
    Alb,
    /// `YYYY/MM/DD/HH/…` in UTC behind any prefix, as Data Firehose writes it, its parts plain or
    /// as `year=YYYY`: JSON objects one after another unless a format is set, with or without
    /// line ends, gzipped or not.
    Firehose,
    /// Any folders, with dates in their names or not. Objects that are named as those of
    /// CloudTrail or of a load balancer are read as such, others as with
    /// [`Firehose`](Self::Firehose). What lies in folders without a date is remembered for as
    /// long as it is there.
    Any,
}

impl Layout {
    /// How fine the dates of the folders are that are listed whole.
    pub(super) const fn leaf(self) -> usize {
        match self {
            Self::CloudTrail | Self::Alb | Self::Any => 3,
            Self::Firehose => 4,
        }
    }

    /// Whether objects may lie in a folder that is not as fine.
    pub(super) const fn takes_all(self) -> bool {
        matches!(self, Self::Firehose | Self::Any)
    }

    /// Whether to look into a folder.
    pub(super) fn enters(self, folder: &Path) -> bool {
        let kind = match self {
            Self::CloudTrail => "CloudTrail",
            Self::Alb => "elasticloadbalancing",
            Self::Firehose | Self::Any => return true,
        };
        let mut parts = folder.parts().skip_while(|part| part.as_ref() != "AWSLogs").skip(1);
        // An organization's id stands in front of the account's.
        let _account = parts.find(|part| !part.as_ref().starts_with("o-"));
        parts.next().is_none_or(|part| part.as_ref() == kind)
    }

    /// Whether an object is a log.
    pub(super) fn takes(self, object: &Path) -> bool {
        let name = object.filename().unwrap_or_default();
        match self {
            Self::CloudTrail => is_cloudtrail(name),
            Self::Alb => is_alb(name),
            Self::Firehose => true,
            // What stands beside the logs and is none.
            Self::Any => !name.starts_with("conn_log") && !name.contains("_CloudTrail-Digest_"),
        }
    }
}

fn ends(name: &str, kind: &str) -> bool {
    name.strip_suffix(".gz").unwrap_or(name).ends_with(kind)
}

fn is_cloudtrail(name: &str) -> bool {
    ends(name, ".json") && name.contains("_CloudTrail_")
}

fn is_alb(name: &str) -> bool {
    let other = name.starts_with("conn_log") || name.starts_with("health_check_log");
    ends(name, ".log")
        && !other
        && name.contains("_elasticloadbalancing_")
        && name.contains("_app.")
}

/// The formats of a layout.
#[derive(Debug)]
pub(super) struct Formats {
    cloudtrail: Option<Arc<dyn Format>>,
    alb: Arc<dyn Format>,
    other: Arc<dyn Format>,
    layout: Layout,
}

impl Formats {
    pub(super) fn new(
        layout: Layout,
        other: Option<Arc<dyn Format>>,
    ) -> Result<Self, UnknownFormat> {
        let cloudtrail = match (layout, by_name("cloudtrail")) {
            (Layout::CloudTrail, Err(unknown)) => return Err(unknown),
            (_, known) => known.ok(),
        };
        let other = other.unwrap_or_else(|| Arc::new(Values(JsonLines::new())));
        Ok(Self { cloudtrail, alb: Arc::new(AlbLog::new()), other, layout })
    }

    /// The format of an object.
    pub(super) fn of(&self, object: &Path) -> &Arc<dyn Format> {
        let name = object.filename().unwrap_or_default();
        let known = match self.layout {
            Layout::CloudTrail => self.cloudtrail.as_ref(),
            Layout::Alb => Some(&self.alb),
            Layout::Firehose => None,
            Layout::Any if is_cloudtrail(name) => self.cloudtrail.as_ref(),
            Layout::Any if is_alb(name) => Some(&self.alb),
            Layout::Any => None,
        };
        known.unwrap_or(&self.other)
    }
}

/// JSON objects one after another, with line ends between them or not.
#[derive(Debug)]
struct Values(JsonLines);

impl Format for Values {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn framing(&self) -> Framing {
        Framing::Values
    }

    fn parse(&self, rows: &mut Rows<'_>) {
        self.0.parse(rows);
    }
}

#[cfg(test)]
mod tests {
    use object_store::path::Path;

    use super::Layout;

    #[test]
    fn only_folders_of_the_service_are_entered() {
        for (layout, folder, enters) in [
            (Layout::CloudTrail, "", true),
            (Layout::CloudTrail, "x/AWSLogs", true),
            (Layout::CloudTrail, "x/AWSLogs/123456789012", true),
            (Layout::CloudTrail, "x/AWSLogs/123456789012/CloudTrail", true),
            (Layout::CloudTrail, "x/AWSLogs/o-1a2b/123456789012/CloudTrail/eu-west-1", true),
            (Layout::CloudTrail, "x/AWSLogs/123456789012/CloudTrail-Digest", false),
            (Layout::CloudTrail, "x/AWSLogs/o-1a2b/123456789012/vpcflowlogs", false),
            (Layout::CloudTrail, "us-east-1/2023/07", true),
            (Layout::Alb, "AWSLogs/123456789012/CloudTrail", false),
            (Layout::Alb, "AWSLogs/123456789012/elasticloadbalancing/us-east-1", true),
            (Layout::Any, "AWSLogs/123456789012/vpcflowlogs", true),
        ] {
            assert_eq!(layout.enters(&Path::from(folder)), enters, "{layout:?} {folder}");
        }
    }

    #[test]
    fn only_logs_are_taken() {
        let trail = "1_CloudTrail_us-east-1_20230710T1145Z_7x.json.gz";
        let alb =
            "1_elasticloadbalancing_us-east-2_app.web.50dc_20220215T2340Z_172.16.0.1_20s.log.gz";
        let net = "1_elasticloadbalancing_us-east-2_net.web.50dc_20220215T2340Z_20s.log.gz";
        for (layout, name, takes) in [
            (Layout::CloudTrail, trail, true),
            (Layout::CloudTrail, "1_CloudTrail-Digest_us-east-1_x.json.gz", false),
            (Layout::CloudTrail, alb, false),
            (Layout::Alb, alb, true),
            (Layout::Alb, net, false),
            (Layout::Alb, &format!("conn_log.{alb}"), false),
            (Layout::Firehose, "stream-1-2023-07-10-11-00-00-x", true),
        ] {
            assert_eq!(layout.takes(&Path::from(format!("d/{name}"))), takes, "{layout:?} {name}");
        }
    }
}
