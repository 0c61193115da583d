/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_train_life.c - tests a trainer on the module's device: equal bits on each run,
 * sounds with NaN, sizes that do not fit; and on the shim a step's waits and allocations,
 * a full device, and a failing one. */
#include "remote.h"
#include "shim_of.h"

static int sum_alone(void *user, float *x, size_t n, void *stream)
{
    (void)x;
    (void)stream;
    *(size_t *)user += n;
    return 0;
}

/* Two runs agree to the bit; so do one whose state is read out and put back halfway, and
 * one that is the only rank of its group. */
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
    check(!memcmp(got[0], got[1], sizeof(got[0])), "two runs have other losses", 0);
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

/* One NaN sample skips one step and changes neither the network nor a codebook. */
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
    check(a->s.rng.step == 2, "draws", (double)a->s.rng.step);
    a->s.skipped = 0;
    a->s.rng.step = 1;
    check(same(a, b), "a NaN has left traces", 0);
    begin(a, 2);               /* and the arrays keep nothing of it */
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

/* --- Counters of the shim ----------------------------------------------- */

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

/* A device of any size gives no crash, no leak, and an error text. */
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
        check(t || module->status() == TELU_ERR_NO_MEMORY, module->error(), (double)size);
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

int main(void)
{
    int none = open_module();
    const struct shim *shim;

    if (none)
        return none;
    shim = shim_of_module();
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
