/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* requests.cuh - converts requests (engine.h) to the bytes that go to a device and back, in the
 * layout of live.h. Runs on the host; the caller owns the buffers.
 */
#ifndef TELU_REQUESTS_CUH
#define TELU_REQUESTS_CUH

#include "live.cuh"

/* Upper bounds for the request and the response of n packets, in bytes. */
size_t requests_max_bytes(int n);
size_t responses_max_bytes(int n);

/* Returns 0, or -1 with telu_error() when a slot, rate or size is out of range. slots: slots of
 * that side. */
int requests_check(enum telu_side which, const struct telu_request *requests, int n, int slots);

/* Writes the request and returns its bytes; sets *response_bytes. fresh[slot]: 1 before the
 * slot's first packet, which resets it. */
size_t requests_write(char *request, size_t *response_bytes, enum telu_side which,
                      const struct telu_request *requests, int n, const char *fresh);

/* Copies the response to the requests that were written; returns n. */
int responses_read(enum telu_side which, struct telu_request *requests, const char *request,
                   const char *response);

#endif
