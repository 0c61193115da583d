/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* error.c - one text and one status per thread. */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char text[512] = "no error";
static _Thread_local enum telu_status last = TELU_OK;

static void fail(enum telu_status status, const char *fmt, va_list ap)
{
    vsnprintf(text, sizeof(text), fmt, ap);
    last = status;
}

int telu_fail_status(enum telu_status status, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fail(status, fmt, ap);
    va_end(ap);
    return -1;
}

int telu_fail(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fail(TELU_ERR_ARGUMENT, fmt, ap);
    va_end(ap);
    return -1;
}

const char *telu_error(void)
{
    return text;
}

enum telu_status telu_error_status(void)
{
    return last;
}
