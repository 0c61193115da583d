/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecdamage.c - tells the application what telucodecparse could not read.
 *
 * Damage is told at once, but no more than MAX_REPORTS times: a file of a megabyte may be
 * damaged in 40,000 places. The end of the stream tells how many others there were.
 */
#include "gsttelucodecparse.h"

#define GST_CAT_DEFAULT gst_telucodec_debug

#define MAX_REPORTS 3

void
gst_telucodec_parse_report (GstTelucodecParse * self, guint64 offset,
    const gchar * why)
{
  gchar after[32] = "";

  if (self->damage_reported)
    return;
  self->damage_reported = TRUE;
  /* Bytes before the first page are no damage if the stream was joined. */
  if (!self->located && !self->from_start) {
    GST_INFO_OBJECT (self, "byte %" G_GUINT64_FORMAT ": %s", offset, why);
    return;
  }
  if (++self->damages > MAX_REPORTS) {
    GST_INFO_OBJECT (self, "damage at byte %" G_GUINT64_FORMAT ": %s", offset, why);
    return;
  }
  if (self->next > 0)
    g_snprintf (after, sizeof (after), ", after packet %" G_GINT64_FORMAT,
        self->next - 1);
  else if (self->next == 0)
    g_strlcpy (after, ", at its beginning", sizeof (after));
  GST_ELEMENT_WARNING (self, STREAM, DECODE,
      ("The stream is damaged at byte %" G_GUINT64_FORMAT "%s: %s. It goes on "
          "with the next whole page.", offset, after, why), (NULL));
}

void
gst_telucodec_parse_report_early_end (GstTelucodecParse * self)
{
  const gint64 samples = self->header.samples;
  const gint64 there = self->end + self->origin;

  if (self->ended || self->stopped || self->damage_reported || !self->has_header
      || !self->located || self->next < 0 || self->upstream_time
      || self->byte_stop != G_MAXUINT64 || samples >= (gint64) TLC_UNKNOWN
      || GST_BASE_PARSE (self)->segment.rate < 0.0 || there >= samples)
    return;
  self->damage_reported = TRUE;
  if (++self->damages > MAX_REPORTS)
    return;
  GST_ELEMENT_WARNING (self, STREAM, DECODE,
      ("The stream ends early, after packet %" G_GINT64_FORMAT ": %.2f s are there "
          "of the %.2f s that its header promises.", self->next - 1,
          (gdouble) there / TLC_RATE, (gdouble) samples / TLC_RATE), (NULL));
}

void
gst_telucodec_parse_report_end (GstTelucodecParse * self)
{
  gst_telucodec_parse_report_early_end (self);
  if (self->damages > MAX_REPORTS)
    GST_ELEMENT_WARNING (self, STREAM, DECODE,
        ("The stream is damaged in %u places, of which the first %u were told.",
            self->damages, MAX_REPORTS), (NULL));
  self->damages = 0;
}
