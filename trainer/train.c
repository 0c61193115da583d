/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* train.c - see train.h. */
#include "train.h"

#include "bar.h"
#include "bundle.h"
#include "events.h"
#include "log.h"
#include "schedule.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#define FILES 16               /* that an epoch is checked on */
#define SAVE_EVERY 300.0       /* seconds */
#define TABLE_SECONDS 60       /* of speech that a check's tables are fitted to */
#define CHECK_SHARE 0.15       /* of the time, at most, for checks of the whole codec */
#define CURVE_STEPS 20         /* between two points of TensorBoard's curves */

struct loop {
    struct run *r;
    struct events *events;
    struct bar bar;
    struct epoch e;
    long per_epoch;
    double begin, saved;       /* seconds, monotonic */
    double checked;            /* when the whole codec was measured, p.seconds */
    double cost;               /* of that */
};

static double now(void)
{
    return g_get_monotonic_time() * 1e-6;
}

long train_epoch_steps(const struct run *r)
{
    long batch = (long)r->t->T * TELU_PACKET * r->t->B;

    return (r->train.total + batch - 1) / batch;
}

/* 0 .. 1, by epochs or by the clock, whichever is further. */
static double done(const struct run *r, long per_epoch)
{
    double by_steps = r->p.step / ((double)per_epoch * r->o.num_epochs);
    double limit = 60.0 * r->o.time_limit;
    double by_time = limit > 0.0 ? r->p.seconds / limit : 0.0;

    return by_steps > by_time ? by_steps : by_time;
}

static double audio(const struct run *r)
{
    return (double)r->t->B * r->t->T * TELU_PACKET / TELU_RATE;
}

/* The whole codec is measured after the first epoch, after the last, and in between
 * as often as its share of the time allows. */
static int check_codec(struct loop *l, struct quality *q)
{
    struct run *r = l->r;
    double since = now();
    struct bundle b;
    struct telu_model *m;

    if (l->cost > 0.0 && done(r, l->per_epoch) < 1.0 &&
        r->p.seconds - l->checked < l->cost / CHECK_SHARE)
        return 0;
    bundle_make(&b, r->t->model, &r->train, TABLE_SECONDS, 0);
    m = bundle_model(&b, NULL);
    quality_measure(q, m, &r->valid, FILES);
    telu_model_close(m);
    bundle_release(&b);
    l->cost = now() - since;
    l->checked = now() - l->begin;
    return 1;
}

static void end_epoch(struct loop *l, double rate)
{
    struct run *r = l->r;
    struct evaluation v = evaluate(r->t, &r->valid, FILES);
    struct epoch_end at = { ++r->p.epoch, r->p.step, r->p.seconds / 60.0, rate,
                            audio(r) };
    struct quality q[QUALITY_POINTS];
    int measured = check_codec(l, q);
    double figure = 0.0;
    struct metrics m;

    bar_clear(&l->bar);
    epoch_print(&l->e, &at, &v, measured ? q : NULL, r->t);
    epoch_metrics(&m, &l->e, &at, &v, measured ? q : NULL, r->t);
    metrics_append(r->csv, &m);
    events_write(l->events, "epoch", &m, r->p.step);
    vq_clear_use(r->t->model->vq);
    l->e = (struct epoch){ 0 };
    for (int k = 0; k < EVALUATE_POINTS; k++)
        figure += v.snr[k];
    if (figure > r->p.best) {
        r->p.best = figure;
        checkpoint_save(r->best, r->t, &r->p);
    }
}

static void point(struct loop *l, const struct step_result *s, double rate)
{
    struct metrics m = { 0 };

    metrics_add(&m, s->loss.mel, "mel");
    metrics_add(&m, s->loss.cpx, "cpx");
    metrics_add(&m, s->loss.wave, "wave");
    metrics_add(&m, s->commit, "commit");
    metrics_add(&m, s->norm, "gradient");
    metrics_add(&m, rate, "rate");
    events_write(l->events, "step", &m, l->r->p.step);
}

static struct step_result one_step(struct run *r, double progress, double *rate)
{
    *rate = r->o.learning_rate * schedule_rate(r->p.step, progress);
    trainer_crop(r->t, &r->train);
    return trainer_step(r->t, (float)*rate, schedule_decay(progress));
}

static void save(struct loop *l)
{
    checkpoint_save(l->r->last, l->r->t, &l->r->p);
    l->saved = now();
}

static void prepare(struct loop *l)
{
    struct run *r = l->r;
    struct evaluation v = { 0 };
    struct epoch_end at = { 0 };
    struct metrics m;

    l->per_epoch = train_epoch_steps(r);
    l->begin = now() - r->p.seconds;
    l->saved = now();
    epoch_metrics(&m, &l->e, &at, &v, NULL, r->t);
    metrics_prepare(r->csv, &m, r->p.epoch);
    l->events = events_new(r->folder);
}

int train(struct run *r)
{
    struct loop l = { .r = r };
    double progress;

    prepare(&l);
    while (!*r->stop && (progress = done(r, l.per_epoch)) < 1.0) {
        double since = now(), rate;
        struct step_result s = one_step(r, progress, &rate);

        epoch_add(&l.e, &s);
        l.e.seconds += now() - since;
        r->p.step++;
        r->p.seconds = now() - l.begin;
        bar_draw(&l.bar, r->p.epoch + 1, progress, r->p.seconds, s.loss.mel,
                 l.e.steps * audio(r) / l.e.seconds);
        if (r->p.step % CURVE_STEPS == 0)
            point(&l, &s, rate);
        if (r->p.step % l.per_epoch == 0 || done(r, l.per_epoch) >= 1.0) {
            end_epoch(&l, rate);
            save(&l);
        } else if (now() - l.saved > SAVE_EVERY) {
            save(&l);
        }
    }
    bar_clear(&l.bar);
    events_free(l.events);
    if (!*r->stop)
        return 0;
    if (r->p.step)
        save(&l);
    printf("interrupted after step %ld; --resume goes on\n", r->p.step);
    return 1;
}

double train_time(struct run *r)
{
    const int steps = 3;
    double since, rate;

    one_step(r, 0.0, &rate);   /* the first one brings memory into being */
    since = now();
    for (int i = 0; i < steps; i++)
        one_step(r, 0.0, &rate);
    return (now() - since) / steps;
}
