//! Reads a policy file in place.

use super::error::FileError;
use super::header::{Header, header};
use super::layer::{LayerView, Parts};
use super::preamble::{ALIGNMENT, Preamble};
use super::section::{Placed, Section};
use crate::codec::{Bitmap, Indices, Rice, RowTable, StoredColumns, StoredIndices, StoredRows};
use crate::codec::{ValueCodec, Values};
use crate::policy::{
    ActionHead, Contract, Head, LayerNorm, ObservationNormaliser, Probe, Provenance,
};
use bytemuck::AnyBitPattern;
use half::{bf16, f16};

/// A policy file whose bytes have been checked: what it hands out points into them.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyView<'a> {
    bytes: &'a [u8],
    preamble: Preamble,
    header: Header<'a>,
    normaliser: Option<ObservationNormaliser<'a>>,
    head: ActionHead<'a>,
    probe_observations: &'a [f32],
    probe_actions: &'a [f32],
    contract: Option<Contract<'a>>,
    resume: Option<&'a [u8]>,
}

impl<'a> PolicyView<'a> {
    /// Checks `bytes`, a whole file, once: in time linear in their number, without allocating.
    ///
    /// # Errors
    /// A [`FileError`] that says what to do. [`FileError::Misaligned`] if `bytes` do not start at a
    /// multiple of 64.
    // Inlined, what it needs for a moment would be the caller's for good: a microcontroller's stack is small.
    #[inline(never)]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FileError> {
        let preamble = Preamble::parse(bytes)?;
        if !bytes.as_ptr().addr().is_multiple_of(ALIGNMENT) {
            return Err(FileError::Misaligned);
        }
        let header = Header::parse(preamble, bytes)?;
        check_layout(bytes, &header, preamble)?;

        let sections = header.sections(preamble.header_bytes);
        let mut reader = Reader { bytes, sections, checked: false };
        let normaliser = match header.clip {
            Some(clip) => Some(read_normaliser(&mut reader, clip)?),
            None => None,
        };
        let head = read_head(&mut reader, header.head)?;
        let (probe_observations, probe_actions) = match header.probes {
            0 => (&[][..], &[][..]),
            _ => (reader.numbers()?, reader.numbers()?),
        };
        for layer in 0..header.layers.len() {
            read_layer(&mut reader, &header, layer)?;
        }
        let contract = match header.contract_bytes {
            Some(_) => {
                let contract = Contract::parse(reader.next()?.1)?;
                contract.check(header.observations(), header.outputs(), &head)?;
                Some(contract)
            }
            None => None,
        };
        let resume = match header.resume_bytes {
            Some(_) => Some(reader.next()?.1),
            None => None,
        };
        drop(reader);
        let view = Self {
            bytes,
            preamble,
            header,
            normaliser,
            head,
            probe_observations,
            probe_actions,
            contract,
            resume,
        };
        view.check_probes().map(|()| view)
    }

    fn check_probes(&self) -> Result<(), FileError> {
        let outputs = self.header.outputs() as f32;
        let possible = |(index, &action): (usize, &f32)| match self.head {
            ActionHead::Scaled { low, high } | ActionHead::Clamped { low, high } => {
                (low[index]..=high[index]).contains(&action)
            }
            ActionHead::Argmax => {
                (0.0..outputs).contains(&action) && libm::truncf(action) == action
            }
        };
        let bad = |probe: Probe<'_>| !probe.action.iter().enumerate().all(possible);
        match self.probes().position(bad) {
            Some(probe) => Err(FileError::ProbeAction { probe }),
            None => Ok(()),
        }
    }

    /// Shapes and control period.
    pub fn header(&self) -> &Header<'a> {
        &self.header
    }

    /// Bytes of the header.
    pub(super) fn header_bytes(&self) -> u32 {
        self.preamble.header_bytes
    }

    /// Where the policy comes from.
    pub fn provenance(&self) -> &Provenance<'a> {
        &self.header.provenance
    }

    /// The layers, first to last: 1 to [`MAX_LAYERS`](super::MAX_LAYERS).
    ///
    /// They are found in the file each time, as a view of them all would be most of a microcontroller's stack.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = LayerView<'a>> {
        let sections = self.header.sections(self.preamble.header_bytes);
        let sections = sections.skip_while(|placed| !placed.section.is_of_layer());
        let mut reader = Reader { bytes: self.bytes, sections, checked: true };
        (0..self.header.layers.len()).map(move |layer| {
            read_layer(&mut reader, &self.header, layer)
                .unwrap_or_else(|_| unreachable!("it was checked when the file was parsed"))
        })
    }

    /// How observations are scaled, if they are.
    pub fn normaliser(&self) -> Option<ObservationNormaliser<'a>> {
        self.normaliser
    }

    /// How outputs become actions.
    pub fn action_head(&self) -> ActionHead<'a> {
        self.head
    }

    /// Examples of what the policy does.
    pub fn probes(&self) -> impl ExactSizeIterator<Item = Probe<'a>> {
        // Neither length is 0 in a checked file.
        let observations = self.probe_observations.chunks_exact(self.header.observations().max(1));
        let actions = self.probe_actions.chunks_exact(self.header.actions().max(1));
        observations.zip(actions).map(|(observation, action)| Probe { observation, action })
    }

    /// What policy and robot agree on, if anything.
    pub fn contract(&self) -> Option<Contract<'a>> {
        self.contract
    }

    /// What the learner needs to go on, if it is there: its bytes, at a multiple of 64.
    pub fn resume(&self) -> Option<&'a [u8]> {
        self.resume
    }

    /// Every part of the file with its place, in order.
    pub fn sections(&self) -> impl Iterator<Item = Placed> {
        let bytes = Preamble::BYTES as u64;
        let header_bytes = self.preamble.header_bytes;
        [Placed { section: Section::Preamble, offset: 0, bytes }, header(header_bytes)]
            .into_iter()
            .chain(self.header.sections(header_bytes))
    }
}

/// Checks that the sections end where the file does and that only zeros lie between them.
fn check_layout(bytes: &[u8], header: &Header<'_>, preamble: Preamble) -> Result<(), FileError> {
    let first = super::header::header(preamble.header_bytes);
    let sections = || header.sections(preamble.header_bytes);
    let (expected, found) = (sections().last().unwrap_or(first).end(), bytes.len() as u64);
    if expected != found {
        return Err(FileError::Layout { expected, found });
    }
    for placed in core::iter::once(first).chain(sections()) {
        // The last section ends within the file, so every one does and offsets fit.
        let start = placed.offset + placed.bytes;
        let padding = &bytes[start as usize..placed.end() as usize];
        if let Some(at) = padding.iter().position(|&byte| byte != 0) {
            return Err(FileError::Padding { offset: start + at as u64 });
        }
    }
    Ok(())
}

/// Hands out the sections of a file in their order.
struct Reader<'a, S> {
    bytes: &'a [u8],
    sections: S,
    /// Whether what is in them has been looked at before.
    checked: bool,
}

impl<'a, S: Iterator<Item = Placed>> Reader<'a, S> {
    fn next(&mut self) -> Result<(Section, &'a [u8]), FileError> {
        let Placed { section, offset, bytes } = self.sections.next().ok_or(FileError::Header)?;
        let part = self.bytes.get(offset as usize..(offset + bytes) as usize);
        part.map(|part| (section, part)).ok_or(FileError::Header)
    }

    fn cast<T: AnyBitPattern>(&mut self) -> Result<(Section, &'a [T]), FileError> {
        let (section, part) = self.next()?;
        let cast = bytemuck::try_cast_slice(part).map_err(|_| FileError::Misaligned)?;
        Ok((section, cast))
    }

    fn finite<T: AnyBitPattern>(
        &mut self,
        is_finite: impl Fn(&T) -> bool,
    ) -> Result<&'a [T], FileError> {
        let (section, numbers) = self.cast()?;
        if self.checked {
            return Ok(numbers);
        }
        match numbers.iter().position(|number| !is_finite(number)) {
            Some(index) => Err(FileError::NotFinite { section, index }),
            None => Ok(numbers),
        }
    }

    fn numbers(&mut self) -> Result<&'a [f32], FileError> {
        self.finite(|number: &f32| number.is_finite())
    }
}

fn read_normaliser<'a>(
    reader: &mut Reader<'a, impl Iterator<Item = Placed>>,
    clip: f32,
) -> Result<ObservationNormaliser<'a>, FileError> {
    let (mean, std) = (reader.numbers()?, reader.numbers()?);
    match std.iter().position(|&std| std <= 0.0) {
        Some(index) => Err(FileError::Std { index }),
        None => Ok(ObservationNormaliser { mean, std, clip }),
    }
}

fn read_head<'a>(
    reader: &mut Reader<'a, impl Iterator<Item = Placed>>,
    head: Head,
) -> Result<ActionHead<'a>, FileError> {
    if head == Head::Argmax {
        return Ok(ActionHead::Argmax);
    }
    let (low, high) = (reader.numbers()?, reader.numbers()?);
    match low.iter().zip(high).position(|(low, high)| low >= high) {
        Some(index) => Err(FileError::Limits { index }),
        None if head == Head::Clamped => Ok(ActionHead::Clamped { low, high }),
        None => Ok(ActionHead::Scaled { low, high }),
    }
}

fn read_layer<'a>(
    reader: &mut Reader<'a, impl Iterator<Item = Placed>>,
    header: &Header<'_>,
    layer: usize,
) -> Result<LayerView<'a>, FileError> {
    let entry = header.layers[layer];
    let cols = header.cols(layer);
    let table = match entry.indices {
        StoredIndices::U16 | StoredIndices::DeltaU8 { .. } => RowTable::Pointers(reader.cast()?.1),
        StoredIndices::Counted { rows, .. } => match rows {
            StoredRows::Constant => RowTable::Constant(entry.links / entry.rows),
            StoredRows::U8 => RowTable::U8(reader.next()?.1),
            StoredRows::U16 => RowTable::U16(reader.cast()?.1),
            StoredRows::U32 => RowTable::U32(reader.cast()?.1),
        },
        StoredIndices::Bitmap | StoredIndices::Rice { .. } => RowTable::InColumns,
    };
    let indices = match entry.indices {
        StoredIndices::U16 => Indices::U16(reader.cast()?.1),
        StoredIndices::DeltaU8 { .. } => Indices::DeltaU8(reader.next()?.1),
        StoredIndices::Counted { columns, .. } => match columns {
            StoredColumns::U16 => Indices::U16(reader.cast()?.1),
            StoredColumns::DeltaU8 { .. } => Indices::DeltaU8(reader.next()?.1),
            StoredColumns::Nibble { .. } => Indices::Nibble(reader.next()?.1),
        },
        StoredIndices::Bitmap => Indices::Bitmap(Bitmap::new(cols, reader.next()?.1)),
        StoredIndices::Rice { low_bits, .. } => {
            Indices::Rice(Rice::new(cols, low_bits, reader.next()?.1))
        }
    };
    let values = match entry.values {
        ValueCodec::F32 => Values::F32(reader.numbers()?),
        ValueCodec::F16 => Values::F16(reader.finite(|number: &f16| number.is_finite())?),
        ValueCodec::Bf16 => Values::Bf16(reader.finite(|number: &bf16| number.is_finite())?),
        ValueCodec::Int8 => {
            let scales: &[bf16] = reader.cast()?.1;
            let fits = |scale: f32| scale > 0.0 && (128.0 * scale).is_finite();
            let bad = |scale: &bf16| !reader.checked && !fits(scale.to_f32());
            if let Some(row) = scales.iter().position(bad) {
                return Err(FileError::Scale { layer, row });
            }
            Values::Int8 { values: reader.cast()?.1, scales }
        }
    };
    let bias = reader.numbers()?;
    let norm = match entry.finish.epsilon {
        Some(epsilon) => {
            Some(LayerNorm { epsilon, gain: reader.numbers()?, shift: reader.numbers()? })
        }
        None => None,
    };
    let (cols, activation) = (cols as usize, entry.finish.activation);
    let view = LayerView::new(Parts { cols, table, indices, values, bias, norm, activation });
    if !reader.checked {
        view.check(layer)?;
    }
    Ok(view)
}
