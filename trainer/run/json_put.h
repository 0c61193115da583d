/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json_put.h - writes JSON without blanks: the head of a weight file, and --json. Text is UTF-8;
 * the caller appends the brackets. */
#ifndef JSON_PUT_H
#define JSON_PUT_H

#include <glib.h>

/* Write a key and its value, after a comma unless the object's "{" is the last character. */
void json_put_key(GString *s, const char *key);
void json_put_int(GString *s, const char *key, long value);
void json_put_ints(GString *s, const char *key, const int *value, int n);
void json_put_string(GString *s, const char *key, const char *value);

/* null when the number is not finite. */
void json_put_number(GString *s, const char *key, double value);

#endif
