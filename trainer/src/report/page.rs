//! The report as one page that needs nothing beside it: no script, no style sheet, no font, no image.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::table::Table;
use super::write::{Part, Section};

/// Light and dark, and wide tables that scroll by themselves on narrow screens.
const STYLE: &str = "
:root { color-scheme: light dark; --ground: #fff; --ink: #1c1e21; --line: #d5d8dc; --soft: #f4f5f7; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #16181b; --ink: #dfe2e6; --line: #3a3f45; --soft: #1f2226; }
}
body { margin: 0 auto; max-width: 70rem; padding: 1rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
p { max-width: 45rem; overflow-wrap: anywhere; }
.table { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; text-align: left; white-space: nowrap; border-top: 1px solid var(--line); }
td:nth-child(-n+2) { white-space: normal; min-width: 9rem; }
th { background: var(--soft); border-top: 0; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; flex: 1 1 26rem; min-width: 0; max-width: 40rem; }
svg { width: 100%; height: auto; display: block; }
";

/// The whole page.
pub fn page(title: &str, sections: &[Section]) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                @for section in sections {
                    h2 { (section.title) }
                    @for part in &section.parts { (shown(part)) }
                }
            }
        }
    };
    page.into_string()
}

fn shown(part: &Part) -> Markup {
    html! {
        @match part {
            Part::Text(text) => p { (text) },
            Part::Table(table) => (of_table(table)),
            Part::Plots(plots) => div.plots {
                @for plot in plots {
                    // Made by us out of escaped words.
                    figure role="img" aria-label=(plot.title) { (PreEscaped(&plot.svg)) }
                }
            },
        }
    }
}

fn of_table(table: &Table) -> Markup {
    html! {
        div.table {
            table {
                thead { tr { @for name in &table.head { th { (name) } } } }
                tbody {
                    @for row in &table.rows { tr { @for cell in row { td { (cell) } } } }
                }
            }
        }
    }
}
