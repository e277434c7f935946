//! The names of a subscribing command, until the server has answered for each.
#![forbid(unsafe_code)]

use super::OutOfMemory;
use crate::alloc;
use crate::resp::command::Arguments;

/// Names in the order in which the server confirms them, as the command had them.
pub(super) struct Names {
    text: Vec<u8>,
    begin: usize,
    left: usize,
}

impl Names {
    pub(super) fn copy(names: &Arguments<'_>) -> Result<Self, OutOfMemory> {
        let text = alloc::try_copy(names.rest()).ok_or(OutOfMemory)?;
        Ok(Self {
            text,
            begin: 0,
            left: names.len(),
        })
    }

    /// The names that are left.
    fn arguments(&self) -> Arguments<'_> {
        Arguments::new(self.left, self.text.get(self.begin..).unwrap_or_default())
    }

    pub(super) fn first(&self) -> Option<&[u8]> {
        self.arguments().next()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// Drops the first name.
    pub(super) fn advance(&mut self) {
        let mut arguments = self.arguments();
        arguments.next();
        let (left, rest) = (arguments.len(), arguments.rest().len());
        self.left = left;
        self.begin = self.text.len() - rest;
    }
}
