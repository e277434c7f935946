//! The buffer's size: consumed bytes leave it, and it does not stay larger than what arrives needs.

use super::Reader;
use super::input::MIN_READ;
use crate::sds;

/// Consumed bytes that the buffer may begin with before they are dropped.
const MAX_CONSUMED: usize = 1024;

/// Unused buffer that an idle connection keeps.
const MAX_IDLE: usize = 4096;

/// Whether `pos` consumed bytes of `len` are to be dropped: once they are at least as many as those
/// behind them, so that every byte is moved at most once however many replies one feed holds.
#[inline(always)]
pub(super) fn is_consumed(pos: usize, len: usize) -> bool {
    if pos < MAX_CONSUMED {
        return false;
    }
    core::hint::cold_path();
    len.saturating_sub(pos) <= pos
}

/// Drops consumed bytes, if they are many, and room that is not needed any more.
///
/// # Safety
/// `reader` is live and has a buffer.
pub(super) unsafe fn drop_consumed(reader: *mut Reader) {
    // SAFETY: `buf` is an sds of `len` bytes, of which `pos` are consumed.
    unsafe {
        let (pos, len) = ((*reader).c.pos, (*reader).c.len);
        if !is_consumed(pos, len) || shrink(reader, room_to_keep(reader)) {
            return;
        }
        let rest = len - pos;
        (*reader).begun = (*reader).begun.wrapping_sub(pos);
        let c = &mut (*reader).c;
        core::ptr::copy(c.buf.add(pos), c.buf, rest);
        sds::set_len(c.buf, rest);
        c.pos = 0;
        c.len = rest;
    }
}

/// How large a buffer may be to be kept when it is used up: small on an idle connection; on a busy
/// one, and where the program feeds the reader, as large as the next bytes may need it: `maxbuf` and
/// as much again, since the buffer has twice the room that its first bytes take.
///
/// # Safety
/// `reader` is live.
pub(super) unsafe fn room_to_keep(reader: *mut Reader) -> usize {
    // SAFETY: the caller's reader is live.
    unsafe {
        match (*reader).read_size {
            _ if (*reader).drained => (*reader).c.maxbuf.min(MAX_IDLE),
            MIN_READ => (*reader).c.maxbuf.saturating_mul(2).max(MAX_CONSUMED),
            busy => (*reader).c.maxbuf.max(2 * busy),
        }
    }
}

/// Replaces a buffer that is larger than `keep` by a small one, where it has no unread bytes, or on
/// an idle connection a few; tells whether it did.
///
/// # Safety
/// `reader` is live and has a buffer.
pub(super) unsafe fn shrink(reader: *mut Reader, keep: usize) -> bool {
    // SAFETY: the unread bytes lie in the buffer and are copied before it is freed.
    unsafe {
        let bytes = super::unread(&*reader);
        let few = if (*reader).drained { MAX_CONSUMED } else { 0 };
        let c = &mut (*reader).c;
        if bytes.len() > few || c.maxbuf == 0 || sds::capacity(c.buf) <= keep {
            return false;
        }
        let empty = sds::empty();
        let small = match bytes {
            [] => empty,
            _ => sds::append(empty, bytes),
        };
        if small.is_null() {
            sds::free(empty);
            return false;
        }
        (*reader).begun = (*reader).begun.wrapping_sub(c.pos);
        c.pos = 0;
        c.len = bytes.len();
        sds::free(core::mem::replace(&mut c.buf, small));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consumed_bytes_are_dropped_once_they_are_many_and_half_of_all() {
        for (pos, len, dropped) in [
            (0, 0, false),
            (1023, 1023, false),
            (1024, 1024, true),
            (1024, 2048, true),
            (1024, 2049, false),
            (1 << 20, (1 << 21) + 1, false),
            (1 << 20, 1 << 21, true),
        ] {
            assert_eq!(is_consumed(pos, len), dropped, "{pos} of {len}");
        }
    }

    #[test]
    fn an_idle_connection_keeps_a_small_buffer() {
        let table = crate::reader::default_functions();
        // SAFETY: the reader is new, and freed at the end.
        unsafe {
            let Some(public) = crate::reader::create(table) else {
                panic!("there is memory");
            };
            let reader = public.cast::<Reader>().as_ptr();
            let busy = room_to_keep(reader);
            (*reader).drained = true;
            assert_eq!(room_to_keep(reader), MAX_IDLE);
            assert!(busy > MAX_IDLE);
            (*reader).c.maxbuf = 100;
            assert_eq!(room_to_keep(reader), 100);
            crate::reader::free(reader);
        }
    }
}
