/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecpages.c - the pages of telucodecparse: streams behind each other, their place
 * in time and duration, and the packets of a page.
 *
 * A frame of the base class is a packet. The first packet of a page consumes the page's
 * bytes, the others none. Each page contains the number of its first packet, so time
 * stamps are exact wherever reading begins. GAP events stand for missing packets.
 */
#include "gsttelucodecparse.h"

#include <gst/audio/audio.h>
#include <gst/tag/tag.h>
#include <string.h>

#define GST_CAT_DEFAULT gst_telucodec_debug

#define LEAD_IN (TELU_WARMUP * GST_TELUCODEC_PACKET_DURATION)

/* A length is believed if the file has room for it: pages of empty packets hold 15 in a
 * byte. Holes may add a day. */
#define PACKETS_PER_BYTE 15
#define HOLES (G_GINT64_CONSTANT (86400) * TLC_RATE)

static GstClockTime
to_time (gint64 samples)
{
  return samples <= 0 ? 0 :
      gst_util_uint64_scale_int (samples, GST_SECOND, TLC_RATE);
}

/* Returns the packet's first sample on the time axis of the output; may be before the
 * stream's first one. */
static gint64
begin_of (GstTelucodecParse * self, gint64 packet)
{
  return packet * TLC_SAMPLES - self->header.pre_skip - self->origin;
}

/* Returns the first sample of the current part. */
static gint64
first_sample (GstTelucodecParse * self)
{
  return MAX (-self->origin, 0);
}

/* Returns the time at which a packet is first heard. */
static GstClockTime
heard_from (GstTelucodecParse * self, gint64 packet)
{
  return to_time (MAX (begin_of (self, packet), first_sample (self)));
}

static gint64
end_of (GstTelucodecParse * self, const TlcPage * page)
{
  return begin_of (self, (gint64) page->index + page->count) - page->trim;
}

/* --- The whole stream: tags, caps, duration -------------------------------- */

static void
set_estimate (GstTelucodecParse * self, GstClockTime estimate)
{
  GST_OBJECT_LOCK (self);
  self->estimate = estimate;
  GST_OBJECT_UNLOCK (self);
}

/* Sets codec and bit rate, and the tags of the file. samples: length of the whole stream, 0
 * if unknown. */
static void
set_tags (GstTelucodecParse * self, gint64 samples)
{
  GstTagList *tags =
      gst_tag_list_new (GST_TAG_AUDIO_CODEC, GST_TELUCODEC_CODEC_NAME, NULL);
  gint64 bytes;

  self->tagged_samples = samples;
  if (samples > 0 && gst_pad_peer_query_duration (GST_BASE_PARSE_SINK_PAD (self),
          GST_FORMAT_BYTES, &bytes))
    gst_tag_list_add (tags, GST_TAG_MERGE_REPLACE, GST_TAG_BITRATE,
        (guint) MIN (gst_util_uint64_scale (bytes, 8 * TLC_RATE, samples),
            G_MAXUINT), NULL);
  if (self->tags)
    gst_tag_list_insert (tags, self->tags, GST_TAG_MERGE_KEEP);
  gst_base_parse_merge_tags (GST_BASE_PARSE (self), tags, GST_TAG_MERGE_REPLACE);
  gst_tag_list_unref (tags);
}

void
gst_telucodec_parse_reset_pages (GstTelucodecParse * self)
{
  memset (&self->header, 0, sizeof (self->header));
  self->header.samples = TLC_UNKNOWN;
  gst_clear_tag_list (&self->tags);
  g_array_set_size (self->parts, 0);
  self->part = 0;
  self->has_header = self->from_start = FALSE;
  self->located = self->upstream_time = FALSE;
  self->discont = TRUE;
  self->origin = self->next = self->end = 0;
  self->ended = self->stopped = self->measured = self->failed = FALSE;
  set_estimate (self, GST_CLOCK_TIME_NONE);
  self->gap = 0;
  self->torn = FALSE;
  set_tags (self, 0);
}

static void
set_caps (GstTelucodecParse * self)
{
  GstCaps *caps = gst_pad_get_pad_template_caps (GST_BASE_PARSE_SRC_PAD (self));
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

/* Returns whether the file may be as long as it claims. */
static gboolean
believable (GstTelucodecParse * self, gint64 samples)
{
  gint64 bytes;

  return !gst_pad_peer_query_duration (GST_BASE_PARSE_SINK_PAD (self),
      GST_FORMAT_BYTES, &bytes) || bytes < 0
      || samples / (PACKETS_PER_BYTE * TLC_SAMPLES) <= bytes + HOLES /
      (PACKETS_PER_BYTE * TLC_SAMPLES);
}

/* Sets the time at which the output ends, if the file may be as long. */
static void
set_end (GstTelucodecParse * self, gint64 end)
{
  if (!believable (self, end)) {
    GST_WARNING_OBJECT (self, "the file is too short for %" G_GINT64_FORMAT
        " samples: its length is not believed", end);
    return;
  }
  gst_base_parse_set_duration (GST_BASE_PARSE (self), GST_FORMAT_TIME,
      to_time (end), 0);
  self->measured = TRUE;
  set_estimate (self, GST_CLOCK_TIME_NONE);
  set_tags (self, end);
}

/* Estimates the duration from the pages so far, `bytes` of the file. The base class does so
 * from its frames, of which the first of a page takes all bytes, and not before the 50th. */
static void
estimate_end (GstTelucodecParse * self, guint64 bytes)
{
  guint64 end;
  gint64 size;

  if (self->measured || self->upstream_time || self->end <= 0
      || !gst_pad_peer_query_duration (GST_BASE_PARSE_SINK_PAD (self), GST_FORMAT_BYTES, &size)
      || size <= 0)
    return;
  end = gst_util_uint64_scale (self->end, MAX ((guint64) size, bytes), bytes);
  if (end > G_MAXINT64 || !believable (self, end))
    return;
  set_estimate (self, to_time (end));
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
  gsize used, work = TLC_WORK;

  if (GST_PAD_MODE (pad) != GST_PAD_MODE_PULL
      || !gst_pad_peer_query_duration (pad, GST_FORMAT_BYTES, &size)
      || gst_pad_pull_range (pad, MAX (size - TLC_MAX_PAGE, 0),
          MIN (size, TLC_MAX_PAGE), &buf) != GST_FLOW_OK)
    return -1;

  page = g_new (TlcPage, 1);
  if (!gst_buffer_map (buf, &map, GST_MAP_READ)) {
    gst_buffer_unref (buf);
    g_free (page);
    return -1;
  }
  for (gsize at = tlc_find (map.data, map.size, 0); at < map.size;
      at = tlc_find (map.data, map.size, at + used)) {
    if (tlc_page_try (page, map.data + at, map.size - at, &used, &work, why) == TLC_OK)
      end = end_of (self, page);
    else
      used = 1;
  }
  gst_buffer_unmap (buf, &map);
  gst_buffer_unref (buf);
  g_free (page);
  return end;
}

/* Keeps what a seek back to the current part needs. */
static void
keep_part (GstTelucodecParse * self, guint64 offset)
{
  const GstTelucodecPart part = { offset, self->header, self->origin };

  if (self->parts->len > self->part)
    g_array_index (self->parts, GstTelucodecPart, self->part).origin = self->origin;
  else
    g_array_append_val (self->parts, part);
}

static void
enter_part (GstTelucodecParse * self, guint i)
{
  const GstTelucodecPart *part = &g_array_index (self->parts, GstTelucodecPart, i);

  self->part = i;
  self->header = part->header;
  self->origin = part->origin;
}

static guint64
part_offset (GstTelucodecParse * self, guint i)
{
  return g_array_index (self->parts, GstTelucodecPart, i).offset;
}

/* Returns the number of the last part that begins at this byte or before, 0 if none does:
 * parts are met in the order of their bytes. */
static guint
find_part (GstTelucodecParse * self, guint64 offset)
{
  guint low = 0, high = self->parts->len;

  while (high - low > 1) {
    const guint middle = low + (high - low) / 2;

    if (part_offset (self, middle) <= offset)
      low = middle;
    else
      high = middle;
  }
  return low;
}

void
gst_telucodec_parse_choose_part (GstTelucodecParse * self, guint64 offset)
{
  if (self->parts->len > 0)
    enter_part (self, find_part (self, offset));
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
  } else if (self->header.samples <= (guint64) G_MAXUINT32 * TLC_SAMPLES
      && believable (self, self->header.samples)) {
    end = self->header.samples;
  }
  if (end < 0)
    end = find_end (self);
  if (first > 0 && (!self->has_header || end < 0)) {
    self->next = first;
    self->origin = begin_of (self, first);
  }
  if (end >= 0)
    set_end (self, end - self->origin);
  keep_part (self, 0);
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
    const gint64 from = MAX (begin, first_sample (self)), to = MIN (end, last);
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

  self->stopped |= ret != GST_FLOW_OK;

  /* The base class rejects a stream without frames, so an empty one gets one. */
  if (page->count == 0) {
    ret = finish (self, frame->offset, gst_buffer_new (), size);
  } else if (size > 0) {
    frame->flags |= GST_BASE_PARSE_FRAME_FLAG_DROP;
    ret = gst_base_parse_finish_frame (GST_BASE_PARSE (self), frame, size);
  }
  return ret;
}

/* --- Headers and pages ------------------------------------------------------ */

/* Begins another stream, whose time follows that of the one before. */
static void
add_part (GstTelucodecParse * self, const TlcHeader * header, guint64 offset)
{
  GST_INFO_OBJECT (self, "another stream begins at byte %" G_GUINT64_FORMAT
      ", sample %" G_GINT64_FORMAT, offset, self->end);
  self->header = *header;
  self->origin = -self->end;
  self->part = self->parts->len;
  keep_part (self, offset);
  if (header->samples < TLC_UNKNOWN)
    set_end (self, self->end + header->samples);
}

/* Goes on with the stream whose header is at this byte. */
static void
begin_part (GstTelucodecParse * self, const TlcHeader * header, guint64 offset)
{
  const guint i = find_part (self, offset);

  /* It may be repeated, or read again after a seek. */
  if (offset == part_offset (self, 0) || (self->next == 0 && !self->ended))
    return;
  gst_telucodec_parse_report_early_end (self);
  if (offset == part_offset (self, i))
    enter_part (self, i);
  else
    add_part (self, header, offset);
  gst_clear_tag_list (&self->tags);
  self->next = 0;
  if (!self->ended)
    self->gap = 0;
  self->discont = TRUE;
  self->ended = FALSE;
  self->damage_reported = FALSE;
}

GstFlowReturn
gst_telucodec_parse_take_header (GstTelucodecParse * self,
    GstBaseParseFrame * frame, const TlcHeader * header)
{
  if (self->has_header && memcmp (header->model_id, self->header.model_id,
          sizeof (header->model_id)) != 0) {
    self->failed = TRUE;
    self->expected = frame->offset;     /* it comes again at the end */
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
        ("At byte %" G_GUINT64_FORMAT " a stream of other weights begins: a .tlc "
            "file holds those of one.", frame->offset), (NULL));
    return GST_FLOW_ERROR;
  }
  /* Before the first page, the header may be repeated from the caps. */
  if (self->located)
    begin_part (self, header, frame->offset);
  else if (!self->has_header)
    self->header = *header;
  if (!self->has_header) {
    self->has_header = self->from_start = TRUE;
    set_caps (self);
  }
  frame->flags |= GST_BASE_PARSE_FRAME_FLAG_DROP;
  return gst_base_parse_finish_frame (GST_BASE_PARSE (self), frame,
      TLC_HEADER_SIZE);
}

GstFlowReturn
gst_telucodec_parse_take_tags (GstTelucodecParse * self, GstBaseParseFrame * frame,
    gsize size)
{
  GstBuffer *comment = gst_buffer_copy_region (frame->buffer, GST_BUFFER_COPY_MEMORY, 6,
      size - TLC_TAGS_MIN);
  gchar *vendor = NULL;
  /* No bytes cannot be mapped. */
  GstTagList *tags = size == TLC_TAGS_MIN ? NULL :
      gst_tag_list_from_vorbiscomment_buffer (comment, NULL, 0, &vendor);

  gst_buffer_unref (comment);
  if (tags) {
    if (vendor && *vendor)
      gst_tag_list_add (tags, GST_TAG_MERGE_KEEP, GST_TAG_ENCODER, vendor, NULL);
    GST_DEBUG_OBJECT (self, "tags %" GST_PTR_FORMAT, tags);
    gst_clear_tag_list (&self->tags);
    self->tags = tags;
    set_tags (self, self->tagged_samples);
  }
  g_free (vendor);
  frame->flags |= GST_BASE_PARSE_FRAME_FLAG_DROP;
  return gst_base_parse_finish_frame (GST_BASE_PARSE (self), frame, size);
}

GstFlowReturn
gst_telucodec_parse_take_page (GstTelucodecParse * self, GstBaseParseFrame * frame,
    gsize size)
{
  const TlcPage *page = self->page;
  gchar why[TLC_WHY];

  if (!self->located)
    locate (self);
  if (page->last && self->part + 1 == self->parts->len
      && believable (self, end_of (self, page))) {
    gst_base_parse_set_duration (GST_BASE_PARSE (self), GST_FORMAT_TIME,
        to_time (end_of (self, page)), 0);
    self->measured = TRUE;
    set_estimate (self, GST_CLOCK_TIME_NONE);
  }

  if (page->index < self->next) {
    g_snprintf (why, sizeof (why), "its page of packet %u is left out, since packet %"
        G_GINT64_FORMAT " should be next", page->index, self->next);
    gst_telucodec_parse_report (self, frame->offset, why);
    frame->flags |= GST_BASE_PARSE_FRAME_FLAG_DROP;
    return gst_base_parse_finish_frame (GST_BASE_PARSE (self), frame, size);
  }
  if (self->next >= 0 && page->index > self->next) {
    self->gap += heard_from (self, page->index) - heard_from (self, self->next);
    self->discont = self->torn = TRUE;
  }
  self->next = (gint64) page->index + page->count;
  self->end = MAX (end_of (self, page), first_sample (self));
  self->ended = page->last;
  self->stopped = FALSE;
  estimate_end (self, frame->offset + size);
  if (page->count > 0)
    gst_base_parse_add_index_entry (GST_BASE_PARSE (self), frame->offset,
        heard_from (self, page->index), TRUE, FALSE);
  return push_page (self, frame, size);
}
