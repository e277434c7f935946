//! Command formatting beyond what the comparison with the C library shows (`differential/format_*.c`):
//! contract section 11, number 18, printf's conversions, and allocations that fail.

mod support;

use std::path::PathBuf;
use std::process::Command;
use support::{Build, Hiredis, Program, empty, output};

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
fn memory_of_the_program_is_formatted_into() {
    program("format_to").on(Hiredis::Ours).success();
}

#[test]
fn memory_of_the_program_is_formatted_into_under_memcheck() {
    program("format_to").on(Hiredis::Ours).valgrind().success();
}

#[test]
fn every_allocation_may_fail() {
    program("format_oom").on(Hiredis::Ours).success();
}

#[test]
fn every_allocation_may_fail_under_memcheck() {
    program("format_oom").on(Hiredis::Ours).valgrind().success();
}

/// As many as are promised to be compared; `format_printf COUNT SEED` by hand does others.
const RANDOM_FORMATS: &str = "1000000";

fn printf_formats() -> Program {
    Build::new("c/format_printf.c")
        .flag("-Wno-format")
        .flag("-lm")
        .build()
}

#[test]
fn conversions_are_those_of_printf() {
    let said = printf_formats()
        .on(Hiredis::Ours)
        .arg(RANDOM_FORMATS)
        .success();
    assert!(said.starts_with("1000000 formats, 0 differences"), "{said}");
}

#[test]
fn conversions_are_those_of_printf_under_memcheck() {
    printf_formats()
        .on(Hiredis::Ours)
        .arg("2000")
        .valgrind()
        .success();
}

/// German writes 1.000.000 and 1000,5; Persian has digits of its own, of several bytes each.
#[test]
fn conversions_follow_the_locale() {
    let (program, locales) = (printf_formats(), locales(&["de_DE", "fa_IR"]));
    let said = |locale| {
        let run = program.on(Hiredis::Ours).env("LOCPATH", &locales);
        run.arg("100000").arg("1").arg(locale).success()
    };
    let german = said("de_DE.UTF-8");
    assert!(
        german.ends_with("1000.5 is 1000,5, 1000000 is 1.000.000\n"),
        "{german}"
    );
    said("fa_IR.UTF-8");
}

/// A folder with these locales, made of what Debian's package `locales` has.
fn locales(names: &[&str]) -> PathBuf {
    let folder = empty("locales");
    for name in names {
        let made = folder.join(format!("{name}.UTF-8"));
        output(
            Command::new("localedef")
                .args(["-i", name, "-f", "UTF-8"])
                .arg(made),
        );
    }
    folder
}
