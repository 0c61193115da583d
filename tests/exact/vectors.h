/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vectors.h - the test vectors in tests/golden/vectors: streams of the tiny and of the shipped
 * weights, and the sums of what they decode to.
 *
 *   NAME.tlc          150 packets
 *   vectors.sha256    SHA-256 of NAME.f32, the samples heard as float32, little-endian, as
 *                     sha256sum -c reads it; NAME-lost.f32: with packets lost
 *
 * Each stream is the encoder's own at a rate of vectors[], from fixed_voice() for the tiny weights
 * and from what te-speech.tlc decodes to for the shipped ones. So they bind the encoder too.
 */
#ifndef VECTORS_H
#define VECTORS_H

#include "telu.h"
#include "tlc.h"

#define VECTOR_PACKETS 150
#define VECTOR_SAMPLES (VECTOR_PACKETS * TELU_PACKET)
#define VECTOR_SPEECH  "te-speech"
#define VECTOR_REMAKE  "; for new weights run tests/golden/make_vectors.sh"

struct vector {
    const char *name;          /* begins with "tiny-" or "te-" */
    struct telu_rate rate;
};

extern const struct vector vectors[];
extern const int vector_count;

/* Packets one after the other, as in a file of two pages or three. */
struct vector_stream {
    uint8_t packet[VECTOR_PACKETS][TELU_MAX_PACKET];
    int size[VECTOR_PACKETS];
    char id[65];               /* of the weights */
};

/* Whether a vector is of that model, "tiny" or "te". */
int vector_of(const char *name, const char *model);

/* Codes x [VECTOR_SAMPLES]. Like the others, exits with a message on an error. */
void vector_encode(struct vector_stream *s, const struct telu_model *m,
                   const struct telu_rate *rate, const float *x);

/* Decodes to x [VECTOR_SAMPLES], and writes the sum of the samples heard. lost: conceals some. */
void vector_decode(float *x, char sum[65], const struct telu_model *m,
                   const struct vector_stream *s, int lost);

/* Makes the sound x [VECTOR_SAMPLES] that a model's vectors are coded from, and its sum:
 * VECTOR_SPEECH of the folder, decoded, if that is of the model; else fixed_voice(), and an empty
 * sum. */
void vector_sound(float *x, char sum[65], const struct telu_model *m, const char *folder,
                  const char *model);

/* Reads and writes FOLDER/NAME.tlc; it must be of the weights of m. */
void vector_read(struct vector_stream *s, const struct telu_model *m, const char *folder,
                 const char *name);
void vector_write(const struct vector_stream *s, const char *folder, const char *name);

/* Prints like printf(), and the reason from telu_error() if there is one, and exits with 1. */
void vector_fail(const char *fmt, ...);

#endif
