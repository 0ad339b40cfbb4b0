//! The `lacewing-edge` command line.
fn main() {}
