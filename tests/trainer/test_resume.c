/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_resume.c TELUCODEC-TRAIN - an interrupted and resumed run gives the weights of a whole one,
 * its post-network too; one folder admits one trainer; a damaged checkpoint is refused. */
#include "cli.h"
#include "model_id.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static int exit_code(GPid pid)
{
    int status = -1;

    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int exists(const char *name)
{
    char *path = in(name);
    int found = g_file_test(path, G_FILE_TEST_EXISTS);

    g_free(path);
    return found;
}

/* Waits up to a minute for a file of a trainer that runs. */
static int appears(const char *name)
{
    for (int i = 0; i < 6000 && !exists(name); i++)
        g_usleep(10000);
    return exists(name);
}

/* Waits up to a minute until the program that was started has said `word`. */
static int says(const char *word)
{
    int found = 0;

    for (int i = 0; i < 6000 && !found; i++) {
        char *text = content("said");

        found = text && strstr(text, word);
        g_free(text);
        g_usleep(10000);
    }
    return found;
}

/* The run stops at arbitrary steps, by a terminal's signal, by a terminal that closes and by a
 * shutdown's; a second trainer is refused meanwhile. */
static void test_resume(void)
{
    static const int signals[] = { SIGINT, SIGHUP, SIGTERM };
    const char *args = "--data_dir %s --checkpoint_dir %s/runs --experiment_name %s "
                       "--preset tiny --num_epochs 30 --batch_size 2 --resume";
    char *whole, *parts;

    expect(run(args, speech, dir, "whole"), 0, "wrote", "an uninterrupted run");
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        GPid pid = start(args, speech, dir, "parts");

        check(appears("runs/parts/metrics.csv") || i, "no epoch was finished", "parts");
        if (i)
            g_usleep(400000);
        else
            expect(run(args, speech, dir, "parts"), 1, "another telucodec-train",
                   "two trainers in one folder");
        kill(pid, signals[i]);
        number(exit_code(pid) == 0, "exit code when interrupted", i);
    }
    check(exists("runs/parts/last.ckpt"), "interrupted without saving", "last.ckpt");
    expect(run(args, speech, dir, "parts"), 0, NULL, "resumed");
    whole = model_id(dir, "whole");
    parts = model_id(dir, "parts");
    check(whole && parts && !strcmp(whole, parts), "resumed run ends elsewhere", parts);
    g_free(whole);
    g_free(parts);
}

/* A post-network follows the network: interrupted, resumed and refused where its checkpoint is of
 * another. The model id stays that of the network. */
static void test_postnet(void)
{
    const char *args = "--data_dir %s --checkpoint_dir %s/none --init %s/runs/whole/"
                       "model.safetensors --export %s/post.safetensors --preset tiny "
                       "--postnet %d";
    char *checkpoint = in("post.safetensors.postnet.ckpt"), *path = in("post.safetensors");
    char *bytes;
    gsize n;
    GPid pid = start(args, speech, dir, dir, dir, 100000);

    check(says("learning a post-network"), "no step was taken", "post-network");
    g_usleep(400000);
    kill(pid, SIGTERM);
    number(exit_code(pid) == 0, "exit code when interrupted", 0);
    check(!exists("post.safetensors"), "weights of an interrupted post-network", path);
    check(exists("post.safetensors.postnet.ckpt"), "interrupted without saving", checkpoint);
    g_unlink(checkpoint);
    expect(run(args, speech, dir, dir, dir, 3), 0, "step 3 of 3", "a post-network");
    if (g_file_get_contents(path, &bytes, &n, NULL)) {
        char *whole = model_id(dir, "whole");

        check(g_strstr_len(bytes + 8, (gssize)n - 8, "postnet_id") != NULL, "no post-network",
              path);
        check(whole && g_strstr_len(bytes + 8, (gssize)n - 8, whole) != NULL,
              "another network or other tables", path);
        g_free(whole);
        g_free(bytes);
    }
    expect(run(args, speech, dir, dir, dir, 4), 0, "changes no packet", "tables fitted anew");
    expect(run(args, speech, dir, dir, dir, 5), 0, "step 5 of 5", "a resumed post-network");
    expect(run("--data_dir %s --evaluate %s", speech, path), 0, "16k", "its figures");
    expect(run("--data_dir %s --checkpoint_dir %s/none --init %s --export %s/plain.safetensors",
               speech, dir, path, dir), 0, "is left out: --postnet", "a post-network left out");
    expect(run("--data_dir %s --checkpoint_dir %s/none --init %s --export %s --preset tiny "
               "--postnet 9 --seed 2", speech, dir, path, path), 1, "remove it to begin anew",
           "the checkpoint of another post-network");
    if (g_file_get_contents(checkpoint, &bytes, &n, NULL)) {
        bytes[n / 2] ^= 1;
        g_file_set_contents(checkpoint, bytes, (gssize)n, NULL);
        expect(run(args, speech, dir, dir, dir, 7), 1, "check sum", "a bit that fell over");
        g_file_set_contents(checkpoint, bytes, (gssize)n / 3, NULL);
        expect(run(args, speech, dir, dir, dir, 7), 1, "damaged", "a third of a checkpoint");
        g_file_set_contents(checkpoint, "nonsense", 8, NULL);
        expect(run(args, speech, dir, dir, dir, 7), 1, "no checkpoint", "nonsense");
        g_free(bytes);
    }
    g_free(checkpoint);
    g_free(path);
}

static void test_damaged(void)
{
    char *path = in("runs/whole/last.ckpt"), *bytes;
    const char *args = "--data_dir %s --checkpoint_dir %s/runs --experiment_name whole "
                       "--resume --num_epochs 20";
    gsize n;

    if (!g_file_get_contents(path, &bytes, &n, NULL))
        return;
    bytes[n / 2] ^= 1;
    g_file_set_contents(path, bytes, (gssize)n, NULL);
    expect(run(args, speech, dir), 1, "check sum", "a bit that fell over");
    g_file_set_contents(path, bytes, (gssize)n / 3, NULL);
    expect(run(args, speech, dir), 1, "damaged", "a third of a checkpoint");
    g_file_set_contents(path, "nonsense", 8, NULL);
    expect(run(args, speech, dir), 1, "last.ckpt", "nonsense for a checkpoint");
    g_free(bytes);
    g_free(path);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        printf("usage: test_resume TELUCODEC-TRAIN\n");
        return 1;
    }
    cli_begin(argv[1]);
    test_resume();
    test_postnet();
    test_damaged();
    return cli_end();
}
