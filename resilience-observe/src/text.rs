//! The two text formats that Prometheus reads: the classic one and OpenMetrics.

use crate::reading::Reading;
use crate::settings::Aliases;
use crate::table::{MetricKind, families};
use std::fmt::{self, Write};

/// A text format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TextFormat {
    /// Prometheus' own, version 0.0.4, which everything reads.
    Classic,
    /// [OpenMetrics](https://github.com/prometheus/OpenMetrics) 1.0.
    OpenMetrics,
}

impl TextFormat {
    /// As the header `Content-Type` has it.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// What somebody wants who sends this header `Accept`: OpenMetrics where it is named and not liked less than plain text.
    pub fn accepted_by(accept: &str) -> Self {
        let liking = |wanted: &str| {
            let ranges = accept.split(',').map(|range| range.split(';').map(str::trim));
            let of_kind = ranges.filter_map(|mut range| range.next()?.eq_ignore_ascii_case(wanted).then_some(range));
            let quality = |parameters: std::iter::Map<std::str::Split<'_, char>, _>| {
                let mut named = parameters.filter_map(|parameter: &str| parameter.split_once('='));
                let quality = named.find_map(|(name, value)| name.eq_ignore_ascii_case("q").then_some(value));
                quality.map_or(1.0, |quality| quality.parse().unwrap_or(0.0))
            };
            of_kind.map(quality).reduce(f64::max)
        };
        let open = liking("application/openmetrics-text").unwrap_or_default();
        // The range that says most says how much it is liked.
        let classic = ["text/plain", "text/*", "*/*"].into_iter().find_map(liking).unwrap_or_default();
        if open > 0.0 && open >= classic { Self::OpenMetrics } else { Self::Classic }
    }
}

/// Everything that was read, in that format.
pub(crate) fn write(reading: &Reading<'_>, format: TextFormat, aliases: Aliases) -> String {
    let mut text = String::new();
    for family in families().iter().filter(|family| aliases == Aliases::Seeds || !family.is_alias) {
        let mut is_told = false;
        reading.for_each_sample(family, |end, labels, value| {
            if !is_told {
                is_told = true;
                let name = match (format, family.kind) {
                    (TextFormat::OpenMetrics, MetricKind::Counter) => family.name.trim_end_matches("_total"),
                    _ => family.name,
                };
                let _ = writeln!(text, "# HELP {name} {}", Escaped(family.help));
                let _ = writeln!(text, "# TYPE {name} {}", family.kind.as_str());
                if let (TextFormat::OpenMetrics, Some(unit)) = (format, family.unit()) {
                    let _ = writeln!(text, "# UNIT {name} {unit}");
                }
            }
            text.push_str(family.name);
            text.push_str(end);
            for (nth, (label, value)) in labels.iter().enumerate() {
                let _ = write!(text, "{}{label}=\"{}\"", if nth == 0 { '{' } else { ',' }, Escaped(value));
            }
            let _ = writeln!(text, "{}{value}", if labels.is_empty() { " " } else { "} " });
        });
    }
    if format == TextFormat::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

/// As both formats want the value of a label: on one line, between quotes. In a help a quote may be escaped in one of them only, so no help has any.
struct Escaped<'t>(&'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            c => f.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_what_is_asked_for() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let rows = [
            (prometheus, TextFormat::OpenMetrics),
            ("*/*", TextFormat::Classic),
            ("", TextFormat::Classic),
            ("text/plain", TextFormat::Classic),
            ("text/plain; version=0.0.4; q=0.9, application/openmetrics-text; q=0.3", TextFormat::Classic),
            ("application/openmetrics-text; q=0", TextFormat::Classic),
            ("application/openmetrics-text; q=nonsense", TextFormat::Classic),
            ("text/html, application/openmetrics-text", TextFormat::OpenMetrics),
            ("text/plain, application/openmetrics-text", TextFormat::OpenMetrics),
            ("text/plain; q=0.5, application/openmetrics-text; q=0.5", TextFormat::OpenMetrics),
            ("Application/OpenMetrics-Text; Q=0.8, Text/Plain; Q=0.5", TextFormat::OpenMetrics),
            ("application/openmetrics-text; q=0.3, */*", TextFormat::Classic),
            ("application/openmetrics-text; q=0.3, text/*; q=0.8, */*; q=0.1", TextFormat::Classic),
            // What is named goes before what is meant by a star.
            ("application/openmetrics-text; q=0.3, text/plain; q=0.2, text/*", TextFormat::OpenMetrics),
            ("application/openmetrics-text; q=0.3, text/plain; q=0, */*", TextFormat::OpenMetrics),
            ("application/openmetrics-text; q=nan, text/plain; q=0.1", TextFormat::Classic),
        ];
        for (accept, format) in rows {
            assert_eq!(TextFormat::accepted_by(accept), format, "{accept}");
        }
    }

    #[test]
    fn a_label_stays_on_its_line_and_between_its_quotes() {
        assert_eq!(Escaped("a\"b\\c\nd<é").to_string(), "a\\\"b\\\\c\\nd<é");
    }
}
