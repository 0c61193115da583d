/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* crc32c.h - the check sum of checkpoints and of TensorBoard's records (Castagnoli's
 * polynomial, as in iSCSI). */
#ifndef CRC32C_H
#define CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues from `crc`, the sum of the preceding bytes: 0 at the start. */
uint32_t crc32c(uint32_t crc, const void *data, size_t n);

#endif
