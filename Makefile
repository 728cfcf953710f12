# make run    installs what is missing, builds, starts Tramway and deploys examples/hello
# make stop   ends everything that `make run` started; the data stays
# make test   installs what the tests need and runs them all
# make install   puts it on this machine, with units for systemd; again: upgrades it
# make help   lists the other targets

BUILD ?= build
VERSION ?= 0.1.0
CC    ?= gcc
PKGS  := libuv libmicrohttpd libcurl jansson sqlite3 libcrypto libcrypt libarchive yaml-0.1
WARN  := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
         -Wwrite-strings -Wformat=2 -Wundef -Wconversion -Wno-sign-conversion -fno-common -Werror
OPT   ?= -O2 -g -D_FORTIFY_SOURCE=3 -fstack-protector-strong
HARD  ?= -fPIE
LINK  ?= -pie -Wl,-z,relro,-z,now
SAN   ?=
# Asked when a compile really happens: pkg-config itself is among what `make deps` installs.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $$(shell pkg-config --libs $(PKGS)) -lwslay -lutil -pthread)$(PKG_LIBS)
CPPFLAGS  += -D_GNU_SOURCE -Isrc -I$(BUILD)/gen -Itests/unit
CFLAGS     = -std=gnu17 $(WARN) $(OPT) $(HARD) $(SAN)
COMPILE    = $(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) -MMD -MP
LINKER     = $(CC) $(CFLAGS) $(LINK)

# Everything in src/ but the programs' main files is one library; a program links what it needs of it.
MAINS   := src/daemon/main.c src/cli/main.c src/loop/exec_main.c src/build/runtime_main.c src/daemon/git_ssh_main.c
SOURCES := $(filter-out $(MAINS),$(shell find src -name '*.c' | LC_ALL=C sort))
OBJECTS := $(SOURCES:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/embedded.o $(BUILD)/obj/version.o
LIBRARY := $(BUILD)/libtramway.a
PROGRAMS := $(BUILD)/tramd $(BUILD)/tram $(BUILD)/railway $(BUILD)/tramway-exec $(BUILD)/tramway-build-runtime \
            $(BUILD)/tramway-git-ssh

all: $(PROGRAMS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(COMPILE) -c -o $@ $<

EMBEDDED := api/absent.txt api/schema.graphql $(shell find src/core/templates -name '*.json' | LC_ALL=C sort) \
            $(shell find src/store/migrations -name '*.sql' | LC_ALL=C sort)
$(BUILD)/gen/embedded.c: scripts/embed.sh $(EMBEDDED)
	@mkdir -p $(@D)
	@scripts/embed.sh $(EMBEDDED) > $@.new && mv $@.new $@

# Written only when the version has changed, so that another VERSION compiles one file.
$(BUILD)/gen/version.c: FORCE
	@mkdir -p $(@D)
	@printf '#include "base/version.h"\nconst char tramway_version[] = "%s";\n' '$(VERSION)' > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(BUILD)/obj/embedded.o $(BUILD)/obj/version.o: $(BUILD)/obj/%.o: $(BUILD)/gen/%.c src/base/embedded.h src/base/version.h
	@mkdir -p $(@D)
	@$(COMPILE) -c -o $@ $<

$(LIBRARY): $(OBJECTS)
	@rm -f $@
	@ar rcs $@ $(OBJECTS)

$(BUILD)/tramd:        $(BUILD)/obj/src/daemon/main.o
$(BUILD)/tram:         $(BUILD)/obj/src/cli/main.o
$(BUILD)/tramway-exec: $(BUILD)/obj/src/loop/exec_main.o
$(BUILD)/tramway-build-runtime: $(BUILD)/obj/src/build/runtime_main.o
$(BUILD)/tramway-git-ssh: $(BUILD)/obj/src/daemon/git_ssh_main.o
$(BUILD)/tramd $(BUILD)/tram $(BUILD)/tramway-exec $(BUILD)/tramway-build-runtime $(BUILD)/tramway-git-ssh: $(LIBRARY)
	@echo "  LINK  $@"
	@$(LINKER) -o $@ $(filter %.o,$^) $(LIBRARY) $(PKG_LIBS)
$(BUILD)/railway: $(BUILD)/tram
	@ln -sf tram $@

# ---- tests ---------------------------------------------------------------------------------------

UNIT        := $(shell find tests/unit -name '*_test.c' | LC_ALL=C sort)
INTEGRATION := $(shell find tests/integration -name '*_test.c' 2>/dev/null | LC_ALL=C sort)
UNIT_PROGRAMS        := $(UNIT:%.c=$(BUILD)/%)
INTEGRATION_PROGRAMS := $(INTEGRATION:%.c=$(BUILD)/%)

$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(LIBRARY)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(LINKER) -o $@ $< $(LIBRARY) $(PKG_LIBS)

test-programs: $(UNIT_PROGRAMS) $(INTEGRATION_PROGRAMS)

# The whole suite.  scripts/test prints a line per test program and ends with "N passed, N failed".
test: deps
	@scripts/test

# What takes longest is begun first.
SLOWEST := $(patsubst %,$(BUILD)/tests/unit/core/%_test,failure moments handover)
check-unit: $(UNIT_PROGRAMS)
	@scripts/run-tests $(SLOWEST) $(filter-out $(SLOWEST),$(UNIT_PROGRAMS))

check-integration: all $(INTEGRATION_PROGRAMS)
	@scripts/run-tests $(INTEGRATION_PROGRAMS)

# The same programs under AddressSanitizer and UndefinedBehaviorSanitizer, in a build folder of their own.
# Its warnings are no errors: what gcc believes about values differs from one optimisation to the next.
ASAN := BUILD=$(BUILD)-asan OPT="-O1 -g -fno-omit-frame-pointer" \
        SAN="-fsanitize=address,undefined -fno-sanitize-recover=all -Wno-error"
check-asan:
	@$(MAKE) --no-print-directory $(ASAN) check-unit
check-asan-integration:
	@$(MAKE) --no-print-directory $(ASAN) check-integration
asan-programs:
	@$(MAKE) --no-print-directory $(ASAN) all test-programs

# Everything again with the other compiler, for its warnings; it makes no programs.
check-clang:
	@find src tests/unit tests/integration -name '*.c' -print0 | \
	  xargs -0 -n 8 -P "$$(nproc)" clang $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) -fsyntax-only

# ---- fuzzing -------------------------------------------------------------------------------------

FUZZ_SECONDS ?= 60
FUZZERS := $(patsubst tests/fuzz/%_fuzz.c,%,$(shell find tests/fuzz -name '*_fuzz.c' | LC_ALL=C sort))
FUZZ_BUILD := $(BUILD)-fuzz
$(FUZZ_BUILD)/%_fuzz: $(FUZZ_BUILD)/obj/tests/fuzz/%_fuzz.o $(FUZZ_BUILD)/libtramway.a
	@clang -fsanitize=fuzzer,address,undefined -o $@ $^ $(PKG_LIBS)
fuzz-programs: $(FUZZERS:%=$(FUZZ_BUILD)/%_fuzz)
fuzz:
	@$(MAKE) --no-print-directory BUILD=$(FUZZ_BUILD) FUZZ_BUILD=$(FUZZ_BUILD) CC=clang LINK= \
	  OPT="-O1 -g" SAN="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all" \
	  fuzz-programs
	@scripts/fuzz $(FUZZ_BUILD) $(FUZZ_SECONDS) $(FUZZERS)

# ---- running -------------------------------------------------------------------------------------

deps:
	@scripts/deps
run: deps
	@$(MAKE) --no-print-directory all
	@scripts/run
stop:
	@scripts/stop
bench: deps all $(BUILD)/tests/bench/edge_routes
	@scripts/bench
soak: deps all
	@scripts/soak
soak-pitr: deps all
	@scripts/soak-pitr
fault: deps all
	@tests/fault/run

# ---- installing: PREFIX (/usr/local), SYSCONFDIR (/etc), DESTDIR ----------------------------------

install: all
	@BUILD='$(BUILD)' scripts/install install
uninstall:
	@BUILD='$(BUILD)' scripts/install uninstall

# ---- housekeeping --------------------------------------------------------------------------------

format:
	clang-format -i $(shell find src tests -name '*.[ch]')
tidy:
	clang-tidy --quiet $(SOURCES) -- $(CPPFLAGS) $(PKG_CFLAGS) -std=gnu17
clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-clang $(FUZZ_BUILD)
help:
	@sed -n '1,5p' Makefile
	@echo "# make check-unit | check-integration | check-asan | check-clang | fuzz | bench | soak | fault | format | tidy | clean"

.PHONY: all test test-programs check-unit check-integration check-asan check-asan-integration asan-programs \
        check-clang fuzz fuzz-programs deps run stop bench soak soak-pitr fault install uninstall format tidy clean help FORCE
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
