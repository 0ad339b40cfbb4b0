//! A dense network with a mask.

use crate::saved::Links;
use std::cell::Cell;

/// Half the distance of two points between which a slope is taken.
const STEP: f64 = 1e-6;

/// A network; links that are not alive have weight zero.
#[derive(Clone, Debug)]
pub struct Dense {
    layers: Vec<Layer>,
    /// tanh follows the last sums.
    pub tanh: bool,
    /// The sums of hidden layers are normalised.
    pub norm: bool,
    /// How near to zero a ReLU's input came so far: there is no slope at zero, and next to it f32 may
    /// be on the other side.
    pub nearest: Cell<f64>,
}

#[derive(Clone, Debug)]
struct Layer {
    /// `[outputs][inputs]`.
    weights: Vec<Vec<f64>>,
    bias: Vec<f64>,
    /// Row and column of live links.
    live: Vec<(usize, usize)>,
}

impl Dense {
    /// The network of these layers.
    pub fn new<'l>(
        layers: impl Iterator<Item = &'l Links>,
        inputs: usize,
        tanh: bool,
        norm: bool,
    ) -> Self {
        let mut cols = inputs;
        let layers = layers.map(|links| {
            let mut weights = vec![vec![0.0; cols]; links.bias.len()];
            let live = links.places(cols);
            for (&(row, col), &weight) in live.iter().zip(&links.weights) {
                weights[row][col] = weight.into();
            }
            cols = links.bias.len();
            Layer { weights, bias: links.bias.iter().map(|&b| b.into()).collect(), live }
        });
        Self { layers: layers.collect(), tanh, norm, nearest: Cell::new(f64::INFINITY) }
    }

    /// What it answers.
    pub fn run(&self, input: &[f64]) -> Vec<f64> {
        let mut x = input.to_vec();
        for (at, layer) in self.layers.iter().enumerate() {
            let sum = |(row, bias): (&Vec<f64>, &f64)| {
                row.iter().zip(&x).map(|(weight, x)| weight * x).sum::<f64>() + bias
            };
            let mut y: Vec<f64> = layer.weights.iter().zip(&layer.bias).map(sum).collect();
            if at + 1 < self.layers.len() {
                if self.norm {
                    let count = y.len() as f64;
                    let mean = y.iter().sum::<f64>() / count;
                    let variance = y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / count;
                    y.iter_mut().for_each(|y| *y = (*y - mean) / (variance + 1e-5).sqrt());
                }
                let nearest = y.iter().fold(self.nearest.get(), |nearest, y| nearest.min(y.abs()));
                self.nearest.set(nearest);
                y.iter_mut().for_each(|y| *y = y.max(0.0));
            } else if self.tanh {
                y.iter_mut().for_each(|y| *y = y.tanh());
            }
            x = y;
        }
        x
    }

    /// Slopes of a loss by the weights of live links and by biases, layer by layer.
    pub fn slopes(&self, mut loss: impl FnMut(&Self) -> f64) -> Vec<f64> {
        let mut moved = self.clone();
        let mut slopes = Vec::new();
        for (at, layer) in self.layers.iter().enumerate() {
            for &(row, col) in &layer.live {
                slopes.push(moved.slope(|net| &mut net.layers[at].weights[row][col], &mut loss));
            }
            for row in 0..layer.bias.len() {
                slopes.push(moved.slope(|net| &mut net.layers[at].bias[row], &mut loss));
            }
        }
        slopes
    }

    /// Slopes by all weights of one layer, alive or not, `[outputs][inputs]`.
    pub fn dense_slopes(&self, layer: usize, mut loss: impl FnMut(&Self) -> f64) -> Vec<Vec<f64>> {
        let mut moved = self.clone();
        let [rows, cols] = [self.layers[layer].weights.len(), self.layers[layer].weights[0].len()];
        let mut of_row = |row: usize| {
            let slope =
                |col: usize| moved.slope(|net| &mut net.layers[layer].weights[row][col], &mut loss);
            (0..cols).map(slope).collect()
        };
        (0..rows).map(&mut of_row).collect()
    }

    fn slope(
        &mut self,
        place: impl Fn(&mut Self) -> &mut f64,
        mut loss: impl FnMut(&Self) -> f64,
    ) -> f64 {
        let value = *place(self);
        *place(self) = value + STEP;
        let above = loss(self);
        *place(self) = value - STEP;
        let below = loss(self);
        *place(self) = value;
        (above - below) / (2.0 * STEP)
    }
}
