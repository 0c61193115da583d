/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_edits.h - weight files that are right but for the edits that an input lists, so that it
 * reaches what lies behind 280 kB of tables. After "edit":
 *
 *   flags       bit 0: integers; bit 1: a post-network; bit 2: sums of the tensors before the edits
 *   12 bytes    the network's sizes, see edits_config()
 *
 * and then any number of operations:
 *
 *   0  bytes of an element: tensor (1 byte), place (3), the bytes (4)
 *   1  a run of equal elements: tensor (1), place (3), count / 8 (1), which number (1)
 *   2  all floats of a tensor times a power of two: tensor (1), exponent (1, signed)
 *   3  frequencies, whose sum stays: table (1), row (2), from, to (1 each), by (2)
 *   4  the places of two tensors in the file (1 each)
 *   5  the header: place (2), bytes to cut (1), bytes that follow (1), these
 *   6  the header: place (2), bytes to cut (1), which text comes there (1)
 *   7  a number of the header: which (2), what it becomes (1)
 *   8  the end of the file: bytes more or less (2, signed)
 *   9  the length of the header: more or less (1, signed)
 */
#ifndef FUZZ_EDITS_H
#define FUZZ_EDITS_H

#include "fuzz_header.h"

#define EDITS_MORE (1 << 15)           /* bytes by which a file may grow */

/* When an operation takes effect: the input is read once for each. */
enum edits_pass { EDITS_DATA, EDITS_TEXT };

/* Carries out those of the operations that belong to the pass. */
static inline void edits_run(struct edits *e, struct input in, enum edits_pass pass)
{
    /* Bytes of each operation, for the pass that it does not belong to. */
    static const uint8_t bytes[] = { 8, 6, 2, 7, 2, 4, 4, 3, 2, 1 };

    while (in.left) {
        const unsigned op = take_byte(&in) % 10;
        size_t skip = bytes[op];
        const uint8_t *at;

        e->harmful |= op < 3 || op > 4;
        if ((op < 5) != (pass == EDITS_DATA)) {
            at = take(&in, &skip);
            skip = op == 5 && skip == 4 ? at[3] % 32 : 0;
            take(&in, &skip);
        } else if (op < 2) {
            edits_element(e, &in, op == 1);
        } else if (op == 2) {
            edits_times(e, &in);
        } else if (op == 3) {
            edits_frequency(e, &in);
        } else if (op == 4) {
            edits_exchange(e, &in);
        } else if (op < 7) {
            edits_replace(e, &in, op == 6);
        } else if (op == 7) {
            edits_number(e, &in);
        } else if (op == 8) {
            e->grow += (int16_t)edits_take(&in, 2);
        } else {
            e->lie += (int8_t)take_byte(&in);
        }
    }
}

static inline void edits_sums(struct telu_weights *w)
{
    if (w->version == TELU_WEIGHTS_INTEGERS) {
        telu_weights_sum(w, w->sum);
        return;
    }
    telu_blobs_id(w->blob, w->own, w->id);
    if (w->post.blocks)
        telu_blobs_id(w->blob + w->own, w->count - w->own, w->post_id);
}

static inline void edits_config(struct input *in, struct telu_config *c,
                                struct telu_postnet_config *post)
{
    unsigned first;

    *c = (struct telu_config){
        .enc_width = 1 + (int)(take_byte(in) % 20), .enc_blocks = 1 + (int)(take_byte(in) % 3),
        .dec_width = 1 + (int)(take_byte(in) % 20), .dec_blocks = 1 + (int)(take_byte(in) % 3),
        .kernel = 1 + (int)(take_byte(in) % 15), .expand = 1 + (int)(take_byte(in) % 4),
        .latent = 1 + (int)(take_byte(in) % 20),
        .stages = 1 + (int)(take_byte(in) % TELU_MAX_STAGES),
        .codes = 2 << take_byte(in) % 7,
    };
    first = take_byte(in);
    for (int s = 0; s < c->stages; s++)
        c->dim[s] = 1 + (int)(first + 3 * (unsigned)s) % 9;
    c->env_stages = (int)(take_byte(in) % ((unsigned)c->stages + 1));
    first = take_byte(in);
    post->width = post->blocks ? 1 + (int)(first % 16) : 0;
    post->blocks *= 1 + (int)(first / 16 % 2);
}

static inline void edits_begin(struct edits *e, struct input *in, unsigned flags)
{
    struct telu_postnet_config post = { 0, flags >> 1 & 1 };
    struct telu_config cfg;
    struct telu_weights floats;

    edits_config(in, &cfg, &post);
    promise(!tiny_weights(&e->w, &cfg, &post, 5), telu_error(), 0);
    memset(e->w.id, 'a', 64);          /* of floats that nobody has */
    if (post.blocks)
        memset(e->w.post_id, 'b', 64);
    if (flags & 1) {
        floats = e->w;
        promise(!telu_weights_pack(&e->w, &floats), telu_error(), 0);
        telu_weights_close(&floats);
    }
    promise(e->w.count <= EDITS_TENSORS, "tensors", e->w.count);
    for (int i = 0; i < e->w.count; i++)
        e->order[i] = i;
}

/* Returns the file, to be freed, and its size; *harmful is 0 where it must be taken. */
static inline uint8_t *edits_file(struct input in, size_t *size, int *harmful)
{
    static struct edits e;
    const unsigned flags = take_byte(&in);
    size_t total = 0, at;
    uint8_t *file;
    long end;

    e.grow = e.lie = e.harmful = 0;
    edits_begin(&e, &in, flags);
    if (flags & 4)
        edits_sums(&e.w);
    edits_run(&e, in, EDITS_DATA);
    if (!(flags & 4))
        edits_sums(&e.w);
    edits_write(&e);
    edits_run(&e, in, EDITS_TEXT);

    for (int i = 0; i < e.w.count; i++)
        total += e.w.blob[i].bytes;
    e.grow = e.grow < EDITS_MORE ? e.grow : EDITS_MORE;
    file = calloc(1, 8 + e.n + total + EDITS_MORE);
    promise(file != NULL, "no memory", (double)total);
    for (int i = 0; i < 8; i++)
        file[i] = (uint8_t)((e.n + (size_t)e.lie) >> 8 * i);
    memcpy(file + 8, e.header, e.n);
    at = 8 + e.n;
    for (int i = 0; i < e.w.count; at += e.w.blob[e.order[i++]].bytes)
        memcpy(file + at, e.w.blob[e.order[i]].data, e.w.blob[e.order[i]].bytes);
    telu_weights_close(&e.w);
    end = (long)at + e.grow;
    *size = end > 0 ? (size_t)end : 0;
    *harmful = e.harmful || flags & 4;
    return file;
}

#endif
