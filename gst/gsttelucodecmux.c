/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecmux.c - puts audio/x-telucodec packets and holes into the pages of a .tlc file. */

/**
 * SECTION:element-telucodecmux
 * @title: telucodecmux
 * @see_also: telucodecenc, telucodecparse
 *
 * Writes TeluCodec packets into a .tlc file: a header that names the weights, then
 * pages of packets with a check sum each. The header gets the length of the stream at
 * its end if the sink can seek; the last page always contains it.
 *
 * Tags that arrive before the first packet, or are set by #GstTagSetter, stand behind the
 * header as a Vorbis comment: title, artist, language and all others that tell more than
 * the encoder and its bit rate. Pictures are left out.
 *
 * A hole in the packets' time stamps stays a hole, which the decoder conceals, and so does a
 * silence of a sender with dtx=true at the beginning or end of a file, as of splitmuxsink. Only
 * one run of an encoder is kept to the sample: a second run adds up to 25 ms of sound between
 * the two. A flush begins the file anew.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=speech.wav ! decodebin ! audioconvert ! audioresample ! telucodecenc ! telucodecmux ! filesink location=speech.tlc
 * ]| Compresses a file.
 * |[
 * gst-launch-1.0 autoaudiosrc ! audioconvert ! audioresample ! telucodecenc ! telucodecmux max-page-duration=200000000 ! tcpserversink port=4000
 * ]| Serves a stream of five pages per second, which clients can join at any time.
 *
 * Since: 0.1
 */
#include "gsttelucodecmux.h"
#include "gsttelucodecnoise.h"

#include <gst/audio/audio.h>
#include <string.h>

GST_DEBUG_CATEGORY (gst_telucodec_mux_debug);
#define GST_CAT_DEFAULT gst_telucodec_mux_debug

/* 160 packets, so that a recording of three round seconds (151) is one page. */
#define DEFAULT_PAGE_DURATION (3200 * GST_MSECOND)
#define MAX_PAGE_DURATION (TLC_MAX_PACKETS * GST_TELUCODEC_PACKET_DURATION)

#define MODEL_ID_BYTES sizeof (((TlcHeader *) NULL)->model_id)

/* A time stamp may deviate by this much before it counts as a hole. */
#define TOLERANCE (GST_TELUCODEC_PACKET_DURATION / 4)

enum
{
  PROP_0,
  PROP_MAX_PAGE_DURATION
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_TELUCODEC_CAPS_FRAMED));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_TELUCODEC_CAPS_FILE));

G_DEFINE_TYPE_WITH_CODE (GstTelucodecMux, gst_telucodec_mux, GST_TYPE_ELEMENT,
    G_IMPLEMENT_INTERFACE (GST_TYPE_TAG_SETTER, NULL));

GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (telucodecmux, "telucodecmux",
    GST_RANK_PRIMARY, GST_TYPE_TELUCODEC_MUX,
    GST_DEBUG_CATEGORY_INIT (gst_telucodec_mux_debug, "telucodecmux", 0,
        "TeluCodec muxer"));

/* Begins a new stream of the same weights, whose header stands at byte `offset`. */
static void
restart (GstTelucodecMux * self, guint64 offset)
{
  gst_segment_init (&self->segment, GST_FORMAT_TIME);
  self->header.samples = TLC_UNKNOWN;
  self->header.pre_skip = 0;
  self->begun = self->ended = self->segment_sent = FALSE;
  self->offset = self->header_offset = offset;
  self->next = 0;
  self->due = self->page_time = self->silent_until = GST_CLOCK_TIME_NONE;
  self->trim = 0;
  tlc_page_start (self->page, 0);
}

static void
reset (GstTelucodecMux * self)
{
  memset (&self->header, 0, sizeof (self->header));
  g_clear_pointer (&self->weights, g_free);
  gst_clear_tag_list (&self->tags);
  self->started = FALSE;
  self->group = GST_GROUP_ID_INVALID;
  restart (self, 0);
}

/* --- Input ---------------------------------------------------------------- */

/* Adds a packet to the page; size 0: the packet is missing. end: the running time at
 * which it ends, may be unknown. */
static GstFlowReturn
add (GstTelucodecMux * self, const guint8 * data, gsize size, GstClockTime end)
{
  GstFlowReturn ret = GST_FLOW_OK;
  guint longest;                /* packets */

  if (self->next >= G_MAXUINT32) {
    GST_ELEMENT_ERROR (self, STREAM, MUX,
        ("The stream is too long for a .tlc file: more than %u packets.",
            G_MAXUINT32), (NULL));
    return GST_FLOW_ERROR;
  }
  GST_OBJECT_LOCK (self);
  longest = self->max_page_duration / GST_TELUCODEC_PACKET_DURATION;
  GST_OBJECT_UNLOCK (self);
  /* A full page waits for the next packet, since the last page has a mark. */
  if (self->page->count >= longest || !tlc_page_add (self->page, data, size)) {
    ret = gst_telucodec_mux_push_page (self);
    tlc_page_add (self->page, data, size);
  }
  if (self->page->count == 1)
    self->page_time = !GST_CLOCK_TIME_IS_VALID (end) ? GST_CLOCK_TIME_NONE :
        MAX (end, GST_TELUCODEC_PACKET_DURATION) - GST_TELUCODEC_PACKET_DURATION;
  self->next++;
  return ret;
}

/* Packets are numbered by 32 bits, which is 2.7 years. */
#define MAX_PACKETS (G_MAXUINT32 - TLC_MAX_PACKETS)

/* Writes a short hole as missing packets, a long one as a page that starts later. One that a
 * file cannot hold is left out. */
static GstFlowReturn
leave_hole (GstTelucodecMux * self, guint64 missing)
{
  GstFlowReturn ret = GST_FLOW_OK;

  GST_DEBUG_OBJECT (self, "%" G_GUINT64_FORMAT " packets are missing at packet %"
      G_GUINT64_FORMAT, missing, self->next);
  if (missing > MAX_PACKETS || self->next + missing > MAX_PACKETS) {
    GST_ELEMENT_WARNING (self, STREAM, MUX,
        ("Time jumps by %" G_GUINT64_FORMAT " s, more than a file can hold: the jump is "
            "left out.", missing * GST_TELUCODEC_PACKET_DURATION / GST_SECOND), (NULL));
  } else if (missing < TLC_MAX_PACKETS) {
    for (guint i = 0; i < missing && ret == GST_FLOW_OK; i++)
      ret = add (self, NULL, 0, self->due + i * GST_TELUCODEC_PACKET_DURATION);
  } else {
    if (self->page->count > 0)
      ret = gst_telucodec_mux_push_page (self);
    self->next += missing;
    tlc_page_start (self->page, self->next);
  }
  self->due += missing * GST_TELUCODEC_PACKET_DURATION;
  return ret;
}

/* Notes a silence of the sender. The time of the next packet shows it, but where a recording is
 * split it may be the first or the last of a file. */
static void
take_silence (GstTelucodecMux * self, GstEvent * event)
{
  GstClockTime from, duration, end;

  gst_event_parse_gap (event, &from, &duration);
  end = gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME, from + duration);
  from = gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME, from);
  if (!GST_CLOCK_TIME_IS_VALID (from) || !GST_CLOCK_TIME_IS_VALID (end))
    return;
  if (!self->begun && !GST_CLOCK_TIME_IS_VALID (self->due))
    self->due = from + GST_TELUCODEC_PACKET_DURATION;
  self->silent_until = end;
}

/* Adds the silence behind the last packet. */
static void
end_in_silence (GstTelucodecMux * self)
{
  GstClockTime end;
  guint64 missing;

  if (!self->begun || !GST_CLOCK_TIME_IS_VALID (self->silent_until)
      || !GST_CLOCK_TIME_IS_VALID (self->due))
    return;
  end = self->silent_until + GST_TELUCODEC_PACKET_DURATION + TOLERANCE;
  missing = end > self->due ? (end - self->due) / GST_TELUCODEC_PACKET_DURATION : 0;
  if (missing == 0 || missing >= TLC_MAX_PACKETS)
    return;
  self->trim = 0;
  leave_hole (self, missing);
}

static GstFlowReturn
gst_telucodec_mux_chain (GstPad * pad, GstObject * parent, GstBuffer * buf)
{
  GstTelucodecMux *self = GST_TELUCODEC_MUX (parent);
  GstAudioClippingMeta *clip = gst_buffer_get_audio_clipping_meta (buf);
  const gsize size = gst_buffer_get_size (buf);
  guint8 packet[TLC_MAX_PACKET];
  GstFlowReturn ret = GST_FLOW_OK;
  guint64 start = 0, end = 0;
  GstClockTime time;

  (void) pad;
  if (size > TLC_MAX_PACKET) {
    GST_ELEMENT_ERROR (self, STREAM, MUX,
        ("Packet %" G_GUINT64_FORMAT " has %" G_GSIZE_FORMAT " bytes, more than "
            "%u.", self->next, size, TLC_MAX_PACKET), (NULL));
    gst_buffer_unref (buf);
    return GST_FLOW_ERROR;
  }
  if (!gst_telucodec_read (GST_ELEMENT (self), buf, packet)) {
    gst_buffer_unref (buf);
    return GST_FLOW_ERROR;
  }
  if (clip && clip->format == GST_FORMAT_DEFAULT) {
    start = MIN (clip->start, TLC_SAMPLES - 1);
    end = MIN (clip->end, TLC_SAMPLES - start);
  }
  time = gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME,
      GST_BUFFER_PTS (buf));
  gst_buffer_unref (buf);
  self->silent_until = GST_CLOCK_TIME_NONE;

  if (!self->begun)
    ret = gst_telucodec_mux_begin (self, start);
  /* The last page has 16 bits for it. */
  self->trim = end > 0 ? MIN (self->trim + end, G_MAXUINT16) : 0;

  if (GST_CLOCK_TIME_IS_VALID (time)) {
    /* The end of the unclipped packet identifies it: its beginning may be before 0. */
    time += gst_util_uint64_scale_int (TLC_SAMPLES - start, GST_SECOND, TLC_RATE);
    if (!GST_CLOCK_TIME_IS_VALID (self->due))
      self->due = time;
    else if (time + TOLERANCE >= self->due + GST_TELUCODEC_PACKET_DURATION
        && ret == GST_FLOW_OK)
      ret = leave_hole (self, (time + TOLERANCE - self->due) /
          GST_TELUCODEC_PACKET_DURATION);
  }
  if (ret == GST_FLOW_OK)
    ret = add (self, packet, size, self->due);
  if (GST_CLOCK_TIME_IS_VALID (self->due))
    self->due += GST_TELUCODEC_PACKET_DURATION;
  return ret;
}

/* --- Events --------------------------------------------------------------- */

static gboolean
set_caps (GstTelucodecMux * self, GstCaps * caps)
{
  const gchar *id = gst_structure_get_string (gst_caps_get_structure (caps, 0),
      GST_TELUCODEC_MODEL_ID);
  guint8 model_id[MODEL_ID_BYTES] = { 0, };

  for (guint i = 0; id && i < sizeof (model_id); i++) {
    gint high = g_ascii_xdigit_value (id[2 * i]);
    gint low = high < 0 ? -1 : g_ascii_xdigit_value (id[2 * i + 1]);

    if (low < 0 || (i == MODEL_ID_BYTES - 1 && id[2 * MODEL_ID_BYTES])) {
      GST_ELEMENT_ERROR (self, STREAM, FORMAT,
          (GST_TELUCODEC_MODEL_ID " \"%s\" in the caps is not 64 hexadecimal "
              "digits.", id), (NULL));
      return FALSE;
    }
    model_id[i] = high << 4 | low;
  }
  if (self->begun && memcmp (model_id, self->header.model_id,
          MODEL_ID_BYTES) != 0) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
        ("The packets' weights changed to %s within the stream: a .tlc file "
            "holds those of one.", id ? id : "unknown ones"), (NULL));
    return FALSE;
  }
  memcpy (self->header.model_id, model_id, sizeof (model_id));
  g_free (self->weights);
  self->weights = g_strdup (gst_structure_get_string (gst_caps_get_structure (caps, 0),
          GST_TELUCODEC_MODEL_NAME));
  return TRUE;
}

static gboolean
gst_telucodec_mux_sink_event (GstPad * pad, GstObject * parent, GstEvent * event)
{
  GstTelucodecMux *self = GST_TELUCODEC_MUX (parent);
  gboolean ret = TRUE;
  GstTagList *tags;
  GstCaps *caps;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      /* A stream behind the end of another is written behind it. */
      if (self->ended) {
        restart (self, self->offset);
        gst_clear_tag_list (&self->tags);
        self->started = FALSE;
      }
      if (!self->started && !gst_event_parse_group_id (event, &self->group))
        self->group = GST_GROUP_ID_INVALID;
      break;
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      ret = set_caps (self, caps);
      break;
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment (event, &self->segment);
      if (self->segment.format != GST_FORMAT_TIME)
        gst_segment_init (&self->segment, GST_FORMAT_TIME);
      break;
    case GST_EVENT_FLUSH_STOP:
      /* A flushed sink has dropped what it was sent: filesink empties its file. */
      restart (self, 0);
      return gst_pad_push_event (self->srcpad, event);
    case GST_EVENT_EOS:
      if (!self->ended) {
        end_in_silence (self);
        gst_telucodec_mux_finish (self);
      }
      self->ended = TRUE;
      return gst_pad_push_event (self->srcpad, event);
    case GST_EVENT_TAG:
      gst_event_parse_tag (event, &tags);
      if (self->begun)
        GST_INFO_OBJECT (self, "tags behind the first packet are not kept");
      else if (self->tags)
        gst_tag_list_insert (self->tags, tags, GST_TAG_MERGE_REPLACE);
      else
        self->tags = gst_tag_list_copy (tags);
      break;
    case GST_EVENT_GAP:        /* the next packet's time shows the hole */
      if (!self->ended && gst_telucodec_is_silence (event))
        take_silence (self, event);
      break;
    case GST_EVENT_TOC:
      break;
    default:
      return gst_pad_event_default (pad, parent, event);
  }
  gst_event_unref (event);
  return ret;
}

static gboolean
gst_telucodec_mux_src_event (GstPad * pad, GstObject * parent, GstEvent * event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEEK) {
    gst_event_unref (event);    /* written pages cannot change */
    return FALSE;
  }
  return gst_pad_event_default (pad, parent, event);
}

/* A live stream is late by a page: it waits for a full page and the next packet. */
static gboolean
gst_telucodec_mux_src_query (GstPad * pad, GstObject * parent, GstQuery * query)
{
  GstTelucodecMux *self = GST_TELUCODEC_MUX (parent);
  GstClockTime min, max, page;
  gboolean live;

  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return gst_pad_query_default (pad, parent, query);
  if (!gst_pad_peer_query (self->sinkpad, query))
    return FALSE;

  GST_OBJECT_LOCK (self);
  page = self->max_page_duration;
  GST_OBJECT_UNLOCK (self);
  page -= page % GST_TELUCODEC_PACKET_DURATION;
  gst_query_parse_latency (query, &live, &min, &max);
  gst_query_set_latency (query, live, min + page,
      GST_CLOCK_TIME_IS_VALID (max) ? max + page : max);
  return TRUE;
}

/* --- The element ----------------------------------------------------------- */

static GstStateChangeReturn
gst_telucodec_mux_change_state (GstElement * element, GstStateChange transition)
{
  GstStateChangeReturn ret =
      GST_ELEMENT_CLASS (gst_telucodec_mux_parent_class)->change_state (element,
      transition);

  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    reset (GST_TELUCODEC_MUX (element));
  return ret;
}

static void
gst_telucodec_mux_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  GstTelucodecMux *self = GST_TELUCODEC_MUX (object);

  if (id != PROP_MAX_PAGE_DURATION) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    return;
  }
  GST_OBJECT_LOCK (self);
  self->max_page_duration = g_value_get_uint64 (value);
  GST_OBJECT_UNLOCK (self);
  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_latency (GST_OBJECT (self)));
}

static void
gst_telucodec_mux_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstTelucodecMux *self = GST_TELUCODEC_MUX (object);

  if (id != PROP_MAX_PAGE_DURATION) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    return;
  }
  GST_OBJECT_LOCK (self);
  g_value_set_uint64 (value, self->max_page_duration);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_telucodec_mux_finalize (GObject * object)
{
  GstTelucodecMux *self = GST_TELUCODEC_MUX (object);

  gst_clear_tag_list (&self->tags);
  g_free (self->weights);
  g_free (self->page);
  g_free (self->bytes);
  G_OBJECT_CLASS (gst_telucodec_mux_parent_class)->finalize (object);
}

static void
gst_telucodec_mux_class_init (GstTelucodecMuxClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->set_property = gst_telucodec_mux_set_property;
  object_class->get_property = gst_telucodec_mux_get_property;
  object_class->finalize = gst_telucodec_mux_finalize;
  element_class->change_state = gst_telucodec_mux_change_state;

  /**
   * GstTelucodecMux:max-page-duration:
   *
   * Longest duration of a page, in nanoseconds. It delays a live stream; each page adds 17
   * bytes and more.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_MAX_PAGE_DURATION,
      g_param_spec_uint64 ("max-page-duration", "Maximum page duration",
          "A page holds at most this much, in nanoseconds; a live stream is "
          "delayed by it, and each page adds 17 bytes and more",
          GST_TELUCODEC_PACKET_DURATION, MAX_PAGE_DURATION,
          DEFAULT_PAGE_DURATION, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
          GST_PARAM_MUTABLE_PLAYING));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "TeluCodec muxer",
      "Codec/Muxer", "Writes TeluCodec speech into .tlc files",
      "The TeluCodec authors");
}

static void
gst_telucodec_mux_init (GstTelucodecMux * self)
{
  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad, gst_telucodec_mux_chain);
  gst_pad_set_event_function (self->sinkpad, gst_telucodec_mux_sink_event);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_use_fixed_caps (self->srcpad);
  gst_pad_set_event_function (self->srcpad, gst_telucodec_mux_src_event);
  gst_pad_set_query_function (self->srcpad, gst_telucodec_mux_src_query);
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);

  self->max_page_duration = DEFAULT_PAGE_DURATION;
  self->page = g_new (TlcPage, 1);
  self->bytes = g_malloc (TLC_MAX_PAGE);
  reset (self);
}
