//! The few SVG elements that the charts need, with every text escaped.

use std::fmt::{self, Display, Write};

use askama::filters::{Escaper, Html};

/// A text, safe between tags and in attributes.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Control characters are allowed neither in XML nor in HTML, escaped or not.
        let clean: String;
        let text = if self.0.chars().any(|c| c.is_control() && c != '\n') {
            clean = self.0.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
            &clean
        } else {
            self.0
        };
        Html.write_escaped_str(f, text)
    }
}

/// A coordinate with one decimal, the most that a screen shows. What is not a number becomes 0: a chart with a wrong
/// bar is a defect, a chart that a browser refuses is a lost report.
#[derive(Clone, Copy)]
pub(crate) struct N(pub(crate) f64);

impl Display for N {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = if self.0.is_finite() { (self.0 * 10.0).round() } else { 0.0 };
        if tenths % 10.0 == 0.0 { write!(f, "{}", tenths as i64 / 10) } else { write!(f, "{:.1}", tenths / 10.0) }
    }
}

/// Where a text is anchored.
#[derive(Clone, Copy, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A position and a size.
#[derive(Clone, Copy)]
pub(crate) struct Rect {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// An SVG in the making. Writing to a `String` cannot fail, so results of `write!` are dropped.
pub(crate) struct Svg {
    out: String,
}

impl Svg {
    /// `label` is read out by a screen reader instead of the picture.
    pub(crate) fn new(class: &str, width: f64, height: f64, label: &str) -> Self {
        let mut out = String::new();
        let _ = write!(
            out,
            r#"<svg class="chart {class}" viewBox="0 0 {} {}" role="img" aria-label="{}" xmlns="http://www.w3.org/2000/svg">"#,
            N(width),
            N(height),
            Escaped(label)
        );
        Self { out }
    }

    pub(crate) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let _ = write!(
            self.out,
            r#"<line class="{class}" x1="{}" y1="{}" x2="{}" y2="{}"/>"#,
            N(from.0),
            N(from.1),
            N(to.0),
            N(to.1)
        );
    }

    pub(crate) fn path(&mut self, class: &str, d: &str) {
        let _ = write!(self.out, r#"<path class="{class}" d="{d}"/>"#);
    }

    pub(crate) fn rect(&mut self, class: &str, rect: Rect) {
        let _ = write!(
            self.out,
            r#"<rect class="{class}" x="{}" y="{}" width="{}" height="{}"/>"#,
            N(rect.x),
            N(rect.y),
            N(rect.width.max(0.0)),
            N(rect.height.max(0.0))
        );
    }

    pub(crate) fn text(&mut self, class: &str, at: (f64, f64), anchor: Anchor, text: &str) {
        let _ = write!(
            self.out,
            r#"<text class="{class}" x="{}" y="{}" text-anchor="{}">{}</text>"#,
            N(at.0),
            N(at.1),
            anchor,
            Escaped(text)
        );
    }

    /// Elements that share a tooltip.
    pub(crate) fn titled(&mut self, title: &str, draw: impl FnOnce(&mut Self)) {
        let _ = write!(self.out, "<g><title>{}</title>", Escaped(title));
        draw(self);
        self.out.push_str("</g>");
    }

    pub(crate) fn finish(mut self) -> String {
        self.out.push_str("</svg>");
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(1.0, "1")]
    #[case(1.25, "1.3")]
    #[case(-0.04, "0")]
    #[case(f64::NAN, "0")]
    #[case(f64::INFINITY, "0")]
    fn coordinates_are_short_and_always_numbers(#[case] value: f64, #[case] text: &str) {
        assert_eq!(N(value).to_string(), text);
    }

    #[test]
    fn every_text_is_escaped() {
        let mut svg = Svg::new("x", 10.0, 10.0, r#""><script>"#);
        svg.text("t", (0.0, 0.0), Anchor::Start, "<script>alert('&')</script>\u{0}");
        svg.titled("a</title><script>", |_| {});
        let text = svg.finish();
        assert!(!text.contains("<script") && !text.contains('\u{0}'), "{text}");
    }
}
