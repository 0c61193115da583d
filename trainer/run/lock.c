/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lock.c - see lock.h. */
#include "lock.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

void lock_folder(const char *folder)
{
    char *path = g_build_filename(folder, "lock", NULL), who[32] = "?";
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

    if (fd < 0)
        die("%s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        ssize_t n = errno == EWOULDBLOCK ? read(fd, who, sizeof(who) - 1) : -1;

        if (n < 0)
            die("%s: %s", path, strerror(errno));
        who[n] = '\0';
        die("%s: another telucodec-train (process %s) is at work in this folder; give "
            "another --experiment_name", folder, who);
    }
    /* The process id serves the message alone; a failed write does no harm. */
    snprintf(who, sizeof(who), "%ld", (long)getpid());
    if (ftruncate(fd, 0) || pwrite(fd, who, strlen(who), 0) < 0)
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
    g_free(path);
}
