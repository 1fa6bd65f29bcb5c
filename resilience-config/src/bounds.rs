//! Comparisons that a constant can make: `PartialOrd` is not const.

use std::time::Duration;

pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);
pub(crate) const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A bound as it is written in a message: a whole number and its unit, such as `24h`.
pub(crate) const fn time(text: &str) -> Duration {
    let bytes = text.as_bytes();
    let (mut at, mut count) = (0, 0_u64);
    while at < bytes.len() && bytes[at].is_ascii_digit() {
        count = count * 10 + (bytes[at] - b'0') as u64;
        at += 1;
    }
    match bytes.split_at(at).1 {
        b"us" => Duration::from_micros(count),
        b"ms" => Duration::from_millis(count),
        b"s" => Duration::from_secs(count),
        b"h" => Duration::from_secs(count * HOUR.as_secs()),
        b"d" => Duration::from_secs(count * DAY.as_secs()),
        _ => panic!("a bound is a whole number of us, ms, s, h or d"),
    }
}

/// `low <= value <= high`.
pub(crate) const fn between(value: u32, low: u32, high: u32) -> bool {
    low <= value && value <= high
}

/// `low <= value <= high`, which NaN never is.
pub(crate) const fn number_between(value: f64, low: f64, high: f64) -> bool {
    low <= value && value <= high
}

/// `low <= value <= high`.
pub(crate) const fn time_between(value: Duration, low: Duration, high: Duration) -> bool {
    !longer(low, value) && !longer(value, high)
}

/// `a > b`.
pub(crate) const fn longer(a: Duration, b: Duration) -> bool {
    a.as_nanos() > b.as_nanos()
}

/// Above 0 and at most 100.
pub(crate) const fn is_percentage(value: f64) -> bool {
    0.0 < value && value <= 100.0
}

/// A percentage in millionths of a percent, so that a rate can be compared without floating point: 55 of 100 is exactly
/// 55. At least one millionth, since a threshold of nothing would always be reached.
pub(crate) const fn millionths(percent: f64) -> u32 {
    // A cast of a float saturates, and a percentage in millionths is far below `u32::MAX`.
    let rounded = (percent * 1_000_000.0 + 0.5) as u32;
    if rounded == 0 { 1 } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_a_whole_number_and_its_unit() {
        for (text, expected) in [
            ("1us", Duration::from_micros(1)),
            ("10ms", Duration::from_millis(10)),
            ("0s", Duration::ZERO),
            ("90s", Duration::from_secs(90)),
            ("1h", HOUR),
            ("24h", DAY),
            ("365d", YEAR),
        ] {
            assert_eq!(time(text), expected, "{text}");
        }
        assert_eq!(
            (MILLISECOND * 1000, SECOND * 60, MINUTE * 60, HOUR * 24, DAY * 365),
            (SECOND, MINUTE, HOUR, DAY, YEAR)
        );
    }

    #[test]
    #[should_panic = "a bound is a whole number of us, ms, s, h or d"]
    fn a_bound_has_a_unit_that_is_known() {
        let _ = time("3m");
    }

    /// At run time, too; the compiler asks them of constants only.
    #[test]
    fn what_is_between_two_includes_both() {
        for (value, expected) in [(1, false), (2, true), (3, true), (4, true), (5, false)] {
            let time = |n: u32| Duration::from_nanos(n.into());
            assert_eq!(between(value, 2, 4), expected, "{value}");
            assert_eq!(number_between(value.into(), 2.0, 4.0), expected, "{value}");
            assert_eq!(time_between(time(value), time(2), time(4)), expected, "{value}");
            assert_eq!(longer(time(value), time(4)), value > 4, "{value}");
        }
        assert!(!number_between(f64::NAN, 0.0, 1.0) && !is_percentage(f64::NAN));
        for (percent, expected) in [(-0.1, false), (0.0, false), (0.1, true), (100.0, true), (100.1, false)] {
            assert_eq!(is_percentage(percent), expected, "{percent}");
        }
    }

    #[test]
    fn a_percentage_is_the_number_that_was_written() {
        // 4.1 * 1_000_000.0 is a little less than 4_100_000.
        for hundredths in 1..=10_000_u32 {
            assert_eq!(millionths(f64::from(hundredths) / 100.0), hundredths * 10_000);
        }
        assert_eq!(millionths(f64::MIN_POSITIVE), 1, "a threshold of nothing would always be reached");
    }
}
