//! The two courses as one SVG: what was answered of what was wanted, second by second.

use std::fmt::Write as _;

use crate::{Course, DEMAND_PER_SECOND, OUTAGE, SECONDS};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 56.0;
const TOP: f64 = 40.0;
/// What the vertical axis ends at.
const MOST: f64 = 800.0;

fn x(second: f64) -> f64 {
    LEFT + second / SECONDS as f64 * WIDTH
}

fn y(per_second: f64) -> f64 {
    TOP + HEIGHT * (1.0 - per_second.min(MOST) / MOST)
}

pub(crate) fn svg(stubborn: &Course, careful: &Course) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0} {:.0}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        LEFT + WIDTH + 24.0,
        TOP + HEIGHT + 76.0
    );
    let (from, to) = (x(OUTAGE.start as f64), x(OUTAGE.end as f64));
    let _ = writeln!(
        svg,
        "<rect x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{HEIGHT}\" fill=\"#eee\"/>\
         <text x=\"{from:.1}\" y=\"{:.1}\" fill=\"#777\">the server hangs</text>",
        to - from,
        TOP - 8.0
    );
    for step in 0..=4 {
        let value = MOST / 4.0 * f64::from(step);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{0:.1}\" y1=\"{1:.1}\" y2=\"{1:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{2:.1}\" y=\"{3:.1}\" text-anchor=\"end\">{value:.0}</text>",
            LEFT + WIDTH,
            y(value),
            LEFT - 6.0,
            y(value) + 4.0
        );
    }
    for second in (0..=SECONDS).step_by(60) {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{second}s</text>",
            x(second as f64),
            TOP + HEIGHT + 18.0
        );
    }
    let lines = [
        ("asked of the server, retries alone", &stubborn.asked, "#d9938c", "4 3"),
        ("answered in time, retries alone", &stubborn.answered, "#c0392b", ""),
        ("asked of the server, with budget and breaker", &careful.asked, "#8fb8d9", "4 3"),
        ("answered in time, with budget and breaker", &careful.answered, "#1f6fb2", ""),
    ];
    for (nth, (label, per_second, colour, dashes)) in lines.into_iter().enumerate() {
        let points: String = per_second
            .iter()
            .enumerate()
            .map(|(second, &value)| format!("{:.1},{:.1} ", x(second as f64 + 0.5), y(f64::from(value))))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\" stroke-dasharray=\"{dashes}\"/>"
        );
        let (column, row) = (nth % 2, nth / 2);
        let (left, top) = (LEFT + column as f64 * 340.0, TOP + HEIGHT + 42.0 + row as f64 * 20.0);
        let _ = writeln!(
            svg,
            "<line x1=\"{left:.1}\" x2=\"{0:.1}\" y1=\"{1:.1}\" y2=\"{1:.1}\" stroke=\"{colour}\" stroke-width=\"2.5\" stroke-dasharray=\"{dashes}\"/>\
             <text x=\"{2:.1}\" y=\"{3:.1}\">{label}</text>",
            left + 28.0,
            top - 4.0,
            left + 34.0,
            top
        );
    }
    let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"16\">requests a second; wanted: {DEMAND_PER_SECOND}</text>\n</svg>");
    svg
}
