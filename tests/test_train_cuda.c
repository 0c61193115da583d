/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_train_cuda.c - training on the module's device against training on the CPU:
 * twenty steps from the same seed, a step's waits and allocations, sounds that are no
 * numbers, and what does not fit. The losses alone: test_loss_cuda.c. */
#include "expect.h"
#include "gemm.h"
#include "memory.h"
#include "module.h"
#include "rng.h"
#include "schedule.h"
#include "shim_of.h"
#include "step.h"
#include "training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS 3
#define PACKETS 6
#define STEPS 20
#define DECAY 0.6f             /* quick: codes die and begin anew in 20 steps */
#define HITS (3 * 16)          /* stages and codes of tiny() */

static const struct telu_module *module;
static const struct telu_training *ops;

static struct telu_config tiny(void)
{
    struct telu_config c = {
        .enc_width = 32, .enc_blocks = 2, .dec_width = 40, .dec_blocks = 1,
        .kernel = 3, .expand = 2, .latent = 24, .stages = 3, .codes = 16,
        .dim = { 16, 9, 8 }, .env_stages = 1,
    };

    return c;
}

static struct trainer *fresh(void)
{
    struct telu_config c = tiny();

    return trainer_new(&c, ITEMS, PACKETS, 7);
}

/* Batch `step`: a glide with noise, louder and softer; stages descending. */
static void fill(float *x, int *stages, int stride, int step)
{
    struct rng rng;

    rng_seed(&rng, 100 + (uint64_t)step);
    for (int b = 0; b < ITEMS; b++) {
        float level = 0.02f + 0.1f * (float)b, phase = rng_uniform(&rng, 0.0f, 6.0f);

        for (int i = 0; i < stride; i++)
            x[(size_t)b * stride + i] =
                level * (sinf(phase + (float)i * (0.05f + 0.01f * (float)b)) +
                         0.2f * rng_normal(&rng));
        stages[b] = b == 0 ? 3 : b == 1 ? 2 + step % 2 : 1 + step % 2;
    }
}

/* --- The device's trainer ----------------------------------------------- */

struct remote {
    void *t;
    struct trainer *host;      /* whose arrays the state goes to */
    struct trainer *start;     /* as it began */
    uint32_t hits[HITS];
    struct telu_train_state s;
};

static int said(int bad, const char *what)
{
    if (bad) {
        failed = 1;
        printf("%s: %s\n", what, module->error());
    }
    return bad;
}

/* What t has learnt, in its own arrays but for the hits. */
static struct telu_train_state state_of(struct trainer *t, uint32_t *hits)
{
    const struct vq *v = t->model->vq;

    for (int s = 0; s < v->stages; s++)
        memcpy(hits + s * v->codes, v->s[s].hits, sizeof(*hits) * v->codes);
    return (struct telu_train_state){
        t->model->p->value, t->model->p->books, t->adam.m, t->adam.v, v->state,
        hits, { t->balance.norm[0], t->balance.norm[1], t->balance.norm[2] },
        t->adam.step, t->skipped, v->restarts, v->ready, v->chance,
    };
}

static struct remote *remote(enum telu_precision precision)
{
    struct remote *r = zeroed(sizeof(*r));
    struct telu_config c = tiny();

    r->host = fresh();
    r->start = fresh();
    r->s = state_of(r->host, r->hits);
    r->t = ops->open(0, &c, ITEMS, PACKETS, precision);
    if (said(!r->t, "open") || said(ops->put(r->t, &r->s), "put"))
        exit(1);
    return r;
}

static void remote_free(struct remote *r)
{
    ops->close(r->t);
    trainer_free(r->host);
    trainer_free(r->start);
    free(r);
}

static void begin(struct remote *r, int step)
{
    int stages[ITEMS];

    fill(ops->staging(r->t, step % TELU_TRAIN_STAGING), stages, r->host->stride, step);
    said(ops->step(r->t, step % TELU_TRAIN_STAGING, stages,
                   1e-3f * schedule_rate(step, 0.5), DECAY), "step");
}

/* --- Twenty steps ------------------------------------------------------- */

/* How far apart device and CPU may be, relatively but for the choices. */
struct bounds {
    double loss, norm;         /* of a step */
    double path, books;        /* after it: weights, by the way of the CPU's; codebooks */
    int choices;               /* of all 840 */
    double alone;              /* losses, when each goes on from its own state */
};

static double distance(const float *a, const float *b, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++)
        sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return sqrt(sum);
}

static double ratio(double a, double b)
{
    return fabs(a - b) / (fabs(b) + 1e-12);
}

static double loss_apart(const struct telu_train_result *a, const struct step_result *b)
{
    double far = ratio(a->mel, b->loss.mel);

    far = fmax(far, ratio(a->cpx, b->loss.cpx));
    far = fmax(far, ratio(a->wave, b->loss.wave));
    return fmax(far, ratio(a->commit, b->commit));
}

/* The state after a step that the CPU began with the weights `before`, and with `hits`. */
static void compare_state(const struct remote *r, struct trainer *cpu, const float *before,
                          const uint32_t *hits, struct bounds *worst)
{
    const struct params *p = cpu->model->p, *q = r->host->model->p;
    const struct params *start = r->start->model->p;
    uint32_t now[HITS];
    struct telu_train_state s = state_of(cpu, now);
    long used = 0, other = 0;

    for (int i = 0; i < HITS; i++) {
        used += now[i] - hits[i];
        other += labs((long)now[i] - (long)r->hits[i]);
    }
    check(used > 0, "choices of a step", (double)used);
    worst->choices += (int)(other / 2);
    worst->path = fmax(worst->path, distance(q->value, p->value, p->total) /
                                    distance(before, p->value, p->total));
    worst->books = fmax(worst->books, distance(q->books, p->books, p->books_total) /
                                      distance(start->books, p->books, p->books_total));
    for (int i = 0; i < 3; i++)
        worst->norm = fmax(worst->norm, ratio(r->s.balance[i], s.balance[i]));
    check(labs((long)r->s.restarts - (long)s.restarts) <= other, "codes that began anew",
          r->s.restarts);
    check(r->s.adam_step == s.adam_step, "steps of AdamW", (double)r->s.adam_step);
    check(r->s.ready == s.ready, "codebooks ready", r->s.ready);
    check(r->s.chance.step == s.chance.step && r->s.chance.key == s.chance.key,
          "chance has moved otherwise", (double)r->s.chance.step);
}

static struct step_result step_of(struct trainer *cpu, int i)
{
    fill(cpu->x, cpu->stages, cpu->stride, i);
    return trainer_step(cpu, 1e-3f * schedule_rate(i, 0.5), DECAY);
}

/* Twenty steps of the CPU, each also taken by the device, from the CPU's state. */
static void test_steps(enum telu_precision precision, const char *name,
                       const struct bounds *b)
{
    struct remote *r = remote(precision);
    struct trainer *cpu = fresh();
    const struct params *p = cpu->model->p;
    float *before = zeroed(sizeof(*before) * p->total);
    struct bounds worst = { 0 };

    for (int i = 0; i < STEPS; i++) {
        uint32_t hits[HITS];
        struct telu_train_state s = state_of(cpu, hits);
        struct telu_train_result got;
        struct step_result want;

        memcpy(before, p->value, sizeof(*before) * p->total);
        said(ops->put(r->t, &s), "put");
        begin(r, i);
        check(ops->results(r->t, &got, 1) == 1, "results", 0);
        said(ops->get(r->t, &r->s), "get");
        want = step_of(cpu, i);
        worst.loss = fmax(worst.loss, loss_apart(&got, &want));
        worst.norm = fmax(worst.norm, ratio(got.norm, want.norm));
        compare_state(r, cpu, before, hits, &worst);
    }
    printf("%s, a step: losses %.2g apart, norms %.2g; then weights %.2g of its way, "
           "codebooks %.2g; choices %d; %u codes began anew\n", name, worst.loss,
           worst.norm, worst.path, worst.books, worst.choices, cpu->model->vq->restarts);
    check(worst.loss < b->loss, "losses are apart", worst.loss);
    check(worst.norm < b->norm, "norms are apart", worst.norm);
    check(worst.path < b->path, "weights are apart, of their way", worst.path);
    check(worst.books < b->books, "codebooks are apart, of their size", worst.books);
    check(worst.choices <= b->choices, "choices are apart", worst.choices);
    check(cpu->model->vq->restarts > 0, "codes that began anew", 0);
    free(before);
    trainer_free(cpu);
    remote_free(r);
}

/* The same steps, each from its own state. */
static void test_alone(enum telu_precision precision, const char *name,
                       const struct bounds *b)
{
    struct telu_train_result got[STEPS];
    struct remote *r = remote(precision);
    struct trainer *cpu = fresh();
    double worst = 0.0;

    for (int i = 0; i < STEPS; i++)
        begin(r, i);
    check(ops->results(r->t, got, STEPS) == STEPS, "results", 0);
    for (int i = 0; i < STEPS; i++) {
        struct step_result want = step_of(cpu, i);

        worst = fmax(worst, loss_apart(&got[i], &want));
    }
    printf("%s, %d steps alone: losses %.2g apart\n", name, STEPS, worst);
    check(worst < b->alone, "losses are apart", worst);
    trainer_free(cpu);
    remote_free(r);
}

/* More rows than the search and the sums of a code take at a time. */
static void test_many_rows(void)
{
    enum { MANY = 70, LONG = 120 };
    struct telu_config c = tiny();
    struct trainer *cpu = trainer_new(&c, MANY, LONG, 7), *host = trainer_new(&c, MANY, LONG, 7);
    size_t n = (size_t)MANY * cpu->stride;
    uint32_t hits[HITS], now[HITS];
    struct telu_train_state s = state_of(host, hits);
    struct telu_train_result got;
    struct step_result want;
    void *t = ops->open(0, &c, MANY, LONG, TELU_TRAIN_FP32);
    float *x = t ? ops->staging(t, 0) : NULL;
    float *start = zeroed(sizeof(*start) * host->model->p->books_total);
    long used = 0, other = 0;
    struct rng rng;
    double far;

    if (said(!x, "a large batch"))
        exit(1);
    rng_seed(&rng, 5);
    for (size_t i = 0; i < n; i++)
        x[i] = cpu->x[i] = 0.1f * rng_normal(&rng);
    for (int b = 0; b < MANY; b++)
        cpu->stages[b] = b < MANY - 1 ? 3 : 1;
    said(ops->put(t, &s), "put");
    said(ops->step(t, 0, cpu->stages, 1e-3f, DECAY), "step");
    check(ops->results(t, &got, 1) == 1, "results", 0);
    said(ops->get(t, &s), "get");
    want = trainer_step(cpu, 1e-3f, DECAY);
    state_of(cpu, now);
    for (int i = 0; i < HITS; i++) {
        used += now[i];
        other += labs((long)now[i] - (long)hits[i]);
    }
    printf("%d rows: losses %.2g apart, choices %ld of %ld\n", MANY * LONG,
           loss_apart(&got, &want), other / 2, used);
    check(loss_apart(&got, &want) < 1e-4, "losses are apart", loss_apart(&got, &want));
    far = distance(host->model->p->books, cpu->model->p->books, cpu->model->p->books_total) /
          distance(start, cpu->model->p->books, cpu->model->p->books_total);
    check(far < 1e-3, "codebooks are apart, of their size", far);
    check(used > 8192 && other * 500 <= used, "choices are apart", (double)other / 2);
    free(start);
    ops->close(t);
    trainer_free(cpu);
    trainer_free(host);
}

static int same(const struct remote *a, const struct remote *b)
{
    const struct params *p = a->host->model->p, *q = b->host->model->p;
    const struct vq *v = a->host->model->vq, *w = b->host->model->vq;

    return !memcmp(p->value, q->value, sizeof(float) * p->total) &&
           !memcmp(p->books, q->books, sizeof(float) * p->books_total) &&
           !memcmp(a->host->adam.m, b->host->adam.m, sizeof(float) * p->total) &&
           !memcmp(a->host->adam.v, b->host->adam.v, sizeof(float) * p->total) &&
           !memcmp(v->state, w->state, sizeof(float) * v->state_total) &&
           !memcmp(a->hits, b->hits, sizeof(a->hits)) &&
           !memcmp(a->s.balance, b->s.balance, sizeof(a->s.balance)) &&
           a->s.adam_step == b->s.adam_step && a->s.skipped == b->s.skipped &&
           a->s.restarts == b->s.restarts && a->s.ready == b->s.ready &&
           !memcmp(&a->s.chance, &b->s.chance, sizeof(a->s.chance));
}

static int sum_alone(void *user, float *x, size_t n, void *stream)
{
    (void)x;
    (void)stream;
    *(size_t *)user += n;
    return 0;
}

/* Twice the same; once with a look, and the state out and in again, halfway; once as
 * the only rank of several. */
static void test_again(enum telu_precision precision)
{
    struct remote *a = remote(precision), *b = remote(precision);
    struct remote *c = remote(precision);
    struct telu_train_result got[2][6];
    size_t summed = 0;

    said(ops->reduce(c->t, sum_alone, &summed, 0, 1), "reduce");
    for (int i = 0; i < 6; i++) {
        begin(a, i);
        begin(b, i);
        begin(c, i);
        if (i == 2) {
            said(ops->get(b->t, &b->s), "get");
            said(ops->put(b->t, &b->s), "put");
        }
    }
    check(ops->results(a->t, got[0], 6) == 6 && ops->results(b->t, got[1], 6) == 6,
          "results", 0);
    check(!memcmp(got[0], got[1], sizeof(got[0])), "two runs tell other losses", 0);
    said(ops->get(a->t, &a->s) || ops->get(b->t, &b->s) || ops->get(c->t, &c->s),
         "get");
    check(same(a, b), "two runs end in other bits", 0);
    check(same(a, c), "one rank of one ends in other bits", 0);
    check(summed > 6 * c->host->model->p->total, "floats summed over ranks",
          (double)summed);
    memset(a->host->model->p->value, 0, sizeof(float));
    check(!same(a, b), "weights that differ are taken for equal", 0);
    remote_free(a);
    remote_free(b);
    remote_free(c);
}

/* --- Bad cases ---------------------------------------------------------- */

/* One sample that is no number costs a step, not the network, nor a codebook. */
static void test_nan(void)
{
    struct remote *a = remote(TELU_TRAIN_FP32), *b = remote(TELU_TRAIN_FP32);
    struct telu_train_result got[3];
    int stages[ITEMS];
    float *x;

    begin(a, 0);
    begin(b, 0);
    x = ops->staging(a->t, 1);
    fill(x, stages, a->host->stride, 1);
    x[a->host->stride + 500] = NAN;
    said(ops->step(a->t, 1, stages, 1e-3f, DECAY), "step");
    check(ops->results(a->t, got, 3) == 2, "results", 0);
    check(isfinite(got[0].norm) && !isfinite(got[1].norm), "norm of a NaN", got[1].norm);
    said(ops->get(a->t, &a->s) || ops->get(b->t, &b->s), "get");
    check(a->s.skipped == 1 && a->s.adam_step == 1, "steps skipped",
          (double)a->s.skipped);
    check(a->s.chance.step == 2, "draws", (double)a->s.chance.step);
    a->s.skipped = 0;
    a->s.chance.step = 1;
    check(same(a, b), "a NaN has left traces", 0);
    begin(a, 2);               /* and nothing of it stays in the arrays */
    check(ops->results(a->t, got, 3) == 1 && isfinite(got[0].norm),
          "norm after a NaN", got[0].norm);
    remote_free(a);
    remote_free(b);
}

static void test_limits(void)
{
    struct telu_config c = tiny();
    struct remote *r = remote(TELU_TRAIN_FP32);
    const int stages[ITEMS] = { 3, 2, 1 };
    struct telu_train_result got[TELU_TRAIN_RESULTS];
    int n = 0;

    check(!ops->open(0, &c, 4096, 3000, TELU_TRAIN_FP32), "a batch of 12 M packets", 0);
    check(strstr(module->error(), "too large") != NULL, module->error(), 0);
    check(!ops->open(0, &c, 4, 2, TELU_TRAIN_FP32), "segments of two packets", 0);
    c.codes = 15;
    check(!ops->open(0, &c, 4, 10, TELU_TRAIN_FP32), "15 codes", 0);
    check(strstr(module->error(), "codes") != NULL, module->error(), 0);
    check(!ops->staging(r->t, TELU_TRAIN_STAGING), "a fifth batch", 0);
    check(ops->step(r->t, -1, stages, 1e-3f, DECAY) == -1, "batch -1", 0);
    while (n <= TELU_TRAIN_RESULTS && !ops->step(r->t, 0, stages, 1e-3f, DECAY))
        n++;
    check(n == TELU_TRAIN_RESULTS, "steps without a look", n);
    check(ops->results(r->t, got, 4) == 4 &&
          ops->results(r->t, got, TELU_TRAIN_RESULTS) == TELU_TRAIN_RESULTS - 4,
          "results in two parts", 0);
    remote_free(r);
}

/* --- What only the shim can tell ---------------------------------------- */

static void test_counts(const struct shim *shim)
{
    struct remote *r = remote(TELU_TRAIN_BF16);
    struct telu_shim_counts a, b;
    struct telu_train_result got[8];
    int stages[ITEMS];

    for (int i = 0; i < TELU_TRAIN_STAGING; i++) {
        fill(ops->staging(r->t, i), stages, r->host->stride, i);
        said(ops->step(r->t, i, stages, 1e-3f, DECAY), "step");
    }
    shim->count(&a);
    for (int i = 0; i < TELU_TRAIN_STAGING; i++)
        said(ops->step(r->t, i, stages, 1e-3f, DECAY), "step");
    shim->count(&b);
    check(b.allocations + b.pinned == a.allocations + a.pinned, "allocations in steps",
          (double)(b.allocations + b.pinned - a.allocations - a.pinned));
    check(b.frees == a.frees, "frees in steps", (double)(b.frees - a.frees));
    check(b.waits == a.waits, "waits in steps", (double)(b.waits - a.waits));
    check(b.launches == a.launches && b.library == a.library,
          "launches beside the graph", (double)(b.launches - a.launches));
    check(b.graph_launches - a.graph_launches == TELU_TRAIN_STAGING, "graphs",
          (double)(b.graph_launches - a.graph_launches));
    check(b.graphs == a.graphs, "graphs made", (double)(b.graphs - a.graphs));
    check(ops->results(r->t, got, 8) == 8, "results", 0);
    printf("a step is %ld kernels and library calls in one graph, %ld copies\n",
           (b.graph_kernels - a.graph_kernels) / TELU_TRAIN_STAGING,
           (b.copies - a.copies) / TELU_TRAIN_STAGING);
    remote_free(r);
}

/* Whatever the size of the device: no crash, no leak, and a sentence. */
static void test_memory(const struct shim *shim)
{
    struct telu_shim_counts before, after;
    struct telu_config c = tiny();
    int refused = 0;

    shim->count(&before);
    for (size_t size = 1 << 12; size < (size_t)1 << 28; size *= 4) {
        void *t;

        shim->set_memory(size);
        t = ops->open(0, &c, ITEMS, PACKETS, TELU_TRAIN_FP32);
        refused += !t;
        check(t || strstr(module->error(), "memory"), module->error(), (double)size);
        ops->close(t);
    }
    shim->set_memory((size_t)1 << 34);
    shim->count(&after);
    check(refused > 2, "sizes refused", refused);
    check(after.alive == before.alive && after.alive_pinned == before.alive_pinned,
          "bytes left behind", (double)(after.alive - before.alive));
}

/* After a fault nothing works, nothing hangs, and closing is harmless. */
static void test_fault(const struct shim *shim)
{
    struct remote *r = remote(TELU_TRAIN_FP32);
    struct telu_train_result got[8];
    int stages[ITEMS] = { 3, 2, 1 }, bad = 0;

    begin(r, 0);
    begin(r, 1);
    check(ops->results(r->t, got, 8) == 2, "results", 0);
    shim->fault_after(1);
    for (int i = 0; i < 4; i++)
        bad += ops->step(r->t, i, stages, 1e-3f, DECAY) == -1;
    bad += ops->results(r->t, got, 8) == -1;
    bad += ops->get(r->t, &r->s) == -1;
    check(bad >= 3, "calls that failed after a fault", bad);
    check(strstr(module->error(), "illegal") != NULL, module->error(), 0);
    remote_free(r);
    shim->fault_after(-1);
    shim->reset();
}

/* With an argument: but for the long one. */
int main(int argc, char **argv)
{
    /* From one state sums in another order are 1e-7 apart. Steps from states of their own
     * drift, until a row that lies between two codes takes the other one: that is a percent
     * of a commitment of so few rows. With bf16 a product is off by 1/300, and some rows
     * take another code at once. */
    const struct bounds fp32 = { 1e-4, 2e-3, 0.05, 1e-3, 0, 0.3 };
    const struct bounds bf16 = { 0.1, 0.2, 0.4, 0.15, 40, 0.5 };
    const struct shim *shim;

    (void)argv;
    module = telu_module_open(NULL);
    if (!module || module->devices() < 1) {
        printf("%s\n", module ? module->error() : telu_error());
        return 77;
    }
    ops = module->training;
    shim = shim_of_module();
    gemm_threads(1);
    test_steps(TELU_TRAIN_FP32, "fp32", &fp32);
    test_steps(TELU_TRAIN_BF16, "bf16", &bf16);
    test_alone(TELU_TRAIN_FP32, "fp32", &fp32);
    test_alone(TELU_TRAIN_BF16, "bf16", &bf16);
    if (argc < 2)
        test_many_rows();
    test_again(TELU_TRAIN_FP32);
    test_again(TELU_TRAIN_BF16);
    test_nan();
    test_limits();
    if (shim) {
        test_counts(shim);
        test_memory(shim);
        test_fault(shim);
    }
    return failed;
}
