/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* decode.h - one audio file, of any kind GStreamer knows, to 16 kHz mono floats. */
#ifndef DECODE_H
#define DECODE_H

/* Samples for g_free() and their number; NULL and the reason, for g_free(), when the
 * file cannot be decoded whole or holds no audio. NaN and infinities become 0. */
float *decode_file(const char *path, long *n, char **reason);

#endif
