/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* source.h - the sound of any file that GStreamer decodes, as one element. */
#ifndef TELU_SOURCE_H
#define TELU_SOURCE_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* Makes a bin with one source pad, "src", of audio/x-raw: the first sound track of the file,
 * converted to the format and number of channels that is linked behind it. path NULL: standard
 * input. A file without sound ends in an error message on the bus. Returns a floating
 * reference, or NULL and error when the file cannot be read or an element is missing. */
GstElement *source_new(const char *path, GError **error);

/* Returns a name of standard input when that is a file at its start, NULL when it is a pipe. */
const char *source_standard_input(void);

/* Names what is missing and the Debian package that has it: "AMR: install the Debian package
 * ...". NULL when the message is not one of a missing plug-in. To be freed with g_free(). */
char *source_missing(GstMessage *msg);

G_END_DECLS
#endif
