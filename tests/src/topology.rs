//! Random topologies that own their arrays.

use lacewing_formats::topology::{CsrMut, Structure};
use rand_core::Rng;

/// Row pointers and columns of a random topology of `rows × cols`, as near to `density` as the structure
/// has one.
///
/// # Panics
/// If there is no such layer.
pub fn random(
    structure: Structure,
    [rows, cols]: [usize; 2],
    density: f64,
    rng: &mut impl Rng,
) -> (Vec<u32>, Vec<u16>) {
    let wanted = density * (rows * cols) as f64;
    let links = match structure {
        // Down to none.
        Structure::Unstructured => wanted.round() as usize,
        _ => structure.nearest_links(rows, cols, wanted),
    };
    let (mut row_ptr, mut columns) = (vec![0; rows + 1], vec![0; links]);
    CsrMut::random(structure, cols, &mut row_ptr, &mut columns, rng).unwrap();
    (row_ptr, columns)
}
