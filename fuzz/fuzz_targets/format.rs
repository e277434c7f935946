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
    /// The C library refuses a conversion.
    ours_alone: bool,
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
                _ => match taken.printed(rest, choices)? {
                    0 => break,
                    len => len,
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

    /// The arguments of the conversion that `text` begins with, behind its percent sign; returns its length, 0 if it is
    /// none. `None` where it asks for more text than a test should write.
    fn printed(&mut self, text: &[u8], choices: &mut Choices<'_>) -> Option<usize> {
        let flags = text.iter().take_while(|byte| b"#0-+ 'I".contains(byte));
        self.ours_alone |= flags.clone().any(|byte| b"'I".contains(byte));
        let mut at = self.size(text, flags.count(), choices)?;
        if text.get(at) == Some(&b'.') {
            at = self.size(text, at + 1, choices)?;
        }
        let rest = &text[at..];
        let modifier = ["hh", "h", "ll", "l", "q", "j", "z", "Z", "t", "L"]
            .into_iter()
            .find(|modifier| rest.starts_with(modifier.as_bytes()))
            .unwrap_or_default();
        let end = at + modifier.len();
        self.mangled |= end + 2 >= MANGLED;
        let plain = ["", "h", "hh", "l", "ll"].contains(&modifier);
        match text.get(end) {
            Some(b'd' | b'i' | b'o' | b'u' | b'x' | b'X') => {
                self.ours_alone |= !plain;
                self.number(choices);
            }
            Some(b'e' | b'E' | b'f' | b'F' | b'g' | b'G' | b'a' | b'A') => match modifier {
                "" => self.number(choices),
                "l" => {
                    self.ours_alone = true;
                    self.number(choices);
                }
                "L" => {
                    self.ours_alone = true;
                    self.long_double(choices);
                }
                _ => return Some(0),
            },
            Some(b'c' | b'p') if modifier.is_empty() => {
                self.ours_alone = true;
                self.number(choices);
            }
            Some(b'm') if modifier.is_empty() => self.ours_alone = true,
            Some(b's') if modifier.is_empty() => {
                self.ours_alone = true;
                self.text(choices, false);
            }
            _ => return Some(0),
        }
        Some(end + 1)
    }

    /// A width or precision at `at`; returns where it ends.
    fn size(&mut self, text: &[u8], at: usize, choices: &mut Choices<'_>) -> Option<usize> {
        if text.get(at) == Some(&b'*') {
            self.ours_alone = true;
            self.words.push((choices.below(400) as i64 - 200) as u64);
            return Some(at + 1);
        }
        let digits = text[at.min(text.len())..].iter();
        let digits = digits.take_while(|byte| byte.is_ascii_digit()).count();
        (digits <= 3).then_some(at + digits)
    }

    fn number(&mut self, choices: &mut Choices<'_>) {
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
    }

    /// A number that the processor has, at a multiple of its size; with up to 16 bits of exponent no text gets too long.
    fn long_double(&mut self, choices: &mut Choices<'_>) {
        if self.words.len() % 2 == 1 {
            self.words.push(0);
        }
        let mantissa = (0..8).fold(0, |sum, _| sum << 8 | u64::from(choices.byte()));
        let exponent = 0x3f00 + choices.below(0x200) as u64;
        self.words.extend([mantissa | 1 << 63, exponent]);
    }
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
        let theirs = formatted(oracle, &format, &taken.words);
        match taken.ours_alone {
            true => assert!(theirs.is_err(), "{format:?}"),
            false => assert_eq!(ours, theirs, "{format:?}"),
        }
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
