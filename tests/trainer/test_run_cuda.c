/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_run_cuda.c TELUCODEC-TRAIN - tests the program with --device cuda, on the module
 * that TELUCODEC_BACKEND_PATH names: a run, the same run interrupted and resumed, the
 * same on the CPU, and errors that end it with a message. */
#include "model_id.h"
#include "shim_of.h"
#include "wav.h"

#include <glib.h>
#include <gst/gst.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static int failed;
static char *program, *dir;

static void check(int ok, const char *what, const char *got)
{
    if (ok)
        return;
    failed = 1;
    printf("%s: %s\n", what, got ? got : "nothing");
}

/* Returns the command of the program with `args` on the folder of speech, as experiment
 * `name`. */
static char **command(const char *name, const char *args)
{
    char *line = g_strdup_printf("%s --threads=1 --data_dir %s/speech --checkpoint_dir "
                                 "%s/runs --experiment_name %s --preset tiny "
                                 "--batch_size 2 --segment_seconds 0.2 %s",
                                 program, dir, dir, name, args);
    char **argv = g_strsplit(line, " ", -1);

    g_free(line);
    return argv;
}

/* Runs the program; extra: one more environment variable, NAME=VALUE, or NULL. Returns
 * the exit code; *text receives stdout and stderr. */
static int run(const char *name, const char *args, const char *extra, char **text)
{
    char **argv = command(name, args), **env = g_get_environ();
    char *out = NULL, *err = NULL;
    int status = -1;

    if (extra) {
        char **pair = g_strsplit(extra, "=", 2);

        env = g_environ_setenv(env, pair[0], pair[1], TRUE);
        g_strfreev(pair);
    }
    g_spawn_sync(NULL, argv, env, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &status,
                 NULL);
    *text = g_strconcat(out, err, NULL);
    g_strfreev(argv);
    g_strfreev(env);
    g_free(out);
    g_free(err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void expect(const char *name, const char *args, const char *extra, int code,
                   const char *word)
{
    char *text, *said;
    int got = run(name, args, extra, &text);

    said = g_strdup_printf("exit %d, %s", got, text);
    check(got == code && strstr(text, word), args, said);
    g_free(said);
    g_free(text);
}

static char *content(const char *name, const char *file)
{
    char *path = g_build_filename(dir, "runs", name, file, NULL), *text = NULL;

    g_file_get_contents(path, &text, NULL, NULL);
    g_free(path);
    return text;
}

static int exists(const char *name, const char *file)
{
    char *path = g_build_filename(dir, "runs", name, file, NULL);
    int found = g_file_test(path, G_FILE_TEST_EXISTS);

    g_free(path);
    return found;
}

/* Returns column `name` of the last line of a run's metrics.csv. */
static double last(const char *run_name, const char *name)
{
    char *csv = content(run_name, "metrics.csv");
    char **lines = g_strsplit(g_strchomp(csv ? csv : g_strdup("")), "\n", -1);
    guint n = g_strv_length(lines);
    double value = NAN;

    if (n > 1) {
        char **names = g_strsplit(lines[0], ",", -1);
        char **values = g_strsplit(lines[n - 1], ",", -1);

        for (int i = 0; names[i] && values[i]; i++)
            if (!strcmp(names[i], name))
                value = g_ascii_strtod(values[i], NULL);
        g_strfreev(names);
        g_strfreev(values);
    }
    g_strfreev(lines);
    g_free(csv);
    return value;
}

static void beside(const char *column, double within)
{
    double a = last("whole", column), b = last("cpu", column);
    char text[96];

    snprintf(text, sizeof(text), "%s is %g on the device, %g on the CPU", column, a, b);
    check(fabs(a - b) <= within * fabs(b), text, "too far apart");
}

/* Interrupts a run once its first epoch is over. */
static void interrupt(const char *name, const char *args)
{
    char **argv = command(name, args);
    GPid pid = 0;
    int status = -1;

    if (!g_spawn_async(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD |
                       G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
                       NULL, &pid, NULL)) {
        check(0, "cannot start", program);
        return;
    }
    for (int i = 0; i < 12000 && !exists(name, "last.ckpt"); i++)
        g_usleep(10000);
    kill(pid, SIGINT);
    waitpid(pid, &status, 0);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "interrupted", args);
    g_strfreev(argv);
}

static void test_run(void)
{
    const char *cuda = "--device cuda --num_epochs 3 --resume";
    char *whole, *parts;

    expect("whole", cuda, NULL, 0, "training on ");
    expect("cpu", "--device cpu --num_epochs 3", NULL, 0,
           "training on the CPU: --device says so");
    /* The columns cover the whole run: a line of a device may span several epochs. */
    beside("epoch", 0.0);
    beside("step", 0.0);
    beside("valid_mel", 0.03);
    beside("snr_16k", 0.1);
    check(last("whole", "skipped") == 0.0, "skipped steps", "some");
    interrupt("parts", cuda);
    expect("parts", cuda, NULL, 0, "wrote");
    whole = model_id(dir, "whole");
    parts = model_id(dir, "parts");
    check(whole && parts && !strcmp(whole, parts), "resumed run ends elsewhere", parts);
    g_free(whole);
    g_free(parts);
}

static void test_words(void)
{
    expect("auto", "--device auto --precision bf16 --num_epochs 1", NULL, 0, ", bf16");
    expect("dry", "--device cuda --dry_run", NULL, 0, "s of speech per second");
    expect("none", "--device cuda", "TELUCODEC_BACKEND_PATH=/nonexistent", 1,
           "--device is cuda, but there is none: The CUDA module");
    expect("none", "--device auto --num_epochs 1", "TELUCODEC_BACKEND_PATH=/nonexistent",
           0, "training on the CPU: The CUDA module");
    expect("none3", "--precision bf16", "TELUCODEC_BACKEND_PATH=/nonexistent", 1,
           "--precision is bf16, which the CPU does not train in");
}

/* Shim only: a machine without a device, and a device that fails midway. */
static void test_faults(void)
{
    char *before = content("parts", "last.ckpt"), *after;

    expect("none2", "--device cuda", "TELUCODEC_SHIM_DEVICES=0", 1,
           "--device is cuda, but there is none");
    expect("parts", "--device cuda --num_epochs 9 --resume", "TELUCODEC_SHIM_FAULT=3", 1,
           "the checkpoint that was written last is whole");
    after = content("parts", "last.ckpt");
    check(before && after && !strcmp(before, after), "the last checkpoint", "changed");
    expect("parts", "--device cpu --num_epochs 4 --resume", NULL, 0, "wrote");
    g_free(before);
    g_free(after);
}

int main(int argc, char **argv)
{
    char *speech;

    if (argc != 2) {
        printf("usage: test_run_cuda TELUCODEC-TRAIN\n");
        return 1;
    }
    gst_init(NULL, NULL);
    program = argv[1];
    dir = wav_temp();
    speech = g_build_filename(dir, "speech", NULL);
    wav_folder(speech, 3, 1.0, 1);
    test_run();
    test_words();
    if (shim_of_module())
        test_faults();
    wav_remove(dir);
    g_free(speech);
    g_free(dir);
    return failed;
}
