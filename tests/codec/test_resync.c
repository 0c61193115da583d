/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_resync.c - telu_encoder_resync(): an encoder that replayed another one's input and
 * packets continues as that one would have. */
#include "expect.h"
#include "telu.h"
#include "tiny_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS 260
#define CHANGE  60             /* first packet at another rate */
#define LAST    50             /* packets replayed, of those before */
#define HERE    200            /* first packet of the new encoder */

static struct telu_model *model;
static float x[PACKETS * TELU_PACKET];
static uint8_t packet[PACKETS][TELU_MAX_PACKET];
static int size[PACKETS];

static const struct {
    struct telu_rate rate;
    const char *all, *last;    /* NULL: the rate control looks further back */
} kinds[] = {
    { { 500, TELU_CBR, TELU_SNR, 1 }, "500 cbr, all", "500 cbr, the last" },
    { { 3000, TELU_CBR, TELU_SNR, 1 }, "3000 cbr, all", "3000 cbr, the last" },
    { { 6000, TELU_CBR, TELU_SNR, 1 }, "6000 cbr, all", "6000 cbr, the last" },
    { { 16000, TELU_CBR, TELU_SNR, 1 }, "16000 cbr, all", "16000 cbr, the last" },
    { { 16000, TELU_CBR, TELU_PERCEPTUAL, 1 }, "16000 cbr with levels, all", NULL },
    { { 4000, TELU_CBR, TELU_PERCEPTUAL, 1 }, "4000 cbr of levels, all", NULL },
    { { 4000, TELU_VBR, TELU_PERCEPTUAL, 1 }, "4000 vbr of levels, all", NULL },
    { { 4000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1 }, "4000 cvbr of levels, all", NULL },
    { { 16000, TELU_VBR, TELU_SNR, 1 }, "16000 vbr, all", NULL },
    { { 500, TELU_CONSTRAINED_VBR, TELU_SNR, 1 }, "500 cvbr, all", NULL },
    { { 16000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1 }, "16000 cvbr, all", NULL },
    { { 64000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1 }, "64000 cvbr, all", NULL },
    { { 500, TELU_CBR, TELU_PERCEPTUAL, 1, 1 }, "500 cbr, high-pass, all", NULL },
    { { 16000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1, 1 }, "16000 cvbr, high-pass, all", NULL },
};

static struct telu_rate rate_at(int kind, int i)
{
    struct telu_rate r = kinds[kind].rate;

    if (i < CHANGE)
        r.bitrate = 12000;
    return r;
}

static struct telu_encoder *encoder(void)
{
    struct telu_encoder *e = telu_encoder_new(model, NULL);

    if (!e) {
        printf("test_follow: %s\n", telu_error());
        exit(1);
    }
    return e;
}

static void encode(int kind)
{
    struct telu_encoder *e = encoder();

    for (int i = 0; i < PACKETS; i++) {
        struct telu_rate r = rate_at(kind, i);

        telu_encoder_set(e, &r);
        size[i] = telu_encode(e, x + i * TELU_PACKET, packet[i], TELU_MAX_PACKET);
    }
    telu_encoder_free(e);
}

/* Replays from packet `first` on, and continues. Returns the number of packets that then
 * differ, and in *bytes their size. */
static int follow(int kind, int first, int *bytes)
{
    struct telu_encoder *e = encoder();
    uint8_t got[TELU_MAX_PACKET];
    int different = 0;

    *bytes = 0;
    for (int i = first; i < PACKETS; i++) {
        struct telu_rate r = rate_at(kind, i);
        const float *pcm = x + i * TELU_PACKET;
        int n;

        telu_encoder_set(e, &r);
        if (i < HERE) {
            check(!telu_encoder_resync(e, pcm, packet[i], (size_t)size[i]),
                  kinds[kind].all, i);
            continue;
        }
        n = telu_encode(e, pcm, got, sizeof(got));
        *bytes += n;
        different += n != size[i] || memcmp(got, packet[i], (size_t)n);
    }
    telu_encoder_free(e);
    return different;
}

/* Checks that resync() refuses invalid packets and leaves the encoder usable. */
static void refuse(void)
{
    struct telu_encoder *e = encoder();
    uint8_t bad[40], out[TELU_MAX_PACKET];

    memset(bad, 0xff, sizeof(bad));
    check(telu_encoder_resync(e, x, bad, 0) == -1, "an empty packet is followed", 0);
    check(telu_encoder_resync(e, x, bad, sizeof(bad)) == -1, "no packet is followed", 0);
    check(strstr(telu_error(), "damaged") != NULL, "why it is not", 0);
    check(telu_encode(e, x, out, sizeof(out)) > 0, "no packet after that", 0);
    telu_encoder_free(e);
}

int main(void)
{
    struct telu_config cfg = tiny_config();

    model = tiny_model(&cfg, 5);
    if (!model) {
        printf("test_follow: %s\n", telu_error());
        return 1;
    }
    tiny_speech(x, PACKETS * TELU_PACKET, 3);
    for (int k = 0; k < (int)(sizeof(kinds) / sizeof(kinds[0])); k++) {
        int bytes, alone = 0, different = 0;

        encode(k);
        for (int i = HERE; i < PACKETS; i++)
            alone += size[i];
        different = follow(k, 0, &bytes);
        check(different == 0, kinds[k].all, different);
        different = follow(k, HERE - LAST, &bytes);
        if (kinds[k].last)
            check(different == 0, kinds[k].last, different);
        check(fabs((double)bytes / alone - 1.0) < 0.2,
              "bytes after following the last packets, against those without",
              (double)bytes / alone);
    }
    refuse();
    telu_model_close(model);
    printf("follow: %s\n", failed ? "failed" : "ok");
    return failed;
}
