// SPDX-License-Identifier: GPL-2.0
/* JSON on standard output. json-c builds and escapes it; no verb prints it by hand. */
#include <json-c/json.h>
#include <stdio.h>

#include "json.h"

/**
 * json_add_text - add a string to an object
 * @object: the object
 * @key: name of the field
 * @text: its value, which is copied; NULL adds null
 */
void json_add_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, text ? json_object_new_string(text) : NULL);
}

/**
 * json_add_number - add an integer to an object
 * @object: the object
 * @key: name of the field
 * @number: its value
 */
void json_add_number(struct json_object *object, const char *key, int64_t number)
{
	json_object_object_add(object, key, json_object_new_int64(number));
}

/**
 * json_print - print a value on a line of its own
 * @value: the value; the caller's reference to it is dropped
 *
 * The line is flushed: a program that reads dmaloop sees each result when it is known.
 */
void json_print(struct json_object *value)
{
	printf("%s\n", json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
	fflush(stdout);
	json_object_put(value);
}
