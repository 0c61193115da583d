/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* append.c - disk_append(), which exits on failure. See disk.h. */
#include "disk.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

void disk_append(const char *path, const void *first, size_t first_bytes, const void *data,
                 size_t bytes)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    const off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    int why = 0;

    if (end < 0)
        die("%s: %s", path, strerror(errno));
    if ((!end && disk_write(fd, first, first_bytes)) || disk_write(fd, data, bytes)) {
        why = errno;
        if (ftruncate(fd, end))
            die("%s: %s; its last line is cut: remove that", path, strerror(errno));
    }
    if (close(fd) && !why)
        why = errno;
    if (why)
        die("%s: %s", path, strerror(why));
}
