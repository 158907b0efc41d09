/* SPDX-License-Identifier: GPL-2.0 */
/* JSON on standard output: one value a line. */
#ifndef DMALOOP_JSON_H
#define DMALOOP_JSON_H

#include <stdint.h>

struct json_object;

void json_add_text(struct json_object *object, const char *key, const char *text);
void json_add_number(struct json_object *object, const char *key, int64_t number);
void json_print(struct json_object *value);

#endif
