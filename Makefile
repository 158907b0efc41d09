# SPDX-License-Identifier: GPL-2.0
# dmasnoop: see README.md. `make help` lists the targets.

CLANG ?= clang
BPFTOOL ?= $(firstword $(shell command -v bpftool 2>/dev/null) /usr/sbin/bpftool)
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Werror
KERNEL ?= 6.12
KDIR_RUNNING := /lib/modules/$(shell uname -r)/build

BPF_HEADERS := $(wildcard bpf/*.h)
# What comes after the events: no libbpf in it, so that it is tested natively.
OUTPUTS := user/findings.c user/report.c user/json.c user/ktap.c user/summary.c user/symbols.c \
	user/explain.c user/needs.c user/record.c user/replay.c user/options.c user/returns.c user/engine.c
TRACER := user/dmasnoop.c user/attach.c user/memory.c user/exact.c user/table.c user/devices.c user/live.c \
	user/watch.c user/targets.c user/held.c user/logged.c $(OUTPUTS)
USER_HEADERS := $(filter-out %.skel.h,$(wildcard user/*.h))
LOOP := user/dmaloop.c user/loopdev.c user/isolate.c user/predict.c

.DELETE_ON_ERROR:
.PHONY: all tools module help demo test kunit kunit-kasan matrix clients soak storm drivers bench \
	dma-debug lint clean

all: tools module

tools: user/dmasnoop user/dmaloop

bpf/%.bpf.o: bpf/%.bpf.c $(BPF_HEADERS)
	$(CLANG) -g -O2 -mcpu=v3 -target bpf -D__bpf__ -Wall -Werror -c $< -o $@

user/%.skel.h: bpf/%.bpf.o
	$(BPFTOOL) gen skeleton $< name $*_bpf >$@

# Static: one binary for every guest and box, whatever libc is there.
user/dmasnoop: $(TRACER) user/dmasnoop.skel.h user/devices.skel.h $(USER_HEADERS) $(BPF_HEADERS)
	$(CC) $(CFLAGS) $(WARNINGS) -static -o $@ $(TRACER) -lbpf -lelf -lz -ljson-c

user/dmaloop: $(LOOP) user/loopdev.h user/predict.h kmod/dmaloop_uapi.h
	$(CC) $(CFLAGS) $(WARNINGS) -static -o $@ $(LOOP) -ljson-c

bpf/rules_test: bpf/rules_test.c $(BPF_HEADERS)
	$(CC) $(CFLAGS) $(WARNINGS) -fsanitize=address,undefined -o $@ $< -lcmocka

user/%_test: user/%_test.c $(OUTPUTS) $(USER_HEADERS) $(BPF_HEADERS)
	$(CC) $(CFLAGS) $(WARNINGS) -fsanitize=address,undefined -o $@ $< $(OUTPUTS) -lcmocka -lz -ljson-c

# Recordings that an attacker made. libFuzzer is clang's.
FUZZED := findings report json ktap summary needs symbols explain record replay options
user/replay_fuzz: user/replay_fuzz.c $(FUZZED:%=user/%.c) $(USER_HEADERS) $(BPF_HEADERS)
	$(CLANG) -O1 -g $(WARNINGS) -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined -o $@ $< $(FUZZED:%=user/%.c) -lz -ljson-c

# The compiler marks accesses for a race detector; the test itself is what the marks call.
user/table_race_test: user/table_race_test.c user/engine.c user/engine.h user/native.h $(BPF_HEADERS)
	$(CC) -O1 -g $(WARNINGS) -Wno-builtin-declaration-mismatch -fsanitize=thread -c -o $@.o $<
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

clean:
	rm -f bpf/*.o user/*.skel.h user/dmasnoop user/dmaloop bpf/rules_test kunit/char_test \
		user/replay_fuzz \
		kunit/pairs/empty kunit/pairs/empty.bpf.o $(patsubst %.c,%,$(wildcard user/*_test.c))
	rm -f kmod/*.o kmod/*.ko kmod/*.mod kmod/*.mod.c kmod/.*.cmd kmod/Module.symvers kmod/modules.order

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
	@echo 'make clean   what make built here; the cache is in ~/.cache/dmasnoop'
