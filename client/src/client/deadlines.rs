//! When requests are due, without an allocation and without a search for each: a wheel of slots of a
//! few milliseconds each, through which time goes round and round.

use super::arena::{Id, Links, List};
use crate::text::OutOfMemory;
use crate::time::Time;

/// Microseconds of a slot: a request is due so much late at most.
const SLOT: Time = 8192;
/// Slots of the wheel. What is due later than one turn of it stays in its slot for another turn.
const SLOTS: usize = 1024;
const WORDS: usize = SLOTS / 64;

/// Where in the wheel a request is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(usize);

/// Requests by the time when they are due.
#[derive(Debug)]
pub(super) struct Deadlines {
    slots: Box<[List]>,
    links: Links,
    /// Which slots hold something.
    filled: [u64; WORDS],
    /// The slot, since the beginning, up to which all was taken.
    done: u64,
}

impl Deadlines {
    pub(super) fn new() -> Result<Self, OutOfMemory> {
        let mut slots = Vec::new();
        slots.try_reserve_exact(SLOTS)?;
        slots.resize(SLOTS, List::default());
        Ok(Self {
            slots: slots.into_boxed_slice(),
            links: Links::default(),
            filled: [0; WORDS],
            done: 0,
        })
    }

    /// Makes room for requests in so many places.
    pub(super) fn reserve(&mut self, places: usize) -> Result<(), OutOfMemory> {
        self.links.reserve(places)
    }

    /// Adds a request that is not in the wheel. Returns its place, for `remove`.
    pub(super) fn add(&mut self, id: Id, due: Time) -> Place {
        // What is overdue is taken next.
        let place = (due / SLOT).max(self.done) as usize % SLOTS;
        if let Some(slot) = self.slots.get_mut(place) {
            self.links.push_back(slot, id);
        }
        self.mark(place, true);
        Place(place)
    }

    /// Takes out a request that is in this place.
    pub(super) fn remove(&mut self, id: Id, place: Place) {
        self.remove_from(place.0, id);
    }

    fn remove_from(&mut self, place: usize, id: Id) {
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        self.links.remove(slot, id);
        if slot.is_empty() {
            self.mark(place, false);
        }
    }

    /// Takes out the next request that is due. `due_of` is the time that a request was added for.
    pub(super) fn next(&mut self, now: Time, due_of: impl Fn(Id) -> Time) -> Option<Id> {
        let end = now / SLOT;
        while self.done < end {
            // A whole turn visits every slot.
            self.done = self.done.max(end.saturating_sub(SLOTS as u64));
            let place = (self.done % SLOTS as u64) as usize;
            let mut at = self.slots.get(place).and_then(List::first);
            while let Some(id) = at {
                if due_of(id) / SLOT <= self.done {
                    self.remove_from(place, id);
                    return Some(id);
                }
                at = self.links.behind(id);
            }
            self.done += 1;
        }
        None
    }

    /// When `next` is to be called again; `None` if nothing is there. It may be earlier than
    /// anything is due, by whole turns of the wheel.
    pub(super) fn wake(&self) -> Option<Time> {
        let start = self.done as usize % SLOTS;
        let filled = self.filled_from(start).or_else(|| self.filled_from(0))?;
        let ahead = (filled + SLOTS - start) % SLOTS;
        Some((self.done + ahead as u64 + 1) * SLOT)
    }

    /// The first slot that holds something, from a place on.
    fn filled_from(&self, place: usize) -> Option<usize> {
        let mut mask = u64::MAX << (place % 64);
        for (n, word) in self.filled.iter().enumerate().skip(place / 64) {
            if word & mask != 0 {
                return Some(n * 64 + (word & mask).trailing_zeros() as usize);
            }
            mask = u64::MAX;
        }
        None
    }

    fn mark(&mut self, place: usize, filled: bool) {
        if let Some(word) = self.filled.get_mut(place / 64) {
            let bit = 1 << (place % 64);
            *word = if filled { *word | bit } else { *word & !bit };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::arena::Arena;
    use std::collections::HashMap;

    /// Random requests, near and far, removals, and time in steps of all sizes: nothing is early, or
    /// later than a slot after the wheel was asked at the time that it named.
    #[test]
    fn all_come_in_time() {
        let mut state = 1u64;
        let mut draw = move |below: u64| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 33) % below
        };
        let mut wheel = Deadlines::new().unwrap();
        let mut arena: Arena<Time> = Arena::default();
        let mut places = HashMap::new();
        let mut now: Time = 0;
        let (mut fired, mut turns) = (0, 0);
        while fired < 20_000 {
            turns += 1;
            for _ in 0..draw(4) {
                let room = arena.reserve().unwrap();
                wheel.reserve(room).unwrap();
                let due = match draw(4) {
                    0 => now.saturating_sub(draw(100_000)),
                    1 => now + draw(30_000_000),
                    _ => now + draw(200_000),
                };
                let id = arena.insert(due).unwrap();
                places.insert(id, (wheel.add(id, due), due.max(now)));
            }
            if draw(3) == 0
                && let Some(id) = places.keys().copied().next()
            {
                wheel.remove(id, places.remove(&id).unwrap().0);
                arena.remove(id).unwrap();
            }
            let next = wheel.wake();
            assert_eq!(next.is_some(), arena.len() > 0);
            now = match next {
                Some(wake) if draw(2) == 0 => wake.max(now),
                _ => now + draw(50_000),
            };
            while let Some(id) = wheel.next(now, |id| *arena.get(id).unwrap()) {
                let due = arena.remove(id).unwrap();
                places.remove(&id).unwrap();
                assert!(due <= now, "early");
                fired += 1;
            }
            // What was overdue when it came counts from then.
            let overdue = places.values().filter(|(_, from)| *from + SLOT <= now);
            assert_eq!(overdue.count(), 0, "late at {now}");
        }
        assert!(turns > 1000);
    }

    #[test]
    fn a_long_pause_takes_everything_once() {
        let mut wheel = Deadlines::new().unwrap();
        let mut arena: Arena<Time> = Arena::default();
        for n in 0..5000u64 {
            let room = arena.reserve().unwrap();
            wheel.reserve(room).unwrap();
            let id = arena.insert(n * 20_000).unwrap();
            wheel.add(id, n * 20_000);
        }
        let mut taken = 0;
        while let Some(id) = wheel.next(1 << 40, |id| *arena.get(id).unwrap()) {
            arena.remove(id).unwrap();
            taken += 1;
        }
        assert_eq!((taken, wheel.wake()), (5000, None));
    }
}
