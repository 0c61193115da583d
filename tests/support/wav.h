/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wav.h - sound files for tests of what reads them. */
#ifndef WAV_H
#define WAV_H

/* x (n, channels) as a WAV file of 32-bit floats. Exits when it cannot be written. */
void wav_write(const char *path, const float *x, long n, int channels, int rate);

/* n samples of a voice-like sound at 16 kHz with pauses, at about -20 dBFS. */
void wav_voice(float *x, long n, unsigned seed);

/* Makes dir (with those above) and in it `files` files of `seconds` each, in folders
 * of `per_speaker` files; 0: all in dir itself. */
void wav_folder(const char *dir, int files, double seconds, int per_speaker);

/* A folder of its own below the system's temporary one; removed by wav_remove(). */
char *wav_temp(void);
void wav_remove(const char *dir);

#endif
