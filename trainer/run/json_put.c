/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json_put.c - see json_put.h. */
#include "json_put.h"

#include <math.h>
#include <string.h>

static void put_quoted(GString *s, const char *text)
{
    static const char from[] = "\b\f\n\r\t\\\"", to[] = "bfnrt\\\"";

    g_string_append_c(s, '"');
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        const char *is = strchr(from, c);

        if (is)
            g_string_append_printf(s, "\\%c", to[is - from]);
        else if (c < 0x20 || c == 0x7f)
            g_string_append_printf(s, "\\u%04x", c);
        else
            g_string_append_c(s, (char)c);
    }
    g_string_append_c(s, '"');
}

void json_put_key(GString *s, const char *key)
{
    if (s->str[s->len - 1] != '{')
        g_string_append_c(s, ',');
    put_quoted(s, key);
    g_string_append_c(s, ':');
}

void json_put_int(GString *s, const char *key, long value)
{
    json_put_key(s, key);
    g_string_append_printf(s, "%ld", value);
}

void json_put_ints(GString *s, const char *key, const int *value, int n)
{
    json_put_key(s, key);
    for (int i = 0; i < n; i++)
        g_string_append_printf(s, "%c%d", i ? ',' : '[', value[i]);
    g_string_append_c(s, ']');
}

void json_put_string(GString *s, const char *key, const char *value)
{
    json_put_key(s, key);
    put_quoted(s, value);
}

void json_put_number(GString *s, const char *key, double value)
{
    json_put_key(s, key);
    if (isfinite(value))
        g_string_append_printf(s, "%.7g", value);
    else
        g_string_append(s, "null");
}
