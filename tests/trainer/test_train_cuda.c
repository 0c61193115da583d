/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_train_cuda.c - compares training on the module's device with the CPU: twenty steps
 * from the same seed, and one of many rows. test_loss_cuda.c compares the losses,
 * test_train_life.c tests the other promises of a trainer on a device. */
#include "remote.h"

#define STEPS 20

/* --- Twenty steps ------------------------------------------------------- */

/* Largest relative differences between device and CPU; for the choices, their number. */
struct bounds {
    double loss, balance;      /* of a step: losses, and the norms that balance them */
    double norm;               /* of the gradient, mean over the steps: a row that takes another
                                * code may change one step's by a third */
    double path, books;        /* after it: weights, relative to the CPU's path; codebooks */
    int choices;               /* of all 840 */
    double drift;              /* losses, when each continues from its own state */
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

/* Compares the states after a step that the CPU began with the weights `before` and
 * `hits`. */
static void compare_state(const struct remote *r, struct trainer *cpu, const float *before,
                          const uint32_t *hits, struct bounds *worst)
{
    const struct params *p = cpu->model->p, *q = r->host->model->p;
    const struct params *start = r->start->model->p;
    const uint32_t *now = cpu->model->vq->hits;
    struct telu_train_state s = trainer_state(cpu);
    long used = 0, other = 0;

    for (int i = 0; i < HITS; i++) {
        used += now[i] - hits[i];
        other += labs((long)now[i] - (long)r->s.hits[i]);
    }
    check(used > 0, "choices of a step", (double)used);
    worst->choices += (int)(other / 2);
    worst->path = fmax(worst->path, distance(q->value, p->value, p->total) /
                                    distance(before, p->value, p->total));
    worst->books = fmax(worst->books, distance(q->books, p->books, p->books_total) /
                                      distance(start->books, p->books, p->books_total));
    for (int i = 0; i < 3; i++)
        worst->balance = fmax(worst->balance, ratio(r->s.balance.norm[i], s.balance.norm[i]));
    check(labs((long)r->s.restarts - (long)s.restarts) <= other, "codes that began anew",
          r->s.restarts);
    check(r->s.adam_step == s.adam_step, "steps of AdamW", (double)r->s.adam_step);
    check(r->s.ready == s.ready, "codebooks ready", r->s.ready);
    check(r->s.rng.step == s.rng.step && r->s.rng.key == s.rng.key,
          "the counter RNG has moved otherwise", (double)r->s.rng.step);
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
        struct telu_train_state s = trainer_state(cpu);
        struct telu_train_result got;
        struct step_result want;

        memcpy(before, p->value, sizeof(*before) * p->total);
        memcpy(hits, s.hits, sizeof(hits));
        said(ops->put(r->t, &s), "put");
        begin(r, i);
        check(ops->results(r->t, &got, 1) == 1, "results", 0);
        said(ops->get(r->t, &r->s), "get");
        want = step_of(cpu, i);
        worst.loss = fmax(worst.loss, loss_apart(&got, &want));
        worst.norm += ratio(got.norm, want.norm) / STEPS;
        compare_state(r, cpu, before, hits, &worst);
    }
    printf("%s, a step: losses %.2g apart, balance %.2g, norms %.2g; then weights %.2g of its "
           "way, codebooks %.2g; choices %d; %u codes began anew\n", name, worst.loss,
           worst.balance, worst.norm, worst.path, worst.books, worst.choices,
           cpu->model->vq->restarts);
    check(worst.loss < b->loss, "losses are apart", worst.loss);
    check(worst.balance < b->balance, "balances are apart", worst.balance);
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
static void test_drift(enum telu_precision precision, const char *name,
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
    printf("%s, %d steps from own states: losses %.2g apart\n", name, STEPS, worst);
    check(worst < b->drift, "losses are apart", worst);
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
    const uint32_t *hits = host->model->vq->hits, *now = cpu->model->vq->hits;
    struct telu_train_state s = trainer_state(host);
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

/* An argument leaves out the long test. */
int main(int argc, char **argv)
{
    /* Sums in another order differ by 1e-7 from one state. Steps from separate states
     * drift until a row between two codes takes the other one: one percent of the
     * commitment of so few rows. A bf16 product is off by 1/300, and some rows take
     * another code at once. */
    const struct bounds fp32 = { 1e-4, 2e-3, 2e-4, 0.05, 1e-3, 0, 0.3 };
    const struct bounds bf16 = { 0.1, 0.2, 0.1, 0.4, 0.15, 40, 0.5 };
    int none = open_module();

    (void)argv;
    if (none)
        return none;
    test_steps(TELU_TRAIN_FP32, "fp32", &fp32);
    test_steps(TELU_TRAIN_BF16, "bf16", &bf16);
    test_drift(TELU_TRAIN_FP32, "fp32", &fp32);
    test_drift(TELU_TRAIN_BF16, "bf16", &bf16);
    if (argc < 2)
        test_many_rows();
    return failed;
}
