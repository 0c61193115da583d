/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tree.c - see tree.h. */
#include "tree.h"

#include "error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POWER_ROUNDS 30        /* of the power iteration */
#define MEANS_ROUNDS 8         /* of balanced 2-means after it */

struct key {
    float at;                  /* along the direction */
    int code;
};

struct tree {
    const float *book, *usage;
    int dim;
    struct key *key;           /* [codes] */
    double *mean, *dir, *next; /* [dim] */
};

static int by_place(const void *a, const void *b)
{
    const struct key *p = a, *q = b;

    if (p->at != q->at)
        return p->at < q->at ? -1 : 1;
    return p->code - q->code;
}

/* Computes the weighted mean of n codes. An unused code still counts a little, because it
 * needs a place. */
static void mean_of(const struct tree *t, double *mean, const int *code, int n)
{
    double total = 0;

    memset(mean, 0, t->dim * sizeof(*mean));
    for (int i = 0; i < n; i++) {
        const double w = t->usage ? t->usage[code[i]] + 1e-3 : 1.0;

        total += w;
        for (int d = 0; d < t->dim; d++)
            mean[d] += w * t->book[code[i] * t->dim + d];
    }
    for (int d = 0; d < t->dim; d++)
        mean[d] /= total;
}

/* Finds the direction of most spread around t->mean, by power iteration. */
static void principal(struct tree *t, const int *code, int n)
{
    for (int d = 0; d < t->dim; d++)
        t->dir[d] = 1.0 + 0.01 * d;   /* not orthogonal to any axis */
    for (int round = 0; round < POWER_ROUNDS; round++) {
        double length = 0;

        memset(t->next, 0, t->dim * sizeof(*t->next));
        for (int i = 0; i < n; i++) {
            const float *x = t->book + code[i] * t->dim;
            double along = 0;

            for (int d = 0; d < t->dim; d++)
                along += (x[d] - t->mean[d]) * t->dir[d];
            if (t->usage)
                along *= t->usage[code[i]] + 1e-3;
            for (int d = 0; d < t->dim; d++)
                t->next[d] += along * (x[d] - t->mean[d]);
        }
        for (int d = 0; d < t->dim; d++)
            length += t->next[d] * t->next[d];
        if (length == 0)
            return;            /* all codes coincide: any direction serves */
        for (int d = 0; d < t->dim; d++)
            t->dir[d] = t->next[d] / sqrt(length);
    }
}

/* Sorts the codes along t->dir, so that the halves lie left and right. */
static void part(struct tree *t, int *code, int n)
{
    for (int i = 0; i < n; i++) {
        double along = 0;

        for (int d = 0; d < t->dim; d++)
            along += t->book[code[i] * t->dim + d] * t->dir[d];
        t->key[i] = (struct key){ along, code[i] };
    }
    qsort(t->key, n, sizeof(*t->key), by_place);
    for (int i = 0; i < n; i++)
        code[i] = t->key[i].code;
}

static void order_range(struct tree *t, int *code, int n)
{
    if (n < 2)
        return;
    mean_of(t, t->mean, code, n);
    principal(t, code, n);
    part(t, code, n);
    for (int round = 0; round < MEANS_ROUNDS && n > 2; round++) {
        mean_of(t, t->mean, code, n / 2);
        mean_of(t, t->dir, code + n / 2, n / 2);
        for (int d = 0; d < t->dim; d++)
            t->dir[d] -= t->mean[d];
        part(t, code, n);
    }
    order_range(t, code, n / 2);
    order_range(t, code + n / 2, n / 2);
}

int tree_order(int *order, const float *book, int codes, int dim, const float *usage)
{
    struct key *key = malloc(codes * sizeof(*key));
    double *scratch = malloc(3 * dim * sizeof(*scratch));
    struct tree t = { book, usage, dim, key, scratch, scratch + dim, scratch + 2 * dim };

    if (!key || !scratch) {
        free(key);
        free(scratch);
        return telu_fail("no memory to order %d codes", codes);
    }
    for (int i = 0; i < codes; i++)
        order[i] = i;
    order_range(&t, order, codes);
    free(key);
    free(scratch);
    return 0;
}

int tree_permute(float *rows, int codes, int width, const int *order)
{
    const size_t bytes = (size_t)codes * width * sizeof(*rows);
    float *old = malloc(bytes);

    if (!old)
        return telu_fail("no memory to permute %d codes", codes);
    memcpy(old, rows, bytes);
    for (int i = 0; i < codes; i++)
        memcpy(rows + (size_t)i * width, old + (size_t)order[i] * width,
               width * sizeof(*rows));
    free(old);
    return 0;
}
