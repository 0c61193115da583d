/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecparse.c - reads audio/x-telucodec packets from the pages of a .tlc file.
 *
 * A frame of the base class is a packet. The first packet of a page consumes the page's
 * bytes, the others none. Each page contains the number of its first packet, so time
 * stamps are exact wherever reading begins. GAP events stand for missing packets.
 */

/**
 * SECTION:element-telucodecparse
 * @title: telucodecparse
 * @see_also: telucodecmux, telucodecdec
 *
 * Reads .tlc files and streams. All seeks are accurate to the sample. A damaged page
 * is reported and costs only its own packets. A stream joined in its middle starts at
 * the next page.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=speech.tlc ! telucodecparse ! telucodecdec ! audioconvert ! audioresample ! autoaudiosink
 * ]| Plays a file.
 * |[
 * gst-launch-1.0 tcpclientsrc port=4000 ! telucodecparse ! telucodecdec ! audioconvert ! audioresample ! autoaudiosink sync=false
 * ]| Joins a stream.
 *
 * Since: 0.1
 */
#include "gsttelucodecparse.h"

#include <gst/audio/audio.h>
#include <string.h>

GST_DEBUG_CATEGORY_STATIC (gst_telucodec_parse_debug);
#define GST_CAT_DEFAULT gst_telucodec_parse_debug

#define LEAD_IN (TELU_WARMUP * GST_TELUCODEC_PACKET_DURATION)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_TELUCODEC_CAPS_FILE));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_TELUCODEC_CAPS_FRAMED));

G_DEFINE_TYPE (GstTelucodecParse, gst_telucodec_parse, GST_TYPE_BASE_PARSE);

GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (telucodecparse, "telucodecparse",
    GST_RANK_PRIMARY, GST_TYPE_TELUCODEC_PARSE,
    GST_DEBUG_CATEGORY_INIT (gst_telucodec_parse_debug, "telucodecparse", 0,
        "TeluCodec parser"));

static GstClockTime
to_time (gint64 samples)
{
  return samples <= 0 ? 0 :
      gst_util_uint64_scale_int (samples, GST_SECOND, TLC_RATE);
}

/* Returns the packet's first sample on the time axis of the output; may be negative. */
static gint64
begin_of (GstTelucodecParse * self, gint64 packet)
{
  return packet * TLC_SAMPLES - self->header.pre_skip - self->origin;
}

static gint64
end_of (GstTelucodecParse * self, const TlcPage * page)
{
  return begin_of (self, (gint64) page->index + page->count) - page->trim;
}

/* --- The whole stream: tags, caps, duration -------------------------------- */

/* Sets codec and bit rate. samples: length of the whole stream, 0 if unknown. */
static void
set_tags (GstTelucodecParse * self, gint64 samples)
{
  GstTagList *tags =
      gst_tag_list_new (GST_TAG_AUDIO_CODEC, GST_TELUCODEC_CODEC_NAME, NULL);
  gint64 bytes;

  if (samples > 0 && gst_pad_peer_query_duration (GST_BASE_PARSE_SINK_PAD (self),
          GST_FORMAT_BYTES, &bytes))
    gst_tag_list_add (tags, GST_TAG_MERGE_REPLACE, GST_TAG_BITRATE,
        (guint) MIN (gst_util_uint64_scale (bytes, 8 * TLC_RATE, samples),
            G_MAXUINT), NULL);
  gst_base_parse_merge_tags (GST_BASE_PARSE (self), tags, GST_TAG_MERGE_REPLACE);
  gst_tag_list_unref (tags);
}

static gboolean
gst_telucodec_parse_start (GstBaseParse * parse)
{
  GstTelucodecParse *self = GST_TELUCODEC_PARSE (parse);

  memset (&self->header, 0, sizeof (self->header));
  self->header.samples = TLC_UNKNOWN;
  self->has_header = self->located = self->upstream_time = FALSE;
  self->damage_reported = FALSE;
  self->discont = TRUE;
  self->expected = 0;
  self->origin = self->next = 0;
  self->gap = 0;

  gst_base_parse_set_min_frame_size (parse, TLC_PAGE_MIN);
  gst_base_parse_set_frame_rate (parse, TLC_RATE / TLC_SAMPLES, 1, TELU_WARMUP,
      0);
  set_tags (self, 0);
  return TRUE;
}

static void
set_caps (GstTelucodecParse * self)
{
  GstCaps *caps = gst_static_pad_template_get_caps (&src_template);
  static const guint8 unknown[sizeof (self->header.model_id)];

  if (memcmp (self->header.model_id, unknown, sizeof (unknown)) != 0) {
    gchar id[2 * sizeof (unknown) + 1];

    caps = gst_caps_make_writable (caps);
    for (guint i = 0; i < sizeof (unknown); i++)
      g_snprintf (id + 2 * i, 3, "%02x", self->header.model_id[i]);
    gst_caps_set_simple (caps, GST_TELUCODEC_MODEL_ID, G_TYPE_STRING, id, NULL);
  }
  gst_pad_set_caps (GST_BASE_PARSE_SRC_PAD (self), caps);
  gst_caps_unref (caps);
}

/* Returns the sample at which the last page of the file ends, or -1 if unknown. */
static gint64
find_end (GstTelucodecParse * self)
{
  GstPad *pad = GST_BASE_PARSE_SINK_PAD (self);
  GstBuffer *buf = NULL;
  GstMapInfo map;
  TlcPage *page;
  gint64 size, end = -1;
  gchar why[TLC_WHY];
  gsize used;

  if (GST_PAD_MODE (pad) != GST_PAD_MODE_PULL
      || !gst_pad_peer_query_duration (pad, GST_FORMAT_BYTES, &size)
      || gst_pad_pull_range (pad, MAX (size - TLC_MAX_PAGE, 0),
          MIN (size, TLC_MAX_PAGE), &buf) != GST_FLOW_OK)
    return -1;

  page = g_new (TlcPage, 1);
  gst_buffer_map (buf, &map, GST_MAP_READ);
  for (gsize at = tlc_find (map.data, map.size, 0); at < map.size;
      at = tlc_find (map.data, map.size, at + used)) {
    if (tlc_page_read (page, map.data + at, map.size - at, &used, why) == TLC_OK)
      end = end_of (self, page);
    else
      used = 1;
  }
  gst_buffer_unmap (buf, &map);
  gst_buffer_unref (buf);
  g_free (page);
  return end;
}

/* Sets time 0 and the duration from the first page. A stream that begins with a later
 * packet was joined there, unless its length is known. */
static void
locate (GstTelucodecParse * self)
{
  const gint64 first = self->page->index;
  gint64 end = -1;

  if (!self->has_header) {
    GST_INFO_OBJECT (self, "no header: it starts at packet %" G_GINT64_FORMAT,
        first);
    self->header.pre_skip = first == 0 ? TELU_DELAY : 0;
    set_caps (self);
  } else if (self->header.samples <= (guint64) G_MAXUINT32 * TLC_SAMPLES) {
    end = self->header.samples;
  }
  if (end < 0)
    end = find_end (self);
  if (first > 0 && (!self->has_header || end < 0)) {
    self->next = first;
    self->origin = begin_of (self, first);
  }
  if (end >= 0) {
    gst_base_parse_set_duration (GST_BASE_PARSE (self), GST_FORMAT_TIME,
        to_time (end - self->origin), 0);
    set_tags (self, end - self->origin);
  }
  self->located = TRUE;
}

/* --- Packets ---------------------------------------------------------------- */

/* Returns the time before which the decoder needs no packets. */
static GstClockTime
needed_from (GstTelucodecParse * self)
{
  const GstSegment *segment = &GST_BASE_PARSE (self)->segment;

  if (self->upstream_time || segment->rate < 0.0 || segment->start < LEAD_IN)
    return 0;
  return segment->start - LEAD_IN;
}

/* Passes a packet to the base class, which consumes size bytes of its input. */
static GstFlowReturn
finish (GstTelucodecParse * self, guint64 offset, GstBuffer * buf, gsize size)
{
  GstBaseParseFrame frame;
  GstFlowReturn ret;

  gst_base_parse_frame_init (&frame);
  frame.buffer = buf;
  frame.out_buffer = gst_buffer_ref (buf);
  frame.offset = offset;
  ret = gst_base_parse_finish_frame (GST_BASE_PARSE (self), &frame, size);
  gst_base_parse_frame_free (&frame);
  return ret;
}

static GstFlowReturn
push_page (GstTelucodecParse * self, GstBaseParseFrame * frame, gsize size)
{
  const TlcPage *page = self->page;
  const guint8 *data = page->data;
  const gint64 last = page->last ? end_of (self, page) : G_MAXINT64;
  GstFlowReturn ret = GST_FLOW_OK;

  for (guint i = 0; i < page->count && ret == GST_FLOW_OK;
      data += page->length[i++]) {
    const gint64 packet = (gint64) page->index + i;
    const gint64 begin = begin_of (self, packet), end = begin + TLC_SAMPLES;
    const gint64 from = MAX (begin, 0), to = MIN (end, last);
    GstBuffer *buf;

    if (to <= from || to_time (to) < needed_from (self)) {
      self->gap = 0;
      self->discont = TRUE;
      continue;
    }
    if (page->length[i] == 0) {
      self->gap += to_time (to) - to_time (from);
      self->discont = TRUE;
      continue;
    }

    buf = gst_buffer_new_memdup (data, page->length[i]);
    GST_BUFFER_PTS (buf) = GST_BUFFER_DTS (buf) = to_time (from);
    GST_BUFFER_DURATION (buf) = to_time (to) - to_time (from);
    if (self->discont)
      GST_BUFFER_FLAG_SET (buf, GST_BUFFER_FLAG_DISCONT);
    if (from > begin || to < end)
      gst_buffer_add_audio_clipping_meta (buf, GST_FORMAT_DEFAULT, from - begin,
          end - to);
    self->discont = FALSE;
    ret = finish (self, frame->offset, buf, size);
    size = 0;
  }

  /* The base class rejects a stream without frames, so an empty one gets one. */
  if (page->count == 0) {
    ret = finish (self, frame->offset, gst_buffer_new (), size);
  } else if (size > 0) {
    frame->flags |= GST_BASE_PARSE_FRAME_FLAG_DROP;
    ret = gst_base_parse_finish_frame (GST_BASE_PARSE (self), frame, size);
  }
  return ret;
}

static GstFlowReturn
gst_telucodec_parse_pre_push_frame (GstBaseParse * parse, GstBaseParseFrame * frame)
{
  GstTelucodecParse *self = GST_TELUCODEC_PARSE (parse);
  const GstClockTime time = GST_BUFFER_PTS (frame->buffer);
  const GstClockTime gap = self->gap;

  if (gst_buffer_get_size (frame->buffer) == 0)
    return GST_BASE_PARSE_FLOW_DROPPED;

  frame->flags |= GST_BASE_PARSE_FRAME_FLAG_CLIP;
  self->gap = 0;
  if (gap > 0 && gap <= time && !self->upstream_time && parse->segment.rate > 0)
    gst_pad_push_event (GST_BASE_PARSE_SRC_PAD (parse),
        gst_event_new_gap (time - gap, gap));
  return GST_FLOW_OK;
}

/* --- Header and pages ------------------------------------------------------- */

static GstFlowReturn
take_header (GstTelucodecParse * self, GstBaseParseFrame * frame,
    const TlcHeader * header)
{
  /* The header may be repeated, from the caps or the start of the file. */
  if (self->has_header && memcmp (header->model_id, self->header.model_id,
          sizeof (header->model_id)) != 0) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
        ("At byte %" G_GUINT64_FORMAT " a stream of other weights begins: a .tlc "
            "file holds those of one.", frame->offset), (NULL));
    return GST_FLOW_ERROR;
  }
  if (!self->located && !self->has_header) {
    self->header = *header;
    self->has_header = TRUE;
    set_caps (self);
  }
  frame->flags |= GST_BASE_PARSE_FRAME_FLAG_DROP;
  return gst_base_parse_finish_frame (GST_BASE_PARSE (self), frame,
      TLC_HEADER_SIZE);
}

static GstFlowReturn
take_page (GstTelucodecParse * self, GstBaseParseFrame * frame, gsize size)
{
  const TlcPage *page = self->page;

  if (!self->located)
    locate (self);
  if (page->last)
    gst_base_parse_set_duration (GST_BASE_PARSE (self), GST_FORMAT_TIME,
        to_time (end_of (self, page)), 0);
  self->damage_reported = FALSE;

  if (page->index < self->next) {
    GST_WARNING_OBJECT (self, "page of packet %u at byte %" G_GUINT64_FORMAT
        " left out: packet %" G_GINT64_FORMAT " should be next", page->index,
        frame->offset, self->next);
    frame->flags |= GST_BASE_PARSE_FRAME_FLAG_DROP;
    return gst_base_parse_finish_frame (GST_BASE_PARSE (self), frame, size);
  }
  if (self->next >= 0 && page->index > self->next) {
    self->gap += to_time (begin_of (self, page->index))
        - to_time (begin_of (self, self->next));
    self->discont = TRUE;
  }
  self->next = (gint64) page->index + page->count;
  if (page->count > 0)
    gst_base_parse_add_index_entry (GST_BASE_PARSE (self), frame->offset,
        to_time (begin_of (self, page->index)), TRUE, FALSE);
  return push_page (self, frame, size);
}

/* Warns once for each hole. Before the first page it only logs: the stream was joined. */
static void
report_damage (GstTelucodecParse * self, guint64 offset, const gchar * why)
{
  if (self->located && !self->damage_reported)
    GST_ELEMENT_WARNING (self, STREAM, DECODE,
        ("The stream is damaged at byte %" G_GUINT64_FORMAT ", after packet %"
            G_GINT64_FORMAT ": %s. It goes on with the next whole page.", offset,
            self->next - 1, why), (NULL));
  else
    GST_INFO_OBJECT (self, "byte %" G_GUINT64_FORMAT ": %s", offset, why);
  self->damage_reported = TRUE;
}

static GstFlowReturn
gst_telucodec_parse_handle_frame (GstBaseParse * parse,
    GstBaseParseFrame * frame, gint * skip)
{
  GstTelucodecParse *self = GST_TELUCODEC_PARSE (parse);
  gchar why[TLC_WHY] = "it ends within a page";
  gsize need = TLC_HEADER_SIZE;
  TlcHeader header;
  TlcResult result;
  gboolean is_header;
  GstMapInfo map;

  if (frame->offset != self->expected) {
    self->next = frame->offset == 0 && self->origin == 0 ? 0 : -1;
    self->damage_reported = FALSE;
    self->gap = 0;
  }
  self->expected = frame->offset;
  self->discont |= GST_BUFFER_IS_DISCONT (frame->buffer);

  gst_buffer_map (frame->buffer, &map, GST_MAP_READ);
  is_header = map.size >= 4 && memcmp (map.data, TLC_MAGIC, 4) == 0;
  result = is_header ? tlc_header_read (&header, map.data, map.size, why) :
      tlc_page_read (self->page, map.data, map.size, &need, why);
  if (result == TLC_SHORT && GST_BASE_PARSE_DRAINING (parse))
    result = TLC_BAD;
  if (result == TLC_BAD)
    *skip = tlc_find (map.data, map.size, 1);
  gst_buffer_unmap (frame->buffer, &map);
  gst_base_parse_set_min_frame_size (parse, result == TLC_SHORT ?
      MAX (need, map.size + 1) : TLC_PAGE_MIN);

  switch (result) {
    case TLC_OK:
      self->expected += need;
      return is_header ? take_header (self, frame, &header) :
          take_page (self, frame, need);
    case TLC_SHORT:
      return GST_FLOW_OK;
    case TLC_FOREIGN:
      GST_ELEMENT_ERROR (self, STREAM, FORMAT,
          ("The header at byte %" G_GUINT64_FORMAT " is of %s.", frame->offset,
              why), (NULL));
      return GST_FLOW_ERROR;
    default:
      report_damage (self, frame->offset, why);
      self->expected += *skip;
      return GST_FLOW_OK;
  }
}

/* --- Events and queries ----------------------------------------------------- */

static gboolean
gst_telucodec_parse_sink_event (GstBaseParse * parse, GstEvent * event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT) {
    const GstSegment *segment;

    gst_event_parse_segment (event, &segment);
    GST_TELUCODEC_PARSE (parse)->upstream_time =
        segment->format == GST_FORMAT_TIME;
  }
  return GST_BASE_PARSE_CLASS (gst_telucodec_parse_parent_class)->sink_event
      (parse, event);
}

/* Makes every seek accurate: reading on from the nearest known page costs only some
 * 2 kB per second, and only packets that the decoder needs are pushed. */
static gboolean
gst_telucodec_parse_src_event (GstBaseParse * parse, GstEvent * event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEEK) {
    const guint32 seqnum = gst_event_get_seqnum (event);
    GstSeekType start_type, stop_type;
    gint64 start, stop;
    GstSeekFlags flags;
    GstFormat format;
    gdouble rate;

    gst_event_parse_seek (event, &rate, &format, &flags, &start_type, &start,
        &stop_type, &stop);
    gst_event_unref (event);
    event = gst_event_new_seek (rate, format, flags | GST_SEEK_FLAG_ACCURATE,
        start_type, start, stop_type, stop);
    gst_event_set_seqnum (event, seqnum);
  }
  return GST_BASE_PARSE_CLASS (gst_telucodec_parse_parent_class)->src_event (parse,
      event);
}

/* Answers that seeking is impossible, so that a muxer upstream does not try to seek in
 * the sink behind the decoder. */
static gboolean
gst_telucodec_parse_sink_query (GstBaseParse * parse, GstQuery * query)
{
  GstFormat format;

  if (GST_QUERY_TYPE (query) == GST_QUERY_SEEKING) {
    gst_query_parse_seeking (query, &format, NULL, NULL, NULL);
    gst_query_set_seeking (query, format, FALSE, 0, -1);
    return TRUE;
  }
  return GST_BASE_PARSE_CLASS (gst_telucodec_parse_parent_class)->sink_query
      (parse, query);
}

/* --- The element ------------------------------------------------------------ */

static void
gst_telucodec_parse_finalize (GObject * object)
{
  g_free (GST_TELUCODEC_PARSE (object)->page);
  G_OBJECT_CLASS (gst_telucodec_parse_parent_class)->finalize (object);
}

static void
gst_telucodec_parse_class_init (GstTelucodecParseClass * klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseParseClass *parse_class = GST_BASE_PARSE_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = gst_telucodec_parse_finalize;
  parse_class->start = gst_telucodec_parse_start;
  parse_class->handle_frame = gst_telucodec_parse_handle_frame;
  parse_class->pre_push_frame = gst_telucodec_parse_pre_push_frame;
  parse_class->sink_event = gst_telucodec_parse_sink_event;
  parse_class->src_event = gst_telucodec_parse_src_event;
  parse_class->sink_query = gst_telucodec_parse_sink_query;

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "TeluCodec parser",
      "Codec/Parser/Audio", "Reads TeluCodec speech from .tlc files",
      "The TeluCodec authors");
}

static void
gst_telucodec_parse_init (GstTelucodecParse * self)
{
  self->page = g_new0 (TlcPage, 1);
  GST_PAD_SET_ACCEPT_TEMPLATE (GST_BASE_PARSE_SINK_PAD (self));
}
