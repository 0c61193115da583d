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

/* Has the disk keep the names in the folder of path. Returns 0, or -1 with errno. */
int disk_sync_folder(const char *path);

/* Makes the file at path hold these bytes, or leaves it as it was: writes them to PATH.part and
 * renames that once the disk keeps them. Returns 0, or -1 with errno. */
int disk_replace(const char *path, const void *data, size_t bytes);

/* Appends bytes to the file at path, all or none, with `first` [first_bytes] before them where
 * the file begins. Exits with the reason on failure. */
void disk_append(const char *path, const void *first, size_t first_bytes, const void *data,
                 size_t bytes);

#endif
