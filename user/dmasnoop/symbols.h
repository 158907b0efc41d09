/* SPDX-License-Identifier: GPL-2.0 */
/* Names of kernel addresses, from /proc/kallsyms or from a recording. */
#ifndef DMASNOOP_SYMBOLS_H
#define DMASNOOP_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/types.h"

/**
 * struct symbol - the function at an address
 * @name: name of the function; NULL: not known
 * @module: name of its module; NULL: the kernel's own
 * @offset: bytes from the start of the function
 */
struct symbol {
	const char *name;
	const char *module;
	uint64_t offset;
};

void symbols_load(void);
void symbols_read(FILE *file);
void symbols_forget(void);
void symbols_recorded(void);
void symbols_define(uint64_t address, const struct symbol *symbol);
struct symbol symbols_find(uint64_t address);
bool symbols_known(const char *name);
bool symbols_function(const char *name, struct range *range);
size_t symbols_format(uint64_t address, char *text, size_t size);
size_t symbols_ranges(const char *const *prefixes, struct range *ranges, size_t max);
size_t symbols_trim(const uint64_t *stack, size_t max, const uint64_t **start);
size_t symbols_caller(const uint64_t *stack, size_t max, const uint64_t **start);

#endif
