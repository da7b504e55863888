//! Columns that line up.

use super::{Paint, Style};

/// A table with a header. Cells are measured in characters; the last column is as wide as it likes.
#[derive(Debug, Default)]
pub(crate) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<(String, Paint)>>,
}

impl Table {
    pub(crate) fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.painted(cells.into_iter().map(|cell| (cell.into(), Paint::None)));
    }

    pub(crate) fn painted(&mut self, cells: impl IntoIterator<Item = (String, Paint)>) {
        // A line's end within a cell would break the table.
        self.rows.push(cells.into_iter().map(|(cell, paint)| (cell.replace('\n', " "), paint)).collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Every line with its end.
    pub(crate) fn render(&self, style: Style) -> String {
        let header: Vec<(String, Paint)> =
            self.header.iter().map(|name| ((*name).to_owned(), Paint::Bold)).collect();
        let all: Vec<&Vec<(String, Paint)>> =
            (!header.is_empty()).then_some(&header).into_iter().chain(&self.rows).collect();
        let columns = all.iter().map(|row| row.len()).max().unwrap_or(0);
        let width = |column: usize| {
            all.iter()
                .filter_map(|row| row.get(column))
                .map(|(cell, _)| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in all {
            let last = row.len().saturating_sub(1);
            for (column, ((cell, paint), width)) in row.iter().zip(&widths).enumerate() {
                text.push_str(&style.paint(*paint, cell));
                if column < last {
                    let gap = width.saturating_sub(cell.chars().count()) + 2;
                    text.push_str(&" ".repeat(gap));
                }
            }
            while text.ends_with(' ') {
                text.pop();
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_characters_and_nothing_trails() {
        let mut table = Table::new(&["NODE", "STATE"]);
        table.row(["ä", "on"]);
        table.row(["site/node", ""]);
        let text = table.render(Style::new(false, true));
        assert_eq!(text, "NODE       STATE\nä          on\nsite/node\n");
    }

    #[test]
    fn colour_does_not_count_as_width() {
        let mut table = Table::new(&[]);
        table.painted([("a".to_owned(), Paint::Good), ("b".to_owned(), Paint::None)]);
        assert_eq!(table.render(Style::new(true, true)), "\u{1b}[32ma\u{1b}[0m  b\n");
    }
}
