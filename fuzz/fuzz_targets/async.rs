//! An asynchronous context and a scripted server in one process: commands of every kind, replies in any portions and bytes
//! of any kind, callbacks that issue, subscribe, unsubscribe, disconnect, free and exchange hooks, on a clock of its own. Every
//! callback exactly once, hooks balanced, nothing leaked. The driver is `tests/c/async_random.c`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| hiredis_fuzz::drive_async(input));
