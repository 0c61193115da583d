/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* error.c - one status and one text per thread. */
#include "error.h"

#include "telu.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local enum telu_status last = TELU_OK;
static _Thread_local char text[512] = "no error";

static void record(enum telu_status status, const char *fmt, va_list ap)
{
    last = status;
    vsnprintf(text, sizeof(text), fmt, ap);
}

int telu_fail_status(enum telu_status status, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    record(status, fmt, ap);
    va_end(ap);
    return -1;
}

int telu_fail(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    record(TELU_ERR_ARGUMENT, fmt, ap);
    va_end(ap);
    return -1;
}

enum telu_status telu_last_status(void)
{
    return last;
}

const char *telu_error(void)
{
    return text;
}
