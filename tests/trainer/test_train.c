/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_train.c - a small network learns one second by heart; a run that was saved and
 * resumed gives the bits of one that was not; an older checkpoint is read and a damaged
 * one refused; silence and clicks leave every weight finite. */
#include "expect.h"
#include "checkpoint.h"
#include "crc32c.h"
#include "gemm.h"
#include "memory.h"
#include "schedule.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND 16000

static struct telu_config tiny(void)
{
    struct telu_config c = {
        .enc_width = 64, .enc_blocks = 1, .dec_width = 64, .dec_blocks = 1,
        .kernel = 3, .expand = 2, .latent = 32, .stages = 4, .codes = 64,
        .dim = { 16, 16, 8, 8 }, .env_stages = 1,
    };

    return c;
}

/* Writes a vowel-like sound that glides and swells. */
static void voice(float *x, int n)
{
    double phase = 0.0;

    for (int i = 0; i < n; i++) {
        double f = 120.0 + 40.0 * sin(i / 4000.0), s = 0.0;

        phase += 2.0 * M_PI * f / 16000.0;
        for (int h = 1; h < 12; h++)
            s += sin(h * phase) / (1.0 + 0.3 * (h - 4) * (h - 4));
        x[i] = (float)(0.1 * s * (1.2 + sin(i / 1500.0)));
    }
}

static double snr(const struct trainer *t)
{
    double signal = 0.0, noise = 0.0;

    for (int i = 0; i < MODEL_COMPLETE(t->T); i++) {
        double x = t->x[MODEL_LEAD + i], d = x - t->model->wave[MODEL_LEAD + i];

        signal += x * x;
        noise += d * d;
    }
    return 10.0 * log10(signal / noise);
}

static void test_overfit(void)
{
    struct telu_config c = tiny();
    struct trainer *t = trainer_new(&c, 1, 50, 1);
    double before;

    voice(t->x + MODEL_LEAD, SECOND);
    t->stages[0] = c.stages;
    trainer_step(t, 1e-3f, 0.9f);
    before = snr(t);
    for (int i = 1; i < 400; i++)
        trainer_step(t, 3e-3f * schedule_rate(i, i / 400.0), 0.9f);
    check(before < 3.0, "SNR before learning", before);
    check(snr(t) > 8.0, "SNR of a second learnt by heart", snr(t));
    check(t->skipped == 0, "skipped steps", (double)t->skipped);
    trainer_free(t);
}

/* Takes `steps` steps on d from the present state of t. */
static void walk(struct trainer *t, const struct dataset *d, struct progress *p,
                 int steps)
{
    for (int i = 0; i < steps; i++, p->step++) {
        trainer_crop(t, d);
        trainer_step(t, 1e-3f * schedule_rate(p->step, 0.1), 0.98f);
    }
}

static struct trainer *fresh(void)
{
    struct telu_config c = tiny();

    return trainer_new(&c, 4, 20, 7);
}

static int same(const struct trainer *a, const struct trainer *b)
{
    const struct params *p = a->model->p, *q = b->model->p;

    return !memcmp(p->value, q->value, sizeof(float) * p->total) &&
           !memcmp(p->books, q->books, sizeof(float) * p->books_total) &&
           !memcmp(a->adam.v, b->adam.v, sizeof(float) * p->total) &&
           !memcmp(&a->rng, &b->rng, sizeof(a->rng));
}

static void test_resume(const char *path)
{
    static float pcm[2 * SECOND];
    struct clip clip = { .pcm = pcm, .n = 2 * SECOND, .times = 1 };
    struct dataset d = { .clip = &clip, .n = 1, .total = 2 * SECOND };
    struct trainer *a = fresh(), *b = fresh(), *c = fresh();
    struct progress p = { .config = tiny() }, q = p;

    voice(pcm, 2 * SECOND);
    walk(a, &d, &p, 12);
    p.step = 0;
    walk(b, &d, &p, 5);
    check(!same(a, b), "5 steps are as good as 12", 0);
    checkpoint_save(path, b, &p);
    check(checkpoint_load(path, c, &q) == 0, "no checkpoint", 0);
    check(q.step == 5, "step in the checkpoint", (double)q.step);
    check(same(b, c), "the loaded trainer differs from the saved one", 0);
    walk(c, &d, &q, 7);
    check(same(a, c), "resumed differs from uninterrupted", 0);
    trainer_free(a);
    trainer_free(b);
    trainer_free(c);
}

/* Turns the file into version 2, which lacks the last part, "vq.chance". */
static void make_older(const char *path)
{
    const long part = 24 + 8 + (long)sizeof(struct counter_rng), sum = 4;
    FILE *f = fopen(path, "rb");
    static char bytes[1 << 22];
    long n = (long)fread(bytes, 1, sizeof(bytes), f) - part - sum;
    uint32_t crc;

    fclose(f);
    bytes[21] = '2';           /* of "telucodec checkpoint 3\n" */
    crc = crc32c(0, bytes, (size_t)n);
    memcpy(bytes + n, &crc, sizeof(crc));
    f = fopen(path, "wb");
    fwrite(bytes, 1, (size_t)(n + sum), f);
    fclose(f);
}

/* An older file is read, and the missing part follows from the rest. */
static void test_older(const char *path)
{
    struct trainer *a = fresh(), *b = fresh();
    struct progress p = { .config = tiny(), .seed = 31, .step = 17 }, q = { 0 };

    checkpoint_save(path, a, &p);
    make_older(path);
    b->model->p->value[0] = 0.0f;
    check(checkpoint_load(path, b, &q) == 0 && q.step == 17, "a file of version 2", 0);
    check(same(a, b), "a file of version 2 gives another trainer", 0);
    check(b->model->vq->rng.key == 31 && b->model->vq->rng.step == 17,
          "draws after version 2", (double)b->model->vq->rng.step);
    trainer_free(a);
    trainer_free(b);
}

/* Loads or saves in a child, because both exit on errors. Returns its exit code. */
static int in_child(const char *path, int save, const struct telu_config *cfg)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        struct progress p = { .config = *cfg };
        struct trainer *t = trainer_new(cfg, 4, 20, 7);
        const struct rlimit small = { 100000, 100000 };

        fclose(stderr);
        if (save) {            /* the disk is full after 100 kB */
            signal(SIGXFSZ, SIG_IGN);
            setrlimit(RLIMIT_FSIZE, &small);
            checkpoint_save(path, t, &p);
        } else {
            checkpoint_load(path, t, &p);
        }
        _exit(0);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Peeks in a child. Returns its exit code. */
static int peek_in_child(const char *path)
{
    struct progress p = { 0 };
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        fclose(stderr);
        _exit(checkpoint_peek(path, &p) ? 2 : 0);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static long size_of(const char *path)
{
    struct stat s;

    return stat(path, &s) ? -1 : (long)s.st_size;
}

static void flip(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    int c;

    fseek(f, at, SEEK_SET);
    c = fgetc(f);
    fseek(f, at, SEEK_SET);
    fputc(c ^ 4, f);
    fclose(f);
}

static void test_damage(const char *path)
{
    struct telu_config c = tiny(), other = c;
    char part[64], nowhere[64];
    long size = size_of(path);

    snprintf(part, sizeof(part), "%s.part", path);
    snprintf(nowhere, sizeof(nowhere), "%s/x", path);
    other.latent = 16;
    check(in_child(path, 0, &c) == 0, "a whole checkpoint is refused", 0);
    check(in_child(path, 0, &other) == 1, "a checkpoint of another network is taken",
          0);
    check(in_child(path, 1, &c) == 1, "saving to a full disk exits with", 0);
    check(size_of(part) == -1, "bytes left behind by a full disk",
          (double)size_of(part));
    check(size_of(path) == size && in_child(path, 0, &c) == 0,
          "a full disk spoils the checkpoint before", (double)size_of(path));
    check(in_child(nowhere, 1, &c) == 1, "saving below a file", 0);
    flip(path, size / 2);
    check(in_child(path, 0, &c) == 1, "a wrong bit is taken", 0);
    flip(path, size / 2);
    check(truncate(path, 100000) == 0, "truncate", 0);
    check(in_child(path, 0, &c) == 1, "half a checkpoint is taken", 0);
    check(truncate(path, 0) == 0, "truncate", 0);
    check(in_child(path, 0, &c) == 1, "an empty checkpoint is taken", 0);
}

/* A small file that claims a large network is refused before that network is made; and so is one
 * with bytes too few or too many, or settings without an end. */
static void test_claims(const char *path)
{
    struct telu_config large = tiny();
    struct trainer *t = fresh();
    struct progress p = { .config = tiny() };

    checkpoint_save(path, t, &p);
    check(peek_in_child(path) == 0, "peek at a whole checkpoint", 0);
    check(truncate(path, size_of(path) - 1) == 0, "truncate", 0);
    check(peek_in_child(path) == 1, "a checkpoint without its last byte is taken", 0);
    check(truncate(path, size_of(path) + 2) == 0, "truncate", 0);
    check(peek_in_child(path) == 1, "a checkpoint with a byte too many is taken", 0);

    large.enc_width = large.dec_width = large.latent = 1024;
    large.enc_blocks = large.dec_blocks = 16;
    p.config = large;
    checkpoint_save(path, t, &p);
    check(peek_in_child(path) == 1, "a claim of a large network is taken", 0);

    p.config = tiny();
    memset(p.settings, 'x', sizeof(p.settings));
    checkpoint_save(path, t, &p);
    check(peek_in_child(path) == 1, "settings without an end are taken", 0);
    trainer_free(t);
}

static void test_odd_sounds(void)
{
    struct telu_config c = tiny();
    struct trainer *t = trainer_new(&c, 4, 20, 5);
    const struct params *p = t->model->p;
    double sum = 0.0;

    for (int i = 0; i < t->stride; i++) {
        t->x[t->stride + i] = i / 40 % 2 ? 1.0f : -1.0f;
        t->x[2 * t->stride + i] = i % 1000 == 0;
        t->x[3 * t->stride + i] = 1e-20f;
    }
    for (int b = 0; b < 4; b++)
        t->stages[b] = 4 - b;
    for (int i = 0; i < 30; i++)
        trainer_step(t, 1e-3f, 0.98f);
    check(t->skipped == 0, "steps skipped on odd sounds", (double)t->skipped);
    for (size_t i = 0; i < p->total; i++)
        sum += p->value[i];
    for (size_t i = 0; i < p->books_total; i++)
        sum += p->books[i];
    check(isfinite(sum), "sum of the weights after odd sounds", sum);

    /* A sound that is not finite skips one step and leaves the network unchanged. */
    t->x[500] = NAN;
    trainer_step(t, 1e-3f, 0.0f);
    check(t->skipped == 1, "steps skipped on NaN", (double)t->skipped);
    sum = 0.0;
    for (size_t i = 0; i < p->total; i++)
        sum += p->value[i];
    check(isfinite(sum), "sum of the weights after NaN", sum);
    trainer_free(t);
}

int main(void)
{
    char path[] = "/tmp/test_train_XXXXXX";
    int fd = mkstemp(path);

    if (fd < 0) {
        printf("no place for a temporary file\n");
        return 77;
    }
    close(fd);
    gemm_threads(1);
    test_overfit();
    test_older(path);
    test_resume(path);
    test_damage(path);
    test_claims(path);
    test_odd_sounds();
    unlink(path);
    return failed;
}
