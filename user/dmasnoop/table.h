/* SPDX-License-Identifier: GPL-2.0 */
/* The mappings and devices of the BPF side, read from the shared memory of its maps. */
#ifndef DMASNOOP_TABLE_H
#define DMASNOOP_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/types.h"

struct dmasnoop_bpf;

void table_size(struct dmasnoop_bpf *bpf, uint64_t pages, uint64_t mappings);
bool table_open(struct dmasnoop_bpf *bpf, bool fill);
void table_close(void);
struct bucket *table_buckets(void);
uint32_t table_slots(void);
bool table_read(uint32_t at, struct mapping *map);
uint64_t table_born(const struct mapping *map);
void table_settle(struct mapping *map);
bool table_device(uint32_t generation, struct device_state *device);

#endif
