/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* engine.h - runs batches of packets, each of another stream, of one model on one device.
 *
 * The codec is that of codec.c, packet for packet: window, MDCT, networks, rate control, range
 * coder and concealment run on the device. Each stream's state stays there in a slot. Only one
 * thread may use an engine at a time; batch.h shares it among threads.
 */
#ifndef TELU_ENGINE_H
#define TELU_ENGINE_H

#include "small_batch.h"
#include "telu.h"

#ifdef __cplusplus
extern "C" {
#endif

struct telu_engine;

#define TELU_ENGINE_MAX_ROWS 4096      /* packets per graph; larger batches run in pieces */

enum telu_side { TELU_ENCODE, TELU_DECODE };

/* One packet of one stream. Pointers refer to host memory of the caller. */
struct telu_request {
    int slot;
    int reset;                 /* 1: the stream restarts before this packet */
    struct telu_rate rate;     /* encoder */
    float *pcm;                /* [320]: read by the encoder, written by the decoder */
    uint8_t *packet;           /* [TELU_MAX_PACKET]: written by the encoder; read by the
                                * decoder, NULL: the packet was lost */
    int bytes;                 /* of the packet: set by the encoder, given to the decoder */
    int result;                /* decoder: 0, or 1: the packet was damaged and concealed */
    struct telu_info info;     /* set by both */
};

/* Failures leave a text in the module's error() and a status in its status():
 * TELU_ERR_NO_MEMORY when host or device memory ran out. */
struct telu_engine_ops {
    /* most: packets per batch, 1 .. 65536. Copies the weights; the model must outlive the
     * engine. Returns NULL on failure. */
    struct telu_engine *(*open)(const struct telu_model *m, int device, int most);
    void (*close)(struct telu_engine *e);

    /* Allocates a stream's state. Returns the slot, or -1, for instance when the device has
     * no memory left; other slots are unaffected. */
    int (*slot_new)(struct telu_engine *e, enum telu_side side);
    void (*slot_free)(struct telu_engine *e, enum telu_side side, int slot);

    /* Runs n requests of n different slots of that side and waits for them. Returns 0, or -1
     * when the device failed; the engine can then only be closed. After a failure no request
     * has been written, or, of more than TELU_ENGINE_MAX_ROWS, none of the last piece. */
    int (*run)(struct telu_engine *e, enum telu_side side, struct telu_request *requests, int n);
};

#ifdef __cplusplus
}
#endif
#endif
