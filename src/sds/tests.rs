//! Rebased strings are seen from outside only after partial writes; here they are made directly, and
//! everything that a program may do to one is compared with plain bytes.

use super::*;
use core::ptr::null;
use std::vec::Vec;

/// Room in the consumed bytes: 64 KiB are larger than what is moved instead of rebased.
const LARGE: usize = 64 * 1024;

fn text(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 256) as u8).collect()
}

fn made(text: &[u8]) -> Sds {
    // SAFETY: a slice is valid for its length.
    let s = unsafe { new_len(text.as_ptr().cast(), text.len()) };
    assert!(!s.is_null());
    s
}

/// What the inline functions of `sds.h` in a program make of the header: `sdslen` and `sdsalloc`.
fn inline(s: Sds) -> (usize, usize) {
    // SAFETY: `s` is an sds, and each of its types has the header that is read.
    unsafe {
        let at = s.cast::<u8>();
        match at.sub(1).read() & 7 {
            0 => {
                let len = usize::from(at.sub(1).read() >> 3);
                (len, len)
            }
            1 => (at.sub(3).read().into(), at.sub(2).read().into()),
            2 => {
                let field = |back| usize::from(at.sub(back).cast::<u16>().read_unaligned());
                (field(5), field(3))
            }
            3 => {
                let field = |back| at.sub(back).cast::<u32>().read_unaligned() as usize;
                (field(9), field(5))
            }
            4 => {
                let field = |back| at.sub(back).cast::<u64>().read_unaligned() as usize;
                (field(17), field(9))
            }
            other => panic!("type {other}"),
        }
    }
}

/// `s` holds `expected`, and is a true string for programs.
fn check(s: Sds, expected: &[u8]) {
    // SAFETY: `s` is an sds.
    unsafe {
        assert_eq!(inline(s), (len(s), capacity(s)));
        assert!(bytes(s) == expected, "the text");
        assert!(capacity(s) >= len(s));
        assert_eq!(s.add(len(s)).read(), 0, "the NUL");
    }
}

#[test]
fn a_large_remainder_stays_where_it_is() {
    for n in [1, 2, 7, 8, 9, 29, 30, 31, 32, 33, 255, 4096, LARGE] {
        let all = text(n + LARGE);
        let s = made(&all);
        // SAFETY: `s` is an sds, and each use of it follows the last change.
        unsafe {
            let (start, size, kind) = (block_start(s), block_size(s), Type::of(s));
            let rest = consume(s, n);
            check(rest, &all[n..]);
            assert_eq!(rest, s.add(n));
            assert_eq!(capacity(rest), all.len() - n);
            assert_eq!((block_start(rest), block_size(rest)), (start, size));
            assert_eq!(Type::of(rest), kind);
            free(rest);
        }
    }
}

#[test]
fn every_type_but_five_can_be_rebased() {
    for kind in [Type::Bits16, Type::Bits32, Type::Bits64] {
        for step in [1, 10, 20, 100, 5000] {
            let s = room::with_capacity(kind, LARGE - 2);
            // SAFETY: there is room for the text; each use of `s` follows the last change.
            unsafe {
                let all = text(LARGE - 2);
                let start = block_start(s);
                let mut s = append(s, &all);
                let mut gone = 0;
                while all.len() - gone >= 16 * 1024 + step {
                    s = consume(s, step);
                    gone += step;
                    check(s, &all[gone..]);
                    assert_eq!((Type::of(s), block_start(s)), (kind, start));
                }
                // The next remainder is small: it goes back to the front.
                s = consume(s, step);
                check(s, &all[gone + step..]);
                assert_eq!((block_start(s), capacity(s)), (start, LARGE - 2));
                assert_eq!(s.offset_from(start.cast()) as usize, kind.header_size());
                free(s);
            }
        }
    }
}

#[test]
fn small_remainders_and_type_five_are_moved() {
    for len in [1, 5, 31, 32, 300, 20_000] {
        for n in [0, 1, len / 2, len, len + 1, usize::MAX] {
            let all = text(len);
            let s = made(&all);
            // SAFETY: `s` is an sds.
            unsafe {
                let rest = consume(s, n);
                check(rest, &all[n.min(len)..]);
                if len - n.min(len) < 16 * 1024 {
                    assert_eq!(rest, s);
                }
                free(rest);
            }
        }
    }
}

/// A rebased string and its text.
fn rebased() -> (Sds, Vec<u8>) {
    let all = text(2 * LARGE);
    // SAFETY: `made` gives an sds.
    let s = unsafe { consume(made(&all), LARGE / 2) };
    (s, all[LARGE / 2..].to_vec())
}

#[test]
fn every_function_takes_a_rebased_string() {
    let run = |change: fn(Sds, &mut Vec<u8>) -> Sds| {
        let (s, mut expected) = rebased();
        let s = change(s, &mut expected);
        check(s, &expected);
        // SAFETY: `change` gives the string that replaces `s`.
        unsafe {
            let s = cat(s, b"behind");
            expected.extend_from_slice(b"behind");
            check(s, &expected);
            free(s);
        }
    };
    // SAFETY: the string is an sds, replaced by each result.
    unsafe {
        run(|s, _| make_room(s, 10));
        run(|s, _| make_room(s, 10 * LARGE));
        run(|s, _| reserve(s, LARGE));
        run(|s, _| remove_room(s));
        run(|s, v| {
            v.extend_from_slice(b"abc");
            append(s, b"abc")
        });
        run(|s, v| {
            v.resize(3 * LARGE, 0);
            grow_zero(s, 3 * LARGE)
        });
        run(|s, v| {
            *v = text(100);
            copy(s, v.as_ptr().cast(), 100)
        });
        run(|s, v| {
            *v = text(4 * LARGE);
            copy(s, v.as_ptr().cast(), v.len())
        });
        run(|s, v| {
            v.clear();
            set_len(s, 0);
            s
        });
        run(|s, v| {
            v.truncate(v.len() - 5);
            increase_len(s, -5);
            s
        });
        run(|s, v| {
            *v = v[3..=9].to_vec();
            assert!(range(s, 3, 9));
            s
        });
        run(|s, v| {
            v.make_ascii_uppercase();
            bytes_mut(s).make_ascii_uppercase();
            s
        });
        run(|s, v| {
            let last = [v[v.len() - 1]];
            let end = v.iter().rposition(|&b| b != 0 && b != last[0]);
            let start = v.iter().position(|&b| b != 0 && b != last[0]);
            *v = v[start.unwrap_or(0)..=end.unwrap_or(0)].to_vec();
            trim(s, &last);
            s
        });
        run(|s, _| {
            let copy = new_len(s, len(s));
            free(s);
            copy
        });
    }
}

#[test]
fn without_memory_a_rebased_string_is_as_it_was() {
    let (s, expected) = rebased();
    // SAFETY: `s` is an sds and stays one.
    unsafe {
        for huge in [usize::MAX, isize::MAX as usize, isize::MAX as usize / 4] {
            assert!(reserve(s, huge).is_null());
            assert!(make_room(s, huge).is_null());
            assert!(grow_zero(s, huge).is_null());
            check(s, &expected);
        }
        free(s);
    }
}

#[test]
fn our_buffers_at_least_double() {
    let mut s = empty();
    let (mut last, mut grown) = (0, 0);
    // SAFETY: `s` is replaced by each result.
    unsafe {
        while len(s) < 64 * 1024 * 1024 {
            s = append(s, &[7; 1000]);
            if capacity(s) != last {
                assert!(capacity(s) >= 2 * last);
                last = capacity(s);
                grown += 1;
            }
        }
        assert!(grown <= 18, "{grown} times");
        free(s);
    }
}

/// A queue that never runs empty neither grows without end nor moves every byte again and again.
#[test]
fn a_queue_stays_bounded_and_its_bytes_are_seldom_moved() {
    let chunk = text(10_000);
    let mut s = empty();
    let (mut moved, mut passed) = (0, 0);
    // SAFETY: `s` is replaced by each result.
    unsafe {
        for _ in 0..100 {
            s = append(s, &chunk);
        }
        for _ in 0..5_000 {
            let before = s;
            s = append(s, &chunk);
            if s != before {
                moved += len(s);
            }
            s = consume(s, chunk.len());
            passed += chunk.len();
            assert!(block_size(s) < 5_000_000, "{}", block_size(s));
        }
        assert_eq!(len(s), 100 * chunk.len());
        assert!(moved <= 2 * passed, "{moved} of {passed}");
        for _ in 0..100 {
            assert!(bytes(s).starts_with(&chunk));
            s = consume(s, chunk.len());
        }
        check(s, b"");
        free(s);
    }
}

#[test]
fn any_order_of_changes_gives_the_same_bytes() {
    let source = text(300_000);
    let mut state = 1u32;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        (state >> 8) as usize % below
    };
    for _ in 0..40 {
        let (mut s, mut expected) = (empty(), Vec::new());
        for _ in 0..60 {
            let at = random(source.len() / 2);
            let piece = &source[at..at + random(40_000)];
            // SAFETY: `s` is replaced by each result; lengths stay within the text.
            unsafe {
                match random(8) {
                    0 | 1 => {
                        s = append(s, piece);
                        expected.extend_from_slice(piece);
                    }
                    2 => {
                        s = cat(s, piece);
                        expected.extend_from_slice(piece);
                    }
                    3 => {
                        let left = random(len(s) + 1);
                        set_len(s, left);
                        expected.truncate(left);
                    }
                    4 => s = reserve(s, piece.len()),
                    5 => s = remove_room(s),
                    _ => {
                        let most = [len(s), 40][random(2)];
                        let n = random(1 + most);
                        s = consume(s, n);
                        expected.drain(..n.min(expected.len()));
                    }
                }
            }
            check(s, &expected);
        }
        // SAFETY: `s` is an sds.
        unsafe { free(s) };
    }
}

#[test]
fn null_gives_null() {
    let none: Sds = core::ptr::null_mut();
    // SAFETY: all of these take NULL.
    unsafe {
        free(none);
        assert!(append(none, b"a").is_null());
        assert!(cat(none, b"a").is_null());
        assert!(reserve(none, 1).is_null());
        assert!(make_room(none, 1).is_null());
        assert!(remove_room(none).is_null());
        assert!(grow_zero(none, 1).is_null());
        assert!(copy(none, null(), 0).is_null());
        assert!(cat_repr(none, b"a").is_null());
        assert!(cat_format(none, b"a", || 0).is_null());
        assert!(cat_printed(none, |_, _| 0).is_null());
    }
}
