/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bounds.c - bounds the numbers of the networks from their weights, for any packet and any sound.
 *
 * Sums of integers fit 32 bits for all weights (linear8.h), floats do not: an infinity minus an
 * infinity is a NaN, whose bits differ from machine to machine. An op's largest input bounds its
 * output. norm forgets how large its input was, so a bound grows by what each block adds, never
 * by their product. TELU_MOST_NUMBER leaves room for the squares that norm, the search and the
 * prediction add, and for what synthesis makes of coefficients. gelu's cube may become infinite,
 * which its exp limits. Rounding is too small to matter.
 *
 * The first run takes all weights of a row to be as large as its largest, which is known. Only
 * where that is too much does a second one add up each row, which costs milliseconds.
 */
#include "weights.h"

#include "approx.h"
#include "error.h"
#include "linear8.h"

#include <math.h>
#include <stdlib.h>

#define MOST          TELU_MOST_NUMBER
#define HEAD_GAIN     20.1     /* exp 3: the most that head multiplies by */
#define FEATURE       500.0    /* of the encoder: compand of the transform of TELU_MAX_INPUT */
#define POST_FEATURE  16.0     /* of the post-network: the log of what MOST becomes */

struct walk {
    const struct telu_model *m;
    int exact;                 /* 1: adds up rows */
};

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* Magnitudes are ordered like their bits, whose comparisons become vectors. */
static double largest(const float *x, size_t n)
{
    uint32_t most = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t u = telu_float_bits(x[i]) & 0x7fffffffu;

        most = u > most ? u : most;
    }
    return (double)telu_bits_float(most);
}

/* Fails, naming the tensor, where what it may give is above MOST. index < 0: not of a block. */
static int check(const char *net, int index, const char *part, double bound)
{
    char name[32];

    if (bound <= MOST)
        return 0;
    telu_tensor_name(name, sizeof(name), net, index, part);
    return telu_fail("tensor %s: numbers behind it may reach %.2g, expected weights that keep them "
                     "within %.0g: they would overflow for some sound; take weights of an "
                     "earlier step, or train again with a lower learning rate", name, bound, MOST);
}

/* Sum of |W| over the inputs of an output, in the layout of linear8.h. */
static int row_sum(const struct telu_linear8 *l, int o)
{
    const int pairs = (l->I + 1) / 2, row = 2 * TELU_LINEAR8_PANEL;
    const int8_t *w = l->w + (size_t)(o / TELU_LINEAR8_PANEL) * pairs * row +
                      o % TELU_LINEAR8_PANEL * 2;
    int sum = 0;

    for (int i = 0; i < pairs; i++, w += row)
        sum += abs(w[0]) + abs(w[1]);
    return sum;
}

static double linear8(const struct walk *k, const struct telu_linear8 *l, double x)
{
    double most = 0.0;

    for (int o = 0; o < l->O; o++) {
        int sum = k->exact ? row_sum(l, o) : 127 * l->I;

        if (!sum)
            sum = 1;           /* a scale that overflows makes a NaN even of a row of zeros */
        most = larger(most, sum * (double)l->s[o] * x + fabs((double)l->b[o]));
    }
    return most;
}

static double linear(const float *w, const float *b, int I, int O, double x)
{
    double most = 0.0;

    for (int o = 0; o < O; o++, w += I) {
        double sum = 0.0;

        for (int i = 0; i < I; i++)
            sum += fabs((double)w[i]);
        most = larger(most, sum * x + fabs((double)b[o]));
    }
    return most;
}

/* A normalised number is at most the root of their count. */
static double norm(const float *g, const float *b, int C)
{
    double most = 0.0, root = sqrt((double)C);

    for (int c = 0; c < C; c++)
        most = larger(most, root * fabs((double)g[c]) + fabs((double)b[c]));
    return most;
}

/* x: bound in front of the first block, then behind the last. gelu makes nothing larger. */
static int check_blocks(const struct walk *k, const char *net, const struct telu_block *block,
                        int count, int C, double *x)
{
    for (int i = 0; i < count; i++, block++) {
        double conv = linear(block->dw, block->dwb, k->m->cfg.kernel, C, *x);
        double normed = norm(block->g, block->nb, C);
        double up = linear8(k, &block->up, normed), down = linear8(k, &block->down, up);

        *x += largest(block->scale, C) * down;
        if (check(net, i, "dw.w", conv) || check(net, i, "norm.g", normed) ||
            check(net, i, "up.w", up) || check(net, i, "down.w", down) ||
            check(net, i, "scale", *x))
            return -1;
    }
    return 0;
}

/* A stage codes what those before it left over; a decoder adds what they give. */
static int check_stages(const struct telu_model *m, double latent, double *sum)
{
    *sum = 0.0;
    for (int s = 0; s < m->cfg.stages; s++) {
        const struct telu_stage *v = &m->vq[s];
        double book = largest(v->book, (size_t)m->cfg.codes * v->dim);

        if (check("vq", s, "in.w", linear(v->in, v->inb, m->cfg.latent, v->dim, latent + *sum)) ||
            check("vq", s, "book", book))
            return -1;
        *sum += linear(v->out, v->outb, v->dim, m->cfg.latent, book);
        if (check("vq", s, "out.w", *sum))
            return -1;
    }
    return 0;
}

static int check_postnet(const struct walk *k)
{
    const struct telu_model *m = k->m;
    double x = linear8(k, &m->post_in, POST_FEATURE);

    return check("post", -1, "in.w", x) ||
           check_blocks(k, "post", m->post_block, m->post.blocks, m->post.width, &x) ||
           check("post", -1, "out.w", linear8(k, &m->post_out, x)) ? -1 : 0;
}

static int check_model(const struct walk *k)
{
    const struct telu_model *m = k->m;
    const struct telu_config *c = &m->cfg;
    double x = linear8(k, &m->enc_in, FEATURE), latent, sum;

    if (check("enc", -1, "in.w", x) ||
        check_blocks(k, "enc", m->enc, c->enc_blocks, c->enc_width, &x))
        return -1;
    latent = linear8(k, &m->enc_out, x);
    if (check("enc", -1, "out.w", latent) || check_stages(m, latent, &sum))
        return -1;
    x = linear8(k, &m->dec_in, sum);
    if (check("dec", -1, "in.w", x) ||
        check_blocks(k, "dec", m->dec, c->dec_blocks, c->dec_width, &x) ||
        check("dec", -1, "value.w", HEAD_GAIN * linear8(k, &m->dec_value, x)) ||
        check("dec", -1, "scale.w", linear8(k, &m->dec_scale, x)))
        return -1;
    return m->post.blocks ? check_postnet(k) : 0;
}

int telu_model_check_bounds(const struct telu_model *m)
{
    return check_model(&(struct walk){ m, 0 }) ? check_model(&(struct walk){ m, 1 }) : 0;
}
