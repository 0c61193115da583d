/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* batch.h - shares one engine among all streams that use the same model on the same device.
 *
 * Each stream lives in its own thread and submits one packet at a time. The submitting thread
 * runs the batch itself when the engine is idle. Requests that arrive while the engine is busy
 * form the next batch, which the scheduler's thread runs:
 *
 *   stream --.                                        .--> stream
 *   stream --+--> packets to encode --.               |
 *   stream --'                        +--> engine ----+--> stream
 *   stream -----> packets to decode --'               '--> stream
 *
 * Batches therefore grow with the load. A stream may also grant a window: its packet then waits
 * at most that long for packets of other streams. The window closes early when all expected
 * streams have submitted. A stream that missed the last window is not expected until it submits
 * again. The two sides alternate.
 *
 * Submitting does not allocate and does not wait for the threads of other streams. A device
 * failure returns the error to every stream and leaves the requests unchanged. The batch is
 * then unusable, and the next stream to be added opens a new engine.
 */
#ifndef TELU_BATCH_H
#define TELU_BATCH_H

#include "module.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_BATCH_MAX 1024   /* packets per run; further packets form further runs */

struct telu_batch_stream;

/* Adds a stream to the batch of (module, model, device), and creates that batch if needed.
 * window_us: longest wait for other streams, in microseconds. The model must outlive the stream.
 * Returns NULL and sets telu_error() and telu_error_status(), from the module for device errors. */
struct telu_batch_stream *telu_batch_add(const struct telu_module *module,
                                         const struct telu_model *m, int device,
                                         enum telu_side side, unsigned window_us);

/* Removes and frees the stream; NULL is allowed. A thread waiting in telu_batch_run() returns
 * -1; no thread may call it afterwards. Removing the last stream closes the engine. */
void telu_batch_remove(struct telu_batch_stream *stream);

/* Runs one packet and waits for it; sets request->slot. Returns 0, or -1 with telu_error() and
 * telu_error_status() when the device has failed; the request is then unchanged. */
int telu_batch_run(struct telu_batch_stream *stream, struct telu_request *request);

/* Counters of one side of a batch, since the batch was created. */
struct telu_batch_stats {
    uint64_t runs, packets;
    int most;                  /* packets of the largest run */
    int streams;               /* at present */
};

/* Copies the counters of the stream's side. */
void telu_batch_stats(struct telu_batch_stream *stream, struct telu_batch_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
