//! Formatted commands, given to a context in blocks of exactly their size: taken are those that hold one command and nothing
//! else, the output buffer grows by what is taken, and in the end each callback has been called as often as it has to.
#![no_main]

use hiredis::capi::r#async::{
    redisAsyncConnectWithOptions, redisAsyncFormattedCommand, redisAsyncFree,
};
use hiredis::layout::*;
use hiredis_fuzz::{Choices, arguments, text_of};
use libfuzzer_sys::fuzz_target;
use std::collections::HashMap;
use std::ffi::c_void;
use std::mem::zeroed;

const MOST: usize = 16;

/// Calls of one command's callback.
unsafe extern "C-unwind" fn count(
    _: *mut redisAsyncContext,
    reply: *mut c_void,
    calls: *mut c_void,
) {
    assert!(reply.is_null());
    // SAFETY: each callback has a counter of its own, which outlives the context.
    unsafe { *calls.cast::<usize>() += 1 }
}

/// What is pending: commands, and the channels of subscriptions with who has asked last.
#[derive(Default)]
struct Pending {
    commands: Vec<usize>,
    channels: HashMap<(u8, Vec<u8>), usize>,
}

/// The kind of subscription that a command is about, with whether it subscribes.
fn pubsub(name: &[u8]) -> Option<(u8, bool)> {
    Some(match &name.to_ascii_lowercase()[..] {
        b"subscribe" => (0, true),
        b"psubscribe" => (1, true),
        b"ssubscribe" => (2, true),
        b"unsubscribe" => (0, false),
        b"punsubscribe" => (1, false),
        b"sunsubscribe" => (2, false),
        _ => return None,
    })
}

impl Pending {
    /// Notes a command that is one; tells whether it is taken. Without a subscription none can be left.
    fn takes(&mut self, arguments: &[&[u8]], issuer: usize) -> bool {
        let kind = match pubsub(arguments[0]) {
            Some((kind, false)) => {
                return self
                    .channels
                    .keys()
                    .any(|(other, _)| (*other == 2) == (kind == 2));
            }
            Some((kind, true)) if arguments.len() > 1 => kind,
            _ => {
                self.commands.push(issuer);
                return true;
            }
        };
        for channel in &arguments[1..] {
            self.channels.insert((kind, channel.to_vec()), issuer);
        }
        true
    }
}

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices(input);
    let mut calls = [0usize; MOST];
    let mut pending = Pending::default();
    // SAFETY: the context lives until it is freed, and the counters longer.
    unsafe {
        let mut options: redisOptions = zeroed();
        options.r#type = REDIS_CONN_USERFD;
        options.endpoint.fd = -1;
        let ac = redisAsyncConnectWithOptions(&options);
        for (issuer, calls) in calls.iter_mut().enumerate() {
            let len = choices.below(400);
            let bytes: Box<[u8]> = choices.take(len).into();
            let before = text_of((*ac).c.obuf).to_vec();
            let taken = redisAsyncFormattedCommand(
                ac,
                Some(count),
                (&raw mut *calls).cast(),
                bytes.as_ptr().cast(),
                bytes.len(),
            );
            let arguments = arguments(&bytes).filter(|arguments| !arguments.is_empty());
            let takes = arguments.is_some_and(|arguments| pending.takes(&arguments, issuer));
            assert_eq!(taken == REDIS_OK, takes, "{}", bytes.escape_ascii());
            let queued = if takes { &bytes[..] } else { b"" };
            assert_eq!(text_of((*ac).c.obuf), [&before, queued].concat());
        }
        redisAsyncFree(ac);
    }
    for (issuer, calls) in calls.into_iter().enumerate() {
        let issued = |owner: &&usize| **owner == issuer;
        let commands = pending.commands.iter().filter(issued).count();
        let channels = pending.channels.values().filter(issued).count();
        assert_eq!(calls, commands + channels, "calls of command {issuer}");
    }
});
