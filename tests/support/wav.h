/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wav.h - writes sound files for tests. */
#ifndef WAV_H
#define WAV_H

/* Writes x (n, channels) as a WAV file of 32-bit floats. Exits on failure. */
void wav_write(const char *path, const float *x, long n, int channels, int rate);

/* Makes n samples of a voice-like sound at 16 kHz with pauses, at about -20 dBFS. */
void wav_voice(float *x, long n, unsigned seed);

/* Makes dir and its parents, and in it `files` files of `seconds` each, in folders of
 * `per_speaker` files; 0: all in dir itself. */
void wav_folder(const char *dir, int files, double seconds, int per_speaker);

/* Makes a new temporary folder, which wav_remove() removes. */
char *wav_temp(void);
void wav_remove(const char *dir);

#endif
