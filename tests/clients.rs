//! What existing programs do with the library beyond its documentation keeps working.

mod support;

use support::{Build, Hiredis, Program};

fn run(case: &str) {
    Build::new("c/clients.c")
        .build()
        .on(Hiredis::Ours)
        .arg(case)
        .success();
}

macro_rules! cases {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })*
    };
}

cases! {
    element_kept
    reply_assembled
    string_kept
    command_freed_plainly
    output_buffer_used
    context_copied
    lists_walked
    own_reader_table
    limits_set
    function_table_replaced
    async_table_replaced
    hooks_taken_away
    loop_data_after_cleanup
    error_written
}

#[test]
fn everything_under_valgrind() {
    Build::new("c/clients.c")
        .build()
        .on(Hiredis::Ours)
        .valgrind()
        .success();
}

fn copy_relocation(headers: Hiredis) -> Program {
    Build::new("c/clients_copyreloc.c")
        .headers(headers)
        .flag("-no-pie")
        .flag("-fno-pie")
        .build()
}

#[test]
fn allocators_by_copy_relocation() {
    let oracle = support::oracle().map(|_| Hiredis::Oracle);
    for headers in [Some(Hiredis::Ours), oracle].into_iter().flatten() {
        copy_relocation(headers).on(Hiredis::Ours).success();
    }
}

#[test]
fn copy_relocation_under_valgrind() {
    copy_relocation(Hiredis::Ours)
        .on(Hiredis::Ours)
        .valgrind()
        .success();
}
