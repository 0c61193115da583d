/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst_file.h - makes .tlc files by tlc.h, and a harness that reads them. */
#ifndef GST_FILE_H
#define GST_FILE_H

#include "gst_common.h"
#include "tlc.h"

G_BEGIN_DECLS

/* Appends a header with the id of tc_model(). */
void file_header (GByteArray * file, guint64 samples);
/* Writes the check sum of a changed header. */
void file_sign (guint8 * header);
/* Appends packets [from, to) of a stream of n samples as one page. */
void file_page (GByteArray * file, GPtrArray * packets, gint n, guint from,
    guint to);
/* Makes a whole file; samples: the header's length field. */
GByteArray *file_make (GPtrArray * packets, gint n, guint per_page,
    guint64 samples);
/* Returns the byte offset of page i. */
gsize file_page_offset (GByteArray * file, gint i);

/* Makes a telucodecparse with its own bus; file_done() frees it. */
GstHarness *file_parser (GstBus ** bus);
void file_done (GstHarness * h, GstBus * bus);
/* Pushes the bytes in buffers of `chunk` bytes, then EOS. */
void file_feed (GstHarness * h, const guint8 * data, gsize size, gsize chunk);

/* Checks that the queued buffers begin with packets [from, to) of n samples; time 0 is
 * sample `origin`. */
void file_expect_packets (GstHarness * h, GPtrArray * packets, gint n, guint from,
    guint to, gint64 origin, const gchar * what);
void file_expect_no_more (GstHarness * h, const gchar * what);
/* Checks that the only GAP event is for samples [from, to); none if to is 0. */
void file_expect_gap (GstHarness * h, gint64 from, gint64 to, const gchar * what);
/* Counts the warnings on the bus; the first must contain `word`. */
gint file_warnings (GstBus * bus, const gchar * word, const gchar * what);
void file_expect_no_error (GstBus * bus, const gchar * what);

G_END_DECLS

#endif
