//! What a run says while it runs: a bar on a terminal, plain lines anywhere else.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Without a terminal, one line at most this often.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Progress of a run in environment steps.
pub struct Progress {
    bar: Option<ProgressBar>,
    title: String,
    total: u64,
    /// Where this process started: a resumed run's speed is counted from there.
    first: u64,
    started: Instant,
    last_line: Instant,
    status: String,
}

impl Progress {
    /// Starts at `step` of `total`.
    pub fn new(title: &str, step: u64, total: u64) -> Self {
        let now = Instant::now();
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total).with_position(step);
            let style = ProgressStyle::with_template(
                "{prefix} {bar:24} {human_pos}/{human_len} {per_sec} ETA {eta} {wide_msg}",
            );
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.reset_eta();
            bar.set_prefix(title.to_string());
            bar
        });
        let title = title.to_string();
        Self { bar, title, total, first: step, started: now, last_line: now, status: String::new() }
    }

    /// Remembers the figures shown beside the bar.
    pub fn status(&mut self, status: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(status.clone());
        }
        self.status = status;
    }

    /// Moves to `step`.
    pub fn step(&mut self, step: u64) {
        match &self.bar {
            Some(bar) => bar.set_position(step),
            None if self.last_line.elapsed() >= LINE_EVERY => {
                self.last_line = Instant::now();
                tell!("{}", self.line(step));
            }
            None => {}
        }
    }

    /// A line that stays, above the bar where there is one.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| tell!("{line}")),
            None => tell!("{line}"),
        }
    }

    /// Environment steps a second since this process started.
    pub fn steps_per_second(&self, step: u64) -> f64 {
        (step - self.first) as f64 / self.started.elapsed().as_secs_f64().max(1e-9)
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, step: u64) -> String {
        let speed = self.steps_per_second(step);
        let eta = Duration::from_secs_f64((self.total - step) as f64 / speed.max(1e-3));
        format!(
            "{}: step {step}/{} · {speed:.0} steps/s · ETA {} · {}",
            self.title,
            self.total,
            duration(eta),
            self.status
        )
    }
}

/// `1h02m`, `3m05s` or `12s`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s:02}s"),
        (h, m, _) => format!("{h}h{m:02}m"),
    }
}
