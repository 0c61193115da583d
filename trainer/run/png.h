/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* png.h - makes a PNG file in memory from a picture of at most 256 colours. */
#ifndef PNG_H
#define PNG_H

#include <glib.h>
#include <stdint.h>

/* pixel (height, width): indices into colour (256, 3): red, green, blue. */
GByteArray *png_make(const uint8_t *pixel, int width, int height,
                     const uint8_t colour[256][3]);

#endif
