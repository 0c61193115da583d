/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* faults.h - runs a program whose writes to chosen files fail: Linux hands each write, fsync and
 * rename of the program to this one before it is carried out (seccomp's user notification, Linux
 * 5.6). The program is the one that users run; it needs no root, and a sanitizer does no harm. */
#ifndef FAULTS_H
#define FAULTS_H

#define FAULT_SHORT (-1)       /* half of the bytes are written, and said to be */
#define FAULT_KILL  (-2)       /* SIGKILL before the call */

struct fault {
    const char *path;          /* part of a file's path; calls on others are carried out */
    int at;                    /* number of the call that fails, from 0; -1: none does */
    int error;                 /* an errno, or FAULT_SHORT, FAULT_KILL */
    int stays;                 /* later calls fail too, as on a disk that is full */
};

struct fault_result {
    int code;                  /* exit status; -1: a signal ended the program */
    int calls;                 /* calls on such files */
    char text[4096];           /* end of stdout and stderr */
};

/* Runs argv, a list that ends with NULL. Returns 0; 1 where this system lets no program do so. */
int fault_run(char *const *argv, const struct fault *f, struct fault_result *r);

#endif
