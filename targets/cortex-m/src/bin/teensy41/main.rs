//! What `serial` does, on a Teensy 4.1: LPUART 6 on pins 0 (in) and 1 (out), its Serial1, at 115,200 baud; the slots in
//! the flash chip beside the processor.
#![no_std]
#![no_main]

mod flash;

use core::cell::RefCell;
use cortex_m::peripheral::SCB;
use cortex_m_rt::entry;
use embedded_hal::serial::{Read, Write};
use embedded_storage::nor_flash::ReadNorFlash;
use flash::Slots;
// What runs before `main`.
use imxrt_rt as _;
use lacewing_cortex_m::chip::talk;
use lacewing_cortex_m::line::SCRATCH;
use lacewing_runtime::store::Flash;
use teensy4_bsp::board;
use teensy4_bsp::hal::iomuxc;
use teensy4_bsp::pins::t41;

#[entry]
fn main() -> ! {
    static mut MEMORY: [f32; SCRATCH] = [0.0; SCRATCH];
    let Some(mut core) = cortex_m::Peripherals::take() else { SCB::sys_reset() };
    core.DCB.enable_trace();
    core.DWT.enable_cycle_counter();
    // The cache of data would not see what is written to the slots, and the boot ROM may have left it on.
    core.SCB.disable_dcache(&mut core.CPUID);
    let mut chip = board::instances();
    board::prepare_clocks_and_power(&mut chip.CCM, &mut chip.CCM_ANALOG, &mut chip.DCDC);
    let pins = t41::from_pads(iomuxc::into_pads(chip.IOMUXC));
    // One for both directions.
    let line = RefCell::new(board::lpuart(chip.LPUART6, pins.p1, pins.p0, 115_200));
    let slots = Slots::new(chip.FLEXSPI1);
    let range = 0..slots.capacity() as u32;
    let Ok(storage) = Flash::new(slots, range) else { SCB::sys_reset() };
    talk(storage, MEMORY, || line.borrow_mut().read(), |byte| line.borrow_mut().write(byte))
}
