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
# These need libbpf or the traced kernel. The native tests link the others.
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

# Static, so that one binary runs in every guest, whatever its libc.
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

# beside.c needs libbpf, but no kernel: the test makes the BTF that it reads.
$(SNOOP)/tests/beside_test: $(SNOOP)/tests/beside_test.c $(SNOOP)/beside.c $(SNOOP_PURE) \
		$(SNOOP_HEADERS) $(BPF_HEADERS)
	$(CC) $(SNOOP_BUILD) -fsanitize=address,undefined -o $@ $< $(SNOOP)/beside.c $(SNOOP_PURE) \
		-lcmocka -lbpf -lelf -lz -ljson-c

# Feeds hostile recordings to the reader. libFuzzer comes with clang.
FUZZED := $(filter-out $(SNOOP)/engine/% $(SNOOP)/attach/%,$(SNOOP_PURE))
$(SNOOP)/tests/replay_fuzz: $(SNOOP)/tests/replay_fuzz.c $(FUZZED) $(SNOOP_HEADERS) $(BPF_HEADERS)
	$(CLANG) -O1 $(SNOOP_BUILD) -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined -o $@ $< $(FUZZED) -lz -ljson-c

# With -fsanitize=thread, each access calls a function. The test defines these functions.
$(SNOOP)/tests/table_race_test: $(SNOOP)/tests/table_race_test.c $(wildcard $(SNOOP)/engine/*) \
		$(BPF_HEADERS)
	$(CC) -O1 $(SNOOP_BUILD) -Wno-builtin-declaration-mismatch -fsanitize=thread -c -o $@.o $<
	$(CC) -o $@ $@.o
	rm -f $@.o

kunit/char_test: kunit/char_test.c kmod/dmaloop_uapi.h
	$(CC) $(CFLAGS) $(WARNINGS) -static -o $@ $<

# scripts/bench runs these in guests.
kunit/pairs/empty: kunit/pairs/empty.c
	$(CC) $(CFLAGS) $(WARNINGS) -static -o $@ $< -lbpf -lelf -lz

kunit/pairs/empty.bpf.o: kunit/pairs/empty.bpf.c
	$(CLANG) -g -O2 -mcpu=v3 -target bpf -Wall -Werror -c $< -o $@

# Builds for the running kernel if its headers are installed. scripts/vm builds for guests.
module:
	@if [ -d "$(KDIR_RUNNING)" ]; then \
		$(MAKE) -C "$(KDIR_RUNNING)" M="$(CURDIR)/kmod" modules; \
	else \
		echo "No headers for $$(uname -r): dmaloop.ko is not built (scripts/vm builds it for guests)."; \
	fi

demo:
	@scripts/demo

# scripts/deps installs Python, which a minimal Debian lacks and scripts/test needs.
test:
	@scripts/deps test
	@scripts/test

kunit:
	@scripts/deps test
	@scripts/kunit

# The first run builds another kernel, with KASAN: about four minutes.
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

# 500 tests per thread of dmatest, gigabytes of fio: about 15 minutes.
clients:
	@scripts/deps test
	@$(MAKE) --no-print-directory -s tools
	@scripts/clients --full --output results

# The first run builds a kernel with KASAN, kmemleak and lockdep: 15 minutes more.
soak:
	@scripts/deps test
	@$(MAKE) --no-print-directory -s tools
	@scripts/soak

# CPUs race for one page and for one cache line: ten minutes per kernel. One is PREEMPT_RT.
storm:
	@scripts/deps test
	@$(MAKE) --no-print-directory -s tools
	@scripts/drivers --storm 150 --kernel 6.12 --kernel 6.12-rt --kernel 7.2

# Stock drivers under traffic on every kernel, then the plain driver on 6.12+other, which has
# fewer symbols and another memory layout: an hour or more.
drivers:
	@scripts/deps test
	@$(MAKE) --no-print-directory -s tools
	@scripts/drivers --full --kernel 5.10 --kernel 6.1 --kernel 6.12 --kernel 7.2 \
		--output results/real-drivers.json
	@scripts/drivers --kernel 6.12+other --rig none

# The first run builds a kernel with dma-debug.
bench:
	@scripts/deps test
	@scripts/bench --output results/bench.json --table results/bench.txt --plots results

# Runs on the kernel that `make soak` builds.
dma-debug:
	@scripts/deps test
	@$(MAKE) --no-print-directory -s tools
	@scripts/dma-debug --output results/dma-debug.json --table results/dma-debug.txt

lint:
	@scripts/lint

# Each .dot file in Documentation/ becomes an .svg file beside it.
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
	@echo 'make             build the tools, and the modules if the running kernel has headers'
	@echo 'make demo        boot a stock kernel, break DMA on purpose, watch it live'
	@echo 'make test        run all tests; the last line is "N passed, N failed"'
	@echo 'make kunit       run the KUnit suites with kunit.py [ARCH=um|x86_64] [KDIR=tree]'
	@echo 'make kunit-kasan the same with KASAN (the first run builds a kernel: 4 minutes)'
	@echo 'make matrix      run all scenarios in all modes; write results/ [KERNEL=6.12]'
	@echo 'make clients     run dmatest, RAID-5 and fio over dmaloop; write results/'
	@echo 'make soak        load and unload 100 times under clients, with KASAN and kmemleak'
	@echo 'make storm       let four CPUs race for one page and one cache line: 6.12, 6.12-rt, 7.2'
	@echo 'make drivers     run stock drivers under traffic; write results/'
	@echo 'make bench       measure what dmasnoop and dmaloop cost in instructions; write results/'
	@echo 'make dma-debug   compare dmasnoop with the kernel'\''s own checker; write results/'
	@echo 'make lint        run checkpatch, sparse, shellcheck and clang-format; warnings are errors'
	@echo 'make pictures    draw the pictures of Documentation/ from their .dot files'
	@echo 'make clean       remove what make built here; the cache in ~/.cache/dmasnoop stays'
