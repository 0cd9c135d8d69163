//! Times as people type them.

use std::time::Duration;

use chrono::{
    DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeDelta,
    TimeZone as _, Utc,
};
use logdive_core::parse_duration;

/// Reads RFC 3339, `now`, `-30m` (before now), or a local time with a zone: `2023-07-10T11:58`,
/// `2023-07-10`, `11:58` (today).
pub(crate) fn parse(
    text: &str,
    now: DateTime<Utc>,
    zone: Option<FixedOffset>,
) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    if text == "now" {
        return Ok(now);
    }
    if let Some(length) = text.strip_prefix('-') {
        let length: Duration = parse_duration(length)?;
        return TimeDelta::from_std(length)
            .ok()
            .and_then(|length| now.checked_sub_signed(length))
            .ok_or_else(|| format!("`{text}` is too long ago"));
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.with_timezone(&Utc));
    }
    let Some(local) = local(text, now, zone.unwrap_or_else(|| Utc.fix())) else {
        return Err(format!(
            "`{text}` is no time: write `2023-07-10T11:58:00Z`, `-30m`, `now`, or `11:58` with \
             `--tz +02:00`"
        ));
    };
    let Some(zone) = zone else {
        return Err(format!("`{text}` has no zone: add `Z` or an offset, or give `--tz +02:00`"));
    };
    zone.from_local_datetime(&local)
        .single()
        .map(|time| time.with_timezone(&Utc))
        .ok_or_else(|| format!("`{text}` leaves the calendar"))
}

fn local(text: &str, now: DateTime<Utc>, zone: FixedOffset) -> Option<NaiveDateTime> {
    for form in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
    {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, form) {
            return Some(time);
        }
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(date.and_time(NaiveTime::MIN));
    }
    let today = now.with_timezone(&zone).date_naive();
    ["%H:%M:%S%.f", "%H:%M"]
        .iter()
        .find_map(|form| NaiveTime::parse_from_str(text, form).ok())
        .map(|time| today.and_time(time))
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::parse;

    #[test]
    fn times_are_read() {
        let now = "2023-07-10T22:30:00Z".parse().unwrap();
        let zone = FixedOffset::east_opt(7_200);
        let read = |text: &str, zone| parse(text, now, zone).map(|time| time.to_string());
        for (text, zone, expected) in [
            ("now", None, "2023-07-10 22:30:00 UTC"),
            ("-1h30m", None, "2023-07-10 21:00:00 UTC"),
            ("2023-07-10T11:58:00Z", zone, "2023-07-10 11:58:00 UTC"),
            ("2023-07-10T11:58:00+02:00", None, "2023-07-10 09:58:00 UTC"),
            ("2023-07-10T11:58", zone, "2023-07-10 09:58:00 UTC"),
            ("2023-07-10 11:58:01.5", zone, "2023-07-10 09:58:01.500 UTC"),
            ("2023-07-10", zone, "2023-07-09 22:00:00 UTC"),
            // In the zone it is the next day already.
            ("00:10", zone, "2023-07-10 22:10:00 UTC"),
        ] {
            assert_eq!(read(text, zone).as_deref(), Ok(expected), "{text}");
        }
        assert!(read("11:58", None).unwrap_err().contains("--tz"));
        assert!(read("yesterday", zone).unwrap_err().contains("-30m"));
        assert!(read("-30", None).unwrap_err().contains("duration"));
        assert!(read("-999999999d", None).is_err());
    }
}
