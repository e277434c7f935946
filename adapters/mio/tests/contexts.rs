//! Contexts on a program's own `mio::Poll`, against a peer that the test plays.

use hiredis::capi::r#async::{
    redisAsyncConnectUnix, redisAsyncFormattedCommand, redisAsyncFree, redisAsyncSetTimeout,
};
use hiredis::layout::{redisAsyncContext, redisCallbackFn};
use hiredis_mio::Contexts;
use libc::timeval;
use mio::{Events, Poll, Token};
use std::ffi::{CString, c_void};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

struct Peer {
    listener: UnixListener,
    path: std::path::PathBuf,
}

impl Peer {
    fn listen(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hiredis-mio-{}-{name}", std::process::id()));
        let listener = UnixListener::bind(&path).expect("a socket");
        Self { listener, path }
    }

    fn connect(&self) -> (*mut redisAsyncContext, UnixStream) {
        let path = CString::new(self.path.to_str().expect("a path")).expect("a path");
        // SAFETY: the path is NUL-terminated.
        let context = unsafe { redisAsyncConnectUnix(path.as_ptr()) };
        (context, self.listener.accept().expect("a connection").0)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What callbacks were given: replies, and NULLs.
#[derive(Default)]
struct Count {
    replies: usize,
    nulls: usize,
}

unsafe extern "C-unwind" fn count(
    _: *mut redisAsyncContext,
    reply: *mut c_void,
    privdata: *mut c_void,
) {
    // SAFETY: the argument is a `Count` that outlives the context.
    let count = unsafe { &mut *privdata.cast::<Count>() };
    if reply.is_null() {
        count.nulls += 1;
    } else {
        count.replies += 1;
    }
}

fn ping(context: *mut redisAsyncContext, into: *mut Count) {
    issue(context, count, into.cast());
}

fn issue(context: *mut redisAsyncContext, callback: redisCallbackFn, privdata: *mut c_void) {
    let command = b"*1\r\n$4\r\nPING\r\n";
    // SAFETY: the context is live, and the command as long as said.
    let status = unsafe {
        redisAsyncFormattedCommand(
            context,
            Some(callback),
            privdata,
            command.as_ptr().cast(),
            command.len(),
        )
    };
    assert_eq!(status, 0);
}

fn turn(poll: &mut Poll, redis: &Contexts) {
    let mut events = Events::with_capacity(4);
    let limit = Duration::from_millis(20);
    let timeout = redis.deadline().map_or(limit, |at| {
        at.saturating_duration_since(Instant::now()).min(limit)
    });
    poll.poll(&mut events, Some(timeout)).expect("poll");
    for event in &events {
        assert!(redis.handle(event), "an event of a stranger: {event:?}");
    }
    redis.handle_timeout();
}

fn turn_until(poll: &mut Poll, redis: &Contexts, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(10), "never");
        turn(poll, redis);
    }
}

#[test]
fn replies_ends_and_tokens() {
    let peer = Peer::listen("replies");
    let mut poll = Poll::new().expect("poll");
    let redis = Contexts::new(poll.registry()).expect("contexts");
    let mut counts = [Count::default(), Count::default()];
    let [first, second] = counts.each_mut().map(|count| &raw mut *count);

    let (a, mut peer_of_a) = peer.connect();
    let (b, mut peer_of_b) = peer.connect();
    // SAFETY: the contexts are live until the loop frees them.
    unsafe {
        redis.attach(a, Token(1)).expect("attached");
        assert!(redis.attach(a, Token(2)).is_err(), "attached already");
        assert!(redis.attach(b, Token(1)).is_err(), "the token is in use");
        redis.attach(b, Token(2)).expect("attached");
    }
    ping(a, first);
    ping(a, first);
    ping(b, second);
    assert!(!redis.is_empty());
    turn(&mut poll, &redis);
    turn(&mut poll, &redis);
    let mut sent = [0; 28];
    peer_of_a.read_exact(&mut sent).expect("two commands");
    peer_of_a.write_all(b"+PONG\r\n+PO").expect("written");
    // SAFETY: the counts are live, and no callback runs meanwhile.
    turn_until(&mut poll, &redis, || unsafe { (*first).replies } == 1);
    peer_of_a.write_all(b"NG\r\n").expect("written");
    drop(peer_of_a);
    // SAFETY: as above.
    turn_until(&mut poll, &redis, || unsafe { (*first).replies } == 2);

    // The end of the connection frees the token.
    let (c, _peer_of_c) = peer.connect();
    // SAFETY: the context is live.
    let mut attached = || unsafe { redis.attach(c, Token(1)) }.is_ok();
    turn_until(&mut poll, &redis, &mut attached);
    peer_of_b.write_all(b"+PONG\r\n").expect("written");
    // SAFETY: as above.
    turn_until(&mut poll, &redis, || unsafe { (*second).replies } == 1);
    ping(c, second);
    // SAFETY: the context is not used afterwards.
    unsafe { redisAsyncFree(c) };
    drop(redis);
    assert_eq!(
        counts.map(|count| (count.replies, count.nulls)),
        [(2, 0), (1, 1)]
    );
}

/// What a callback needs that runs the loop.
struct Nested {
    poll: *mut Poll,
    redis: *const Contexts,
    other: *mut Count,
}

unsafe extern "C-unwind" fn wait_for_the_other(
    _: *mut redisAsyncContext,
    reply: *mut c_void,
    privdata: *mut c_void,
) {
    if reply.is_null() {
        return;
    }
    // SAFETY: the argument is a `Nested`, and what it names outlives the context; nobody else uses
    // the poll while this runs.
    unsafe {
        let nested = &*privdata.cast::<Nested>();
        turn_until(&mut *nested.poll, &*nested.redis, || {
            (*nested.other).replies == 1
        });
    }
}

#[test]
fn noted_events_are_handled_by_a_loop_within_a_callback() {
    let peer = Peer::listen("noted");
    let mut poll = Poll::new().expect("poll");
    let redis = Contexts::new(poll.registry()).expect("contexts");
    let mut count = Count::default();
    let counted = &raw mut count;
    let (a, mut peer_of_a) = peer.connect();
    let (b, mut peer_of_b) = peer.connect();
    // SAFETY: the contexts are live.
    unsafe {
        redis.attach(a, Token(1)).expect("attached");
        redis.attach(b, Token(2)).expect("attached");
    }
    let mut nested = Nested {
        poll: &raw mut poll,
        redis: &raw const redis,
        other: counted,
    };
    issue(a, wait_for_the_other, (&raw mut nested).cast());
    ping(b, counted);
    let mut events = Events::with_capacity(4);
    // SAFETY: the poll is used here, or by the callback, but never by both at once.
    unsafe {
        for _ in 0..3 {
            turn(&mut *nested.poll, &redis);
        }
        for peer in [&mut peer_of_a, &mut peer_of_b] {
            peer.write_all(b"+PONG\r\n").expect("written");
        }
        (*nested.poll)
            .poll(&mut events, Some(Duration::from_secs(5)))
            .expect("poll");
        assert_eq!(events.iter().count(), 2, "both are told of, and once");
        for token in [Token(1), Token(2)] {
            let mine = events.iter().find(|event| event.token() == token);
            assert!(redis.note(mine.expect("an event of each")));
        }
        assert_eq!((*counted).replies, 0, "noting does nothing yet");
        assert!(redis.deadline().is_some_and(|at| at <= Instant::now()));
        redis.handle_timeout();
        assert_eq!((*counted).replies, 1);
    }
    drop(redis);
}

#[test]
fn a_command_times_out() {
    let peer = Peer::listen("timeout");
    let mut poll = Poll::new().expect("poll");
    let redis = Contexts::new(poll.registry()).expect("contexts");
    let mut count = Count::default();
    let counted = &raw mut count;
    let (context, _silent) = peer.connect();
    // SAFETY: the context is live.
    unsafe {
        redis.attach(context, Token(3)).expect("attached");
        redisAsyncSetTimeout(
            context,
            timeval {
                tv_sec: 0,
                tv_usec: 50_000,
            },
        );
    }
    ping(context, counted);
    assert!(redis.deadline().is_none(), "a connect without a limit");
    turn_until(&mut poll, &redis, || redis.deadline().is_some());
    let begun = Instant::now();
    turn_until(&mut poll, &redis, || redis.is_empty());
    assert!(begun.elapsed() >= Duration::from_millis(40));
    assert_eq!((count.replies, count.nulls), (0, 1));
}
