/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecseek.c - seeks of telucodecparse in push mode.
 *
 * The base class sends a seek upstream in bytes, and recognises its segment by the byte:
 * it takes the oldest seek to it. Two quick seeks into one page, or one page's lead-in, go
 * to the same byte, and the segment of a seek that another one overtakes never arrives: the
 * base class would take the first place for the second seek's. The sequence number tells
 * which seek a segment answers. The segment is given to the base class again, which forgets
 * each seek that it takes, until it takes that one.
 */
#include "gsttelucodecparse.h"

#define GST_CAT_DEFAULT gst_telucodec_debug

typedef struct
{
  guint32 seqnum;
  GstSegment segment;           /* as the base class will set it */
} GstTelucodecSeek;

GstEvent *
gst_telucodec_parse_take_seek (GstTelucodecParse * self, GstEvent * event)
{
  GstTelucodecSeek seek = {.seqnum = gst_event_get_seqnum (event) };
  GstSeekType start_type, stop_type;
  gint64 start, stop;
  GstSeekFlags flags;
  GstFormat format;
  gdouble rate;

  gst_event_parse_seek (event, &rate, &format, &flags, &start_type, &start,
      &stop_type, &stop);
  gst_event_unref (event);
  flags |= GST_SEEK_FLAG_ACCURATE;
  event = gst_event_new_seek (rate, format, flags, start_type, start, stop_type, stop);
  gst_event_set_seqnum (event, seek.seqnum);

  if (GST_PAD_MODE (GST_BASE_PARSE_SINK_PAD (self)) != GST_PAD_MODE_PUSH
      || format != GST_FORMAT_TIME || rate <= 0.0)
    return event;
  gst_segment_copy_into (&GST_BASE_PARSE (self)->segment, &seek.segment);
  if (seek.segment.format != GST_FORMAT_TIME
      || !gst_segment_do_seek (&seek.segment, rate, format, flags, start_type,
          start, stop_type, stop, NULL))
    return event;
  GST_OBJECT_LOCK (self);
  g_array_append_val (self->seeks, seek);
  GST_OBJECT_UNLOCK (self);
  return event;
}

static gboolean
same (const GstSegment * got, const GstSegment * wanted)
{
  return got->start == wanted->start && (wanted->stop == GST_CLOCK_TIME_NONE
      || got->stop == wanted->stop);
}

/* Finds the noted seek of this number. Returns how many are noted, 0 if it is not. */
static guint
find (GstTelucodecParse * self, guint32 seqnum, GstSegment * wanted)
{
  guint noted = 0;

  GST_OBJECT_LOCK (self);
  for (guint i = 0; i < self->seeks->len && !noted; i++) {
    const GstTelucodecSeek *seek =
        &g_array_index (self->seeks, GstTelucodecSeek, i);

    if (seek->seqnum == seqnum) {
      *wanted = seek->segment;
      noted = self->seeks->len;
    }
  }
  GST_OBJECT_UNLOCK (self);
  return noted;
}

/* Forgets the first noted seek to this segment. */
static void
forget (GstTelucodecParse * self, const GstSegment * segment)
{
  GST_OBJECT_LOCK (self);
  for (guint i = 0; i < self->seeks->len; i++) {
    if (same (segment, &g_array_index (self->seeks, GstTelucodecSeek, i).segment)) {
      g_array_remove_index (self->seeks, i);
      break;
    }
  }
  GST_OBJECT_UNLOCK (self);
}

gboolean
gst_telucodec_parse_answer_seek (GstTelucodecParse * self, GstEvent * event,
    gboolean (*base) (GstBaseParse *, GstEvent *))
{
  GstBaseParse *parse = GST_BASE_PARSE (self);
  GstSegment wanted;
  guint tries = find (self, gst_event_get_seqnum (event), &wanted);
  gboolean ok;

  if (tries == 0)
    return base (parse, event);
  do {
    ok = base (parse, gst_event_ref (event));
    forget (self, &parse->segment);
  } while (--tries > 0 && !same (&parse->segment, &wanted));
  gst_event_unref (event);
  return ok;
}

GArray *
gst_telucodec_parse_new_seeks (void)
{
  return g_array_new (FALSE, FALSE, sizeof (GstTelucodecSeek));
}
