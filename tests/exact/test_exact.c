/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_exact.c - plain C and vector code give the same packets and the same samples, bit for bit:
 * at all kinds of rates, with packets lost and damaged, from speech and from hostile input. So does
 * a caller whose thread rounds upwards and flushes subnormals, and its modes stay.
 *
 *   test_exact [WEIGHTS]      without: models of random weights
 */
#include "backend.h"
#include "fixed_voice.h"
#include "float_modes.h"
#include "sha256.h"
#include "telu.h"
#include "tiny_model.h"

#include <fenv.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS 60
#define SAMPLES (PACKETS * TELU_PACKET)

static int failures;

struct stream {
    uint8_t packet[PACKETS][TELU_MAX_PACKET];
    int size[PACKETS];
    float pcm[SAMPLES];
};

static void need(int good, const char *what)
{
    if (good)
        return;
    printf("test_exact: %s: %s\n", what, telu_error());
    exit(1);
}

/* Every seventh packet is lost, and a run until the sound has faded; some are damaged. */
static int fate(int i)
{
    return i % 7 == 5 || (i >= 30 && i < 45) ? 'l' : i % 11 == 9 ? 'd' : ' ';
}

static void code(struct stream *s, const struct telu_model *m, const struct telu_backend *be,
                 const struct telu_rate *rate, const float *x)
{
    struct telu_encoder *e = telu_encoder_new(m, be);
    struct telu_decoder *d = telu_decoder_new(m, be);

    need(e && d && !telu_encoder_set(e, rate), "a stream");
    memset(s, 0, sizeof(*s));
    for (int i = 0; i < PACKETS; i++) {
        float *pcm = s->pcm + i * TELU_PACKET;
        uint8_t packet[TELU_MAX_PACKET];
        int n = telu_encode(e, x + i * TELU_PACKET, s->packet[i], TELU_MAX_PACKET);

        need(n > 0, "telu_encode()");
        s->size[i] = n;
        memcpy(packet, s->packet[i], (size_t)n);
        packet[n / 2] ^= fate(i) == 'd' ? 0x24 : 0;
        if (fate(i) == 'l')
            need(!telu_conceal(d, pcm), "telu_conceal()");
        else
            need(telu_decode(d, packet, (size_t)n, pcm) >= 0, "telu_decode()");
    }
    telu_encoder_free(e);
    telu_decoder_free(d);
}

/* Sets modes that a program may have. Returns the former ones. */
static uint64_t set_odd_modes(void)
{
    uint64_t before = telu_modes_get();

    fesetround(FE_UPWARD);
#if defined(__x86_64__)
    telu_modes_put(telu_modes_get() | 0x8040);         /* flush results, and operands */
#elif defined(__aarch64__)
    telu_modes_put(telu_modes_get() | 1u << 24);
#endif
    return before;
}

static void set_back(uint64_t modes)
{
    fesetround(FE_TONEAREST);
    telu_modes_put(modes);
}

static void compare(const char *name, const char *how, const struct telu_rate *r,
                    const struct stream *want, const struct stream *got)
{
    for (int i = 0; i < PACKETS; i++) {
        const size_t at = (size_t)i * TELU_PACKET;
        const char *what = want->size[i] != got->size[i] ||
            memcmp(want->packet[i], got->packet[i], sizeof(want->packet[i])) ? "bytes" :
            memcmp(want->pcm + at, got->pcm + at, TELU_PACKET * sizeof(float)) ? "samples" : NULL;

        if (!what)
            continue;
        printf("%s, %d bit/s, mode %d, tune %d, refinement %d: packet %d has other %s in %s than "
               "in plain C\n", name, r->bitrate, r->mode, r->tune, r->refinement, i, what, how);
        failures++;
        return;
    }
}

/* Codes in odd modes. */
static void code_oddly(struct stream *s, const struct telu_model *m, const struct telu_rate *rate,
                       const float *x)
{
    uint64_t before = set_odd_modes(), odd = telu_modes_get(), after;

    code(s, m, &telu_backend_simd, rate, x);
    after = telu_modes_get();
    set_back(before);
    if (((odd ^ after) & ~(uint64_t)TELU_MODES_FLAGS) && failures++ < 5)
        printf("the caller's float modes were %llx, and became %llx\n", (unsigned long long)odd,
               (unsigned long long)after);
}

/* Codes x at all kinds of rates with both tables, or at every `step`th; odd: the same model, built
 * in odd modes. */
static void check(const struct telu_model *m, const struct telu_model *odd, const char *name,
                  const float *x, int step, struct telu_sha256 *sum)
{
    static const int bitrates[] = { 500, 1600, 3200, 4800, 6000, 9000, 16000, 24000, 64000 };
    static struct stream plain, simd;

    for (int i = 0; i < (int)(sizeof(bitrates) / sizeof(*bitrates)) * 12; i += step) {
        struct telu_rate r = telu_rate_init();

        r.bitrate = bitrates[i / 12];
        r.mode = (enum telu_mode[]){ TELU_CBR, TELU_VBR, TELU_CONSTRAINED_VBR }[i % 3];
        r.tune = i / 3 % 2 ? TELU_SNR : TELU_PERCEPTUAL;
        r.refinement = i / 6 % 2;
        code(&plain, m, &telu_backend_c, &r, x);
        code(&simd, m, &telu_backend_simd, &r, x);
        compare(name, "vector code", &r, &plain, &simd);
        if (i % 5 == 0) {
            code_oddly(&simd, odd, &r, x);
            compare(name, "odd float modes", &r, &plain, &simd);
        }
        for (int p = 0; p < PACKETS; p++)
            telu_sha256_add(sum, plain.packet[p], (size_t)plain.size[p]);
        telu_sha256_add(sum, plain.pcm, sizeof(plain.pcm));
    }
}

/* Loud, faint and broken samples, as a faulty program may give. */
static void hostile(float *x)
{
    static const float odd[] = { 1e30f, -1e30f, 1e-30f, -1e-41f, 256.0f, -0.0f, 1.0f };

    fixed_voice(x, SAMPLES, 7);
    for (int i = 0; i < SAMPLES; i++) {
        int part = i / (5 * TELU_PACKET);

        if (part % 4 == 1 && i % 13 == 0)
            x[i] = odd[i / 13 % 7];
        else if (part % 4 == 2)
            x[i] *= 1e-30f;
        else if (part % 4 == 3 && i % 97 == 0)
            x[i] = i % 2 ? NAN : INFINITY;
    }
}

/* file: weights, NULL: random ones, with a post-network of so many blocks. */
static struct telu_model *make_model(const char *file, int blocks)
{
    struct telu_config cfg = tiny_config();
    struct telu_postnet_config post = { .width = 12, .blocks = blocks };

    return file ? telu_model_open(file) : tiny_model_postnet(&cfg, &post, 1);
}

static void check_model(const char *file, int blocks, const char *name, int step)
{
    struct telu_model *m = make_model(file, blocks), *odd;
    static float x[SAMPLES];
    struct telu_sha256 sum;
    uint64_t before;
    char hex[65];

    need(m != NULL, name);
    before = telu_modes_get();
    if (file)                  /* tiny_model() itself rounds as its caller does */
        set_odd_modes();
    odd = make_model(file, blocks);
    set_back(before);
    need(odd != NULL, name);
    telu_sha256_init(&sum);
    fixed_voice(x, SAMPLES, 1);
    check(m, odd, name, x, step, &sum);
    hostile(x);
    check(m, odd, name, x, step, &sum);
    telu_sha256_hex(&sum, hex);
    printf("%s  %s\n", hex, name);     /* to compare with another machine's */
    telu_model_close(m);
    telu_model_close(odd);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        check_model(argv[1], 0, argv[1], 5);
    } else {
        check_model(NULL, 0, "postfilter", 1);
        check_model(NULL, 2, "post-network", 1);
    }
    printf("test_exact: %d failures\n", failures);
    return failures != 0;
}
