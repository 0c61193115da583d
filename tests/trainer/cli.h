/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cli.h - runs the trainer's program in a temporary folder, and judges what it leaves and says. */
#ifndef CLI_H
#define CLI_H

#include <glib.h>

extern char *dir, *speech;     /* the folder; six short files of three speakers in it */

struct result {
    int code;                  /* exit code; -1: killed */
    char *text;                /* stdout and stderr */
};

/* Makes the folders, for a program without a CUDA module; removes them and returns the exit
 * status. */
void cli_begin(char *program);
int cli_end(void);

/* Prints what was expected and what was got, and counts a failure, unless ok. */
void check(int ok, const char *what, const char *got);
void number(int ok, const char *what, double got);

/* Return a path in dir, and a file's content there or NULL, for g_free(). */
char *in(const char *name);
char *content(const char *name);

/* Run the program on one thread to its end, and start it: its stdout is the file "said" in dir.
 * Spaces separate the words of `args`; each %s is a folder without spaces. */
struct result run(const char *args, ...) __attribute__((format(printf, 1, 2)));
GPid start(const char *args, ...) __attribute__((format(printf, 1, 2)));

/* Checks and frees a result: its code, and that its text holds `word` unless that is NULL. */
void expect(struct result r, int code, const char *word, const char *what);

#endif
