//! C's `va_list`, read from Rust.

use libc::{c_char, c_int, c_long, c_longlong, c_void, size_t};

/// Where a formatter takes its variadic arguments from, one after the other, as with C's `va_arg`.
pub(crate) trait Arguments {
    /// The next integer or pointer, as it was passed: what is above its own type is undefined.
    ///
    /// # Safety
    /// An integer or pointer comes next.
    unsafe fn next_word(&mut self) -> u64;

    /// The next `double`.
    ///
    /// # Safety
    /// A `double` comes next.
    unsafe fn next_double(&mut self) -> f64;

    /// The next `long double`, as its bytes stand in memory.
    ///
    /// # Safety
    /// A `long double` comes next.
    unsafe fn next_long_double(&mut self) -> [u64; 2];

    /// The next `int`, or what C promotes to it.
    ///
    /// # Safety
    /// An `int` comes next.
    unsafe fn next_int(&mut self) -> c_int {
        // SAFETY: the caller's promise.
        unsafe { self.next_word() as c_int }
    }

    /// The next `long`.
    ///
    /// # Safety
    /// A `long` comes next.
    unsafe fn next_long(&mut self) -> c_long {
        // SAFETY: the caller's promise.
        unsafe { self.next_word() as c_long }
    }

    /// The next `long long`.
    ///
    /// # Safety
    /// A `long long` comes next.
    unsafe fn next_long_long(&mut self) -> c_longlong {
        // SAFETY: the caller's promise.
        unsafe { self.next_word() as c_longlong }
    }

    /// The next `size_t`.
    ///
    /// # Safety
    /// A `size_t` comes next.
    unsafe fn next_size(&mut self) -> size_t {
        // SAFETY: the caller's promise.
        unsafe { self.next_word() as size_t }
    }

    /// The next pointer.
    ///
    /// # Safety
    /// A pointer comes next.
    unsafe fn next_pointer(&mut self) -> *mut c_void {
        // SAFETY: the caller's promise.
        unsafe { core::ptr::with_exposed_provenance_mut(self.next_word() as usize) }
    }
}

/// The next address that a `long double` may have on the stack.
fn align(slot: *mut u8) -> *mut u8 {
    slot.wrapping_add(slot.align_offset(16))
}

unsafe extern "C" {
    /// C's, with a `va_list` of ours.
    pub(crate) fn vsnprintf(
        text: *mut c_char,
        size: size_t,
        format: *const c_char,
        args: *mut VaList,
    ) -> c_int;
}

/// What a C `va_list` parameter points to: on both ABIs a function that takes a `va_list` receives
/// the address of this structure, so here such a parameter is a `*mut VaList`. `va_copy` is a copy.
///
/// System V AMD64 ABI, 3.5.7.
#[cfg(target_arch = "x86_64")]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VaList {
    gp_offset: u32,
    fp_offset: u32,
    overflow_arg_area: *mut u8,
    reg_save_area: *mut u8,
}

#[cfg(target_arch = "x86_64")]
impl VaList {
    /// The general-purpose registers end here in the save area, the vector registers follow.
    const GP_END: u32 = 6 * 8;
    const FP_END: u32 = Self::GP_END + 8 * 16;

    /// The arguments in `stack`, as if no register had held any.
    pub(crate) fn on_stack(stack: &mut [u64]) -> Self {
        Self {
            gp_offset: Self::GP_END,
            fp_offset: Self::FP_END,
            overflow_arg_area: stack.as_mut_ptr().cast(),
            reg_save_area: core::ptr::null_mut(),
        }
    }

    /// # Safety
    /// Another argument was passed on the stack.
    unsafe fn stack_slot(&mut self) -> *const u8 {
        let slot = self.overflow_arg_area;
        // SAFETY: each argument that we read takes one slot of 8 bytes, and there is another one.
        self.overflow_arg_area = unsafe { slot.add(8) };
        slot
    }
}

#[cfg(target_arch = "x86_64")]
impl Arguments for VaList {
    #[inline]
    unsafe fn next_word(&mut self) -> u64 {
        // SAFETY: the caller promises an integer or pointer; it is in the save area as long as
        // that lasts, and on the stack from then on.
        unsafe {
            let slot = if self.gp_offset < Self::GP_END {
                let slot = self.reg_save_area.add(self.gp_offset as usize);
                self.gp_offset += 8;
                slot.cast_const()
            } else {
                self.stack_slot()
            };
            slot.cast::<u64>().read()
        }
    }

    #[inline]
    unsafe fn next_double(&mut self) -> f64 {
        // SAFETY: as in `next_word`, for the vector registers, which take 16 bytes each.
        unsafe {
            let slot = if self.fp_offset < Self::FP_END {
                let slot = self.reg_save_area.add(self.fp_offset as usize);
                self.fp_offset += 16;
                slot.cast_const()
            } else {
                self.stack_slot()
            };
            slot.cast::<f64>().read()
        }
    }

    unsafe fn next_long_double(&mut self) -> [u64; 2] {
        // SAFETY: the caller promises a `long double`; it is on the stack, whatever registers are
        // left, at the next multiple of its size, and takes two slots.
        unsafe {
            self.overflow_arg_area = align(self.overflow_arg_area);
            [self.stack_slot(), self.stack_slot()].map(|slot| slot.cast::<u64>().read())
        }
    }
}

/// What a C `va_list` parameter points to: on both ABIs a function that takes a `va_list` receives
/// the address of this structure, so here such a parameter is a `*mut VaList`. `va_copy` is a copy.
///
/// Procedure Call Standard for the Arm 64-bit Architecture, appendix B.
#[cfg(target_arch = "aarch64")]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VaList {
    stack: *mut u8,
    gr_top: *mut u8,
    vr_top: *mut u8,
    gr_offs: i32,
    vr_offs: i32,
}

#[cfg(target_arch = "aarch64")]
impl VaList {
    /// The arguments in `stack`, as if no register had held any.
    pub(crate) fn on_stack(stack: &mut [u64]) -> Self {
        Self {
            stack: stack.as_mut_ptr().cast(),
            gr_top: core::ptr::null_mut(),
            vr_top: core::ptr::null_mut(),
            gr_offs: 0,
            vr_offs: 0,
        }
    }

    /// # Safety
    /// Another argument was passed on the stack.
    unsafe fn stack_slot(&mut self) -> *const u8 {
        let slot = self.stack;
        // SAFETY: each argument that we read takes one slot of 8 bytes, and there is another one.
        self.stack = unsafe { slot.add(8) };
        slot
    }
}

#[cfg(target_arch = "aarch64")]
impl Arguments for VaList {
    #[inline]
    unsafe fn next_word(&mut self) -> u64 {
        // SAFETY: the caller promises an integer or pointer; it is in the save area, whose end is
        // `gr_top`, as long as the offset is negative, and on the stack from then on.
        unsafe {
            let slot = if self.gr_offs < 0 {
                let slot = self.gr_top.offset(self.gr_offs as isize);
                self.gr_offs += 8;
                slot.cast_const()
            } else {
                self.stack_slot()
            };
            slot.cast::<u64>().read()
        }
    }

    #[inline]
    unsafe fn next_double(&mut self) -> f64 {
        // SAFETY: as in `next_word`, for the vector registers, which take 16 bytes each.
        unsafe {
            let slot = if self.vr_offs < 0 {
                let slot = self.vr_top.offset(self.vr_offs as isize);
                self.vr_offs += 16;
                slot.cast_const()
            } else {
                self.stack_slot()
            };
            slot.cast::<f64>().read()
        }
    }

    unsafe fn next_long_double(&mut self) -> [u64; 2] {
        // SAFETY: as in `next_double`; it takes a whole vector register, or the next two slots of
        // the stack that begin at a multiple of its size.
        unsafe {
            if self.vr_offs < 0 {
                let slot = self.vr_top.offset(self.vr_offs as isize);
                self.vr_offs += 16;
                slot.cast::<[u64; 2]>().read()
            } else {
                self.stack = align(self.stack);
                [self.stack_slot(), self.stack_slot()].map(|slot| slot.cast::<u64>().read())
            }
        }
    }
}
