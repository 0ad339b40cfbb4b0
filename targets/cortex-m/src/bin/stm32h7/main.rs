//! What `serial` does, on an STM32H743 of revision V (2 MB of flash): USART 3 on PD8 (out) and PD9 (in) at 115,200 baud,
//! which a Nucleo board's ST-Link hands to the workstation; the slots in the first two sectors of bank 2.
#![no_std]
#![no_main]

use cortex_m::peripheral::SCB;
use cortex_m_rt::entry;
use lacewing_cortex_m::chip::talk;
use lacewing_cortex_m::line::SCRATCH;
use lacewing_cortex_m::memory;
use lacewing_runtime::store::Flash;
use stm32h7xx_hal::flash::FlashExt;
use stm32h7xx_hal::pac;
use stm32h7xx_hal::prelude::*;

/// Where bank 2 begins.
const BANK_2: usize = 0x0810_0000;

#[entry]
fn main() -> ! {
    static mut MEMORY: [f32; SCRATCH] = [0.0; SCRATCH];
    let (Some(mut core), Some(chip)) = (cortex_m::Peripherals::take(), pac::Peripherals::take())
    else {
        SCB::sys_reset()
    };
    // Flash is slow beside the core. The cache of data stays off, as it would not see what is written to the slots.
    core.SCB.enable_icache();
    core.DCB.enable_trace();
    core.DWT.enable_cycle_counter();
    let power = chip.PWR.constrain().vos1().freeze();
    let clock = chip.RCC.constrain().sys_ck(400.MHz()).freeze(power, &chip.SYSCFG);
    let pins = chip.GPIOD.split(clock.peripheral.GPIOD);
    let pins = (pins.pd8.into_alternate(), pins.pd9.into_alternate());
    let line = chip.USART3.serial(pins, 115_200.bps(), clock.peripheral.USART3, &clock.clocks);
    let Ok((mut out, mut input)) = line.map(|line| line.split()) else { SCB::sys_reset() };
    let (_, Some(mut bank)) = chip.FLASH.split() else { SCB::sys_reset() };
    let (start, bytes) = memory::slots();
    let start = (start.addr() - BANK_2) as u32;
    let Ok(storage) = Flash::new(bank.unlocked(), start..start + bytes as u32) else {
        SCB::sys_reset()
    };
    talk(storage, MEMORY, || input.read(), |byte| out.write(byte))
}
