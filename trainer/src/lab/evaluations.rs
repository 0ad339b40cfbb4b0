//! The evaluations of a run, as its `progress.csv` has them, and the return that they come to.

use std::path::Path;

use lacewing_runtime::learn::Score;

use super::files::{self, FileError};
use super::folder::PROGRESS;

/// Step and mean return of each evaluation in a run's folder; a row that is not whole is none.
///
/// # Errors
/// [`FileError`].
pub fn read(run: &Path) -> Result<Vec<(u64, f64)>, FileError> {
    let text = String::from_utf8_lossy(&files::read(&run.join(PROGRESS))?).into_owned();
    let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
    let mut lines = whole.lines().map(|line| line.split(','));
    let names: Vec<_> = lines.next().into_iter().flatten().collect();
    let place = |name| names.iter().position(|column| *column == name);
    let (Some(step), Some(mean)) = (place("step"), place("eval_mean")) else {
        return Ok(Vec::new());
    };
    let row = |cells: std::str::Split<'_, char>| {
        let cells: Vec<_> = cells.collect();
        Some((cells.get(step)?.parse().ok()?, cells.get(mean)?.parse().ok()?))
    };
    Ok(lines.filter_map(row).collect())
}

/// A run's return: the mean of the last tenth of its evaluations, one at least; none without any.
pub fn final_return(evaluations: &[(u64, f64)]) -> Option<f64> {
    let before = evaluations.len() - evaluations.len().div_ceil(10);
    let last: Vec<_> = evaluations[before..].iter().map(|&(_, mean)| mean).collect();
    (!last.is_empty()).then(|| Score::of(&last).mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_is_the_mean_of_the_last_tenth() {
        let evaluations: Vec<_> = (1..=25_u32).map(|at| (u64::from(at), f64::from(at))).collect();
        let of = |count: usize| final_return(&evaluations[..count]);
        assert_eq!(
            [of(0), of(1), of(10), of(11), of(25)],
            [None, Some(1.0), Some(10.0), Some(10.5), Some(24.0)]
        );
    }

    #[test]
    fn only_whole_rows_are_evaluations() {
        let run = tempfile::tempdir().unwrap();
        let log = "step,episodes,eval_mean\n100,1,-3.5\n200,2,-2\n300,3,-1";
        std::fs::write(run.path().join(PROGRESS), log).unwrap();
        assert_eq!(read(run.path()).unwrap(), [(100, -3.5), (200, -2.0)]);
    }
}
