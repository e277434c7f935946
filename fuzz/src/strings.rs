//! An sds as programs see it.

use std::ffi::c_char;

/// Length and room, as the inline functions of `sds.h` read them.
///
/// # Safety
/// `s` is a live sds.
pub unsafe fn len_and_room(s: *const c_char) -> (usize, usize) {
    // SAFETY: before the text stand the flags, and before these the two numbers.
    unsafe {
        let flags = *s.sub(1) as u8;
        let size = match flags & 7 {
            0 => return (usize::from(flags >> 3), usize::from(flags >> 3)),
            kind => 1 << (kind - 1),
        };
        let number = |end: usize| {
            let mut bytes = [0; 8];
            bytes[..size]
                .copy_from_slice(std::slice::from_raw_parts(s.sub(end + size).cast(), size));
            u64::from_le_bytes(bytes) as usize
        };
        (number(1 + size), number(1))
    }
}

/// The text.
///
/// # Safety
/// `s` is a live sds, unchanged as long as the text is in use.
pub unsafe fn text_of<'a>(s: *const c_char) -> &'a [u8] {
    // SAFETY: the header tells how much there is.
    unsafe { std::slice::from_raw_parts(s.cast(), len_and_room(s).0) }
}
