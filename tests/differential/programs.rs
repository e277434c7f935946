// Every program in this folder, sorted; tests/differential.rs makes a comparison and a valgrind run of each.
programs! {
}
