//! Our functions and the C library's, to be called in the same way.

use hiredis::capi;
use hiredis::layout::redisReader;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::transmute_copy;
use std::path::PathBuf;
use std::sync::OnceLock;

/// A `va_list` all of whose arguments stand on the stack, eight bytes each.
#[cfg(target_arch = "x86_64")]
#[repr(C)]
pub struct VaList {
    gp_offset: u32,
    fp_offset: u32,
    stack: *const u64,
    saved: *const c_void,
}

#[cfg(target_arch = "x86_64")]
impl VaList {
    pub fn new(words: &[u64]) -> Self {
        let (stack, saved) = (words.as_ptr(), std::ptr::null());
        VaList {
            gp_offset: 48,
            fp_offset: 176,
            stack,
            saved,
        }
    }
}

#[cfg(target_arch = "aarch64")]
#[repr(C)]
pub struct VaList {
    stack: *const u64,
    saved: [*const c_void; 2],
    offsets: [c_int; 2],
}

#[cfg(target_arch = "aarch64")]
impl VaList {
    pub fn new(words: &[u64]) -> Self {
        VaList {
            stack: words.as_ptr(),
            saved: [std::ptr::null(); 2],
            offsets: [0; 2],
        }
    }
}

/// The functions that are compared.
pub struct Library {
    pub create: unsafe extern "C-unwind" fn() -> *mut redisReader,
    pub free: unsafe extern "C-unwind" fn(*mut redisReader),
    pub feed: unsafe extern "C-unwind" fn(*mut redisReader, *const c_char, usize) -> c_int,
    pub get_reply: unsafe extern "C-unwind" fn(*mut redisReader, *mut *mut c_void) -> c_int,
    pub free_reply: unsafe extern "C-unwind" fn(*mut c_void),
    pub format: unsafe extern "C-unwind" fn(*mut *mut c_char, *const c_char, *mut VaList) -> c_int,
    pub free_command: unsafe extern "C-unwind" fn(*mut c_char),
}

impl Library {
    pub fn ours() -> Library {
        Library {
            create,
            free: capi::read::redisReaderFree,
            feed: capi::read::redisReaderFeed,
            get_reply: capi::read::redisReaderGetReply,
            free_reply: capi::hiredis::freeReplyObject,
            format,
            free_command: capi::format::redisFreeCommand,
        }
    }

    /// The C library, as `scripts/get-oracle` unpacks it, where there is one.
    pub fn oracle() -> Option<&'static Library> {
        static ORACLE: OnceLock<Option<Library>> = OnceLock::new();
        ORACLE.get_or_init(load).as_ref()
    }
}

unsafe extern "C-unwind" fn create() -> *mut redisReader {
    capi::hiredis::redisReaderCreate()
}

unsafe extern "C-unwind" fn format(
    target: *mut *mut c_char,
    format: *const c_char,
    ap: *mut VaList,
) -> c_int {
    // SAFETY: the caller's promise; the list is laid out as the function wants it.
    unsafe { capi::format::redisvFormatCommand(target, format, ap.cast()) }
}

fn load() -> Option<Library> {
    let usual = || concat!(env!("CARGO_MANIFEST_DIR"), "/../target/oracle").into();
    let dir = std::env::var_os("HIREDIS_ORACLE").map_or_else(usual, PathBuf::from);
    let folders = std::fs::read_dir(dir.join("usr/lib")).ok()?.flatten();
    let path = folders
        .map(|folder| folder.path().join("libhiredis.so.1.1.0"))
        .find(|path| path.exists())?;
    let path = CString::new(path.into_os_string().into_encoded_bytes()).ok()?;
    // SAFETY: the types are those of the C library's headers.
    unsafe {
        let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
        assert!(!handle.is_null(), "{path:?} cannot be loaded");
        Some(Library {
            create: function(handle, c"redisReaderCreate"),
            free: function(handle, c"redisReaderFree"),
            feed: function(handle, c"redisReaderFeed"),
            get_reply: function(handle, c"redisReaderGetReply"),
            free_reply: function(handle, c"freeReplyObject"),
            format: function(handle, c"redisvFormatCommand"),
            free_command: function(handle, c"redisFreeCommand"),
        })
    }
}

/// # Safety
/// `F` is the type of the function called `name`.
unsafe fn function<F>(handle: *mut c_void, name: &CStr) -> F {
    // SAFETY: the handle is open; a function pointer is as large as its address.
    unsafe {
        let address = libc::dlsym(handle, name.as_ptr());
        assert!(!address.is_null(), "no {name:?} in the C library");
        transmute_copy(&address)
    }
}
