//! Timers: of attachments, for their contexts' timeouts, and of programs. A binary heap by time,
//! whose entries know their timers, and whose timers know their place in it.
#![forbid(unsafe_code)]

use super::slab::{Key, Slab};
use libc::c_void;
use std::time::Instant;

/// A function of the program, and its argument.
#[derive(Clone, Copy)]
pub(crate) struct Function {
    pub(crate) function: unsafe extern "C-unwind" fn(data: *mut c_void),
    pub(crate) data: *mut c_void,
}

/// What is due when a timer is.
#[derive(Clone, Copy)]
pub(super) enum Due {
    /// The attachment with this key.
    Attachment(Key),
    /// A program's function; the timer is gone afterwards.
    Function(Function),
}

struct Timer {
    due: Due,
    /// Where in the heap, while it is set.
    place: Option<usize>,
}

/// Timers that are set for the same time go off in the order in which they were set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Time {
    at: Instant,
    order: u64,
}

#[derive(Clone, Copy)]
struct Entry {
    time: Time,
    timer: Key,
}

pub(super) struct Timers {
    timers: Slab<Timer>,
    /// Has room for every timer.
    heap: Vec<Entry>,
    order: u64,
}

impl Timers {
    pub(super) const fn new() -> Self {
        Self {
            timers: Slab::new(),
            heap: Vec::new(),
            order: 0,
        }
    }

    /// A timer that is not set yet. `None` where memory is short.
    pub(super) fn create(&mut self, due: Due) -> Option<Key> {
        let wanted = self.timers.len() + 1 - self.heap.len();
        self.heap.try_reserve(wanted).ok()?;
        self.timers.insert(Timer { due, place: None })
    }

    /// Sets a timer, also one that is set already.
    pub(super) fn set(&mut self, timer: Key, at: Instant) {
        self.unset(timer);
        if self.timers.get(timer).is_none() {
            return;
        }
        let order = self.order;
        self.order += 1;
        let time = Time { at, order };
        let place = self.heap.len();
        if super::slab::push(&mut self.heap, Entry { time, timer }) {
            self.rise(place);
        }
    }

    pub(super) fn unset(&mut self, timer: Key) {
        let Some(place) = self
            .timers
            .get_mut(timer)
            .and_then(|timer| timer.place.take())
        else {
            return;
        };
        if let Some(last) = self.heap.pop()
            && place < self.heap.len()
        {
            self.put(place, last);
            self.rise(place);
            self.sink(place);
        }
    }

    /// Whether there was such a timer.
    pub(super) fn remove(&mut self, timer: Key) -> bool {
        self.unset(timer);
        self.timers.remove(timer).is_some()
    }

    pub(super) fn due(&self, timer: Key) -> Option<Due> {
        Some(self.timers.get(timer)?.due)
    }

    /// When the next timer goes off.
    pub(super) fn next(&self) -> Option<Instant> {
        Some(self.heap.first()?.time.at)
    }

    /// What those timers have in common that are set from now on.
    pub(super) fn order(&self) -> u64 {
        self.order
    }

    /// Unsets and returns the first timer that was to go off by `now` and was set before `order`.
    pub(super) fn take_due(&mut self, now: Instant, order: u64) -> Option<Key> {
        let first = self.heap.first()?;
        if first.time.at > now || first.time.order >= order {
            return None;
        }
        let timer = first.timer;
        self.unset(timer);
        Some(timer)
    }

    fn time(&self, place: usize) -> Option<Time> {
        Some(self.heap.get(place)?.time)
    }

    fn put(&mut self, place: usize, entry: Entry) {
        if let Some(slot) = self.heap.get_mut(place) {
            *slot = entry;
        }
        if let Some(timer) = self.timers.get_mut(entry.timer) {
            timer.place = Some(place);
        }
    }

    fn exchange(&mut self, a: usize, b: usize) {
        if let (Some(&first), Some(&second)) = (self.heap.get(a), self.heap.get(b)) {
            self.put(a, second);
            self.put(b, first);
        }
    }

    fn rise(&mut self, mut place: usize) {
        if let Some(&entry) = self.heap.get(place) {
            self.put(place, entry);
        }
        while place > 0 {
            let parent = (place - 1) / 2;
            if self.time(parent) <= self.time(place) {
                break;
            }
            self.exchange(place, parent);
            place = parent;
        }
    }

    fn sink(&mut self, mut place: usize) {
        loop {
            let children = [2 * place + 1, 2 * place + 2];
            let earlier = children
                .into_iter()
                .filter_map(|child| Some((self.time(child)?, child)))
                .min();
            match earlier {
                Some((time, child)) if Some(time) < self.time(place) => {
                    self.exchange(place, child);
                    place = child;
                }
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Due, Key, Timers};
    use std::time::{Duration, Instant};

    fn timers(count: usize) -> (Timers, Vec<Key>) {
        let mut timers = Timers::new();
        let due = Due::Attachment(Key::from_bits(0));
        let keys = (0..count)
            .map(|_| timers.create(due).expect("memory"))
            .collect();
        (timers, keys)
    }

    /// Setting a timer cannot fail: each has its place from the beginning.
    #[test]
    fn room_is_made_when_a_timer_is_created() {
        for count in [1, 10, 1000] {
            let (timers, _) = timers(count);
            assert!(timers.heap.capacity() >= count);
        }
    }

    #[test]
    fn go_off_in_order_of_time_then_of_setting() {
        let (mut timers, keys) = timers(200);
        let begin = Instant::now();
        let mut random = 1_u64;
        let mut expected = vec![];
        for (i, key) in keys.iter().enumerate() {
            random = random.wrapping_mul(6364136223846793005).wrapping_add(1);
            let at = begin + Duration::from_millis(random >> 60);
            timers.set(*key, begin);
            timers.set(*key, at);
            if i % 3 == 0 {
                assert!(timers.remove(*key) && !timers.remove(*key));
            } else {
                expected.push((at, i));
            }
        }
        expected.sort();
        let end = begin + Duration::from_secs(1);
        for (at, i) in expected {
            assert_eq!(timers.next(), Some(at));
            assert_eq!(timers.take_due(end, timers.order()), Some(keys[i]));
        }
        assert_eq!(timers.next(), None);
    }

    /// The last timer of the heap takes the place of one under a later parent.
    #[test]
    fn order_survives_a_timer_taken_from_the_middle() {
        let (mut timers, keys) = timers(15);
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let set = [0, 10, 1, 11, 12, 2, 3, 13, 14, 15, 16, 4, 5, 6, 7];
        for (key, ms) in keys.iter().zip(set) {
            timers.set(*key, at(ms));
        }
        timers.unset(keys[3]);
        for ms in [0, 1, 2, 3, 4, 5, 6, 7, 10, 12] {
            assert_eq!(timers.next(), Some(at(ms)));
            assert!(timers.take_due(at(20), timers.order()).is_some());
        }
    }

    #[test]
    fn neither_early_nor_in_the_round_they_were_set_in() {
        let (mut timers, keys) = timers(2);
        let now = Instant::now();
        timers.set(keys[0], now + Duration::from_millis(1));
        assert_eq!(timers.take_due(now, timers.order()), None);
        let round = timers.order();
        timers.set(keys[1], now);
        assert_eq!(timers.take_due(now, round), None);
        assert_eq!(timers.take_due(now, timers.order()), Some(keys[1]));
    }
}
