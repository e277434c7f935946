//! Formats with arguments of every kind, and argument vectors: what is written is one command, with the arguments of the
//! vector, and as the C library writes it, except where the two differ on purpose.
#![no_main]

use hiredis::capi::format::{
    redisFormatCommandArgv, redisFormatSdsCommandArgv, redisFreeCommand, redisFreeSdsCommand,
};
use hiredis_fuzz::{Choices, Library, VaList, arguments};
use libfuzzer_sys::fuzz_target;
use std::ffi::{CString, c_char, c_int};
use std::ptr::{null, null_mut};

/// Characters of a conversion from which on the C library mangles it.
const MANGLED: usize = 14;

/// What a format takes, one word for each argument.
#[derive(Default)]
struct Taken {
    words: Vec<u64>,
    texts: Vec<Vec<u8>>,
    mangled: bool,
}

impl Taken {
    /// The arguments that `format` asks for, up to the first conversion that is none. `None` where it asks for more text than
    /// a test should write.
    fn by(format: &[u8], choices: &mut Choices<'_>) -> Option<Taken> {
        let mut taken = Taken::default();
        let mut rest = format;
        while let Some(at) = rest.iter().position(|&byte| byte == b'%') {
            rest = &rest[at + 1..];
            let len = match rest.first() {
                None => break,
                Some(b'%') => 1,
                Some(b's') => taken.text(choices, false),
                Some(b'b') => taken.text(choices, true),
                _ => match conversion(rest)? {
                    0 => break,
                    len => taken.number(&rest[..len], choices),
                },
            };
            rest = &rest[len..];
        }
        Some(taken)
    }

    fn text(&mut self, choices: &mut Choices<'_>, counted: bool) -> usize {
        let len = choices.below(40);
        let bytes = choices.take(len);
        let text = match counted {
            true => bytes.to_vec(),
            false => bytes
                .iter()
                .copied()
                .take_while(|&byte| byte != 0)
                .chain([0])
                .collect(),
        };
        let unread = counted && text.is_empty() && choices.flag();
        let address = if unread {
            0
        } else {
            text.as_ptr().expose_provenance() as u64
        };
        self.words.push(address);
        if counted {
            self.words.push(text.len() as u64);
        }
        self.texts.push(text);
        1
    }

    fn number(&mut self, conversion: &[u8], choices: &mut Choices<'_>) -> usize {
        self.mangled |= conversion.len() + 1 >= MANGLED;
        let numbers = [
            0,
            1,
            u64::MAX,
            i64::MIN as u64,
            i64::MAX as u64,
            1.5f64.to_bits(),
            1e300f64.to_bits(),
            f64::NAN.to_bits(),
        ];
        let number = match choices.below(9) {
            8 => (0..8).fold(0, |sum, _| sum << 8 | u64::from(choices.byte())),
            known => numbers[known],
        };
        self.words.push(number);
        conversion.len()
    }
}

/// The length of the number's conversion that `text` begins with, behind its percent sign; 0 for none.
fn conversion(text: &[u8]) -> Option<usize> {
    let digits = |at: usize| {
        at + text[at..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let mut at = text
        .iter()
        .take_while(|byte| b"#0-+ ".contains(byte))
        .count();
    let width = digits(at);
    let end = if text.get(width) == Some(&b'.') {
        digits(width + 1)
    } else {
        width
    };
    if width - at > 3 || end - width > 4 {
        return None;
    }
    at = end;
    if text.get(at).is_some_and(|byte| b"eEfFgGaA".contains(byte)) {
        return Some(at + 1);
    }
    at += match &text[at..] {
        [b'h', b'h', ..] | [b'l', b'l', ..] => 2,
        [b'h', ..] | [b'l', ..] => 1,
        _ => 0,
    };
    Some(
        if text.get(at).is_some_and(|byte| b"diouxX".contains(byte)) {
            at + 1
        } else {
            0
        },
    )
}

/// What a library makes of a format: the command, or the error.
fn formatted(library: &Library, format: &CString, words: &[u64]) -> Result<Vec<u8>, c_int> {
    let mut target = null_mut();
    // SAFETY: the words are what the format asks for.
    unsafe {
        let len = (library.format)(&mut target, format.as_ptr(), &mut VaList::new(words));
        if len < 0 {
            assert!(target.is_null(), "on failure the target is untouched");
            return Err(len);
        }
        let command = std::slice::from_raw_parts(target.cast::<u8>(), len as usize).to_vec();
        assert_eq!(*target.add(command.len()), 0);
        (library.free_command)(target);
        Ok(command)
    }
}

fn format(choices: &mut Choices<'_>) {
    let len = choices.below(120);
    let text: Vec<u8> = choices
        .take(len)
        .iter()
        .copied()
        .take_while(|&byte| byte != 0)
        .collect();
    let Some(taken) = Taken::by(&text, choices) else {
        return;
    };
    let format = CString::new(text).expect("no NUL");
    let ours = formatted(&Library::ours(), &format, &taken.words);
    if let Ok(command) = &ours {
        assert!(arguments(command).is_some(), "{}", command.escape_ascii());
    }
    if let Some(oracle) = Library::oracle()
        && !taken.mangled
    {
        assert_eq!(ours, formatted(oracle, &format, &taken.words), "{format:?}");
    }
}

fn vector(choices: &mut Choices<'_>) {
    let count = choices.below(12);
    let texts: Vec<Vec<u8>> = (0..count)
        .map(|_| {
            let len = choices.below(300);
            choices.take(len).to_vec()
        })
        .collect();
    let mut lengths: Vec<usize> = texts.iter().map(Vec::len).collect();
    let mut pointers: Vec<*const c_char> = texts
        .iter()
        .map(|text| {
            if text.is_empty() {
                null()
            } else {
                text.as_ptr().cast()
            }
        })
        .collect();
    let terminated: Vec<CString> = texts
        .iter()
        .filter_map(|text| CString::new(&text[..]).ok())
        .collect();
    let told = terminated.len() < count || choices.flag();
    if !told {
        pointers = terminated.iter().map(|text| text.as_ptr()).collect();
    }
    let (argv, argvlen) = (
        pointers.as_mut_ptr(),
        if told {
            lengths.as_mut_ptr()
        } else {
            null_mut()
        },
    );
    let (mut target, mut string) = (null_mut(), null_mut());
    // SAFETY: as many pointers as are told, each to as many bytes, or to text that ends.
    unsafe {
        let len = redisFormatCommandArgv(&mut target, count as c_int, argv, argvlen);
        let command = std::slice::from_raw_parts(target.cast::<u8>(), len as usize);
        assert_eq!(*target.add(command.len()), 0);
        assert_eq!(arguments(command).expect("a command"), texts);
        assert_eq!(
            redisFormatSdsCommandArgv(&mut string, count as c_int, argv, argvlen),
            len
        );
        assert_eq!(
            std::slice::from_raw_parts(string.cast::<u8>(), command.len()),
            command
        );
        redisFreeCommand(target);
        redisFreeSdsCommand(string);
    }
}

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices(input);
    if choices.below(4) > 0 {
        format(&mut choices)
    } else {
        vector(&mut choices)
    }
});
