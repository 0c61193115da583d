/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* learn.c - see learn.h. */
#include "learn.h"

#include "adamw.h"
#include "bar.h"
#include "json_put.h"
#include "lines.h"
#include "corrector.h"
#include "init.h"
#include "mdct.h"
#include "memory.h"
#include "postnet_file.h"
#include "schedule.h"
#include "spectral_loss.h"

#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL       64          /* pieces to draw batches from */
#define RENEWED    4           /* one in so many pieces of a batch is new */
#define SAY_EVERY  200         /* steps */
#define COMPARED   10          /* one in so many steps also measures the codec alone */
#define SAVE_EVERY 300.0       /* seconds */

struct learner {
    const struct learning *l;
    struct corrector *m;
    struct traces traces;
    struct spectral_loss *loss;
    struct adamw adam;
    struct rng rng;
    const struct trace_row **row;          /* [batch] */
    float *x, *grad, *plain;
    size_t stride;
    long step;
    struct spectral_value sum, plain_sum;  /* since the last line */
    int sums, plain_sums;
};

static double now(void)
{
    return g_get_monotonic_time() / 1e6;
}

/* --- Memory ---------------------------------------------------------------- */

static void init(struct learner *n, const struct snapshot *b, const struct dataset *data)
{
    const struct learning *l = n->l;
    size_t all;

    rng_seed(&n->rng, (uint64_t)l->seed);
    n->stride = (size_t)(2 * l->packets + 1) * TELU_HOP;
    all = n->stride * (size_t)l->batch;
    n->m = corrector_new(&b->cfg, &l->post, l->batch, l->packets, &n->rng);
    traces_init(&n->traces, &b->cfg, b->blobs, b->own, data, POOL, l->packets);
    n->loss = spectral_loss_new(MODEL_COMPLETE(l->packets));
    adamw_init(&n->adam, n->m->p);
    n->row = zeroed(sizeof(*n->row) * (size_t)l->batch);
    n->x = floats(all);
    n->plain = floats(all);
    n->grad = floats(all);
}

static void release(struct learner *n)
{
    corrector_free(n->m);
    traces_release(&n->traces);
    spectral_loss_free(n->loss);
    adamw_release(&n->adam);
    free(n->row);
    free(n->x);
    free(n->plain);
    free(n->grad);
}

static struct postnet_file file_of(struct learner *n)
{
    return (struct postnet_file){
        .path = n->l->checkpoint, .post = n->l->post, .seed = n->l->seed, .step = &n->step,
        .rng = &n->rng, .adam = &n->adam, .params = n->m->p,
    };
}

/* --- A step ---------------------------------------------------------------- */

static void draw_batch(struct learner *n)
{
    traces_renew(&n->traces, (n->l->batch + RENEWED - 1) / RENEWED, &n->rng);
    for (int b = 0; b < n->l->batch; b++) {
        size_t piece = rng_below(&n->rng, POOL);

        n->row[b] = n->traces.row + piece * (size_t)n->l->packets;
        memcpy(n->x + b * n->stride, n->traces.x + piece * n->stride,
               n->stride * sizeof(float));
    }
}

/* grad: 1 writes the gradient to n->grad. */
static struct spectral_value losses(struct learner *n, const float *wave, int grad)
{
    return spectral_loss_run(n->loss, grad ? n->grad + MODEL_LEAD : NULL, n->x + MODEL_LEAD,
                             wave + MODEL_LEAD, n->l->batch, (int)n->stride);
}

static void add(struct spectral_value *sum, struct spectral_value v)
{
    sum->magnitude += v.magnitude;
    sum->complex += v.complex;
    sum->level += v.level;
    sum->loudness += v.loudness;
    sum->disturbance += v.disturbance;
    sum->sum += v.sum;
}

/* Adds the losses of what the codec decodes without the network. */
static void measure_plain(struct learner *n)
{
    const int B = n->l->batch, T = n->l->packets;

    for (int b = 0; b < B; b++)
        for (int t = 0; t < T; t++)
            memcpy(n->m->y + ((size_t)b * T + t) * TELU_COEFS, n->row[b][t].c,
                   TELU_COEFS * sizeof(float));
    telu_imdct_simd(NULL, n->plain, n->m->y, B, 2 * T);
    add(&n->plain_sum, losses(n, n->plain, 0));
    n->plain_sums++;
}

static void one_step(struct learner *n)
{
    const struct learning *l = n->l;
    float rate;
    double norm;

    draw_batch(n);
    if (n->step % COMPARED == 0)
        measure_plain(n);
    corrector_forward(n->m, n->row, l->batch, l->packets);
    add(&n->sum, losses(n, n->m->wave, 1));
    n->sums++;
    params_zero_grad(n->m->p);
    corrector_backward(n->m, n->grad, n->row, l->batch, l->packets);
    norm = grad_norm(n->m->p);
    rate = (float)l->rate * schedule_rate(n->step, (double)n->step / (double)l->steps);
    if (isfinite(norm))
        adamw_step(&n->adam, n->m->p, rate, WEIGHT_DECAY,
                   norm > GRADIENT_CLIP ? (float)(GRADIENT_CLIP / norm) : 1.0f);
    n->step++;
}

static void say(struct learner *n, double speed)
{
    const struct spectral_value *a = &n->sum, *b = &n->plain_sum;
    const int s = n->sums, p = n->plain_sums ? n->plain_sums : 1;
    char left[32];
    GString *line;

    bar_time(left, (double)(n->l->steps - n->step) * n->l->batch * n->l->packets * TELU_PACKET /
                   TELU_RATE / speed);
    printf("post-network: step %ld of %ld: loss %.4f (decoder alone %.4f): magnitude %.4f (%.4f), "
           "complex %.4f (%.4f), level %.3f (%.3f), loudness %.4f (%.4f), "
           "disturbance %.3f (%.3f); %.0f s of speech/s, %s left\n",
           n->step, n->l->steps, a->sum / s, b->sum / p, a->magnitude / s, b->magnitude / p,
           a->complex / s, b->complex / p, a->level / s, b->level / p, a->loudness / s,
           b->loudness / p, a->disturbance / s, b->disturbance / p, speed, left);
    fflush(stdout);
    line = lines_new("postnet");
    if (line) {
        json_put_int(line, "step", n->step);
        json_put_int(line, "steps", n->l->steps);
        json_put_number(line, "loss", a->sum / s);
        json_put_number(line, "decoder_loss", b->sum / p);
        json_put_number(line, "speed", speed);
    }
    lines_end(line);
    n->sum = n->plain_sum = (struct spectral_value){ 0 };
    n->sums = n->plain_sums = 0;
}

/* Returns 1 when stopped. */
static int run(struct learner *n)
{
    const double seconds = (double)n->l->batch * n->l->packets * TELU_PACKET / TELU_RATE;
    const struct postnet_file file = file_of(n);
    double since = now(), saved = since;
    long from = n->step;

    traces_renew(&n->traces, POOL, &n->rng);
    while (n->step < n->l->steps && !*n->l->stop) {
        one_step(n);
        if (n->step % SAY_EVERY == 0 || n->step == n->l->steps) {
            say(n, (double)(n->step - from) * seconds / (now() - since));
            since = now();
            from = n->step;
        }
        if (now() - saved > SAVE_EVERY) {
            postnet_save(&file);
            saved = now();
        }
    }
    postnet_save(&file);
    return n->step < n->l->steps;
}

/* --- Result ----------------------------------------------------------------- */

static void append(struct snapshot *b, const struct corrector *m)
{
    const struct params *p = m->p;

    b->post = m->post;
    b->blobs = g_realloc_n(b->blobs, (size_t)(b->own + p->count), sizeof(*b->blobs));
    for (int i = 0; i < p->count; i++)
        b->blobs[b->count++] = (struct telu_blob){ snapshot_tensor(&p->all[i]),
                                                   telu_tensor_bytes(&p->all[i].t) };
}

int learn_postnet(struct snapshot *b, const struct dataset *data, const struct learning *l)
{
    struct learner n = { .l = l };
    struct postnet_file file;
    int stopped;

    init(&n, b, data);
    file = file_of(&n);
    printf("learning a post-network of %d x %d: %zu weights, %ld steps\n", l->post.blocks,
           l->post.width, n.m->p->total, l->steps);
    if (!postnet_load(&file))
        printf("from %s: step %ld\n", l->checkpoint, n.step);
    else if (l->init && !init_postnet(n.m->p, &l->post, l->init))
        printf("from the post-network in %s\n", l->init);
    fflush(stdout);
    stopped = run(&n);
    if (stopped)
        printf("interrupted after step %ld; the same command goes on\n", n.step);
    else
        append(b, n.m);
    release(&n);
    return stopped;
}
