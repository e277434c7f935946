//! The grammar over arguments that stand in memory; `tests/differential/format_*.c` compare the
//! same with the C library.

use super::{FormatError, NO_LIMIT, VaList, append_argv, append_format, format, format_argv};
use crate::alloc;
use crate::sds::{self, Sds};
use core::ffi::CStr;
use core::ptr;
use libc::c_char;

/// The command for a format whose arguments are `words`, without its RESP headers: the arguments.
fn formatted(text: &CStr, words: &[u64]) -> Result<Vec<Vec<u8>>, FormatError> {
    let mut stack = words.to_vec();
    let mut args = VaList::on_stack(&mut stack);
    // SAFETY: the test passes what its format asks for; the block is freed after use.
    unsafe {
        let (block, len) = format(text.as_ptr(), &raw mut args)?;
        let bytes = core::slice::from_raw_parts(block.as_ptr(), len + 1).to_vec();
        alloc::release(block.as_ptr());
        assert_eq!(bytes[len], 0, "terminated");
        let parsed = crate::resp::command::parse_command(&bytes[..len]).expect("one command");
        Ok(parsed.map(<[u8]>::to_vec).collect())
    }
}

fn word(text: &CStr) -> u64 {
    text.as_ptr().expose_provenance() as u64
}

fn arguments(words: &[&str]) -> Result<Vec<Vec<u8>>, FormatError> {
    Ok(words.iter().map(|word| word.as_bytes().to_vec()).collect())
}

#[test]
fn spaces_separate() {
    assert_eq!(formatted(c"", &[]), arguments(&[]));
    assert_eq!(formatted(c"   ", &[]), arguments(&[]));
    assert_eq!(formatted(c"  a  b ", &[]), arguments(&["a", "b"]));
    assert_eq!(formatted(c"a\tb\r\n", &[]), arguments(&["a\tb\r\n"]));
}

#[test]
fn texts_and_conversions_join() {
    let text = word(c"x y");
    assert_eq!(
        formatted(c"a%sb %s", &[text, text]),
        arguments(&["ax yb", "x y"])
    );
    assert_eq!(
        formatted(c"%b%b", &[text, 1, text, 3]),
        arguments(&["xx y"])
    );
    assert_eq!(
        formatted(c"%s %b", &[word(c""), 0, 0]),
        arguments(&["", ""])
    );
    assert_eq!(formatted(c"100%% %", &[]), arguments(&["100%", "%"]));
}

#[test]
fn numbers_are_printed() {
    assert_eq!(
        formatted(c"%d:%u %lld", &[u64::MAX, u64::MAX, i64::MIN as u64]),
        arguments(&["-1:4294967295", "-9223372036854775808"])
    );
    assert_eq!(
        formatted(c"%hhd %hu", &[300, 70_000]),
        arguments(&["44", "4464"])
    );
    assert_eq!(
        formatted(c"%-+5d|%#x %.3g", &[7, 255, 0.5_f64.to_bits()]),
        arguments(&["+7   |0xff", "0.5"])
    );
}

/// Contract 11.18: a conversion's own length does not matter, its width does.
#[test]
fn long_conversions_are_conversions() {
    assert_eq!(formatted(c"%0000000000000003d", &[7]), arguments(&["007"]));
    assert_eq!(formatted(c"%+-0+-0+-0+-03lld|", &[7]), arguments(&["+7 |"]));
    let wide = formatted(c"a%5000d", &[7]).expect("as wide as any");
    assert_eq!(wide[0].len(), 5001);
    assert_eq!(
        formatted(c"%99999999999d", &[7]),
        Err(FormatError::OutOfMemory)
    );
    assert_eq!(
        formatted(c"%.99999999999d", &[7]),
        Err(FormatError::OutOfMemory)
    );
}

/// Widths and precisions as arguments, strings with them, and the types that the C library refuses;
/// `tests/c/format_printf.c` compares the same with printf.
#[test]
fn whatever_printf_prints_is_printed() {
    let text = word(c"abcdef");
    assert_eq!(
        formatted(c"%.*s %*s %-4.2s|", &[3, text, 8, text, text]),
        arguments(&["abc", "  abcdef", "ab  |"])
    );
    assert_eq!(
        formatted(c"%*d|%-*d|%.*d", &[-5_i64 as u64, 7, 3, 7, u64::MAX, 7]),
        arguments(&["7    |7  |7"])
    );
    assert_eq!(
        formatted(c"%c%c %zu %jd %td %qd", &[104, 105, 1, u64::MAX, 2, 3]),
        arguments(&["hi", "1", "-1", "2", "3"])
    );
    assert_eq!(
        formatted(c"%lf %p %'d", &[1.5_f64.to_bits(), 0, 5]),
        arguments(&["1.500000", "(nil)", "5"])
    );
    assert_eq!(formatted(c"%.0s|%.*s", &[0, 0, 0]), arguments(&["|"]));
    assert_eq!(formatted(c"%c", &[0]), arguments(&["\0"]));
}

#[cfg(target_arch = "x86_64")]
#[test]
fn long_doubles_are_aligned() {
    // 1.5 of 80 bits, after one word and after none.
    let [low, high] = [0xc000_0000_0000_0000, 0x3fff];
    assert_eq!(
        formatted(c"%Lf %d %Lg", &[low, high, 7, 0, low, high]),
        arguments(&["1.500000", "7", "1.5"])
    );
}

#[test]
fn anything_else_is_refused() {
    for text in [
        c"%n", c"%hf", c"%llf", c"%qf", c"%zf", c"%ls", c"%hs", c"%lc", c"%C", c"%Lc", c"%lp",
        c"%lm", c"%hld", c"%lhd", c"%llld", c"%hhhd", c"%zzd", c"%jld", c"%S", c"%D", c"%B",
        c"%w8d", c"%-b", c"%5b", c"%.*b", c"%5%", c"% %", c"%-", c"%5", c"%.", c"%*", c"%.*",
        c"%h", c"%l", c"%ll", c"%z", c"%L", c"a %1$d", c"%*1$d", c"%1$*2$d", c"%1$s", c"%**d",
        c"%*5d", c"%.-5d",
    ] {
        assert_eq!(
            formatted(text, &[0; 4]),
            Err(FormatError::Invalid),
            "{text:?}"
        );
    }
    for text in [c"%5s", c"%.1s", c"%-s"] {
        assert_eq!(formatted(text, &[0]), Err(FormatError::Invalid));
    }
    assert_eq!(formatted(c"%s", &[0]), Err(FormatError::Invalid));
    assert_eq!(formatted(c"%b", &[0, 1]), Err(FormatError::Invalid));
}

/// Contract 11.18: what an `int` cannot count is an error, found before anything is read.
#[test]
fn lengths_do_not_overflow() {
    let text = word(c"x");
    for len in [
        i32::MAX as u64,
        u64::from(u32::MAX),
        i64::MAX as u64,
        u64::MAX,
    ] {
        assert_eq!(
            formatted(c"SET a %b", &[text, len]),
            Err(FormatError::TooLong)
        );
    }
    let argv = [c"x".as_ptr(), c"x".as_ptr()];
    for argvlen in [
        [1, usize::MAX],
        [usize::MAX, usize::MAX],
        [1, isize::MAX as usize],
    ] {
        // SAFETY: too long to be read.
        let made = unsafe { format_argv(2, argv.as_ptr(), argvlen.as_ptr()) };
        assert_eq!(made, Err(FormatError::TooLong));
    }
}

/// Headers grow when an argument turns out to be longer than its first piece, and a command to
/// have more than nine arguments.
#[test]
fn guessed_headers_are_corrected() {
    for len in [9, 10, 99, 100, 999, 1000, 9999, 10_000, 123_456] {
        let tail = vec![b'x'; len];
        let words = [tail.as_ptr().expose_provenance() as u64, len as u64];
        let whole = [b"key:", &tail[..]].concat();
        assert_eq!(formatted(c"key:%b", &words), Ok(vec![whole]));
    }
    for count in [9, 10, 99, 100, 1000] {
        let mut text = "a".to_string() + &" a".repeat(count - 1);
        text.push('\0');
        let text = CStr::from_bytes_with_nul(text.as_bytes()).expect("terminated");
        assert_eq!(formatted(text, &[]).map(|words| words.len()), Ok(count));
    }
}

#[test]
fn vectors_are_formatted() {
    let argv = [c"SET".as_ptr(), b"k\0y".as_ptr().cast(), ptr::null()];
    // SAFETY: each vector has three elements; the blocks are freed.
    unsafe {
        let (block, len) = format_argv(3, argv.as_ptr(), [3, 3, 0].as_ptr()).expect("a command");
        let text = core::slice::from_raw_parts(block.as_ptr(), len + 1);
        assert_eq!(text, b"*3\r\n$3\r\nSET\r\n$3\r\nk\0y\r\n$0\r\n\r\n\0");
        alloc::release(block.as_ptr());
        assert_eq!(
            format_argv(-1, argv.as_ptr(), ptr::null()),
            Err(FormatError::Invalid)
        );
        assert_eq!(
            format_argv(3, argv.as_ptr(), ptr::null()),
            Err(FormatError::Invalid)
        );
        assert_eq!(
            format_argv(1, ptr::null(), ptr::null()),
            Err(FormatError::Invalid)
        );
    }
}

/// What stands in `buffer`, which stays a terminated string whatever happened.
fn text(buffer: Sds) -> Vec<u8> {
    // SAFETY: the tests pass an sds.
    unsafe {
        assert_eq!(*buffer.add(sds::len(buffer)), 0, "terminated");
        sds::bytes(buffer).to_vec()
    }
}

#[test]
fn commands_are_appended() {
    let argv: [*const c_char; 2] = [c"GET".as_ptr(), c"k".as_ptr()];
    let mut stack = [word(c"v"), 0, 0, 0, word(c"w")];
    // SAFETY: the arguments are what the formats ask for; the buffer is freed.
    unsafe {
        // Of type 5, as a program may assign it.
        let mut buffer = sds::new_len(c"hi".as_ptr(), 2);
        assert_eq!(
            append_argv(&mut buffer, NO_LIMIT, 2, argv.as_ptr(), ptr::null()),
            Ok(20)
        );
        let before = text(buffer);
        assert_eq!(before, b"hi*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");

        // The failure comes when the buffer was written to, and has grown.
        let mut args = VaList::on_stack(&mut stack);
        let failed = append_format(
            &mut buffer,
            NO_LIMIT,
            c"%s %5000d %n".as_ptr(),
            &raw mut args,
        );
        assert_eq!(failed, Err(FormatError::Invalid));
        assert_eq!(text(buffer), before);
        assert_eq!(
            append_argv(&mut buffer, NO_LIMIT, -1, argv.as_ptr(), ptr::null()),
            Err(FormatError::Invalid)
        );
        assert_eq!(text(buffer), before);

        let mut args = VaList::on_stack(&mut stack);
        let len = append_format(&mut buffer, NO_LIMIT, c"%s %5000d".as_ptr(), &raw mut args)
            .expect("appended");
        assert_eq!(text(buffer).len(), before.len() + len);
        assert!(text(buffer).starts_with(&before));
        sds::free(buffer);
    }
}
