/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* error.c - one text per thread. */
#include "error.h"

#include "telu.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char text[512] = "no error";

int telu_fail(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return -1;
}

const char *telu_error(void)
{
    return text;
}
