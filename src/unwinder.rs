//! The functions of the unwinder, found when they are needed.
//!
//! Loading `libgcc_s` takes longer than loading this library and everything a first command does,
//! and a C program never needs it: exceptions come from C++, whose runtime has loaded it already.
//! So this library does not name it as needed. What the Rust runtime calls are these few
//! instructions, which look the real function up at the first call, as glibc itself does for
//! `pthread_exit`. They are weak and hidden: seen by nothing outside, and less than any definition
//! that a link of Rust code brings along.
//!
//! A program that holds the static library may hold an unwinder too, and then two must not mix. So
//! `hiredis_linked` and a function's name is a place for the address of that one, which stays 0 in
//! the shared library; `scripts/libraries` puts another in its stead into the static library.

#![cfg(target_arch = "x86_64")]

use core::ffi::CStr;
use core::ptr::null_mut;
use libc::{RTLD_NOW, c_void};

/// Defines the functions, each with its index, and the table of where they are.
macro_rules! unwinder {
    ($count:literal: $($index:literal $name:literal)*) => {
        /// Their names.
        static NAMES: [&CStr; $count] = [$(
            match CStr::from_bytes_with_nul(concat!($name, "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => c"",
            },
        )*];

        core::arch::global_asm!(
            ".pushsection .bss.hiredis_unwinder,\"aw\",@nobits",
            ".balign 8",
            "hiredis_unwinder:",
            concat!(".zero 8 * ", $count),
            ".popsection",
            ".pushsection .data.hiredis_unwinder,\"aw\",@progbits",
            ".balign 8",
            $(
                concat!(".weak hiredis_linked", $name),
                concat!(".hidden hiredis_linked", $name),
                concat!("hiredis_linked", $name, ": .quad 0"),
            )*
            ".popsection",
            ".pushsection .text.hiredis_unwinder,\"ax\",@progbits",
            $(
                concat!(".weak ", $name),
                concat!(".hidden ", $name),
                concat!(".type ", $name, ",@function"),
                concat!($name, ":"),
                ".cfi_startproc",
                concat!("mov r11, qword ptr [rip + hiredis_unwinder + 8 * ", $index, "]"),
                "test r11, r11",
                "je 2f",
                "jmp r11",
                concat!("2: mov r11, qword ptr [rip + hiredis_linked", $name, "]"),
                "test r11, r11",
                "je 4f",
                "jmp r11",
                concat!("4: mov r11d, ", $index),
                "jmp 3f",
                ".cfi_endproc",
                concat!(".size ", $name, ", . - ", $name),
            )*
            // The arguments are saved around the search; six of them are all there can be.
            "3:",
            ".cfi_startproc",
            "push rdi",
            "push rsi",
            "push rdx",
            "push rcx",
            "push r8",
            "push r9",
            "push r11",
            ".cfi_def_cfa_offset 64",
            "mov rdi, r11",
            "call {find}",
            "pop r11",
            "lea rdi, [rip + hiredis_unwinder]",
            "mov qword ptr [rdi + 8 * r11], rax",
            "mov r11, rax",
            "pop r9",
            "pop r8",
            "pop rcx",
            "pop rdx",
            "pop rsi",
            "pop rdi",
            ".cfi_def_cfa_offset 8",
            "jmp r11",
            ".cfi_endproc",
            ".popsection",
            find = sym find,
        );
    };
}

unwinder! { 11:
    0 "_Unwind_Backtrace"
    1 "_Unwind_GetDataRelBase"
    2 "_Unwind_GetIP"
    3 "_Unwind_GetIPInfo"
    4 "_Unwind_GetLanguageSpecificData"
    5 "_Unwind_GetRegionStart"
    6 "_Unwind_GetTextRelBase"
    7 "_Unwind_RaiseException"
    8 "_Unwind_Resume"
    9 "_Unwind_SetGR"
    10 "_Unwind_SetIP"
}

/// The address of a function. Whoever unwinds has loaded the library already; where nobody has and
/// it is missing, a Rust panic has nowhere to go.
extern "C" fn find(index: usize) -> *mut c_void {
    // SAFETY: names are NUL-terminated, and the handle is checked before it is used.
    let found = unsafe {
        let library = libc::dlopen(c"libgcc_s.so.1".as_ptr(), RTLD_NOW);
        match (library.is_null(), NAMES.get(index)) {
            (false, Some(name)) => libc::dlsym(library, name.as_ptr()),
            _ => null_mut(),
        }
    };
    if found.is_null() {
        // SAFETY: ends the process, as the unwinder does when it has nowhere to go.
        unsafe { libc::abort() };
    }
    found
}

#[cfg(test)]
mod tests {
    /// This test's own unwinding is done by these functions.
    #[test]
    fn panics_unwind() {
        let caught = std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(7)));
        let payload = caught.expect_err("a panic");
        assert_eq!(payload.downcast_ref::<i32>(), Some(&7));
    }
}
