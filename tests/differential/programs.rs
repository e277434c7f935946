// Every program in this folder, sorted; tests/differential.rs makes a comparison and a valgrind run of each.
programs! {
    async_trace
    format_argv
    format_conversions
    format_grammar
    format_long
    format_random
    reader_alloc
    reader_errors
    reader_feed
    reader_numbers
    reader_replies
    reader_splits
    reader_table
    reader_types
    sds_create
    sds_edit
    sds_grow
    sds_obuf
    sds_oom
    sds_print
    sds_split
}
