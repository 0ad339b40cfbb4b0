//! An agent's resume section taken apart by its documented layout, and put together again.

use lacewing_formats::topology::Csr;
use lacewing_runtime::learn::{Resume, ResumeHeader};

/// Links of a layer with their weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Links {
    /// See [`Csr::row_ptr`].
    pub row_ptr: Vec<u32>,
    /// See [`Csr::col_idx`].
    pub col_idx: Vec<u16>,
    /// One a link.
    pub weights: Vec<f32>,
    /// One an output.
    pub bias: Vec<f32>,
}

/// A layer that learns.
#[derive(Clone, Debug, PartialEq)]
pub struct Online {
    /// Links and weights.
    pub links: Links,
    /// Adam's moments of the weights: m, v.
    pub weights: [Vec<f32>; 2],
    /// The same of the biases.
    pub bias: [Vec<f32>; 2],
    /// One a link, in changes of topology.
    pub ages: Vec<u8>,
}

/// All that a section holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// What comes first.
    pub header: ResumeHeader,
    /// Layers of every network.
    pub online: Vec<Vec<Online>>,
    /// Layers of every network's target; none where there is no target.
    pub target: Vec<Vec<Links>>,
    /// Values, m and v of the scalars.
    pub scalars: [Vec<f32>; 3],
}

impl Links {
    /// Row and column of every link.
    ///
    /// # Panics
    /// If they are no topology: a link is there twice, say.
    pub fn places(&self, cols: usize) -> Vec<(usize, usize)> {
        let csr = Csr::new(cols, &self.row_ptr, &self.col_idx).unwrap();
        let of_row = |row| csr.row(row).map(move |at| (row, usize::from(csr.col_idx()[at])));
        (0..csr.rows()).flat_map(of_row).collect()
    }

    fn read(bytes: &mut &[u8], outputs: usize, links: usize) -> Self {
        Self {
            row_ptr: words(bytes, outputs + 1, u32::from_le_bytes),
            col_idx: words(bytes, links, u16::from_le_bytes),
            weights: words(bytes, links, f32::from_le_bytes),
            bias: words(bytes, outputs, f32::from_le_bytes),
        }
    }

    fn write(&self, to: &mut Vec<u8>) {
        to.extend(self.row_ptr.iter().flat_map(|word| word.to_le_bytes()));
        to.extend(self.col_idx.iter().flat_map(|word| word.to_le_bytes()));
        write_floats(&self.weights, to);
        write_floats(&self.bias, to);
    }
}

impl Saved {
    /// Takes a section apart.
    ///
    /// # Panics
    /// If it is none.
    pub fn read(bytes: &[u8]) -> Self {
        let resume = Resume::parse(bytes).unwrap();
        let (header, body) = (resume.header().clone(), &mut resume.body());
        let sizes = |network: usize, links: &[u32]| -> Vec<(usize, usize)> {
            let policy = (network == 0).then_some(&header.shape.policy);
            let shape = policy.or(header.shape.critic.as_ref()).unwrap();
            let outputs = shape.widths[1..].iter().zip(links);
            outputs.map(|(&outputs, &links)| (outputs as usize, links as usize)).collect()
        };
        let (mut online, mut target) = (Vec::new(), Vec::new());
        for (network, live) in header.live.iter().enumerate() {
            let layer = |(outputs, links)| Online {
                links: Links::read(body, outputs, links),
                weights: [(); 2].map(|()| words(body, links, f32::from_le_bytes)),
                bias: [(); 2].map(|()| words(body, outputs, f32::from_le_bytes)),
                ages: words(body, links, u8::from_le_bytes),
            };
            online.push(sizes(network, &live.online).into_iter().map(layer).collect());
        }
        for (network, live) in header.live.iter().enumerate() {
            let sizes = sizes(network, &live.target).into_iter();
            target.push(sizes.map(|(outputs, links)| Links::read(body, outputs, links)).collect());
        }
        let count = body.len() / 12;
        let scalars = [(); 3].map(|()| words(body, count, f32::from_le_bytes));
        assert!(body.is_empty());
        Self { header, online, target, scalars }
    }

    /// The section again.
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = crate::learner::written(|sink| self.header.write(sink));
        for layer in self.online.iter().flatten() {
            layer.links.write(&mut bytes);
            layer.weights.iter().chain(&layer.bias).for_each(|m| write_floats(m, &mut bytes));
            bytes.extend(&layer.ages);
        }
        self.target.iter().flatten().for_each(|links| links.write(&mut bytes));
        self.scalars.iter().for_each(|scalars| write_floats(scalars, &mut bytes));
        bytes
    }
}

fn words<const N: usize, T>(
    bytes: &mut &[u8],
    count: usize,
    read: impl Fn([u8; N]) -> T,
) -> Vec<T> {
    let (taken, rest) = bytes.split_at(count * N);
    *bytes = rest;
    taken.chunks_exact(N).map(|word| read(word.try_into().unwrap())).collect()
}

fn write_floats(floats: &[f32], to: &mut Vec<u8>) {
    to.extend(floats.iter().flat_map(|float| float.to_le_bytes()));
}
