/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_layers.c - the codec with layers of floats: each multiplies its own tensor of the weight
 * file, and the report's figures of integers and floats are those of the two codecs. */
#include "expect.h"
#include "linear.h"
#include "pool.h"
#include "quality.h"
#include "unquantised.h"
#include "wav.h"

#include <glib.h>
#include <math.h>
#include <string.h>

static struct telu_weights file;
static struct telu_model *model;

/* Compares the layer with a product by the tensor of that name. */
static void check_layer(const struct telu_backend *be, const struct telu_linear8 *l,
                        const char *name)
{
    struct telu_ctx ctx = { .be = be };
    float *x = g_new(float, l->I), *y = g_new(float, l->O), *w = g_new(float, l->I * l->O);
    float *want = g_new(float, l->O), off = 0.0f;
    int t = 0;

    while (t < file.count && strcmp(file.tensor[t].name, name))
        t++;
    check(t < file.count, name, -1);
    for (int i = 0; t < file.count && i < l->I * l->O; i++) {
        uint16_t v;

        memcpy(&v, (const char *)file.blob[t].data + 2 * i, 2);
        w[i] = telu_from_bf16(v);
    }
    for (int i = 0; i < l->I; i++)
        x[i] = sinf(1.7f * (float)(i + 1));
    telu_linear_c(&ctx, want, x, w, l->b, 1, l->I, l->O);
    check(be->linear8(&ctx, y, x, l->w, l->s, l->b, 1, l->I, l->O) == 0, name, -2);
    for (int o = 0; o < l->O; o++)
        off = fmaxf(off, fabsf(y[o] - want[o]));
    check(off < 1e-5f, name, (double)off);
    g_free(x);
    g_free(y);
    g_free(w);
    g_free(want);
}

static void check_blocks(const struct telu_backend *be, const struct telu_block *block, int n,
                         const char *net)
{
    for (int i = 0; i < n; i++) {
        char *up = g_strdup_printf("%s.%d.up.w", net, i);
        char *down = g_strdup_printf("%s.%d.down.w", net, i);

        check_layer(be, &block[i].up, up);
        check_layer(be, &block[i].down, down);
        g_free(up);
        g_free(down);
    }
}

static void test_tensors(void)
{
    struct unquantised *u = unquantised_new(model, file.blob, file.count);
    const struct telu_backend *be = unquantised_ops(u);
    const struct telu_model *m = model;
    struct telu_ctx ctx = { .be = be };
    int8_t unknown = 0;
    float x = 0.0f, y;

    check_layer(be, &m->enc_in, "enc.in.w");
    check_blocks(be, m->enc, m->cfg.enc_blocks, "enc");
    check_layer(be, &m->enc_out, "enc.out.w");
    check_layer(be, &m->dec_in, "dec.in.w");
    check_blocks(be, m->dec, m->cfg.dec_blocks, "dec");
    check_layer(be, &m->dec_value, "dec.value.w");
    check_layer(be, &m->dec_scale, "dec.scale.w");
    check(m->post.blocks > 0, "blocks of the post-network", m->post.blocks);
    check_layer(be, &m->post_in, "post.in.w");
    check_blocks(be, m->post_block, m->post.blocks, "post");
    check_layer(be, &m->post_out, "post.out.w");
    check(be->linear8(&ctx, &y, &x, &unknown, &x, &x, 1, 1, 1) < 0, "took a layer of another model",
          0);
    unquantised_free(u);
}

/* A clip longer than what is measured, a silent one, and a short one. */
static void test_figures(void)
{
    const long most = QUALITY_LAYERS_SECONDS * TELU_RATE;
    static float pcm[(QUALITY_LAYERS_SECONDS + 2) * TELU_RATE], quiet[TELU_RATE];
    static float y[G_N_ELEMENTS(pcm)];
    struct clip clip[3] = { { .pcm = pcm, .n = G_N_ELEMENTS(pcm) },
                            { .pcm = quiet, .n = TELU_RATE }, { .pcm = pcm, .n = 2 * TELU_RATE } };
    struct dataset d = { .clip = clip, .n = 3 };
    const struct telu_rate rate = { 16000, TELU_CONSTRAINED_VBR, TELU_SNR, 1 };
    struct unquantised *u = unquantised_new(model, file.blob, file.count);
    const struct telu_backend *ops[] = { NULL, unquantised_ops(u) };
    struct quality_layers q;

    wav_voice(pcm, G_N_ELEMENTS(pcm), 3);
    quality_layers(&q, model, file.blob, file.count, &d);
    check(q.files == 2, "files that are loud enough", q.files);
    for (int k = 0; k < 2; k++) {
        double snr = 0.0, got = k ? q.floats[2].snr : q.integers[2].snr;

        for (int i = 0; i < 3; i += 2) {
            long n = i ? clip[i].n : most;

            check(quality_code(model, ops[k], &rate, y, pcm, n) > 0, "a clip is not coded", i);
            snr += quality_snr(pcm, y, n) / 2;
        }
        check(fabs(got - snr) < 1e-9, k ? "SNR with floats" : "SNR with integers", got);
    }
    check(q.floats[0].snr != q.integers[0].snr && fabs(q.floats[0].snr - q.integers[0].snr) < 1.0,
          "SNR at 3 kbit/s with floats, too far from that with integers or the same",
          q.floats[0].snr - q.integers[0].snr);
    d.clip = clip + 1;
    d.n = 1;
    quality_layers(&q, model, file.blob, file.count, &d);
    check(q.files == 0, "files of silence", q.files);
    unquantised_free(u);
}

int main(void)
{
    char *path = g_build_filename(g_getenv("TELUCODEC_TEST_GOLDEN"), "tiny.safetensors", NULL);

    pool_start(2);
    model = telu_model_open(path);
    if (!model || telu_weights_open(&file, path)) {
        printf("%s\n", telu_error());
        return 1;
    }
    test_tensors();
    test_figures();
    telu_weights_close(&file);
    telu_model_close(model);
    g_free(path);
    return failed;
}
