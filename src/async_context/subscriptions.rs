//! Subscriptions by name: the tables behind `sub.channels`, `sub.patterns` and shard channels.

use super::callbacks::Node;
use crate::alloc;
use crate::layout::{dict, redisCallback, redisCallbackList};
use core::ptr::{NonNull, null_mut};
use rapidhash::fast::RandomState;
use std::collections::HashMap;

/// A table of subscriptions; made with the first, so that a context without any has none. Its
/// order is that of the hashes, and undefined.
pub(super) struct Subscriptions {
    by_name: HashMap<Vec<u8>, NonNull<redisCallback>, RandomState>,
}

/// Room that a table keeps, however few names it holds.
const MIN_SHRUNK: usize = 64;

/// Memory is short.
pub(super) struct OutOfMemory;

/// The table behind a context's field, made where there is none.
pub(super) unsafe fn table<'a>(
    place: *mut *mut dict,
) -> Result<&'a mut Subscriptions, OutOfMemory> {
    // SAFETY: the caller's field holds NULL or a table made here, and the reference is given up
    // before the next call out.
    unsafe {
        if (*place).is_null() {
            let block = alloc::allocate(size_of::<Subscriptions>()).cast::<Subscriptions>();
            let block = NonNull::new(block).ok_or(OutOfMemory)?;
            block.write(Subscriptions {
                by_name: HashMap::with_hasher(RandomState::new()),
            });
            *place = block.as_ptr().cast();
        }
        (*place).cast::<Subscriptions>().as_mut().ok_or(OutOfMemory)
    }
}

/// The table behind a context's field, if there is one.
pub(super) unsafe fn existing<'a>(place: *const *mut dict) -> Option<&'a mut Subscriptions> {
    // SAFETY: as in `table`.
    unsafe { (*place).cast::<Subscriptions>().as_mut() }
}

/// Whether a context's field holds no subscription.
pub(super) unsafe fn is_empty(place: *const *mut dict) -> bool {
    // SAFETY: as in `table`.
    unsafe { len(place) == 0 }
}

/// How many subscriptions a context's field holds.
pub(super) unsafe fn len(place: *const *mut dict) -> usize {
    // SAFETY: as in `table`.
    unsafe { existing(place) }.map_or(0, |table| table.by_name.len())
}

/// Frees the table and moves its subscriptions behind the nodes of `list`.
pub(super) unsafe fn drain(place: *mut *mut dict, list: *mut redisCallbackList) {
    // SAFETY: as in `table`; the table is read out before its block is freed.
    unsafe {
        let Some(block) = NonNull::new((*place).cast::<Subscriptions>()) else {
            return;
        };
        *place = null_mut();
        let table = block.read();
        alloc::release(block.as_ptr());
        for (_, node) in table.by_name {
            super::callbacks::push(list, node);
        }
    }
}

impl Subscriptions {
    /// The subscription of a name.
    #[inline]
    pub(super) fn get(&self, name: &[u8]) -> Option<NonNull<redisCallback>> {
        self.by_name.get(name).copied()
    }

    /// Makes sure that `insert` succeeds for one more name.
    pub(super) fn reserve(&mut self) -> Result<(), OutOfMemory> {
        self.by_name.try_reserve(1).map_err(|_| OutOfMemory)
    }

    /// Adds a subscription of a name that has none.
    pub(super) fn insert(
        &mut self,
        name: &[u8],
        node: NonNull<redisCallback>,
    ) -> Result<(), OutOfMemory> {
        self.reserve()?;
        let mut key = Vec::new();
        key.try_reserve_exact(name.len()).map_err(|_| OutOfMemory)?;
        key.extend_from_slice(name);
        self.by_name.insert(key, node);
        Ok(())
    }

    /// Removes the subscription of a name.
    pub(super) fn remove(&mut self, name: &[u8]) -> Option<NonNull<redisCallback>> {
        let node = self.by_name.remove(name);
        self.shrink();
        node
    }

    /// Gives room back where few names are left of many; without memory to move to, another time.
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

    /// All subscriptions.
    pub(super) fn nodes(&self) -> impl Iterator<Item = NonNull<redisCallback>> {
        self.by_name.values().copied()
    }

    /// Removes the subscriptions for which `gone` holds; it takes their nodes over.
    pub(super) fn remove_where(&mut self, mut gone: impl FnMut(NonNull<redisCallback>) -> bool) {
        self.by_name.retain(|_, node| !gone(*node));
        self.shrink();
    }
}

/// What only subscriptions have in their nodes.
pub(super) fn details(node: NonNull<redisCallback>) -> *mut Node {
    node.as_ptr().cast()
}

#[cfg(test)]
mod tests {
    use super::{drain, table};
    use crate::layout::redisCallbackList;
    use core::hash::BuildHasher;
    use core::ptr::null_mut;
    use rapidhash::fast::SeedableState;
    use std::collections::BTreeSet;

    /// The first secret of the hash as it is published: a name that begins with it multiplies what
    /// follows by zero.
    const PUBLISHED: u64 = 0x2d35_8dcc_aa6c_78a5;

    /// Whoever chooses names, a user of the program or another client, knows no process's secrets.
    #[test]
    fn names_made_to_collide_do_not() {
        let names = (0..1000_u64).map(|i| [PUBLISHED.to_ne_bytes(), i.to_ne_bytes()].concat());
        let names: Vec<Vec<u8>> = names.collect();
        let hashes = |state: &dyn Fn(&Vec<u8>) -> u64| {
            let hashes: BTreeSet<u64> = names.iter().map(state).collect();
            hashes.len()
        };
        assert_eq!(hashes(&|name| SeedableState::fixed().hash_one(name)), 1);

        let mut place = null_mut();
        let mut none = redisCallbackList {
            head: null_mut(),
            tail: null_mut(),
        };
        // SAFETY: the place holds a table of its own, which is empty and freed.
        unsafe {
            let state = table(&raw mut place).ok().expect("memory").by_name.hasher();
            assert!(hashes(&|name| state.hash_one(name)) > 990);
            drain(&raw mut place, &raw mut none);
        }
    }
}
