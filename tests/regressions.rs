//! Every defect of the C library that is fixed here has a test that bears its number in contract section 11. Those of the
//! reader, of formatting and of the strings are beside their own tests.

mod support;

use support::{Build, Hiredis};

fn run(program: &str, case: &str) {
    Build::new(format!("c/{program}.c"))
        .build()
        .on(Hiredis::Ours)
        .arg(case)
        .success();
}

macro_rules! cases {
    ($program:ident: $($name:ident)*) => {
        mod $program {
            $(#[test]
            fn $name() {
                super::run(stringify!($program), stringify!($name));
            })*
        }
    };
}

cases! { regressions_sync:
    defect_1_no_sigpipe
    defect_3_close_on_exec_is_not_reuse
    defect_4_user_fd_is_known
    defect_4_user_fd_async
    defect_5_failure_has_an_error
    defect_6_port_out_of_range
    defect_7_next_address_after_refusal
    defect_7_next_address_async
    defect_8_long_path
    defect_9_full_unix_backlog
    defect_10_nodelay_without_waiting
    defect_11_bad_timeouts
    defect_11_bad_command_timeouts
    defect_11_bad_timeouts_in_options
    defect_11_signals_do_not_extend_the_timeout
    defect_11_a_trickle_does_not_extend_the_timeout
    defect_11_a_flowing_reply_may_take_longer
    defect_12_large_output_stays_an_sds
    defect_17_objects_of_other_tables
    defect_19_bad_format_leaves_the_connection
    defect_39_reconnect_keeps_settings
    defect_40_last_words
    defect_40_last_words_before_a_reset
    defect_40_many_last_words
}

cases! { regressions_async:
    defect_20_short_pushes
    defect_20_a_message_shows_pushes
    defect_21_error_reply_while_subscribed
    defect_22_sharded_resp2
    defect_22_sharded_resp3
    defect_22_sharded_by_push_callback
    defect_23_monitor_repeats_only_itself
    defect_23_monitor_disconnects
    defect_24_free_in_push_callback
    defect_24_free_in_failed_connect
    defect_25_timeout_ends
    defect_25_a_failure_without_an_error_ends
    defect_26_counts_of_one_command
    defect_27_hooks_after_cleanup
    defect_28_kept_context_disconnects
    defect_28_kept_context_without_commands
    defect_29_length_is_honoured
    defect_29_replies_for_nobody_are_freed
    defect_30_command_without_memory
    defect_30_address_is_initialised
    defect_31_subscription_is_sent_before_disconnecting
    defect_32_free_in_data_cleanup
    defect_40_last_words
    defect_40_many_last_words
}

#[test]
fn async_under_valgrind() {
    Build::new("c/regressions_async.c")
        .build()
        .on(Hiredis::Ours)
        .timeout(120)
        .valgrind()
        .success();
}

#[test]
fn sync_under_valgrind() {
    Build::new("c/regressions_sync.c")
        .build()
        .on(Hiredis::Ours)
        .timeout(120)
        .valgrind()
        .success();
}
