//! The state of a fine-tuning for Prometheus, in its text format.

use super::http;
use crate::EdgeError;
use lacewing_runtime::guard::Switch;
use lacewing_runtime::telemetry::Event;
use prometheus_client::encoding::prometheus_text::{CONTENT_TYPE, encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::AtomicU64;

/// Share that the newest return has in the running one.
const NEWEST: f64 = 0.1;

type Real = Gauge<f64, AtomicU64>;
type Label = [(&'static str, &'static str); 1];

/// Metrics that a thread serves. The control loop sets them and waits for nobody.
pub struct Metrics {
    address: SocketAddr,
    /// Names of the figures of an update.
    losses: &'static [&'static str],
    values: Values,
}

/// Handles to what the thread reads.
#[derive(Default)]
struct Values {
    steps: Gauge,
    updates: Gauge,
    episodes: Gauge,
    last: Real,
    running: Real,
    evaluated: Real,
    best: Real,
    figures: Family<Label, Real>,
    latency: Family<Label, Real>,
    links: Gauge,
    memory: Family<Label, Gauge>,
    rewired: Counter,
    guards: Family<Label, Counter>,
    verdicts: Family<Label, Counter>,
    saves: Counter,
    failed: Counter,
    lost: Counter,
}

impl Metrics {
    /// Serves metrics of an algorithm with these losses on `address`.
    ///
    /// # Errors
    /// [`EdgeError::Metrics`].
    pub fn serve(address: SocketAddr, losses: &'static [&'static str]) -> Result<Self, EdgeError> {
        let fail = |source| EdgeError::Metrics { address, source };
        let listener = TcpListener::bind(address).map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        let values = Values::default();
        // Until there is one: zero is better than any return of a task that only costs.
        for unknown in [&values.last, &values.running, &values.evaluated, &values.best] {
            unknown.set(f64::NAN);
        }
        let registry = values.registry();
        let page = move || {
            let mut page = String::new();
            // A string takes whatever is written.
            let _ = encode(&mut page, &registry);
            page
        };
        http::serve(listener, CONTENT_TYPE, page).map_err(fail)?;
        Ok(Self { address, losses, values })
    }

    /// Where they are served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says how many bytes something takes.
    pub fn memory(&self, part: &'static str, bytes: usize) {
        self.values.memory.get_or_create(&[("part", part)]).set(bytes as i64);
    }

    /// Says how many links of the policy are alive.
    pub fn links(&self, links: usize) {
        self.values.links.set(links as i64);
    }

    /// Says how many steps there were.
    pub fn step(&self, step: u64) {
        self.values.steps.set(step as i64);
    }

    /// Takes over what an event tells.
    pub fn note(&self, step: u64, event: &Event) {
        self.step(step);
        match *event {
            Event::Start { .. } | Event::Stop => {}
            Event::Return { episode, total } => {
                let first = self.values.episodes.get() == 0;
                let running = if first { total } else { self.values.running.get() };
                self.values.running.set(running + NEWEST * (total - running));
                self.values.last.set(total);
                self.values.episodes.set(episode as i64);
            }
            Event::Losses { updates, figures } => {
                self.values.updates.set(updates as i64);
                for (name, figure) in self.losses.iter().zip(figures) {
                    if let Some(figure) = figure {
                        self.values.figures.get_or_create(&[("loss", *name)]).set(figure.into());
                    }
                }
            }
            Event::Evaluation { mean, best, .. } => {
                self.values.evaluated.set(mean);
                if best {
                    self.values.best.set(mean);
                }
            }
            Event::Guard { by, count } => {
                self.values.guards.get_or_create(&[("by", by.name())]).inc_by(count);
            }
            Event::Rewire { dropped, live } => {
                self.values.rewired.inc_by(dropped);
                self.values.links.set(live as i64);
            }
            Event::Latency { p50_ns, p99_ns, p999_ns, max_ns, .. } => {
                let quantiles =
                    [("0.5", p50_ns), ("0.99", p99_ns), ("0.999", p999_ns), ("1", max_ns)];
                for (quantile, ns) in quantiles {
                    let label = [("quantile", quantile)];
                    self.values.latency.get_or_create(&label).set(ns as f64 / 1e9);
                }
            }
            Event::Verdict { switch, .. } => {
                let name = match switch {
                    Switch::Measured { .. } => "measured",
                    Switch::Good => "good",
                    Switch::Froze(_) => "froze",
                    Switch::RolledBack { .. } => "rolled-back",
                    Switch::Resumed => "resumed",
                    Switch::BaselineLost => "baseline-lost",
                };
                self.values.verdicts.get_or_create(&[("verdict", name)]).inc();
            }
            Event::Save { .. } => drop(self.values.saves.inc()),
            Event::SaveFailed => drop(self.values.failed.inc()),
            Event::Lost => drop(self.values.lost.inc()),
        }
    }
}

impl Values {
    fn registry(&self) -> Registry {
        let mut all = Registry::with_prefix("lacewing");
        all.register("steps", "Control steps of learning", self.steps.clone());
        all.register("updates", "Updates of the learner", self.updates.clone());
        all.register("episodes", "Finished episodes of learning", self.episodes.clone());
        all.register("return", "Return of the last episode", self.last.clone());
        all.register("running_return", "Exponential mean of returns", self.running.clone());
        all.register("evaluated_return", "Mean return without exploration", self.evaluated.clone());
        all.register(
            "best_return",
            "The highest of these, whose policy is kept",
            self.best.clone(),
        );
        all.register("loss", "Mean figures of recent updates", self.figures.clone());
        let latency = "Quantiles of the time from an observation to its command";
        all.register_with_unit("latency", latency, Unit::Seconds, self.latency.clone());
        all.register("live_links", "Links of the policy that are alive", self.links.clone());
        let memory = "Memory by what it is for";
        all.register_with_unit("memory", memory, Unit::Bytes, self.memory.clone());
        all.register("rewired_links", "Links that went since the start", self.rewired.clone());
        all.register("guards", "Times that a guard stepped in", self.guards.clone());
        all.register("verdicts", "Judgements of learning", self.verdicts.clone());
        all.register("saves", "Saves of the session", self.saves.clone());
        all.register("failed_saves", "Saves that failed", self.failed.clone());
        all.register("lost_answers", "Answers that could not be used", self.lost.clone());
        all
    }
}
