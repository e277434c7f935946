//! Drivers in C, which take their choices from the fuzzer's bytes.

unsafe extern "C" {
    fn async_random(bytes: *const u8, len: usize);
    fn clients_random(bytes: *const u8, len: usize);
}

/// Drives an asynchronous context and its server, as `tests/c/async_random.c` says.
pub fn drive_async(bytes: &[u8]) {
    // SAFETY: the driver reads so many bytes.
    unsafe { async_random(bytes.as_ptr(), bytes.len()) }
}

/// Takes replies apart, as `tests/c/clients_random.c` says.
pub fn drive_replies(bytes: &[u8]) {
    // SAFETY: the driver reads so many bytes.
    unsafe { clients_random(bytes.as_ptr(), bytes.len()) }
}
