//! The one form that values have in JSON: durations as seconds, moments on both clocks, and a word or two for what serde has no form for.

use crate::time::Timestamp;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A duration, or one that may not be there.
pub(crate) trait InSeconds {
    type Number: Serialize;

    fn in_seconds(&self) -> Self::Number;
}

impl InSeconds for Duration {
    type Number = f64;

    fn in_seconds(&self) -> f64 {
        self.as_secs_f64()
    }
}

impl<D: InSeconds> InSeconds for Option<D> {
    type Number = Option<D::Number>;

    fn in_seconds(&self) -> Self::Number {
        self.as_ref().map(D::in_seconds)
    }
}

/// `1.5`, for `serialize_with`.
pub(crate) fn seconds<S: Serializer>(duration: &impl InSeconds, serializer: S) -> Result<S::Ok, S::Error> {
    duration.in_seconds().serialize(serializer)
}

/// A variant that is nothing but a rejection: both say their `type`, so the rejection is a field.
pub(crate) fn rejection<S: Serializer>(rejection: &impl Serialize, serializer: S) -> Result<S::Ok, S::Error> {
    one_field(serializer, "rejection", rejection)
}

/// A variant that is nothing but a number, which has no room for its `type`.
pub(crate) fn percent<S: Serializer>(percent: &u8, serializer: S) -> Result<S::Ok, S::Error> {
    one_field(serializer, "percent", percent)
}

/// A variant that is nothing but a duration, likewise.
pub(crate) fn time<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    one_field(serializer, "open_for", &time.in_seconds())
}

/// What [`seconds`] has written, for `deserialize_with`.
#[cfg(feature = "persistence")]
pub(crate) fn from_seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = <f64 as serde::Deserialize>::deserialize(deserializer)?;
    Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom)
}

fn one_field<S: Serializer>(serializer: S, name: &'static str, value: &impl Serialize) -> Result<S::Ok, S::Error> {
    let mut fields = serializer.serialize_struct("", 1)?;
    fields.serialize_field(name, value)?;
    fields.end()
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // What the wall clock showed then, had it not been set since.
        let wall = SystemTime::now().checked_sub(self.elapsed()).unwrap_or(UNIX_EPOCH);
        let mut fields = serializer.serialize_struct("Timestamp", 2)?;
        fields.serialize_field("time", &format_args!("{}", Rfc3339(wall)))?;
        fields.serialize_field("monotonic", &Duration::from_millis(self.as_millis()).in_seconds())?;
        fields.end()
    }
}

/// `2026-11-26T18:46:10.123Z`. What is before 1970 is shown as its beginning.
struct Rfc3339(SystemTime);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.0.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let millis = since.subsec_millis();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

/// Year, month and day of a day since 1970. Years are taken to begin in March, so that a leap day is the last of one; 400 of them have always the same number of days.
fn civil(days: u64) -> (u64, u64, u64) {
    /// From 1 March of the year 0 to 1970.
    const DAYS_BEFORE: u64 = 719_468;
    let days = days + DAYS_BEFORE;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // From March on, five months have 153 days.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(seconds: u64, millis: u32) -> String {
        Rfc3339(UNIX_EPOCH + Duration::new(seconds, millis * 1_000_000)).to_string()
    }

    #[test]
    fn known_moments_are_shown_as_they_are_written() {
        let known = [
            (0, 0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, 0, "2000-02-29T00:00:00.000Z"),
            (951_868_799, 999, "2000-02-29T23:59:59.999Z"),
            (951_868_800, 0, "2000-03-01T00:00:00.000Z"),
            (1_000_000_000, 0, "2001-09-09T01:46:40.000Z"),
            (1_234_567_890, 5, "2009-02-13T23:31:30.005Z"),
            (1_704_067_199, 0, "2023-12-31T23:59:59.000Z"),
            (1_704_067_200, 0, "2024-01-01T00:00:00.000Z"),
            (2_147_483_648, 0, "2038-01-19T03:14:08.000Z"),
            (4_107_542_399, 0, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799, 999, "9999-12-31T23:59:59.999Z"),
        ];
        for (seconds, millis, expected) in known {
            assert_eq!(shown(seconds, millis), expected);
        }
        assert_eq!(Rfc3339(UNIX_EPOCH - Duration::from_secs(1)).to_string(), shown(0, 0));
    }

    /// Day by day, as a calendar on paper is made.
    fn counted(days: u64) -> (u64, u64, u64) {
        let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let (mut year, mut left) = (1970, days);
        while left >= 365 + u64::from(is_leap(year)) {
            left -= 365 + u64::from(is_leap(year));
            year += 1;
        }
        let february = 28 + u64::from(is_leap(year));
        for (month, length) in (1..).zip([31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
            if left < length {
                return (year, month, left + 1);
            }
            left -= length;
        }
        unreachable!("a year has no more days")
    }

    proptest! {
        #[test]
        fn every_day_is_the_one_that_is_counted(days in 0u64..2_932_897) {
            prop_assert_eq!(civil(days), counted(days));
        }
    }
}
