//! An animated GIF: one palette, repeated for ever, each picture only where it differs from the one before.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::PathBuf;

use color_quant::NeuQuant;
use gif::{DisposalMethod, Encoder, EncodingError, Repeat};

use super::{Frame, Sink, ViewError};
use crate::lab::files::{FileError, write_atomic};

/// The palette is made for so many first pictures; later ones look much like them.
const LEARNT_FROM: usize = 16;

/// Colours of the palette; the index after them means "as before".
const COLOURS: usize = 255;
const AS_BEFORE: u8 = 255;

/// Collects pictures.
pub struct Gif {
    path: PathBuf,
    /// Seconds that a picture is shown.
    seconds: f64,
    /// Pictures from before there is a palette.
    waiting: Vec<Frame>,
    begun: Option<Begun>,
}

impl Gif {
    /// For a file whose pictures are shown for `seconds` each, in steps of 10 ms on the average and at least
    /// 20 ms, below which browsers take another time.
    pub fn new(path: PathBuf, seconds: f64) -> Self {
        Self { path, seconds, waiting: Vec::new(), begun: None }
    }

    /// Makes the palette and writes what waits.
    fn begin(&mut self) -> Result<(), EncodingError> {
        let mut begun = Begun::new(&self.waiting, self.seconds)?;
        self.waiting.drain(..).try_for_each(|frame| begun.write(&frame))?;
        self.begun = Some(begun);
        Ok(())
    }

    fn failed(&self, error: EncodingError) -> ViewError {
        FileError::write(&self.path, io::Error::other(error)).into()
    }
}

impl Sink for Gif {
    fn add(&mut self, frame: &Frame) -> Result<(), ViewError> {
        let written = match &mut self.begun {
            Some(begun) => begun.write(frame),
            None => {
                self.waiting.push(frame.clone());
                if self.waiting.len() < LEARNT_FROM { Ok(()) } else { self.begin() }
            }
        };
        written.map_err(|error| self.failed(error))
    }

    fn finish(mut self: Box<Self>) -> Result<(), ViewError> {
        if !self.waiting.is_empty() {
            self.begin().map_err(|error| self.failed(error))?;
        }
        let Some(begun) = self.begun.take() else { return Ok(()) };
        let bytes = begun.encoder.into_inner().map_err(|error| self.failed(error))?;
        Ok(write_atomic(&self.path, &bytes)?)
    }
}

/// A file with its palette.
struct Begun {
    encoder: Encoder<Vec<u8>>,
    palette: Palette,
    /// The last picture, as colours of the palette.
    shown: Option<Vec<u8>>,
    /// Of a picture, in hundredths of a second.
    delay: f64,
    /// When the next picture is shown, exactly and in the file.
    due: f64,
    written: f64,
}

impl Begun {
    fn new(frames: &[Frame], seconds: f64) -> Result<Self, EncodingError> {
        let size = frames[0].size;
        let palette = Palette::of(frames);
        let mut encoder = Encoder::new(Vec::new(), size.width, size.height, &palette.rgb)?;
        encoder.set_repeat(Repeat::Infinite)?;
        let delay = (100.0 * seconds).max(2.0);
        Ok(Self { encoder, palette, shown: None, delay, due: 0.0, written: 0.0 })
    }

    fn write(&mut self, frame: &Frame) -> Result<(), EncodingError> {
        let (width, height) = (usize::from(frame.size.width), usize::from(frame.size.height));
        let (pixels, _) = frame.rgb.as_chunks::<3>();
        let now: Vec<u8> = pixels.iter().map(|&colour| self.palette.index(colour)).collect();
        self.due += self.delay;
        let delay = (self.due - self.written).round();
        self.written += delay;
        let changed = match &self.shown {
            Some(before) => changed(before, &now, width),
            None => Some(Part { left: 0, top: 0, right: width, bottom: height }),
        };
        // The file must hold every picture's time, so where nothing changed one pixel is written again.
        let part = changed.unwrap_or(Part { left: 0, top: 0, right: 1, bottom: 1 });
        let before = self.shown.as_deref();
        let places = (part.top..part.bottom)
            .flat_map(|row| row * width + part.left..row * width + part.right);
        let index = |at: usize| match before {
            Some(before) if before[at] == now[at] => AS_BEFORE,
            _ => now[at],
        };
        self.encoder.write_frame(&gif::Frame {
            delay: delay as u16,
            dispose: DisposalMethod::Keep,
            transparent: before.map(|_| AS_BEFORE),
            left: part.left as u16,
            top: part.top as u16,
            width: (part.right - part.left) as u16,
            height: (part.bottom - part.top) as u16,
            buffer: Cow::Owned(places.map(index).collect()),
            ..gif::Frame::default()
        })?;
        self.shown = Some(now);
        Ok(())
    }
}

/// A rectangle of a picture.
struct Part {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

/// The smallest part that holds all that differs.
fn changed(before: &[u8], now: &[u8], width: usize) -> Option<Part> {
    let rows = before.chunks_exact(width).zip(now.chunks_exact(width)).enumerate();
    let mut part: Option<Part> = None;
    for (row, (before, now)) in rows {
        let differs = |&column: &usize| before[column] != now[column];
        let (Some(left), Some(last)) = ((0..width).find(differs), (0..width).rfind(differs)) else {
            continue;
        };
        let so_far = part.unwrap_or(Part { left, top: row, right: last, bottom: row });
        part = Some(Part {
            left: so_far.left.min(left),
            right: so_far.right.max(last + 1),
            bottom: row + 1,
            ..so_far
        });
    }
    part
}

/// Colours that stand for all others.
struct Palette {
    rgb: Vec<u8>,
    /// The nearest of each colour that was met.
    nearest: HashMap<[u8; 3], u8>,
}

impl Palette {
    fn of(frames: &[Frame]) -> Self {
        let pixels = || frames.iter().flat_map(|frame| frame.rgb.as_chunks::<3>().0);
        let colours: BTreeSet<_> = pixels().copied().collect();
        let rgb = if colours.len() <= COLOURS {
            colours.into_iter().flatten().collect()
        } else {
            let rgba: Vec<u8> = pixels().flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
            // Every tenth pixel is enough.
            NeuQuant::new(10, COLOURS, &rgba).color_map_rgb()
        };
        Self { rgb, nearest: HashMap::new() }
    }

    fn index(&mut self, colour: [u8; 3]) -> u8 {
        let (palette, _) = self.rgb.as_chunks::<3>();
        let distance = |other: &[u8; 3]| -> u32 {
            colour.iter().zip(other).map(|(&a, &b)| u32::from(a.abs_diff(b)).pow(2)).sum()
        };
        *self.nearest.entry(colour).or_insert_with(|| {
            let best = (0..palette.len()).min_by_key(|&index| distance(&palette[index]));
            best.unwrap_or(0) as u8
        })
    }
}
