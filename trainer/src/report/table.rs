//! Tables, the same on the page and in Markdown, and how numbers look in them.

/// Cells as they are shown; all rows are as long as the head.
#[derive(Clone, Debug)]
pub struct Table {
    pub head: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// As GitHub reads it.
    pub fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut text = line(self.head.iter().map(ToString::to_string).collect());
        text += &line(self.head.iter().map(|_| "---".to_string()).collect());
        for row in &self.rows {
            text += &line(row.iter().map(|cell| cell.replace('|', "\\|")).collect());
        }
        text
    }
}

/// What there is not.
pub const ABSENT: &str = "–";

/// A figure, or that there is none.
pub fn or_absent(figure: Option<f64>, show: impl Fn(f64) -> String) -> String {
    figure.filter(|figure| figure.is_finite()).map_or_else(|| ABSENT.to_string(), show)
}

/// About four digits.
pub fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Three digits with a prefix: 12.3 k.
pub fn short(value: f64) -> String {
    let prefixes =
        [(1e18, " E"), (1e15, " P"), (1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")];
    let prefix = prefixes.into_iter().find(|(size, _)| value.abs() >= *size);
    let (size, name) = prefix.unwrap_or((1.0, ""));
    match value / size {
        value if value.abs() >= 100.0 || (size == 1.0 && value.fract() == 0.0) => {
            format!("{value:.0}{name}")
        }
        value if value.abs() >= 10.0 => format!("{value:.1}{name}"),
        value => format!("{value:.2}{name}"),
    }
}

/// A share as percent.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_mean_something() {
        let shown = [-841.26, 10_003.4, 4.5, 0.0123, 100.0].map(number);
        assert_eq!(shown, ["-841.3", "10003", "4.50", "0.012", "100.0"]);
        let shown = [0.0, 17.0, 2.5, 6_950.0, 123_456.0, 4.2e14].map(short);
        assert_eq!(shown, ["0", "17", "2.50", "6.95 k", "123 k", "420 T"]);
        assert_eq!(or_absent(Some(f64::NAN), percent), ABSENT);
        assert_eq!(or_absent(Some(0.9), percent), "90.0 %");
    }

    #[test]
    fn a_bar_in_a_cell_ends_no_cell() {
        let table = Table { head: vec!["a", "b"], rows: vec![vec!["x|y".into(), "z".into()]] };
        assert_eq!(table.markdown(), "| a | b |\n| --- | --- |\n| x\\|y | z |\n");
    }
}
