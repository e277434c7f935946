//! Compiles the drivers of `tests/c` that draw their choices from the fuzzer's bytes.

use std::path::Path;

fn main() {
    let drivers = Path::new("../tests/c");
    println!("cargo:rerun-if-changed={}", drivers.display());
    let sanitized = std::env::var("CARGO_CFG_SANITIZE").is_ok_and(|s| s.contains("address"));
    for name in ["async_random", "clients_random"] {
        let mut build = cc::Build::new();
        build.file(drivers.join(name).with_extension("c"));
        build.include("../include").define("FUZZED", None);
        if sanitized {
            build.flag("-fsanitize=address");
        }
        build.compile(name);
    }
    // Time passes as the driver says.
    println!("cargo:rustc-link-arg-bin=async=-Wl,--wrap=clock_gettime");
}
