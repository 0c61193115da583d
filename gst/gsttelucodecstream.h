/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecstream.h - a stream of packets, encoded or decoded in a pass on the CPU or
 * in a batch on a device, with a fallback from the device to the CPU.
 *
 * A batch that fails returns every packet untouched. The failure is an error with
 * backend=cuda. With backend=auto the stream continues on the CPU with that very packet.
 * A fresh encoder or decoder first replays the most recent packets, which takes some
 * 10 ms once. The replay restores:
 *
 * - decoder: the whole state. The networks look back over no more packets than are kept,
 *   so that output and concealment continue unchanged.
 * - encoder: the history of its own network and of the decoder's, since the replay uses
 *   the codes that were sent; and the rate control's curves and credit of the last
 *   second. Older credit or debt is lost.
 *
 * The fallback does not affect time stamps, which the elements keep themselves. The
 * announced latency stays until the next start: reducing it would make a live sink jump.
 */
#ifndef GST_TELUCODEC_STREAM_H
#define GST_TELUCODEC_STREAM_H

#include "batch.h"
#include "gsttelucodecruntime.h"
#include "pass.h"

G_BEGIN_DECLS

typedef struct _GstTelucodecHistory GstTelucodecHistory;

/* The streaming thread owns all fields. The object lock also guards batch_stream,
 * pass_stream, fallbacks and latency, which queries and properties read. */
typedef struct
{
  GstElement *element;
  GstTelucodecRuntime *rt;
  enum telu_side side;
  gint open;                    /* atomic */

  struct telu_batch_stream *batch_stream;       /* NULL: runs on the CPU */
  struct telu_encoder *encoder; /* on the CPU, as is decoder; else NULL */
  struct telu_decoder *decoder;
  struct telu_pass_stream *pass_stream; /* on the CPU; else NULL */
  gboolean begins;              /* the next packet begins a run */
  struct telu_rate rate;
  struct telu_info info;        /* of the last packet */
  guint fallbacks;
  GstClockTime latency;         /* the batch window */

  GstTelucodecHistory *history;      /* for a fallback; NULL where none can follow */
} GstTelucodecStream;

/* Starts the stream on the device or CPU that @rt chose. The caller keeps @rt open until
 * the stream is closed. Returns FALSE with an error posted. */
gboolean gst_telucodec_stream_open (GstTelucodecStream * s,
    GstElement * element, GstTelucodecRuntime * rt, enum telu_side side);
void gst_telucodec_stream_close (GstTelucodecStream * s);

/* Returns FALSE also while the stream is being opened: the pad of an element that is
 * still starting already accepts pushes. Any thread may call it. */
gboolean gst_telucodec_stream_is_open (GstTelucodecStream * s);

/* Returns the time that a packet may wait for its batch. Any thread may call it. */
GstClockTime gst_telucodec_stream_latency (GstTelucodecStream * s);

/* Begins a new run at the same rate. */
void gst_telucodec_stream_reset (GstTelucodecStream * s);

/* Sets the rate from the next packet on. Returns FALSE with telu_error() when a field is
 * out of range. */
gboolean gst_telucodec_stream_set_rate (GstTelucodecStream * s,
    const struct telu_rate *rate);

/* Return what telu_encode() and telu_conceal() return; -1 with an error posted. */
gint gst_telucodec_stream_encode (GstTelucodecStream * s, const gfloat * pcm,
    guint8 * packet);
gint gst_telucodec_stream_conceal (GstTelucodecStream * s, gfloat * pcm);

/* Decodes n packets in their order: sets the results of the requests, of which the caller has set
 * all but the decoder. Returns FALSE with an error posted. */
gboolean gst_telucodec_stream_decode (GstTelucodecStream * s,
    struct telu_decode_request *requests, gint n);

/* Adds backend, device, batch and fallback fields. The caller holds the object lock. */
void gst_telucodec_stream_add_stats (GstTelucodecStream * s,
    GstStructure * stats);

G_END_DECLS

#endif
