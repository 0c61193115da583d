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
 * device. If the device fails, the stream continues on the CPU without losing a packet,
 * and a warning is posted. With backend=cuda a missing or failing device is an error.
 * The properties active-backend and stats report what is used.
 *
 * Time stamps that deviate from the count of samples by at most the tolerance, 40 ms,
 * count as jitter: the output's are perfect. A larger jump is kept, and the packet at
 * the jump holds samples of both sides. With hard-resync set, the run ends there and a
 * new one begins. With perfect-timestamp=false the output follows the input's jitter.
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

#include <string.h>

GST_DEBUG_CATEGORY_STATIC (gst_telucodec_enc_debug);
#define GST_CAT_DEFAULT gst_telucodec_enc_debug

#define LATENCY_SAMPLES (TELU_PACKET + TELU_DELAY)

enum
{
  PROP_0,
  PROP_RUNTIME,
  PROP_BITRATE = PROP_RUNTIME + GST_TELUCODEC_RUNTIME_PROPERTIES,
  PROP_BITRATE_TYPE,
  PROP_TUNE,
  PROP_REFINEMENT,
  PROP_HIGH_PASS,
  PROP_DTX,
  PROP_PACKET_LOSS_PERCENTAGE,
  PROP_PACKET_LOSS_RUN,
  PROP_STATS
};

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

static GType
register_enum (gsize * type, const gchar * name, const GEnumValue * values)
{
  if (g_once_init_enter (type))
    g_once_init_leave (type, g_enum_register_static (name, values));
  return *type;
}

#define GST_TYPE_TELUCODEC_ENC_BITRATE_TYPE \
    (gst_telucodec_enc_bitrate_type_get_type ())
static GType
gst_telucodec_enc_bitrate_type_get_type (void)
{
  static const GEnumValue values[] = {
    {TELU_CBR, "Every packet has the same size", "cbr"},
    {TELU_VBR, "The same quality throughout; bitrate is met on average speech",
        "vbr"},
    {TELU_CONSTRAINED_VBR, "Packets vary, bitrate is kept over seconds",
        "constrained-vbr"},
    {0, NULL, NULL}
  };
  static gsize type = 0;

  return register_enum (&type, "GstTelucodecEncBitrateType", values);
}

#define GST_TYPE_TELUCODEC_ENC_TUNE (gst_telucodec_enc_tune_get_type ())
static GType
gst_telucodec_enc_tune_get_type (void)
{
  static const GEnumValue values[] = {
    {TELU_PERCEPTUAL, "For the ear", "perceptual"},
    {TELU_SNR, "For the smallest difference to the input", "snr"},
    {0, NULL, NULL}
  };
  static gsize type = 0;

  return register_enum (&type, "GstTelucodecEncTune", values);
}

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

/* Takes the time stamp from a buffer that the base class could not subtract the samples
 * it holds from, at most LATENCY_SAMPLES: it would end the stream when time stamps go
 * back to 0, and would set wrong ones behind DISCONT without a time stamp. */
static GstFlowReturn
gst_telucodec_enc_chain (GstPad * pad, GstObject * parent, GstBuffer * buf)
{
  GstTelucodecEnc *self = GST_TELUCODEC_ENC (parent);
  GstFlowReturn ret;

  if (self->stamped && (!GST_BUFFER_PTS_IS_VALID (buf)
          || GST_BUFFER_PTS (buf) < LATENCY_SAMPLES * GST_SECOND / TELU_RATE)) {
    buf = gst_buffer_make_writable (buf);
    GST_BUFFER_PTS (buf) = GST_CLOCK_TIME_NONE;
    GST_BUFFER_FLAG_UNSET (buf, GST_BUFFER_FLAG_DISCONT);
  }
  ret = self->base_chain (pad, parent, buf);
  self->stamped = TRUE;
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
      gst_util_uint64_scale_int (LATENCY_SAMPLES, GST_SECOND, TELU_RATE);

  if (!gst_telucodec_runtime_open (&self->runtime, GST_ELEMENT (self)))
    return FALSE;

  GST_OBJECT_LOCK (self);
  self->rate_changed = TRUE;
  self->packets = self->bytes = self->silent_packets = 0;
  self->busy = 0;
  memset (&self->last, 0, sizeof (self->last));
  GST_OBJECT_UNLOCK (self);
  reset_run (self);

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
  if (!out || gst_buffer_fill (out, 0, self->packet, size) < (gsize) size) {
    gst_clear_buffer (&out);
    GST_ELEMENT_ERROR (self, RESOURCE, NO_SPACE_LEFT, (NULL),
        ("No output buffer of %d bytes", size));
    return GST_FLOW_ERROR;
  }
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

static GstStructure *
make_stats (GstTelucodecEnc * self)
{
  const gdouble seconds = (gdouble) self->packets * TELU_PACKET / TELU_RATE;
  const gdouble all = (gdouble) (self->packets + self->silent_packets) * TELU_PACKET /
      TELU_RATE;
  GstStructure *stats = gst_structure_new ("application/x-telucodecenc-stats",
      "packets", G_TYPE_UINT64, self->packets,
      "bytes", G_TYPE_UINT64, self->bytes,
      "silent-packets", G_TYPE_UINT64, self->silent_packets,
      "average-bitrate", G_TYPE_UINT,
      self->packets ? (guint) (self->bytes * 8 / all + 0.5) : 0,
      "stages", G_TYPE_INT, self->last.stages,
      "refined", G_TYPE_BOOLEAN, self->last.refined != 0,
      "step", G_TYPE_INT, self->last.step,
      "shape", G_TYPE_INT, self->last.shape,
      "frame-samples", G_TYPE_INT, TELU_PACKET,
      "lookahead-samples", G_TYPE_INT, TELU_DELAY,
      "latency-samples", G_TYPE_INT, LATENCY_SAMPLES,
      "real-time-factor", G_TYPE_DOUBLE,
      self->busy ? seconds * GST_SECOND / self->busy : 0.0, NULL);

  gst_telucodec_stream_add_stats (&self->stream, stats);
  return stats;
}

static void
gst_telucodec_enc_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  GstTelucodecEnc *self = GST_TELUCODEC_ENC (object);
  struct telu_rate before;
  gdouble run;
  gint loss;

  if (id >= PROP_RUNTIME && id < PROP_BITRATE) {
    gst_telucodec_runtime_set_property (&self->runtime, GST_ELEMENT (self),
        id - PROP_RUNTIME, value);
    return;
  }

  GST_OBJECT_LOCK (self);
  before = self->rate;
  loss = self->loss;
  run = self->loss_run;
  switch (id) {
    case PROP_BITRATE:
      self->rate.bitrate = g_value_get_int (value);
      break;
    case PROP_BITRATE_TYPE:
      self->rate.mode = g_value_get_enum (value);
      break;
    case PROP_TUNE:
      self->rate.tune = g_value_get_enum (value);
      break;
    case PROP_REFINEMENT:
      self->rate.refinement = g_value_get_boolean (value);
      break;
    case PROP_HIGH_PASS:
      self->rate.highpass = g_value_get_boolean (value);
      break;
    case PROP_DTX:
      self->dtx = g_value_get_boolean (value);
      break;
    case PROP_PACKET_LOSS_PERCENTAGE:
      self->loss = g_value_get_int (value);
      break;
    case PROP_PACKET_LOSS_RUN:
      self->loss_run = g_value_get_double (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  self->rate_changed |= memcmp (&before, &self->rate, sizeof (before)) != 0
      || loss != self->loss || run != self->loss_run;
  GST_OBJECT_UNLOCK (self);
}

static void
gst_telucodec_enc_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstTelucodecEnc *self = GST_TELUCODEC_ENC (object);

  if (id >= PROP_RUNTIME && id < PROP_BITRATE) {
    gst_telucodec_runtime_get_property (&self->runtime, GST_ELEMENT (self),
        id - PROP_RUNTIME, value);
    return;
  }

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_BITRATE:
      g_value_set_int (value, self->rate.bitrate);
      break;
    case PROP_BITRATE_TYPE:
      g_value_set_enum (value, self->rate.mode);
      break;
    case PROP_TUNE:
      g_value_set_enum (value, self->rate.tune);
      break;
    case PROP_REFINEMENT:
      g_value_set_boolean (value, self->rate.refinement);
      break;
    case PROP_HIGH_PASS:
      g_value_set_boolean (value, self->rate.highpass);
      break;
    case PROP_DTX:
      g_value_set_boolean (value, self->dtx);
      break;
    case PROP_PACKET_LOSS_PERCENTAGE:
      g_value_set_int (value, self->loss);
      break;
    case PROP_PACKET_LOSS_RUN:
      g_value_set_double (value, self->loss_run);
      break;
    case PROP_STATS:
      g_value_take_boxed (value, make_stats (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
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
  const GParamFlags live = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_PLAYING;
  const struct telu_rate rate = telu_rate_init ();

  object_class->set_property = gst_telucodec_enc_set_property;
  object_class->get_property = gst_telucodec_enc_get_property;
  object_class->finalize = gst_telucodec_enc_finalize;

  encoder_class->open = gst_telucodec_enc_open;
  encoder_class->start = gst_telucodec_enc_start;
  encoder_class->stop = gst_telucodec_enc_stop;
  encoder_class->set_format = gst_telucodec_enc_set_format;
  encoder_class->handle_frame = gst_telucodec_enc_handle_frame;
  encoder_class->pre_push = gst_telucodec_enc_pre_push;
  encoder_class->flush = gst_telucodec_enc_flush;

  gst_telucodec_runtime_install_properties (object_class, PROP_RUNTIME);
  /**
   * GstTelucodecEnc:bitrate:
   *
   * Bit rate of the packets, in bit/s: the size of every packet with bitrate-type=cbr,
   * an average with the other types. The tag nominal-bitrate is what the settings can
   * reach of it, the tag bitrate what they did.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_BITRATE,
      g_param_spec_int ("bitrate", "Bitrate",
          "Bit rate of the packets, in bit/s", TELU_MIN_BITRATE,
          TELU_MAX_BITRATE, rate.bitrate, live));
  /**
   * GstTelucodecEnc:bitrate-type:
   *
   * How packet sizes follow #GstTelucodecEnc:bitrate.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_BITRATE_TYPE,
      g_param_spec_enum ("bitrate-type", "Bitrate type",
          "How the bit rate is kept", GST_TYPE_TELUCODEC_ENC_BITRATE_TYPE,
          rate.mode, live));
  /**
   * GstTelucodecEnc:tune:
   *
   * Whether the encoder minimises audible noise or the difference to the input.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_TUNE,
      g_param_spec_enum ("tune", "Tune", "What the encoder aims at",
          GST_TYPE_TELUCODEC_ENC_TUNE, rate.tune, live));
  /**
   * GstTelucodecEnc:refinement:
   *
   * Whether packets may hold a refinement layer on top of the neural base layer.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_REFINEMENT,
      g_param_spec_boolean ("refinement", "Refinement",
          "Whether packets may hold a refinement layer; FALSE: the neural base "
          "layer and levels, or with tune=snr the base layer alone", rate.refinement, live));
  /**
   * GstTelucodecEnc:high-pass:
   *
   * Whether a high-pass at 3 Hz takes the offset out of the input, as sound cards have
   * it: 1 % of full scale would cost the speech 0.2 to 0.4 PESQ. It has no effect with
   * tune=snr, which keeps the waveform.
   *
   * Since: 0.4
   */
  g_object_class_install_property (object_class, PROP_HIGH_PASS,
      g_param_spec_boolean ("high-pass", "High-pass",
          "Whether the input's offset is taken out by a high-pass at 3 Hz; no effect "
          "with tune=snr", rate.highpass, live));
  /**
   * GstTelucodecEnc:dtx:
   *
   * Discontinuous transmission: behind 200 ms of background alone, a packet of 8 bytes
   * describes it every 400 ms, and GAP events stand for the rest, which is neither coded
   * nor sent. telucodecdec plays comfort noise there. Background is what keeps the
   * level of the last two seconds in each band and has no pitch.
   *
   * Since: 0.4
   */
  g_object_class_install_property (object_class, PROP_DTX,
      g_param_spec_boolean ("dtx", "DTX",
          "Whether background without speech is described every 400 ms in place of being "
          "coded", FALSE, live));
  /**
   * GstTelucodecEnc:packet-loss-percentage:
   *
   * Percent of lost packets that the stream is to be ready for, as reported by the
   * receiver; it may change while playing. rtptelucodecpay then repeats the heads of older
   * packets that suit it, in place of what its own properties say, and the encoder leaves
   * their bytes: #GstTelucodecEnc:bitrate is that of the RTP payload. 0 repeats none. With
   * -1, the default, the bit rate is that of the packets alone.
   *
   * Since: 0.4
   */
  g_object_class_install_property (object_class, PROP_PACKET_LOSS_PERCENTAGE,
      g_param_spec_int ("packet-loss-percentage", "Packet loss",
          "Percent of lost packets for which rtptelucodecpay is to repeat what the "
          "bit rate leaves; -1: what its own properties say, beside the bit rate",
          -1, 100, -1, live));
  /**
   * GstTelucodecEnc:packet-loss-run:
   *
   * How many packets are lost together on average, with
   * #GstTelucodecEnc:packet-loss-percentage. Longer runs want older packets repeated, for
   * which the receiver waits longer: 20 ms per packet.
   *
   * Since: 0.4
   */
  g_object_class_install_property (object_class, PROP_PACKET_LOSS_RUN,
      g_param_spec_double ("packet-loss-run", "Run of lost packets",
          "Packets that are lost together, on average", 1.0, 50.0, 1.0, live));
  /**
   * GstTelucodecEnc:stats:
   *
   * Structure application/x-telucodecenc-stats, counted since the last start: packets,
   * bytes, silent-packets (not sent, by dtx), average-bitrate, the last packet's layers,
   * latency-samples, real-time-factor, and the backend's fields model-id, active-backend,
   * kernels, device, batch-streams, batch-mean, batch-most, fallbacks and fallback-reason.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed (GST_TELUCODEC_PROP_STATS, "Statistics",
          "What was encoded since the start, how fast, and what the latency "
          "(latency-samples) is made of", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "TeluCodec encoder",
      "Codec/Encoder/Audio", "Encodes speech into TeluCodec packets",
      "The TeluCodec authors");
  gst_type_mark_as_plugin_api (GST_TYPE_TELUCODEC_ENC_BITRATE_TYPE, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_TELUCODEC_ENC_TUNE, 0);
}
