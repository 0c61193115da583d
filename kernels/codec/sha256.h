/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sha256.h - the hash of FIPS 180-4, for the model id. */
#ifndef TELU_SHA256_H
#define TELU_SHA256_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct telu_sha256 {
    uint32_t state[8];
    uint64_t bytes;            /* hashed so far */
    uint8_t block[64];         /* the last bytes % 64 of them */
    int plain;                 /* 1: without a processor's own instructions, for tests */
};

void telu_sha256_init(struct telu_sha256 *s);
void telu_sha256_add(struct telu_sha256 *s, const void *data, size_t n);

/* Ends the sum: 64 lower-case hex digits and a NUL. */
void telu_sha256_hex(struct telu_sha256 *s, char hex[65]);

#ifdef __cplusplus
}
#endif
#endif
