//! One pointer per thread, for the price of two instructions.
//!
//! A shared library finds its `thread_local!` variables by a call of `__tls_get_addr`. Every reply
//! would pay for two, and for the registers that a function with calls has to save: a quarter of
//! what the smallest replies cost. This one pointer is instead in the block of static TLS that the
//! dynamic linker gives each thread (the "initial-exec" model of the ABI), of which glibc keeps some
//! hundreds of bytes for libraries that are loaded later.

use core::ffi::c_void;

#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(
    ".pushsection .tbss,\"awT\",@nobits",
    ".balign 8",
    ".globl hiredis_thread_slot",
    ".hidden hiredis_thread_slot",
    "hiredis_thread_slot:",
    ".zero 8",
    ".size hiredis_thread_slot, 8",
    ".popsection",
);

/// Where the calling thread's pointer is, NULL at first. Valid while the thread lives.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn slot() -> *mut *mut c_void {
    let address: *mut *mut c_void;
    // SAFETY: reads the thread pointer and the offset that the dynamic linker has stored, as
    // section 6.2 of the TLS ABI has it; touches nothing else.
    unsafe {
        core::arch::asm!(
            "mov {address}, qword ptr fs:[0]",
            "add {address}, qword ptr [rip + hiredis_thread_slot@GOTTPOFF]",
            address = out(reg) address,
            options(pure, readonly, nostack),
        );
    }
    address
}

#[cfg(not(target_arch = "x86_64"))]
std::thread_local! {
    static SLOT: core::cell::Cell<*mut c_void> = const { core::cell::Cell::new(core::ptr::null_mut()) };
}

/// Where the calling thread's pointer is, NULL at first. Valid while the thread lives.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(super) fn slot() -> *mut *mut c_void {
    SLOT.with(core::cell::Cell::as_ptr)
}

#[cfg(test)]
mod tests {
    use super::slot;

    #[test]
    fn each_thread_has_its_own() {
        let own = slot();
        assert_eq!(own, slot());
        // SAFETY: the slot is this thread's; the free lists of the test's thread are not in use.
        assert!(unsafe { (*own).is_null() });
        let other = std::thread::spawn(|| slot() as usize).join().ok();
        assert_ne!(other, Some(own as usize));
    }
}
