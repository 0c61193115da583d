/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cli.c - see cli.h. */
#include "cli.h"

#include "wav.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_ARGS 40

char *dir, *speech;
static char *program;
static int failed;

void cli_begin(char *name)
{
    gst_init(NULL, NULL);
    program = name;
    dir = wav_temp();
    g_setenv("TELUCODEC_BACKEND_PATH", dir, TRUE);     /* no CUDA in there */
    g_setenv("G_DEBUG", "fatal-criticals", TRUE);
    speech = in("speech");
    wav_folder(speech, 6, 1.0, 2);
}

int cli_end(void)
{
    wav_remove(dir);
    g_free(speech);
    g_free(dir);
    return failed;
}

void check(int ok, const char *what, const char *got)
{
    if (ok)
        return;
    failed = 1;
    printf("%s: %s\n", what, got ? got : "nothing");
}

void number(int ok, const char *what, double got)
{
    char text[32];

    snprintf(text, sizeof(text), "%g", got);
    check(ok, what, text);
}

char *in(const char *name)
{
    return g_build_filename(dir, name, NULL);
}

char *content(const char *name)
{
    char *path = in(name), *text = NULL;

    g_file_get_contents(path, &text, NULL, NULL);
    g_free(path);
    return text;
}

/* Spaces separate the words of `args`; each %s is a folder without spaces. */
static char **command(const char *args, va_list ap)
{
    char *line = g_strdup_vprintf(args, ap);
    char **words = g_strsplit(line, " ", MOST_ARGS);
    char **argv = g_new0(char *, MOST_ARGS + 5);
    int n = 0;

    argv[n++] = g_strdup(program);
    argv[n++] = g_strdup("--threads=1");
    for (char **w = words; *w; w++)
        if (**w)
            argv[n++] = g_strdup(*w);
    g_strfreev(words);
    g_free(line);
    return argv;
}

struct result run(const char *args, ...)
{
    struct result r = { .code = -1 };
    char *out = NULL, *err = NULL, **argv;
    int status = -1;
    va_list ap;

    va_start(ap, args);
    argv = command(args, ap);
    va_end(ap);
    g_spawn_sync(NULL, argv, NULL, 0, NULL, NULL, &out, &err, &status, NULL);
    if (WIFEXITED(status))
        r.code = WEXITSTATUS(status);
    r.text = g_strconcat(out, err, NULL);
    g_strfreev(argv);
    g_free(out);
    g_free(err);
    return r;
}

GPid start(const char *args, ...)
{
    char **argv, *said = in("said");
    const int out = g_open(said, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    GPid pid = 0;
    va_list ap;

    va_start(ap, args);
    argv = command(args, ap);
    va_end(ap);
    if (!g_spawn_async_with_fds(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD |
                                G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &pid, -1, out, -1, NULL))
        check(0, "cannot start", program);
    close(out);
    g_strfreev(argv);
    g_free(said);
    return pid;
}

void expect(struct result r, int code, const char *word, const char *what)
{
    char *said = g_strdup_printf("exit %d, %s", r.code, r.text);

    check(r.code == code && (!word || strstr(r.text, word)), what, said);
    g_free(said);
    g_free(r.text);
}
