//! What is recorded of a fine-tuning, once an episode or so.

use super::need::Need;
use crate::telemetry::Telemetry;
use hdrhistogram::Histogram;
use lacewing_runtime::learn::session::Position;
use lacewing_runtime::learn::{AnyAgent, Losses, MAX_LOSSES};
use lacewing_runtime::telemetry::{Event, LAYOUT};
use std::time::Duration;

/// Steps after which figures are told where no episode ends.
const LONG: u64 = 1000;

/// Gathers figures and tells them.
pub struct Report<'m> {
    telemetry: Telemetry<'m>,
    /// Sums of losses since they were last told, and how many they are of.
    losses: [(f64, u32); MAX_LOSSES],
    waited: Histogram<u64>,
    /// Step after which figures were told last.
    told: u64,
    lost: u64,
}

impl<'m> Report<'m> {
    /// Nothing yet, about a policy whose file has this CRC-32.
    pub fn new(mut telemetry: Telemetry<'m>, policy: u32, resumed: bool) -> Self {
        telemetry.event(0, Event::Start { layout: LAYOUT, policy, resumed });
        // Up to a minute, to a tenth of a percent.
        let waited = Histogram::new_with_max(60_000_000_000, 3).expect("bounds that are allowed");
        Self { telemetry, losses: Default::default(), waited, told: 0, lost: 0 }
    }

    /// What stays the same, or changes with a topology only.
    pub fn describe(&self, need: &Need, agent: &AnyAgent<'_>) {
        let Some(metrics) = self.telemetry.metrics() else { return };
        need.budget().parts().into_iter().for_each(|(part, bytes)| metrics.memory(part, bytes));
        metrics.links(live(agent));
        super::tell(format_args!("metrics at http://{}/metrics", metrics.address()));
    }

    /// Something happened.
    pub fn event(&mut self, step: u64, event: Event) {
        self.telemetry.event(step, event);
    }

    /// An update was done.
    pub fn update(&mut self, losses: &Losses) {
        for ((sum, count), figure) in self.losses.iter_mut().zip(losses.iter()) {
            if let Some(figure) = figure {
                (*sum, *count) = (*sum + f64::from(figure), *count + 1);
            }
        }
    }

    /// A step was done, for which the robot waited so long.
    pub fn step(&mut self, step: u64, waited: Duration, agent: &mut AnyAgent<'_>) {
        self.waited.saturating_record(waited.as_nanos() as u64);
        if let Some(metrics) = self.telemetry.metrics() {
            metrics.step(step);
        }
        if step >= self.told + LONG {
            self.tell(step, agent);
        }
    }

    /// An episode ended with this return; so many answers could not be used so far.
    pub fn episode(&mut self, at: &Position, total: f64, lost: u64, agent: &mut AnyAgent<'_>) {
        self.event(at.step, Event::Return { episode: at.episodes, total });
        (self.lost..lost).for_each(|_| self.telemetry.event(at.step, Event::Lost));
        self.lost = lost;
        self.tell(at.step, agent);
    }

    /// Writes to the log what waits.
    pub fn flush(&mut self) {
        self.telemetry.flush();
    }

    fn tell(&mut self, step: u64, agent: &mut AnyAgent<'_>) {
        self.told = step;
        if self.losses.iter().any(|&(_, count)| count > 0) {
            let mean =
                |(sum, count): (f64, u32)| (count > 0).then(|| (sum / f64::from(count)) as f32);
            let figures = std::mem::take(&mut self.losses).map(mean);
            self.event(step, Event::Losses { updates: agent.updates(), figures });
        }
        let dropped = agent.take_work().changed.dropped as u64;
        if dropped > 0 {
            self.event(step, Event::Rewire { dropped, live: live(agent) as u64 });
        }
        if !self.waited.is_empty() {
            let at = |quantile| self.waited.value_at_quantile(quantile);
            let event = Event::Latency {
                steps: self.waited.len(),
                p50_ns: at(0.5),
                p99_ns: at(0.99),
                p999_ns: at(0.999),
                max_ns: self.waited.max(),
            };
            self.waited.reset();
            self.event(step, event);
        }
        self.flush();
    }
}

impl Drop for Report<'_> {
    fn drop(&mut self) {
        self.event(self.told, Event::Stop);
        self.flush();
    }
}

/// Links of the policy that are alive.
fn live(agent: &AnyAgent<'_>) -> usize {
    agent.policy().layers().map(|layer| layer.topology.links()).sum()
}
