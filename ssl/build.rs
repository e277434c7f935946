//! Gives the shared library the SONAME of the hiredis release whose ABI it exports, and binds its
//! calls to itself.

const SONAME: &str = "libhiredis_ssl.so.1.4.0";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,{SONAME}");
    // Its one variable stays to be looked up: an executable may hold a copy of it.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-Bsymbolic-functions");
}
