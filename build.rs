//! Gives the shared library the SONAME of the hiredis release whose ABI it exports, and refuses
//! targets whose C-variadic calling convention `src/capi/variadic.rs` does not know.

const SONAME: &str = "libhiredis.so.1.4.0";

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
}
