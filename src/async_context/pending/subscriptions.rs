//! Subscriptions by name.
#![forbid(unsafe_code)]

use super::{OutOfMemory, Serial};
use crate::alloc;
use rapidhash::fast::RandomState;
use std::collections::HashMap;
use std::collections::hash_map;

/// What a subscription is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Target {
    Channel,
    Pattern,
    Shard,
}

/// A name that a command has subscribed to.
#[derive(Clone, Copy)]
pub(super) struct Subscription<R> {
    /// Takes the messages. `None` after the command that named it was refused.
    pub(super) receiver: Option<R>,
    /// Subscribing commands that are still to be answered.
    pub(super) pending: u32,
    /// The server sends messages.
    pub(super) active: bool,
    /// An unsubscribing command was issued since the last subscribing one.
    pub(super) leaving: bool,
    /// The newest command that has subscribed.
    pub(super) command: Serial,
    /// The last command whose refusal was told for this name.
    pub(super) refused: Option<Serial>,
}

/// The subscriptions of one kind. Their order is that of the hashes, and undefined.
pub(super) struct Subscriptions<R> {
    by_name: HashMap<Vec<u8>, Subscription<R>, RandomState>,
    /// How many are active.
    active: usize,
    /// What is left to be told at the end.
    ending: Option<hash_map::IntoIter<Vec<u8>, Subscription<R>>>,
}

/// Room that a table keeps, however few names it holds.
const MIN_SHRUNK: usize = 64;

impl<R: Copy> Subscriptions<R> {
    pub(super) fn new() -> Self {
        Self {
            by_name: HashMap::with_hasher(RandomState::new()),
            active: 0,
            ending: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(super) fn active(&self) -> usize {
        self.active
    }

    #[inline]
    pub(super) fn get(&self, name: &[u8]) -> Option<&Subscription<R>> {
        self.by_name.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &[u8]) -> Option<&mut Subscription<R>> {
        self.by_name.get_mut(name)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Subscription<R>> {
        self.by_name.values_mut()
    }

    /// Enters a command that subscribes to a name.
    pub(super) fn enter(&mut self, name: &[u8]) -> Result<(), OutOfMemory> {
        if let Some(subscription) = self.by_name.get_mut(name) {
            subscription.pending += 1;
            return Ok(());
        }
        self.by_name.try_reserve(1).map_err(|_| OutOfMemory)?;
        let key = alloc::try_copy(name).ok_or(OutOfMemory)?;
        let subscription = Subscription {
            receiver: None,
            pending: 1,
            active: false,
            leaving: false,
            command: 0,
            refused: None,
        };
        self.by_name.insert(key, subscription);
        Ok(())
    }

    /// Takes back what `enter` has done: the command was not issued, or was refused.
    pub(super) fn withdraw(&mut self, name: &[u8]) {
        if let Some(subscription) = self.by_name.get_mut(name) {
            subscription.pending = subscription.pending.saturating_sub(1);
        }
        self.drop_if_over(name);
    }

    /// The server has confirmed a subscription that was entered.
    pub(super) fn confirm(&mut self, name: &[u8]) {
        if let Some(subscription) = self.by_name.get_mut(name) {
            subscription.pending = subscription.pending.saturating_sub(1);
            self.active += usize::from(!subscription.active);
            subscription.active = true;
        }
    }

    /// The server sends no more messages for a name.
    pub(super) fn leave(&mut self, name: &[u8]) {
        if let Some(subscription) = self.by_name.get_mut(name) {
            self.active -= usize::from(subscription.active);
            subscription.active = false;
        }
        self.drop_if_over(name);
    }

    /// The server has dropped all subscriptions without a word.
    pub(super) fn deactivate(&mut self) {
        self.active = 0;
        for subscription in self.by_name.values_mut() {
            subscription.active = false;
        }
    }

    fn drop_if_over(&mut self, name: &[u8]) {
        let over = self
            .get(name)
            .is_some_and(|subscription| !subscription.active && subscription.pending == 0);
        if over {
            self.by_name.remove(name);
            self.shrink();
        }
    }

    /// Gives room back if few names are left of many. Without memory to move to, another time.
    fn shrink(&mut self) {
        let (len, room) = (self.by_name.len(), self.by_name.capacity());
        if room < MIN_SHRUNK || len > room / 8 {
            return;
        }
        let mut fewer = HashMap::with_hasher(RandomState::new());
        if fewer.try_reserve(2 * len).is_ok() {
            fewer.extend(self.by_name.drain());
            self.by_name = fewer;
        }
    }

    /// Removes one subscription after the other, at the end of the connection. `None` behind the
    /// last.
    pub(super) fn end_next(&mut self) -> Option<Option<R>> {
        if self.ending.is_none() {
            let all =
                std::mem::replace(&mut self.by_name, HashMap::with_hasher(RandomState::new()));
            self.active = 0;
            self.ending = Some(all.into_iter());
        }
        let (_, subscription) = self.ending.as_mut()?.next()?;
        Some(subscription.receiver)
    }
}

#[cfg(test)]
mod tests {
    use super::Subscriptions;
    use core::hash::BuildHasher;
    use rapidhash::fast::SeedableState;
    use std::collections::BTreeSet;

    /// The first secret of the hash as it is published: a name that begins with it multiplies what
    /// follows by zero.
    const PUBLISHED: u64 = 0x2d35_8dcc_aa6c_78a5;

    /// A user of the program or another client may choose the names, but knows no process's secrets.
    #[test]
    fn names_made_to_collide_do_not() {
        let names = (0..1000_u64).map(|i| [PUBLISHED.to_ne_bytes(), i.to_ne_bytes()].concat());
        let names: Vec<Vec<u8>> = names.collect();
        let hashes = |state: &dyn Fn(&Vec<u8>) -> u64| {
            let hashes: BTreeSet<u64> = names.iter().map(state).collect();
            hashes.len()
        };
        assert_eq!(hashes(&|name| SeedableState::fixed().hash_one(name)), 1);
        let table = Subscriptions::<()>::new();
        let state = table.by_name.hasher();
        assert!(hashes(&|name| state.hash_one(name)) > 990);
    }
}
