//! Folders named `key=value`: what they say of the files below them, and of their times.

use std::time::Duration;

use chrono::format::{Item, Numeric, Parsed, StrftimeItems, parse};
use chrono::{Days, Months, NaiveDate, NaiveDateTime, TimeDelta};
use object_store::path::Path as Location;

use super::span::Span;

/// What Hive writes for null.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";
/// Nobody said that folders go by UTC: no zone is further from it.
const ANY_ZONE: Duration = Duration::from_secs(14 * 3_600);

/// The keys and values of the folders between a root and a file.
pub(crate) fn values(root: &Location, file: &Location) -> Vec<(String, Option<String>)> {
    let Some(parts) = file.prefix_match(root) else { return Vec::new() };
    let mut folders: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
    folders.pop();
    let mut found: Vec<(String, Option<String>)> = Vec::new();
    for folder in folders {
        let Some((key, value)) = folder.split_once('=') else { continue };
        let value = decoded(value);
        if !key.is_empty() && found.iter().all(|(known, _)| *known != decoded(key)) {
            found.push((decoded(key), (value != NULL).then_some(value)));
        }
    }
    found
}

/// A name without its escapes: `%3A` is `:`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digits = [rest.clone().next(), rest.clone().nth(1)];
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        match (byte, digit(digits[0]), digit(digits[1])) {
            (b'%', Some(high), Some(low)) => {
                rest.nth(1);
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// How folders tell the time of what is in them.
#[derive(Debug, Clone, Default)]
pub(crate) struct PartitionTimes {
    declared: Vec<(String, String)>,
}

impl PartitionTimes {
    /// Adds a folder's key and how its value is written.
    ///
    /// # Errors
    /// If it is written in a way that tells no stretch of time.
    pub(crate) fn declare(&mut self, key: String, format: String) -> Result<(), String> {
        for item in StrftimeItems::new(&format) {
            let known = match &item {
                Item::Literal(_) | Item::Space(_) => true,
                Item::Numeric(numeric, _) => matches!(
                    numeric,
                    Numeric::Year
                        | Numeric::Month
                        | Numeric::Day
                        | Numeric::Ordinal
                        | Numeric::Hour
                        | Numeric::Minute
                ),
                _ => false,
            };
            if !known {
                return Err(format!(
                    "the times of its folders `{key}` are written as `{format}`: use %Y, %m, %d, \
                     %j, %H, %M and what stands between them"
                ));
            }
        }
        self.declared.push((key, format));
        Ok(())
    }

    /// The keys that were declared.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.declared.iter().map(|(key, _)| key.as_str())
    }

    /// The times that files in such folders hold; `None` if their names do not say. A line may be
    /// put where it arrived, so much later than it happened.
    pub(crate) fn span(
        &self,
        values: &[(String, Option<String>)],
        lateness: Duration,
    ) -> Option<Span> {
        if self.declared.is_empty() {
            return usual(values)
                .map(|span| span.wider(ANY_ZONE.saturating_add(lateness), ANY_ZONE));
        }
        let mut parsed = Parsed::new();
        for (key, format) in &self.declared {
            let value = value(values, key)?;
            parse(&mut parsed, value, StrftimeItems::new(format)).ok()?;
        }
        stretch(&parsed).map(|span| span.wider(lateness, Duration::ZERO))
    }
}

fn value<'a>(values: &'a [(String, Option<String>)], key: &str) -> Option<&'a str> {
    values.iter().find(|(found, _)| found == key)?.1.as_deref()
}

/// The names that need not be declared.
fn usual(values: &[(String, Option<String>)]) -> Option<Span> {
    let mut parsed = Parsed::new();
    let mut read = |key: &str, format: &str| -> Option<bool> {
        let Some(value) = value(values, key) else { return Some(false) };
        parse(&mut parsed, value, StrftimeItems::new(format)).ok().map(|()| true)
    };
    if read("date", "%Y-%m-%d")? || read("dt", "%Y-%m-%d")? {
        read("hour", "%H")?;
    } else {
        // Each only below the one before.
        let _ = read("year", "%Y")?
            && read("month", "%m")?
            && read("day", "%d")?
            && read("hour", "%H")?;
    }
    stretch(&parsed)
}

/// The stretch of time that has these parts.
fn stretch(parsed: &Parsed) -> Option<Span> {
    let year = parsed.year()?;
    let month = parsed.month();
    let day = parsed.day();
    let hour = parsed.hour_div_12().zip(parsed.hour_mod_12()).map(|(half, hour)| half * 12 + hour);
    let date = match (month, day, parsed.ordinal()) {
        (None, None, Some(ordinal)) => NaiveDate::from_yo_opt(year, ordinal)?,
        (None, Some(_), _) => return None,
        (month, day, _) => NaiveDate::from_ymd_opt(year, month.unwrap_or(1), day.unwrap_or(1))?,
    };
    let whole_day = day.is_some() || parsed.ordinal().is_some();
    let from = date.and_hms_opt(hour.unwrap_or(0), parsed.minute().unwrap_or(0), 0)?;
    let to: NaiveDateTime = match (month, whole_day, hour, parsed.minute()) {
        (None, false, None, None) => from.checked_add_months(Months::new(12))?,
        (Some(_), false, None, None) => from.checked_add_months(Months::new(1))?,
        (_, true, None, None) => from.checked_add_days(Days::new(1))?,
        (_, true, Some(_), None) => from.checked_add_signed(TimeDelta::hours(1))?,
        (_, true, Some(_), Some(_)) => from.checked_add_signed(TimeDelta::minutes(1))?,
        // A gap between the parts: not a stretch.
        _ => return None,
    };
    let micros = |time: NaiveDateTime| time.and_utc().timestamp_micros();
    Some(Span { from: micros(from), to: micros(to) - 1 })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use object_store::path::Path as Location;

    use super::{PartitionTimes, values};

    fn shown(path: &str, times: &PartitionTimes) -> String {
        let values = values(&Location::from("logs"), &Location::parse(path).unwrap());
        times.span(&values, Duration::ZERO).map_or("any".to_owned(), |span| span.shown())
    }

    #[test]
    fn folders_give_values() {
        let path = Location::parse("logs/a=1/plain/b=x%253A%20y/c=__HIVE_DEFAULT_PARTITION__/f=2");
        let found = values(&Location::from("logs"), &path.unwrap());
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            found,
            [("a".to_owned(), text("1")), ("b".to_owned(), text("x%3A y")), ("c".to_owned(), None),]
        );
    }

    #[test]
    fn usual_names_tell_the_time_in_any_zone() {
        let usual = PartitionTimes::default();
        let check =
            |path: &str, expected: &str| assert_eq!(shown(path, &usual), expected, "{path}");
        let day = "2023-07-09T10:00:00Z to 2023-07-11T13:59:59.999999Z";
        check("logs/date=2023-07-10/x", day);
        check("logs/dt=2023-07-10/x", day);
        check("logs/year=2023/month=7/day=10/x", day);
        check(
            "logs/date=2023-07-10/hour=05/x",
            "2023-07-09T15:00:00Z to 2023-07-10T19:59:59.999999Z",
        );
        check("logs/year=2023/month=12/x", "2023-11-30T10:00:00Z to 2024-01-01T13:59:59.999999Z");
        for other in [
            "logs/x",
            "logs/date=10.7.2023/x",
            "logs/date=2023-02-30/x",
            "logs/month=7/day=10/x",
            "logs/date=__HIVE_DEFAULT_PARTITION__/x",
            "logs/year=2023/day=10/month=13/x",
            "logs/date=2023-07-10/hour=99/x",
        ] {
            check(other, "any");
        }
    }

    #[test]
    fn declared_names_are_exact() {
        let mut times = PartitionTimes::default();
        times.declare("at".to_owned(), "%Y%m%d%H".to_owned()).unwrap();
        let hour = "2023-07-10T05:00:00Z to 2023-07-10T05:59:59.999999Z";
        assert_eq!(shown("logs/at=2023071005/x", &times), hour);
        assert_eq!(shown("logs/date=2023-07-10/x", &times), "any");
        assert!(times.declare("z".to_owned(), "%Y %Z".to_owned()).unwrap_err().contains("%j"));
    }
}
