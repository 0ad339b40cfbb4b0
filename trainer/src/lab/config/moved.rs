//! Fields that configurations of earlier versions have elsewhere.

use toml::Table;

/// The fields of `[topology]` that say what those of `[rewire]`, its former name, do; none where there
/// is no such table.
pub(super) fn rewire(table: &Table) -> Option<Vec<(&str, String)>> {
    let fields = table.get("rewire")?.as_table()?;
    let moved = fields.iter().map(|(field, value)| match field.as_str() {
        "interval" => ("every", value.to_string()),
        "fraction" => ("amount.constant", value.to_string()),
        field => (field, value.to_string()),
    });
    Some(moved.collect())
}
