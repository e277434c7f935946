# Everything worth a command; the work is done by cargo and by scripts/.

TARGET := $(or $(CARGO_TARGET_DIR),target)
STAGE := $(abspath $(TARGET))/stage
PREFIX ?= /usr/local
DESTDIR ?=
# What the library is built with, besides Rust.
BUILD_TOOLS := gcc pkg-config libssl
INCLUDEDIR ?= include
LIBDIR ?= lib

all: rust
	scripts/ensure-tools $(BUILD_TOOLS)
	cargo build --release --lib -p hiredis -p hiredis-ssl
	scripts/libraries "$(TARGET)/release"

rust:
	@scripts/ensure-rust

demo: rust
	@scripts/ensure-tools $(BUILD_TOOLS) $(if $(REDIS_URL),,redis-server)
	$(MAKE) --no-print-directory -s stage
	scripts/demo $(STAGE)

# Each test program runs, whatever failed before. The documentation's examples are apart, since tests install the library, which may build
# it anew: cargo would try the examples on what it built before.
test: tools oracle
	cargo build --release --lib -p hiredis -p hiredis-ssl
	cargo test --release --workspace --tests --examples --no-fail-fast; tests=$$?; \
	  cargo test --release --workspace --doc --no-fail-fast && exit $$tests

# make soak-faults SECONDS=600 SEED=7: random faults for a while; without SEED another each time
soak-faults: tools
	FAULTS_SECONDS=$(or $(SECONDS),600) $(if $(SEED),FAULTS_SEED=$(SEED)) \
	  cargo test --release --test faults random_schedules -- --exact --nocapture

# Resident memory over a hundred million commands, reconnects and subscriptions among them; some minutes.
soak: tools
	cargo test --release --test soak -- --ignored --nocapture

tools: rust
	scripts/ensure-tools $(BUILD_TOOLS) redis-server libevent valgrind strace openssl g++ cmake libjemalloc2 libtool \
	  libev libuv glib libivykis libsystemd qt5 qt6 locales

oracle:
	scripts/get-oracle target/oracle

# make bench QUICK=1: fewer runs; make bench NAMES='get.libevent.* start': some of it
bench: tools oracle stage
	scripts/ensure-tools python3
	scripts/bench $(if $(QUICK),--quick) $(NAMES)

# make bench-quick UPDATE=1: takes the ratios as they are now
bench-quick: oracle stage
	scripts/ensure-tools python3 gcc valgrind
	scripts/bench-quick $(if $(UPDATE),--update)

# make fuzz NAME=reader SECONDS=600; WITH=jemalloc or valgrind instead of the address sanitizer, LISTS=off without free lists
fuzz: oracle
	scripts/ensure-tools gcc g++ $(filter valgrind,$(WITH)) $(if $(filter jemalloc,$(WITH)),libjemalloc2)
	scripts/fuzz $(NAME) $(or $(SECONDS),60) $(or $(WITH),asan) $(or $(LISTS),on)

fuzz-quick: oracle
	scripts/ensure-tools gcc g++
	scripts/fuzz quick

stage: rust
	$(MAKE) --no-print-directory -s install DESTDIR= PREFIX=$(STAGE) LIBDIR=lib INCLUDEDIR=include >/dev/null

bench-tls: tools oracle stage
	scripts/bench-tls

# What is written from facts: the client's table of commands.
generate:
	scripts/generate

generate-check:
	scripts/generate --check

headers:
	scripts/headers

headers-check:
	scripts/headers --check

abi-check: tools oracle
	cargo test --release --test abi

# What abigail-tools say of the C library and this one.
abidiff: oracle stage
	scripts/ensure-tools abidiff
	scripts/abidiff target/oracle/usr/lib/*/ $(STAGE)/lib

# Licences, duplicates, sources and advisories of what the project is built from.
deny:
	scripts/deny

# Unit tests and C test programs under AddressSanitizer.
asan: tools
	scripts/asan

# Root may have no Rust of its own: what the user has built is installed as it is.
install: $(if $(shell command -v cargo)$(if $(wildcard $(TARGET)/release/lib/libhiredis.a),,absent),all)
	scripts/install "$(TARGET)/release" "$(DESTDIR)" "$(PREFIX)" "$(INCLUDEDIR)" "$(LIBDIR)"

uninstall:
	scripts/install --remove "$(DESTDIR)" "$(PREFIX)" "$(INCLUDEDIR)" "$(LIBDIR)"

# Debian packages of the libraries, in target/deb.
deb: all
	scripts/deb "$(TARGET)/release" "$(TARGET)/deb"

# The first five minutes on a bare Debian 12, as root and as an ordinary user; by hand, as root. TESTS=yes: make test there, too.
check-bare:
	scripts/check-bare "$(abspath $(TARGET))/debian12" $(if $(TESTS),--tests)

# What Debian 13's apt makes of them; by hand, as root.
check-deb: deb
	scripts/check-deb "$(TARGET)/deb" "$(abspath $(TARGET))/debian13-apt"

.PHONY: all generate generate-check rust demo test soak soak-faults tools oracle bench bench-quick bench-tls fuzz fuzz-quick stage headers headers-check abi-check abidiff deny asan install uninstall deb check-bare check-deb
