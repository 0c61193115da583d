/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wav.c - see wav.h. */
#include "wav.h"

#include "tiny_model.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void wav_write(const char *path, const float *x, long n, int channels, int rate)
{
    const uint32_t bytes = (uint32_t)(4 * n * channels), frame = 4 * channels;
    const uint32_t head[11] = { 0x46464952, 36 + bytes, 0x45564157, 0x20746d66, 16,
                                (uint32_t)channels << 16 | 3, rate, rate * frame,
                                32u << 16 | frame, 0x61746164, bytes };
    FILE *f = fopen(path, "wb");

    if (!f || fwrite(head, sizeof(head), 1, f) != 1 ||
        (n && fwrite(x, bytes, 1, f) != 1) || fclose(f)) {
        perror(path);
        exit(1);
    }
}

/* Each seed selects another position of the same voice. */
void wav_voice(float *x, long n, unsigned seed)
{
    long skip = 1000 * (long)(seed % 100);
    float *all = g_new(float, skip + n);
    double power = 1e-12;

    tiny_speech(all, (int)(skip + n), seed);
    for (long i = 0; i < n; i++)
        power += (double)all[skip + i] * all[skip + i] / n;
    for (long i = 0; i < n; i++)
        x[i] = (float)(all[skip + i] * 0.1 / sqrt(power));
    g_free(all);
}

void wav_folder(const char *dir, int files, double seconds, int per_speaker)
{
    long n = (long)(seconds * 16000);
    float *x = g_new(float, n);

    for (int i = 0; i < files; i++) {
        char *folder = per_speaker
                           ? g_strdup_printf("%s/speaker%d", dir, i / per_speaker)
                           : g_strdup(dir);
        char *path = g_strdup_printf("%s/%03d.wav", folder, i);

        g_mkdir_with_parents(folder, 0777);
        wav_voice(x, n, i + 1);
        wav_write(path, x, n, 1, 16000);
        g_free(path);
        g_free(folder);
    }
    g_free(x);
}

char *wav_temp(void)
{
    char *dir = g_dir_make_tmp("telu-XXXXXX", NULL);

    if (!dir) {
        perror("a temporary folder");
        exit(1);
    }
    return dir;
}

void wav_remove(const char *dir)
{
    GDir *d =
        g_file_test(dir, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(dir, 0, NULL);
    const char *name;

    while (d && (name = g_dir_read_name(d))) {
        char *path = g_build_filename(dir, name, NULL);

        wav_remove(path);
        g_free(path);
    }
    if (d)
        g_dir_close(d);
    g_remove(dir);
}
