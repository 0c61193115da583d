/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* batch.h - one engine for all streams of a model on a device.
 *
 * Streams live in threads of their own, and each hands in one packet at a time. Where the
 * engine is idle, that stream's thread runs it; what comes meanwhile waits, and is run as
 * one batch by a thread that belongs to the engine:
 *
 *   stream --.                                        .--> stream
 *   stream --+--> packets to encode --.               |
 *   stream --'                        +--> engine ----+--> stream
 *   stream -----> packets to decode --'               '--> stream
 *
 * What comes while a batch runs makes the next one, so that batches grow with the load
 * by themselves. A stream may also grant a window: so long its packet waits for those
 * of the others. It waits for none that let the last window pass; and when all others
 * have come, it runs at once. The two sides take turns.
 *
 * Submitting neither allocates nor waits for other streams' threads. When the device
 * fails, every stream gets the reason and its packet back untouched; the batch is dead
 * then, and whoever joins next gets an engine of its own.
 */
#ifndef TELU_BATCH_H
#define TELU_BATCH_H

#include "module.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_BATCH_MAX 1024   /* packets of one run; more streams make more runs */

struct telu_batch_stream;              /* a stream's place */

/* Takes a place in the batch of that module, model and device, which is made when there
 * is none. window: microseconds. The model must stay until the seat is left. NULL with
 * telu_error(), in the module's own words where it was the device that failed. */
struct telu_batch_stream *telu_batch_add(const struct telu_module *module,
                                  const struct telu_model *m, int device,
                                  enum telu_side side, unsigned window);

/* A thread that waits in telu_batch_run() is sent back with -1; no other may come. The
 * last to leave closes the engine. NULL is fine. */
void telu_batch_remove(struct telu_batch_stream *s);

/* Runs one packet, and waits for it; job->slot is filled in here. 0, or -1 with
 * telu_error() when the device failed, now or before: the job is then untouched. */
int telu_batch_run(struct telu_batch_stream *s, struct telu_request *job);

/* Of the seat's side, since the batch was made. */
struct telu_batch_stats {
    uint64_t runs, packets;
    int most;                  /* packets of the largest run */
    int streams;               /* now */
};

void telu_batch_stats(struct telu_batch_stream *s, struct telu_batch_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
