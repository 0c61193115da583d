/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* requests.cu - see requests.cuh. */
#include "requests.cuh"

#include <string.h>

/* A packet is smaller than its samples, so both sides fit. */
size_t requests_max_bytes(int n)
{
    return live_in_offset(n) + n * LIVE_PCM;
}

size_t responses_max_bytes(int n)
{
    return live_out_offset(n) + n * LIVE_PCM;
}

/* Bytes from packet to packet: the largest that these requests can have. */
static int stride_for(enum telu_side which, const struct telu_request *requests, int n)
{
    int most = 1;

    for (int i = 0; i < n; i++) {
        int bytes = which == TELU_ENCODE ? telu_rc_max_bytes(&requests[i].rate)
                  : requests[i].packet ? requests[i].bytes : 0;

        most = bytes > most ? bytes : most;
    }
    return (int)live_round((size_t)most);
}

size_t requests_write(char *request, size_t *response_bytes, enum telu_side which,
                      const struct telu_request *requests, int n, const char *fresh)
{
    const int stride = stride_for(which, requests, n);
    struct telu_batch_head head = { n, stride };
    struct telu_request_head *heads = (struct telu_request_head *)(request + live_heads_offset());
    size_t each = which == TELU_ENCODE ? LIVE_PCM : (size_t)stride;
    char *in = request + live_in_offset(n);

    memcpy(request, &head, sizeof(head));
    for (int i = 0; i < n; i++, in += each) {
        const struct telu_request *j = &requests[i];

        heads[i].slot = j->slot;
        heads[i].reset = j->reset || fresh[j->slot];
        heads[i].bytes = j->packet ? j->bytes : -1;
        heads[i].rate = j->rate;
        if (which == TELU_ENCODE)
            memcpy(in, j->pcm, LIVE_PCM);
        else if (j->packet)
            memcpy(in, j->packet, (size_t)j->bytes);
    }
    *response_bytes = live_out_offset(n) + n * (which == TELU_ENCODE ? (size_t)stride : LIVE_PCM);
    return live_in_offset(n) + n * each;
}

int responses_read(enum telu_side which, struct telu_request *requests, const char *request,
                   const char *response)
{
    const struct telu_batch_head *batch = (const struct telu_batch_head *)request;
    const struct telu_response_head *heads = (const struct telu_response_head *)response;
    size_t each = which == TELU_ENCODE ? (size_t)batch->stride : LIVE_PCM;
    const char *out = response + live_out_offset(batch->n);

    for (int i = 0; i < batch->n; i++, out += each) {
        struct telu_request *j = &requests[i];

        j->info = heads[i].info;
        if (which == TELU_ENCODE) {
            j->bytes = heads[i].bytes;
            memcpy(j->packet, out, (size_t)j->bytes);
        } else {
            j->result = heads[i].result;
            memcpy(j->pcm, out, LIVE_PCM);
        }
    }
    return batch->n;
}

int requests_check(enum telu_side which, const struct telu_request *requests, int n, int slots)
{
    for (int i = 0; i < n; i++) {
        if (requests[i].slot < 0 || requests[i].slot >= slots)
            return telu_fail("a packet of stream %d, expected 0 to %d", requests[i].slot,
                             slots - 1);
        if (which == TELU_ENCODE && (requests[i].rate.bitrate < TELU_MIN_BITRATE ||
                                     requests[i].rate.bitrate > TELU_MAX_BITRATE))
            return telu_fail("%d bit/s, expected %d to %d", requests[i].rate.bitrate,
                             TELU_MIN_BITRATE, TELU_MAX_BITRATE);
        if (which == TELU_DECODE && requests[i].packet &&
            (requests[i].bytes < 0 || requests[i].bytes > TELU_MAX_PACKET))
            return telu_fail("a packet of %d bytes, expected 0 to %d", requests[i].bytes,
                             TELU_MAX_PACKET);
    }
    return 0;
}
