//! The ratios as a drawing: one bar a row, one group a section, a line where the ratio is one.
//!
//! Written by hand as SVG, without a background, in colours that can be read on white and on black.

use std::fmt::Write;

use super::measure::{Row, Rows, Section};

const WIDTH: f64 = 760.0;
/// Where bars begin; names are to the left.
const LEFT: f64 = 310.0;
/// The longest bar; figures are in a column to the right of it, where no line crosses them.
const LONGEST: f64 = 380.0;
const LINE: f64 = 26.0;
const TEXT: &str = "#737b85";
const BAR: &str = "#3f87c9";
/// What the others are held against.
const MEASURE_OF_ALL: &str = "#8d96a0";

/// The whole drawing, as the text of an SVG file.
pub(crate) fn draw(rows: &Rows) -> String {
    let groups = [
        (Section::Load, "Full load: documents/s, the engine's ceiling is 1"),
        (Section::Read, "Reading and assembling alone: documents/s, the engine's ceiling is 1"),
        (Section::InStep, "Incremental runs: documents/s, their full load is 1"),
        (Section::Growth, "With more rows: documents/s, the usual size is 1"),
    ];
    let (mut body, mut top) = (String::new(), 0.0);
    for (section, title) in groups {
        let shown = rows.0.iter().filter(|row| row.section == section);
        let bars: Vec<Bar> = shown.filter_map(|row| Bar::of(row, rows)).collect();
        if !bars.is_empty() {
            group(&mut body, &mut top, title, &bars);
        }
    }
    let font = "font-family=\"system-ui, sans-serif\" font-size=\"13\"";
    let size = format!("width=\"{WIDTH}\" height=\"{top}\" viewBox=\"0 0 {WIDTH} {top}\"");
    let title = "<title>Documents a second, as ratios</title>";
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" {size} {font} role=\"img\">\n{title}\n{body}</svg>\n"
    )
}

struct Bar {
    name: &'static str,
    ratio: f64,
    colour: &'static str,
}

impl Bar {
    fn of(row: &Row, rows: &Rows) -> Option<Self> {
        let colour = if row.name == row.against { MEASURE_OF_ALL } else { BAR };
        Some(Self { name: row.name, ratio: rows.ratio(row)?, colour })
    }
}

fn group(body: &mut String, top: &mut f64, title: &str, bars: &[Bar]) {
    let longest = bars.iter().map(|bar| bar.ratio).fold(1.0, f64::max);
    let scale = LONGEST / longest;
    text(
        body,
        (10.0, *top + 20.0),
        "start",
        &format!("<tspan font-weight=\"bold\">{}</tspan>", escaped(title)),
    );
    let begin = *top + 32.0;
    for (at, Bar { name, ratio, colour }) in bars.iter().enumerate() {
        let y = begin + LINE * at as f64;
        let width = ratio * scale;
        text(body, (LEFT - 10.0, y + 14.0), "end", &escaped(name));
        let _ = writeln!(
            body,
            "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"18\" fill=\"{colour}\"/>"
        );
        text(body, (LEFT + LONGEST + 8.0, y + 14.0), "start", &format!("{ratio:.2}"));
    }
    let (end, one) = (begin + LINE * bars.len() as f64, LEFT + scale);
    let _ = writeln!(
        body,
        "<line x1=\"{one:.1}\" x2=\"{one:.1}\" y1=\"{begin}\" y2=\"{end}\" stroke=\"{TEXT}\" stroke-dasharray=\"3 3\"/>"
    );
    *top = end + 12.0;
}

fn text(body: &mut String, (x, y): (f64, f64), anchor: &str, what: &str) {
    let _ = writeln!(
        body,
        "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"{anchor}\" fill=\"{TEXT}\">{what}</text>"
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::super::measure::{Measure, Row, Rows, Section};

    fn row(name: &'static str, seconds: f64) -> Row {
        let run = Measure { documents: 100, seconds, ..Measure::default() };
        Row { runs: vec![run], ..Row::new(name, Section::Load, "top") }
    }

    #[test]
    fn bars_are_as_long_as_their_ratios() {
        let drawn = super::draw(&Rows(vec![row("top", 1.0), row("half & <less>", 2.0)]));
        assert!(drawn.contains(r##"width="380.0" height="18" fill="#8d96a0""##), "{drawn}");
        assert!(drawn.contains(r##"width="190.0" height="18" fill="#3f87c9""##), "{drawn}");
        assert!(drawn.contains("half &amp; &lt;less>") && drawn.contains(">0.50<"), "{drawn}");
        assert!(!drawn.contains("With more rows"), "an empty group is not drawn: {drawn}");
        assert_eq!(drawn.matches("<text").count(), drawn.matches("</text>").count());
    }

    #[test]
    fn the_longest_bar_fits() {
        let drawn = super::draw(&Rows(vec![row("top", 1.0), row("fast", 0.125)]));
        assert!(drawn.contains(r##"width="380.0" height="18" fill="#3f87c9""##), "{drawn}");
        assert!(drawn.contains(r##"width="47.5" height="18" fill="#8d96a0""##), "{drawn}");
    }
}
