//! Dates in the names of folders.

use chrono::{DateTime, Months, NaiveDate, TimeDelta, Utc};
use object_store::path::Path;

/// The month, day or hour that a folder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    /// The first instant behind it.
    pub(super) end: DateTime<Utc>,
    /// How fine it is: 2 for a month, 3 for a day, 4 for an hour.
    pub(super) parts: usize,
    /// How many folders stand in front of the date.
    pub(super) before: usize,
}

/// The date in a folder's path: `2023/07/10` with an hour or without, each part as `month=07` or
/// plain. A year alone is none. What is finer than so many parts is not looked at.
pub(super) fn period(folder: &Path, finest: usize) -> Option<Period> {
    let parts: Vec<_> = folder.parts().collect();
    parts.windows(2).enumerate().find_map(|(before, pair)| {
        let [year, month] = pair else { return None };
        let year = number(year.as_ref(), 4).filter(|year| *year >= 1970)?;
        let first = |month, day| NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day);
        let month = number(month.as_ref(), 2)?;
        let midnight = |day: NaiveDate| day.and_hms_opt(0, 0, 0).map(|time| time.and_utc());
        let part = |at: usize| parts.get(before + at).and_then(|part| number(part.as_ref(), 2));
        let start = first(month, 1)?;
        let Some(day) = part(2).and_then(|day| first(month, day)) else {
            let end = midnight(start.checked_add_months(Months::new(1))?)?;
            return Some(Period { end, parts: 2, before });
        };
        let day = midnight(day)?;
        let (end, parts) = match part(3).filter(|hour| *hour < 24 && finest > 3) {
            Some(hour) => (day + TimeDelta::hours(i64::from(hour) + 1), 4),
            None => (day + TimeDelta::days(1), 3),
        };
        Some(Period { end, parts, before })
    })
}

/// The folders in front of the date, else all.
pub(super) fn undated(folder: &Path) -> Path {
    let before = period(folder, 4).map_or(usize::MAX, |period| period.before);
    folder.parts().take(before).collect()
}

fn number(part: &str, digits: usize) -> Option<u32> {
    let value = part.split_once('=').map_or(part, |(_, value)| value);
    let plain = value.len() == digits && value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use object_store::path::Path;

    use super::{period, undated};

    #[test]
    fn dates_are_found_in_folders() {
        for (path, end, parts) in [
            ("a/AWSLogs/123456789012/CloudTrail/us-east-1/2023/07/10", "2023-07-11T00", 3),
            ("2023/07/10/23", "2023-07-11T00", 4),
            ("2023/12/31", "2024-01-01T00", 3),
            ("x/2023/12", "2024-01-01T00", 2),
            ("x/year=2023/month=07/day=10/hour=05/more", "2023-07-10T06", 4),
            ("x/2023/02/30", "2023-03-01T00", 2),
            ("x/2023/07/10/24", "2023-07-11T00", 3),
        ] {
            let found = period(&Path::from(path), 4).unwrap();
            assert_eq!(found.end.format("%Y-%m-%dT%H").to_string(), end, "{path}");
            assert_eq!(found.parts, parts, "{path}");
        }
        let day = period(&Path::from("2023/07/10/05"), 3).unwrap();
        assert_eq!((day.end.to_rfc3339().as_str(), day.parts), ("2023-07-11T00:00:00+00:00", 3));
        for path in ["", "2023", "x/2023/reports", "2023/13/01", "0023/07/10", "20230/07/10"] {
            assert_eq!(period(&Path::from(path), 4), None, "{path}");
        }
    }

    #[test]
    fn what_stands_before_a_date_is_the_emitter() {
        for (folder, before) in [("logs/web/2023/07/10/11", "logs/web"), ("logs/web", "logs/web")] {
            assert_eq!(undated(&Path::from(folder)).as_ref(), before);
        }
    }
}
