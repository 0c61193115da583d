/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecstream.c - see gsttelucodecstream.h. */
#include "gsttelucodecstream.h"
#include "gsttelucodechistory.h"

#include "backend.h"

#define GST_CAT_DEFAULT gst_telucodec_debug

static const gchar *
noun (const GstTelucodecStream * s)
{
  return s->side == TELU_ENCODE ? "encoder" : "decoder";
}

/* Replaces the stream among those that share passes on the CPU. */
static void
set_pass_stream (GstTelucodecStream * s, struct telu_pass_stream *stream)
{
  struct telu_pass_stream *old;

  GST_OBJECT_LOCK (s->element);
  old = s->pass_stream;
  s->pass_stream = stream;
  GST_OBJECT_UNLOCK (s->element);
  telu_pass_remove (old);
}

/* Makes an encoder or decoder on the CPU. Returns FALSE with telu_error(). */
static gboolean
make_cpu (GstTelucodecStream * s)
{
  if (s->side == TELU_ENCODE)
    s->encoder = telu_encoder_new (s->rt->model, telu_backend_cpu ());
  else
    s->decoder = telu_decoder_new (s->rt->model, telu_backend_cpu ());
  if (s->encoder || s->decoder)
    set_pass_stream (s, telu_pass_add (s->rt->model, s->side, s->rt->window));
  return s->pass_stream != NULL;
}

static void
free_cpu (GstTelucodecStream * s)
{
  set_pass_stream (s, NULL);
  telu_encoder_free (s->encoder);
  s->encoder = NULL;
  telu_decoder_free (s->decoder);
  s->decoder = NULL;
}

static void
set_batch_stream (GstTelucodecStream * s, struct telu_batch_stream *stream)
{
  struct telu_batch_stream *old;

  GST_OBJECT_LOCK (s->element);
  old = s->batch_stream;
  s->batch_stream = stream;
  GST_OBJECT_UNLOCK (s->element);
  telu_batch_remove (old);
}

/* Joins the device's batch, or leaves s->batch_stream NULL if the CPU may run instead.
 * Returns FALSE with an error posted. */
static gboolean
open_on_device (GstTelucodecStream * s)
{
  GstTelucodecRuntime *rt = s->rt;
  struct telu_batch_stream *stream = telu_batch_add (rt->module, rt->model,
      rt->device, s->side, rt->window);
  gboolean full, ok;
  gchar *text;

  if (stream) {
    set_batch_stream (s, stream);
    if (!rt->required)
      s->history = gst_telucodec_history_new (rt->model, s->side);
    return TRUE;
  }
  full = telu_error_status () == TELU_ERR_NO_MEMORY;
  text = g_strdup_printf ("The %s cannot start on the CUDA device %d (%s): %s",
      noun (s), rt->device, rt->device_name, telu_error ());
  ok = gst_telucodec_runtime_give_up_cuda (rt, s->element, GST_MESSAGE_WARNING,
      full ? GST_RESOURCE_ERROR : GST_LIBRARY_ERROR,
      full ? (gint) GST_RESOURCE_ERROR_NO_SPACE_LEFT :
      (gint) GST_LIBRARY_ERROR_INIT, text);
  g_free (text);
  return ok;
}

gboolean
gst_telucodec_stream_open (GstTelucodecStream * s, GstElement * element,
    GstTelucodecRuntime * rt, enum telu_side side)
{
  s->element = element;
  s->rt = rt;
  s->side = side;
  s->rate = telu_rate_init ();
  s->begins = TRUE;
  GST_OBJECT_LOCK (element);
  s->fallbacks = 0;
  s->latency = rt->window * GST_USECOND;
  GST_OBJECT_UNLOCK (element);

  if (rt->module && !open_on_device (s))
    return FALSE;
  if (!s->batch_stream && !make_cpu (s)) {
    free_cpu (s);
    gst_telucodec_runtime_post (element, GST_MESSAGE_ERROR, GST_LIBRARY_ERROR,
        GST_LIBRARY_ERROR_INIT, "The %s could not be made: %s", noun (s),
        telu_error ());
    return FALSE;
  }
  if (s->batch_stream)
    gst_telucodec_runtime_set_active (rt, element, "cuda", "cuda");
  else
    gst_telucodec_runtime_set_active (rt, element, "cpu",
        telu_backend_cpu ()->name);
  g_atomic_int_set (&s->open, TRUE);
  return TRUE;
}

void
gst_telucodec_stream_close (GstTelucodecStream * s)
{
  if (s->pass_stream) {
    struct telu_batch_stats passes;

    telu_pass_stats (s->pass_stream, &passes);
    GST_INFO_OBJECT (s->element, "%d streams side by side, %" G_GUINT64_FORMAT
        " packets in %" G_GUINT64_FORMAT " passes", passes.streams,
        passes.packets, passes.runs);
  }
  g_atomic_int_set (&s->open, FALSE);
  set_batch_stream (s, NULL);
  free_cpu (s);
  gst_telucodec_history_free (s->history);
  s->history = NULL;
  gst_telucodec_runtime_set_active (s->rt, s->element, NULL, NULL);
}

gboolean
gst_telucodec_stream_is_open (GstTelucodecStream * s)
{
  return g_atomic_int_get (&s->open);
}

GstClockTime
gst_telucodec_stream_latency (GstTelucodecStream * s)
{
  GstElement *element = s->element;
  GstClockTime latency;

  if (!element)
    return 0;
  GST_OBJECT_LOCK (element);
  latency = s->latency;
  GST_OBJECT_UNLOCK (element);
  return latency;
}

void
gst_telucodec_stream_reset (GstTelucodecStream * s)
{
  s->begins = TRUE;
  gst_telucodec_history_clear (s->history);
  if (s->encoder)
    telu_encoder_reset (s->encoder);
  if (s->decoder)
    telu_decoder_reset (s->decoder);
}

gboolean
gst_telucodec_stream_set_rate (GstTelucodecStream * s,
    const struct telu_rate *rate)
{
  if (s->encoder && telu_encoder_set (s->encoder, rate) < 0)
    return FALSE;
  s->rate = *rate;
  return TRUE;
}

/* --- Fallback from the device to the CPU ------------------------------------- */

/* Makes a CPU stream with the state that the device's stream had. */
static gboolean
take_over (GstTelucodecStream * s)
{
  if (!make_cpu (s))
    return FALSE;
  if (s->encoder)
    return gst_telucodec_history_replay_encoder (s->history, s->encoder) == 0
        && telu_encoder_set (s->encoder, &s->rate) == 0;
  return gst_telucodec_history_replay_decoder (s->history, s->decoder) == 0;
}

/* Moves the stream to the CPU after telu_error() kept a packet from running. Returns
 * FALSE with an error posted. */
static gboolean
fall_back (GstTelucodecStream * s)
{
  gchar *text = g_strdup_printf ("The %s failed on the CUDA device %d (%s): %s",
      noun (s), s->rt->device, s->rt->device_name, telu_error ());
  const gboolean full = telu_error_status () == TELU_ERR_NO_MEMORY;
  const GQuark domain = full ? GST_RESOURCE_ERROR : GST_LIBRARY_ERROR;
  const gint code = full ? (gint) GST_RESOURCE_ERROR_NO_SPACE_LEFT :
      s->side == TELU_ENCODE ? (gint) GST_LIBRARY_ERROR_ENCODE :
      (gint) GST_LIBRARY_ERROR_FAILED;
  gboolean ok = gst_telucodec_runtime_give_up_cuda (s->rt, s->element,
      GST_MESSAGE_WARNING, domain, code, text);

  g_free (text);
  if (!ok)
    return FALSE;
  if (!take_over (s)) {
    free_cpu (s);
    gst_telucodec_runtime_post (s->element, GST_MESSAGE_ERROR,
        GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT,
        "The CPU cannot take over: %s", telu_error ());
    return FALSE;
  }
  set_batch_stream (s, NULL);
  gst_telucodec_history_free (s->history);
  s->history = NULL;
  GST_OBJECT_LOCK (s->element);
  s->fallbacks++;
  GST_OBJECT_UNLOCK (s->element);
  gst_telucodec_runtime_set_active (s->rt, s->element, "cpu",
      telu_backend_cpu ()->name);
  return TRUE;
}

typedef enum
{
  DONE,                         /* the device ran the packet */
  USE_CPU,
  FAILED                        /* an error is posted */
} Outcome;

static Outcome
run_on_device (GstTelucodecStream * s, struct telu_request *request)
{
  if (!s->batch_stream)
    return USE_CPU;
  request->reset = s->begins;
  request->rate = s->rate;
  if (telu_batch_run (s->batch_stream, request) < 0)
    return fall_back (s) ? USE_CPU : FAILED;
  s->begins = FALSE;
  s->info = request->info;
  return DONE;
}

static gint
fail (GstTelucodecStream * s, gint code, const gchar * what)
{
  gst_telucodec_runtime_post (s->element, GST_MESSAGE_ERROR, GST_STREAM_ERROR,
      code, "%s failed: %s", what, telu_error ());
  return -1;
}

/* --- Packets ----------------------------------------------------------------- */

gint
gst_telucodec_stream_encode (GstTelucodecStream * s, const gfloat * pcm,
    guint8 * packet)
{
  struct telu_request request = {.pcm = (gfloat *) pcm,.packet = packet };
  struct telu_encode_request on_cpu = {.pcm = pcm,.packet = packet };
  const Outcome outcome = run_on_device (s, &request);
  gint size;

  if (outcome == DONE) {
    gst_telucodec_history_add_encoded (s->history, pcm, &s->rate, packet,
        request.bytes);
    return request.bytes;
  }
  if (outcome == FAILED)
    return -1;
  on_cpu.encoder = s->encoder;
  size = telu_pass_encode (s->pass_stream, &on_cpu);
  if (size < 1)
    return fail (s, GST_STREAM_ERROR_ENCODE, "Encoding");
  telu_encoder_info (s->encoder, &s->info);
  return size;
}

/* Decodes packets on the CPU: one may run beside those of other streams. */
static gboolean
decode_on_cpu (GstTelucodecStream * s, struct telu_decode_request *requests, gint n,
    const gchar * what)
{
  gint ret;

  for (gint i = 0; i < n; i++)
    requests[i].decoder = s->decoder;
  ret = n == 1 ? telu_pass_decode (s->pass_stream, requests) : telu_decode_many (requests, n);
  return ret >= 0 || fail (s, GST_STREAM_ERROR_DECODE, what) == 0;
}

/* Decodes one packet on the device, or conceals it without bytes. */
static Outcome
decode_on_device (GstTelucodecStream * s, struct telu_decode_request *r)
{
  struct telu_request request = {.pcm = r->pcm,.packet = (guint8 *) r->packet,
    .bytes = (gint) MIN (r->size, TELU_MAX_PACKET)
  };
  const Outcome outcome = run_on_device (s, &request);

  if (outcome == DONE) {
    r->result = request.result;
    gst_telucodec_history_add_decoded (s->history,
        request.result ? NULL : r->packet, r->size);
  }
  return outcome;
}

static gboolean
decode (GstTelucodecStream * s, struct telu_decode_request *requests, gint n,
    const gchar * what)
{
  Outcome outcome = DONE;
  gint done = 0;

  while (done < n && (outcome = decode_on_device (s, &requests[done])) == DONE)
    done++;
  return outcome == DONE || (outcome == USE_CPU
      && decode_on_cpu (s, requests + done, n - done, what));
}

gboolean
gst_telucodec_stream_decode (GstTelucodecStream * s,
    struct telu_decode_request *requests, gint n)
{
  return decode (s, requests, n, "Decoding");
}

gint
gst_telucodec_stream_conceal (GstTelucodecStream * s, gfloat * pcm)
{
  struct telu_decode_request request = {.pcm = pcm };

  return decode (s, &request, 1, "Concealment") ? request.result : -1;
}

void
gst_telucodec_stream_add_stats (GstTelucodecStream * s, GstStructure * stats)
{
  const GstTelucodecRuntime *rt = s->rt;
  struct telu_batch_stats batch = { 0 };

  if (s->batch_stream)
    telu_batch_stats (s->batch_stream, &batch);
  else if (s->pass_stream)
    telu_pass_stats (s->pass_stream, &batch);
  gst_structure_set (stats,
      "model-id", G_TYPE_STRING,
      rt && rt->model ? telu_model_id (rt->model) : "",
      "active-backend", G_TYPE_STRING, rt && rt->active ? rt->active : "none",
      "kernels", G_TYPE_STRING, rt && rt->active ? rt->kernels : "none",
      "device", G_TYPE_STRING, s->batch_stream ? rt->device_name : "",
      "batch-streams", G_TYPE_INT, batch.streams,
      "batch-mean", G_TYPE_DOUBLE,
      batch.runs ? (gdouble) batch.packets / batch.runs : 0.0,
      "batch-most", G_TYPE_INT, batch.most,
      "fallbacks", G_TYPE_UINT, s->fallbacks,
      "fallback-reason", G_TYPE_STRING,
      rt && rt->fallback_reason ? rt->fallback_reason : "", NULL);
}
