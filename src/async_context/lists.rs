//! The lists of callbacks that programs see, `replies` and `sub.replies`. Nodes are blocks of their
//! own, which programs walk and may free. So a node is looked up by its number each time: a command
//! whose node is gone has nobody to be told, and no other command takes its place.

use super::pending::Serial;
use super::{AsyncContext, Flow, Receiver, has_flag, run};
use crate::alloc;
use crate::layout::{REDIS_FREEING, REDIS_SUBSCRIBED, redisCallback, redisCallbackList};
use core::ptr::{NonNull, null_mut};

/// Nodes that a context keeps for the next commands.
const MAX_SPARE: u32 = 16;

/// The number of a node that stands for a feed and waits for nothing.
const FEED: Serial = Serial::MAX;

/// A node: what programs see, and behind it what is ours.
#[repr(C)]
pub(super) struct Node {
    c: redisCallback,
    /// The number of the command in `Pending`.
    serial: Serial,
}

/// Nodes out of use.
pub(super) struct Spare {
    first: *mut Node,
    count: u32,
}

/// How many commands wait for a reply in each of the lists.
#[derive(Clone, Copy, Default)]
pub(super) struct Waiting {
    pub(super) replies: usize,
    pub(super) subscribed: usize,
}

impl Spare {
    pub(super) const fn new() -> Self {
        Self {
            first: null_mut(),
            count: 0,
        }
    }
}

/// A node with this callback, or `None` if memory is short. It is in no list yet.
pub(super) unsafe fn new_node(ac: *mut AsyncContext, receiver: Receiver) -> Option<NonNull<Node>> {
    // SAFETY: the caller's context is live; spare nodes are in no list, so nobody else has them.
    unsafe {
        let spare = &mut (*ac).spare;
        let node = match NonNull::new(spare.first) {
            Some(node) => {
                spare.first = next(node);
                spare.count -= 1;
                node
            }
            None => NonNull::new(alloc::allocate(size_of::<Node>()).cast::<Node>())?,
        };
        node.write(Node {
            c: redisCallback {
                next: null_mut(),
                r#fn: receiver.function,
                pending_subs: 0,
                unsubscribe_sent: 0,
                privdata: receiver.privdata,
            },
            serial: FEED,
        });
        (*ac).nodes += 1;
        Some(node)
    }
}

/// The node behind one in a list.
unsafe fn next(node: NonNull<Node>) -> *mut Node {
    // SAFETY: the caller's node is live, and lists link nodes of this type only.
    unsafe { (*node.as_ptr()).c.next.cast() }
}

/// Takes back a node that is in no list.
pub(super) unsafe fn release_node(ac: *mut AsyncContext, node: NonNull<Node>) {
    // SAFETY: the caller's context is live and gives the node up.
    unsafe {
        (*ac).nodes = (*ac).nodes.saturating_sub(1);
        let spare = &mut (*ac).spare;
        if spare.count == MAX_SPARE {
            alloc::release(node.as_ptr());
            return;
        }
        (*node.as_ptr()).c.next = spare.first.cast();
        spare.first = node.as_ptr();
        spare.count += 1;
    }
}

/// Frees the nodes out of use.
pub(super) unsafe fn release_spare(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live; a node is out of the chain before it is freed.
    unsafe {
        while let Some(node) = NonNull::new((*ac).spare.first) {
            (*ac).spare.first = next(node);
            alloc::release(node.as_ptr());
        }
        (*ac).spare.count = 0;
    }
}

/// Appends a node, which waits for a reply, to the list that suits the mode.
#[inline]
pub(super) unsafe fn push_waiting(ac: *mut AsyncContext, node: NonNull<Node>, serial: Serial) {
    // SAFETY: the caller's context is live, and its node in no list.
    unsafe {
        if has_flag(ac, REDIS_SUBSCRIBED) {
            (*ac).waiting.subscribed += 1;
        } else {
            (*ac).waiting.replies += 1;
        }
        push_silent(ac, node, serial);
    }
}

/// The same for a node that waits for nothing.
#[inline]
pub(super) unsafe fn push_silent(ac: *mut AsyncContext, node: NonNull<Node>, serial: Serial) {
    // SAFETY: as in `push_waiting`.
    unsafe {
        (*node.as_ptr()).serial = serial;
        let list = if has_flag(ac, REDIS_SUBSCRIBED) {
            &raw mut (*ac).c.sub.replies
        } else {
            &raw mut (*ac).c.replies
        };
        push(list, node);
    }
}

/// Appends the node of a `MONITOR` to `replies`, whatever the mode, as the C library does.
pub(super) unsafe fn push_monitor(ac: *mut AsyncContext, node: NonNull<Node>, serial: Serial) {
    // SAFETY: as in `push_waiting`.
    unsafe {
        (*node.as_ptr()).serial = serial;
        (*ac).waiting.replies += 1;
        push(&raw mut (*ac).c.replies, node);
    }
}

/// Appends a node that stands for a feed to `replies`. Returns who takes the feed.
pub(super) unsafe fn push_feed(ac: *mut AsyncContext, node: NonNull<Node>) -> Receiver {
    // SAFETY: as in `push_waiting`.
    unsafe {
        (*node.as_ptr()).serial = FEED;
        (*ac).feeds = (*ac).feeds.saturating_add(1);
        push(&raw mut (*ac).c.replies, node);
        Receiver {
            function: node.as_ref().c.r#fn,
            privdata: node.as_ref().c.privdata,
        }
    }
}

/// Whether any command waits for a reply. A program may have emptied the lists.
pub(super) unsafe fn is_waiting(ac: *const AsyncContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe {
        let subscribed = (*ac).waiting.subscribed > 0 && !(*ac).c.sub.replies.head.is_null();
        subscribed || is_reply_awaited(ac)
    }
}

/// The same of the commands in `replies` alone, for which a disconnect waits.
pub(super) unsafe fn is_reply_awaited(ac: *const AsyncContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe { (*ac).waiting.replies > 0 && !(*ac).c.replies.head.is_null() }
}

unsafe fn push(list: *mut redisCallbackList, node: NonNull<Node>) {
    // SAFETY: the caller's list is live, and the node is in no list.
    unsafe {
        (*node.as_ptr()).c.next = null_mut();
        match (*list).tail.as_mut() {
            Some(tail) => tail.next = node.as_ptr().cast(),
            None => (*list).head = node.as_ptr().cast(),
        }
        (*list).tail = node.as_ptr().cast();
    }
}

/// Removes the first node.
unsafe fn shift(list: *mut redisCallbackList) -> Option<NonNull<Node>> {
    // SAFETY: the caller's list is live.
    unsafe {
        let head: NonNull<Node> = NonNull::new((*list).head)?.cast();
        (*list).head = next(head).cast();
        if (*list).head.is_null() {
            (*list).tail = null_mut();
        }
        Some(head)
    }
}

/// The number of the first node that does not stand for a feed. Feeds move to the end.
unsafe fn first(ac: *mut AsyncContext, list: *mut redisCallbackList) -> Option<Serial> {
    // SAFETY: the caller's list is the context's, and its nodes are live.
    unsafe {
        for _ in 0..=(*ac).feeds {
            let head: *mut Node = (*list).head.cast();
            match head.as_ref()?.serial {
                FEED => {
                    let node = shift(list)?;
                    push(list, node);
                }
                serial => return Some(serial),
            }
        }
        None
    }
}

/// Takes the node of an answered command out of its list. `None` if the program has freed it.
pub(super) unsafe fn take(ac: *mut AsyncContext, serial: Serial) -> Option<NonNull<Node>> {
    // SAFETY: the caller's context is live.
    unsafe {
        let replies = &raw mut (*ac).c.replies;
        if first(ac, replies) == Some(serial) {
            (*ac).waiting.replies = (*ac).waiting.replies.saturating_sub(1);
            return shift(replies);
        }
        let subscribed = &raw mut (*ac).c.sub.replies;
        if first(ac, subscribed) == Some(serial) {
            (*ac).waiting.subscribed = (*ac).waiting.subscribed.saturating_sub(1);
            return shift(subscribed);
        }
        None
    }
}

/// The callback of a node, which is taken back.
pub(super) unsafe fn receiver_of(ac: *mut AsyncContext, node: NonNull<Node>) -> Receiver {
    // SAFETY: the caller's context is live, and gives up the node, which is in no list.
    unsafe {
        let receiver = Receiver {
            function: node.as_ref().c.r#fn,
            privdata: node.as_ref().c.privdata,
        };
        release_node(ac, node);
        receiver
    }
}

/// Gives NULL to the callbacks of the commands before `end`, in their order. They are not answered.
pub(super) unsafe fn fail_before(ac: *mut AsyncContext, end: Serial) -> Flow {
    // SAFETY: the caller's context is live, and stays so while callbacks run; a node is out of its
    // list when its callback runs.
    unsafe {
        loop {
            let replies = &raw mut (*ac).c.replies;
            let subscribed = &raw mut (*ac).c.sub.replies;
            let before = |serial: &Serial| *serial < end;
            let list = match (
                first(ac, replies).filter(before),
                first(ac, subscribed).filter(before),
            ) {
                (None, None) => return Flow::Continue,
                (Some(one), Some(other)) if other < one => subscribed,
                (None, Some(_)) => subscribed,
                _ => replies,
            };
            let Some(node) = shift(list) else {
                return Flow::Continue;
            };
            let serial = node.as_ref().serial;
            let receiver = receiver_of(ac, node);
            if receiver.function.is_some() {
                (*ac).pending.told(serial);
            }
            run(ac, receiver, null_mut());
            if has_flag(ac, REDIS_FREEING) {
                return Flow::Stop;
            }
        }
    }
}

/// Gives NULL to the callbacks of the commands in `replies` that were issued before `end`.
pub(super) unsafe fn fail_replies(ac: *mut AsyncContext, end: Serial) {
    // SAFETY: as in `fail_before`.
    unsafe {
        let list = &raw mut (*ac).c.replies;
        while first(ac, list).is_some_and(|serial| serial < end) {
            let Some(node) = shift(list) else { return };
            let receiver = receiver_of(ac, node);
            run(ac, receiver, null_mut());
        }
    }
}

/// Gives NULL to every callback of a list, and to those that are added meanwhile.
pub(super) unsafe fn fail_all(ac: *mut AsyncContext, list: *mut redisCallbackList) {
    // SAFETY: as in `fail_before`.
    unsafe {
        while let Some(node) = shift(list) {
            let receiver = receiver_of(ac, node);
            run(ac, receiver, null_mut());
        }
    }
}

/// The commands before `end`, which were not to be answered, are answered after all.
pub(super) unsafe fn await_before(ac: *mut AsyncContext, end: Serial) {
    // SAFETY: the caller's context is live, and so are the nodes in its lists.
    unsafe {
        let count = |list: *mut redisCallbackList| {
            let mut count = 0;
            let mut node: *const Node = (*list).head.cast();
            while let Some(one) = node.as_ref() {
                count += usize::from(one.serial < end);
                node = one.c.next.cast();
            }
            count
        };
        (*ac).waiting.replies += count(&raw mut (*ac).c.replies);
        (*ac).waiting.subscribed += count(&raw mut (*ac).c.sub.replies);
    }
}

/// Moves the nodes of `sub.replies` to `replies`, among those that stand there, by their numbers.
pub(super) unsafe fn leave_subscribed_mode(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live; a node is in one list at a time.
    unsafe {
        let (to, from) = (&raw mut (*ac).c.replies, &raw mut (*ac).c.sub.replies);
        let waiting = core::mem::take(&mut (*ac).waiting.subscribed);
        (*ac).waiting.replies += waiting;
        let mut place: *mut *mut redisCallback = &raw mut (*to).head;
        while let Some(node) = shift(from) {
            let serial = node.as_ref().serial;
            while let Some(other) = (*place).cast::<Node>().as_ref()
                && (other.serial < serial || other.serial == FEED)
            {
                place = &raw mut (*(*place)).next;
            }
            (*node.as_ptr()).c.next = *place;
            *place = node.as_ptr().cast();
            if (*node.as_ptr()).c.next.is_null() {
                (*to).tail = node.as_ptr().cast();
            }
            place = &raw mut (*node.as_ptr()).c.next;
        }
    }
}
