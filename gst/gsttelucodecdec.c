/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecdec.c - decodes audio/x-telucodec into audio/x-raw.
 *
 * Each packet gives its samples at once: the time stamps already contain the
 * encoder's latency. Lost packets (GAP events) and damaged ones are concealed from
 * the running state, which only a new run resets.
 */

/**
 * SECTION:element-telucodecdec
 * @title: telucodecdec
 * @see_also: telucodecenc, telucodecparse
 *
 * Decodes TeluCodec packets. The weights must be those that the packets were made with. The caps
 * name them (model-id), and the decoder finds their file: see #GstTelucodecDec:model-path. GAP
 * events are concealed (property plc, TRUE here); of one longer than a minute the first 10 s, and
 * the rest stays a GAP event. Gaps of more than a second are filled for a minute in all, and half a
 * second more for each received packet, so that a small file cannot become hours of silence. An
 * rtpjitterbuffer only needs do-lost=true. The background of a sender with dtx=true goes on as
 * comfort noise in its silences. As the concealed sound fades, from 60 to 200 ms, noise like the
 * background before takes its place, and ends after three seconds.
 *
 * The property backend works as in telucodecenc.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=speech.tlc ! telucodecparse ! telucodecdec ! \
    audioconvert ! audioresample ! autoaudiosink
 * ]| Plays a file.
 * |[
 * gst-launch-1.0 filesrc location=speech.tlc ! telucodecparse ! telucodecdec ! \
    audioconvert ! wavenc ! filesink location=speech.wav
 * ]| Makes it a WAV file.
 *
 * Since: 0.1
 */
#include "gsttelucodecdec.h"
#include "gsttelucodecpcm.h"

#include <string.h>

GST_DEBUG_CATEGORY_STATIC (gst_telucodec_dec_debug);
#define GST_CAT_DEFAULT gst_telucodec_dec_debug

enum
{
  PROP_0,
  PROP_RUNTIME,
  PROP_STATS = PROP_RUNTIME + GST_TELUCODEC_RUNTIME_PROPERTIES,
  PROP_BATCH_PACKETS
};

#define PACKET (TELU_PACKET * GST_SECOND / TELU_RATE)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_TELUCODEC_CAPS_FRAMED));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_TELUCODEC_CAPS_RAW));

G_DEFINE_TYPE (GstTelucodecDec, gst_telucodec_dec, GST_TYPE_AUDIO_DECODER);

GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (telucodecdec, "telucodecdec",
    GST_RANK_PRIMARY, GST_TYPE_TELUCODEC_DEC,
    GST_DEBUG_CATEGORY_INIT (gst_telucodec_dec_debug, "telucodecdec", 0,
        "TeluCodec decoder"));

void
gst_telucodec_dec_reset_run (GstTelucodecDec * self)
{
  gst_telucodec_stream_reset (&self->stream);
  gst_telucodec_noise_reset (&self->noise);
  self->unused = 0;
  self->bad_in_row = 0;
}

/* NULL -> READY */
static gboolean
gst_telucodec_dec_open (GstAudioDecoder * dec)
{
  GstTelucodecDec *self = GST_TELUCODEC_DEC (dec);

  return gst_telucodec_runtime_probe (&self->runtime, GST_ELEMENT (self));
}

static gboolean
gst_telucodec_dec_start (GstAudioDecoder * dec)
{
  GstTelucodecDec *self = GST_TELUCODEC_DEC (dec);

  /* The weights open here, though caps may name others: DESIGN.md, "Weights open at the start". */
  if (!gst_telucodec_runtime_open (&self->runtime, GST_ELEMENT (self), TRUE))
    return FALSE;

  GST_OBJECT_LOCK (self);
  self->pushed = self->gaps = self->corrupt = 0;
  self->coded_samples = self->plc_samples = self->noise_samples = 0;
  self->plc_duration = 0;
  self->busy = 0;
  GST_OBJECT_UNLOCK (self);
  gst_telucodec_dec_reset_run (self);
  gst_telucodec_dec_start_fill (self);
  self->refused = FALSE;
  g_atomic_int_set (&self->hold, g_atomic_int_get (&self->batch_packets));

  if (self->runtime.model && !gst_telucodec_dec_open_stream (self)) {
    gst_telucodec_runtime_close (&self->runtime, GST_ELEMENT (self));
    return FALSE;
  }
  /* Packets may arrive from now on. */
  g_atomic_int_set (&self->started, TRUE);
  return TRUE;
}

static gboolean
gst_telucodec_dec_stop (GstAudioDecoder * dec)
{
  GstTelucodecDec *self = GST_TELUCODEC_DEC (dec);

  g_atomic_int_set (&self->started, FALSE);
  gst_telucodec_dec_drop_held (self);
  gst_telucodec_dec_close_stream (self);
  g_clear_pointer (&self->wanted, g_free);
  g_clear_pointer (&self->wanted_name, g_free);
  gst_telucodec_runtime_close (&self->runtime, GST_ELEMENT (self));
  return TRUE;
}

/* Takes the first of the two sample formats that downstream likes. */
static gboolean
choose_output (GstTelucodecDec * self)
{
  GstAudioDecoder *dec = GST_AUDIO_DECODER (self);
  GstCaps *caps = gst_pad_get_allowed_caps (dec->srcpad);
  GstAudioInfo info;
  gboolean ok;

  if (!caps)
    caps = gst_pad_get_pad_template_caps (dec->srcpad);
  if (gst_caps_is_empty (caps)) {
    gst_caps_unref (caps);
    return FALSE;
  }
  caps = gst_caps_fixate (gst_caps_truncate (caps));
  ok = gst_audio_info_from_caps (&info, caps)
      && gst_audio_decoder_set_output_format (dec, &info);
  gst_caps_unref (caps);
  return ok;
}

static gboolean
gst_telucodec_dec_set_format (GstAudioDecoder * dec, GstCaps * caps)
{
  GstTelucodecDec *self = GST_TELUCODEC_DEC (dec);
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  const gchar *theirs = gst_structure_get_string (s, GST_TELUCODEC_MODEL_ID);
  GstTagList *tags;

  if (!g_atomic_int_get (&self->started) || !gst_telucodec_dec_note_weights (self, theirs))
    return FALSE;
  g_free (self->wanted_name);
  self->wanted_name = g_strdup (gst_structure_get_string (s, GST_TELUCODEC_MODEL_NAME));

  self->refused = FALSE;
  tags = gst_tag_list_new (GST_TAG_AUDIO_CODEC, GST_TELUCODEC_CODEC_NAME, NULL);
  gst_audio_decoder_merge_tags (dec, tags, GST_TAG_MERGE_KEEP);
  gst_tag_list_unref (tags);

  gst_telucodec_dec_reset_run (self);
  return choose_output (self);
}

GstFlowReturn
gst_telucodec_dec_renegotiate (GstTelucodecDec * self)
{
  GstAudioDecoder *dec = GST_AUDIO_DECODER (self);

  if (!gst_pad_check_reconfigure (dec->srcpad))
    return GST_FLOW_OK;
  if (choose_output (self) && gst_audio_decoder_negotiate (dec))
    return GST_FLOW_OK;
  gst_pad_mark_reconfigure (dec->srcpad);
  return GST_PAD_IS_FLUSHING (dec->srcpad) ?
      GST_FLOW_FLUSHING : GST_FLOW_NOT_NEGOTIATED;
}

/* Asks the base class for the format, since it chooses one itself for a leading gap. */
GstBuffer *
gst_telucodec_dec_make_buffer (GstTelucodecDec * self, const gfloat * pcm,
    gint n)
{
  GstAudioDecoder *dec = GST_AUDIO_DECODER (self);
  const gboolean s16 =
      GST_AUDIO_INFO_FORMAT (gst_audio_decoder_get_audio_info (dec)) ==
      GST_AUDIO_FORMAT_S16LE;
  const gsize size = (gsize) n * (s16 ? 2 : 4);
  GstBuffer *buf = gst_audio_decoder_allocate_output_buffer (dec, size);
  GstMapInfo map;

  if (!buf || !gst_buffer_map (buf, &map, GST_MAP_WRITE)) {
    gst_clear_buffer (&buf);
    GST_ELEMENT_ERROR (self, RESOURCE, NO_SPACE_LEFT, (NULL),
        ("No output buffer of %" G_GSIZE_FORMAT " bytes", size));
    return NULL;
  }
  if (pcm)
    gst_telucodec_pcm_write (map.data, pcm, n, s16);
  else
    memset (map.data, 0, size);
  gst_buffer_unmap (buf, &map);
  return buf;
}

static GstFlowReturn
gst_telucodec_dec_handle_frame (GstAudioDecoder * dec, GstBuffer * buf)
{
  GstTelucodecDec *self = GST_TELUCODEC_DEC (dec);
  GstFlowReturn ret;

  if (!buf)                     /* draining */
    return gst_telucodec_dec_decode_held (self);
  if (self->wanted && !gst_telucodec_dec_take_weights (self))
    return GST_FLOW_ERROR;
  if (!gst_telucodec_stream_is_open (&self->stream))
    return GST_FLOW_NOT_NEGOTIATED;

  if (gst_buffer_get_size (buf) > 0)
    return gst_telucodec_dec_take_packet (self, buf);
  ret = gst_telucodec_dec_decode_held (self);
  if (ret == GST_FLOW_OK)
    ret = gst_telucodec_dec_renegotiate (self);
  return ret == GST_FLOW_OK ? gst_telucodec_dec_fill_gap (self, buf) : ret;
}

static void
gst_telucodec_dec_flush (GstAudioDecoder * dec, gboolean hard)
{
  GstTelucodecDec *self = GST_TELUCODEC_DEC (dec);

  /* A soft flush is a hole in the stream, which keeps the state. Backward playback
   * continues with earlier packets and needs a fresh state. */
  if (hard)
    gst_telucodec_dec_drop_held (self);
  if (hard || dec->input_segment.rate < 0.0)
    gst_telucodec_dec_reset_run (self);
}

/* Switches concealment off while the player skips the audio. The base class then turns
 * packets into GAP events, and would turn these into packets again, without end. */
static gboolean
gst_telucodec_dec_sink_event (GstAudioDecoder * dec, GstEvent * event)
{
  GstTelucodecDec *self = GST_TELUCODEC_DEC (dec);
  GstSegmentFlags flags;
  const GstSegment *segment;

  /* Others, as FLUSH_START, come from any thread. */
  if (GST_EVENT_IS_SERIALIZED (event))
    self->silence = gst_telucodec_is_silence (event);
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_SEGMENT:
      gst_event_parse_segment (event, &segment);
      gst_audio_decoder_set_plc_aware (dec,
          !(segment->flags & GST_SEGMENT_FLAG_TRICKMODE_NO_AUDIO));
      break;
    case GST_EVENT_INSTANT_RATE_CHANGE:
      gst_event_parse_instant_rate_change (event, NULL, &flags);
      gst_audio_decoder_set_plc_aware (dec,
          !(flags & GST_SEGMENT_FLAG_TRICKMODE_NO_AUDIO));
      break;
    case GST_EVENT_FLUSH_STOP:
      /* The base class calls flush() only once there was sound. */
      GST_AUDIO_DECODER_STREAM_LOCK (self);
      gst_telucodec_dec_drop_held (self);
      GST_AUDIO_DECODER_STREAM_UNLOCK (self);
      break;
    case GST_EVENT_TAG:
      event = gst_telucodec_dec_take_name (self, event);
      break;
    default:
      break;
  }
  return GST_AUDIO_DECODER_CLASS (gst_telucodec_dec_parent_class)->sink_event
      (dec, event);
}

/* Adds the latency here, not by gst_audio_decoder_set_latency(): its message, posted
 * while the element starts, makes decodebin3 wait for itself (GStreamer 1.22). */
static gboolean
gst_telucodec_dec_src_query (GstAudioDecoder * dec, GstQuery * query)
{
  GstTelucodecDec *self = GST_TELUCODEC_DEC (dec);
  const gboolean ok =
      GST_AUDIO_DECODER_CLASS (gst_telucodec_dec_parent_class)->src_query (dec,
      query);

  if (ok && GST_QUERY_TYPE (query) == GST_QUERY_LATENCY) {
    const GstClockTime own = gst_telucodec_stream_latency (&self->stream)
        + (g_atomic_int_get (&self->hold) - 1) * PACKET;
    GstClockTime min, max;
    gboolean live;

    gst_query_parse_latency (query, &live, &min, &max);
    if (GST_CLOCK_TIME_IS_VALID (max))
      max += own;
    gst_query_set_latency (query, live, min + own, max);
  }
  return ok;
}

static GstStructure *
make_stats (GstTelucodecDec * self)
{
  const gdouble seconds = (gdouble) self->coded_samples / TELU_RATE;
  GstStructure *stats = gst_structure_new ("application/x-telucodecdec-stats",
      "num-pushed", G_TYPE_UINT64, self->pushed,
      "num-gap", G_TYPE_UINT64, self->gaps,
      "plc-num-samples", G_TYPE_UINT64, self->plc_samples,
      "plc-duration", G_TYPE_UINT64, (guint64) self->plc_duration,
      "noise-samples", G_TYPE_UINT64, self->noise_samples,
      "corrupt", G_TYPE_UINT64, self->corrupt,
      "sample-rate", G_TYPE_UINT, TELU_RATE,
      "channels", G_TYPE_UINT, 1,
      "real-time-factor", G_TYPE_DOUBLE,
      self->busy ? seconds * GST_SECOND / self->busy : 0.0, NULL);

  gst_telucodec_stream_add_stats (&self->stream, stats);
  return stats;
}

static void
gst_telucodec_dec_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  GstTelucodecDec *self = GST_TELUCODEC_DEC (object);

  if (id >= PROP_RUNTIME && id < PROP_STATS)
    gst_telucodec_runtime_set_property (&self->runtime, GST_ELEMENT (self),
        id - PROP_RUNTIME, value);
  else if (id == PROP_BATCH_PACKETS)
    g_atomic_int_set (&self->batch_packets, g_value_get_uint (value));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_telucodec_dec_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstTelucodecDec *self = GST_TELUCODEC_DEC (object);

  if (id >= PROP_RUNTIME && id < PROP_STATS) {
    gst_telucodec_runtime_get_property (&self->runtime, GST_ELEMENT (self),
        id - PROP_RUNTIME, value);
  } else if (id == PROP_STATS) {
    GST_OBJECT_LOCK (self);
    g_value_take_boxed (value, make_stats (self));
    GST_OBJECT_UNLOCK (self);
  } else if (id == PROP_BATCH_PACKETS) {
    g_value_set_uint (value, g_atomic_int_get (&self->batch_packets));
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
gst_telucodec_dec_finalize (GObject * object)
{
  GstTelucodecDec *self = GST_TELUCODEC_DEC (object);

  gst_telucodec_runtime_clear (&self->runtime);
  G_OBJECT_CLASS (gst_telucodec_dec_parent_class)->finalize (object);
}

static void
gst_telucodec_dec_init (GstTelucodecDec * self)
{
  GstAudioDecoder *dec = GST_AUDIO_DECODER (self);

  /* The caps name the weights, without which packets cannot be decoded. */
  gst_audio_decoder_set_needs_format (dec, TRUE);
  self->batch_packets = self->hold = 1;
  gst_audio_decoder_set_plc_aware (dec, TRUE);
  gst_audio_decoder_set_plc (dec, TRUE);
  gst_audio_decoder_set_use_default_pad_acceptcaps (dec, TRUE);
  GST_PAD_SET_ACCEPT_TEMPLATE (dec->sinkpad);
}

static void
gst_telucodec_dec_class_init (GstTelucodecDecClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstAudioDecoderClass *decoder_class = GST_AUDIO_DECODER_CLASS (klass);

  object_class->set_property = gst_telucodec_dec_set_property;
  object_class->get_property = gst_telucodec_dec_get_property;
  object_class->finalize = gst_telucodec_dec_finalize;

  decoder_class->open = gst_telucodec_dec_open;
  decoder_class->start = gst_telucodec_dec_start;
  decoder_class->stop = gst_telucodec_dec_stop;
  decoder_class->set_format = gst_telucodec_dec_set_format;
  decoder_class->handle_frame = gst_telucodec_dec_handle_frame;
  decoder_class->flush = gst_telucodec_dec_flush;
  decoder_class->sink_event = gst_telucodec_dec_sink_event;
  decoder_class->src_query = gst_telucodec_dec_src_query;

  gst_telucodec_runtime_install_properties (object_class, PROP_RUNTIME);
  /**
   * GstTelucodecDec:stats:
   *
   * Structure application/x-telucodecdec-stats, counted since the last start: num-pushed,
   * num-gap, plc-num-samples, plc-duration, noise-samples (comfort noise), corrupt,
   * real-time-factor, and the backend's fields of #GstTelucodecEnc:stats.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed (GST_TELUCODEC_PROP_STATS, "Statistics",
          "What was decoded and concealed since the start, and how fast",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  /**
   * GstTelucodecDec:batch-packets:
   *
   * Packets of the stream that are decoded together: 8 take a third less time than one by one, 4
   * hardly more. Each but the first waits 20 ms, which add to the latency: for files.
   *
   * Since: 0.8
   */
  g_object_class_install_property (object_class, PROP_BATCH_PACKETS,
      g_param_spec_uint ("batch-packets", "Batch packets",
          "Packets of the stream that are decoded together, which takes less time "
          "and adds 20 ms of latency for each but the first", 1,
          GST_TELUCODEC_DEC_HELD, 1, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
          GST_PARAM_MUTABLE_READY));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "TeluCodec decoder",
      "Codec/Decoder/Audio", "Decodes TeluCodec packets into speech",
      "The TeluCodec authors");
}
