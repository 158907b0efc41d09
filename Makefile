# SPDX-License-Identifier: GPL-2.0
# dmasnoop: see README.md. `make help` lists the targets.

CLANG ?= clang
BPFTOOL ?= $(firstword $(shell command -v bpftool 2>/dev/null) /usr/sbin/bpftool)
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Werror
KERNEL ?= 6.12
KDIR_RUNNING := /lib/modules/$(shell uname -r)/build

BPF_HEADERS := $(wildcard bpf/*.h bpf/core/*.h)

SNOOP := user/dmasnoop
SNOOP_HEADERS := $(filter-out %.skel.h,$(wildcard $(SNOOP)/*.h $(SNOOP)/*/*.h))
SNOOP_BUILD := $(CFLAGS) $(WARNINGS) -iquote $(SNOOP) -iquote bpf
# These need libbpf, and the kernel that is traced. All others are tested natively.
SNOOP_LIVE := $(addprefix $(SNOOP)/,main.c command.c load.c table.c devices.c live.c beside.c engine/logged.c \
	$(addprefix attach/,choose.c exact.c fallbacks.c losses.c machine.c memory.c \
	probe_returns.c program.c) session.c watch/watch.c watch/targets.c watch/held.c)
SNOOP_PURE := $(filter-out $(SNOOP_LIVE),$(wildcard $(SNOOP)/*.c $(SNOOP)/[!t]*/*.c))
LOOP := user/dmaloop
TESTS := $(patsubst %.c,%,$(wildcard $(SNOOP)/tests/*_test.c))

.DELETE_ON_ERROR:
.PHONY: all tools module help demo test kunit kunit-kasan matrix clients soak storm drivers \
	bench dma-debug lint pictures clean

all: tools module

tools: $(SNOOP)/dmasnoop $(LOOP)/dmaloop

bpf/%.bpf.o: bpf/%.bpf.c $(BPF_HEADERS)
	$(CLANG) -g -O2 -mcpu=v3 -target bpf -D__bpf__ -iquote bpf -Wall -Werror -c $< -o $@

$(SNOOP)/%.skel.h: bpf/%.bpf.o
	$(BPFTOOL) gen skeleton $< name $*_bpf >$@

# Static: one binary for every guest and box, whatever libc is there.
$(SNOOP)/dmasnoop: $(SNOOP_LIVE) $(SNOOP_PURE) $(SNOOP)/dmasnoop.skel.h $(SNOOP)/devices.skel.h \
		$(SNOOP_HEADERS) $(BPF_HEADERS)
	$(CC) $(SNOOP_BUILD) -static -o $@ $(SNOOP_LIVE) $(SNOOP_PURE) -lbpf -lelf -lz -ljson-c

$(LOOP)/dmaloop: $(wildcard $(LOOP)/*.[ch]) kmod/dmaloop_uapi.h
	$(CC) $(CFLAGS) $(WARNINGS) -static -o $@ $(wildcard $(LOOP)/*.c) -ljson-c

bpf/core/rules_test: bpf/core/rules_test.c $(BPF_HEADERS)
	$(CC) $(SNOOP_BUILD) -fsanitize=address,undefined -o $@ $< -lcmocka

$(SNOOP)/tests/%_test: $(SNOOP)/tests/%_test.c $(SNOOP_PURE) $(SNOOP_HEADERS) $(BPF_HEADERS)
	$(CC) $(SNOOP_BUILD) -fsanitize=address,undefined -o $@ $< $(SNOOP_PURE) \
		-lcmocka -lz -ljson-c

# The one part of the tracer that is tested so: on BTF that the test makes, by libbpf.
$(SNOOP)/tests/beside_test: $(SNOOP)/tests/beside_test.c $(SNOOP)/beside.c $(SNOOP_PURE) \
		$(SNOOP_HEADERS) $(BPF_HEADERS)
	$(CC) $(SNOOP_BUILD) -fsanitize=address,undefined -o $@ $< $(SNOOP)/beside.c $(SNOOP_PURE) \
		-lcmocka -lbpf -lelf -lz -ljson-c

# Recordings that an attacker made. libFuzzer is clang's.
FUZZED := $(filter-out $(SNOOP)/engine/% $(SNOOP)/attach/%,$(SNOOP_PURE))
$(SNOOP)/tests/replay_fuzz: $(SNOOP)/tests/replay_fuzz.c $(FUZZED) $(SNOOP_HEADERS) $(BPF_HEADERS)
	$(CLANG) -O1 $(SNOOP_BUILD) -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined -o $@ $< $(FUZZED) -lz -ljson-c

# The compiler marks accesses for a race detector; the test itself is what the marks call.
$(SNOOP)/tests/table_race_test: $(SNOOP)/tests/table_race_test.c $(wildcard $(SNOOP)/engine/*) \
		$(BPF_HEADERS)
	$(CC) -O1 $(SNOOP_BUILD) -Wno-builtin-declaration-mismatch -fsanitize=thread -c -o $@.o $<
	$(CC) -o $@ $@.o
	rm -f $@.o

kunit/char_test: kunit/char_test.c kmod/dmaloop_uapi.h
	$(CC) $(CFLAGS) $(WARNINGS) -static -o $@ $<

# For scripts/bench, in guests.
kunit/pairs/empty: kunit/pairs/empty.c
	$(CC) $(CFLAGS) $(WARNINGS) -static -o $@ $< -lbpf -lelf -lz

kunit/pairs/empty.bpf.o: kunit/pairs/empty.bpf.c
	$(CLANG) -g -O2 -mcpu=v3 -target bpf -Wall -Werror -c $< -o $@

# For the running kernel, where its headers are; guests build their own.
module:
	@if [ -d "$(KDIR_RUNNING)" ]; then \
		$(MAKE) -C "$(KDIR_RUNNING)" M="$(CURDIR)/kmod" modules; \
	else \
		echo "No headers for $$(uname -r): dmaloop.ko not built here (guests build their own)."; \
	fi

demo:
	@scripts/demo

# scripts/test is Python, which a small Debian does not have.
test:
	@scripts/deps test
	@scripts/test

kunit:
	@scripts/deps test
	@scripts/kunit

# The same with KASAN: another kernel, some four minutes the first time.
kunit-kasan:
	@scripts/deps test
	@SANITIZER=kasan scripts/kunit

matrix:
	@scripts/deps
	@$(MAKE) --no-print-directory -s tools
	@scripts/matrix --full --kernel $(KERNEL) --output results/matrix.json --table results/matrix.txt
	@scripts/vm run --kernel $(KERNEL) -- sh -c 'insmod /lib/modules/dmaloop.ko && \
		for name in tx-no-sync rx-neighbour-write; do dmaloop curve $$name; done' \
		>results/eviction.txt

# dmatest and fio, 500 tests a thread and gigabytes: some 15 minutes.
clients:
	@scripts/deps test
	@$(MAKE) --no-print-directory -s tools
	@scripts/clients --full --output results

# Builds a kernel with KASAN, kmemleak and lockdep the first time: 15 minutes more.
soak:
	@scripts/deps test
	@$(MAKE) --no-print-directory -s tools
	@scripts/soak

# CPUs that race for one page and for one line, ten minutes a kernel, PREEMPT_RT among them.
storm:
	@scripts/deps test
	@$(MAKE) --no-print-directory -s tools
	@scripts/drivers --storm 150 --kernel 6.12 --kernel 6.12-rt --kernel 7.2

# Stock drivers under traffic, on every kernel, and the plain driver on one whose symbols and
# memory are laid out otherwise: an hour or more.
drivers:
	@scripts/deps test
	@$(MAKE) --no-print-directory -s tools
	@scripts/drivers --full --kernel 5.10 --kernel 6.1 --kernel 6.12 --kernel 7.2 \
		--output results/real-drivers.json
	@scripts/drivers --kernel 6.12+other --rig none

# Builds a kernel with dma-debug the first time.
bench:
	@scripts/deps test
	@scripts/bench --output results/bench.json --table results/bench.txt --plots results

# On the kernel of `make soak`.
dma-debug:
	@scripts/deps test
	@$(MAKE) --no-print-directory -s tools
	@scripts/dma-debug --output results/dma-debug.json --table results/dma-debug.txt

lint:
	@scripts/lint

# The pictures of Documentation/, from their source beside them.
pictures:
	@scripts/deps pictures
	@for source in Documentation/*.dot; do dot -Tsvg $$source -o $${source%.dot}.svg || exit; done

clean:
	rm -f bpf/*.o $(SNOOP)/*.skel.h $(SNOOP)/dmasnoop $(LOOP)/dmaloop bpf/core/rules_test \
		$(TESTS) $(SNOOP)/tests/replay_fuzz kunit/char_test \
		kunit/pairs/empty kunit/pairs/empty.bpf.o
	cd kmod && rm -f $(foreach of,. dmasnoop_sync,$(addprefix $(of)/,*.o *.ko *.mod *.mod.c .*.cmd \
		modules.order)) Module.symvers

help:
	@echo 'make         tracer and tools; the module where the running kernel has headers'
	@echo 'make demo    boot a stock kernel, break DMA on purpose, watch it live'
	@echo 'make test    everything that must hold; last line "N passed, N failed"'
	@echo 'make kunit   the KUnit suites through kunit.py [ARCH=um|x86_64] [KDIR=tree]'
	@echo 'make kunit-kasan  the same under KASAN (a kernel of its own: 4 minutes once)'
	@echo 'make matrix  all scenarios in all modes, written to results/ [KERNEL=6.12]'
	@echo 'make clients dmatest and fio over dmaloop, written to results/'
	@echo 'make soak    load and unload 100 times under clients, KASAN and kmemleak'
	@echo 'make storm   four CPUs race for one page and one line: 6.12, its PREEMPT_RT, 7.2'
	@echo 'make drivers stock drivers under traffic, written to results/'
	@echo 'make bench   what dmasnoop and dmaloop cost, in instructions, written to results/'
	@echo 'make dma-debug  the kernel'\''s own checker beside dmasnoop, written to results/'
	@echo 'make lint    checkpatch, sparse, shellcheck, clang-format, warnings as errors'
	@echo 'make pictures  the pictures of Documentation/, from their .dot files'
	@echo 'make clean   what make built here; the cache is in ~/.cache/dmasnoop'
