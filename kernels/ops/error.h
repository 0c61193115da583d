/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* error.h - leaves a reason for telu_error(). */
#ifndef TELU_ERROR_H
#define TELU_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* Formats the reason for this thread's telu_error() and returns -1, so that a
 * failing function can end in  return telu_fail("...", ...); */
int telu_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#ifdef __cplusplus
}
#endif
#endif
