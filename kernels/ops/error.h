/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* error.h - leaves a text for telu_error() and a status for telu_error_status(). */
#ifndef TELU_ERROR_H
#define TELU_ERROR_H

#include "telu.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Formats this thread's error text, keeps its status and returns -1, so that a failing
 * function can end in  return telu_fail_status(TELU_ERR_IO, "...", ...); */
int telu_fail_status(enum telu_status status, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* telu_fail_status() with TELU_ERR_ARGUMENT. */
int telu_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#ifdef __cplusplus
}
#endif
#endif
