/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* disk.h - writes that a signal interrupts, or of which a part is written, go on. */
#ifndef DISK_H
#define DISK_H

#include <stddef.h>

/* Writes all bytes. Returns 0, or -1 with errno; then a part of them may be written. */
int disk_write(int fd, const void *data, size_t bytes);

/* Has the disk keep what was written. A file that cannot, as a pipe, is no failure. Returns 0,
 * or -1 with errno. */
int disk_sync(int fd);

/* Appends bytes to the file at path, all or none, with `first` [first_bytes] before them where
 * the file begins. Exits with the reason on failure. */
void disk_append(const char *path, const void *first, size_t first_bytes, const void *data,
                 size_t bytes);

#endif
