/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_export.c - tests the way from a trained network to a weight file: the order of
 * codebooks, the integer tables, the file. */
#include "backend.h"
#include "export.h"
#include "pool.h"
#include "tables.h"
#include "tiny_model.h"
#include "tree.h"

#include <glib.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CODES 64
#define DIM   5
#define CLIPS 6
#define SAMPLES (3 * TELU_RATE)

static int failures;

static void fail(const char *name, const char *what)
{
    printf("%s: %s\n", name, what);
    failures++;
}

/* --- Tree --------------------------------------------------------------- */

/* Returns the mean squared distance of codes to the mean of the codes with the same k
 * bits. */
static double spread(const float *book, int k)
{
    const int under = CODES >> k;
    double sum = 0;

    for (int p = 0; p < 1 << k; p++)
        for (int d = 0; d < DIM; d++) {
            double mean = 0;

            for (int c = p * under; c < (p + 1) * under; c++)
                mean += book[c * DIM + d] / under;
            for (int c = p * under; c < (p + 1) * under; c++)
                sum += pow(book[c * DIM + d] - mean, 2) / CODES;
        }
    return sum;
}

static void check_tree(void)
{
    float book[CODES * DIM], old[CODES * DIM], usage[CODES];
    int order[CODES], seen[CODES] = { 0 }, sides[2] = { 0 };
    uint32_t seed = 3;

    /* Two clouds far apart, their codes interleaved. */
    for (int i = 0; i < CODES * DIM; i++)
        book[i] = tiny_random(&seed) + (i / DIM % 2 && i % DIM == 2 ? 10 : 0);
    for (int i = 0; i < CODES; i++)
        usage[i] = i % 7;
    memcpy(old, book, sizeof(old));
    for (int weighted = 0; weighted < 2; weighted++) {
        const char *name = weighted ? "weighted tree" : "tree";

        memcpy(book, old, sizeof(old));
        memset(seen, 0, sizeof(seen));
        memset(sides, 0, sizeof(sides));
        if (tree_order(order, book, CODES, DIM, weighted ? usage : NULL) ||
            tree_permute(book, CODES, DIM, order))
            fail(name, telu_error());
        for (int i = 0; i < CODES; i++) {
            if (order[i] < 0 || order[i] >= CODES || seen[order[i]]++)
                fail(name, "not a permutation");
            if (memcmp(book + i * DIM, old + order[i] * DIM, sizeof(float) * DIM))
                fail(name, "a row is not where the order says");
            sides[i / (CODES / 2)] += order[i] % 2;
        }
        if (sides[0] % (CODES / 2) || sides[1] % (CODES / 2))
            fail(name, "the first bit does not part the clouds");
        for (int k = 1; k < 6; k++)
            if (spread(book, k) > 0.85 * spread(book, k - 1) ||
                spread(book, k) > 0.95 * spread(old, k)) {
                printf("%s: spread %g with %d bits, %g with one less, %g unordered\n",
                       name, spread(book, k), k, spread(book, k - 1), spread(old, k));
                failures++;
            }
    }
    memset(book, 0, sizeof(book));
    if (tree_order(order, book, CODES, DIM, NULL) || order[0] != 0)
        fail("tree", "codes in one place are not left as they are");
}

/* --- Tensors ------------------------------------------------------------ */

static struct telu_tensor *tensors;
static struct telu_blob *blobs;
static int count;

static void make_blobs(const struct telu_config *cfg)
{
    uint32_t seed = 5;

    tensors = telu_tensor_list(cfg, NULL, &count);
    blobs = g_new(struct telu_blob, count);
    for (int i = 0; i < count; i++) {
        const struct telu_tensor *t = &tensors[i];
        const size_t bytes = telu_tensor_bytes(t), size = t->dtype == TELU_F32 ? 4 : 2;
        char *p = g_malloc0(bytes);

        for (size_t k = 0; t->kind != TELU_TABLE && k < bytes / size; k++) {
            const float f = (tiny_random(&seed) - 0.5) * (t->ndim > 1 ? 1.0 : 0.1);

            memcpy(p + size * k, (const char *)&f + 4 - size, size);
        }
        blobs[i] = (struct telu_blob){ p, bytes };
    }
}

static struct telu_blob *blob(const char *name)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(tensors[i].name, name))
            return &blobs[i];
    fprintf(stderr, "no tensor %s\n", name);
    exit(1);
}

/* --- Tables ------------------------------------------------------------- */

static int said;

static void on_text(void *user, const char *text)
{
    said += user == &said && *text;
}

/* Bits of some speech without base layer, quantised at a step. */
static double cost(const uint16_t *freq, int step)
{
    static int16_t bias[TELU_BANDS], tilt[4 * TELU_BANDS];
    static uint8_t gain[TELU_BANDS], constant[4] = { 128, 128, 128, 128 }, shape[4];
    const struct telu_tables tab = { .bias = bias, .gain = gain, .freq = freq,
                                     .recon = constant, .shape = shape,
                                     .tilt = tilt };
    static const float base[TELU_COEFS];
    struct telu_ctx ctx = { telu_backend_cpu(), NULL };
    float *x = ctx.be->alloc(sizeof(float) * (SAMPLES + TELU_HOP));
    float *c = ctx.be->alloc(sizeof(float) * SAMPLES);
    double bits = 0;

    tiny_speech(x, SAMPLES, 99);
    ctx.be->mdct(&ctx, c, x, 1, SAMPLES / TELU_HOP);
    for (int p = 0; p < SAMPLES / TELU_PACKET; p++) {
        struct telu_bands bands;
        int q[TELU_COEFS];

        telu_bands_envelope(&bands, &tab, NULL, 0);
        telu_bands_step(&bands, &tab, step, 0);
        telu_refine_quantise(q, &bands, c + p * TELU_COEFS, base, 0.16f);
        bits += telu_refine_cost(q, &bands, &tab) / 64.0;
    }
    ctx.be->release(x);
    ctx.be->release(c);
    return bits;
}

static void check_tables(const struct telu_config *cfg)
{
    struct tables_clip clips[CLIPS];
    const uint8_t *gain = blob("tab.gain")->data, *split = blob("tab.split")->data;
    const int16_t *bias = blob("tab.bias")->data, *tilt = blob("tab.tilt")->data;
    uint16_t *guess = g_malloc(blob("tab.freq")->bytes);
    uint16_t *levels = g_malloc(blob("tab.level")->bytes);
    const uint16_t *code = blob("tab.code")->data;
    const float *lambda = blob("tab.lambda")->data;
    void **first = g_new0(void *, count);
    const char *name = "tables";
    struct telu_model *m;

    for (int i = 0; i < CLIPS; i++) {
        float *x = g_new(float, SAMPLES);

        tiny_speech(x, SAMPLES, i + 1);
        clips[i] = (struct tables_clip){ x, SAMPLES };
    }
    if (!tables_fit(cfg, blobs, count - 1, clips, CLIPS, 60, NULL, NULL) ||
        !strstr(telu_error(), "expected"))
        fail(name, "took too few tensors");
    if (!tables_fit(cfg, blobs, count, clips, 0, 60, NULL, NULL) ||
        !strstr(telu_error(), "clip"))
        fail(name, "fitted to nothing");
    /* The call without clips left the tables at their first guess. */
    memcpy(guess, blob("tab.freq")->data, blob("tab.freq")->bytes);
    memcpy(levels, blob("tab.level")->data, blob("tab.level")->bytes);

    if (tables_fit(cfg, blobs, count, clips, CLIPS, 60, on_text, &said))
        fail(name, telu_error());
    if (!said)
        fail(name, "said nothing of what it measured");
    m = telu_model_build(cfg, blobs, count, NULL);
    if (!m)
        fail(name, telu_error());
    telu_model_close(m);

    for (int b = 0; b < TELU_BANDS; b++) {
        if (gain[b] != 128)
            fail(name, "gain without stages is not 128");
        if (bias[b] < -17 * 32 || bias[b] > 0)
            fail(name, "bias is not between -102 dB and full scale");
        if (tilt[b] || (b < 5 && tilt[2 * TELU_BANDS + b] > 0) ||
            (b > 0 && tilt[2 * TELU_BANDS + b] < tilt[2 * TELU_BANDS + b - 1]))
            fail(name, "tilt of the flat step, or a coarser one at 0 Hz, or one that falls");
    }
    for (int i = 0; i < TELU_SPLIT_RATES; i++) {
        const int rate = telu_split_rate[i], heard = split[i];
        const int alone = rate <= 2500 ? TELU_SPLIT_BASE_ONLY : TELU_SPLIT_LEVELS;

        if (heard != alone && (rate <= 5000 || !heard || heard > cfg->stages))
            fail(name, "split has no base, or no levels, where it should");
        if (split[TELU_SPLIT_RATES + i] == TELU_SPLIT_LEVELS)
            fail(name, "split has levels when tuned for SNR");
    }
    if (!memcmp(levels, blob("tab.level")->data, blob("tab.level")->bytes))
        fail(name, "levels are as guessed");
    for (int s = 0; s < cfg->stages; s++)
        if (!(lambda[s] > 0.0f))
            fail(name, "a bit costs the search nothing");
    for (int c = 0; c <= cfg->codes; c++)
        if (c == cfg->codes)
            fail(name, "all codes are equally likely");
        else if (code[c] != 32768 / cfg->codes)
            break;

    for (int step = 56; step <= 104; step += 16) {
        const double before = cost(guess, step), after = cost(blob("tab.freq")->data,
                                                              step);

        if (!(after < 0.97 * before)) {
            printf("tables: step %d costs %.0f bits, %.0f with guessed frequencies\n",
                   step, after, before);
            failures++;
        }
    }

    /* Several threads give the tables of one. */
    for (int i = 0; i < count; i++)
        if (tensors[i].kind == TELU_TABLE)
            first[i] = g_memdup2(blobs[i].data, blobs[i].bytes);
    pool_start(3);
    if (tables_fit(cfg, blobs, count, clips, CLIPS, 60, NULL, NULL))
        fail(name, telu_error());
    for (int i = 0; i < count; i++) {
        if (first[i] && memcmp(first[i], blobs[i].data, blobs[i].bytes)) {
            printf("tables: three threads give another %s\n", tensors[i].name);
            failures++;
        }
        g_free(first[i]);
    }

    for (int i = 0; i < CLIPS; i++)
        g_free((void *)clips[i].pcm);
    g_free(first);
    g_free(guess);
    g_free(levels);
}

/* --- File --------------------------------------------------------------- */

static int holds(const char *path, const char *word)
{
    char *text;
    size_t n;
    int found;

    if (!g_file_get_contents(path, &text, &n, NULL))
        return 0;
    found = n > 8 && g_strstr_len(text + 8, n - 8, word);
    g_free(text);
    return found;
}

static void check_file(const struct telu_config *cfg)
{
    const struct export_text texts[] = { { "training", "\"a\\b\"\n\u0c05" },
                                         { "licence", "none" } };
    const struct export_text own = { "model_id", "x" };
    const struct export_text twice[] = { texts[1], texts[1] };
    static const uint32_t nan = 0x7fc00000;
    char *dir = g_dir_make_tmp("telu-XXXXXX", NULL);
    char *path = g_build_filename(dir, "x.safetensors", NULL);
    char *nowhere = g_build_filename(dir, "no", "x.safetensors", NULL);
    char id[65] = "", other[65];
    const char *name = "export";
    struct telu_model *m;
    uint32_t *bias, was;

    if (export_model(path, cfg, NULL, blobs, count, texts, 2, id))
        fail(name, telu_error());
    m = telu_model_open(path);
    if (!m)
        fail(name, telu_error());
    else if (strcmp(telu_model_id(m), id) || strlen(id) != 64 ||
             memcmp(&m->cfg, cfg, sizeof(*cfg)) ||
             memcmp(m->tab.freq, blob("tab.freq")->data, blob("tab.freq")->bytes) ||
             memcmp(m->tab.level, blob("tab.level")->data, blob("tab.level")->bytes) ||
             memcmp(m->vq[1].book, blob("vq.1.book")->data, blob("vq.1.book")->bytes))
        fail(name, "what is read back differs in id, config, table or book");
    telu_model_close(m);
    if (!holds(path, "\"licence\":\"none\""))
        fail(name, "the licence is not in the file");

    /* A bad model leaves the good file unchanged. */
    bias = (uint32_t *)blob("enc.in.b")->data;
    was = *bias;
    *bias = nan;
    if (!export_model(path, cfg, NULL, blobs, count, texts, 2, other) ||
        !strstr(telu_error(), "enc.in.b"))
        fail(name, "wrote a NaN");
    *bias = was;
    m = telu_model_open(path);
    if (!m || strcmp(telu_model_id(m), id))
        fail(name, "the file before a failed export is gone");
    telu_model_close(m);

    if (!export_model(nowhere, cfg, NULL, blobs, count, texts, 2, other) ||
        !strstr(telu_error(), "x.safetensors"))
        fail(name, "wrote into a folder that is not there");
    if (!export_model(path, cfg, NULL, blobs, count, &own, 1, other) ||
        !export_model(path, cfg, NULL, blobs, count, twice, 2, other) ||
        !export_model(path, cfg, NULL, blobs, count - 1, texts, 2, other))
        fail(name, "took a key of the format, a key twice or a tensor too few");
    unlink(path);
    if (rmdir(dir))
        fail(name, "left a temporary file behind");
    g_free(nowhere);
    g_free(path);
    g_free(dir);
}

/* A post-network stands in the file beside the network, with an id of its own. */
static void check_postnet(const struct telu_config *cfg)
{
    const struct telu_postnet_config post = { 24, 2 };
    char *dir = g_dir_make_tmp("telu-XXXXXX", NULL), id[65], without[65];
    char *path = g_build_filename(dir, "x.safetensors", NULL), *bytes;
    struct telu_tensor *t;
    struct telu_blob *all;
    struct telu_model *m;
    const char *name = "postnet";
    int n;
    gsize size;

    t = telu_tensor_list(cfg, &post, &n);
    all = g_new(struct telu_blob, n);
    for (int i = 0; i < n; i++) {
        const size_t tensor = telu_tensor_bytes(&t[i]);

        all[i] = i < count ? blobs[i] : (struct telu_blob){ g_malloc0(tensor), tensor };
    }
    if (export_model(path, cfg, NULL, all, count, NULL, 0, without) ||
        export_model(path, cfg, &post, all, n, NULL, 0, id))
        fail(name, telu_error());
    if (strcmp(id, without))
        fail(name, "the model id depends on the post-network");
    m = telu_model_open(path);
    if (!m || m->post.width != post.width || m->post.blocks != post.blocks ||
        m->post_out.O != TELU_POSTNET_OUTPUTS || !m->post_block[1].scale)
        fail(name, m ? "what is read back differs" : telu_error());
    telu_model_close(m);
    if (!export_model(path, cfg, NULL, all, n, NULL, 0, id))
        fail(name, "took tensors of no post-network");

    /* The last tensor is the post-network's. */
    if (g_file_get_contents(path, &bytes, &size, NULL)) {
        bytes[size - 1] ^= 1;
        g_file_set_contents(path, bytes, (gssize)size, NULL);
        if (telu_model_open(path) || !strstr(telu_error(), "postnet_id"))
            fail(name, "a damaged post-network is read");
        g_free(bytes);
    }
    for (int i = count; i < n; i++)
        g_free((void *)all[i].data);
    g_free(all);
    free(t);
    unlink(path);
    rmdir(dir);
    g_free(path);
    g_free(dir);
}

int main(void)
{
    const struct telu_config cfg = tiny_config();

    check_tree();
    make_blobs(&cfg);
    check_tables(&cfg);
    check_file(&cfg);
    check_postnet(&cfg);
    for (int i = 0; i < count; i++)
        g_free((void *)blobs[i].data);
    g_free(blobs);
    free(tensors);
    return failures ? 1 : 0;
}
