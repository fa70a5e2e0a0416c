# kafka-pattern-kit -- `make help` lists what can be asked for; `make up` is where to begin.
#
# One make, no recursion into folders: sources are found by wildcard, objects lie in
# build/<flavour>/. `make SAN=address,undefined ...` builds beside the release, in build/asan/.
#
#   common/ topology/ patterns/*/          -> libkpk.a         (all but a pattern's main.c)
#   services/<system>/*.c                  -> libservices.a    (what that system's programs share)
#   tools/<tool>/*.c  loadgen/*.c          -> libtools.a       (all but main.c: for the unit tests)
#   patterns/<p>/main.c, example/*.c       -> bin/<p>
#   services/<system>/<service>/*.c        -> bin/<service>  (main.py: copied as it is)
#   tools/<tool>/*.c  loadgen/*.c          -> bin/<tool>  bin/loadgen
#   services/<system>/<service>/*.c        -> libprograms.a    (all but main.c: for the tests)
#   tests/{unit,integration}/test_*.c      -> tests/{unit,integration}/test_*
#   tests/bench/*.c                        -> tests/bench/*
#   tests/naive/<system>/*.c               -> build/naive/bin/*   that system's programs, these in place of a
#                                             pattern's: a guarantee taken away
#   tests/fuzz/fuzz_*.c                    -> build/fuzz/tests/fuzz/fuzz_*

ifneq (,$(shell pwd | LC_ALL=C grep '[^A-Za-z0-9._/+@=,-]')$(word 2,$(CURDIR)))
$(error The checkout lies in "$(CURDIR)". Its path may only have letters, digits and . _ - + @ = , \
in it: make, supervisor and PostgreSQL each trip over some other character. Please move it)
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory
ifeq (,$(filter -j%,$(MAKEFLAGS)))
MAKEFLAGS += -j$(shell nproc)
endif

STACK := deploy/native/stack
# Goals that neither install nor build anything; a `make` for these alone needs nothing but bash.
IDLE_GOALS := help doctor down status logs clean-data env clean distclean
TEST_GOALS := test check examples matrix soak-twitter soak-notification outages abuse-twitter fuzz lint format
BENCH_GOALS := bench-twitter bench-notification bench-peers

# ---------------------------------------------------------------- flavour and flags
SAN ?=
FLAVOUR := $(if $(SAN),$(or $(if $(findstring fuzzer,$(SAN)),fuzz),$(if $(findstring address,$(SAN)),asan),\
                           $(if $(findstring thread,$(SAN)),tsan),san),release)
OUT := build/$(FLAVOUR)
BIN := $(if $(SAN),$(OUT)/bin,build/bin)
WERROR ?= $(if $(filter $(TEST_GOALS),$(MAKECMDGOALS)),1,0)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion \
            -Wno-sign-conversion $(if $(filter 1,$(WERROR)),-Werror)
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu17 $(WARNINGS) -D_GNU_SOURCE -I. -pthread $(RDKAFKA_CFLAGS) $(DEPS_CFLAGS) \
             $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer) $(CFLAGS)
# librdkafka last: it holds a copy of cJSON, and the one that is used should be Debian's.
LIBS = $(DEPS_LIBS) $(RDKAFKA_LIBS) -lm
# A record is allocated by one thread and freed by another, millions of times a second: CONTRIBUTING.md, Dependencies.
LIBS_OF_loadgen := $(if $(SAN),,-lmimalloc)

# ---------------------------------------------------------------- what lies where
LIB_SRC := $(wildcard common/*.c topology/*.c) $(filter-out %/main.c,$(wildcard patterns/*/*.c))
SYSTEM_SRC := $(wildcard services/*/*.c)
SERVICE_SRC := $(filter-out %/main.c,$(wildcard services/*/*/*.c))
TOOL_SRC := $(filter-out %/main.c,$(wildcard tools/*/*.c loadgen/*.c))
SUPPORT_SRC := $(wildcard tests/support/*.c)
NAIVE_SRC := $(wildcard tests/naive/*/*.c)
TEST_SRC := $(wildcard tests/unit/test_*.c tests/integration/test_*.c)
FUZZ_SRC := $(wildcard tests/fuzz/*.c)
BENCH_SRC := $(wildcard tests/bench/*.c)
# Every program is a folder with a main.c. A pattern's other files are in the library already.
MAINS := $(wildcard patterns/*/main.c services/*/*/main.c tools/*/main.c loadgen/main.c)
PROGRAMS := $(sort $(notdir $(patsubst %/main.c,%,$(MAINS))))
# ... or a main.py, which is run as it is.
SCRIPTS := $(wildcard services/*/*/main.py)
SCRIPT_PROGRAMS := $(notdir $(patsubst %/main.py,%,$(SCRIPTS)))
PROGRAM_SRC := $(foreach m,$(MAINS),$(if $(filter patterns/%,$m),$m $(wildcard $(dir $m)example/*.c),\
               $(wildcard $(dir $m)*.c)))
SOURCES := $(sort $(LIB_SRC) $(SYSTEM_SRC) $(SUPPORT_SRC) $(NAIVE_SRC) $(TEST_SRC) $(FUZZ_SRC) $(BENCH_SRC) \
           $(PROGRAM_SRC))

objects = $(patsubst %.c,$(OUT)/%.o,$(1))
ARCHIVES := $(OUT)/libservices.a $(OUT)/libkpk.a
UNIT_TESTS := $(patsubst %.c,$(OUT)/%,$(filter tests/unit/%,$(TEST_SRC)))
INTEGRATION_TESTS := $(patsubst %.c,$(OUT)/%,$(filter tests/integration/%,$(TEST_SRC)))
FUZZERS := $(patsubst %.c,$(OUT)/%,$(filter tests/fuzz/fuzz_%,$(FUZZ_SRC)))
BENCHES := $(BENCH_SRC:%.c=$(OUT)/%)

# ---------------------------------------------------------------- everyday targets
.PHONY: $(IDLE_GOALS) $(TEST_GOALS) $(BENCH_GOALS) up restart build docs demo-twitter demo-notification naive \
        unit-tests integration-tests fuzzers broker-jars peer-tools tidy

help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' Makefile
	@sed -n 's/^#| \{0,1\}//p' Makefile

up: build broker-jars ## build, start the bundled stack and the services, wait until all are ready
	@$(STACK) up

down: ## stop everything; the data stays
	@$(STACK) down

restart: build ## restart the services, or one process: S=fanout-worker-1
	@$(STACK) restart $(S)

status: ## what runs, since when, on which port, and whether it is ready
	@$(STACK) status

doctor: ## what is wrong with this machine or stack, and what to do about it
	@$(STACK) doctor

logs: ## follow the logs of all processes, or of one: S=tweet-service
	@$(STACK) logs $(S)

env: ## the addresses as exports: eval "$(make -s env)"
	@$(STACK) env

clean-data: ## wipe the data of a stopped stack
	@$(STACK) clean-data

demo-twitter: build ## one tweet followed to all five groups; then they fall behind, grow, lose a worker, begin again
	@eval "$$($(STACK) env)" && $(BIN)/demo-twitter

demo-notification: build ## one event on three channels; a provider goes down, failures are tried again, a dead letter is redriven
	@eval "$$($(STACK) env)" && $(BIN)/demo-notification

# ---------------------------------------------------------------- build
build: $(PROGRAMS:%=$(BIN)/%) $(SCRIPT_PROGRAMS:%=$(BIN)/%) ## compile every program into build/bin
unit-tests: $(UNIT_TESTS)
integration-tests: $(INTEGRATION_TESTS)
naive: $(PROGRAMS:%=build/naive/bin/%) $(SCRIPT_PROGRAMS:%=build/naive/bin/%)
fuzzers: $(FUZZERS)
broker-jars: build/deps/kafka/.complete
peer-tools: build/deps/kafka-tools/.complete build/deps/librdkafka/rdkafka_performance

# Libraries. The first goal that builds installs what is missing and makes librdkafka.mk.
ifneq (,$(filter-out $(IDLE_GOALS),$(or $(MAKECMDGOALS),help)))
export KPK_PACKAGE_GROUPS := build $(if $(filter up restart test examples matrix soak-twitter soak-notification outages abuse-twitter $(BENCH_GOALS),$(MAKECMDGOALS)),run) \
                             $(if $(filter $(TEST_GOALS),$(MAKECMDGOALS)),test) \
                             $(if $(filter $(BENCH_GOALS),$(MAKECMDGOALS)),bench)
# A stamp for each choice of groups: `make test` after `make up` has packages of its own to ask for.
PACKAGES := build/deps/packages-$(subst $() ,-,$(strip $(KPK_PACKAGE_GROUPS))).mk
include $(PACKAGES) build/deps/librdkafka.mk
ifneq (,$(wildcard build/deps/librdkafka.mk))
PKGS := libmicrohttpd hiredis libpq libcjson libcurl libxxhash libcrypto
DEPS_CFLAGS := $(shell pkg-config --cflags $(PKGS))
DEPS_LIBS := $(shell pkg-config --libs $(PKGS))
endif
endif

build/deps/librdkafka.mk: deploy/librdkafka deploy/native/librdkafka.sh | $(PACKAGES)
	@deploy/native/librdkafka.sh $@

$(PACKAGES): deploy/packages deploy/native/packages.sh
	@mkdir -p $(@D)
	@deploy/native/packages.sh $(KPK_PACKAGE_GROUPS)
	@touch $@

build/deps/kafka/.complete: deploy/broker/pom.xml
build/deps/kafka-tools/.complete: deploy/bench/pom.xml
build/deps/kafka/.complete build/deps/kafka-tools/.complete: deploy/broker/fetch.sh
	@deploy/broker/fetch.sh $(filter %.xml,$^) $(@D)

# Not made where it is left out: it says so each time.
build/deps/librdkafka/rdkafka_performance: build/deps/librdkafka.mk
	@deploy/native/librdkafka.sh --performance $<

# A file that a source embeds (KPK_EMBED) lies beside it; gcc does not tell make about those.
.SECONDEXPANSION:
$(OUT)/%.o: %.c Makefile build/deps/librdkafka.mk $$(wildcard $$(*D)/*.sql $$(*D)/*.json $$(*D)/*/*.json)
	@mkdir -p $(@D)
	@echo "  CC    $(if $(SAN),$(FLAVOUR) )$<"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# Appended, not replaced: two folders may hold files of one name.
archive = @rm -f $@ && ar qcs $@ $^
$(OUT)/libkpk.a: $(call objects,$(LIB_SRC)) ; $(archive)
$(OUT)/libservices.a: $(call objects,$(SYSTEM_SRC)) ; $(archive)
$(OUT)/libprograms.a: $(call objects,$(SERVICE_SRC)) ; $(archive)
$(OUT)/libtools.a: $(call objects,$(TOOL_SRC)) ; $(archive)
$(OUT)/libsupport.a: $(call objects,$(SUPPORT_SRC)) ; $(archive)

# $(1) main.c of a program: links it, and the files beside it that are not in the library.
define program
$(BIN)/$(notdir $(patsubst %/main.c,%,$(1))): $(call objects,$(filter $(dir $(1))%,$(PROGRAM_SRC))) $(ARCHIVES)
	@mkdir -p $$(@D)
	@echo "  LINK  $$@"
	@$$(CC) $$(ALL_CFLAGS) $$(LDFLAGS) $$^ -o $$@ $$(LIBS_OF_$$(@F)) $$(LIBS)

# What stands first is linked: the archive's own object of that name is then not asked for.
build/naive/bin/$(notdir $(patsubst %/main.c,%,$(1))): $(call objects,$(filter tests/naive/$(word 2,$(subst /, ,$(1)))/%,$(NAIVE_SRC)) $(filter $(dir $(1))%,$(PROGRAM_SRC))) $(ARCHIVES)
	@mkdir -p $$(@D)
	@echo "  LINK  $$@"
	@$$(CC) $$(ALL_CFLAGS) $$(LDFLAGS) $$^ -o $$@ $$(LIBS)
endef
$(foreach main,$(MAINS),$(eval $(call program,$(main))))

# $(1) main.py of a program
define script
$(BIN)/$(notdir $(patsubst %/main.py,%,$(1))) build/naive/bin/$(notdir $(patsubst %/main.py,%,$(1))): $(1)
	@mkdir -p $$(@D)
	@echo "  COPY  $$@"
	@install -m 755 $$< $$@
endef
$(foreach main,$(SCRIPTS),$(eval $(call script,$(main))))

$(UNIT_TESTS) $(INTEGRATION_TESTS): $(OUT)/%: $(OUT)/%.o $(OUT)/libsupport.a $(OUT)/libtools.a $(ARCHIVES)
	@echo "  LINK  $@"
	@$(CC) $(ALL_CFLAGS) $(LDFLAGS) $^ -o $@ -lcmocka $(LIBS)

$(FUZZERS): $(OUT)/%: $(OUT)/%.o $(OUT)/libprograms.a $(OUT)/libtools.a $(ARCHIVES)
	@echo "  LINK  $@"
	@$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer $(LDFLAGS) $^ -o $@ $(LIBS)

$(BENCHES): $(OUT)/%: $(OUT)/%.o $(ARCHIVES)
	@echo "  LINK  $@"
	@$(CC) $(ALL_CFLAGS) $(LDFLAGS) $^ -o $@ $(LIBS)

.SECONDARY:
-include $(patsubst %.c,$(OUT)/%.d,$(SOURCES))

# ---------------------------------------------------------------- tests and tidiness
test: build integration-tests broker-jars ## everything: lint, unit, fuzz, the stack itself, the loss of brokers, integration, examples
	+@$(sanitized) unit-tests fuzzers
	@tests/run

outages: build integration-tests broker-jars ## the outages of the integration tests, a minute each
	@tests/run outages

check: build ## the tests that need no servers, in a minute or two: lint and unit
	+@$(sanitized) unit-tests fuzzers
	@tests/run lint unit

examples: build broker-jars ## every worked example of patterns/, with its pattern and without it
	@tests/run examples

matrix: build broker-jars ## the crash matrices in full: every fault point, every kind of fault
	@tests/run matrix

soak-twitter: build naive integration-tests broker-jars ## 10,000 tweets while everything dies and hangs; then the same without the guarantees
	@tests/run soak_twitter

soak-notification: build naive integration-tests broker-jars ## 10,000 notifications to failing providers while everything dies and hangs; then without retries
	@tests/run soak_notification

abuse-twitter: build integration-tests broker-jars ## 300,000 requests made from /openapi.json, slow and idle clients, floods, against its HTTP services
	@tests/run abuse

fuzz: ## what must hold of any input, tried with FUZZ_SECONDS=60 of new ones for each target
	+@$(sanitized) fuzzers
	@tests/run fuzz
# libFuzzer comes with clang; so a second compiler has its say of all that is tested without servers.
sanitized = $(MAKE) SAN=fuzzer-no-link,address,undefined CC=clang WERROR=$(WERROR)

bench-twitter: build $(BENCHES) broker-jars ## what the whole system does, beside peers: JSON=<file to write> AGAINST=<file of a former run>
	@tests/bench/twitter $(if $(JSON),--json $(JSON)) $(if $(AGAINST),--against $(AGAINST)) $(if $(SECONDS),--seconds $(SECONDS))

bench-notification: build broker-jars ## notifications a second of each channel, what a retry costs, a provider that is down: JSON= and AGAINST= as above
	@tests/bench/notification $(if $(JSON),--json $(JSON)) $(if $(AGAINST),--against $(AGAINST)) $(if $(SECONDS),--seconds $(SECONDS))

bench-peers: build broker-jars peer-tools ## the load generator beside Kafka's own tools, librdkafka's and kcat: JSON= and AGAINST= as above
	@tests/bench/peers $(if $(JSON),--json $(JSON)) $(if $(AGAINST),--against $(AGAINST)) $(if $(SECONDS),--seconds $(SECONDS))

lint: build ## formatting, static analysis, generated pages, names outside topology/
	@tests/run lint

# clang-tidy is slow: a file is looked at again when its object was made anew. Tests are left out:
# it does not know that cmocka's assertions do not return.
tidy: $(patsubst %.c,build/tidy/%.ok,$(LIB_SRC) $(SYSTEM_SRC) $(PROGRAM_SRC) $(BENCH_SRC))
build/tidy/%.ok: $(OUT)/%.o .clang-tidy
	@mkdir -p $(@D)
	@echo "  TIDY  $*.c"
	@clang-tidy --quiet $*.c -- -std=gnu17 -D_GNU_SOURCE -I. $(RDKAFKA_CFLAGS) $(DEPS_CFLAGS)
	@touch $@

format: ## lay out every C file as .clang-format says
	@clang-format -i $(SOURCES) $(wildcard */*.h */*/*.h */*/*/*.h)

DOCS := docs
docs: build ## write docs/TOPICS.md and docs/CONFIG.md from the programs
	@deploy/docs.sh $(DOCS) $(sort $(PROGRAMS) $(SCRIPT_PROGRAMS))

clean: ## remove what was compiled; libraries and the broker stay in build/deps
	rm -rf build/bin $(filter-out build/deps,$(wildcard build/*))

distclean: ## remove everything that was built or fetched
	rm -rf build

#|
#| Settings, on the command line or in the environment:
#|   BROKERS=3|1          brokers of the bundled Kafka
#|   SCALE=guide|small    partition and consumer counts of the guide, or a tenth of them
#|   PROFILE="twitter"    the systems to run; without it, all there are
#|   KPK_STATE=<folder>   data and logs
#|   KPK_NAMESPACE=<x>    prefix of topics, groups, schemas and keys
#|   KPK_PORT_OFFSET=<n>  moves every port
#|   KPK_BOOTSTRAP_SERVERS, PGHOST, KPK_REDIS_URL   use those servers instead of the bundled ones
#|   KPK_SMTP_URL, KPK_SMS_URL, KPK_PUSH_URL        send notifications through these
#|   SAN=address,undefined   WERROR=1               other ways to compile
