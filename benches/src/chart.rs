//! A table as horizontal bars, the middle half of the measurements as a line across the end of each.

use crate::contest::{BARE, OURS};
use crate::table::{Table, number};
use std::fmt::Write as _;

const ROW: f64 = 24.0;
const LABELS: f64 = 330.0;
const BARS: f64 = 480.0;
const TOP: f64 = 44.0;

pub(crate) fn bars(table: &Table) -> String {
    let most = table.rows.iter().map(|row| row.value.q3).fold(f64::MIN_POSITIVE, f64::max);
    let length = |value: f64| value / most * BARS;
    let height = TOP + ROW * table.rows.len() as f64 + 12.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"12\" y=\"24\" font-size=\"15\">{}: {} ({})</text>\n",
        LABELS + BARS + 100.0,
        escaped(&table.name),
        escaped(&table.about),
        table.unit
    );
    for (nth, row) in table.rows.iter().enumerate() {
        let y = TOP + ROW * nth as f64;
        let middle = y + ROW / 2.0;
        let colour = match &row.who {
            who if who.contains(OURS) => "#1f6fb2",
            who if who.contains(BARE) => "#999",
            _ => "#d08a3e",
        };
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LABELS}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>\
             <line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\" stroke=\"#222\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LABELS - 8.0,
            middle + 4.0,
            escaped(&row.who),
            y + 4.0,
            length(row.value.median),
            ROW - 8.0,
            LABELS + length(row.value.q1),
            LABELS + length(row.value.q3),
            LABELS + length(row.value.q3) + 8.0,
            middle + 4.0,
            number(row.value.median),
        );
    }
    svg + "</svg>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
