/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_ranks.c - tests one rank of several, started by mpirun. Sums have the bits of
 * adding in the order of ranks; the ranks' shares make up the batch; ranks that learn
 * from their shares stay equal to each other and near a trainer of the whole batch. The
 * argument "differ" makes the last rank claim other weights, and all must end. */
#include "checkpoint.h"
#include "expect.h"
#include "gemm.h"
#include "memory.h"
#include "parallel.h"
#include "wav.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 12
#define STEPS 20
#define SECONDS 4

/* Only the order of sums differs; a row that takes another code by it changes a
 * thousandth of the gradient. Such steps add up: a trainer with samples changed by 1e-7
 * drifts as far from its twin in STEPS as the ranks do from one trainer. */
#define RATE 1e-4f
#define NEAR 5e-3              /* gradient, from equal weights, relative to its length */
#define NEAR_BOOKS 1e-3        /* codebooks, relative to their length */
#define FAR 3e-2               /* weights after STEPS, relative to their path */
#define FAR_BOOKS 1e-1

static struct telu_config tiny(void)
{
    struct telu_config c = {
        .enc_width = 64, .enc_blocks = 1, .dec_width = 64, .dec_blocks = 1,
        .kernel = 3, .expand = 2, .latent = 32, .stages = 6, .codes = 64,
        .dim = { 16, 16, 8, 8, 8, 8 }, .env_stages = 1,
    };

    return c;
}

/* Returns values of such different sizes that any other order of summing shows. */
static float value(int rank, size_t i)
{
    const struct counter_rng c = { .key = 5 };
    uint64_t bits = counter_rng_bits(c, rank, (int)i, 0);

    return ldexpf(counter_rng_normal(bits), (int)(bits % 21) - 10);
}

static void test_sum(size_t n)
{
    float *x = floats(n + 1);
    double wrong = 0.0, two[] = { 1.0 + parallel_rank(), 1e-9 };
    int ranks = parallel_ranks();

    for (size_t i = 0; i < n; i++)
        x[i] = value(parallel_rank(), i);
    x[n] = 7.0f;
    reduce_sum(parallel_reduce(), x, n);
    for (size_t i = 0; i < n; i++) {
        float sum = value(0, i);

        for (int r = 1; r < ranks; r++)
            sum += value(r, i);
        wrong += sum != x[i];
    }
    check(wrong == 0.0, "elements summed in another order", wrong);
    check(x[n] == 7.0f, "what follows the sums", x[n]);
    parallel_sum(two, 2);
    check(two[0] == ranks * (ranks + 1) / 2, "sum of doubles", two[0]);
    check(fabs(two[1] - ranks * 1e-9) < 1e-20, "sum of small doubles", two[1]);
    free(x);
}

static void test_share(void)
{
    char word[] = "others";

    if (!parallel_rank())
        strcpy(word, "first!");
    parallel_share(word, sizeof(word));
    check(!strcmp(word, "first!"), "what rank 0 shared is not here", parallel_rank());
}

/* Returns the distance of a and b as a share of the distance from `start` to a. */
static double apart(const float *a, const float *b, const float *start, size_t n)
{
    double difference = 0.0, moved = 1e-30;

    for (size_t i = 0; i < n; i++) {
        difference += pow(a[i] - b[i], 2.0);
        moved += pow(a[i] - start[i], 2.0);
    }
    return sqrt(difference / moved);
}

static void compare_shares(const struct trainer *one, const struct trainer *many)
{
    int ranks = parallel_ranks();

    for (int b = 0; b < many->B; b++) {
        int i = b * ranks + parallel_rank();

        check(!memcmp(many->x + (size_t)b * many->stride,
                      one->x + (size_t)i * one->stride, sizeof(float) * one->stride),
              "another crop than the one that was dealt", i);
        check(many->stages[b] == one->stages[i], "stages of a dealt item",
              many->stages[b]);
    }
}

/* Copies everything but the batch. */
static void copy_state(struct trainer *to, const struct trainer *from)
{
    struct vq *v = to->model->vq;
    const struct vq *w = from->model->vq;
    size_t n = sizeof(float) * from->model->p->total;

    memcpy(to->model->p->value, from->model->p->value, n);
    memcpy(to->model->p->books, from->model->p->books,
           sizeof(float) * from->model->p->books_total);
    memcpy(to->adam.m, from->adam.m, n);
    memcpy(to->adam.v, from->adam.v, n);
    to->adam.step = from->adam.step;
    memcpy(v->state, w->state, sizeof(float) * w->state_total);
    v->ready = w->ready;
    v->rng = w->rng;
    v->restarts = w->restarts;
    to->balance = from->balance;
    to->rng = from->rng;
}

struct pair {
    struct trainer *one, *many;
    float *start, *none;
};

static struct pair pair_new(void)
{
    struct telu_config c = tiny();
    struct pair a = { trainer_new(&c, BATCH, 25, 1),
                      trainer_new(&c, BATCH / parallel_ranks(), 25, 1) };
    const struct params *p = a.one->model->p;

    trainer_reduce(a.many, parallel_reduce());
    a.start = floats(p->total);
    a.none = floats(p->total > p->books_total ? p->total : p->books_total);
    memcpy(a.start, p->value, sizeof(float) * p->total);
    return a;
}

static void pair_free(struct pair *a)
{
    trainer_free(a->one);
    trainer_free(a->many);
    free(a->start);
    free(a->none);
}

static void step(struct pair *a, const struct dataset *d)
{
    struct step_result x, y;

    trainer_crop(a->one, d);
    trainer_crop(a->many, d);
    compare_shares(a->one, a->many);
    x = trainer_step(a->one, RATE, 0.9f);
    y = trainer_step(a->many, RATE, 0.9f);
    check(fabs(x.norm - y.norm) < 0.02 * x.norm, "length of the gradient", y.norm);
    parallel_compare(checkpoint_sum(a->many), "the weights");
}

/* Each step starts from the state of the trainer with the whole batch. */
static void test_each(const struct dataset *d)
{
    struct pair a = pair_new();
    const struct params *p = a.one->model->p, *q = a.many->model->p;
    double worst = 0.0, books = 0.0;

    for (int i = 0; i < STEPS; i++) {
        step(&a, d);
        worst = fmax(worst, apart(p->grad, q->grad, a.none, p->total));
        books = fmax(books, apart(p->books, q->books, a.none, p->books_total));
        check(a.many->model->vq->restarts == a.one->model->vq->restarts, "restarts",
              a.many->model->vq->restarts);
        copy_state(a.many, a.one);
    }
    check(worst < NEAR, "gradients apart", worst);
    check(books < NEAR_BOOKS, "codebooks apart after a step", books);
    if (!parallel_rank())
        printf("%d ranks and one: gradients %.2g apart, codebooks %.2g; ",
               parallel_ranks(), worst, books);
    pair_free(&a);
}

static void test_all(const struct dataset *d)
{
    struct pair a = pair_new();
    const struct params *p = a.one->model->p, *q = a.many->model->p;
    double far, books;

    for (int i = 0; i < STEPS; i++)
        step(&a, d);
    far = apart(p->value, q->value, a.start, p->total);
    books = apart(p->books, q->books, a.none, p->books_total);
    check(far < FAR, "weights apart", far);
    check(books < FAR_BOOKS, "codebooks apart", books);
    for (int k = 0; k < BALANCE_TERMS; k++)
        check(fabs(a.one->balance.norm[k] / a.many->balance.norm[k] - 1.0) < 1e-2,
              "size of a loss's gradient", a.many->balance.norm[k]);
    if (!parallel_rank())
        printf("after %d steps weights %.2g of the way, codebooks %.2g\n", STEPS, far,
               books);
    pair_free(&a);
}

/* All ranks skip the step when one rank's recording is not finite. */
static void test_poison(const struct dataset *d)
{
    struct telu_config c = tiny();
    struct trainer *t = trainer_new(&c, 2, 25, 1);

    trainer_reduce(t, parallel_reduce());
    for (int i = 0; i < 3; i++) {
        trainer_crop(t, d);
        if (i == 1 && !parallel_rank())
            t->x[1000] = NAN;
        trainer_step(t, 1e-3f, 0.9f);
        parallel_compare(checkpoint_sum(t), "the weights");
    }
    check(t->skipped == 1, "steps left out", (double)t->skipped);
    trainer_free(t);
}

int main(int argc, char **argv)
{
    static float pcm[SECONDS * TELU_RATE];
    struct clip clip = { .pcm = pcm, .n = SECONDS * TELU_RATE, .times = 1 };
    struct dataset d = { .clip = &clip, .n = 1, .total = SECONDS * TELU_RATE };
    double sum;

    gemm_threads(1);
    parallel_start();
    if (parallel_ranks() < 2) {
        printf("test_ranks: started alone, expected mpirun -n 2\n");
        return 1;
    }
    if (argc > 1 && !strcmp(argv[1], "differ")) {
        parallel_compare(parallel_rank() == parallel_ranks() - 1, "the weights");
        return 0;
    }
    wav_voice(pcm, SECONDS * TELU_RATE, 1);
    for (size_t n = 1; n < 30000; n = 3 * n + 1)
        test_sum(n);
    test_sum(4096);
    test_sum(4097);
    test_share();
    test_each(&d);
    test_all(&d);
    test_poison(&d);
    check(parallel_cores() >= 1, "cores", parallel_cores());
    check(parallel_locals() == parallel_ranks(), "ranks here", parallel_locals());
    sum = failed;
    parallel_sum(&sum, 1);
    parallel_end();
    return sum > 0.0;
}
