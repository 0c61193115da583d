/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* small_batch.h - table of the largest batches, in rows, that take the small-batch path.
 *
 * A few packets wait for latency, many packets for bandwidth, so most steps on a device have two
 * paths. Both give the same result.
 */
#ifndef TELU_SMALL_BATCH_H
#define TELU_SMALL_BATCH_H

/* The graph reads and writes pinned host memory: kernels would wait for a copy. */
#define TELU_SMALL_ZERO_COPY  8

/* Products stream packed weights: cuBLAS and its launches take longer. */
#define TELU_SMALL_PRODUCTS   32

/* Graphs have a power of two of rows; larger ones four sizes per octave, for fewer idle rows. */
#define TELU_SMALL_GRAPH      32

/* Packer, parser and synthesis give each row a block; a larger batch gives it a warp, because
 * blocks would run in several waves. */
#define TELU_SMALL_ROW_BLOCKS 128

/* The code search gives each row a block; in larger batches rows share the codes they load. */
#define TELU_SMALL_SEARCH     511

/* The same for the search of one codebook in nearest.cu, which has one stage alone. */
#define TELU_SMALL_NEAREST    1024

#endif
