//! The C-variadic functions. Stable Rust cannot define such functions, so each is a few
//! instructions that do what a C compiler does at the beginning of one: save the registers that may
//! hold arguments, build a `va_list` over them and over the stack, and pass it on, to the function
//! of the same name with a `v` where there is one.
//!
//! Exceptions and `longjmp` out of callbacks pass through these frames, so they describe themselves
//! to the unwinder (`.cfi_*`; the compiler adds nothing to a naked function). They own nothing, so
//! there is nothing to clean up.

use super::r#async::redisvAsyncCommand;
use super::format::format_command;
use super::hiredis::{redisvAppendCommand, redisvCommand};
use super::sds_text::{sdscatfmt_va, sdscatvprintf};
use crate::layout::{redisAsyncContext, redisCallbackFn, redisContext};
use crate::sds::Sds;
use core::arch::naked_asm;
use libc::{c_char, c_int, c_void};

/// The body of a function with `named` arguments before the `...`, all of them integers or
/// pointers: calls `target` with the same arguments and, in register `ap`, a `va_list`.
///
/// Frame: 0 `va_list` (`gp_offset`, `fp_offset`, `overflow_arg_area`, `reg_save_area`), 32 the six
/// general-purpose registers, 80 the eight vector registers, 216 the return address, 224 the
/// arguments on the stack. `al` is 0 where the caller passed nothing in vector registers.
#[cfg(target_arch = "x86_64")]
macro_rules! call_with_va_list {
    (named = $named:literal, ap = $ap:literal | $_aarch64:literal, $target:path) => {
        naked_asm!(
            ".cfi_startproc",
            "sub rsp, 216",
            ".cfi_def_cfa_offset 224",
            "mov [rsp + 32], rdi",
            "mov [rsp + 40], rsi",
            "mov [rsp + 48], rdx",
            "mov [rsp + 56], rcx",
            "mov [rsp + 64], r8",
            "mov [rsp + 72], r9",
            "test al, al",
            "je 2f",
            "movaps [rsp + 80], xmm0",
            "movaps [rsp + 96], xmm1",
            "movaps [rsp + 112], xmm2",
            "movaps [rsp + 128], xmm3",
            "movaps [rsp + 144], xmm4",
            "movaps [rsp + 160], xmm5",
            "movaps [rsp + 176], xmm6",
            "movaps [rsp + 192], xmm7",
            "2:",
            "mov dword ptr [rsp], 8 * {named}",
            "mov dword ptr [rsp + 4], 48",
            "lea rax, [rsp + 224]",
            "mov [rsp + 8], rax",
            "lea rax, [rsp + 32]",
            "mov [rsp + 16], rax",
            concat!("mov ", $ap, ", rsp"),
            "call {target}",
            "add rsp, 216",
            ".cfi_def_cfa_offset 8",
            "ret",
            ".cfi_endproc",
            named = const $named,
            target = sym $target,
        )
    };
}

/// The body of a function with `named` arguments before the `...`, all of them integers or
/// pointers: calls `target` with the same arguments and, in register `ap`, a `va_list`.
///
/// Frame: 0 frame record, 16 `va_list` (`__stack`, `__gr_top`, `__vr_top`, `__gr_offs`,
/// `__vr_offs`), 48 the eight general-purpose registers, 112 the eight vector registers, 240 the
/// arguments on the stack. The offsets count from the end of each save area.
#[cfg(target_arch = "aarch64")]
macro_rules! call_with_va_list {
    (named = $named:literal, ap = $_x86_64:literal | $ap:literal, $target:path) => {
        naked_asm!(
            ".cfi_startproc",
            "stp x29, x30, [sp, #-240]!",
            ".cfi_def_cfa_offset 240",
            ".cfi_offset x29, -240",
            ".cfi_offset x30, -232",
            "mov x29, sp",
            "stp x0, x1, [sp, #48]",
            "stp x2, x3, [sp, #64]",
            "stp x4, x5, [sp, #80]",
            "stp x6, x7, [sp, #96]",
            "stp q0, q1, [sp, #112]",
            "stp q2, q3, [sp, #144]",
            "stp q4, q5, [sp, #176]",
            "stp q6, q7, [sp, #208]",
            "add x9, sp, #240",
            "str x9, [sp, #16]",
            "add x10, sp, #112",
            "stp x10, x9, [sp, #24]",
            "mov w9, #-8 * (8 - {named})",
            "mov w10, #-128",
            "stp w9, w10, [sp, #40]",
            concat!("add ", $ap, ", sp, #16"),
            "bl {target}",
            "ldp x29, x30, [sp], #240",
            ".cfi_def_cfa_offset 0",
            ".cfi_restore x29",
            ".cfi_restore x30",
            "ret",
            ".cfi_endproc",
            named = const $named,
            target = sym $target,
        )
    };
}

/// `void *redisCommand(redisContext *c, const char *format, ...)`
///
/// # Safety
/// `c` is live, and the arguments are what `format` asks for.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisCommand(
    c: *mut redisContext,
    format: *const c_char,
) -> *mut c_void {
    call_with_va_list!(named = 2, ap = "rdx" | "x2", redisvCommand)
}

/// `int redisAppendCommand(redisContext *c, const char *format, ...)`
///
/// # Safety
/// `c` is live, and the arguments are what `format` asks for.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAppendCommand(
    c: *mut redisContext,
    format: *const c_char,
) -> c_int {
    call_with_va_list!(named = 2, ap = "rdx" | "x2", redisvAppendCommand)
}

/// `int redisFormatCommand(char **target, const char *format, ...)`
///
/// # Safety
/// `target` is NULL or writable, and the arguments are what `format` asks for.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisFormatCommand(
    target: *mut *mut c_char,
    format: *const c_char,
) -> c_int {
    call_with_va_list!(named = 2, ap = "rdx" | "x2", format_command)
}

/// `int redisAsyncCommand(redisAsyncContext *ac, redisCallbackFn *fn, void *privdata,
/// const char *format, ...)`
///
/// # Safety
/// `ac` is live, and the arguments are what `format` asks for.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncCommand(
    ac: *mut redisAsyncContext,
    r#fn: Option<redisCallbackFn>,
    privdata: *mut c_void,
    format: *const c_char,
) -> c_int {
    call_with_va_list!(named = 4, ap = "r8" | "x4", redisvAsyncCommand)
}

/// `sds sdscatprintf(sds s, const char *fmt, ...)`
///
/// # Safety
/// `s` is an sds, replaced by the result, and the arguments are what `fmt` asks for.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdscatprintf(s: Sds, fmt: *const c_char) -> Sds {
    call_with_va_list!(named = 2, ap = "rdx" | "x2", sdscatvprintf)
}

/// `sds sdscatfmt(sds s, const char *fmt, ...)`
///
/// # Safety
/// `s` is an sds, replaced by the result, and the arguments are what `fmt` asks for.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdscatfmt(s: Sds, fmt: *const c_char) -> Sds {
    call_with_va_list!(named = 2, ap = "rdx" | "x2", sdscatfmt_va)
}
