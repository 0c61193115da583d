/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecgap.c - fills GAP events with concealed sound or comfort noise for telucodecdec. */
#include "gsttelucodecdec.h"

#define GST_CAT_DEFAULT gst_telucodec_debug

/* Concealment ends after 10 s, long after libtelu has faded to silence. Gaps of up to a
 * minute continue as silence in pieces of 1 s. A stream may claim a gap of any length, so
 * that a longer one continues as a GAP event, which costs no memory: a sink that plays
 * waits, and one that writes a file cuts. */
#define CONCEAL_SAMPLES (G_GUINT64_CONSTANT (10) * TELU_RATE)
#define SILENCE_SAMPLES TELU_RATE
#define FILL_SAMPLES (G_GUINT64_CONSTANT (60) * TELU_RATE)

/* A file may claim many gaps of less than a minute with a packet of some bytes behind each. Gaps
 * that are longer than those of a call are paid for by packets. */
#define FREE_SAMPLES TELU_RATE
#define EARNED_SAMPLES (TELU_RATE / 2)

void
gst_telucodec_dec_start_fill (GstTelucodecDec * self)
{
  self->fill = FILL_SAMPLES;
}

void
gst_telucodec_dec_earn_fill (GstTelucodecDec * self)
{
  self->fill = MIN (self->fill + EARNED_SAMPLES, FILL_SAMPLES);
}

/* Returns the samples of a gap that become sound, and pays for them. */
static guint64
pay_gap (GstTelucodecDec * self, guint64 all)
{
  guint64 want = all;

  if (all <= FREE_SAMPLES)
    return all;
  if (all > self->fill)
    want = MIN (CONCEAL_SAMPLES, MAX (self->fill, FREE_SAMPLES));
  want = MIN (want, all);
  self->fill -= MIN (want, self->fill);
  return want;
}

/* Conceals one more packet into self->pcm. Returns FALSE with an error posted. */
static gboolean
conceal (GstTelucodecDec * self)
{
  GstClockTime busy = gst_util_get_timestamp ();
  gint ret = gst_telucodec_stream_conceal (&self->stream, self->pcm);

  if (ret >= 0)
    gst_telucodec_noise_add (&self->noise, self->pcm);
  busy = gst_util_get_timestamp () - busy;
  GST_OBJECT_LOCK (self);
  self->busy += busy;
  self->coded_samples += TELU_PACKET;
  GST_OBJECT_UNLOCK (self);
  return ret >= 0;
}

/* Returns the samples that a gap covers, counted between its rounded ends, so that
 * consecutive gaps add up. */
static guint64
gap_samples (GstBuffer * buf)
{
  const GstClockTime duration = GST_BUFFER_DURATION (buf);
  GstClockTime pts = GST_BUFFER_PTS (buf);

  if (!GST_CLOCK_TIME_IS_VALID (duration))
    return TELU_PACKET;
  if (!GST_CLOCK_TIME_IS_VALID (pts) || pts > G_MAXUINT64 - duration)
    pts = 0;
  return gst_util_uint64_scale_round (pts + duration, TELU_RATE, GST_SECOND) -
      gst_util_uint64_scale_round (pts, TELU_RATE, GST_SECOND);
}

/* Pushes the rest of a long gap, of which `done` samples are filled, as an event. */
static void
push_rest (GstTelucodecDec * self, GstBuffer * gap, guint64 done)
{
  const GstClockTime filled = gst_util_uint64_scale (done, GST_SECOND, TELU_RATE);

  GST_INFO_OBJECT (self, "gap of %" GST_TIME_FORMAT ": silence ends after %"
      GST_TIME_FORMAT, GST_TIME_ARGS (GST_BUFFER_DURATION (gap)),
      GST_TIME_ARGS (filled));
  if (GST_BUFFER_PTS_IS_VALID (gap))
    gst_pad_push_event (GST_AUDIO_DECODER_SRC_PAD (self),
        gst_event_new_gap (GST_BUFFER_PTS (gap) + filled,
            GST_BUFFER_DURATION (gap) - filled));
}

/* Sets self->pcm from *from on to the next samples of the gap, at most `most`. Returns their
 * number, 0 with an error posted. The decoder's state stays as it is during the sender's
 * silence, since the encoder's does too; and so does noise where a packet of it is lost. */
static gint
next_samples (GstTelucodecDec * self, gint * from, guint64 most)
{
  gint n;

  if (self->silence || self->noise.running) {
    self->unused = *from = 0;
    n = MIN (most, TELU_PACKET);
    gst_telucodec_noise_fill (&self->noise, self->pcm, n);
    return n;
  }
  if (self->unused == 0) {
    if (!conceal (self))
      return 0;
    self->unused = TELU_PACKET;
  }
  n = MIN ((guint64) self->unused, most);
  *from = TELU_PACKET - self->unused;
  self->unused -= n;
  return n;
}

/* Pushes all samples in sub-frames, and an empty one at the end: finish_frame() would
 * give the last one the time stamp of the gap's beginning. */
GstFlowReturn
gst_telucodec_dec_fill_gap (GstTelucodecDec * self, GstBuffer * gap)
{
  GstAudioDecoder *dec = GST_AUDIO_DECODER (self);
  const guint64 all = gap_samples (gap);
  const guint64 want = pay_gap (self, all);
  const gboolean noise = self->silence || self->noise.running;
  GstFlowReturn ret = GST_FLOW_OK, finish;
  guint64 done = 0;

  while (ret == GST_FLOW_OK && done < want) {
    const gboolean silent = done >= CONCEAL_SAMPLES;
    gint from = 0, n;
    GstBuffer *out;

    if (silent) {
      self->unused = 0;
      n = MIN ((guint64) SILENCE_SAMPLES, want - done);
    } else {
      n = next_samples (self, &from, want - done);
    }
    out = n > 0 ? gst_telucodec_dec_make_buffer (self, silent ? NULL : self->pcm + from,
        n) : NULL;
    if (!out) {
      ret = GST_FLOW_ERROR;
      break;
    }
    ret = gst_audio_decoder_finish_subframe (dec, out);
    done += n;
  }

  GST_OBJECT_LOCK (self);
  self->gaps++;
  if (noise) {
    self->noise_samples += done;
  } else {
    self->plc_samples += done;
    self->plc_duration =
        gst_util_uint64_scale (self->plc_samples, GST_SECOND, TELU_RATE);
  }
  GST_OBJECT_UNLOCK (self);

  finish = gst_audio_decoder_finish_subframe (dec, NULL);
  if (ret == GST_FLOW_OK && done < all)
    push_rest (self, gap, done);
  return ret == GST_FLOW_OK ? finish : ret;
}
