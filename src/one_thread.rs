//! Finds programs that use one context in two threads at once, in debug builds: every call notes its
//! context while it runs, and the first call that finds another thread's note says so. In release
//! builds there is nothing of this.

use core::ffi::CStr;

/// A call of the interface, from its beginning to the end of its life.
pub(crate) struct Call {
    #[cfg(debug_assertions)]
    note: Option<&'static notes::Note>,
}

impl Call {
    /// Notes that the calling thread uses `subject`, a context or a reader or NULL, in the function
    /// `name`.
    #[inline(always)]
    pub(crate) fn begin<T>(subject: *const T, name: &'static CStr) -> Self {
        #[cfg(debug_assertions)]
        return Self {
            note: notes::write(subject as usize, name),
        };
        #[cfg(not(debug_assertions))]
        {
            let _ = (subject, name);
            Self {}
        }
    }
}

#[cfg(debug_assertions)]
impl Drop for Call {
    fn drop(&mut self) {
        if let Some(note) = self.note {
            note.end();
        }
    }
}

/// `subject` is about to be freed: its address may soon be another's, in another thread.
#[inline(always)]
pub(crate) fn gone<T>(subject: *const T) {
    #[cfg(debug_assertions)]
    notes::forget(subject as usize);
    #[cfg(not(debug_assertions))]
    let _ = subject;
}

#[cfg(debug_assertions)]
mod notes {
    use core::ffi::CStr;
    use core::ptr::null_mut;
    use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering::SeqCst};
    use libc::c_char;
    use std::io::Write;

    /// Calls that can run at once; beyond, some are not noted.
    const NOTES: usize = 256;

    /// Bytes of stack that two calls by one function may begin apart.
    const NEAR: usize = 1024;

    /// Instead of a subject's address: nobody's note, one being written, one whose subject is gone.
    const FREE: usize = 0;
    const BEING_WRITTEN: usize = 1;
    const GONE: usize = 2;

    pub(super) struct Note {
        subject: AtomicUsize,
        /// Process and thread: what a forked child finds noted is not its own.
        thread: AtomicU64,
        name: AtomicPtr<c_char>,
        /// Where on its thread's stack the call began.
        frame: AtomicUsize,
    }

    static ALL: [Note; NOTES] = [const {
        Note {
            subject: AtomicUsize::new(FREE),
            thread: AtomicU64::new(0),
            name: AtomicPtr::new(null_mut()),
            frame: AtomicUsize::new(0),
        }
    }; NOTES];

    static REPORTED: AtomicBool = AtomicBool::new(false);

    fn this_thread() -> u64 {
        // SAFETY: both only tell numbers.
        unsafe { (libc::getpid() as u64) << 32 | libc::gettid() as u64 }
    }

    /// Notes a call, and reports it where another thread is in a call with the same subject.
    #[inline(never)]
    pub(super) fn write(subject: usize, name: &'static CStr) -> Option<&'static Note> {
        if subject == 0 {
            return None;
        }
        let thread = this_thread();
        let frame = (&raw const thread) as usize;
        // What longjmp has left would be deeper on the stack than this, or about as deep. (To forget
        // a call that still runs is no harm: less is found.)
        let abandoned = |note: &&Note| {
            let same = note.subject.load(SeqCst) == subject;
            note.thread.load(SeqCst) == thread
                && note.frame.load(SeqCst) < if same { frame + NEAR } else { frame }
        };
        ALL.iter().filter(abandoned).for_each(Note::erase);
        let note = ALL.iter().find(|note| {
            let subject = &note.subject;
            subject
                .compare_exchange(FREE, BEING_WRITTEN, SeqCst, SeqCst)
                .is_ok()
        })?;
        note.thread.store(thread, SeqCst);
        note.name.store(name.as_ptr().cast_mut(), SeqCst);
        note.frame.store(frame, SeqCst);
        note.subject.store(subject, SeqCst);
        let of_process = |other: u64| other >> 32 == thread >> 32;
        let intruded = ALL.iter().find(|other| {
            let by = other.thread.load(SeqCst);
            other.subject.load(SeqCst) == subject && by != thread && of_process(by)
        });
        if let Some(other) = intruded {
            report(subject, other, note);
        }
        Some(note)
    }

    /// No call has this subject any more.
    pub(super) fn forget(subject: usize) {
        for note in &ALL {
            let _ = note.subject.compare_exchange(subject, GONE, SeqCst, SeqCst);
        }
    }

    impl Note {
        /// The call has ended. Its note may have been taken for an abandoned one.
        pub(super) fn end(&self) {
            if self.thread.load(SeqCst) == this_thread() {
                self.erase();
            }
        }

        fn erase(&self) {
            self.thread.store(0, SeqCst);
            self.subject.store(FREE, SeqCst);
        }
    }

    fn report(subject: usize, one: &Note, other: &Note) {
        if REPORTED.swap(true, SeqCst) {
            return;
        }
        let number = |note: &Note| note.thread.load(SeqCst) as u32;
        // SAFETY: what was noted has a name, which lives for ever.
        let name = |note: &Note| unsafe { CStr::from_ptr(note.name.load(SeqCst)) };
        let (thread, inside) = (number(one), name(one).to_string_lossy());
        let (other_thread, call) = (number(other), name(other).to_string_lossy());
        // There is nobody to be told where this fails.
        let _ = writeln!(
            std::io::stderr(),
            "hiredis: two threads use {subject:#x} at once: {thread} is in {inside}, {other_thread} calls {call}"
        );
    }
}
