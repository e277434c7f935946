//! Contract section 7 beyond what the comparison with the C library shows (`differential/sds_*.c`).

mod support;

use support::{Build, Hiredis};

/// Contract section 11, number 37.
#[test]
fn defect_37_is_fixed() {
    let program = Build::new("c/regressions_sds.c").build();
    assert_eq!(program.on(Hiredis::Ours).success(), "37: fixed\n");
}

#[test]
fn defect_37_is_fixed_under_memcheck() {
    let program = Build::new("c/regressions_sds.c").build();
    program.on(Hiredis::Ours).valgrind().success();
}
