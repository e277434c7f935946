//! Lists of callbacks. Nodes are blocks of their own, which programs walk and may free.

use super::AsyncContext;
use crate::alloc;
use crate::layout::{redisCallback, redisCallbackFn, redisCallbackList};
use core::ptr::{NonNull, null_mut};
use libc::{c_int, c_void};

/// Nodes that a context keeps for the next commands.
const MAX_SPARE: u32 = 16;

/// A node: what programs see, and for subscriptions what they do not.
#[repr(C)]
pub(super) struct Node {
    pub(super) c: redisCallback,
    /// The `SSUBSCRIBE` that subscribed last.
    pub(super) batch: u32,
    /// The server has confirmed the subscription at least once.
    pub(super) confirmed: bool,
}

/// What a node in a list of commands stands for; kept in `unsubscribe_sent`, which only
/// subscriptions use otherwise.
pub(super) mod mark {
    use libc::c_int;
    /// A command with one reply.
    pub(in super::super) const COMMAND: c_int = 0;
    /// `MONITOR`, not yet confirmed.
    pub(in super::super) const MONITOR: c_int = 1;
    /// `MONITOR`, confirmed: takes the feed and waits for nothing.
    pub(in super::super) const FEED: c_int = 2;
    /// A command that the server will not answer (`CLIENT REPLY`).
    pub(in super::super) const SILENT: c_int = 3;
    /// `SSUBSCRIBE`: answered by `pending_subs` confirmations, or an error.
    pub(in super::super) const SHARDS: c_int = 4;
}

/// Nodes out of use.
pub(super) struct Spare {
    first: *mut redisCallback,
    count: u32,
}

impl Spare {
    pub(super) fn new() -> Self {
        Self {
            first: null_mut(),
            count: 0,
        }
    }
}

/// A node with the given callback, or `None` when out of memory.
pub(super) unsafe fn new_node(
    ac: *mut AsyncContext,
    function: Option<redisCallbackFn>,
    privdata: *mut c_void,
    mark: c_int,
) -> Option<NonNull<redisCallback>> {
    // SAFETY: the caller's context is live; spare nodes are ours alone.
    unsafe {
        let spare = &mut (*ac).spare;
        let node = match NonNull::new(spare.first) {
            Some(node) => {
                spare.first = (*node.as_ptr()).next;
                spare.count -= 1;
                node.cast::<Node>()
            }
            None => NonNull::new(alloc::allocate(size_of::<Node>()).cast::<Node>())?,
        };
        node.write(Node {
            c: redisCallback {
                next: null_mut(),
                r#fn: function,
                pending_subs: 0,
                unsubscribe_sent: mark,
                privdata,
            },
            batch: 0,
            confirmed: false,
        });
        (*ac).nodes += 1;
        Some(node.cast())
    }
}

/// Takes back a node that is in no list.
pub(super) unsafe fn release_node(ac: *mut AsyncContext, node: NonNull<redisCallback>) {
    // SAFETY: the caller's context is live and gives the node up.
    unsafe {
        (*ac).nodes -= 1;
        let spare = &mut (*ac).spare;
        if spare.count == MAX_SPARE {
            alloc::release(node.as_ptr());
            return;
        }
        (*node.as_ptr()).next = spare.first;
        spare.first = node.as_ptr();
        spare.count += 1;
    }
}

/// Frees the nodes out of use.
pub(super) unsafe fn release_spare(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        let mut next = (*ac).spare.first;
        (*ac).spare = Spare::new();
        while !next.is_null() {
            let node = next;
            next = (*node).next;
            alloc::release(node);
        }
    }
}

/// Appends a node.
pub(super) unsafe fn push(list: *mut redisCallbackList, node: NonNull<redisCallback>) {
    // SAFETY: the caller's list is live, and the node is in no list.
    unsafe {
        (*node.as_ptr()).next = null_mut();
        match (*list).tail.as_mut() {
            Some(tail) => tail.next = node.as_ptr(),
            None => (*list).head = node.as_ptr(),
        }
        (*list).tail = node.as_ptr();
    }
}

/// Removes the first node.
pub(super) unsafe fn shift(list: *mut redisCallbackList) -> Option<NonNull<redisCallback>> {
    // SAFETY: the caller's list is live.
    unsafe {
        let head = NonNull::new((*list).head)?;
        (*list).head = (*head.as_ptr()).next;
        if (*list).head.is_null() {
            (*list).tail = null_mut();
        }
        Some(head)
    }
}

/// Removes the first node that `wanted` accepts.
pub(super) unsafe fn remove_first(
    list: *mut redisCallbackList,
    wanted: impl Fn(&redisCallback) -> bool,
) -> Option<NonNull<redisCallback>> {
    // SAFETY: the caller's list is live.
    unsafe {
        let mut previous: *mut redisCallback = null_mut();
        let mut current = (*list).head;
        while let Some(node) = NonNull::new(current) {
            let next = (*current).next;
            if wanted(node.as_ref()) {
                match previous.as_mut() {
                    Some(previous) => previous.next = next,
                    None => (*list).head = next,
                }
                if next.is_null() {
                    (*list).tail = previous;
                }
                return Some(node);
            }
            previous = current;
            current = next;
        }
    }
    None
}

/// The first node that `wanted` accepts.
pub(super) unsafe fn find(
    list: *const redisCallbackList,
    wanted: impl Fn(&redisCallback) -> bool,
) -> Option<NonNull<redisCallback>> {
    // SAFETY: the caller's list is live.
    unsafe {
        let mut current = (*list).head;
        while let Some(node) = NonNull::new(current) {
            if wanted(node.as_ref()) {
                return Some(node);
            }
            current = (*current).next;
        }
    }
    None
}

/// Moves all nodes of `from` behind those of `to`.
pub(super) unsafe fn append(to: *mut redisCallbackList, from: *mut redisCallbackList) {
    // SAFETY: the caller's lists are live and distinct.
    unsafe {
        while let Some(node) = shift(from) {
            push(to, node);
        }
    }
}
