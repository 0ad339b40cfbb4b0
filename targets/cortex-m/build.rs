//! Links by cortex-m-rt's script and the board's memory map: that of a feature, or else of the emulated boards.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    let board = ["stm32f4", "stm32h7", "teensy41"].into_iter().find(|board| {
        let feature = format!("CARGO_FEATURE_{}", board.to_uppercase());
        env::var_os(feature).is_some()
    });
    let map = format!("memory/{}.x", board.unwrap_or("mps2"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where"));
    fs::copy(&map, out.join("memory.x")).expect("the map is in the repository");
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rerun-if-changed=memory");
    for script in scripts() {
        println!("cargo:rustc-link-arg-bins=-T{script}");
    }
}

/// cortex-m-rt's, which includes the map.
#[cfg(not(feature = "teensy41"))]
fn scripts() -> [&'static str; 1] {
    ["link.x"]
}

/// imxrt-rt's, by which the chip starts from its external flash and copies the program out of it into RAM as fast as the
/// core; the map beside it.
#[cfg(feature = "teensy41")]
fn scripts() -> [&'static str; 2] {
    use imxrt_rt::{Family, FlexRamBanks, Memory, RuntimeBuilder};

    // 256K of RAM for instructions and 256K for data, in banks of 32K.
    RuntimeBuilder::from_flexspi(Family::Imxrt1060, 512 << 10)
        .flexram_banks(FlexRamBanks { ocram: 0, itcm: 8, dtcm: 8 })
        .rodata(Memory::Dtcm)
        .data(Memory::Dtcm)
        .bss(Memory::Dtcm)
        .uninit(Memory::Dtcm)
        .stack_size(128 << 10)
        .build()
        .expect("the chip has that memory");
    ["imxrt-link.x", "memory.x"]
}
