//! Values under keys that are never used again.

/// Names a value for as long as it is there; a later one in the same place has another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    /// As a number, which is never 0.
    #[must_use]
    pub fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    /// The key that `to_bits` made this number of. Other numbers are keys of nothing.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self {
            index: bits as u32,
            generation: (bits >> 32) as u32,
        }
    }
}

struct Slot<T> {
    /// Begins at 1 and counts the values that this place has held.
    generation: u32,
    /// The next vacant slot, while this one is.
    next_vacant: Option<u32>,
    value: Option<T>,
}

pub(super) struct Slab<T> {
    slots: Vec<Slot<T>>,
    first_vacant: Option<u32>,
    len: usize,
}

impl<T> Slab<T> {
    pub(super) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            first_vacant: None,
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// `None` where memory is short.
    pub(super) fn insert(&mut self, value: T) -> Option<Key> {
        let index = match self.first_vacant {
            Some(index) => index,
            None => self.grow()?,
        };
        let slot = self.slots.get_mut(index as usize)?;
        self.first_vacant = slot.next_vacant.take();
        slot.value = Some(value);
        self.len += 1;
        Some(Key {
            index,
            generation: slot.generation,
        })
    }

    /// Makes a vacant slot.
    fn grow(&mut self) -> Option<u32> {
        let index = u32::try_from(self.slots.len()).ok()?;
        let slot = Slot {
            generation: 1,
            next_vacant: None,
            value: None,
        };
        push(&mut self.slots, slot).then_some(index)
    }

    pub(super) fn get(&self, key: Key) -> Option<&T> {
        let slot = self.slots.get(key.index as usize)?;
        slot.value
            .as_ref()
            .filter(|_| slot.generation == key.generation)
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let slot = self.slots.get_mut(key.index as usize)?;
        slot.value
            .as_mut()
            .filter(|_| slot.generation == key.generation)
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        let slot = self.slots.get_mut(key.index as usize)?;
        slot.generation = slot.generation.checked_add(1).unwrap_or(1);
        slot.next_vacant = self.first_vacant.replace(key.index);
        self.len -= 1;
        slot.value.take()
    }

    /// The value in the first place from `index` on that holds one.
    pub(super) fn next_from(&self, index: usize) -> Option<(usize, &T)> {
        let slots = self.slots.iter().enumerate().skip(index);
        slots
            .filter_map(|(index, slot)| Some((index, slot.value.as_ref()?)))
            .next()
    }
}

/// Appends a value; `false` where memory is short.
pub(super) fn push<T>(to: &mut Vec<T>, value: T) -> bool {
    if to.try_reserve(1).is_err() {
        return false;
    }
    let len = to.len();
    let Some(place) = to.spare_capacity_mut().first_mut() else {
        return false;
    };
    place.write(value);
    // SAFETY: the value behind the last one was just written.
    unsafe { to.set_len(len + 1) };
    true
}

#[cfg(test)]
mod tests {
    use super::{Key, Slab};

    #[test]
    fn a_key_names_one_value_only() {
        let mut slab = Slab::new();
        let first = slab.insert('a').expect("memory");
        assert_eq!(slab.get(first), Some(&'a'));
        assert_eq!(slab.remove(first), Some('a'));
        assert_eq!(slab.remove(first), None);
        let second = slab.insert('b').expect("memory");
        assert_eq!(first.index, second.index, "places are used again");
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.get_mut(second), Some(&mut 'b'));
        assert_eq!(Key::from_bits(second.to_bits()), second);
        assert_eq!(slab.get(Key::from_bits(0)), None);
        assert_eq!(slab.len(), 1);
    }

    #[test]
    fn vacant_places_are_found_again_in_any_order() {
        let mut slab = Slab::new();
        let keys: Vec<Key> = (0..10).map(|i| slab.insert(i).expect("memory")).collect();
        for i in [3, 9, 0] {
            assert_eq!(slab.remove(keys[i]), Some(i));
        }
        assert_eq!(slab.next_from(0), Some((1, &1)));
        assert_eq!(slab.next_from(9), None);
        for i in 0..4 {
            slab.insert(100 + i).expect("memory");
        }
        assert_eq!((slab.len(), slab.slots.len()), (11, 11));
    }
}
