//! What `serial` does, on an STM32F405 or F407: USART 2 on PA2 (out) and PA3 (in) at 115,200 baud, the slots in the last
//! two sectors of its flash. The clock is the chip's own oscillator, by which 168 MHz need no crystal.
#![no_std]
#![no_main]

mod flash;

use core::panic::PanicInfo;
use cortex_m::peripheral::SCB;
use cortex_m_rt::entry;
use embedded_storage::nor_flash::ReadNorFlash;
use flash::Slots;
use lacewing_cortex_m::line::{SCRATCH, serve};
use lacewing_cortex_m::stm32::Stm32;
use lacewing_runtime::store::Flash;
use stm32f4xx_hal::flash::FlashExt;
use stm32f4xx_hal::pac;
use stm32f4xx_hal::prelude::*;
use stm32f4xx_hal::rcc::Config;
use stm32f4xx_hal::serial;

#[entry]
fn main() -> ! {
    static mut MEMORY: [f32; SCRATCH] = [0.0; SCRATCH];
    let (Some(mut core), Some(mut chip)) =
        (cortex_m::Peripherals::take(), pac::Peripherals::take())
    else {
        SCB::sys_reset()
    };
    core.DCB.enable_trace();
    core.DWT.enable_cycle_counter();
    let mut rcc = chip.RCC.freeze(Config::hsi().sysclk(168.MHz()));
    let pins = chip.GPIOA.split(&mut rcc);
    let config = serial::Config::default().baudrate(115_200.bps());
    let line = chip.USART2.serial::<u8>((pins.pa2, pins.pa3), config, &mut rcc);
    let Ok((mut out, mut input)) = line.map(serial::Serial::split) else { SCB::sys_reset() };
    let slots = Slots::new(chip.FLASH.unlocked());
    let range = 0..slots.capacity() as u32;
    let Ok(storage) = Flash::new(slots, range) else { SCB::sys_reset() };
    serve(
        storage,
        Stm32::new(),
        MEMORY,
        // What came too fast or damaged ends a frame that its checksum then refuses.
        || nb::block!(input.read()).unwrap_or(0),
        // Sending does not fail.
        |byte| {
            let _ = nb::block!(out.write(byte));
        },
    )
}

/// A bug: what runs is on trial, or was confirmed after it had run. A start counts against it.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    SCB::sys_reset()
}
