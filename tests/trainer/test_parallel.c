/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_parallel.c TELUCODEC-TRAIN MPIRUN TEST_RANKS [SHIM NCCL] - runs several ranks
 * under mpirun: two write the files of one and nothing more; a run stopped by a signal to
 * mpirun, or to one rank, resumes to the same end; a rank that is killed, or has other
 * weights, ends all with a message, and the checkpoint is whole. SHIM and NCCL are the
 * folders of the module on the CPU and of its NCCL: two ranks on devices. */
#include "model_id.h"
#include "wav.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE 240           /* longest wait for a run's progress, seconds */

static int failed;
static const char *program, *mpirun, *test_ranks;
static char *dir, *speech;

static void check(int ok, const char *what, const char *got)
{
    if (ok)
        return;
    failed = 1;
    printf("%s: %s\n", what, got ? got : "nothing");
}

static void number(int ok, const char *what, long got)
{
    char text[32];

    snprintf(text, sizeof(text), "%ld", got);
    check(ok, what, text);
}

static char *in(const char *name)
{
    return g_build_filename(dir, name, NULL);
}

/* For g_free(); "" when it cannot be read. */
static char *content(const char *name)
{
    char *path = in(name), *text = NULL;

    g_file_get_contents(path, &text, NULL, NULL);
    g_free(path);
    return text ? text : g_strdup("");
}

/* --- Runs --------------------------------------------------------------- */

/* Starts the ranks; dir/said receives their output. exec makes the process mpirun itself. */
static GPid start(int ranks, const char *args, ...) __attribute__((format(printf, 2, 3)));

static GPid start(int ranks, const char *args, ...)
{
    char *launch = ranks ? g_strdup_printf("'%s' -n %d ", mpirun, ranks) : g_strdup("");
    char *line, *argv[] = { "/bin/sh", "-c", NULL, NULL }, *rest;
    GPid pid = 0;
    va_list ap;

    va_start(ap, args);
    rest = g_strdup_vprintf(args, ap);
    va_end(ap);
    line = g_strdup_printf("exec %s%s >'%s/said' 2>&1", launch, rest, dir);
    argv[2] = line;
    if (!g_spawn_async(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid,
                       NULL))
        check(0, "cannot start", line);
    g_free(launch);
    g_free(rest);
    g_free(line);
    return pid;
}

/* Returns the exit code; 128: killed; -1: not ended in time. */
static int end(GPid pid)
{
    int status = -1;

    for (int i = 0; i < PATIENCE * 50; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
        g_usleep(20000);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return -1;
}

/* code -1 accepts any but 0: mpirun itself may crash while it ends its ranks. */
static void expect(GPid pid, int code, const char *word, const char *what)
{
    int got = end(pid);
    char *said = content("said");
    char *text = g_strdup_printf("%s: exit %d: %s", what, got, said);

    check(code < 0 ? got > 0 : got == code, "exit code", text);
    check(!word || strstr(said, word), word, text);
    g_free(text);
    g_free(said);
}

/* Returns the process of this rank under mpirun, or 0. */
static GPid find_rank(GPid parent, int rank)
{
    char *want = g_strdup_printf("OMPI_COMM_WORLD_RANK=%d", rank);
    char *mother = g_strdup_printf("\nPPid:\t%d\n", parent);
    GDir *d = g_dir_open("/proc", 0, NULL);
    const char *name;
    GPid found = 0;

    while (d && !found && (name = g_dir_read_name(d))) {
        char *status = g_strdup_printf("/proc/%s/status", name), *text = NULL;
        char *environ = g_strdup_printf("/proc/%s/environ", name), *all = NULL;
        gsize n = 0;

        if (g_file_get_contents(status, &text, NULL, NULL) && strstr(text, mother) &&
            g_file_get_contents(environ, &all, &n, NULL))
            for (char *e = all; e < all + n; e += strlen(e) + 1)
                if (!strcmp(e, want))
                    found = atoi(name);
        g_free(status);
        g_free(environ);
        g_free(text);
        g_free(all);
    }
    if (d)
        g_dir_close(d);
    g_free(want);
    g_free(mother);
    return found;
}

/* Waits until the run has ended `epochs` more epochs than its file has now. */
static void let_learn(const char *csv, int epochs)
{
    int lines = -1, most = 0;

    for (int i = 0; i < PATIENCE * 50; i++) {
        char *text = content(csv);

        lines = 0;
        for (const char *c = text; *c; c++)
            lines += *c == '\n';
        g_free(text);
        most = most ? most : lines + epochs + (lines == 0);
        if (lines >= most)
            return;
        g_usleep(20000);
    }
    check(0, "no epoch was finished", csv);
}

#define TINY "--preset tiny --batch_size 4 --segment_seconds 0.5 --threads 1 " \
             "--data_dir '%s' --checkpoint_dir '%s/runs' "

static GPid train(int ranks, const char *name, const char *more)
{
    return start(ranks, "'%s' " TINY "--experiment_name %s %s", program, speech, dir,
                 name, more);
}

/* --- Files -------------------------------------------------------------- */

/* The losses in each epoch's row are near those of another run. */
static void compare_csv(const char *a, const char *b)
{
    static const char *const names[] = { "mel", "cpx", "wave", "commit", "gradient",
                                         "use_mean", "valid_mel" };
    char *text[2] = { content(a), content(b) }, **rows[2];

    for (int k = 0; k < 2; k++)
        rows[k] = g_strsplit(text[k], "\n", -1);
    number(g_strv_length(rows[0]) == g_strv_length(rows[1]) && rows[0][0] && rows[0][1],
           "epochs of two ranks", g_strv_length(rows[1]));
    for (int i = 1; rows[0][0] && rows[0][i] && rows[1][i] && *rows[0][i]; i++) {
        char **head = g_strsplit(rows[0][0], ",", -1);
        char **x = g_strsplit(rows[0][i], ",", -1), **y = g_strsplit(rows[1][i], ",", -1);

        for (int c = 0; head[c] && x[c] && y[c]; c++) {
            double u = g_ascii_strtod(x[c], NULL), v = g_ascii_strtod(y[c], NULL);

            if (g_strv_contains(names, head[c]) && !(ABS(u - v) <= 0.02 * ABS(u))) {
                failed = 1;
                printf("%s of epoch %d: one rank has %g, two have %g\n", head[c], i, u,
                       v);
            }
        }
        g_strfreev(head);
        g_strfreev(x);
        g_strfreev(y);
    }
    for (int k = 0; k < 2; k++) {
        g_strfreev(rows[k]);
        g_free(text[k]);
    }
}

static int files_in(const char *name)
{
    char *path = in(name);
    GDir *d = g_dir_open(path, 0, NULL);
    int n = 0;

    while (d && g_dir_read_name(d))
        n++;
    if (d)
        g_dir_close(d);
    g_free(path);
    return n;
}

static int times(const char *text, const char *word)
{
    int n = 0;

    while ((text = strstr(text, word))) {
        text += strlen(word);
        n++;
    }
    return n;
}

static void test_two(void)
{
    char *said, *csv;

    expect(train(0, "one", "--num_epochs 3"), 0, "wrote", "one rank");
    expect(train(2, "two", "--num_epochs 3"), 0, "2 ranks of 2 segments", "two ranks");
    said = content("said");
    number(times(said, "epoch 3, step") == 1, "lines of the last epoch",
           times(said, "epoch 3, step"));
    number(times(said, "wrote ") == 2, "lines of written files", times(said, "wrote "));
    number(files_in("runs/two") == files_in("runs/one"), "files of two ranks",
           files_in("runs/two"));
    csv = content("runs/two/metrics.csv");
    number(times(csv, "\n") == 4, "lines of metrics.csv", times(csv, "\n"));
    compare_csv("runs/one/metrics.csv", "runs/two/metrics.csv");
    g_free(said);
    g_free(csv);
}

static void test_complaints(void)
{
    char *said;

    expect(train(3, "bad", ""), -1, "--batch_size is 4, expected a multiple of 3",
           "a batch that cannot be dealt");
    said = content("said");
    number(times(said, "--batch_size") == 1, "ranks that complain",
           times(said, "--batch_size"));
    g_free(said);
    expect(train(2, "bad", "--export x"), -1, "leave mpirun out", "two ranks export");
    expect(start(2, "'%s' differ", test_ranks), -1, "the weights differ between ranks",
           "a rank with other weights");
}

/* --- Ends --------------------------------------------------------------- */

static void test_killed(void)
{
    GPid pid = train(2, "killed", "--num_epochs 100000"), rank;

    let_learn("runs/killed/metrics.csv", 2);   /* the first epoch has been saved */
    rank = find_rank(pid, 1);
    check(rank > 0 && !kill(rank, SIGKILL), "there is no", "rank 1");
    expect(pid, -1, "rank 1", "a rank is killed");
    expect(train(0, "killed", "--resume --time_limit 0.000001"), 0, "last.ckpt: step",
           "one rank goes on for two");
}

static void test_stopped(void)
{
    const char *more = "--num_epochs 16 --resume";
    char *whole, *parts;
    GPid pid;

    expect(train(2, "whole", more), 0, "wrote", "an uninterrupted run");
    pid = train(2, "parts", more);
    let_learn("runs/parts/metrics.csv", 1);
    kill(pid, SIGUSR1);
    expect(pid, 0, "interrupted after step", "a signal to mpirun");
    pid = train(2, "parts", more);
    let_learn("runs/parts/metrics.csv", 1);
    kill(find_rank(pid, 1), SIGTERM);
    expect(pid, 0, "interrupted after step", "a signal to one rank");
    expect(train(2, "parts", more), 0, "wrote", "resumed");
    whole = model_id(dir, "whole");
    parts = model_id(dir, "parts");
    check(whole && parts && !strcmp(whole, parts), "resumed run ends elsewhere", parts);
    g_free(whole);
    g_free(parts);
}

/* --- On the shim's devices ---------------------------------------------- */

/* Two ranks share a device and sum through the host, then have one device each and NCCL.
 * Both ways sum in the order of ranks, so the weights have the same bits. */
static void test_device(const char *module, const char *nccl)
{
    const char *more = "--device cuda --num_epochs 1";
    char *ids[2];

    g_setenv("TELUCODEC_BACKEND_PATH", module, TRUE);
    expect(train(0, "card", more), 0, "training on", "one device");
    expect(train(2, "host", more), 0, "ranks share a device", "two ranks on a device");
    compare_csv("runs/card/metrics.csv", "runs/host/metrics.csv");
    g_setenv("TELUCODEC_SHIM_DEVICES", "2", TRUE);
    g_setenv("LD_LIBRARY_PATH", nccl, TRUE);
    expect(train(2, "nccl", more), 0, "training on", "two ranks and NCCL");
    ids[0] = content("said");
    check(!strstr(ids[0], "through the host"), "no NCCL", ids[0]);
    g_free(ids[0]);
    ids[0] = model_id(dir, "host");
    ids[1] = model_id(dir, "nccl");
    check(ids[0] && ids[1] && !strcmp(ids[0], ids[1]), "NCCL gives other weights", ids[1]);
    g_unsetenv("LD_LIBRARY_PATH");
    g_unsetenv("TELUCODEC_SHIM_DEVICES");
    for (int i = 0; i < 2; i++)
        g_free(ids[i]);
}

int main(int argc, char **argv)
{
    if (argc != 4 && argc != 6) {
        printf("skipped: built without MPI, or there is no mpirun\n");
        return 77;
    }
    gst_init(NULL, NULL);
    program = argv[1];
    mpirun = argv[2];
    test_ranks = argv[3];
    dir = wav_temp();
    g_setenv("TELUCODEC_BACKEND_PATH", dir, TRUE);     /* no CUDA in there */
    speech = in("speech");
    wav_folder(speech, 6, 1.0, 2);
    test_two();
    test_complaints();
    test_killed();
    test_stopped();
    if (argc == 6)
        test_device(argv[4], argv[5]);
    wav_remove(dir);
    g_free(speech);
    g_free(dir);
    return failed;
}
