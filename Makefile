# chat: see README.md. One Makefile, no recursion but for variants of the build; build/ mirrors the tree.
VERSION := 0.1.0
BUILD ?= build
PREFIX ?= /usr/local
ifeq ($(origin CC),default)
CC := gcc
endif
PKGS_CHATD := libwebsockets libsodium sqlite3
PKGS_CHATCTL := libcurl libwebsockets libcjson libsodium sqlite3 libutf8proc readline
PKGS_CHATUI := $(filter-out readline,$(PKGS_CHATCTL)) ncursesw
CFLAGS ?= -O2 -g
HARDEN ?= -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
ALL_CFLAGS := -std=gnu17 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror=implicit \
	-I. -I$(BUILD) -DCHAT_VERSION='"$(VERSION)"' -D_GNU_SOURCE -pthread $(HARDEN) $(CFLAGS)
ALL_LDFLAGS := -pie -Wl,-z,relro,-z,now $(LDFLAGS)

COMMON_SRC := $(wildcard common/*.c common/*/*.c)
SERVER_SRC := $(filter-out server/main.c,$(wildcard server/*.c server/*/*.c))
CLI_SRC := $(filter-out cli/main.c,$(wildcard cli/*.c cli/*/*.c))
TUI_SRC := $(filter-out tui/main.c,$(wildcard tui/*.c))
SOURCES := $(wildcard common/*.[ch] common/*/*.[ch] server/*.[ch] server/*/*.[ch] cli/*.[ch] cli/*/*.[ch] tui/*.[ch] tests/*/*.[ch] tests/*/*/*.[ch])
obj = $(patsubst %.c,$(BUILD)/%.o,$(1))
bin = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/$(1)/*.c))
COMMON := $(BUILD)/libcommon.a
SERVER := $(BUILD)/libserver.a
CLI := $(BUILD)/libcli.a
TUI := $(BUILD)/libtui.a
# Asked for when something is linked, not before: `make demo` may have to install pkg-config first.
LIBS_chatd = $(shell pkg-config --libs $(PKGS_CHATD)) -lev -lm
LIBS_chatctl = $(shell pkg-config --libs $(PKGS_CHATCTL)) -lm
LIBS_chatui = $(shell pkg-config --libs $(PKGS_CHATUI))

Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1) $@")
PARALLEL = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
SUBMAKE = +$(Q)$(MAKE) --no-print-directory $(PARALLEL)
TESTS_UNIT = $(call bin,unit)
BENCH := $(patsubst tests/bench/%,$(BUILD)/bench/%,$(basename $(wildcard tests/bench/*.c)) $(patsubst %/,%,$(wildcard tests/bench/*/)))
TESTS_E2E = $(wildcard tests/e2e/*.t)
TESTS_CLIENTS = $(wildcard tests/clients/*.t)
DEVICES = $(call bin,clients)
TESTS_CRASH = $(wildcard tests/faults/*.t)
RUN = $(Q)BUILD=$(BUILD) tests/run.sh $(if $(V),-v)
CHOSEN = $(if $(T),$(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(T)))
WRAPPED = TEST_WRAPPER="$(shell tests/lint/noaslr.sh)"
SANITIZE := -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all

.PHONY: all demo check check-unit check-e2e check-clients check-crash unit-binaries bench-binaries fuzz-binaries lint format flags \
	san tsan fuzz bench faulty install uninstall dist clean help deps
all: $(BUILD)/chatd $(BUILD)/chatctl $(BUILD)/chatui ## build chatd, chatctl and chatui

$(BUILD)/chatd: $(BUILD)/server/main.o $(SERVER) $(COMMON)
$(BUILD)/chatctl: $(BUILD)/cli/main.o $(CLI) $(COMMON)
$(BUILD)/chatui: $(BUILD)/tui/main.o $(TUI) $(COMMON)
$(BUILD)/chatd $(BUILD)/chatctl $(BUILD)/chatui:
	$(call say,LD)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_$(@F))
$(COMMON): $(call obj,$(COMMON_SRC))
$(SERVER): $(call obj,$(SERVER_SRC))
$(CLI): $(call obj,$(CLI_SRC))
$(TUI): $(call obj,$(TUI_SRC))
%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^
$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/server/api/ops.o: doc/openapi.json
$(BUILD)/tests/unit/%: tests/unit/%.c $(SERVER) $(CLI) $(TUI) $(COMMON)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $(filter %.c %.a,$^) $(LIBS_chatd) $(LIBS_chatctl) $(LIBS_chatui) -lcmocka
$(BUILD)/tests/clients/%: tests/clients/%.c $(COMMON)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $(filter %.c %.a,$^) $(LIBS_chatctl)
.SECONDEXPANSION:
$(BENCH): $(BUILD)/bench/%: $$(call obj,$$(wildcard tests/bench/$$*.c tests/bench/$$*/*.c)) $(CLI) $(COMMON)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^
$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(SERVER) $(CLI) $(COMMON)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -MMD -MP $(ALL_LDFLAGS) -o $@ $(filter %.c %.a,$^) $(LIBS_chatd) $(LIBS_chatctl)
unit-binaries: $(TESTS_UNIT)
bench-binaries: $(BENCH)
fuzz-binaries: $(call bin,fuzz)

demo: ## install what is missing, build, and show a message on its way
	@packaging/deps.sh build
	$(SUBMAKE) all
	@packaging/demo.sh $(BUILD)
check: ## all tests; one of them: make check T=tests/e2e/NAME.t V=1
	@packaging/deps.sh build check
	$(SUBMAKE) all $(DEVICES) $(or $(filter $(BUILD)/%,$(CHOSEN)),$(if $(T),,unit-binaries))
	$(RUN) $(or $(CHOSEN),$(TESTS_UNIT) $(TESTS_E2E) $(TESTS_CLIENTS))
check-unit: ## the unit tests
	$(SUBMAKE) unit-binaries
	$(RUN) $(TESTS_UNIT)
check-e2e: ## the tests that drive chatd and chatctl from outside
	$(SUBMAKE) all
	$(RUN) $(TESTS_E2E)
check-clients: ## the tests by clients that share no code with chatd
	$(SUBMAKE) all $(DEVICES)
	$(RUN) $(TESTS_CLIENTS)
check-crash: ## kill -9 and faults, N cycles
	$(SUBMAKE) all
	$(Q)N=$(N) BUILD=$(BUILD) TEST_TIMEOUT=86400 tests/run.sh $(if $(V),-v) $(TESTS_CRASH)
lint: ## format, sizes, include table, scripts, manual pages, warnings of gcc and clang
	@packaging/deps.sh build check lint
	$(SUBMAKE) all
	$(RUN) tests/lint/lint.t
flags:
	@echo '$(subst ','\'',$(ALL_CFLAGS))'
format: ## clang-format every source file; manual pages and completions from the programs' tables
	$(Q)clang-format -i $(SOURCES)
	$(SUBMAKE) all
	@tests/lint/documented.sh $(BUILD) --write
san: ## unit and end-to-end tests under ASan and UBSan, in build-san
	@packaging/deps.sh build check
	+$(Q)HARDEN=-fPIE CFLAGS="$(SANITIZE) -fsanitize=address,undefined" $(WRAPPED) $(MAKE) BUILD=build-san check
tsan: ## the same under TSan, in build-tsan
	@packaging/deps.sh build check
	+$(Q)HARDEN=-fPIE CFLAGS="$(SANITIZE) -fsanitize=thread" $(WRAPPED) $(MAKE) BUILD=build-tsan check
fuzz: ## each fuzzer for SECONDS (30)
	@packaging/deps.sh build fuzz
	$(SUBMAKE) BUILD=build-fuzz CC=clang HARDEN=-fPIE CFLAGS="$(SANITIZE) -fsanitize=fuzzer-no-link,address,undefined" fuzz-binaries
	$(Q)tests/fuzz.sh build-fuzz/tests/fuzz $(or $(SECONDS),30)
bench: ## build and run the measurements in tests/bench
	$(SUBMAKE) all bench-binaries
	$(Q)BUILD=$(BUILD) tests/bench/run.sh && BUILD=$(BUILD) tests/bench/store.sh
faulty: ## build-faulty/chatd, whose faults CHAT_FAULT turns on: see server/ops/fault.h
	+$(Q)CFLAGS="$(CFLAGS) -DCHAT_FAULTS" $(MAKE) --no-print-directory $(PARALLEL) BUILD=build-faulty build-faulty/chatd
install: all ## install under DESTDIR and PREFIX
	@packaging/install.sh $(BUILD) "$(DESTDIR)" "$(PREFIX)"
uninstall: ## remove what install put there
	@packaging/install.sh --remove "$(DESTDIR)" "$(PREFIX)"
dist: ## a source archive of the last commit
	@mkdir -p $(BUILD)
	git archive --prefix=chat-$(VERSION)/ HEAD | gzip -n9 >$(BUILD)/chat-$(VERSION).tar.gz
deps: ## install the packages for building, testing and linting
	@packaging/deps.sh build check lint fuzz
clean: ## remove what was built
	rm -rf $(BUILD) build-san build-tsan build-fuzz build-faulty
help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r t d; do printf '%-14s %s\n' "$$t" "$$d"; done
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
