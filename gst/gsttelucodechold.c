/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodechold.c - decodes the packets of telucodecdec, several together where it may hold them
 * back: the property batch-packets. */
#include "gsttelucodecdec.h"

#include <string.h>

#define GST_CAT_DEFAULT gst_telucodec_debug

void
gst_telucodec_dec_drop_held (GstTelucodecDec * self)
{
  while (self->held_packets > 0)
    gst_buffer_unref (self->held[--self->held_packets]);
}

/* Counts a damaged packet, which libtelu has concealed. Posts a warning for the first
 * one, and lets the property max-errors end the stream. */
static GstFlowReturn
report_corrupt (GstTelucodecDec * self)
{
  GstFlowReturn ret = GST_FLOW_OK;
  guint64 corrupt;

  GST_OBJECT_LOCK (self);
  corrupt = ++self->corrupt;
  GST_OBJECT_UNLOCK (self);

  self->bad_in_row++;
  if (corrupt == 1)
    GST_ELEMENT_WARNING (self, STREAM, DECODE,
        ("A damaged packet was concealed; the property stats counts further "
            "ones."), (NULL));
  /* The weight is the length of the row, since the base class restarts its count
   * with each output. */
  GST_AUDIO_DECODER_ERROR (self, (gint) MIN (self->bad_in_row, G_MAXINT),
      STREAM, DECODE, ("%u damaged packets in a row", self->bad_in_row),
      (NULL), ret);
  return ret;
}

/* Pushes the samples of a packet. */
static GstFlowReturn
push (GstTelucodecDec * self, GstBuffer * buf, gfloat * pcm, gint result)
{
  GstAudioDecoder *dec = GST_AUDIO_DECODER (self);
  GstFlowReturn ret = GST_FLOW_OK;
  guint64 start, end;
  GstBuffer *out;

  gst_telucodec_read_clip (buf, &start, &end);
  self->unused = 0;
  gst_telucodec_dec_earn_fill (self);
  gst_telucodec_noise_receive (&self->noise, pcm);
  if (result == 0)
    self->bad_in_row = 0;
  else
    ret = report_corrupt (self);
  if (ret != GST_FLOW_OK)
    return ret;

  if (start + end == TELU_PACKET)
    return gst_audio_decoder_finish_frame (dec, NULL, 1);
  out = gst_telucodec_dec_make_buffer (self, pcm + start,
      TELU_PACKET - start - end);
  if (!out)
    return GST_FLOW_ERROR;
  return gst_audio_decoder_finish_frame (dec, out, 1);
}

/* Decodes the packets into self->held_pcm. Returns FALSE with an error posted. */
static gboolean
decode (GstTelucodecDec * self, GstBuffer ** bufs, gint n,
    struct telu_decode_request *requests)
{
  GstClockTime busy;
  GstMapInfo map[GST_TELUCODEC_DEC_HELD];
  gboolean ok = TRUE;
  gint mapped;

  for (mapped = 0; ok && mapped < n; mapped += ok) {
    ok = gst_telucodec_map (GST_ELEMENT (self), bufs[mapped], &map[mapped]);
    if (ok)
      requests[mapped] = (struct telu_decode_request) {
        .packet = map[mapped].data,.size = map[mapped].size,
        .pcm = self->held_pcm[mapped]
      };
  }
  busy = gst_util_get_timestamp ();
  ok = ok && gst_telucodec_stream_decode (&self->stream, requests, n);
  busy = gst_util_get_timestamp () - busy;
  while (mapped-- > 0)
    gst_buffer_unmap (bufs[mapped], &map[mapped]);
  if (!ok)
    return FALSE;
  GST_OBJECT_LOCK (self);
  self->pushed += n;
  self->coded_samples += n * TELU_PACKET;
  self->busy += busy;
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

GstFlowReturn
gst_telucodec_dec_decode_held (GstTelucodecDec * self)
{
  struct telu_decode_request requests[GST_TELUCODEC_DEC_HELD];
  GstBuffer *bufs[GST_TELUCODEC_DEC_HELD];
  const gint n = self->held_packets;
  GstFlowReturn ret;

  if (n == 0)
    return GST_FLOW_OK;
  /* Whoever gets the sound may flush. */
  memcpy (bufs, self->held, n * sizeof (*bufs));
  self->held_packets = 0;
  ret = gst_telucodec_dec_renegotiate (self);
  if (ret == GST_FLOW_OK && !decode (self, bufs, n, requests))
    ret = GST_FLOW_ERROR;
  for (gint i = 0; i < n; i++) {
    if (ret == GST_FLOW_OK)
      ret = push (self, bufs[i], self->held_pcm[i], requests[i].result);
    gst_buffer_unref (bufs[i]);
  }
  return ret;
}

GstFlowReturn
gst_telucodec_dec_take_packet (GstTelucodecDec * self, GstBuffer * buf)
{
  /* Backward, the base class takes a packet without sound for one to decode again. */
  const gint most = GST_AUDIO_DECODER (self)->input_segment.rate < 0.0 ? 1 : self->hold;
  GstFlowReturn ret = GST_FLOW_OK;

  if (gst_telucodec_begins_run (buf)) {
    ret = gst_telucodec_dec_decode_held (self);
    gst_telucodec_dec_reset_run (self);
  }
  if (ret != GST_FLOW_OK)
    return ret;
  self->held[self->held_packets++] = gst_buffer_ref (buf);
  return self->held_packets < most ? GST_FLOW_OK : gst_telucodec_dec_decode_held (self);
}
