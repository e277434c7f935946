//! `CLIENT REPLY`: whether the server answers the commands that are issued next.
#![forbid(unsafe_code)]

/// What the `CLIENT REPLY` commands issued so far have set, if the server accepts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplyMode {
    /// Commands are answered.
    On,
    /// The next command is not answered.
    Skip,
    /// No command is answered until `CLIENT REPLY ON`.
    Off,
}

/// What a command does to the mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    On,
    Off,
    Skip,
    /// `RESET`, which switches replies on before it is answered.
    Reset,
}

impl Setting {
    /// The setting of the command with these arguments, its name first.
    pub(super) fn of<'a>(mut arguments: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let name = arguments.next()?;
        if name.eq_ignore_ascii_case(b"RESET") {
            return Some(Self::Reset);
        }
        if !name.eq_ignore_ascii_case(b"CLIENT")
            || !arguments.next()?.eq_ignore_ascii_case(b"REPLY")
        {
            return None;
        }
        let word = arguments.next()?;
        if arguments.next().is_some() {
            return None;
        }
        [
            (&b"ON"[..], Self::On),
            (b"OFF", Self::Off),
            (b"SKIP", Self::Skip),
        ]
        .into_iter()
        .find(|(name, _)| word.eq_ignore_ascii_case(name))
        .map(|(_, setting)| setting)
    }
}
