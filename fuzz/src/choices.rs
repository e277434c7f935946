//! The fuzzer's bytes as choices.

/// Bytes not used yet. Once they have run out every choice is the last one.
pub struct Choices<'a>(pub &'a [u8]);

impl<'a> Choices<'a> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }

    pub fn flag(&mut self) -> bool {
        self.below(2) == 0
    }

    /// A number below `n`, which is from 1 to 65,536.
    pub fn below(&mut self, n: usize) -> usize {
        let bytes = if n > 256 { 2 } else { 1 };
        match self.0.split_at_checked(bytes) {
            None => n - 1,
            Some((taken, rest)) => {
                self.0 = rest;
                taken
                    .iter()
                    .fold(0, |sum, &byte| sum << 8 | usize::from(byte))
                    % n
            }
        }
    }

    /// At most `len` bytes as they are.
    pub fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }
}
