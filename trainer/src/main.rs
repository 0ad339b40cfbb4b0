//! The `lacewing` command line.
fn main() {}
