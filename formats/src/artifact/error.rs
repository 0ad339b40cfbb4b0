//! Why bytes are not a policy.

use super::header::{MAX_LAYERS, MAX_PROBES, MAX_WIDTH};
use super::preamble::{ALIGNMENT, MAX_FILE_BYTES, VERSION};
use super::section::Section;
use crate::policy::{ContractError, MAX_TEXT_BYTES};
use crate::topology::TopologyError;
use thiserror::Error;

/// Why bytes are not a policy that can be used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FileError {
    /// Another kind of file.
    #[error("this is no policy file: give a .lace file as `lacewing export` writes it")]
    NotAPolicy,
    /// Made by a later version of the format, or by none.
    #[error(
        "policy file of format version {version}, this program reads versions 1 to {VERSION}: \
         update the program or export the policy again with this one"
    )]
    Version {
        /// The file's.
        version: u32,
    },
    /// The end is missing.
    #[error("the policy file has {found} of its {expected} bytes: copy it again")]
    Truncated {
        /// Bytes that the file should have.
        expected: u64,
        /// Bytes given.
        found: u64,
    },
    /// Bytes follow the end.
    #[error(
        "{bytes} bytes follow the end of the policy: copy the file again, or give only its bytes"
    )]
    Trailing {
        /// Bytes too many.
        bytes: u64,
    },
    /// Larger than any policy.
    #[error("a policy file of {bytes} bytes is beyond the limit of {MAX_FILE_BYTES}")]
    TooLarge {
        /// Its length.
        bytes: u64,
    },
    /// The checksum differs: a byte changed since it was written.
    #[error("the policy file is damaged (checksum differs): copy it again from its source")]
    Damaged,
    /// The bytes lie in memory where numbers cannot be read in place.
    #[error(
        "a policy must lie at a multiple of {ALIGNMENT} bytes in memory: read the file with \
         `AlignedBytes`, or put it in a static with `#[repr(align({ALIGNMENT}))]`"
    )]
    Misaligned,
    /// The header is not one that this version writes.
    #[error(
        "the header of the policy file cannot be read (more than {MAX_LAYERS} layers, an unknown \
         codec, activation or head, or no header at all): export the policy again"
    )]
    Header,
    /// The header describes more or fewer bytes than there are.
    #[error(
        "the header of the policy file describes {expected} bytes, the file has {found}: export \
         the policy again"
    )]
    Layout {
        /// Bytes that the header calls for.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// Bytes between sections are not zero.
    #[error("byte {offset} of the policy file lies between sections and is not 0: export again")]
    Padding {
        /// Where, in bytes from the start.
        offset: u64,
    },
    /// There are no layers.
    #[error("a policy needs at least one layer: export it again")]
    NoLayers,
    /// No or too many inputs or outputs of a layer.
    #[error("layer {layer} has a side of {width} neurons, 1 to {MAX_WIDTH} are possible")]
    Width {
        /// Which layer, counted from 0.
        layer: usize,
        /// Its inputs or outputs.
        width: u32,
    },
    /// More probes than a file holds.
    #[error("{probes} probes are more than the {MAX_PROBES} that a policy file holds")]
    Probes {
        /// How many.
        probes: u32,
    },
    /// A text is too long or holds control characters.
    #[error(
        "a text of the provenance has more than {MAX_TEXT_BYTES} bytes or holds control \
         characters: shorten it and export again"
    )]
    Text,
    /// The evaluation in the provenance is not finite.
    #[error("the evaluation in the provenance is NaN or infinite: leave it out and export again")]
    Evaluation,
    /// The control period is not a positive number.
    #[error("the control period must be a positive number of seconds: export the policy again")]
    ControlPeriod,
    /// The clip of the observation normaliser is not a positive number.
    #[error("the clip of the observation normaliser must be a positive number: export again")]
    Clip,
    /// A number is NaN or infinite.
    #[error("number {index} of the {section} is NaN or infinite: go back to an earlier policy")]
    NotFinite {
        /// Where.
        section: Section,
        /// Which number, counted from 0.
        index: usize,
    },
    /// A standard deviation of the observation normaliser is not above 0.
    #[error("the standard deviation of observation {index} must be above 0: set it to 1")]
    Std {
        /// Which observation, counted from 0.
        index: usize,
    },
    /// The scale of a row of int8 weights is not a positive number, or its weights overflow.
    #[error(
        "the scale of row {row} of layer {layer} (both counted from 0) is no positive number or too \
         large: export the policy again with `--values f32`"
    )]
    Scale {
        /// Which layer, counted from 0.
        layer: usize,
        /// Which row, counted from 0.
        row: usize,
    },
    /// The constant of an activation or of a normalisation is impossible.
    #[error(
        "layer {layer} (counted from 0) has an activation whose alpha is not finite, or a normalisation \
         whose epsilon is not above 0: export the policy again"
    )]
    Finish {
        /// Which layer, counted from 0.
        layer: usize,
    },
    /// An action's limits are in the wrong order.
    #[error("the low limit of action {index} must be below the high one: correct the limits")]
    Limits {
        /// Which action, counted from 0.
        index: usize,
    },
    /// A probe asks for an action outside the limits, or for one that is not among the outputs.
    #[error("probe {probe} expects an action that the policy cannot give: record the probes again")]
    ProbeAction {
        /// Which probe, counted from 0.
        probe: usize,
    },
    /// The contract is none, or not this policy's.
    #[error("the policy's contract: {0}")]
    Contract(#[from] ContractError),
    /// The links of a layer are impossible.
    #[error("layer {layer} (counted from 0): {source}; export the policy again")]
    Topology {
        /// Which layer, counted from 0.
        layer: usize,
        /// What is wrong with it.
        source: TopologyError,
    },
}
