/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_survive.c TELUCODEC-TRAIN faults|kills - a training run whose disk is full or fails says so
 * and leaves what can be resumed; one whose writes are interrupted or cut goes on; one that is
 * killed at any write, or at random moments, is resumed. All end with the weights and the losses
 * of a run that nothing happened to.
 *
 * With TELUCODEC_TEST_EVERY each write fails in every way, not three of each file in two;
 * TELUCODEC_TEST_KILLS is the number of random moments (20). */
#include "faults.h"
#include "model_id.h"
#include "wav.h"

#include <glib.h>
#include <glib/gstdio.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed, experiments, epochs = 2;
static char *program, *dir;
static char *whole_id, *whole_losses;

static void check(int ok, const char *what, const char *where, const char *got)
{
    if (ok)
        return;
    failed = 1;
    printf("%s: %s: %s\n", where, what, got ? got : "nothing");
}

/* Returns the arguments of a run in its own folder, for g_strfreev(). */
static char **command(const char *name)
{
    char *line = g_strdup_printf("%s --threads=1 --data_dir %s/speech --checkpoint_dir %s/runs "
                                 "--experiment_name %s --preset tiny --num_epochs %d "
                                 "--batch_size 2 --resume", program, dir, dir, name, epochs);
    char **argv = g_strsplit(line, " ", -1);

    g_free(line);
    return argv;
}

static struct fault_result run(const char *name, const struct fault *fault)
{
    char **argv = command(name);
    struct fault_result r;

    if (fault_run(argv, fault, &r)) {
        printf("this system does not hand over system calls (seccomp, Linux 5.6)\n");
        exit(77);
    }
    g_strfreev(argv);
    return r;
}

static struct fault_result run_quietly(const char *name)
{
    const struct fault none = { "/", -1, 0, 0 };

    return run(name, &none);
}

/* Returns epochs and losses of a run: the columns of metrics.csv that do not tell of time. */
static char *losses(const char *name)
{
    char *path = g_build_filename(dir, "runs", name, "metrics.csv", NULL), *text = NULL;
    GString *all = g_string_new(NULL);

    if (g_file_get_contents(path, &text, NULL, NULL)) {
        char **lines = g_strsplit(text, "\n", -1), **names = g_strsplit(lines[0], ",", -1);

        for (char **line = lines; *line && **line; line++) {
            char **fields = g_strsplit(*line, ",", -1);

            for (int i = 0; fields[i] && names[i]; i++)
                if (g_str_has_prefix(names[i], "epoch") || strstr(names[i], "mel"))
                    g_string_append_printf(all, "%s ", fields[i]);
            g_string_append(all, "; ");
            g_strfreev(fields);
        }
        g_strfreev(names);
        g_strfreev(lines);
    }
    g_free(text);
    g_free(path);
    return g_string_free(all, FALSE);
}

/* Checks that a finished run is the one that nothing happened to, and leaves no other files. Only
 * the last epoch's figures may be missing: its weights are saved before they are measured. */
static void expect_whole(const char *name, const char *where)
{
    static const char *const kept[] = { "last.ckpt", "best.ckpt", "metrics.csv", "lock",
                                        "model.safetensors", "report.html" };
    char *path = g_build_filename(dir, "runs", name, NULL), *id = model_id(dir, name);
    char *figures = losses(name), *last_but_one = g_strdup_printf("; %d ", epochs - 1);
    GDir *folder = g_dir_open(path, 0, NULL);
    const char *entry;

    check(id && whole_id && !strcmp(id, whole_id), "other weights", where, id);
    check(g_str_has_prefix(whole_losses, figures) && g_strrstr(figures, last_but_one),
          "other losses", where, figures);
    while (folder && (entry = g_dir_read_name(folder))) {
        int known = g_str_has_prefix(entry, "events.out.tfevents.");

        for (size_t i = 0; i < G_N_ELEMENTS(kept); i++)
            known |= !strcmp(entry, kept[i]);
        /* A killed process cannot remove what it was writing. */
        check(known || strstr(where, "kill"), "a file is left", where, entry);
    }
    if (folder)
        g_dir_close(folder);
    g_free(last_but_one);
    g_free(figures);
    g_free(id);
    g_free(path);
}

static void finish(const char *name, const char *where)
{
    struct fault_result r = run_quietly(name);

    check(r.code == 0, "it cannot be resumed", where, r.text);
    expect_whole(name, where);
}

/* --- Faults ------------------------------------------------------------------- */

static void one_fault(const char *file, int at, int error)
{
    const struct fault fault = { file, at, error, error == ENOSPC || error == EIO };
    char *name = g_strdup_printf("run%d", experiments++);
    char *where = g_strdup_printf("%s, call %d, %s", file, at,
                                  error == FAULT_KILL ? "kill" :
                                  error == FAULT_SHORT ? "short write" : strerror(error));
    struct fault_result r = run(name, &fault);

    check(r.calls > at, "the call did not come", where, r.text);
    if (error == FAULT_SHORT || error == EINTR) {
        check(r.code == 0, "it does not go on", where, r.text);
        expect_whole(name, where);
    } else if (error == FAULT_KILL) {
        check(r.code == -1, "it lives", where, r.text);
        finish(name, where);
    } else {
        const char *said = g_strrstr(r.text, "telucodec-train: ");

        check(r.code == 1 && said && strstr(said, file) && strstr(said, strerror(error)),
              "it does not say so", where, said ? said : r.text);
        finish(name, where);
    }
    g_free(where);
    g_free(name);
}

/* Lets the calls on a file fail: each in every way, or the first, the middle and the last. */
static void faults_of(const char *file)
{
    static const int errors[] = { ENOSPC, EIO, EINTR, FAULT_SHORT, FAULT_KILL };
    const struct fault none = { file, -1, 0, 0 };
    char *name = g_strdup_printf("run%d", experiments++);
    const int calls = run(name, &none).calls, every = getenv("TELUCODEC_TEST_EVERY") != NULL;
    static int turn;

    check(calls > 0, "no call", file, NULL);
    for (int at = 0; at < calls; at++) {
        if (!every && at != 0 && at != calls / 2 && at != calls - 1)
            continue;
        turn++;
        for (int i = 0; i < (int)G_N_ELEMENTS(errors); i++)
            if (every || i == turn % 2 || i == 2 + turn % 3 ||
                (errors[i] == EINTR && at == calls / 2))       /* of a short file its fsync() */
                one_fault(file, at, errors[i]);
    }
    printf("%s: %d calls\n", file, calls);
    g_free(name);
}

static void test_faults(void)
{
    static const char *const files[] = { "last.ckpt", "best.ckpt", "metrics.csv",
                                         "events.out.tfevents", "model.safetensors",
                                         "report.html" };

    for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
        faults_of(files[i]);
}

/* --- Kills ---------------------------------------------------------------------- */

/* Starts a run and kills it after so many microseconds. Returns whether it was still running. */
static int kill_after(const char *name, gulong time)
{
    char **argv = command(name);
    GPid pid = 0;
    int status = 0;

    if (!g_spawn_async(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
                       G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &pid, NULL)) {
        printf("%s cannot be started\n", program);
        exit(1);
    }
    g_usleep(time);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    g_strfreev(argv);
    check(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "it cannot be resumed", name, NULL);
    return WIFSIGNALED(status);
}

/* Kills runs at moments of the time that a whole one takes, each resumed until it is done. */
static void test_kills(gint64 whole_time)
{
    const char *wanted = getenv("TELUCODEC_TEST_KILLS");
    const int most = wanted ? atoi(wanted) : 20;
    GRand *chance = g_rand_new_with_seed(21);
    int kills = 0, done = 0;

    while (kills < most && !failed) {
        char *name = g_strdup_printf("run%d", experiments++);
        int now = 0;

        while (now < 8 && kills + now < most &&
               kill_after(name, (gulong)g_rand_double_range(chance, 0, (double)whole_time)))
            now++;
        finish(name, "kills");
        kills += now;
        done++;
        g_free(name);
    }
    printf("%d kills of %d runs\n", kills, done);
    g_rand_free(chance);
}

int main(int argc, char **argv)
{
    gint64 begin;
    char *speech;

    if (argc != 3) {
        printf("usage: test_survive TELUCODEC-TRAIN faults|kills\n");
        return 1;
    }
    program = argv[1];
    dir = wav_temp();
    g_setenv("TELUCODEC_BACKEND_PATH", dir, TRUE);     /* no CUDA in there */
    speech = g_build_filename(dir, "speech", NULL);
    wav_folder(speech, 4, 1.0, 2);
    epochs = strcmp(argv[2], "faults") ? 4 : 2;
    begin = g_get_monotonic_time();
    check(run_quietly("whole").code == 0, "a whole run fails", "whole", NULL);
    whole_id = model_id(dir, "whole");
    whole_losses = losses("whole");
    check(strlen(whole_losses) > 20, "losses", "whole", whole_losses);
    expect_whole("whole", "whole");
    if (!strcmp(argv[2], "faults"))
        test_faults();
    else
        test_kills(g_get_monotonic_time() - begin);
    wav_remove(dir);
    return failed;
}
