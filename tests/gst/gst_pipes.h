/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst_pipes.h - pipelines of all elements, for tests of many streams and threads. */
#ifndef GST_PIPES_H
#define GST_PIPES_H

#include "gst_common.h"

G_BEGIN_DECLS

#define PIPES 3                 /* kinds: encoder and decoder; with a file between; with RTP */

/* Makes a pipeline of that kind, modulo PIPES, from so many buffers of 777 samples. Its
 * elements are named enc, dec, mux, parse, pay, depay, sink. */
GstElement *pipes_open (guint kind, gint buffers);
/* Checks that no error was posted. Returns whether the end was. */
gboolean pipes_ended (GstElement * pipe, const gchar * what);

G_END_DECLS

#endif
