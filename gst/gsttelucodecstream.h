/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecstream.h - a stream of packets, encoded or decoded on the CPU or in a
 * batch on a device, and what happens when the device fails.
 *
 * A batch that fails gives every packet back untouched. With backend=cuda that is an
 * error. With backend=auto the stream goes on on the CPU with that very packet: here the
 * last packets are remembered, and a fresh encoder or decoder is led through them first,
 * which takes some 10 ms once. What it then knows:
 *
 * - decoder: everything. The networks look back over no more packets than are kept,
 *   so that sound and concealment go on as if nothing had happened.
 * - encoder: the networks' pasts, both its own and that of whoever decodes, since it
 *   takes over the codes that were sent; and the rate control's curves and credit of
 *   the last second. What was saved or owed before that is forgotten.
 *
 * Time stamps are the elements' own and know nothing of it. The latency stays as it was
 * announced until the next start: less of it would make a live sink jump.
 */
#ifndef GST_TELUCODEC_STREAM_H
#define GST_TELUCODEC_STREAM_H

#include "batch.h"
#include "gsttelucodecruntime.h"

G_BEGIN_DECLS

typedef struct _GstTelucodecPast GstTelucodecPast;

/* Of the streaming thread, but for seat, fallbacks and latency, which the object lock
 * guards against those who ask. */
typedef struct
{
  GstElement *element;
  GstTelucodecRuntime *rt;
  enum telu_side side;
  gint open;                    /* atomic */

  struct telu_batch_stream *seat;       /* NULL: on the CPU */
  struct telu_encoder *encoder;
  struct telu_decoder *decoder;
  gboolean begins;              /* the next packet begins a run */
  struct telu_rate rate;
  struct telu_info info;        /* of the last packet */
  guint fallbacks;
  GstClockTime latency;         /* of the batch's window */

  GstTelucodecPast *past;       /* NULL: nothing would be made of it */
} GstTelucodecStream;

/* Where the runtime says, which must be open, and stay so until the stream is closed.
 * FALSE with an error posted. */
gboolean gst_telucodec_stream_open (GstTelucodecStream * s,
    GstElement * element, GstTelucodecRuntime * rt, enum telu_side side);
void gst_telucodec_stream_close (GstTelucodecStream * s);

/* FALSE also while it is being opened: whoever pushes into an element that is just
 * starting is not held up by its pad. */
gboolean gst_telucodec_stream_is_open (GstTelucodecStream * s);

/* By how much a packet may be late because it waits for others. From any thread. */
GstClockTime gst_telucodec_stream_latency (GstTelucodecStream * s);

/* A new run begins, with the same rate. */
void gst_telucodec_stream_reset (GstTelucodecStream * s);

/* From the next packet on. FALSE with telu_error() when it is out of range. */
gboolean gst_telucodec_stream_set_rate (GstTelucodecStream * s,
    const struct telu_rate *rate);

/* As telu_encode(), telu_decode() and telu_conceal(); -1 with an error posted. */
gint gst_telucodec_stream_encode (GstTelucodecStream * s, const gfloat * pcm,
    guint8 * packet);
gint gst_telucodec_stream_decode (GstTelucodecStream * s, const guint8 * packet,
    gsize size, gfloat * pcm);
gint gst_telucodec_stream_conceal (GstTelucodecStream * s, gfloat * pcm);

/* With the object lock: where it runs, and how that goes. */
void gst_telucodec_stream_add_stats (GstTelucodecStream * s,
    GstStructure * stats);

G_END_DECLS

#endif
