//! Replies taken apart, mended, mixed with replies made by hand and freed in any order, on other threads too, with
//! allocators exchanged in between: what is left holds what it held, nothing is freed twice or leaked. The driver is
//! `tests/c/clients_random.c`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| hiredis_fuzz::drive_replies(input));
