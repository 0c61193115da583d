/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecenc.c - encodes audio/x-raw into audio/x-telucodec.
 *
 * Packet k decodes to the samples [320k - 80, 320k + 240) of its run:
 *
 *   input    |<-- 320 -->|<-- 320 -->|<-- 320 -->|<- r ->| end
 *   packet   |<- 240 ->|<-- 320 -->|<-- 320 -->|<- 80+r ->|
 *            0         1           2           3
 *
 * The encoder reports these samples to the base class, so that time stamps and
 * durations are those of the decoded samples. The latency is 400 samples, since 80
 * samples come out with the next packet. A run ends with EOS, SEGMENT, new caps or a
 * flush.
 */

/**
 * SECTION:element-telucodecenc
 * @title: telucodecenc
 * @see_also: telucodecdec, telucodecmux
 *
 * Encodes speech, 16 kHz mono, into TeluCodec packets of 20 ms at 500 to
 * 64000 bit/s. The decoded stream has exactly the input's samples: the first and last
 * packets carry a #GstAudioClippingMeta in samples.
 *
 * The default backend=auto encodes on a CUDA device if module, driver and device exist,
 * else on the CPU. Elements of one process that share weights run as one batch on the
 * device, and up to eight packets as one pass on a core of a busy CPU. If the device fails,
 * the stream continues on the CPU without losing a packet, and a warning is posted. With
 * backend=cuda a missing or failing device is an error. The properties active-backend and
 * stats report what is used.
 *
 * Time stamps that deviate from the count of samples by at most the tolerance, 40 ms,
 * count as jitter: the output's are perfect. A larger jump is kept, and the packet at
 * the jump holds samples of both sides. With hard-resync set, the run ends there and a
 * new one begins. With perfect-timestamp=false the output follows the input's jitter.
 *
 * In a call, packet-loss-percentage and packet-loss-run tell which losses to be ready for:
 * rtptelucodecpay then repeats what suits them, within the bit rate, and tells how many packets a
 * payload has by the upstream event telucodec-payload, field packets. With dtx=true nothing
 * but descriptions of the background is sent while there is no speech.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=speech.wav ! decodebin ! audioconvert ! \
    audioresample ! telucodecenc bitrate=16000 ! telucodecmux ! \
    filesink location=speech.tlc
 * ]| Compresses a file.
 * |[
 * gst-launch-1.0 autoaudiosrc ! audioconvert ! audioresample ! telucodecenc ! \
    telucodecdec ! audioconvert ! audioresample ! autoaudiosink
 * ]| Plays the microphone at the quality of 16 kbit/s.
 *
 * Since: 0.1
 */
#include "gsttelucodecenc.h"
#include "gsttelucodecpcm.h"
#include "gsttelucodecredundancy.h"

#include <string.h>

GST_DEBUG_CATEGORY_STATIC (gst_telucodec_enc_debug);
#define GST_CAT_DEFAULT gst_telucodec_enc_debug

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_TELUCODEC_CAPS_RAW));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_TELUCODEC_CAPS_FRAMED));

G_DEFINE_TYPE_WITH_CODE (GstTelucodecEnc, gst_telucodec_enc,
    GST_TYPE_AUDIO_ENCODER,
    G_IMPLEMENT_INTERFACE (GST_TYPE_PRESET, NULL);
    G_IMPLEMENT_INTERFACE (GST_TYPE_TAG_SETTER, NULL));

GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (telucodecenc, "telucodecenc",
    GST_RANK_PRIMARY, GST_TYPE_TELUCODEC_ENC,
    GST_DEBUG_CATEGORY_INIT (gst_telucodec_enc_debug, "telucodecenc", 0,
        "TeluCodec encoder"));

static void
reset_run (GstTelucodecEnc * self)
{
  gst_telucodec_stream_reset (&self->stream);
  gst_telucodec_activity_reset (&self->activity);
  self->started = self->stamped = FALSE;
  self->held = 0;
  self->silent = 0;
  self->skipped = 0;
  self->end = GST_CLOCK_TIME_NONE;
}

/* Refuses a buffer that cannot be read. Takes the time stamp from one that the base class could
 * not subtract the samples it holds from, at most GST_TELUCODEC_ENC_LATENCY: it would end the
 * stream when time stamps go back to 0, and would set wrong ones behind DISCONT without a time
 * stamp. */
static GstFlowReturn
gst_telucodec_enc_chain (GstPad * pad, GstObject * parent, GstBuffer * buf)
{
  GstTelucodecEnc *self = GST_TELUCODEC_ENC (parent);
  GstFlowReturn ret;

  if (!gst_telucodec_can_read (GST_ELEMENT (self), buf)) {
    gst_buffer_unref (buf);
    return GST_FLOW_ERROR;
  }
  /* A pad is open to other threads a moment before start(). */
  GST_AUDIO_ENCODER_STREAM_LOCK (self);
  if (self->stamped && (!GST_BUFFER_PTS_IS_VALID (buf)
          || GST_BUFFER_PTS (buf) < GST_TELUCODEC_ENC_LATENCY * GST_SECOND / TELU_RATE)) {
    buf = gst_buffer_make_writable (buf);
    GST_BUFFER_PTS (buf) = GST_CLOCK_TIME_NONE;
    GST_BUFFER_FLAG_UNSET (buf, GST_BUFFER_FLAG_DISCONT);
  }
  ret = self->base_chain (pad, parent, buf);
  self->stamped = TRUE;
  GST_AUDIO_ENCODER_STREAM_UNLOCK (self);
  return ret;
}

/* NULL -> READY */
static gboolean
gst_telucodec_enc_open (GstAudioEncoder * enc)
{
  GstTelucodecEnc *self = GST_TELUCODEC_ENC (enc);

  return gst_telucodec_runtime_probe (&self->runtime, GST_ELEMENT (self));
}

static gboolean
gst_telucodec_enc_start (GstAudioEncoder * enc)
{
  GstTelucodecEnc *self = GST_TELUCODEC_ENC (enc);
  GstClockTime latency =
      gst_util_uint64_scale_int (GST_TELUCODEC_ENC_LATENCY, GST_SECOND, TELU_RATE);

  if (!gst_telucodec_runtime_open (&self->runtime, GST_ELEMENT (self), FALSE))
    return FALSE;

  GST_OBJECT_LOCK (self);
  self->rate_changed = TRUE;
  self->payload_packets = 1;
  self->payload_changed = FALSE;
  self->packets = self->bytes = self->silent_packets = 0;
  self->busy = 0;
  memset (&self->last, 0, sizeof (self->last));
  GST_OBJECT_UNLOCK (self);
  GST_AUDIO_ENCODER_STREAM_LOCK (self);
  reset_run (self);
  GST_AUDIO_ENCODER_STREAM_UNLOCK (self);

  /* Packets may arrive as soon as the stream is open. */
  if (!gst_telucodec_stream_open (&self->stream, GST_ELEMENT (self),
          &self->runtime, TELU_ENCODE)) {
    gst_telucodec_runtime_close (&self->runtime, GST_ELEMENT (self));
    return FALSE;
  }

  latency += gst_telucodec_stream_latency (&self->stream);
  gst_audio_encoder_set_latency (enc, latency, latency);
  return TRUE;
}

static gboolean
gst_telucodec_enc_stop (GstAudioEncoder * enc)
{
  GstTelucodecEnc *self = GST_TELUCODEC_ENC (enc);

  gst_telucodec_stream_close (&self->stream);
  gst_telucodec_runtime_close (&self->runtime, GST_ELEMENT (self));
  return TRUE;
}

static gboolean
gst_telucodec_enc_set_format (GstAudioEncoder * enc, GstAudioInfo * info)
{
  GstTelucodecEnc *self = GST_TELUCODEC_ENC (enc);
  const gchar *name;
  GstCaps *caps;
  gboolean ok;

  if (!gst_telucodec_stream_is_open (&self->stream))
    return FALSE;

  /* The base class has drained the run before, and has reset these. It now passes
   * one packet's samples at a time, and fewer only at the end. */
  gst_audio_encoder_set_frame_samples_min (enc, TELU_PACKET);
  gst_audio_encoder_set_frame_samples_max (enc, TELU_PACKET);
  gst_audio_encoder_set_frame_max (enc, 1);

  self->s16 = GST_AUDIO_INFO_FORMAT (info) == GST_AUDIO_FORMAT_S16LE;
  reset_run (self);

  caps = gst_caps_new_simple (GST_TELUCODEC_MEDIA_TYPE,
      "framed", G_TYPE_BOOLEAN, TRUE, "rate", G_TYPE_INT, TELU_RATE,
      "channels", G_TYPE_INT, 1, GST_TELUCODEC_MODEL_ID, G_TYPE_STRING,
      telu_model_id (self->runtime.model), NULL);
  name = gst_telucodec_model_name (self->runtime.shared);
  if (name)
    gst_caps_set_simple (caps, GST_TELUCODEC_MODEL_NAME, G_TYPE_STRING, name, NULL);
  ok = gst_audio_encoder_set_output_format (enc, caps);
  gst_caps_unref (caps);
  return ok;
}

/* Pads self->pcm from sample n on with the last sample before, `last`: a step to zero, as
 * from an input with an offset, would cost the end of the sound its bits. */
static void
pad_samples (GstTelucodecEnc * self, gint n, gfloat last)
{
  while (n < TELU_PACKET)
    self->pcm[n++] = last;
}

/* Reads the samples of buf into self->pcm and pads it. Returns their number. */
static gint
take_samples (GstTelucodecEnc * self, GstBuffer * buf)
{
  const gsize bps = self->s16 ? 2 : 4;
  guint8 raw[TELU_PACKET * 4];
  const gint n = gst_buffer_extract (buf, 0, raw, TELU_PACKET * bps) / bps;

  gst_telucodec_pcm_read (self->pcm, raw, n, self->s16);
  pad_samples (self, n, n > 0 ? self->pcm[n - 1] : 0);
  return n;
}

/* Encodes self->pcm and pushes the packet, which consumes as many of the samples held
 * as it decodes to. `last`: no further samples follow, and the padding is clipped. */
static GstFlowReturn
push_packet (GstTelucodecEnc * self, gboolean last)
{
  const gint room = self->started ? TELU_PACKET : TELU_PACKET - TELU_DELAY;
  const gint samples = MIN (self->held, room);
  const gint start = TELU_PACKET - room;
  const gint end = last ? room - samples : 0;
  const gboolean describes = !last && gst_telucodec_enc_describes (self);
  GstClockTime busy;
  GstFlowReturn ret;
  GstBuffer *out;
  GstMapInfo map;
  gint size;

  gst_telucodec_enc_latch_rate (self);
  if (describes)
    gst_telucodec_enc_set_description_rate (self, TRUE);

  busy = gst_util_get_timestamp ();
  size = gst_telucodec_stream_encode (&self->stream, self->pcm, self->packet);
  busy = gst_util_get_timestamp () - busy;
  if (describes)
    gst_telucodec_enc_set_description_rate (self, FALSE);
  if (size < 1)
    return GST_FLOW_ERROR;
  gst_telucodec_enc_measure_bitrate (self, size, last);

  GST_OBJECT_LOCK (self);
  self->packets++;
  self->bytes += size;
  self->busy += busy;
  self->last = self->stream.info;
  GST_OBJECT_UNLOCK (self);

  out = gst_audio_encoder_allocate_output_buffer (GST_AUDIO_ENCODER (self),
      size);
  if (!out || !gst_buffer_map (out, &map, GST_MAP_WRITE)) {
    gst_clear_buffer (&out);
    GST_ELEMENT_ERROR (self, RESOURCE, NO_SPACE_LEFT, (NULL),
        ("No output buffer of %d bytes", size));
    return GST_FLOW_ERROR;
  }
  memcpy (map.data, self->packet, size);
  gst_buffer_unmap (out, &map);
  if (start || end)
    gst_buffer_add_audio_clipping_meta (out, GST_FORMAT_DEFAULT, start, end);
  /* DISCONT and the clipping tell the decoder to reset its state. */
  if (!self->started)
    GST_BUFFER_FLAG_SET (out, GST_BUFFER_FLAG_DISCONT);

  self->started = TRUE;
  self->held -= samples;
  GST_LOG_OBJECT (self, "packet of %d bytes for %d samples, clip %d and %d",
      size, samples, start, end);
  ret = gst_audio_encoder_finish_frame (GST_AUDIO_ENCODER (self), out, samples);
  gst_telucodec_enc_push_choice (self);
  return ret;
}

static GstFlowReturn
gst_telucodec_enc_handle_frame (GstAudioEncoder * enc, GstBuffer * buf)
{
  GstTelucodecEnc *self = GST_TELUCODEC_ENC (enc);
  GstFlowReturn ret = GST_FLOW_OK;

  if (buf) {
    const gint n = take_samples (self, buf);

    self->held += n;
    if (n == TELU_PACKET)
      return gst_telucodec_enc_is_silent (self) && self->started
          && !gst_telucodec_enc_describes (self) ? gst_telucodec_enc_skip_packet (self) :
          push_packet (self, FALSE);
  } else {
    pad_samples (self, 0, self->pcm[TELU_PACKET - 1]);
  }

  /* Draining encodes the rest, and one more packet of padding if the rest does not
   * fit into what its packet decodes to. */
  while (ret == GST_FLOW_OK && self->held > 0) {
    const gint room = self->started ? TELU_PACKET : TELU_PACKET - TELU_DELAY;

    ret = push_packet (self, self->held <= room);
    pad_samples (self, 0, self->pcm[TELU_PACKET - 1]);
  }
  reset_run (self);
  return ret;
}

/* Notes when the packet ends. */
static GstFlowReturn
gst_telucodec_enc_pre_push (GstAudioEncoder * enc, GstBuffer ** buf)
{
  GstTelucodecEnc *self = GST_TELUCODEC_ENC (enc);

  self->end = GST_BUFFER_PTS_IS_VALID (*buf) ?
      GST_BUFFER_PTS (*buf) + GST_BUFFER_DURATION (*buf) : GST_CLOCK_TIME_NONE;
  self->skipped = 0;
  return GST_FLOW_OK;
}

static void
gst_telucodec_enc_flush (GstAudioEncoder * enc)
{
  reset_run (GST_TELUCODEC_ENC (enc));
}

/* Takes the payloader's word, from any thread, for the next packet. */
static gboolean
gst_telucodec_enc_src_event (GstAudioEncoder * enc, GstEvent * event)
{
  GstTelucodecEnc *self = GST_TELUCODEC_ENC (enc);
  guint packets;

  if (!gst_telucodec_payload_parse (event, &packets))
    return GST_AUDIO_ENCODER_CLASS (gst_telucodec_enc_parent_class)->src_event (enc, event);
  GST_OBJECT_LOCK (self);
  self->payload_changed |= packets != self->payload_packets;
  self->payload_packets = packets;
  GST_OBJECT_UNLOCK (self);
  gst_event_unref (event);
  return TRUE;
}

static void
gst_telucodec_enc_finalize (GObject * object)
{
  GstTelucodecEnc *self = GST_TELUCODEC_ENC (object);

  gst_clear_event (&self->choice);
  gst_telucodec_runtime_clear (&self->runtime);
  G_OBJECT_CLASS (gst_telucodec_enc_parent_class)->finalize (object);
}

static void
gst_telucodec_enc_init (GstTelucodecEnc * self)
{
  GstAudioEncoder *enc = GST_AUDIO_ENCODER (self);

  self->rate = telu_rate_init ();
  self->loss = -1;
  self->loss_run = 1.0;
  self->payload_packets = 1;
  /* As opusenc and vorbisenc: else jitter becomes holes in files. */
  gst_audio_encoder_set_perfect_timestamp (enc, TRUE);
  self->base_chain = GST_PAD_CHAINFUNC (GST_AUDIO_ENCODER_SINK_PAD (enc));
  gst_pad_set_chain_function (GST_AUDIO_ENCODER_SINK_PAD (enc),
      gst_telucodec_enc_chain);
}

static void
gst_telucodec_enc_class_init (GstTelucodecEncClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstAudioEncoderClass *encoder_class = GST_AUDIO_ENCODER_CLASS (klass);

  object_class->finalize = gst_telucodec_enc_finalize;

  encoder_class->open = gst_telucodec_enc_open;
  encoder_class->start = gst_telucodec_enc_start;
  encoder_class->stop = gst_telucodec_enc_stop;
  encoder_class->set_format = gst_telucodec_enc_set_format;
  encoder_class->handle_frame = gst_telucodec_enc_handle_frame;
  encoder_class->pre_push = gst_telucodec_enc_pre_push;
  encoder_class->flush = gst_telucodec_enc_flush;
  encoder_class->src_event = gst_telucodec_enc_src_event;

  gst_telucodec_enc_install_properties (object_class);
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "TeluCodec encoder",
      "Codec/Encoder/Audio", "Encodes speech into TeluCodec packets",
      "The TeluCodec authors");
}
