/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pass.h - streams in threads share passes over the weights on the CPU.
 *
 * Each stream lives in its own thread and submits one packet at a time. While fewer passes run
 * than there are cores, the thread runs it at once. Packets that arrive while all cores are busy
 * form the next passes, of up to eight packets of one model and side; a thread that ends a pass
 * wakes the one that has waited longest, which runs the next:
 *
 *   stream --.                           .--> stream
 *   stream --+--> packets to encode -----+--> stream
 *   stream --'      a pass on each core  '--> stream
 *
 * Passes therefore grow with the load, and a stream alone runs as by telu_encode() and
 * telu_decode(). A stream may also grant a window: its packet then waits at most that long for
 * seven others. The window closes early when all expected streams have submitted. A stream that
 * missed the last window is not expected until it submits again.
 *
 * Submitting does not allocate. Whoever runs a pass does so at its own thread's priority, on its
 * own stack: 150 KB, as telu_encode_many() takes.
 */
#ifndef TELU_PASS_H
#define TELU_PASS_H

#include "batch.h"

#ifdef __cplusplus
extern "C" {
#endif

struct telu_pass_stream;

/* Adds a stream to those of that model and side. window_us: longest wait for other streams, in
 * microseconds. The model must outlive the stream. Returns NULL and sets telu_error(). */
struct telu_pass_stream *telu_pass_add(const struct telu_model *m, enum telu_side side,
                                       unsigned window_us);

/* Removes and frees the stream, which no thread may be running; NULL is allowed. */
void telu_pass_remove(struct telu_pass_stream *stream);

/* Runs one packet and waits for it. Sets request->bytes or ->result, which it returns: -1 with
 * telu_error() and telu_error_status() of this thread. A stream has one encoder or decoder, of its
 * model; its side is that of the call. */
int telu_pass_encode(struct telu_pass_stream *stream, struct telu_encode_request *request);
int telu_pass_decode(struct telu_pass_stream *stream, struct telu_decode_request *request);

/* Copies the counters of the stream's model and side, since its first stream was added. */
void telu_pass_stats(const struct telu_pass_stream *stream, struct telu_batch_stats *stats);

/* For tests: lets n passes run at once. 0: none begins; -1: one on each core, as from the start. */
void telu_pass_cores(int n);

/* For tests: packets that wait, of all streams. */
int telu_pass_waiting(void);

#ifdef __cplusplus
}
#endif
#endif
