//! The header: everything that says how long the sections are, and where the policy comes from.

use super::error::FileError;
use super::finish::StoredFinish;
use super::preamble::{MAX_FILE_BYTES, Preamble};
use super::section::{Placed, Section};
use crate::codec::{StoredIndices, ValueCodec};
use crate::policy::{ContractError, Head, MAX_CONTRACT_BYTES, MAX_TEXT_BYTES, Provenance};
use heapless::Vec;
use serde::{Deserialize, Serialize};

/// Most layers of a policy.
pub const MAX_LAYERS: usize = 16;
/// Most inputs or outputs of a layer.
pub const MAX_WIDTH: u32 = 1 << 16;
/// Most probes of a policy file.
pub const MAX_PROBES: u32 = 64;

/// What a policy file says about itself before its numbers.
///
/// It holds no offsets: they follow from the lengths, so sections cannot overlap. A layer's inputs
/// are the outputs of the one before it, so layers cannot fail to fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header<'a> {
    /// Comes before all others, which are as in version 1.
    #[serde(skip)]
    pub(super) head: Head,
    pub(super) observations: u32,
    pub(super) control_period_s: f64,
    /// Present where there is a normaliser.
    pub(super) clip: Option<f32>,
    pub(super) probes: u32,
    pub(super) layers: Vec<LayerEntry, MAX_LAYERS>,
    #[serde(borrow)]
    pub(super) provenance: Provenance<'a>,
    pub(super) resume_bytes: Option<u64>,
    /// Comes behind all others, and only where there is a contract.
    #[serde(skip)]
    pub(super) contract_bytes: Option<u32>,
}

/// A layer in the header; its inputs are the outputs of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LayerEntry {
    pub rows: u32,
    pub links: u32,
    pub finish: StoredFinish,
    pub values: ValueCodec,
    pub indices: StoredIndices,
}

impl<'a> Header<'a> {
    /// Length of an observation.
    pub fn observations(&self) -> usize {
        self.observations as usize
    }

    /// Outputs of the last layer.
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.rows as usize)
    }

    /// Length of an action: an output each, or the index of one of them.
    pub fn actions(&self) -> usize {
        match self.head {
            Head::Scaled | Head::Clamped => self.outputs(),
            Head::Argmax => 1,
        }
    }

    /// How outputs become actions.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Seconds from one action to the next.
    pub fn control_period_s(&self) -> f64 {
        self.control_period_s
    }

    /// Reads and checks the header that follows the preamble.
    pub(super) fn parse(preamble: Preamble, file: &'a [u8]) -> Result<Self, FileError> {
        let end = Preamble::BYTES.saturating_add(preamble.header_bytes as usize);
        let bytes = file.get(Preamble::BYTES..end).ok_or(FileError::Header)?;
        let (head, rest) = match preamble.version {
            1 => (Head::Scaled, bytes),
            _ => postcard::take_from_bytes(bytes).map_err(|_| FileError::Header)?,
        };
        let (header, rest): (Self, _) =
            postcard::take_from_bytes(rest).map_err(|_| FileError::Header)?;
        let contract_bytes = match rest {
            [] => None,
            _ if preamble.version == 1 => return Err(FileError::Header),
            _ => match postcard::take_from_bytes(rest) {
                Ok((bytes, [])) => Some(bytes),
                _ => return Err(FileError::Header),
            },
        };
        let header = Self { head, contract_bytes, ..header };
        header.check().map(|()| header)
    }

    /// Checks all that needs no section; afterwards lengths cannot overflow.
    fn check(&self) -> Result<(), FileError> {
        if self.layers.is_empty() {
            return Err(FileError::NoLayers);
        }
        for (layer, entry) in self.layers.iter().enumerate() {
            for width in [self.cols(layer), entry.rows] {
                if width == 0 || width > MAX_WIDTH {
                    return Err(FileError::Width { layer, width });
                }
            }
            if !entry.indices.fit(entry.rows, entry.links) {
                return Err(FileError::Header);
            }
            entry.finish.check(layer)?;
        }
        if self.probes > MAX_PROBES {
            return Err(FileError::Probes { probes: self.probes });
        }
        if let Some(bytes) = self.resume_bytes.filter(|&bytes| bytes > MAX_FILE_BYTES) {
            return Err(FileError::TooLarge { bytes });
        }
        if self.contract_bytes.is_some_and(|bytes| bytes > MAX_CONTRACT_BYTES) {
            return Err(ContractError::Long.into());
        }
        if !is_positive(self.control_period_s) {
            return Err(FileError::ControlPeriod);
        }
        if self.clip.is_some_and(|clip| !is_positive(clip.into())) {
            return Err(FileError::Clip);
        }
        let bad = |text: &str| text.len() > MAX_TEXT_BYTES || text.chars().any(char::is_control);
        if self.provenance.texts().into_iter().any(bad) {
            return Err(FileError::Text);
        }
        let score = self.provenance.evaluation;
        if score.is_some_and(|score| !score.mean.is_finite() || !score.std.is_finite()) {
            return Err(FileError::Evaluation);
        }
        Ok(())
    }

    /// Inputs of a layer.
    pub(super) fn cols(&self, layer: usize) -> u32 {
        match layer.checked_sub(1) {
            Some(before) => self.layers[before].rows,
            None => self.observations,
        }
    }

    /// Every section after the header, in the order of the file.
    pub(super) fn sections(&self, header_bytes: u32) -> impl Iterator<Item = Placed> {
        let (observations, actions) = (self.observations.into(), self.actions() as u64);
        let probes = u64::from(self.probes);
        let normaliser = [(Section::Mean, observations), (Section::Std, observations)];
        let scaling = [(Section::Low, actions), (Section::High, actions)];
        let examples = [
            (Section::ProbeObservations, probes * observations),
            (Section::ProbeActions, probes * actions),
        ];
        let numbers = (normaliser.into_iter().filter(|_| self.clip.is_some()))
            .chain(scaling.into_iter().filter(|_| self.head != Head::Argmax))
            .chain(examples.into_iter().filter(|_| self.probes > 0))
            .map(|(section, numbers)| (section, 4 * numbers));
        let layers = (0..).zip(&self.layers).flat_map(|(layer, entry)| {
            let (rows, links) = (u64::from(entry.rows), u64::from(entry.links));
            let cols = self.cols(layer.into());
            let columns = entry.indices.column_bytes(entry.rows, cols, entry.links);
            let scales = u64::from(entry.values.bytes_per_row()) * rows;
            let row_table = entry.indices.row_bytes(rows);
            [
                row_table.map(|bytes| (Section::RowPointers(layer), bytes)),
                Some((Section::Columns(layer), columns)),
                (scales > 0).then_some((Section::Scales(layer), scales)),
                Some((Section::Weights(layer), u64::from(entry.values.bytes()) * links)),
                Some((Section::Biases(layer), 4 * rows)),
                entry.finish.epsilon.map(|_| (Section::Gains(layer), 4 * rows)),
                entry.finish.epsilon.map(|_| (Section::Shifts(layer), 4 * rows)),
            ]
            .into_iter()
            .flatten()
        });
        let contract = self.contract_bytes.map(|bytes| (Section::Contract, bytes.into()));
        let resume = self.resume_bytes.map(|bytes| (Section::Resume, bytes));
        numbers.chain(layers).chain(contract).chain(resume).scan(
            header(header_bytes).end(),
            |offset, (section, bytes)| {
                let placed = Placed { section, offset: *offset, bytes };
                *offset = placed.end();
                Some(placed)
            },
        )
    }
}

/// Where the header lies.
pub(super) fn header(bytes: u32) -> Placed {
    Placed { section: Section::Header, offset: Preamble::BYTES as u64, bytes: bytes.into() }
}

fn is_positive(number: f64) -> bool {
    number.is_finite() && number > 0.0
}
