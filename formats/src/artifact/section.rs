//! The parts of a file and where they lie.

use core::fmt;

/// A part of a policy file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Section {
    /// Magic, version, checksum, lengths.
    Preamble,
    /// Shapes, codecs and provenance.
    Header,
    /// Means of the observation normaliser, f32 `[observations]`.
    Mean,
    /// Standard deviations of the observation normaliser, f32 `[observations]`.
    Std,
    /// Least actions, f32 `[actions]`.
    Low,
    /// Greatest actions, f32 `[actions]`.
    High,
    /// Observations of the probes, f32 `[probes, observations]`.
    ProbeObservations,
    /// Actions of the probes, f32 `[probes, actions]`.
    ProbeActions,
    /// First link of each row of a layer and the number of links, u32 `[rows + 1]`; or the number of
    /// links of each row, `[rows]` of a width that holds them all.
    RowPointers(u8),
    /// Columns of a layer's links.
    Columns(u8),
    /// Scales of a layer's rows, bf16 `[rows]`, where weights are int8.
    Scales(u8),
    /// Weights of a layer's links.
    Weights(u8),
    /// Biases of a layer, f32 `[rows]`.
    Biases(u8),
    /// Gains of a layer's normalisation, f32 `[rows]`, where it has one.
    Gains(u8),
    /// Shifts of a layer's normalisation, f32 `[rows]`, where it has one.
    Shifts(u8),
    /// What policy and robot agree on.
    Contract,
    /// What the learner needs to go on.
    Resume,
}

impl Section {
    /// Whether it holds a part of a layer.
    pub(super) fn is_of_layer(self) -> bool {
        match self {
            Self::RowPointers(_)
            | Self::Columns(_)
            | Self::Scales(_)
            | Self::Weights(_)
            | Self::Biases(_)
            | Self::Gains(_)
            | Self::Shifts(_) => true,
            Self::Preamble
            | Self::Header
            | Self::Mean
            | Self::Std
            | Self::Low
            | Self::High
            | Self::ProbeObservations
            | Self::ProbeActions
            | Self::Contract
            | Self::Resume => false,
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Preamble => "preamble",
            Self::Header => "header",
            Self::Mean => "normaliser's means",
            Self::Std => "normaliser's standard deviations",
            Self::Low => "low action limits",
            Self::High => "high action limits",
            Self::ProbeObservations => "probes' observations",
            Self::ProbeActions => "probes' actions",
            Self::RowPointers(layer) => return write!(f, "row pointers of layer {layer}"),
            Self::Columns(layer) => return write!(f, "columns of layer {layer}"),
            Self::Scales(layer) => return write!(f, "scales of layer {layer}"),
            Self::Weights(layer) => return write!(f, "weights of layer {layer}"),
            Self::Biases(layer) => return write!(f, "biases of layer {layer}"),
            Self::Gains(layer) => return write!(f, "gains of layer {layer}"),
            Self::Shifts(layer) => return write!(f, "shifts of layer {layer}"),
            Self::Contract => "contract",
            Self::Resume => "resume section",
        })
    }
}

/// A section with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Which.
    pub section: Section,
    /// Bytes from the start of the file.
    pub offset: u64,
    /// Its length in bytes, without the zeros up to the next section.
    pub bytes: u64,
}

impl Placed {
    /// Where the next section starts.
    pub(super) fn end(&self) -> u64 {
        (self.offset + self.bytes).next_multiple_of(super::ALIGNMENT as u64)
    }

    /// Zeros behind it.
    pub(super) fn padding(&self) -> usize {
        (self.end() - self.offset - self.bytes) as usize
    }
}
