/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* telu.h - TeluCodec without GStreamer: load a model, encode and decode packets.
 *
 * A packet is 20 ms of 16 kHz mono speech: TELU_PACKET = 320 float samples, full
 * scale +-1. Packet k carries input samples [320k, 320k + 320) and decodes to
 * samples [320k - TELU_DELAY, 320k + 320 - TELU_DELAY): the 80 samples (5 ms) of
 * window overlap come out with the next packet. To code N samples, feed
 * ceil((N + 80) / 320) packets, the last padded with its last sample, and drop the first
 * 80 samples that the decoder returns.
 *
 *   struct telu_model *m = telu_model_open("te.safetensors");
 *   struct telu_encoder *e = telu_encoder_new(m, NULL);
 *   struct telu_decoder *d = telu_decoder_new(m, NULL);
 *   struct telu_rate r = telu_rate_init();
 *   r.bitrate = 16000;
 *   telu_encoder_set(e, &r);
 *   n = telu_encode(e, pcm, packet, sizeof(packet));
 *   telu_decode(d, packet, n, pcm);
 *
 * Nothing here allocates after *_new(). A model is read-only and may be shared by
 * any number of streams in any number of threads; a stream belongs to one thread
 * at a time. A call that fails returns NULL or -1 and leaves a text in telu_error()
 * and a status in telu_error_status(), both of this thread. FORMAT.md describes the
 * bytes. Packets and samples have the same bits on every CPU, whatever float modes
 * (rounding, flushing to zero) the caller's thread has; a call leaves these as they are.
 *
 * The library is libtelu.so, for pkg-config telucodec. Versions with one soversion keep
 * the size of every struct below: a new field takes the place of reserved ints, and its
 * zero means what callers got before. Begin with telu_rate_init() or with zeros.
 */
#ifndef TELU_H
#define TELU_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TELU_VERSION_MAJOR 0   /* of this header; telu_version() tells the library's */
#define TELU_VERSION_MINOR 8
#define TELU_VERSION_PATCH 0

#if defined(__GNUC__)
#define TELU_API __attribute__((visibility("default")))  /* exported by libtelu.so */
#else
#define TELU_API
#endif

#define TELU_RATE        16000 /* samples per second */
#define TELU_HOP         160   /* samples and MDCT coefficients of a hop */
#define TELU_PACKET      320   /* samples of a packet: two hops */
#define TELU_DELAY       80    /* samples by which the decoder's output lags */
#define TELU_MAX_PACKET  1000  /* bytes, at most */
#define TELU_MIN_BITRATE 500
#define TELU_MAX_BITRATE 64000
#define TELU_MAX_STAGES  16
#define TELU_WARMUP      57    /* packets after which a decoder that was started
                                * mid-stream gives exactly the running one's sound */

struct telu_model;
struct telu_encoder;
struct telu_decoder;
struct telu_backend;           /* backend.h; NULL stands for the best CPU table */

/* "0.8.0": of the library that is linked. */
TELU_API const char *telu_version(void);

/* The last error of this thread: one sentence, what was wrong, where and what was
 * expected. Never NULL; valid until the next failing call of the thread. */
TELU_API const char *telu_error(void);

enum telu_status {
    TELU_OK,
    TELU_ERR_ARGUMENT,         /* a value of the caller is out of range */
    TELU_ERR_IO,               /* a file cannot be opened or read */
    TELU_ERR_FORMAT,           /* a file or packet is damaged or malformed */
    TELU_ERR_VERSION,          /* a file or module is of a version not known here */
    TELU_ERR_NO_MEMORY,        /* of the host or of a device */
    TELU_ERR_DEVICE            /* a device, its driver or its module is missing or failed */
};

/* The status beside telu_error(): TELU_OK until a call of this thread fails. A call that
 * succeeds leaves both as they are. */
TELU_API enum telu_status telu_error_status(void);

/* --- Model -------------------------------------------------------------- */

/* Reads a weight file (safetensors, FORMAT.md). NULL on error. */
TELU_API struct telu_model *telu_model_open(const char *path);
TELU_API void telu_model_close(struct telu_model *m);   /* after its streams; NULL is fine */

/* The id by which streams name their weights, a SHA-256 (FORMAT.md 2): 64 lower-case hex digits;
 * owned by the model. */
TELU_API const char *telu_model_id(const struct telu_model *m);

/* --- Encoder ------------------------------------------------------------ */

enum telu_mode { TELU_CBR, TELU_VBR, TELU_CONSTRAINED_VBR };
enum telu_tune { TELU_PERCEPTUAL, TELU_SNR };

struct telu_rate {
    int bitrate;               /* bit/s, TELU_MIN_BITRATE .. TELU_MAX_BITRATE */
    enum telu_mode mode;
    enum telu_tune tune;
    int refinement;            /* 0: base layer, and levels unless tuned for SNR */
    int highpass;              /* 1: takes the input's offset out, by a high-pass at 3 Hz, unless
                                * tuned for SNR; 0: codes the input as it is */
    int reserved[3];           /* 0; telu_encoder_set() refuses anything else */
};

/* 16000 bit/s, constrained VBR, perceptual, with refinement and high-pass. */
TELU_API struct telu_rate telu_rate_init(void);

/* Parts of the last packet; for stats. */
struct telu_info {
    int stages;                /* base stages coded */
    int refined;               /* has a refinement layer */
    int step;                  /* its step index, 0 .. 127 */
    int shape;                 /* its shape index, 0 .. 3 */
    int bytes;
    int reserved[3];           /* 0 */
};

TELU_API struct telu_encoder *telu_encoder_new(const struct telu_model *m,
                                      const struct telu_backend *be);
TELU_API void telu_encoder_free(struct telu_encoder *e);

/* Back to the state after _new(), keeping the rate. */
TELU_API void telu_encoder_reset(struct telu_encoder *e);

/* Takes effect with the next packet. -1 if a field is out of range. */
TELU_API int telu_encoder_set(struct telu_encoder *e, const struct telu_rate *r);

/* pcm [320] -> packet; NaN and infinities count as 0. Returns the bytes written,
 * 1 .. TELU_MAX_PACKET, or -1 (cap < TELU_MAX_PACKET, or a backend failed). */
TELU_API int telu_encode(struct telu_encoder *e, const float *pcm, uint8_t *packet,
                size_t cap);
TELU_API void telu_encoder_info(const struct telu_encoder *e, struct telu_info *info);

/* Follows another encoder of the same model and rate, to take over its stream: pcm [320]
 * is one of its inputs and packet [n] its output. Call it for the last packets or for all,
 * in order. The codes come from the packet, so that the networks' states become those of the
 * other encoder once the packets span their memory, as do the rate control and the high-pass.
 * 0 or -1. */
TELU_API int telu_encoder_resync(struct telu_encoder *e, const float *pcm,
                        const uint8_t *packet, size_t n);

/* --- Decoder ------------------------------------------------------------ */

TELU_API struct telu_decoder *telu_decoder_new(const struct telu_model *m,
                                      const struct telu_backend *be);
TELU_API void telu_decoder_free(struct telu_decoder *d);
TELU_API void telu_decoder_reset(struct telu_decoder *d);

/* packet [n] -> pcm [320], unbounded floats. Any bytes may come in. Returns 0, or
 * 1 when the packet was damaged and was concealed, or -1 when a backend failed. */
TELU_API int telu_decode(struct telu_decoder *d, const uint8_t *packet, size_t n,
                float *pcm);

/* Fills one lost packet: goes on for some 60 ms, then fades to silence. 0 or -1. */
TELU_API int telu_conceal(struct telu_decoder *d, float *pcm);
TELU_API void telu_decoder_info(const struct telu_decoder *d, struct telu_info *info);

/* --- Many streams -------------------------------------------------------- */

/* A packet of one stream. Begin with zeros, for the reserved ints. */
struct telu_encode_request {
    struct telu_encoder *encoder;
    const float *pcm;          /* [320] */
    uint8_t *packet;           /* [TELU_MAX_PACKET] */
    int bytes;                 /* set: of the packet, or -1, as telu_encode() returns */
    int reserved[3];           /* 0 */
};

struct telu_decode_request {
    struct telu_decoder *decoder;
    const uint8_t *packet;     /* [size]; NULL: lost, conceals as telu_conceal() */
    size_t size;
    float *pcm;                /* [320] */
    int result;                /* set: 0, 1 or -1, as telu_decode() returns */
    int reserved[3];           /* 0 */
};

/* Encode or decode `count` packets of any streams on the caller's thread. Bytes, samples and states
 * are those of as many single calls, in this order; streams may differ in all but the model, and
 * join or leave between any two calls. Time is saved by eight requests in succession, of eight
 * streams of one model, which fetch its weights once: so give together what is due together. To
 * decode, these may be packets of one stream, as of a file: lost ones, and a change of the kind of
 * packets, begin the next eight. So does, to encode, a stream that comes twice, and for both one of
 * another model. Returns 0, or -1 when a
 * request failed: that one alone is -1, and telu_error() tells of the last one. Pointers stay the
 * caller's, and outputs must not overlap. Both take 150 KB of the thread's stack, single calls
 * take 60. */
TELU_API int telu_encode_many(struct telu_encode_request *requests, int count);
TELU_API int telu_decode_many(struct telu_decode_request *requests, int count);

/* --- Transrater ----------------------------------------------------------- */

/* Makes the packets of a stream smaller without a sound in between: codes and tuning stay, steps
 * grow. It adds no delay and takes a third of the time of decoding and encoding, and sounds as good
 * or better; an encoder of the lower rate sounds better still. */
struct telu_transrater;

TELU_API struct telu_transrater *telu_transrater_new(const struct telu_model *m,
                                            const struct telu_backend *be);
TELU_API void telu_transrater_free(struct telu_transrater *t);     /* NULL is fine */
TELU_API void telu_transrater_reset(struct telu_transrater *t);    /* keeps the bit rate */

/* The mean rate, TELU_MIN_BITRATE .. TELU_MAX_BITRATE, not to be exceeded from the next packet on,
 * met as by TELU_CONSTRAINED_VBR; 64000 at first. 0, or -1 if it is out of range. */
TELU_API int telu_transrater_set(struct telu_transrater *t, int bitrate);

/* packet [n] -> out [cap], which must not overlap. Call it in order; lost packets may be left out.
 * Packets at that rate or below stay as they are, as do those that are damaged or were cut. Returns
 * the bytes written, or -1 (n is 0 or above TELU_MAX_PACKET, cap < TELU_MAX_PACKET, or a backend
 * failed). */
TELU_API int telu_transrate(struct telu_transrater *t, const uint8_t *packet, size_t n,
                   uint8_t *out, size_t cap);

#ifdef __cplusplus
}
#endif
#endif
