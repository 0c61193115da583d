/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecparse.c - reads audio/x-telucodec packets from the pages of a .tlc file.
 * The pages themselves are in gsttelucodecpages.c. */

/**
 * SECTION:element-telucodecparse
 * @title: telucodecparse
 * @see_also: telucodecmux, telucodecdec
 *
 * Reads .tlc files and streams. All seeks are accurate to the sample. The tags of a file
 * become stream tags. A stream joined in its middle starts at the next page. Streams that
 * stand behind each other in a file (cat a.tlc b.tlc) are played one after the other.
 *
 * The duration is the header's or, in pull mode, that of the last page. If neither tells it, as
 * over HTTP, and the source knows its size, it is estimated from the pages so far.
 *
 * Packets that are left out become GAP events; 120 ms of them within a page count as
 * silence of a sender with dtx=true, which telucodecdec fills with comfort noise.
 *
 * A damaged page costs only its own packets, and of a page that the end of the file cuts
 * those before the cut are played. The first damages are told as warnings at once, the
 * number of all at the end.
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

#include "gsttelucodecnoise.h"

#include <string.h>

/* A hole of that length within a page is a silence of the sender, and a shorter one a loss. */
#define SILENCE (6 * GST_TELUCODEC_PACKET_DURATION)

GST_DEBUG_CATEGORY_STATIC (gst_telucodec_parse_debug);
#define GST_CAT_DEFAULT gst_telucodec_parse_debug

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

static gboolean
gst_telucodec_parse_start (GstBaseParse * parse)
{
  GstTelucodecParse *self = GST_TELUCODEC_PARSE (parse);

  gst_telucodec_parse_reset_pages (self);
  self->damage_reported = self->leaving = FALSE;
  self->damages = 0;
  self->work = TLC_WORK;
  self->expected = 0;
  self->byte_stop = G_MAXUINT64;
  GST_OBJECT_LOCK (self);
  g_array_set_size (self->seeks, 0);
  GST_OBJECT_UNLOCK (self);

  gst_base_parse_set_min_frame_size (parse, TLC_PAGE_MIN);
  gst_base_parse_set_frame_rate (parse, TLC_RATE / TLC_SAMPLES, 1, TELU_WARMUP,
      0);
  return TRUE;
}

/* Tells of packets that are missing between the last one and the next one or the end. */
static void
push_gap (GstTelucodecParse * self, GstClockTime from, GstClockTime duration)
{
  gst_pad_push_event (GST_BASE_PARSE_SRC_PAD (self), !self->torn && duration >= SILENCE ?
      gst_telucodec_silence_event (from, duration) : gst_event_new_gap (from, duration));
  self->torn = FALSE;
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
    push_gap (self, time - gap, gap);
  self->torn = FALSE;
  return GST_FLOW_OK;
}

/* --- Bytes ------------------------------------------------------------------- */

typedef enum
{
  HEADER,
  TAGS,
  PAGE
} Kind;

/* Reads what stands at the beginning of data. *size: the bytes it takes, or needs. */
static TlcResult
read_one (GstTelucodecParse * self, const guint8 * data, gsize * size,
    TlcHeader * header, Kind * kind, gchar * why)
{
  const gsize left = *size;

  *kind = left >= 4 && memcmp (data, TLC_MAGIC, 4) == 0 ? HEADER :
      left >= 4 && memcmp (data, TLC_TAGS_MAGIC, 4) == 0 ? TAGS : PAGE;
  if (*kind == PAGE)
    return tlc_page_try (self->page, data, left, size, &self->work, why);
  if (*kind == TAGS)
    return tlc_tags_read (data, left, size, &self->work, why);
  *size = TLC_HEADER_SIZE;
  return tlc_header_read (header, data, left, why);
}

/* Reads the packets of a page that the stream's end cuts, if it is the expected one. */
static gboolean
read_cut_page (GstTelucodecParse * self, const guint8 * data, gsize size)
{
  return !self->leaving && tlc_page_cut (self->page, data, size) > 0
      && (self->next < 0 || self->page->index == self->next);
}

static GstFlowReturn
gst_telucodec_parse_handle_frame (GstBaseParse * parse,
    GstBaseParseFrame * frame, gint * skip)
{
  GstTelucodecParse *self = GST_TELUCODEC_PARSE (parse);
  gboolean asked, cut = FALSE;
  Kind kind = PAGE;
  gchar why[TLC_WHY] = "";
  TlcResult result = TLC_BAD;
  TlcHeader header;
  gsize at = 0, size = 0;
  GstMapInfo map;

  if (frame->offset != self->expected) {
    gst_telucodec_parse_choose_part (self, frame->offset);
    self->next = frame->offset == 0 && self->origin == 0 ? 0 : -1;
    self->damage_reported = self->stopped = self->ended = self->failed = FALSE;
    self->gap = 0;
  }
  if (self->failed)
    return GST_FLOW_ERROR;
  self->expected = frame->offset;
  self->discont |= GST_BUFFER_IS_DISCONT (frame->buffer);

  if (!gst_telucodec_map (GST_ELEMENT (self), frame->buffer, &map))
    return GST_FLOW_ERROR;
  /* Downstream or a seek may have asked for the end. */
  asked = self->leaving || self->stopped
      || frame->offset + map.size >= self->byte_stop;
  while (at < map.size) {
    size = map.size - at;
    result = read_one (self, map.data + at, &size, &header, &kind, why);
    if (result == TLC_SHORT && GST_BASE_PARSE_DRAINING (parse)) {
      if (at == 0 && read_cut_page (self, map.data, map.size)) {
        result = TLC_OK;
        size = map.size;
        cut = TRUE;
      } else {
        result = TLC_BAD;
      }
      g_strlcpy (why, "it ends within a page", sizeof (why));
      if (!asked)
        gst_telucodec_parse_report (self, frame->offset + at, why);
    } else if (result == TLC_BAD) {
      /* The first bytes tell a damaged header from a stream that was joined. */
      self->from_start |= kind == HEADER && frame->offset + at == 0;
      gst_telucodec_parse_report (self, frame->offset + at, why);
    }
    if (result != TLC_BAD)
      break;
    at = tlc_find (map.data, map.size, at + 1);
  }
  size = result == TLC_SHORT ? MAX (size, map.size - at + 1) : size;
  gst_buffer_unmap (frame->buffer, &map);

  self->work = MIN (TLC_WORK, self->work + TLC_WORK_PER_BYTE * (at > 0 ? at :
          result == TLC_OK ? size : 0));
  gst_base_parse_set_min_frame_size (parse, result == TLC_SHORT ? size :
      TLC_PAGE_MIN);
  if (at > 0) {                 /* comes again at its own beginning */
    *skip = at;
    self->expected += at;
    return GST_FLOW_OK;
  }
  switch (result) {
    case TLC_OK:
      if (kind == PAGE && !cut && self->page->index >= self->next)
        self->damage_reported = FALSE;
      self->expected += size;
      return kind == HEADER ? gst_telucodec_parse_take_header (self, frame, &header) :
          kind == TAGS ? gst_telucodec_parse_take_tags (self, frame, size) :
          gst_telucodec_parse_take_page (self, frame, size);
    case TLC_FOREIGN:
      self->failed = TRUE;
      GST_ELEMENT_ERROR (self, STREAM, FORMAT,
          ("The header at byte %" G_GUINT64_FORMAT " is of %s.", frame->offset,
              why), (NULL));
      return GST_FLOW_ERROR;
    default:
      return GST_FLOW_OK;
  }
}

static GstFlowReturn
gst_telucodec_parse_chain (GstPad * pad, GstObject * parent, GstBuffer * buf)
{
  if (!gst_telucodec_can_read (GST_ELEMENT (parent), buf)) {
    gst_buffer_unref (buf);
    return GST_FLOW_ERROR;
  }
  return GST_TELUCODEC_PARSE (parent)->base_chain (pad, parent, buf);
}

/* --- Events and queries ----------------------------------------------------- */

static gboolean
gst_telucodec_parse_sink_event (GstBaseParse * parse, GstEvent * event)
{
  GstTelucodecParse *self = GST_TELUCODEC_PARSE (parse);
  const GstSegment *segment;
  GstSegment copy;
  gboolean ret;

  if (GST_EVENT_TYPE (event) != GST_EVENT_SEGMENT)
    return GST_BASE_PARSE_CLASS (gst_telucodec_parse_parent_class)->sink_event
        (parse, event);

  /* The base class first drains what is left, which may be a part of a page. */
  gst_event_parse_segment (event, &segment);
  copy = *segment;
  self->leaving = TRUE;
  ret = gst_telucodec_parse_answer_seek (self, event,
      GST_BASE_PARSE_CLASS (gst_telucodec_parse_parent_class)->sink_event);
  self->leaving = FALSE;
  self->upstream_time = copy.format == GST_FORMAT_TIME;
  self->byte_stop = copy.format == GST_FORMAT_BYTES ? copy.stop : G_MAXUINT64;
  self->stopped = FALSE;
  return ret;
}

/* Tells of the gap behind the last packet, up to where the segment stops. */
static void
push_last_gap (GstTelucodecParse * self)
{
  const GstSegment *segment = &GST_BASE_PARSE (self)->segment;
  const GstClockTime end = gst_util_uint64_scale_int (self->end, GST_SECOND, TLC_RATE);
  const GstClockTime stop = GST_CLOCK_TIME_IS_VALID (segment->stop) ? MIN (segment->stop, end) :
      end;

  if (self->gap > 0 && self->gap <= end && end - self->gap < stop && self->ended
      && !self->stopped && !self->upstream_time && segment->rate > 0)
    push_gap (self, end - self->gap, stop - (end - self->gap));
  self->gap = 0;
}

/* Sums up at the end, of which the base class does not tell in pull mode. */
static GstPadProbeReturn
probe_end (GstPad * pad, GstPadProbeInfo * info, gpointer self)
{
  (void) pad;
  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_EOS) {
    push_last_gap (self);
    gst_telucodec_parse_report_end (self);
  }
  return GST_PAD_PROBE_OK;
}

static gboolean
gst_telucodec_parse_src_event (GstBaseParse * parse, GstEvent * event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEEK)
    event = gst_telucodec_parse_take_seek (GST_TELUCODEC_PARSE (parse), event);
  return GST_BASE_PARSE_CLASS (gst_telucodec_parse_parent_class)->src_event (parse,
      event);
}

static gboolean
gst_telucodec_parse_src_query (GstBaseParse * parse, GstQuery * query)
{
  GstTelucodecParse *self = GST_TELUCODEC_PARSE (parse);
  GstClockTime estimate;
  GstFormat format;

  if (GST_QUERY_TYPE (query) == GST_QUERY_DURATION) {
    gst_query_parse_duration (query, &format, NULL);
    GST_OBJECT_LOCK (self);
    estimate = self->estimate;
    GST_OBJECT_UNLOCK (self);
    if (format == GST_FORMAT_TIME && GST_CLOCK_TIME_IS_VALID (estimate)) {
      gst_query_set_duration (query, format, estimate);
      return TRUE;
    }
  }
  return GST_BASE_PARSE_CLASS (gst_telucodec_parse_parent_class)->src_query (parse, query);
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
  GstTelucodecParse *self = GST_TELUCODEC_PARSE (object);

  gst_clear_tag_list (&self->tags);
  g_array_unref (self->seeks);
  g_array_unref (self->parts);
  g_free (self->page);
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
  parse_class->src_query = gst_telucodec_parse_src_query;
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
  self->estimate = GST_CLOCK_TIME_NONE;
  self->parts = g_array_new (FALSE, FALSE, sizeof (GstTelucodecPart));
  self->seeks = gst_telucodec_parse_new_seeks ();
  gst_pad_add_probe (GST_BASE_PARSE_SRC_PAD (self),
      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, probe_end, self, NULL);
  self->base_chain = GST_PAD_CHAINFUNC (GST_BASE_PARSE_SINK_PAD (self));
  gst_pad_set_chain_function (GST_BASE_PARSE_SINK_PAD (self), gst_telucodec_parse_chain);
  GST_PAD_SET_ACCEPT_TEMPLATE (GST_BASE_PARSE_SINK_PAD (self));
}
