//! The sessions of connections that were given names of their own: a slot for each pair of names, for the pairs used last.

use crate::process;
use crate::session::SessionSlot;
use core::cell::UnsafeCell;
use core::ffi::CStr;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicUsize, Ordering};
use libc::c_char;

/// So many pairs of names have sessions. A session takes a few KiB, most of it for the server's certificates.
const LIMIT: usize = 256;

/// What one connection is to have otherwise than its context says: the name told to the server, and the name to verify.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    pub(crate) server: Option<&'a CStr>,
    pub(crate) verify: Option<&'a CStr>,
}

impl Names<'_> {
    pub(crate) const NONE: Self = Self {
        server: None,
        verify: None,
    };

    pub(crate) fn are_none(&self) -> bool {
        self.server.is_none() && self.verify.is_none()
    }
}

/// The sessions of one pair of names, which stand behind the structure, in its block. Its connections hold it, too, so that it may
/// leave the list before them.
pub(crate) struct Named {
    holders: AtomicUsize,
    pub(crate) sessions: SessionSlot,
    /// The list's, under its lock.
    next: *mut Named,
    /// NULL for none.
    server: *const c_char,
    verify: *const c_char,
}

impl Named {
    /// A slot that its caller holds; `None` without memory.
    fn new(names: Names) -> Option<NonNull<Self>> {
        let len = |name: Option<&CStr>| name.map_or(0, |name| name.to_bytes_with_nul().len());
        let new = process::allocate_zeroed_with::<Self>(len(names.server) + len(names.verify))?;
        // SAFETY: the block is new and has room for both names; zeroes are a value of every field.
        unsafe {
            let this = new.as_ptr();
            let place = this.add(1).cast::<c_char>();
            (*this).holders = AtomicUsize::new(1);
            (*this).server = keep(place, names.server);
            (*this).verify = keep(place.add(len(names.server)), names.verify);
        }
        Some(new)
    }

    fn is_for(&self, names: Names) -> bool {
        same(self.server, names.server) && same(self.verify, names.verify)
    }

    /// One more holder.
    pub(crate) fn hold(&self) {
        self.holders.fetch_add(1, Ordering::Relaxed);
    }

    /// One holder less; the last one frees.
    ///
    /// # Safety
    /// The caller is a holder, and is none afterwards.
    pub(crate) unsafe fn release(named: NonNull<Self>) {
        // SAFETY: the caller's share keeps the block until here; after the last share nobody has it.
        unsafe {
            if named.as_ref().holders.fetch_sub(1, Ordering::AcqRel) == 1 {
                named.as_ref().sessions.clear();
                process::release(named.as_ptr());
            }
        }
    }
}

/// Copies a name to `place`, and returns where it stands now; NULL for none.
///
/// # Safety
/// The name and its NUL fit there.
unsafe fn keep(place: *mut c_char, name: Option<&CStr>) -> *const c_char {
    let Some(name) = name else {
        return null_mut();
    };
    let bytes = name.to_bytes_with_nul();
    // SAFETY: the caller's promise; the block is new.
    unsafe { place.copy_from_nonoverlapping(bytes.as_ptr().cast(), bytes.len()) };
    place
}

fn same(kept: *const c_char, name: Option<&CStr>) -> bool {
    // SAFETY: what is kept is NULL or NUL-terminated.
    let kept = (!kept.is_null()).then(|| unsafe { CStr::from_ptr(kept) });
    kept == name
}

/// The slots of a context. Connections of several threads share them.
pub(crate) struct NamedSessions {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    list: UnsafeCell<List>,
}

/// The pair of names that was used last comes first.
struct List {
    first: *mut Named,
    count: usize,
}

impl NamedSessions {
    /// May be moved until it is used for the first time.
    pub(crate) const fn new() -> Self {
        let list = List {
            first: null_mut(),
            count: 0,
        };
        Self {
            mutex: UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER),
            list: UnsafeCell::new(list),
        }
    }

    /// The slot of these names, which the caller then holds; `None` without memory.
    pub(crate) fn slot(&self, names: Names) -> Option<NonNull<Named>> {
        if let Some(known) = self.with(|list| list.find(names)) {
            return Some(known);
        }
        let new = Named::new(names)?;
        // SAFETY: the slot is live. Another thread may have put one of these names there meanwhile: that one is not found any more,
        // and becomes the last.
        unsafe {
            new.as_ref().hold();
            if let Some(last) = self.with(|list| list.add(new)) {
                Named::release(last);
            }
        }
        Some(new)
    }

    /// Forgets all names. Connections go on with the slots that they hold, which nobody else finds.
    pub(crate) fn clear(&self) {
        while let Some(first) = self.with(List::remove_first) {
            // SAFETY: the list's share is given up.
            unsafe { Named::release(first) }
        }
    }

    /// Calls `work` with the list, for one thread at a time. It calls nothing of the program's, whose allocator may leave by an
    /// exception.
    fn with<R>(&self, work: impl FnOnce(&mut List) -> R) -> R {
        // SAFETY: the mutex is initialised, and does not move any more; the list is this thread's while the mutex is.
        unsafe {
            libc::pthread_mutex_lock(self.mutex.get());
            let result = work(&mut *self.list.get());
            libc::pthread_mutex_unlock(self.mutex.get());
            result
        }
    }
}

impl List {
    /// The slot of these names, held once more, and first from here on.
    fn find(&mut self, names: Names) -> Option<NonNull<Named>> {
        let mut place: *mut *mut Named = &raw mut self.first;
        // SAFETY: the list holds what it consists of, and the caller has its lock.
        unsafe {
            while let Some(named) = NonNull::new(*place) {
                let this = named.as_ptr();
                if (*this).is_for(names) {
                    *place = (*this).next;
                    (*this).next = self.first;
                    self.first = this;
                    (*this).hold();
                    return Some(named);
                }
                place = &raw mut (*this).next;
            }
        }
        None
    }

    /// Puts a slot first. Returns the last one, with the list's share, if that is one too many.
    ///
    /// # Safety
    /// `new` is live, in no list, and one share of it becomes the list's.
    unsafe fn add(&mut self, new: NonNull<Named>) -> Option<NonNull<Named>> {
        // SAFETY: the caller's promise; otherwise as in `find`.
        unsafe {
            (*new.as_ptr()).next = self.first;
            self.first = new.as_ptr();
            self.count += 1;
            if self.count <= LIMIT {
                return None;
            }
            let mut place: *mut *mut Named = &raw mut self.first;
            while !(**place).next.is_null() {
                place = &raw mut (**place).next;
            }
            self.count -= 1;
            NonNull::new(core::mem::replace(&mut *place, null_mut()))
        }
    }

    /// Takes the first slot out, with the list's share.
    fn remove_first(&mut self) -> Option<NonNull<Named>> {
        let first = NonNull::new(self.first)?;
        // SAFETY: as in `find`.
        self.first = unsafe { first.as_ref() }.next;
        self.count -= 1;
        Some(first)
    }
}
