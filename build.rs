//! Gives the shared library the SONAME of the hiredis release whose ABI it exports, binds its calls
//! to itself, and refuses targets whose C-variadic calling convention `src/capi/variadic.rs` does
//! not know.

use std::path::Path;

const SONAME: &str = "libhiredis.so.1.4.0";

/// What the dynamic linker looks up in the whole process: the allocator table, which an executable
/// may hold a copy of, and the functions whose addresses stand in tables (`src/capi/tables.rs`).
/// All other names lead to the library itself, whatever else exports them.
const LOOKED_UP: &str = "{ hiredisAllocFns; freeReplyObject; redisAsyncRead; redisAsyncWrite; \
                         redisNetClose; redisNetRead; redisNetWrite; };";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let arch = std::env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    if !matches!(arch.as_str(), "x86_64" | "aarch64") {
        println!(
            "cargo:error=hiredis supports x86_64 and aarch64 only, not {arch}: its C-variadic entry points are written for these two"
        );
    }
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,{SONAME}");
    // Threads that have read replies call the library once more when they end, and may do so long
    // after a program has closed it.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    let list = std::env::var("OUT_DIR").map(|dir| Path::new(&dir).join("looked-up"));
    match list.map(|list| (std::fs::write(&list, LOOKED_UP), list)) {
        Ok((Ok(()), list)) => {
            println!(
                "cargo:rustc-cdylib-link-arg=-Wl,--dynamic-list={}",
                list.display()
            );
        }
        _ => println!("cargo:error=the list of what is looked up cannot be written to OUT_DIR"),
    }
}
