# Stockade: one Makefile, readable top down. New files are picked up by their place; nobody edits
# this for them. `make help` lists the targets.
#
#   core/<floor>/*.c             build/libstockade.a   (all but core/app/main.c)
#   core/app/main.c              build/stockaded       the engine
#   tools/stockade/*.c           build/stockade        the command line
#   tools/<name>/*.c             build/stockade-<name> further tools; tools/tidy is built alone
#   bench/*.c                    build/stockade-bench  where hiredis and libpq are installed
#   plugins/<name>/*.c           build/plugins/<name>.so, where there is a <name>.c (with stk_entry)
#   plugins/<name>/kinds/<k>.c   build/plugins/<name>-<k>.so: the same with this for its manifest.c
#   plugins/common/*.c           linked into each plugin
#   plugins/simulator/*.c        the market in a box, also linked into every test
#   tests/lib/*.c                linked into every test
#   tests/unit/<floor>/test_*.c  one cmocka program each
#   tests/torture/torture_*.c    one program each
#   tests/sim/*.c                build/tests/sim
#   tests/crash/crash_*.c        one program each; other .c files there are linked into each
#   tests/*/preload_*.c          shared libraries for LD_PRELOAD
#   tests/fuzz/fuzz_*.c          libFuzzer, clang; corpora: tests/fuzz/corpus/<name>/
#                                replay.c gives them inputs without it
#   tests/plugins/*.c            build/tests/plugins/*.so, one each, for tests of the loader
#   tests/abi/test_*.c           one program each; tests/abi/*.sh run as they are
#   tests/system/*.c, tests/tools/*.c   one program each; tests/system/*.sh run as they are

.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash

# ---- where and how --------------------------------------------------------------------------

# VARIANT= asan, tsan, ubsan, cov or fuzz builds the same tree below build/<variant>.
VARIANT ?=
B := build$(addprefix /,$(VARIANT))
PREFIX ?= /usr/local
DESTDIR ?=
DATA ?= data

CC := $(if $(filter fuzz,$(VARIANT)),clang,$(if $(filter default,$(origin CC)),gcc,$(CC)))
# Sanitized code is slow to compile and slower to run for -O2: -O1 there.
OPT ?= $(if $(VARIANT),-O1,-O2)
# The engine and the bench are optimised as a whole when they are linked; everything else is linked
# from the same objects in the usual way, which is quick. LTO= leaves it out.
LTO ?= $(if $(VARIANT)$(filter-out gcc%,$(CC)),,-flto=2)
# V=1 shows whole commands.
Q := $(if $(V),,@)
# The product is gcc's; what clang warns of in the fuzzers is shown and stops nothing.
WARN := -Wall -Wextra $(if $(filter fuzz,$(VARIANT)),,-Werror) -Wshadow -Wstrict-prototypes \
        -Wmissing-prototypes -Wundef

SAN_asan  := -fsanitize=address,undefined -fno-sanitize-recover=undefined
SAN_ubsan := -fsanitize=undefined -fno-sanitize-recover=undefined
# gcc's TSan does not model fences and says so; payloads beside our fences are atomics themselves.
SAN_tsan  := -fsanitize=thread -Wno-tsan
SAN_fuzz  := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
SAN_cov   := -O0 --coverage -fprofile-update=atomic
SAN := $(SAN_$(VARIANT))

CFLAGS_ALL := -std=c11 -D_GNU_SOURCE $(OPT) -g -fno-omit-frame-pointer -pthread $(WARN) \
              -fvisibility=hidden -I. -Iinclude $(SAN) $(CFLAGS)
LDFLAGS_ALL := -pthread -Wl,--as-needed $(SAN) $(if $(filter gcc%,$(CC)),-fno-lto) $(LDFLAGS)
CFLAGS_WHOLE  := $(if $(LTO),-flto -ffat-lto-objects)
LDFLAGS_WHOLE := $(if $(LTO),$(filter-out -fno-lto,$(LDFLAGS_ALL)) $(OPT) -g $(LTO),$(LDFLAGS_ALL))

# Libraries by their pkg-config names, asked once and only when something is built.
PKGS_CORE  := libevent_core libevent_pthreads msgpack lmdb libcrypto jansson yaml-0.1 libxxhash
PKGS_TEST  := cmocka
PKGS_BENCH := hiredis libpq
# $(call ask,VARIABLE,pkg-config arguments,section of tools/packages.txt[,further flags])
ask = $(eval $(1) := $(shell pkg-config $(2) 2>/dev/null || echo MISSING) $(4))$(if \
      $(findstring MISSING,$($(1))),$(error libraries are missing; run: tools/need-packages \
      $(3)),$($(1)))
CORE_CFLAGS  = $(call ask,CORE_CFLAGS,--cflags $(PKGS_CORE),run)
CORE_LIBS    = $(call ask,CORE_LIBS,--libs $(PKGS_CORE),run,-lm)
TEST_LIBS    = $(call ask,TEST_LIBS,--libs $(PKGS_TEST),test)
BENCH_CFLAGS = $(call ask,BENCH_CFLAGS,--cflags $(PKGS_BENCH),bench)
BENCH_LIBS   = $(call ask,BENCH_LIBS,--libs $(PKGS_BENCH),bench)

# As many jobs as there are cores, unless the caller said how many.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

# ---- what there is --------------------------------------------------------------------------

objects = $(patsubst %.c,$(B)/obj/%.o,$(1))

CORE_SRC  := $(filter-out core/app/main.c,$(wildcard core/*/*.c))
TOOL_DIRS := $(filter-out tidy,$(sort $(patsubst tools/%/,%,$(dir $(wildcard tools/*/*.c)))))
TOOL_SRC  := $(filter-out tools/tidy/%,$(wildcard tools/*/*.c))
BENCH_SRC := $(wildcard bench/*.c)
PLUGIN_DIRS   := $(sort $(foreach d,$(patsubst plugins/%/,%,$(dir $(wildcard plugins/*/*.c))),\
                 $(if $(wildcard plugins/$(d)/$(d).c),$(d))))
PLUGIN_COMMON := $(wildcard plugins/common/*.c)
PLUGIN_KINDS  := $(wildcard plugins/*/kinds/*.c)
plugin_kind    = $(B)/$(patsubst %.c,%.so,$(subst /kinds/,-,$(1)))
PLUGINS       := $(patsubst %,$(B)/plugins/%.so,$(PLUGIN_DIRS)) \
                 $(foreach k,$(PLUGIN_KINDS),$(call plugin_kind,$(k)))
tool_name = $(if $(filter stockade,$(1)),stockade,stockade-$(1))

PRODUCTS := $(B)/libstockade.a \
            $(if $(wildcard core/app/main.c),$(B)/stockaded) \
            $(foreach d,$(TOOL_DIRS),$(B)/$(call tool_name,$(d))) $(PLUGINS)
HAVE_BENCH = $(if $(BENCH_SRC),$(shell pkg-config --exists $(PKGS_BENCH) && echo yes))

TESTLIB_SRC  := $(wildcard tests/lib/*.c)
MARKET_SRC   := $(wildcard plugins/simulator/*.c)
TEST_PLUGIN_SRC := $(wildcard tests/plugins/*.c)
CRASH_SRC    := $(filter-out tests/crash/preload_%,$(wildcard tests/crash/*.c))
CRASH_COMMON := $(filter-out tests/crash/crash_%,$(CRASH_SRC))
SIM_SRC      := $(wildcard tests/sim/*.c)
PROMISE_SRC  := $(wildcard tests/promise/*.c)
TRADE_SRC    := $(wildcard tests/trade/*.c)
PRELOAD_SRC  := $(wildcard tests/*/preload_*.c)
# Test programs whose main stands in one file of the same name.
SINGLE_SRC   := $(filter-out tests/%/preload_%,$(wildcard tests/unit/*/test_*.c \
                tests/abi/test_*.c tests/torture/torture_*.c tests/crash/crash_*.c \
                tests/system/*.c tests/tools/*.c))
FUZZ_SRC     := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_COMMON  := $(filter-out tests/fuzz/fuzz_% tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c))

UNIT_BINS    := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*/test_*.c))
TORTURE_BINS := $(patsubst %.c,$(B)/%,$(wildcard tests/torture/torture_*.c))
ABI_BINS     := $(patsubst %.c,$(B)/%,$(wildcard tests/abi/test_*.c))
CRASH_BINS   := $(patsubst %.c,$(B)/%,$(wildcard tests/crash/crash_*.c))
SINGLE_BINS  := $(patsubst %.c,$(B)/%,$(SINGLE_SRC))
TEST_PLUGINS := $(patsubst %.c,$(B)/%.so,$(TEST_PLUGIN_SRC))
PRELOADS     := $(patsubst %.c,$(B)/%.so,$(PRELOAD_SRC))
SIM_BIN      := $(if $(SIM_SRC),$(B)/tests/sim)
PROMISE_BIN  := $(if $(PROMISE_SRC),$(B)/tests/promise)
TRADE_BIN    := $(if $(TRADE_SRC),$(B)/tests/trade)
FUZZ_BINS    := $(patsubst %.c,build/fuzz/%,$(FUZZ_SRC))
REPLAY_BINS  := $(patsubst %.c,$(B)/%,$(FUZZ_SRC))
TEST_BINS    := $(SINGLE_BINS) $(SIM_BIN) $(PROMISE_BIN) $(TRADE_BIN) $(PRELOADS) \
                $(TEST_PLUGINS) $(PLUGINS)

# ---- the product ----------------------------------------------------------------------------

.PHONY: all bench-program
all: $(PRODUCTS) bench-program

bench-program: $(if $(HAVE_BENCH),$(B)/stockade-bench)
	@$(if $(BENCH_SRC),$(if $(HAVE_BENCH),true,echo "stockade-bench is left out: hiredis or \
	libpq is missing; run: tools/need-packages bench"),true)

$(B)/libstockade.a: $(call objects,$(CORE_SRC)) $(B)/core.list
	@rm -f $@
	@echo "  AR    $@"
	$(Q)ar rcs $@ $(call objects,$(CORE_SRC))

$(B)/stockaded: $(B)/obj/core/app/main.o $(B)/libstockade.a
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_WHOLE) -o $@ $^ $(CORE_LIBS)

define tool_rule
$(B)/$(call tool_name,$(1)): $(call objects,$(wildcard tools/$(1)/*.c)) $(B)/libstockade.a
	@echo "  LINK  $$@"
	$$(Q)$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ $$(CORE_LIBS)
endef
$(foreach d,$(TOOL_DIRS),$(eval $(call tool_rule,$(d))))

$(B)/stockade-bench: $(call objects,$(BENCH_SRC)) $(B)/libstockade.a
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_WHOLE) -o $@ $^ $(CORE_LIBS) $(BENCH_LIBS)

# A plugin leaves nothing to be found at load time but libraries, and shows stk_entry alone. A
# sanitizer's own symbols come with the program.
PLUGIN_LDFLAGS := -shared $(if $(VARIANT),,-Wl,--no-undefined) $(LDFLAGS_ALL)
# $(1) the file, $(2) its sources
define plugin_rule
$(1): $(call objects,$(2) $(PLUGIN_COMMON))
	@mkdir -p $$(@D)
	@echo "  LINK  $$@"
	$$(Q)$$(CC) $$(PLUGIN_LDFLAGS) -o $$@ $$^ $$(PLUGIN_LIBS)
	$$(if $$(VARIANT),,$$(Q)tools/one-symbol $$@)
endef
$(foreach d,$(PLUGIN_DIRS),$(eval $(call plugin_rule,$(B)/plugins/$(d).so,$(wildcard \
  plugins/$(d)/*.c))))
$(foreach k,$(PLUGIN_KINDS),$(eval $(call plugin_rule,$(call plugin_kind,$(k)),$(k) $(filter-out \
  %/manifest.c,$(wildcard $(dir $(patsubst %/,%,$(dir $(k))))*.c)))))

# The list of sources; newer only when it changed, so that a removed file leaves the archive.
$(B)/core.list: FORCE
	@mkdir -p $(@D)
	@echo '$(CORE_SRC)' | cmp -s - $@ || echo '$(CORE_SRC)' > $@

# ---- objects --------------------------------------------------------------------------------

# Lent to rules where only some objects need more flags.
$(call objects,$(BENCH_SRC)): MORE_CFLAGS = $(BENCH_CFLAGS)
$(call objects,$(CORE_SRC) core/app/main.c $(BENCH_SRC)): WHOLE = $(CFLAGS_WHOLE)
$(patsubst %.c,$(B)/obj/%.o,$(PRELOAD_SRC)): MORE_CFLAGS = -fPIC
$(call objects,$(wildcard plugins/*/*.c) $(PLUGIN_KINDS) $(TEST_PLUGIN_SRC)): MORE_CFLAGS = -fPIC

$(B)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CFLAGS_ALL) $(WHOLE) $(CORE_CFLAGS) $(MORE_CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell test -d $(B)/obj && find $(B)/obj -name '*.d')

# ---- tests: programs ------------------------------------------------------------------------

.PHONY: test-programs unit-programs torture-programs fuzz-programs replay-programs
test-programs: $(TEST_BINS)
unit-programs: $(UNIT_BINS) $(TEST_PLUGINS) $(PLUGINS)
torture-programs: $(TORTURE_BINS)

# Archives, so that a test takes only what it names. tools.a lets units reach into the tools,
# market.a is the market that plugins/simulator puts in a box.
$(B)/tests/lib.a: $(call objects,$(TESTLIB_SRC)) Makefile
	@mkdir -p $(@D) && rm -f $@
	@ar rcs $@ $(filter %.o,$^)
$(B)/tests/tools.a: $(call objects,$(filter-out %/main.c,$(TOOL_SRC))) Makefile
	@mkdir -p $(@D) && rm -f $@
	@ar rcs $@ $(filter %.o,$^)
$(B)/tests/crash.a: $(call objects,$(CRASH_COMMON)) Makefile
	@mkdir -p $(@D) && rm -f $@
	@ar rcs $@ $(filter %.o,$^)
$(B)/tests/market.a: $(call objects,$(MARKET_SRC)) Makefile
	@mkdir -p $(@D) && rm -f $@
	@ar rcs $@ $(filter %.o,$^)
TEST_ARCHIVES := $(B)/tests/lib.a $(B)/tests/market.a $(B)/tests/tools.a $(B)/libstockade.a

$(SINGLE_BINS): $(B)/%: $(B)/obj/%.o $(B)/tests/crash.a $(TEST_ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(TEST_LIBS) $(CORE_LIBS)

$(B)/tests/sim: $(call objects,$(SIM_SRC)) $(TEST_ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(TEST_LIBS) $(CORE_LIBS)

$(B)/tests/promise: $(call objects,$(PROMISE_SRC)) $(TEST_ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(TEST_LIBS) $(CORE_LIBS)

$(B)/tests/trade: $(call objects,$(TRADE_SRC)) $(TEST_ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(TEST_LIBS) $(CORE_LIBS)

$(PRELOADS): $(B)/%.so: $(B)/obj/%.o
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) -shared -pthread -o $@ $^ -ldl

$(TEST_PLUGINS): $(B)/%.so: $(B)/obj/%.o
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) -shared $(LDFLAGS_ALL) -o $@ $^

replay-programs: $(REPLAY_BINS)

# The fuzzers are clang's and need every core object from clang, so they live in build/fuzz.
fuzz-programs:
	$(if $(FUZZ_SRC),@$(MAKE) $(JOBS) VARIANT=fuzz $(FUZZ_BINS))
ifeq ($(VARIANT),fuzz)
$(FUZZ_BINS): $(B)/%: $(B)/obj/%.o $(call objects,$(FUZZ_COMMON)) $(TEST_ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) -fsanitize=fuzzer $(LDFLAGS_ALL) -o $@ $^ $(CORE_LIBS)
else
# Everywhere else: the same inputs, one after the other, without libFuzzer.
$(REPLAY_BINS): $(B)/%: $(B)/obj/%.o $(B)/obj/tests/fuzz/replay.o \
                         $(call objects,$(FUZZ_COMMON)) $(TEST_ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(CORE_LIBS)
endif

# ---- tests: runs ----------------------------------------------------------------------------
# tests/lib/run-tests runs suites one after the other and counts; sizes come from tests/tiers.txt.

.PHONY: packages test test-run nightly release-check abi units torture promise trade sim crash fuzz
.PHONY: asan tsan ubsan
packages:
	@tools/need-packages run test

test: packages
	@$(MAKE) --no-print-directory $(JOBS) short-programs
	@tests/lib/run-tests --tier test tidy abi units units:asan torture torture:tsan promise trade sim \
	    crash fuzz system

nightly release-check: packages
	@$(MAKE) --no-print-directory $(JOBS) short-programs long-programs
	@tests/lib/run-tests --tier $@ tidy abi units units:asan units:ubsan torture torture:tsan promise \
	    trade sim sim:asan crash fuzz system

# What `make test` runs, and what only the longer runs need.
.PHONY: short-programs long-programs
short-programs: all test-programs tidy-program
	@$(MAKE) --no-print-directory fuzz-programs
	@$(MAKE) --no-print-directory VARIANT=asan unit-programs
	@$(MAKE) --no-print-directory VARIANT=tsan torture-programs
long-programs: short-programs
	@$(MAKE) --no-print-directory VARIANT=asan test-programs
	@$(MAKE) --no-print-directory VARIANT=ubsan unit-programs

units torture: all test-programs
	@tests/lib/run-tests $@
abi: all $(ABI_BINS) $(TEST_PLUGINS)
	@tests/lib/run-tests abi
promise: all $(PROMISE_BIN)
	@tests/lib/run-tests --show promise
trade: all $(TRADE_BIN)
	@tests/lib/run-tests --show trade
sim: all $(SIM_BIN)
	@tests/lib/run-tests --show sim
crash: all $(CRASH_BINS) $(PRELOADS)
	@$(if $(CYCLES),CRASH_CYCLES=$(CYCLES) TIMEOUT_CRASH=$$((480 + 20 * $(CYCLES)))) \
	    tests/lib/run-tests --show crash
fuzz: fuzz-programs
	@tests/lib/run-tests fuzz
asan tsan ubsan:
	@$(MAKE) --no-print-directory $(JOBS) VARIANT=$@ test-programs
	@SIM_SEEDS=$${SIM_SEEDS:-20} tests/lib/run-tests units:$@ torture:$@ sim:$@

# Whose branches the goals name: cells, journal, fold, recovery.
COVERED := $(wildcard core/state/cell.c core/store/journal.c core/store/fold.c core/flow/recover.c)
.PHONY: coverage
coverage:
	@$(MAKE) --no-print-directory $(JOBS) VARIANT=cov test-programs replay-programs
	@find build/cov -name "*.gcda" -delete
	@SIM_SEEDS=$${SIM_SEEDS:-50} tests/lib/run-tests units:cov torture:cov sim:cov replay:cov
	@tools/coverage --branches 90 $(COVERED)

# ---- the house check ------------------------------------------------------------------------

.PHONY: tidy tidy-program format
tidy-program: $(if $(wildcard tools/tidy/*.c),build/tidy)
build/tidy: $(wildcard tools/tidy/*.[ch]) Makefile
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)gcc -std=c11 -D_GNU_SOURCE -O1 -g $(WARN) -I. -o $@ $(filter %.c,$^)
tidy: tidy-program all
	@build/tidy
format:
	find core include plugins tools tests bench -name "*.[ch]" 2>/dev/null | xargs clang-format -i

# ---- for people -----------------------------------------------------------------------------

.PHONY: run bench install clean help FORCE
run:
	@tools/need-packages run
	@$(MAKE) --no-print-directory $(JOBS) $(PRODUCTS)
	@tools/run $(DATA)

bench:
	@tools/need-packages run bench
	@$(MAKE) --no-print-directory $(JOBS) all
	@$(B)/stockade-bench $(BENCH)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include/stockade/ext/draft
	install -m 755 $(filter-out %.a,$(wildcard $(PRODUCTS) $(B)/stockade-bench)) \
	    $(DESTDIR)$(PREFIX)/bin
	install -m 644 include/stockade/*.h $(DESTDIR)$(PREFIX)/include/stockade
	install -m 644 include/stockade/ext/*.h $(DESTDIR)$(PREFIX)/include/stockade/ext
	install -m 644 include/stockade/ext/draft/*.h $(DESTDIR)$(PREFIX)/include/stockade/ext/draft

clean:
	rm -rf build

help:
	@echo 'make                 the programs, into build/'
	@echo 'make run             install what is missing, build, start the engine on ./data'
	@echo 'make test            all checks in their short form; last line: N passed, N failed'
	@echo 'make nightly         the same checks, long (at most 3 h); release-check: longer still'
	@echo 'make units abi torture promise sim crash fuzz one kind alone (make crash CYCLES=200)'
	@echo 'make asan tsan ubsan units, torture and sim under a sanitizer'
	@echo 'make coverage        lines and branches of core that units, torture and sim reach'
	@echo 'make tidy            the house rules; make format rewrites with clang-format'
	@echo 'make bench BENCH="hold --vs redis,postgres"     the numbers'
	@echo 'make install         DESTDIR= PREFIX=/usr/local'
	@echo 'make clean           remove build/'

FORCE:
