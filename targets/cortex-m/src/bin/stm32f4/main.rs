//! What `serial` does, on an STM32F405 or F407: USART 2 on PA2 (out) and PA3 (in) at 115,200 baud, the slots in the last
//! two sectors of its flash. The clock is the chip's own oscillator, by which 168 MHz need no crystal.
#![no_std]
#![no_main]

mod flash;

use cortex_m::peripheral::SCB;
use cortex_m_rt::entry;
use embedded_storage::nor_flash::ReadNorFlash;
use flash::Slots;
use lacewing_cortex_m::chip::talk;
use lacewing_cortex_m::line::SCRATCH;
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
    talk(storage, MEMORY, || input.read(), |byte| out.write(byte))
}
