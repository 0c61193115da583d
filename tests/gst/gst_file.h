/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst_file.h - .tlc files made by tlc.h, and a harness that reads them. */
#ifndef GST_FILE_H
#define GST_FILE_H

#include "gst_common.h"
#include "tlc.h"

G_BEGIN_DECLS

/* Header with the id of tc_model(). */
void file_header (GByteArray * file, guint64 samples);
/* Makes a header's check sum right again. */
void file_sign (guint8 * header);
/* Packets [from, to) of a stream of n samples as one page. */
void file_page (GByteArray * file, GPtrArray * packets, gint n, guint from,
    guint to);
/* All of it; samples as the header shall say. */
GByteArray *file_make (GPtrArray * packets, gint n, guint per_page,
    guint64 samples);
/* Offset of page i. */
gsize file_page_offset (GByteArray * file, gint i);

/* telucodecparse with a bus of its own, to be freed by file_done(). */
GstHarness *file_parser (GstBus ** bus);
void file_done (GstHarness * h, GstBus * bus);
/* In buffers of `chunk` bytes, then EOS. */
void file_feed (GstHarness * h, const guint8 * data, gsize size, gsize chunk);

/* The buffers that wait must begin with packets [from, to) of n samples, time 0 being
 * sample `origin`. */
void file_expect_packets (GstHarness * h, GPtrArray * packets, gint n, guint from,
    guint to, gint64 origin, const gchar * what);
void file_expect_no_more (GstHarness * h, const gchar * what);
/* The only GAP event must be for samples [from, to); none when to is 0. */
void file_expect_gap (GstHarness * h, gint64 from, gint64 to, const gchar * what);
/* Warnings on the bus; the first must name `word`. */
gint file_warnings (GstBus * bus, const gchar * word, const gchar * what);
void file_expect_no_error (GstBus * bus, const gchar * what);

G_END_DECLS

#endif
