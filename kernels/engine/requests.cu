/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* requests.cu - see requests.cuh. */
#include "requests.cuh"

#include <string.h>

/* A packet is smaller than its sound. */
size_t jobs_most_asked(int n)
{
    return live_asked(n) + n * LIVE_PCM;
}

size_t jobs_most_answered(int n)
{
    return live_answered(n) + n * LIVE_PCM;
}

/* Bytes from packet to packet: the most that one of these can have. */
static int stride_for(enum telu_side which, const struct telu_request *jobs, int n)
{
    int most = 1;

    for (int i = 0; i < n; i++) {
        int bytes = which == TELU_ENCODE ? telu_rc_max_bytes(&jobs[i].rate)
                  : jobs[i].packet ? jobs[i].bytes : 0;

        most = bytes > most ? bytes : most;
    }
    return (int)live_round((size_t)most);
}

size_t jobs_ask(char *request, size_t *answered, enum telu_side which,
                const struct telu_request *jobs, int n, const char *fresh)
{
    const int stride = stride_for(which, jobs, n);
    struct telu_batch_head head = { n, stride };
    struct telu_request_head *asks = (struct telu_request_head *)(request + live_asks());
    size_t each = which == TELU_ENCODE ? LIVE_PCM : (size_t)stride;
    char *in = request + live_asked(n);

    memcpy(request, &head, sizeof(head));
    for (int i = 0; i < n; i++, in += each) {
        const struct telu_request *j = &jobs[i];

        asks[i].slot = j->slot;
        asks[i].reset = j->reset || fresh[j->slot];
        asks[i].bytes = j->packet ? j->bytes : -1;
        asks[i].rate = j->rate;
        if (which == TELU_ENCODE)
            memcpy(in, j->pcm, LIVE_PCM);
        else if (j->packet)
            memcpy(in, j->packet, (size_t)j->bytes);
    }
    *answered = live_answered(n) + n * (which == TELU_ENCODE ? (size_t)stride : LIVE_PCM);
    return live_asked(n) + n * each;
}

int jobs_answer(enum telu_side which, struct telu_request *jobs, const char *request,
                const char *response)
{
    const struct telu_batch_head *head = (const struct telu_batch_head *)request;
    const struct telu_response_head *answers = (const struct telu_response_head *)response;
    size_t each = which == TELU_ENCODE ? (size_t)head->stride : LIVE_PCM;
    const char *out = response + live_answered(head->n);

    for (int i = 0; i < head->n; i++, out += each) {
        struct telu_request *j = &jobs[i];

        j->info = answers[i].info;
        if (which == TELU_ENCODE) {
            j->bytes = answers[i].bytes;
            memcpy(j->packet, out, (size_t)j->bytes);
        } else {
            j->result = answers[i].result;
            memcpy(j->pcm, out, LIVE_PCM);
        }
    }
    return head->n;
}

int jobs_check(enum telu_side which, const struct telu_request *jobs, int n, int slots)
{
    for (int i = 0; i < n; i++) {
        if (jobs[i].slot < 0 || jobs[i].slot >= slots)
            return telu_fail("a packet of stream %d, expected 0 to %d", jobs[i].slot,
                             slots - 1);
        if (which == TELU_ENCODE && (jobs[i].rate.bitrate < TELU_MIN_BITRATE ||
                                     jobs[i].rate.bitrate > TELU_MAX_BITRATE))
            return telu_fail("%d bit/s, expected %d to %d", jobs[i].rate.bitrate,
                             TELU_MIN_BITRATE, TELU_MAX_BITRATE);
        if (which == TELU_DECODE && jobs[i].packet &&
            (jobs[i].bytes < 0 || jobs[i].bytes > TELU_MAX_PACKET))
            return telu_fail("a packet of %d bytes, expected 0 to %d", jobs[i].bytes,
                             TELU_MAX_PACKET);
    }
    return 0;
}
