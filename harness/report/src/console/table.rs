//! Tables that fit a width, and wrapped lines.

use super::paint::Paint;
use crate::text;

/// On which side a column is even.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    /// Left, and never cut.
    Fixed,
    Right,
}

/// Between two columns.
const GAP: usize = 2;
/// No column is cut to less.
const NARROWEST: usize = 6;

fn len(text: &str) -> usize {
    text.chars().count()
}

/// Rows of equal length as lines of at most `width` characters, header first. The widest left-aligned columns are cut where
/// all of them do not fit; figures and fixed columns never are.
pub(crate) fn lines(header: &[&str], align: &[Align], rows: &[Vec<String>], width: usize) -> Vec<String> {
    let mut widths: Vec<usize> = header.iter().map(|title| len(title)).collect();
    for row in rows {
        for (column, cell) in widths.iter_mut().zip(row) {
            *column = (*column).max(len(cell));
        }
    }
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > width {
        let cuttable = widths.iter_mut().zip(align).filter(|(_, align)| **align == Align::Left);
        match cuttable.map(|(column, _)| column).max_by_key(|column| **column) {
            Some(widest) if *widest > NARROWEST => *widest -= 1,
            _ => break,
        }
    }
    let line = |cells: &[&str]| {
        let mut out = String::new();
        for (index, cell) in cells.iter().enumerate() {
            let column = widths.get(index).copied().unwrap_or(0);
            let cell = text::cut(cell, column);
            let pad = " ".repeat(column.saturating_sub(len(&cell)));
            if index > 0 {
                out.push_str(&" ".repeat(GAP));
            }
            match align.get(index) {
                Some(Align::Right) => out.extend([pad.as_str(), &cell]),
                _ => out.extend([cell.as_str(), &pad]),
            }
        }
        out.truncate(out.trim_end().len());
        out
    };
    let header = line(header);
    let rows = rows.iter().map(|row| line(&row.iter().map(String::as_str).collect::<Vec<_>>()));
    std::iter::once(header).chain(rows).collect()
}

/// The same with the header in bold, and each row painted by its number: after the widths are set, because colour has no width.
pub(crate) fn painted(
    header: &[&str],
    align: &[Align],
    rows: &[Vec<String>],
    width: usize,
    paint: Paint,
    row: impl Fn(usize, String) -> String,
) -> Vec<String> {
    let mut lines = lines(header, align, rows, width).into_iter();
    let header = lines.next().map(|header| paint.bold(&header));
    header.into_iter().chain(lines.enumerate().map(|(number, line)| row(number, line))).collect()
}

/// A line in two: its first characters, and the rest.
pub(crate) fn split(line: &str, characters: usize) -> (&str, &str) {
    line.split_at(line.char_indices().nth(characters).map_or(line.len(), |(at, _)| at))
}

/// A text in lines of at most `width` characters, broken at spaces; lines after the first start with `indent` spaces.
pub(crate) fn wrap(text: &str, width: usize, indent: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    // A control character would be obeyed by the terminal.
    let text = text::cut(text, usize::MAX);
    for word in text.split_whitespace() {
        let room = width.saturating_sub(if lines.is_empty() { 0 } else { indent }).max(1);
        if !line.is_empty() && len(&line) + 1 + len(word) > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    let indent = " ".repeat(indent);
    lines
        .iter()
        .enumerate()
        .map(|(index, line)| if index == 0 { line.clone() } else { format!("{indent}{line}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn figures_stand_at_the_right() {
        let rows = vec![vec!["a".to_owned(), "1".to_owned()], vec!["bcd".to_owned(), "1,000".to_owned()]];
        let lines = lines(&["name", "n"], &[Align::Left, Align::Right], &rows, 80);
        assert_eq!(lines, ["name      n", "a         1", "bcd   1,000"]);
    }

    proptest! {
        #[test]
        fn long_texts_are_cut_and_figures_kept(cells in proptest::collection::vec("[a-z ]{0,60}", 2), width in 30_usize..100) {
            let rows = vec![vec![cells[0].clone(), cells[1].clone(), "12,345".to_owned()]];
            let lines = lines(&["A", "B", "N"], &[Align::Left, Align::Left, Align::Right], &rows, width);
            prop_assert!(lines.iter().all(|line| len(line) <= width));
            prop_assert!(lines[1].ends_with("12,345"));
        }

        #[test]
        fn wrapping_keeps_every_word(text in "[a-z]{1,9}( [a-z]{1,9}){0,30}", width in 20_usize..80) {
            let lines = wrap(&text, width, 4);
            prop_assert!(lines.iter().all(|line| len(line) <= width));
            let words: Vec<&str> = lines.iter().flat_map(|line| line.split_whitespace()).collect();
            prop_assert_eq!(words.join(" "), text);
        }
    }
}
