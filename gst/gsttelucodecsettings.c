/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecsettings.c - properties and statistics of telucodecenc. */
#include "gsttelucodecenc.h"

#include <string.h>

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
      "latency-samples", G_TYPE_INT, GST_TELUCODEC_ENC_LATENCY,
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

void
gst_telucodec_enc_install_properties (GObjectClass * object_class)
{
  const GParamFlags live = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
      GST_PARAM_MUTABLE_PLAYING;
  const struct telu_rate rate = telu_rate_init ();

  object_class->set_property = gst_telucodec_enc_set_property;
  object_class->get_property = gst_telucodec_enc_get_property;

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

  gst_type_mark_as_plugin_api (GST_TYPE_TELUCODEC_ENC_BITRATE_TYPE, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_TELUCODEC_ENC_TUNE, 0);
}
