//! Writes policy files.

use super::aligned::AlignedBytes;
use super::error::FileError;
use super::finish::StoredFinish;
use super::header::{Header, LayerEntry, MAX_LAYERS, MAX_PROBES};
use super::preamble::{MAX_FILE_BYTES, Preamble, VERSION};
use super::section::Section;
use super::view::PolicyView;
use crate::codec::{EncodedTopology, EncodedValues, Encoding, OutOfRange, ValueCodec};
use crate::policy::{
    ActionHead, Activation, Contract, LayerNorm, ObservationNormaliser, Probe, Provenance,
};
use crate::topology::Csr;
use alloc::vec::Vec;
use thiserror::Error;

/// A policy to be written; borrows everything.
#[derive(Clone, Copy, Debug)]
pub struct PolicySpec<'a> {
    /// First to last; each has as many inputs as the one before has outputs.
    pub layers: &'a [LayerSpec<'a>],
    /// How observations are scaled, if they are.
    pub normaliser: Option<ObservationNormaliser<'a>>,
    /// How outputs become actions.
    pub action_head: ActionHead<'a>,
    /// Seconds from one action to the next.
    pub control_period_s: f64,
    /// Where the policy comes from.
    pub provenance: Provenance<'a>,
    /// Up to [`MAX_PROBES`] examples. Take the actions from the policy as it will be read: write a
    /// file without probes, let it act, write again with them.
    pub probes: &'a [Probe<'a>],
    /// What policy and robot agree on; see [`ContractSpec`](crate::policy::ContractSpec).
    pub contract: Option<Contract<'a>>,
    /// What the learner needs to go on.
    pub resume: Option<&'a [u8]>,
}

/// A layer to be written.
#[derive(Clone, Copy, Debug)]
pub struct LayerSpec<'a> {
    /// Live links.
    pub topology: Csr<'a>,
    /// One weight a link, row after row.
    pub weights: &'a [f32],
    /// One bias an output.
    pub bias: &'a [f32],
    /// What the sums go through before the activation, if anything.
    pub norm: Option<LayerNorm<'a>>,
    /// What follows the sums.
    pub activation: Activation,
}

/// Topology and weights of a layer as they will be stored.
type EncodedLinks<'a> = (EncodedTopology<'a>, EncodedValues<'a>);

/// Why a policy cannot be written.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum SpecError {
    /// More layers than a file holds.
    #[error("a policy file holds up to {MAX_LAYERS} layers, not {layers}: use a smaller network")]
    Layers {
        /// How many.
        layers: usize,
    },
    /// A layer that computes nothing.
    #[error("layer {layer} has no output: give it at least one")]
    NoOutputs {
        /// Which, counted from 0.
        layer: usize,
    },
    /// More probes than a file holds.
    #[error("a policy file holds up to {MAX_PROBES} probes, not {probes}: record fewer")]
    Probes {
        /// How many.
        probes: usize,
    },
    /// Arrays do not fit each other.
    #[error("the {section} should have {expected} numbers, not {found}")]
    Length {
        /// Where.
        section: Section,
        /// Numbers that would fit the layers.
        expected: usize,
        /// Numbers given.
        found: usize,
    },
    /// Layers do not fit each other.
    #[error("layer {layer} takes {found} inputs, the layer before it gives {expected}")]
    Inputs {
        /// Which layer, counted from 0.
        layer: usize,
        /// Outputs of the layer before.
        expected: usize,
        /// Inputs of this one.
        found: usize,
    },
    /// A weight is too large for its codec.
    #[error(
        "weight {value} of layer {layer} (counted from 0) is beyond what {codec} can hold: write f32 \
         values"
    )]
    Weight {
        /// Which layer, counted from 0.
        layer: usize,
        /// The weight.
        value: f32,
        /// The codec.
        codec: ValueCodec,
    },
    /// The file would be refused when read; nothing was written.
    #[error("this policy cannot be written: {0}")]
    Refused(#[from] FileError),
}

impl PolicySpec<'_> {
    /// The file, byte for byte the same for the same policy and encoding, already parsed once.
    ///
    /// # Errors
    /// [`SpecError`] for whatever [`PolicyView::parse`] would refuse, such as NaN.
    pub fn to_bytes(&self, encoding: Encoding) -> Result<AlignedBytes, SpecError> {
        self.check_lengths()?;
        let links = (0..).zip(self.layers).map(|(index, layer)| {
            let topology = EncodedTopology::new(&layer.topology, encoding.indices);
            let weights = encode_weights(index, layer, encoding.values)?;
            Ok((topology, weights))
        });
        let links = links.collect::<Result<Vec<_>, SpecError>>()?;
        let header = self.header(encoding.values, &links)?;
        // Writing to a Vec cannot fail; were it to, no reader could read the header either.
        let mut head =
            postcard::to_allocvec(&(header.head, &header)).map_err(|_| FileError::Header)?;
        if let Some(bytes) = header.contract_bytes {
            head.extend(postcard::to_allocvec(&bytes).map_err(|_| FileError::Header)?);
        }
        let header_bytes = head.len() as u32;
        let end = header.sections(header_bytes).last().map_or(0, |last| last.end());
        if end > MAX_FILE_BYTES {
            return Err(FileError::TooLarge { bytes: end }.into());
        }

        let mut file = AlignedBytes::zeroed(end as usize);
        file[Preamble::BYTES..][..head.len()].copy_from_slice(&head);
        for placed in header.sections(header_bytes) {
            let out = &mut file[placed.offset as usize..][..placed.bytes as usize];
            self.write_section(placed.section, &links, out);
        }
        Preamble { version: VERSION, header_bytes }.write(&mut file);
        PolicyView::parse(&file)?;
        Ok(file)
    }

    fn check_lengths(&self) -> Result<(), SpecError> {
        let equal = |section, expected, found| match expected == found {
            true => Ok(()),
            false => Err(SpecError::Length { section, expected, found }),
        };
        let (Some(first), Some(last)) = (self.layers.first(), self.layers.last()) else {
            return Err(FileError::NoLayers.into());
        };
        if self.layers.len() > MAX_LAYERS {
            return Err(SpecError::Layers { layers: self.layers.len() });
        }
        if self.probes.len() > MAX_PROBES as usize {
            return Err(SpecError::Probes { probes: self.probes.len() });
        }
        for (layer, pair) in self.layers.windows(2).enumerate() {
            let (expected, found) = (pair[0].topology.rows(), pair[1].topology.cols());
            if expected != found {
                return Err(SpecError::Inputs { layer: layer + 1, expected, found });
            }
        }
        for (index, layer) in (0..).zip(self.layers) {
            if layer.topology.rows() == 0 {
                return Err(SpecError::NoOutputs { layer: index.into() });
            }
            equal(Section::Weights(index), layer.topology.links(), layer.weights.len())?;
            equal(Section::Biases(index), layer.topology.rows(), layer.bias.len())?;
            if let Some(norm) = layer.norm {
                equal(Section::Gains(index), layer.topology.rows(), norm.gain.len())?;
                equal(Section::Shifts(index), layer.topology.rows(), norm.shift.len())?;
            }
        }
        let (observations, outputs) = (first.topology.cols(), last.topology.rows());
        if let Some(normaliser) = self.normaliser {
            equal(Section::Mean, observations, normaliser.mean.len())?;
            equal(Section::Std, observations, normaliser.std.len())?;
        }
        let actions = match self.action_head {
            ActionHead::Scaled { low, high } | ActionHead::Clamped { low, high } => {
                equal(Section::Low, outputs, low.len())?;
                equal(Section::High, outputs, high.len())?;
                outputs
            }
            ActionHead::Argmax => 1,
        };
        for probe in self.probes {
            equal(Section::ProbeObservations, observations, probe.observation.len())?;
            equal(Section::ProbeActions, actions, probe.action.len())?;
        }
        Ok(())
    }

    fn header(
        &self,
        values: ValueCodec,
        links: &[EncodedLinks<'_>],
    ) -> Result<Header<'_>, SpecError> {
        let mut layers = heapless::Vec::new();
        for (layer, (topology, _)) in self.layers.iter().zip(links) {
            let entry = LayerEntry {
                rows: layer.topology.rows() as u32,
                links: layer.topology.links() as u32,
                finish: StoredFinish {
                    activation: layer.activation,
                    epsilon: layer.norm.map(|norm| norm.epsilon),
                },
                values,
                indices: topology.stored,
            };
            layers.push(entry).map_err(|_| SpecError::Layers { layers: self.layers.len() })?;
        }
        Ok(Header {
            head: self.action_head.kind(),
            observations: self.layers.first().map_or(0, |layer| layer.topology.cols() as u32),
            control_period_s: self.control_period_s,
            clip: self.normaliser.map(|normaliser| normaliser.clip),
            probes: self.probes.len() as u32,
            layers,
            provenance: self.provenance,
            resume_bytes: self.resume.map(|resume| resume.len() as u64),
            contract_bytes: self.contract.map(|contract| contract.bytes().len() as u32),
        })
    }

    /// Fills `out`, the bytes of a section whose length the header has set.
    fn write_section(&self, section: Section, links: &[EncodedLinks<'_>], out: &mut [u8]) {
        let layer = |index: u8| &self.layers[usize::from(index)];
        match section {
            Section::Preamble | Section::Header => {}
            Section::Mean => put(out, self.normaliser.map_or(&[], |normaliser| normaliser.mean)),
            Section::Std => put(out, self.normaliser.map_or(&[], |normaliser| normaliser.std)),
            Section::Low => put(out, self.action_head.limits().map_or(&[], |limits| limits.0)),
            Section::High => put(out, self.action_head.limits().map_or(&[], |limits| limits.1)),
            Section::ProbeObservations => put_all(out, self.probes, |probe| probe.observation),
            Section::ProbeActions => put_all(out, self.probes, |probe| probe.action),
            Section::RowPointers(index) => put(out, &links[usize::from(index)].0.rows),
            Section::Columns(index) => put(out, &links[usize::from(index)].0.columns),
            Section::Scales(index) => match &links[usize::from(index)].1 {
                EncodedValues::Int8 { scales, .. } => put(out, scales),
                EncodedValues::F32(_) | EncodedValues::F16(_) | EncodedValues::Bf16(_) => {}
            },
            Section::Weights(index) => match &links[usize::from(index)].1 {
                EncodedValues::F32(weights) => put(out, weights),
                EncodedValues::F16(weights) => put(out, weights),
                EncodedValues::Bf16(weights) => put(out, weights),
                EncodedValues::Int8 { values, .. } => put(out, values),
            },
            Section::Biases(index) => put(out, layer(index).bias),
            Section::Gains(index) => put(out, layer(index).norm.map_or(&[], |norm| norm.gain)),
            Section::Shifts(index) => put(out, layer(index).norm.map_or(&[], |norm| norm.shift)),
            Section::Contract => put(out, self.contract.map_or(&[], |contract| contract.bytes())),
            Section::Resume => put(out, self.resume.unwrap_or_default()),
        }
    }
}

fn put<T: bytemuck::NoUninit>(out: &mut [u8], numbers: &[T]) {
    out.copy_from_slice(bytemuck::cast_slice(numbers));
}

fn put_all<'a>(out: &mut [u8], probes: &[Probe<'a>], part: impl Fn(&Probe<'a>) -> &'a [f32]) {
    for (out, probe) in out.chunks_exact_mut(out.len() / probes.len().max(1)).zip(probes) {
        put(out, part(probe));
    }
}

/// The weights of a layer, which is number `index`, as they will be stored.
fn encode_weights<'a>(
    index: u8,
    layer: &LayerSpec<'a>,
    codec: ValueCodec,
) -> Result<EncodedValues<'a>, SpecError> {
    EncodedValues::new(codec, &layer.topology, layer.weights).map_err(
        |OutOfRange { link, value }| {
            if value.is_finite() {
                SpecError::Weight { layer: index.into(), value, codec }
            } else {
                FileError::NotFinite { section: Section::Weights(index), index: link }.into()
            }
        },
    )
}
