//! What a control step takes on a device, reckoned from its profile and the policy's own links.
//!
//! Each layer is planned in every layout that the device has, as at load; the fastest counts. A layout
//! takes its weights, padding included, times the cycles of one, but no less than reading its bytes from
//! the memory in which the whole policy fits (the roofline, Williams et al. 2009). Outputs and the step
//! itself come on top. Nothing else of the robot's programs is reckoned with: caches are warm, the clock
//! is the device's full one, and nothing else runs.

use std::fmt;

use lacewing_formats::artifact::{LayerView, PolicyView};
use lacewing_formats::codec::{IndexCodec, ValueCodec};
use lacewing_runtime::act::Policy;
use lacewing_runtime::kernels::act::{EvenPlan, Fours, Links, PackedPlan, Plan, StripsPlan};
use lacewing_runtime::learn::Block;
use serde::Serialize;
use thiserror::Error;

use super::profile::{Memory, Profile};

/// A policy does not fit on a device.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum DoesNotFit {
    /// Into the flash.
    #[error(
        "{device} has {has} bytes of flash, of which the firmware takes {firmware}; the policy takes {needs}: {advice}"
    )]
    Flash {
        /// The device.
        device: String,
        /// Its flash.
        has: u64,
        /// The firmware's.
        firmware: u64,
        /// The policy's.
        needs: u64,
        /// What to do.
        advice: String,
    },
    /// Into the part of the flash that the firmware leaves to a policy.
    #[error(
        "the firmware for {device} keeps {has} bytes of flash for a policy; this one takes {needs}: {advice}"
    )]
    Region {
        /// The device.
        device: String,
        /// That part.
        has: u64,
        /// The policy's.
        needs: u64,
        /// What to do.
        advice: String,
    },
    /// Into the memory.
    #[error("{device} has {has} bytes of RAM; acting takes {needs}: {advice}")]
    Ram {
        /// The device.
        device: String,
        /// Its memory.
        has: u64,
        /// What acting takes.
        needs: u64,
        /// What to do.
        advice: String,
    },
}

/// How one layer runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerModel {
    /// Layout.
    pub layout: String,
    /// Live links.
    pub links: usize,
    /// Weights in the layout, padding included.
    pub weights: usize,
    /// Bytes that are read of it.
    pub bytes: u64,
    /// Nanoseconds.
    pub ns: f64,
}

/// What a control step takes. Its `Display` is a table that says that all of it is modelled.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Model {
    /// The device.
    pub device: String,
    /// Always true: nothing of this is measured.
    pub modelled: bool,
    /// First to last.
    pub layers: Vec<LayerModel>,
    /// A step, in nanoseconds.
    pub step_ns: f64,
    /// The same network with its pruned links as zeros.
    pub dense_step_ns: f64,
    /// The memory that weights are read from.
    pub memory: String,
    /// Bytes of the policy file.
    pub file_bytes: u64,
    /// Bytes of memory to act: layout and scratch, the firmware's, and the file where it is not in flash.
    pub ram_bytes: u64,
    /// Joules of a step: the device's watts for as long as it takes.
    pub step_joules: f64,
    /// What this rests on.
    pub assumptions: Vec<String>,
}

/// A layout of a layer, with what it takes.
struct Candidate {
    layout: String,
    weights: usize,
    bytes: u64,
    cycles: f64,
    /// Memory beyond the file.
    ram: u64,
}

/// Models a policy on a device.
///
/// # Errors
/// [`DoesNotFit`].
pub fn model(
    view: &PolicyView<'_>,
    file_bytes: u64,
    profile: &Profile,
) -> Result<Model, DoesNotFit> {
    let in_flash = profile.room.flash.is_some();
    let candidates: Vec<_> =
        view.layers().map(|layer| candidates(&layer, profile, in_flash)).collect();
    // Which memory is read from follows from the smallest choice; the fastest one is taken there.
    let all = |pick: fn(&Candidate) -> f64| -> u64 {
        let least = |layer: &Vec<Candidate>| {
            layer.iter().min_by(|a, b| pick(a).total_cmp(&pick(b))).map_or(0, |it| it.bytes)
        };
        candidates.iter().map(least).sum()
    };
    let memory = memory(profile, all(|it| it.cycles));
    let ns = |it: &Candidate, memory: &Memory| {
        let compute = it.cycles / profile.clock_ghz.value;
        compute.max(it.bytes as f64 / memory.gb_per_s.value)
    };
    let outputs: usize = view.layers().map(|layer| layer.rows()).sum();
    let own = profile.cycles.step.value + outputs as f64 * profile.cycles.output.value;
    let own_ns = own / profile.clock_ghz.value;
    let (mut layers, mut layout_bytes) = (Vec::new(), 0);
    for (layer, candidates) in view.layers().zip(&candidates) {
        let fastest = candidates.iter().min_by(|a, b| ns(a, memory).total_cmp(&ns(b, memory)));
        let Some(it) = fastest else { continue };
        layout_bytes += it.ram;
        layers.push(LayerModel {
            layout: it.layout.clone(),
            links: layer.links(),
            weights: it.weights,
            bytes: it.bytes,
            ns: ns(it, memory),
        });
    }
    let dense: Vec<_> = view.layers().map(|layer| dense(&layer, profile)).collect();
    let dense_memory = self::memory(profile, dense.iter().map(|it| it.bytes).sum());
    let dense_step_ns = own_ns + dense.iter().map(|it| ns(it, dense_memory)).sum::<f64>();
    let step_ns = own_ns + layers.iter().map(|layer| layer.ns).sum::<f64>();
    let scratch = Policy::new(view.clone()).map_or(0, |policy| 4 * policy.scratch_len() as u64);
    let firmware_ram = profile.room.firmware_ram.as_ref().map_or(0, |it| it.value as u64);
    let ram_bytes = layout_bytes + scratch + firmware_ram + if in_flash { 0 } else { file_bytes };
    fits(profile, view, file_bytes, ram_bytes)?;
    Ok(Model {
        device: profile.name.clone(),
        modelled: true,
        layers,
        step_ns,
        dense_step_ns,
        memory: memory.name.clone(),
        file_bytes,
        ram_bytes,
        step_joules: profile.watts.value * step_ns * 1e-9,
        assumptions: assumptions(profile, memory),
    })
}

fn fits(
    profile: &Profile,
    view: &PolicyView<'_>,
    file_bytes: u64,
    ram_bytes: u64,
) -> Result<(), DoesNotFit> {
    let device = profile.name.clone();
    let room = &profile.room;
    if let Some(policy) = &room.policy {
        let has = policy.value as u64;
        if file_bytes > has {
            let advice = smaller(view, file_bytes - has);
            return Err(DoesNotFit::Region { device, has, needs: file_bytes, advice });
        }
    }
    if let Some(flash) = &room.flash {
        let firmware = room.firmware.as_ref().map_or(0, |it| it.value as u64);
        let has = flash.value as u64;
        if firmware + file_bytes > has {
            let advice = smaller(view, firmware + file_bytes - has);
            return Err(DoesNotFit::Flash { device, has, firmware, needs: file_bytes, advice });
        }
    }
    let has = room.ram.value as u64;
    if ram_bytes > has {
        let advice = match room.flash {
            // Links lie there, so fewer of them change nothing.
            Some(_) => String::from("take narrower layers"),
            None => smaller(view, ram_bytes - has),
        };
        return Err(DoesNotFit::Ram { device, has, needs: ram_bytes, advice });
    }
    Ok(())
}

/// How a file becomes smaller by so many bytes, what costs least first.
fn smaller(view: &PolicyView<'_>, excess: u64) -> String {
    let resume = view.resume().map_or(0, <[u8]>::len) as u64;
    if resume >= excess {
        return format!("export it with --no-resume-section, which leaves out {resume} of them");
    }
    let wide = view.layers().any(|layer| layer.values().codec() == ValueCodec::F32);
    let sparser = "train it sparser, or with narrower layers";
    match (resume > 0, wide) {
        (false, false) => String::from(sparser),
        (true, false) => format!("export it with --no-resume-section, and {sparser}"),
        (false, true) => format!("export it with --values f16 --index auto, or {sparser}"),
        (true, true) => {
            format!("export it with --no-resume-section --values f16 --index auto, or {sparser}")
        }
    }
}

/// Every layout that the device has for a layer; those that take memory beyond the file only where the
/// policy does not lie in flash.
fn candidates(layer: &LayerView<'_>, profile: &Profile, in_flash: bool) -> Vec<Candidate> {
    let cycles = &profile.cycles;
    let (alone, fours) = match (layer.values().codec(), layer.indices().codec()) {
        (ValueCodec::F32, IndexCodec::U16) => (&cycles.in_place, &cycles.in_place_fours),
        (ValueCodec::F32 | ValueCodec::F16, IndexCodec::U16 | IndexCodec::DeltaU8) => {
            (&cycles.in_place_coded, &cycles.in_place_coded_fours)
        }
        (_, IndexCodec::Rice) => (&cycles.in_place_rice, &None),
        _ => (&cycles.in_place_coded, &None),
    };
    let fours = fours.as_ref().filter(|_| Fours::new(*layer).is_some());
    let each = fours.unwrap_or(alone);
    let mut found = vec![Candidate {
        layout: String::from("in place"),
        weights: layer.links(),
        bytes: (layer.value_bytes() + layer.index_bytes()) as u64,
        cycles: layer.links() as f64 * each.value,
        ram: 0,
    }];
    if in_flash {
        return found;
    }
    let links = Links::new(layer, None);
    let packed = cycles
        .packed
        .iter()
        .map(|it| (Plan::Packed(PackedPlan::new(&links, it.geometry(), true)), it.value));
    let even =
        cycles.even.iter().filter_map(|it| Some((Plan::Even(EvenPlan::new(&links)?), it.value)));
    let strips =
        cycles.strips.iter().map(|it| (Plan::Strips(StripsPlan::new(&links, it.height)), it.value));
    found.extend(packed.chain(even).chain(strips).map(|(plan, each)| {
        let bytes = (plan.blocks() * Block::BYTES) as u64;
        let name = match &plan {
            Plan::Strips(strips) => format!("strips of {}", strips.height()),
            other => other.name().to_string(),
        };
        let cycles = plan.entries() as f64 * each;
        Candidate { layout: name, weights: plan.entries(), bytes, cycles, ram: bytes }
    }));
    found.push(dense(layer, profile));
    found
}

fn dense(layer: &LayerView<'_>, profile: &Profile) -> Candidate {
    let weights = layer.rows() * layer.cols();
    let bytes = 4 * weights as u64;
    let cycles = weights as f64 * profile.cycles.dense.value;
    Candidate { layout: String::from("dense"), weights, bytes, cycles, ram: bytes }
}

/// The nearest memory that holds so many bytes.
fn memory(profile: &Profile, bytes: u64) -> &Memory {
    let holds =
        |memory: &&Memory| memory.bytes.as_ref().is_none_or(|has| bytes <= has.value as u64);
    // The last one has no size.
    profile.memory.iter().find(holds).unwrap_or(&profile.memory[0])
}

fn assumptions(profile: &Profile, memory: &Memory) -> Vec<String> {
    let mut assumptions = vec![
        String::from("nothing here is measured: weights, padding included, times cycles a weight"),
        String::from("one core at full clock does nothing else, and caches are warm"),
        format!("weights are read from {} at {} GB/s", memory.name, memory.gb_per_s.value),
    ];
    let guessed = profile.figures().into_iter().map(|(_, source)| source);
    let guessed = guessed.filter(|it| it.starts_with("memory: ") || it.starts_with("assumed: "));
    let mut guessed: Vec<_> = guessed.map(String::from).collect();
    guessed.sort();
    guessed.dedup();
    assumptions.extend(guessed);
    assumptions
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: modelled, not measured\n", self.device)?;
        writeln!(f, "layer  layout              links   weights     bytes        ns")?;
        for (number, layer) in self.layers.iter().enumerate() {
            let LayerModel { layout, links, weights, bytes, ns } = layer;
            writeln!(f, "{number:>5}  {layout:<16}{links:>9}{weights:>10}{bytes:>10}{ns:>10.0}")?;
        }
        writeln!(f, "\n{:<28}{:>12.2}", "a control step, µs", self.step_ns / 1e3)?;
        writeln!(f, "{:<28}{:>12.2}", "the same dense, µs", self.dense_step_ns / 1e3)?;
        writeln!(f, "{:<28}{:>12.3}", "energy of a step, µJ", self.step_joules * 1e6)?;
        writeln!(f, "{:<28}{:>12}", "policy file, bytes", self.file_bytes)?;
        writeln!(f, "{:<28}{:>12}", "RAM to act, bytes", self.ram_bytes)?;
        write!(f, "\nassumptions:")?;
        self.assumptions.iter().try_for_each(|line| write!(f, "\n- {line}"))
    }
}
