//! Requests in one block of memory, and lists of them without allocations: a place in a list is two
//! indices beside the request.

use crate::text::OutOfMemory;

/// The handle of an entry. It is never 0 as a number, and an entry's successor in the same place has
/// another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id {
    index: u32,
    generation: u32,
}

impl Id {
    /// The handle as a number, for programs.
    pub fn to_number(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    /// The handle of a number, which may be that of no entry.
    pub fn from_number(number: u64) -> Self {
        Self {
            index: number as u32,
            generation: (number >> 32) as u32,
        }
    }

    fn place(self) -> usize {
        self.index as usize
    }
}

/// Entries by handle.
#[derive(Debug)]
pub(super) struct Arena<T> {
    slots: Vec<Slot<T>>,
    free: Option<u32>,
    length: usize,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    content: Content<T>,
}

#[derive(Debug)]
enum Content<T> {
    Entry(T),
    Free { next: Option<u32> },
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: None,
            length: 0,
        }
    }
}

impl<T> Arena<T> {
    /// Makes room for one more entry. Returns how many places there are then.
    pub(super) fn reserve(&mut self) -> Result<usize, OutOfMemory> {
        if self.free.is_some() {
            return Ok(self.slots.len());
        }
        let index = u32::try_from(self.slots.len()).map_err(|_| OutOfMemory)?;
        self.slots.try_reserve(1)?;
        self.slots.push(Slot {
            generation: 0,
            content: Content::Free { next: None },
        });
        self.free = Some(index);
        Ok(self.slots.len())
    }

    /// Puts an entry into the room that was made; gives it back if there is none.
    pub(super) fn insert(&mut self, entry: T) -> Result<Id, T> {
        let Some(index) = self.free else {
            return Err(entry);
        };
        let Some(slot) = self.slots.get_mut(index as usize) else {
            return Err(entry);
        };
        if let Content::Free { next } = slot.content {
            self.free = next;
        }
        // Generation 0 is left out, so that no handle is the number 0.
        slot.generation = slot.generation.checked_add(1).unwrap_or(1);
        slot.content = Content::Entry(entry);
        self.length += 1;
        Ok(Id {
            index,
            generation: slot.generation,
        })
    }

    pub(super) fn get(&self, id: Id) -> Option<&T> {
        match self.slots.get(id.place()) {
            Some(Slot {
                generation,
                content: Content::Entry(entry),
            }) if *generation == id.generation => Some(entry),
            _ => None,
        }
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        match self.slots.get_mut(id.place()) {
            Some(Slot {
                generation,
                content: Content::Entry(entry),
            }) if *generation == id.generation => Some(entry),
            _ => None,
        }
    }

    pub(super) fn remove(&mut self, id: Id) -> Option<T> {
        self.get(id)?;
        let slot = self.slots.get_mut(id.place())?;
        let next = self.free.replace(id.index);
        match std::mem::replace(&mut slot.content, Content::Free { next }) {
            Content::Entry(entry) => {
                self.length -= 1;
                Some(entry)
            }
            Content::Free { .. } => None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }
}

/// A list of entries, each of which may stand in one list of a kind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct List {
    first: Option<Id>,
    last: Option<Id>,
}

/// The places of all entries in lists of one kind.
#[derive(Debug, Default)]
pub(super) struct Links {
    links: Vec<Link>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Link {
    before: Option<Id>,
    behind: Option<Id>,
}

impl List {
    pub(super) fn first(&self) -> Option<Id> {
        self.first
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }
}

impl Links {
    /// Makes room for entries in so many places.
    pub(super) fn reserve(&mut self, places: usize) -> Result<(), OutOfMemory> {
        let more = places.saturating_sub(self.links.len());
        self.links.try_reserve(more)?;
        self.links.resize(self.links.len() + more, Link::default());
        Ok(())
    }

    /// The entry behind this one.
    pub(super) fn behind(&self, id: Id) -> Option<Id> {
        self.links.get(id.place())?.behind
    }

    pub(super) fn push_back(&mut self, list: &mut List, id: Id) {
        self.set(id, list.last, None);
        match list.last {
            Some(last) => self.set_behind(last, Some(id)),
            None => list.first = Some(id),
        }
        list.last = Some(id);
    }

    pub(super) fn push_front(&mut self, list: &mut List, id: Id) {
        self.set(id, None, list.first);
        match list.first {
            Some(first) => self.set_before(first, Some(id)),
            None => list.last = Some(id),
        }
        list.first = Some(id);
    }

    /// Takes an entry out of the list that it is in.
    pub(super) fn remove(&mut self, list: &mut List, id: Id) {
        let Some(Link { before, behind }) = self.links.get(id.place()).copied() else {
            return;
        };
        match before {
            Some(before) => self.set_behind(before, behind),
            None => list.first = behind,
        }
        match behind {
            Some(behind) => self.set_before(behind, before),
            None => list.last = before,
        }
        self.set(id, None, None);
    }

    /// Puts a list before another one.
    pub(super) fn prepend(&mut self, list: &mut List, before: List) {
        let (Some(first), Some(last)) = (before.first, before.last) else {
            return;
        };
        self.set_behind(last, list.first);
        match list.first {
            Some(old) => self.set_before(old, Some(last)),
            None => list.last = Some(last),
        }
        list.first = Some(first);
    }

    #[cfg(test)]
    pub(super) fn pop_front(&mut self, list: &mut List) -> Option<Id> {
        let first = list.first?;
        self.remove(list, first);
        Some(first)
    }

    fn set(&mut self, id: Id, before: Option<Id>, behind: Option<Id>) {
        if let Some(link) = self.links.get_mut(id.place()) {
            *link = Link { before, behind };
        }
    }

    fn set_before(&mut self, id: Id, before: Option<Id>) {
        if let Some(link) = self.links.get_mut(id.place()) {
            link.before = before;
        }
    }

    fn set_behind(&mut self, id: Id, behind: Option<Id>) {
        if let Some(link) = self.links.get_mut(id.place()) {
            link.behind = behind;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_of_one_entry_and_never_zero() {
        let mut arena = Arena::default();
        assert!(arena.insert(0).is_err());
        arena.reserve().unwrap();
        let first = arena.insert(1).unwrap();
        assert_ne!(first.to_number(), 0);
        assert_eq!(Id::from_number(first.to_number()), first);
        assert_eq!((arena.get(first), arena.len()), (Some(&1), 1));
        assert_eq!(arena.remove(first), Some(1));
        assert_eq!(
            (arena.remove(first), arena.get(first), arena.len()),
            (None, None, 0)
        );
        assert_eq!(arena.reserve().unwrap(), 1);
        let second = arena.insert(2).unwrap();
        assert_ne!(second, first);
        assert_eq!(arena.get(first), None);
        assert_eq!(arena.get_mut(second), Some(&mut 2));
        assert_eq!(arena.get(Id::from_number(0)), None);
        assert_eq!(arena.get(Id::from_number(u64::MAX)), None);
    }

    /// Random pushes, pops and removals, compared with a deque.
    #[test]
    fn lists_keep_their_order() {
        let mut state = 1u64;
        let mut draw = move |below: usize| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 33) as usize % below
        };
        let (mut arena, mut links, mut list) =
            (Arena::default(), Links::default(), List::default());
        let mut expected = std::collections::VecDeque::new();
        for n in 0..50_000 {
            match draw(4) {
                0 | 1 if expected.len() < 50 => {
                    let places = arena.reserve().unwrap();
                    links.reserve(places).unwrap();
                    let id = arena.insert(n).unwrap();
                    if draw(2) == 0 {
                        links.push_back(&mut list, id);
                        expected.push_back(id);
                    } else {
                        links.push_front(&mut list, id);
                        expected.push_front(id);
                    }
                }
                2 => {
                    let first = links.pop_front(&mut list);
                    assert_eq!(first, expected.pop_front());
                    assert_eq!(
                        first.is_some(),
                        first.and_then(|id| arena.remove(id)).is_some()
                    );
                }
                _ if !expected.is_empty() => {
                    let id = expected.remove(draw(expected.len())).unwrap();
                    links.remove(&mut list, id);
                    arena.remove(id).unwrap();
                }
                _ => {}
            }
            let mut at = list.first();
            for id in &expected {
                assert_eq!(at, Some(*id));
                at = links.behind(*id);
            }
            assert_eq!(
                (at, list.is_empty(), arena.len()),
                (None, expected.is_empty(), expected.len())
            );
        }
    }
}
