//! Says by `cfg(cortex_m_fpu)` that the target is a Cortex-M4F or Cortex-M7: no stable `cfg` tells them from
//! other Arm processors without an operating system.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(cortex_m_fpu)");
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("TARGET").is_ok_and(|target| target == "thumbv7em-none-eabihf") {
        println!("cargo::rustc-cfg=cortex_m_fpu");
    }
}
