/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* engine.h - many streams of one model on one device, a batch of packets at a time.
 *
 * The same codec as codec.c, packet for packet: window, MDCT, networks, rate control,
 * range coder and concealment all run on the device, and a stream's state stays there
 * in a slot. An engine belongs to one thread at a time; batch.h lets many share one.
 */
#ifndef TELU_ENGINE_H
#define TELU_ENGINE_H

#include "telu.h"

#ifdef __cplusplus
extern "C" {
#endif

struct telu_engine;

#define TELU_ENGINE_MAX_ROWS 4096 /* packets that the device is given at a time */
#define TELU_ENGINE_ZERO_COPY  8    /* of a batch, up to which nothing is copied, see engine.cu */

enum telu_side { TELU_ENCODE, TELU_DECODE };

/* One packet of one stream. Pointers are the caller's host memory. */
struct telu_request {
    int slot;
    int reset;                 /* 1: the stream begins anew, before this packet */
    struct telu_rate rate;     /* encoder */
    float *pcm;                /* [320]: read by the encoder, written by the decoder */
    uint8_t *packet;           /* [TELU_MAX_PACKET]: written by the encoder; read by the
                                * decoder, NULL: the packet was lost */
    int bytes;                 /* of the packet: out of the encoder, into the decoder */
    int result;                /* decoder: 0, or 1 when it was damaged and concealed */
    struct telu_info info;     /* out */
};

/* Where it was memory that lacked, the module's error() has "out of memory" or "no
 * memory" in its words: for users that is a reason of its own. */
struct telu_engine_ops {
    /* most: packets of one batch, 1 .. 65536. The model must outlive the engine; its
     * weights are copied. NULL with the module's error(). */
    struct telu_engine *(*open)(const struct telu_model *m, int device, int most);
    void (*close)(struct telu_engine *e);

    /* A stream's place. -1 when the device has no memory for one more; the others
     * stay as they are. */
    int (*slot_new)(struct telu_engine *e, enum telu_side side);
    void (*slot_free)(struct telu_engine *e, enum telu_side side, int slot);

    /* Runs n jobs, each of another slot of that side, and waits for them. 0, or -1
     * when the device failed: nothing that the jobs point to has then been written, or,
     * of more than TELU_ENGINE_MAX_ROWS, nothing of the last; the engine can only be
     * closed. */
    int (*run)(struct telu_engine *e, enum telu_side side, struct telu_request *jobs, int n);
};

#ifdef __cplusplus
}
#endif
#endif
