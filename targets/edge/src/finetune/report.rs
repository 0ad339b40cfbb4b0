//! What is recorded of a fine-tuning, once an episode or so.

use super::need::Need;
use super::robot::Troubles;
use crate::telemetry::Telemetry;
use hdrhistogram::Histogram;
use lacewing_runtime::learn::session::Position;
use lacewing_runtime::learn::{AnyAgent, Losses, MAX_LOSSES, Tuner, Work};
use lacewing_runtime::telemetry::{Event, Guarded, LAYOUT};
use std::time::Duration;

/// What the guard of sensors counts: breaches by kind, and what they led to.
const GUARDED: [Guarded; 7] = [
    Guarded::NotFinite,
    Guarded::OutOfRange,
    Guarded::Spike,
    Guarded::Stuck,
    Guarded::Held,
    Guarded::SafeAction,
    Guarded::SkippedTransition,
];
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
    /// After which step, and as they were told last.
    troubles: (u64, Troubles),
    told_troubles: Troubles,
    /// Updates that were rejected since that was told last.
    rejected: u64,
}

/// Who learns, as far as is told.
pub trait Figures {
    /// What is learned.
    fn agent(&self) -> &AnyAgent<'_>;
    /// Work done since this was asked last.
    fn take_work(&mut self) -> Work;
}

impl Figures for AnyAgent<'_> {
    fn agent(&self) -> &AnyAgent<'_> {
        self
    }
    fn take_work(&mut self) -> Work {
        AnyAgent::take_work(self)
    }
}

impl Figures for Tuner<'_> {
    fn agent(&self) -> &AnyAgent<'_> {
        Tuner::agent(self)
    }
    fn take_work(&mut self) -> Work {
        Tuner::take_work(self)
    }
}

impl<'m> Report<'m> {
    /// Nothing yet, about a policy whose file has this CRC-32.
    pub fn new(mut telemetry: Telemetry<'m>, policy: u32, resumed: bool) -> Self {
        telemetry.event(0, Event::Start { layout: LAYOUT, policy, resumed });
        // Up to a minute, to a tenth of a percent.
        let waited = Histogram::new_with_max(60_000_000_000, 3).expect("bounds that are allowed");
        let (losses, troubles, told_troubles) = Default::default();
        Self { telemetry, losses, waited, told: 0, troubles, told_troubles, rejected: 0 }
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

    /// An update was rejected.
    pub fn rejected(&mut self) {
        self.rejected += 1;
    }

    /// A step was done, for which the robot waited so long.
    pub fn step(&mut self, step: u64, waited: Duration, learning: &mut impl Figures) {
        self.waited.saturating_record(waited.as_nanos() as u64);
        if let Some(metrics) = self.telemetry.metrics() {
            metrics.step(step);
        }
        if step >= self.told + LONG {
            self.tell(step, learning);
        }
    }

    /// An episode ended with this return.
    pub fn episode(&mut self, at: &Position, total: f64, learning: &mut impl Figures) {
        self.event(at.step, Event::Return { episode: at.episodes, total });
        self.tell(at.step, learning);
    }

    /// So much could not be used so far, after so many steps.
    pub fn troubles(&mut self, step: u64, troubles: Troubles) {
        self.troubles = (step, troubles);
    }

    /// Writes to the log what waits.
    pub fn flush(&mut self) {
        self.telemetry.flush();
    }

    /// Records what could not be used since this was done last: a broken sensor is a record now and then,
    /// not one a step.
    fn tell_troubles(&mut self) {
        let (step, now) = self.troubles;
        let before = std::mem::replace(&mut self.told_troubles, now);
        (before.lost..now.lost).for_each(|_| self.event(step, Event::Lost));
        let counts = |troubles: &Troubles| {
            // In the order of `Breach::ALL`.
            let [not_finite, range, spike, stuck] = troubles.sensors.breaches;
            let Troubles { sensors, skipped, .. } = troubles;
            [not_finite, range, spike, stuck, sensors.held, sensors.safe, *skipped]
        };
        for ((by, before), now) in GUARDED.into_iter().zip(counts(&before)).zip(counts(&now)) {
            if now > before {
                self.event(step, Event::Guard { by, count: now - before });
            }
        }
    }

    /// Records figures of the steps since this was done last, up to this one.
    pub fn tell(&mut self, step: u64, learning: &mut impl Figures) {
        self.told = step;
        self.tell_troubles();
        if self.losses.iter().any(|&(_, count)| count > 0) {
            let mean =
                |(sum, count): (f64, u32)| (count > 0).then(|| (sum / f64::from(count)) as f32);
            let figures = std::mem::take(&mut self.losses).map(mean);
            let updates = learning.agent().updates();
            self.event(step, Event::Losses { updates, figures });
        }
        let rejected = std::mem::take(&mut self.rejected);
        if rejected > 0 {
            let by = Guarded::RejectedUpdate;
            self.event(step, Event::Guard { by, count: rejected });
        }
        let dropped = learning.take_work().changed.dropped as u64;
        if dropped > 0 {
            self.event(step, Event::Rewire { dropped, live: live(learning.agent()) as u64 });
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
        self.tell_troubles();
        self.event(self.told, Event::Stop);
        self.flush();
    }
}

/// Links of the policy that are alive.
fn live(agent: &AnyAgent<'_>) -> usize {
    agent.policy().layers().map(|layer| layer.topology.links()).sum()
}
