# Everything worth a command; the work is done by cargo and by scripts/.

TARGET := $(or $(CARGO_TARGET_DIR),target)
STAGE := $(abspath $(TARGET))/stage
PREFIX ?= /usr/local
DESTDIR ?=
INCLUDEDIR ?= include
LIBDIR ?= lib

all:
	scripts/ensure-tools pkg-config libssl
	cargo build --release --lib -p hiredis -p hiredis-ssl
	scripts/libraries "$(TARGET)/release"

demo:
	scripts/ensure-tools gcc $(if $(REDIS_URL),,redis-server)
	$(MAKE) --no-print-directory -s stage
	scripts/demo $(STAGE)

test: tools oracle
	cargo build --release --lib -p hiredis -p hiredis-ssl
	cargo test --release --workspace --tests --examples
	# Apart, since tests install the library, which may build it anew: cargo would try the examples on what it built before.
	cargo test --release --workspace --doc

# make soak-faults SECONDS=600 SEED=7: random faults for a while; without SEED another each time
soak-faults: tools
	FAULTS_SECONDS=$(or $(SECONDS),600) $(if $(SEED),FAULTS_SEED=$(SEED)) \
	  cargo test --release --test faults random_schedules -- --exact --nocapture

# Resident memory over a hundred million commands, reconnects and subscriptions among them; some minutes.
soak: tools
	cargo test --release --test soak -- --ignored --nocapture

tools:
	scripts/ensure-tools redis-server libevent valgrind strace openssl libssl pkg-config gcc g++ cmake libjemalloc2 \
	  libev libuv glib libivykis libsystemd qt5 qt6

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

stage:
	$(MAKE) --no-print-directory -s install DESTDIR= PREFIX=$(STAGE) LIBDIR=lib INCLUDEDIR=include >/dev/null

bench-tls: tools oracle stage
	scripts/bench-tls

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

install: all
	scripts/install "$(TARGET)/release" "$(DESTDIR)" "$(PREFIX)" "$(INCLUDEDIR)" "$(LIBDIR)"

uninstall:
	scripts/install --remove "$(DESTDIR)" "$(PREFIX)" "$(INCLUDEDIR)" "$(LIBDIR)"

# Debian packages of the libraries, in target/deb.
deb: all
	scripts/deb "$(TARGET)/release" "$(TARGET)/deb"

# What Debian 13's apt makes of them; by hand, as root.
check-deb: deb
	scripts/check-deb "$(TARGET)/deb" "$(abspath $(TARGET))/debian13-apt"

.PHONY: all demo test soak soak-faults tools oracle bench bench-quick bench-tls fuzz fuzz-quick stage headers headers-check abi-check abidiff deny asan install uninstall deb check-deb
