//! How long a control step of each group's policy takes on this machine.

use lacewing_runtime::measure::{Settings, measure};

use super::Groups;
use crate::lab::policy;

/// Steps timed of each policy: enough for a median.
const STEPS: u64 = 20_000;

/// Median control steps, packed, in nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    /// Name of the processor, where anything was measured.
    pub processor: Option<String>,
    /// For each group, for each environment.
    steps: Vec<Vec<Option<u64>>>,
    /// Why groups were not measured, a line for each cause.
    pub problems: Vec<String>,
}

impl Latencies {
    /// Measures in each environment the first policy that a group's runs have there.
    pub fn measure(groups: &Groups) -> Self {
        let mut measured = Self::default();
        let (mut without, mut failed) = (Vec::new(), Vec::new());
        for group in &groups.all {
            let of_env = group.runs.iter().map(|runs| {
                let first = &runs.first()?.folder;
                let Some(run) = runs.iter().find(|run| policy::file(&run.folder).is_ok()) else {
                    without.push(first);
                    return None;
                };
                measured.time(&run.folder).map_err(|problem| failed.push(problem)).ok()
            });
            let of_env = of_env.collect();
            measured.steps.push(of_env);
        }
        if let Some(first) = without.first() {
            let places = groups.all.iter().flat_map(|group| &group.runs);
            measured.problems.push(format!(
                "{} of {} groups, counted in each environment, have no run with its policy.lace (the first: \
                 {}); put one back into a run's folder, or leave timing out with --no-latency",
                without.len(),
                places.filter(|runs| !runs.is_empty()).count(),
                first.display()
            ));
        }
        if let Some(first) = failed.first() {
            measured.problems.push(format!("{} policies, the first: {first}", failed.len()));
        }
        measured
    }

    fn time(&mut self, folder: &std::path::Path) -> Result<u64, String> {
        let bytes = policy::read(folder).map_err(|error| error.to_string())?;
        let view = policy::parse(&bytes, folder).map_err(|error| error.to_string())?;
        let settings = Settings { steps: STEPS, ..Settings::default() };
        let report = measure(view, settings, Vec::new())
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        self.processor = Some(format!("{}, kernel {}", report.processor, report.kernel));
        // The packed layout is what devices act with; it is always the first.
        Ok(report.warm[0].p50_ns)
    }

    /// Of a group in an environment; none where it was not measured.
    pub fn of(&self, group: usize, env: usize) -> Option<u64> {
        *self.steps.get(group)?.get(env)?
    }
}
