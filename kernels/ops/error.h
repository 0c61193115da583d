/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* error.h - records the status and the text of a thread's last error. */
#ifndef TELU_ERROR_H
#define TELU_ERROR_H

#include "telu.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Formats this thread's telu_error(), sets its telu_last_status() and returns -1, so that a
 * failing function can end in  return telu_fail_status(TELU_ERR_..., "...", ...); */
int telu_fail_status(enum telu_status status, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The same with TELU_ERR_ARGUMENT. */
int telu_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Status of this thread's last error; TELU_OK before the first. */
enum telu_status telu_last_status(void);

#ifdef __cplusplus
}
#endif
#endif
