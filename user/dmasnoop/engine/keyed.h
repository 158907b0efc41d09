/* SPDX-License-Identifier: GPL-2.0 */
/* Tables with keys, which replace BPF's hash maps. */
#ifndef DMASNOOP_ENGINE_KEYED_H
#define DMASNOOP_ENGINE_KEYED_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/types.h"

/**
 * struct entry - a key and its value
 * @next: next entry with the same hash
 * @key_and_value: the key, followed by the value
 */
struct entry {
	struct entry *next;
	unsigned char key_and_value[];
};

#define HEADS 4096

/**
 * struct table - values by key
 * @key_size, @value_size: size in bytes
 * @max: maximum number of entries; in a full table a new entry replaces the oldest one with the
 *	same hash
 * @nr: number of entries
 * @head: for each hash, the list of its entries
 */
struct table {
	u32 key_size;
	u32 value_size;
	u32 max;
	u32 nr;
	struct entry *head[HEADS];
};

static u32 hash_of(const struct table *table, const void *key)
{
	const unsigned char *bytes = key;
	u64 hash = 0;

	for (u32 i = 0; i < table->key_size; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	return (hash ^ hash >> 32) % HEADS;
}

static struct entry **entry_of(struct table *table, const void *key)
{
	struct entry **at = &table->head[hash_of(table, key)];

	while (*at && memcmp((*at)->key_and_value, key, table->key_size))
		at = &(*at)->next;
	return at;
}

static void *table_find(struct table *table, const void *key)
{
	struct entry *entry = *entry_of(table, key);

	return entry ? entry->key_and_value + table->key_size : NULL;
}

static void table_drop(struct table *table, const void *key)
{
	struct entry **at = entry_of(table, key), *entry = *at;

	if (!entry)
		return;
	*at = entry->next;
	table->nr--;
	free(entry);
}

/* Stores a value. Returns -ENOMEM when there is no memory. */
static long table_keep(struct table *table, const void *key, const void *value)
{
	struct entry **at = entry_of(table, key), *entry = *at, *oldest;

	if (!entry) {
		/* New entries go to the end of a chain, so the first one is the oldest. */
		oldest = table->head[hash_of(table, key)];
		if (table->nr >= table->max && oldest) {
			table_drop(table, oldest->key_and_value);
			at = entry_of(table, key);
		}
		entry = calloc(1, sizeof(*entry) + table->key_size + table->value_size);
		if (!entry)
			return -ENOMEM;
		memcpy(entry->key_and_value, key, table->key_size);
		*at = entry;
		table->nr++;
	}
	memcpy(entry->key_and_value + table->key_size, value, table->value_size);
	return 0;
}

#endif
