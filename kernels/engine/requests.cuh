/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* requests.cuh - jobs (engine.h) as the bytes that go to a device and come back:
 *
 *   question   head | what is asked of each packet | its sound, or its bytes
 *   reply      what came of each packet | its bytes, or its sound
 *
 * as live.cuh has them, each part rounded up and packets `stride` bytes apart, which is the
 * most that one of them can have. Runs on the host; buffers are the caller's.
 */
#ifndef TELU_JOBS_CUH
#define TELU_JOBS_CUH

#include "live.cuh"

/* Bytes that question and reply of n packets have at most. */
size_t jobs_most_asked(int n);
size_t jobs_most_answered(int n);

/* 0, or -1 with telu_error(): a slot, rate or size out of range. slots: of that side. */
int jobs_check(enum telu_side which, const struct telu_request *jobs, int n, int slots);

/* Writes the question; returns its bytes, and in *answered those of the reply. fresh: by
 * slot, 1 where no packet has been. */
size_t jobs_ask(char *request, size_t *answered, enum telu_side which,
                const struct telu_request *jobs, int n, const char *fresh);

/* Hands out the reply to that question; returns n. */
int jobs_answer(enum telu_side which, struct telu_request *jobs, const char *request,
                const char *response);

#endif
