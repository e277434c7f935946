//! The stack of tasks, which the functions of a program's own table see. A reader that never had
//! such a table has none of its own: the tasks that it shows are shared and blank.

use super::Reader;
use crate::alloc;
use crate::error::Error;
use crate::layout::redisReadTask;
use core::cell::UnsafeCell;
use core::ptr::null_mut;
use libc::{c_int, c_void};

/// Tasks that the stack grows by.
const TASK_STEP: c_int = 9;

/// A task, and behind what programs see of it what is ours.
#[repr(C)]
struct Task {
    c: redisReadTask,
    /// Siblings that follow; `c.idx` is too narrow to count them.
    left: i64,
}

/// What the fresh stack of every reader that needs none shows: one blank task, in each place.
struct Stack([*const redisReadTask; TASK_STEP as usize]);

// SAFETY: the library writes neither the stack nor its task.
unsafe impl Sync for Stack {}

static BLANK: Stack = Stack([BLANK_TASK.0.get().cast_const(); TASK_STEP as usize]);

/// In memory that a program may write to, should one do so.
struct Writable(UnsafeCell<redisReadTask>);

// SAFETY: as above.
unsafe impl Sync for Writable {}

static BLANK_TASK: Writable = Writable(UnsafeCell::new(redisReadTask {
    r#type: 0,
    elements: 0,
    idx: 0,
    obj: null_mut(),
    parent: null_mut(),
    privdata: null_mut(),
}));

/// Shows the blank stack.
pub(super) fn show_blank(reader: &mut Reader) {
    reader.c.task = (&raw const BLANK.0).cast_mut().cast();
    reader.c.tasks = TASK_STEP;
    reader.task_slots = 0;
}

/// Makes sure that the reader has a stack of its own.
pub(super) unsafe fn own_tasks(reader: *mut Reader) -> Result<(), Error> {
    // SAFETY: the caller's reader is live.
    unsafe {
        if (*reader).task_slots > 0 {
            return Ok(());
        }
        (*reader).c.task = null_mut();
        (*reader).c.tasks = 0;
        grow_tasks(reader).inspect_err(|_| {
            free_tasks(reader);
            show_blank(&mut *reader);
        })
    }
}

/// Makes `TASK_STEP` more tasks, in one block: tasks keep their addresses. The array that points to
/// them may move, and doubles, so that depth costs no more than it must.
pub(super) unsafe fn grow_tasks(reader: *mut Reader) -> Result<(), Error> {
    // SAFETY: the caller's reader is live and has a stack of its own, or none; `tasks` counts the
    // entries of its array.
    unsafe {
        let tasks = (*reader).c.tasks;
        let target = tasks.checked_add(TASK_STEP).ok_or(Error::OutOfMemory)?;
        if target > (*reader).task_slots {
            let slots = target.max((*reader).task_slots.saturating_mul(2));
            let size = slots as usize * size_of::<*mut redisReadTask>();
            let array = alloc::reallocate((*reader).c.task.cast(), size);
            if array.is_null() {
                return Err(Error::OutOfMemory);
            }
            (*reader).c.task = array.cast();
            (*reader).task_slots = slots;
        }
        let block = alloc::allocate_zeroed(TASK_STEP as usize, size_of::<Task>());
        if block.is_null() {
            return Err(Error::OutOfMemory);
        }
        for index in 0..TASK_STEP as usize {
            let place = (*reader).c.task.add(tasks as usize + index);
            place.write(block.cast::<Task>().add(index).cast());
        }
        (*reader).c.tasks = target;
        Ok(())
    }
}

/// Frees the stack, if it is the reader's own.
pub(super) unsafe fn free_tasks(reader: *mut Reader) {
    // SAFETY: the caller's reader is live; each block's first task stands at a multiple of the step.
    unsafe {
        if (*reader).task_slots == 0 {
            return;
        }
        for index in (0..(*reader).c.tasks).step_by(TASK_STEP as usize) {
            alloc::release(*(*reader).c.task.offset(index as isize));
        }
        alloc::release((*reader).c.task);
        (*reader).task_slots = 0;
    }
}

/// Goes down to the first element of an aggregate.
pub(super) unsafe fn enter(
    reader: *mut Reader,
    task: *mut redisReadTask,
    object: *mut c_void,
    elements: usize,
) {
    // SAFETY: the caller's reader and task are live, and there is a task for the level below.
    unsafe {
        let c = &mut (*reader).c;
        (*task).elements = elements as i64;
        (*task).obj = object;
        c.ridx += 1;
        let child = *c.task.offset(c.ridx as isize);
        (*child.cast::<Task>()).left = elements as i64 - 1;
        (*child).idx = 0;
        (*child).parent = task;
        (*child).privdata = c.privdata;
        begin_item(child);
    }
}

/// Finishes an item: goes on to its next sibling, or up to the first level that has one.
#[inline(always)]
pub(super) unsafe fn leave(reader: *mut Reader, task: *mut redisReadTask) {
    // SAFETY: the caller's reader and task are live. An item that is no aggregate has changed
    // nothing but the task's type.
    unsafe {
        if next_sibling(task) {
            (*task).r#type = -1;
        } else {
            leave_level(reader, task);
        }
    }
}

/// Goes up from a level's last item.
unsafe fn leave_level(reader: *mut Reader, task: *mut redisReadTask) {
    // SAFETY: the caller's reader and task are live, and so is every level above.
    unsafe {
        let c = &mut (*reader).c;
        let mut task = task;
        while c.ridx > 0 {
            c.ridx -= 1;
            task = (*task).parent;
            if next_sibling(task) {
                begin_item(task);
                return;
            }
        }
        c.ridx = -1;
    }
}

/// Makes a task its next sibling's, where there is one.
#[inline(always)]
unsafe fn next_sibling(task: *mut redisReadTask) -> bool {
    // SAFETY: the caller's task is live, and one of the reader's own.
    unsafe {
        let left = &mut (*task.cast::<Task>()).left;
        if *left <= 0 {
            return false;
        }
        *left -= 1;
        (*task).idx = (*task).idx.wrapping_add(1);
        true
    }
}

/// Sets a task up for an item whose type is not known yet.
#[inline]
pub(super) unsafe fn begin_item(task: *mut redisReadTask) {
    // SAFETY: the caller's task is live.
    unsafe {
        (*task).r#type = -1;
        (*task).elements = -1;
        (*task).obj = null_mut();
    }
}
