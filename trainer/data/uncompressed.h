/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* uncompressed.h - finds the samples in AIFF, CAF and Wave64 files.
 *
 * GStreamer 1.22 reads no CAF, and the others only with plugins-bad, whose Wave64 ends in up to
 * 1023 samples that are not in the file. */
#ifndef TELU_UNCOMPRESSED_H
#define TELU_UNCOMPRESSED_H

#include <glib.h>
#include <stdio.h>

G_BEGIN_DECLS

struct uncompressed {
    gint64 offset, size;       /* of the samples in the file, in bytes */
    int rate, channels;
    int frame;                 /* bytes of a sample of all channels */
    const char *format;        /* name of a GstAudioFormat; "ALAW", "MULAW" */
};

/* Reads the head of a file, from its beginning. Returns FALSE when it is none of these, holds
 * no samples or codes them in another way. Trusts no byte; `file` may be anywhere afterwards. */
gboolean uncompressed_find(FILE *file, struct uncompressed *u);

G_END_DECLS
#endif
