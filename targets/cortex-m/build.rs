//! Links by cortex-m-rt's script and the board's memory map: that of a feature, or else of the emulated boards.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    let board = ["stm32f4", "stm32h7"].into_iter().find(|board| {
        let feature = format!("CARGO_FEATURE_{}", board.to_uppercase());
        env::var_os(feature).is_some()
    });
    let map = format!("memory/{}.x", board.unwrap_or("mps2"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where"));
    fs::copy(&map, out.join("memory.x")).expect("the map is in the repository");
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rerun-if-changed=memory");
}
