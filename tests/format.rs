//! Command formatting beyond what the comparison with the C library shows (`differential/format_*.c`):
//! contract section 11, number 18, and allocations that fail.

mod support;

use support::{Build, Hiredis, Program};

fn program(name: &str) -> Program {
    Build::new(format!("c/{name}.c")).build()
}

#[test]
fn defect_18_is_fixed() {
    program("format_limits").on(Hiredis::Ours).success();
}

#[test]
fn defect_18_is_fixed_under_memcheck() {
    program("format_limits")
        .on(Hiredis::Ours)
        .valgrind()
        .success();
}

#[test]
fn every_allocation_may_fail() {
    program("format_oom").on(Hiredis::Ours).success();
}

#[test]
fn every_allocation_may_fail_under_memcheck() {
    program("format_oom").on(Hiredis::Ours).valgrind().success();
}
