//! Whether an exported function has been taken over: whether its name leads to another of that name,
//! which the program, or a library that it loaded before, exports.

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::null_mut;
use core::sync::atomic::AtomicBool;
use libc::{Dl_info, c_int};

unsafe extern "C" {
    // Set by the linker: where the object begins that is loaded, this library or the program that
    // it is linked into.
    static __ehdr_start: u8;
    #[cfg(target_env = "gnu")]
    fn dladdr1(
        address: *const c_void,
        info: *mut Dl_info,
        extra: *mut *mut c_void,
        flags: c_int,
    ) -> c_int;
}

/// In the object's data, which follows its code.
static DATA: AtomicBool = AtomicBool::new(false);

/// Whether the function at `address`, at which an exported name of this library was found, is
/// another's.
pub(crate) fn is_taken_over(address: usize) -> bool {
    let (start, end) = (&raw const __ehdr_start as usize, &raw const DATA as usize);
    !(start..end).contains(&address) && is_defined_at(address as *const c_void)
}

/// In a program that is not position-independent, a function of a library has an address in the
/// program, at which the library's is called; there the symbol is not defined.
#[cfg(target_env = "gnu")]
fn is_defined_at(address: *const c_void) -> bool {
    const RTLD_DL_SYMENT: c_int = 1;
    const SHN_UNDEF: u16 = 0;
    let mut info = MaybeUninit::<Dl_info>::uninit();
    let mut own = MaybeUninit::<Dl_info>::uninit();
    let mut symbol: *mut c_void = null_mut();
    // SAFETY: each call writes to the places that it is given, and says so; a symbol that was found
    // lives as long as its library.
    unsafe {
        if dladdr1(address, info.as_mut_ptr(), &mut symbol, RTLD_DL_SYMENT) == 0
            || libc::dladdr((&raw const __ehdr_start).cast(), own.as_mut_ptr()) == 0
        {
            return false;
        }
        let symbol: *const libc::Elf64_Sym = symbol.cast();
        info.assume_init().dli_fbase != own.assume_init().dli_fbase
            && symbol
                .as_ref()
                .is_none_or(|symbol| symbol.st_shndx != SHN_UNDEF)
    }
}

/// Others than glibc do not say.
#[cfg(not(target_env = "gnu"))]
fn is_defined_at(_address: *const c_void) -> bool {
    false
}
