//! What a misspelt name was meant to be.

/// Names less alike are not what was meant: `serve` is no `sweep`.
const NEAR: f64 = 0.8;
/// An algorithm's settings are fewer than those of a run.
const MOST_LISTED: usize = 24;

/// The known name most like `name` (Jaro–Winkler, whatever the case); none if none is near.
pub(crate) fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let name = name.to_lowercase();
    let likeness = |known: &str| strsim::jaro_winkler(&name, &known.to_lowercase());
    let nearest = known.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(nearest) >= NEAR).then_some(nearest)
}

/// The unknown name of a complaint such as serde's "unknown field `x`, expected one of `a`, `b`", and
/// the name that it expects near that, if there is one; none where the complaint is of another kind.
pub(crate) fn expected(complaint: &str) -> Option<(&str, Option<&str>)> {
    let (unknown, known) = complaint.split_once("expected")?;
    let name = quoted(unknown).next()?;
    quoted(known).next()?;
    Some((name, nearest(name, quoted(known))))
}

/// A complaint whose list of all that would be right is only counted, where it is too long to read.
pub(crate) fn without_long_list(complaint: &str) -> String {
    const LIST: &str = "expected one of ";
    let Some((head, list)) = complaint.split_once(LIST) else { return complaint.to_string() };
    match quoted(list).count() {
        0..=MOST_LISTED => complaint.to_string(),
        count => format!("{head}{LIST}{count} names"),
    }
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_the_one_meant() {
        let known = ["learning-rate", "batch", "start-steps"];
        assert_eq!(nearest("lerning_rate", known), Some("learning-rate"));
        assert_eq!(nearest("BACH", known), Some("batch"));
        assert_eq!(nearest("batch", []), None);
        for far in ["xyz", "zzzz", "", "gradient"] {
            assert_eq!(nearest(far, known), None, "{far}");
        }
        assert_eq!(nearest("serve", ["sweep", "deploy"]), None);
    }

    #[test]
    fn long_lists_are_counted() {
        let of = |count: usize| {
            let names: Vec<_> = (0..count).map(|at| format!("`name-{at}`")).collect();
            format!("unknown field `x`, expected one of {}", names.join(", "))
        };
        assert_eq!(without_long_list(&of(24)), of(24));
        assert_eq!(without_long_list(&of(34)), "unknown field `x`, expected one of 34 names");
        assert_eq!(without_long_list("expected u32"), "expected u32");
    }

    #[test]
    fn complaints_say_what_they_expect() {
        let of = |name, meant| Some((name, Some(meant)));
        let one = "unknown field `bach`, expected one of `gamma`, `batch`, `tau`";
        assert_eq!(expected(one), of("bach", "batch"));
        assert_eq!(expected("unknown field `rul`, expected `rule`"), of("rul", "rule"));
        assert_eq!(
            expected("unknown variant `hubr`, expected `huber` or `squared`"),
            of("hubr", "huber")
        );
        for other in
            ["invalid type: string \"many\", expected u32", "key with no value, expected `=`"]
        {
            assert_eq!(expected(other), None, "{other}");
        }
    }
}
