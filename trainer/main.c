/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* main.c - telucodec-train: speech in, weight file out. */
#include "checkpoint.h"
#include "evaluate.h"
#include "finish.h"
#include "gemm.h"
#include "log.h"
#include "memory.h"
#include "options.h"
#include "schedule.h"
#include "step.h"

#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK_FILES 16
#define SAVE_EVERY 300.0       /* seconds */
#define VALID_SHARE 0.05

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static double now(void)
{
    return g_get_monotonic_time() * 1e-6;
}

struct run {
    struct options o;
    struct trainer *t;
    struct progress p;
    struct dataset train, valid;
    char *last, *best, *csv, *weights;
};

static void start(struct run *r, int *argc, char ***argv)
{
    struct options *o = &r->o;
    struct rng split;
    char *dir;

    options_parse(o, argc, argv);
    gemm_threads(o->threads);
    dir = g_build_filename(o->checkpoint_dir, o->experiment_name, NULL);
    if (g_mkdir_with_parents(dir, 0777))
        die("%s: cannot make this folder", dir);
    r->last = g_build_filename(dir, "last.ckpt", NULL);
    r->best = g_build_filename(dir, "best.ckpt", NULL);
    r->csv = g_build_filename(dir, "metrics.csv", NULL);
    r->weights = g_build_filename(dir, "model.safetensors", NULL);

    /* A checkpoint knows its own sizes. */
    r->p.config = o->config;
    r->p.best = -1e9;
    if (o->export_path && checkpoint_peek(r->last, &r->p))
        die("%s: there is no such checkpoint to export", r->last);
    if (o->resume)
        checkpoint_peek(r->last, &r->p);
    else if (!o->export_path && g_file_test(r->last, G_FILE_TEST_EXISTS))
        die("%s exists: give --resume to go on, or another --experiment_name",
            r->last);
    r->t = trainer_new(&r->p.config, o->batch_size,
                       (int)(o->segment_seconds * TELU_RATE / TELU_PACKET + 0.5),
                       (uint64_t)o->seed);
    if ((o->resume || o->export_path) && !checkpoint_load(r->last, r->t, &r->p))
        printf("from %s: step %ld, %d epochs\n", r->last, r->p.step, r->p.epoch);

    dataset_load(&r->train, o->data_dir);
    rng_seed(&split, (uint64_t)o->seed);
    if (o->valid_dir)
        dataset_load(&r->valid, o->valid_dir);
    else
        dataset_split(&r->train, &r->valid, VALID_SHARE, &split);
    printf("%.1f min of speech in %d files to learn from, %.1f min in %d to check on; "
           "%zu weights, %d threads\n", r->train.total / (60.0 * TELU_RATE),
           r->train.n, r->valid.total / (60.0 * TELU_RATE), r->valid.n,
           r->t->model->p->total, o->threads);
    fflush(stdout);
}

/* 0 .. 1, by epochs or by the clock, whichever is further. */
static double progress(const struct run *r, long steps_per_epoch)
{
    double steps = (double)steps_per_epoch * r->o.num_epochs;
    double by_steps = steps > 0.0 ? r->p.step / steps : 1.0;
    double limit = 60.0 * r->o.time_limit;
    double by_time = limit > 0.0 ? r->p.seconds / limit : 0.0;

    return by_steps > by_time ? by_steps : by_time;
}

static void end_epoch(struct run *r, struct epoch *e, double rate)
{
    struct evaluation v = evaluate(r->t, &r->valid, CHECK_FILES);
    double audio = (double)r->t->B * r->t->T * TELU_PACKET / TELU_RATE;
    double figure = 0.0;

    epoch_log(e, &v, r->t, ++r->p.epoch, r->p.step, r->p.seconds / 60.0, rate, audio,
              r->csv);
    vq_clear_use(r->t->model->vq);
    *e = (struct epoch){ 0 };
    for (int k = 0; k < EVALUATE_POINTS; k++)
        figure += v.snr[k];
    if (figure > r->p.best) {
        r->p.best = figure;
        checkpoint_save(r->best, r->t, &r->p);
    }
    checkpoint_save(r->last, r->t, &r->p);
}

/* 0 when training is complete, 1 when it was interrupted. */
static int learn(struct run *r)
{
    long segment = (long)r->t->T * TELU_PACKET * r->t->B;
    long per_epoch = (r->train.total + segment - 1) / segment;
    double begin = now() - r->p.seconds, saved = now(), done;
    struct epoch e = { 0 };

    while (!stop && (done = progress(r, per_epoch)) < 1.0) {
        double rate = r->o.learning_rate * schedule_rate(r->p.step, done);
        double since = now();
        struct step_result s;

        trainer_crop(r->t, &r->train);
        s = trainer_step(r->t, (float)rate, schedule_decay(done));
        epoch_add(&e, &s);
        e.seconds += now() - since;
        r->p.step++;
        r->p.seconds = now() - begin;
        if (r->p.step % per_epoch == 0 || progress(r, per_epoch) >= 1.0) {
            end_epoch(r, &e, rate);
            saved = now();
        } else if (now() - saved > SAVE_EVERY) {
            checkpoint_save(r->last, r->t, &r->p);
            saved = now();
        }
    }
    checkpoint_save(r->last, r->t, &r->p);
    if (stop)
        printf("interrupted after step %ld; --resume goes on\n", r->p.step);
    return stop;
}

int main(int argc, char **argv)
{
    struct run r = { 0 };
    int interrupted = 0;

    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    start(&r, &argc, &argv);
    if (!r.o.export_path)
        interrupted = learn(&r);
    if (!interrupted)
        finish(r.t->model, &r.train, &r.valid,
               r.o.export_path ? r.o.export_path : r.weights);
    trainer_free(r.t);
    dataset_release(&r.train);
    dataset_release(&r.valid);
    return 0;
}
