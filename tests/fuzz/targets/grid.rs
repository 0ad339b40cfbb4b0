//! The grid of a sweep of any text is refused, or gives as many runs as it says.
#![no_main]

mod common;

use lacewing::sweep::Grid;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let Ok(grid) = Grid::parse("fuzz", text) else { return };
    // A hundred thousand runs are a grid too, but take a second each time.
    let size: usize = grid.axes.iter().map(|axis| axis.values.len()).fold(1, usize::saturating_mul);
    if size > 1000 {
        return;
    }
    if let Ok(combinations) = grid.combinations() {
        assert!(!combinations.all.is_empty());
        common::kept(bytes);
    }
});
