/* SPDX-License-Identifier: GPL-2.0 */
/* The instructions by which a function returns. */
#ifndef DMASNOOP_RETURNS_H
#define DMASNOOP_RETURNS_H

#include <stddef.h>
#include <stdint.h>

#define RETURNS_MAX 8

size_t returns_arm64(const uint32_t *text, size_t nr, size_t *returns);

#endif
