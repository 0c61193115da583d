/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecparse.h - reads packets from .tlc pages. */
#ifndef GST_TELUCODEC_PARSE_H
#define GST_TELUCODEC_PARSE_H

#include <gst/base/gstbaseparse.h>

#include "gsttelucodec.h"
#include "tlc.h"

G_BEGIN_DECLS

#define GST_TYPE_TELUCODEC_PARSE (gst_telucodec_parse_get_type ())
G_DECLARE_FINAL_TYPE (GstTelucodecParse, gst_telucodec_parse, GST,
    TELUCODEC_PARSE, GstBaseParse)

/* One of the streams that stand behind each other in a file. */
typedef struct
{
  guint64 offset;               /* byte of its header */
  TlcHeader header;
  gint64 origin;                /* its sample at time 0: negative behind another stream,
                                 * positive if it was joined in its middle */
} GstTelucodecPart;

struct _GstTelucodecParse
{
  GstBaseParse parent;

  GstPadChainFunction base_chain;       /* of the base class */

  /* Streaming thread only. */
  GArray *parts;                /* of GstTelucodecPart, those read so far */
  guint part;                   /* the current one, copied to header and origin */
  TlcHeader header;
  gint64 origin;
  gboolean has_header;
  gboolean from_start;          /* there is or was a header: the stream was not joined */
  gboolean located;             /* origin is known */
  GstTagList *tags;             /* of the file, or NULL */
  gint64 tagged_samples;        /* by which the bit rate was tagged */
  gboolean upstream_time;       /* time stamps are upstream's, not the pages' */

  TlcPage *page;                /* just read */
  gsize work;                   /* see tlc_page_try() */
  guint64 expected;             /* byte offset of the next page */
  guint64 byte_stop;            /* at which upstream was asked to end; or -1 */
  gint64 next;                  /* index of the expected packet; -1 after a seek */
  gint64 end;                   /* sample behind the last page, on the output's time axis */
  gboolean ended;               /* that was the stream's last page */
  gboolean measured;            /* the duration is known, not estimated */
  gboolean failed;              /* an error was posted: the rest is not read */
  gboolean stopped;             /* downstream wants no more packets */
  gboolean leaving;             /* a new segment drains the rest */
  gboolean discont;             /* the next packet's flag */
  GstClockTime gap;             /* duration missing before the next packet, */
  gboolean torn;                /* between pages and not within one */

  gboolean damage_reported;     /* since the last good page */
  guint damages;                /* places, reported or not */

  /* Guarded by the object lock. */
  GstClockTime estimate;        /* duration that the pages so far let expect; NONE: none */
  GArray *seeks;                /* of GstTelucodecSeek, whose segments did not arrive */
};

/* The packets and the whole stream: gsttelucodecpages.c. */

void gst_telucodec_parse_reset_pages (GstTelucodecParse * self);
/* Finds the part of the file that byte `offset` belongs to, after a seek. */
void gst_telucodec_parse_choose_part (GstTelucodecParse * self, guint64 offset);
/* Take header, tags or page of the frame: self->page, `size` bytes. */
GstFlowReturn gst_telucodec_parse_take_header (GstTelucodecParse * self,
    GstBaseParseFrame * frame, const TlcHeader * header);
GstFlowReturn gst_telucodec_parse_take_tags (GstTelucodecParse * self,
    GstBaseParseFrame * frame, gsize size);
GstFlowReturn gst_telucodec_parse_take_page (GstTelucodecParse * self,
    GstBaseParseFrame * frame, gsize size);

/* Messages about damage: gsttelucodecdamage.c. */

/* Warns once for each hole, and no more than a few times; the end sums up. */
void gst_telucodec_parse_report (GstTelucodecParse * self, guint64 offset,
    const gchar * why);
/* Warns if the current part ends before the length that its header promises. */
void gst_telucodec_parse_report_early_end (GstTelucodecParse * self);
void gst_telucodec_parse_report_end (GstTelucodecParse * self);

/* Seeks in push mode: gsttelucodecseek.c. */

GArray *gst_telucodec_parse_new_seeks (void);
/* Makes a seek accurate, since reading on from the nearest known page costs only some 2 kB
 * per second, and notes it before the base class handles it. Takes event, and returns the
 * one to handle. */
GstEvent *gst_telucodec_parse_take_seek (GstTelucodecParse * self, GstEvent * event);
/* Gives SEGMENT to the base class, so that it takes the seek that the event answers. */
gboolean gst_telucodec_parse_answer_seek (GstTelucodecParse * self, GstEvent * event,
    gboolean (*base) (GstBaseParse *, GstEvent *));

G_END_DECLS

#endif
