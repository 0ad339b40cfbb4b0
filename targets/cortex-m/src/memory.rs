//! What the memory map (in `memory/`) says: where the policy lies, and how much of the stack was used.
#![expect(unsafe_code, reason = "symbols of the linker")]

use core::ptr::addr_of;
use cortex_m_rt::STACK_PAINT_VALUE;

unsafe extern "C" {
    static _policy_start: u8;
    static _policy_end: u8;
    static _slots_start: u8;
    static _slots_end: u8;
    static _stack_end: u32;
    static _stack_start: u32;
}

/// The flash that a policy file was put into.
pub fn policy() -> &'static [u8] {
    let (start, end) = (addr_of!(_policy_start), addr_of!(_policy_end));
    // SAFETY: the memory map gives this range to nothing else, and nothing writes it.
    unsafe { core::slice::from_raw_parts(start, end.addr() - start.addr()) }
}

/// Where the flash of the two slots begins, and its bytes. Who may read or write them is the caller's to know.
pub fn slots() -> (*mut u8, usize) {
    let (start, end) = (addr_of!(_slots_start), addr_of!(_slots_end));
    (start.cast_mut(), end.addr() - start.addr())
}

/// Fills `bytes` from the slots, from `offset` on.
///
/// # Panics
/// If the slots end before them.
pub fn read_slots(offset: usize, bytes: &mut [u8]) {
    let (start, length) = slots();
    assert!(offset.checked_add(bytes.len()).is_some_and(|end| end <= length), "within the slots");
    for (at, byte) in bytes.iter_mut().enumerate() {
        // SAFETY: within the slots.
        *byte = unsafe { start.add(offset + at).read_volatile() };
    }
}

/// Most bytes of stack in use at any time since the start, which painted it.
pub fn stack_high_water() -> usize {
    let (mut word, start) = (addr_of!(_stack_end), addr_of!(_stack_start));
    // SAFETY: all between is the stack's, of whole words; what of it is in use is written by no one but us.
    while word < start && unsafe { word.read_volatile() } == STACK_PAINT_VALUE {
        word = word.wrapping_add(1);
    }
    start.addr() - word.addr()
}
