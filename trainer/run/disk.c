/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* disk.c - see disk.h. */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <unistd.h>

int disk_write(int fd, const void *data, size_t bytes)
{
    const char *at = data;

    while (bytes) {
        const ssize_t n = write(fd, at, bytes);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        at += n;
        bytes -= (size_t)n;
    }
    return 0;
}

int disk_sync(int fd)
{
    int r;

    do
        r = fsync(fd);
    while (r && errno == EINTR);
    return r && errno != EINVAL ? -1 : 0;
}

int disk_sync_folder(const char *path)
{
    char *folder = g_path_get_dirname(path);
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int r = fd < 0 || disk_sync(fd), why = errno;

    if (fd >= 0)
        close(fd);
    g_free(folder);
    errno = why;
    return r ? -1 : 0;
}

int disk_replace(const char *path, const void *data, size_t bytes)
{
    char *part = g_strdup_printf("%s.part", path);
    const int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int r = fd < 0 || disk_write(fd, data, bytes) || disk_sync(fd), why = errno;

    if (fd >= 0 && close(fd) && !r) {
        r = 1;
        why = errno;
    }
    if (!r && rename(part, path)) {
        r = 1;
        why = errno;
    }
    if (r && fd >= 0)
        unlink(part);
    g_free(part);
    errno = why;
    return r ? -1 : disk_sync_folder(path);
}
