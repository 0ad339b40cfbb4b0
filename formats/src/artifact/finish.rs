//! What follows the sums of a layer, as the header stores it.

use super::error::FileError;
use crate::policy::Activation;
use core::fmt;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A code, then α where the activation has one, then ε where there is a normalisation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct StoredFinish {
    pub activation: Activation,
    /// ε of the layer normalisation before it, if there is one.
    pub epsilon: Option<f32>,
}

/// Added to the code of an activation that a layer normalisation precedes.
const NORMALISED: u32 = 16;

/// An activation's code; those with an α come with it.
fn code(activation: Activation) -> u32 {
    match activation {
        Activation::Identity => 0,
        Activation::Relu => 1,
        Activation::Tanh => 2,
        Activation::Relu6 => 3,
        Activation::LeakyRelu(_) => 4,
        Activation::Elu(_) => 5,
        Activation::Selu => 6,
        Activation::Silu => 7,
        Activation::Gelu => 8,
        Activation::GeluTanh => 9,
        Activation::Sigmoid => 10,
        Activation::Softsign => 11,
        Activation::Softplus => 12,
    }
}

impl StoredFinish {
    /// Checks the constants; `layer` is for the error.
    pub fn check(&self, layer: usize) -> Result<(), FileError> {
        let alpha = self.activation.alpha().is_none_or(f32::is_finite);
        let epsilon = self.epsilon.is_none_or(|epsilon| epsilon.is_finite() && epsilon > 0.0);
        if alpha && epsilon { Ok(()) } else { Err(FileError::Finish { layer }) }
    }
}

impl Serialize for StoredFinish {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let numbers = [self.activation.alpha(), self.epsilon].into_iter().flatten();
        let mut tuple = serializer.serialize_tuple(1 + numbers.clone().count())?;
        let normalised = self.epsilon.map_or(0, |_| NORMALISED);
        tuple.serialize_element(&(code(self.activation) + normalised))?;
        for number in numbers {
            tuple.serialize_element(&number)?;
        }
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for StoredFinish {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(3, Finish)
    }
}

struct Finish;

impl<'de> Visitor<'de> for Finish {
    type Value = StoredFinish;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the code of an activation and its constants")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<StoredFinish, A::Error> {
        let cut = || A::Error::custom("the constants are missing");
        let code: u32 = seq.next_element()?.ok_or_else(cut)?;
        let mut number = || seq.next_element()?.ok_or_else(cut);
        let activation = match code % NORMALISED {
            0 => Activation::Identity,
            1 => Activation::Relu,
            2 => Activation::Tanh,
            3 => Activation::Relu6,
            4 => Activation::LeakyRelu(number()?),
            5 => Activation::Elu(number()?),
            6 => Activation::Selu,
            7 => Activation::Silu,
            8 => Activation::Gelu,
            9 => Activation::GeluTanh,
            10 => Activation::Sigmoid,
            11 => Activation::Softsign,
            12 => Activation::Softplus,
            _ => return Err(A::Error::custom("no activation has this code")),
        };
        let epsilon = match code / NORMALISED {
            0 => None,
            1 => Some(number()?),
            _ => return Err(A::Error::custom("no activation has this code")),
        };
        Ok(StoredFinish { activation, epsilon })
    }
}
