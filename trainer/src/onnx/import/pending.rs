//! What is done to a vector, element by element, before the next layer takes it.

use super::op::Linear;

/// Each element is `scale · x[place] + shift`, x being the vector before.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    /// Length of the vector before.
    from: usize,
    elements: Vec<Element>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Element {
    place: usize,
    scale: f64,
    shift: f64,
}

impl Pending {
    /// Nothing, to a vector of this length.
    pub(super) fn new(from: usize) -> Self {
        let elements = (0..from).map(|place| Element { place, scale: 1.0, shift: 0.0 });
        Self { from, elements: elements.collect() }
    }

    /// Length of what comes out.
    pub(super) fn width(&self) -> usize {
        self.elements.len()
    }

    /// Whether nothing is scaled or shifted.
    pub(super) fn is_plain(&self) -> bool {
        self.elements.iter().all(|element| (element.scale, element.shift) == (1.0, 0.0))
    }

    /// Whether every element is still there, at its place.
    pub(super) fn is_whole(&self) -> bool {
        self.elements.iter().map(|element| element.place).eq(0..self.from)
    }

    /// Whether what comes out is what goes in.
    pub(super) fn is_nothing(&self) -> bool {
        self.is_plain() && self.is_whole()
    }

    /// Scale and shift of each element.
    pub(super) fn maps(&self) -> impl Iterator<Item = (f64, f64)> {
        self.elements.iter().map(|element| (element.scale, element.shift))
    }

    /// Scales and shifts what comes out.
    pub(super) fn affine(&mut self, map: &[(f64, f64)]) {
        for (element, (scale, shift)) in self.elements.iter_mut().zip(map) {
            element.scale *= scale;
            element.shift = element.shift * scale + shift;
        }
    }

    /// Keeps the elements at these places.
    pub(super) fn select(&mut self, places: &[usize]) {
        self.elements = places.iter().map(|&place| self.elements[place]).collect();
    }

    /// Takes out `(x - mean) / std` of each number that goes in, with a positive deviation, so that of
    /// its first use no more than a sign is left.
    pub(super) fn normalise(&mut self) -> (Vec<f64>, Vec<f64>) {
        let (mut mean, mut std) = (vec![0.0; self.from], vec![1.0; self.from]);
        let mut taken = vec![false; self.from];
        for element in &mut self.elements {
            let Element { place, scale, shift } = *element;
            if taken[place] {
                // x is std · z + mean.
                element.scale = scale * std[place];
                element.shift = scale * mean[place] + shift;
            } else if scale != 0.0 {
                (mean[place], std[place]) = (-shift / scale, 1.0 / scale.abs());
                (element.scale, element.shift) = (scale.signum(), 0.0);
                taken[place] = true;
            }
        }
        (mean, std)
    }

    /// Bounds of what comes out, as bounds of what [`Pending::normalise`] would take out.
    pub(super) fn seen_from_before(&self, bounds: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let seen = self.elements.iter().zip(bounds).map(|(element, &(low, high))| {
            if element.scale < 0.0 { (-high, -low) } else { (low, high) }
        });
        seen.collect()
    }

    /// The layer that does all this and then `linear`.
    pub(super) fn fold_into(&self, linear: &Linear) -> Linear {
        let mut folded = Linear {
            inputs: self.from,
            outputs: linear.outputs,
            weights: vec![0.0; self.from * linear.outputs],
            bias: linear.bias.clone(),
        };
        let rows = linear.weights.chunks_exact(linear.inputs.max(1));
        for ((weights, bias), row) in folded.rows().zip(rows) {
            for (element, weight) in self.elements.iter().zip(row) {
                weights[element.place] += weight * element.scale;
                *bias += weight * element.shift;
            }
        }
        folded
    }
}
