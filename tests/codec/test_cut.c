/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_cut.c - a .tlc file that is cut at each byte, and one whose bytes and bits are changed
 * one by one: all packets outside the damaged page are read, with their own bytes, and of a
 * cut page those before the cut. Each reading starts in memory of exactly the file's size, so
 * that a sanitizer sees a read too far. */
#include "expect.h"
#include "tlc_walk.h"

#include <stdlib.h>

#define PAGES    5
#define MOST     60            /* packets of the file */
#define TAGS     33            /* bytes */

struct packet {
    uint8_t bytes[40];
    size_t size;
};

static struct packet packets[MOST];
static int page_of[MOST], first_of[PAGES + 1];     /* of packet, of page */
static size_t begin_of[PAGES + 1];                 /* byte of a page; the file's end */
static uint8_t file[1 << 14];
static uint8_t seen[MOST];
static int wrong, cuts;

static uint32_t seed = 7;

static unsigned random_below(unsigned n)
{
    seed = seed * 1664525 + 1013904223;
    return (unsigned)(((uint64_t)seed * n) >> 32);
}

/* Makes a file whose pages hold lengths that vary, are equal, and are nothing, and first bytes
 * of few and of many values. */
static size_t make_file(void)
{
    static const int per_page[PAGES] = { 12, 1, 20, 3, 9 };
    TlcHeader header = { .pre_skip = 80, .samples = 45 * TLC_SAMPLES - 80 - 7 };
    uint8_t tags[TAGS];
    static TlcPage page;
    size_t at = TLC_HEADER_SIZE;
    int k = 0;

    tlc_header_write(&header, file);
    memset(tags, 'x', sizeof(tags));
    at += tlc_tags_write(tags, sizeof(tags), file + at);
    for (int p = 0; p < PAGES; p++) {
        begin_of[p] = at;
        first_of[p] = k;
        tlc_page_start(&page, (uint32_t)k);
        for (int i = 0; i < per_page[p]; i++, k++) {
            struct packet *packet = &packets[k];

            packet->size = p == 3 ? 5 : random_below(20) + (p != 2);
            for (size_t j = 0; j < packet->size; j++)
                packet->bytes[j] = (uint8_t)random_below(256);
            if (p < 3)
                packet->bytes[0] = (uint8_t)(0xc0 + random_below(3));
            page_of[k] = p;
            tlc_page_add(&page, packet->bytes, packet->size);
        }
        page.last = p == PAGES - 1;
        page.trim = page.last ? 7 : 0;
        at += tlc_page_write(&page, file + at);
    }
    begin_of[PAGES] = at;
    first_of[PAGES] = k;
    return at;
}

static void take(struct walk *w, const TlcPage *page, int cut)
{
    const uint8_t *bytes = page->data;

    (void)w;
    cuts += cut;
    for (unsigned i = 0; i < page->count; bytes += page->length[i++]) {
        const uint64_t k = (uint64_t)page->index + i;

        if (k >= (uint64_t)first_of[PAGES] || page->length[i] != packets[k].size ||
            memcmp(bytes, packets[k].bytes, packets[k].size))
            wrong++;
        else
            seen[k]++;
    }
}

static struct walk read_file(const uint8_t *bytes, size_t size)
{
    struct walk w = { .take = take };
    uint8_t *exact = malloc(size + !size);

    if (!exact)
        abort();
    memcpy(exact, bytes, size);
    memset(seen, 0, sizeof(seen));
    wrong = cuts = 0;
    walk_tlc(&w, exact, size);
    free(exact);
    check(!wrong, "packets with other bytes", wrong);
    check(!w.unexplained, "refused without a reason", w.unexplained);
    check(w.failed <= TLC_WORK + TLC_WORK_PER_BYTE * size, "bytes of failed check sums",
          (double)w.failed);
    return w;
}

/* Returns the page that byte `at` belongs to; -1 before the first. */
static int page_at(size_t at)
{
    int p = PAGES - 1;

    while (p >= 0 && at < begin_of[p])
        p--;
    return p;
}

static void check_cuts(size_t size)
{
    int most = 0, taken = 0;

    for (size_t n = 0; n <= size; n++) {
        const struct walk w = read_file(file, n);
        const int p = n < size ? page_at(n) : PAGES;
        int count = 0;

        for (int k = 0; k < first_of[PAGES]; k++) {
            const int whole = p >= 0 && k < first_of[p];

            check(seen[k] == 1 || !whole, "a packet before the cut is missing, cut at",
                  (double)n);
            check(!seen[k] || whole || page_of[k] == p, "a packet behind the cut, cut at",
                  (double)n);
            check(!seen[k] || k == 0 || seen[k - 1], "a packet before it is missing, cut at",
                  (double)n);
            count += seen[k];
        }
        check(count >= most, "fewer packets than of a shorter file, cut at", (double)n);
        most = count;
        taken += cuts;
        /* The last byte may begin a page. */
        check(w.refused <= 2, "places refused", w.refused);
        check(w.headers == (n >= TLC_HEADER_SIZE), "headers, cut at", (double)n);
    }
    /* Most cuts leave a page's lengths whole. */
    check(taken > (int)size / 2, "cut pages of which packets were read", taken);
}

static void check_flips(size_t size)
{
    for (size_t at = 0; at < size; at++)
        for (int bit = 0; bit <= 8; bit++) {
            const int p = page_at(at);
            struct walk w;

            file[at] ^= bit < 8 ? 1u << bit : 0xff;
            w = read_file(file, size);
            file[at] ^= bit < 8 ? 1u << bit : 0xff;
            for (int k = 0; k < first_of[PAGES]; k++)
                check(seen[k] == (page_of[k] != p), page_of[k] == p ?
                      "a packet of the changed page is read, byte" : "a packet is missing, byte",
                      (double)at);
            check(w.refused >= 1 && w.refused <= 3, "places refused", w.refused);
            check(w.headers == (at >= TLC_HEADER_SIZE), "headers, byte", (double)at);
        }
}

/* A page whose size is changed is known as damaged from its head and its lengths: a reader of
 * a live stream does not wait for the bytes that it claims. */
static void check_sizes(void)
{
    static TlcPage page;
    char why[TLC_WHY];

    for (int p = 0; p < PAGES; p++)
        for (int bit = 0; bit < 16; bit++) {
            const size_t whole = begin_of[p + 1] - begin_of[p];
            uint8_t *in = file + begin_of[p];
            size_t used;

            in[8 + bit / 8] ^= 1u << bit % 8;
            check(tlc_page_read(&page, in, whole - 4, &used, why) == TLC_BAD,
                  "a changed size makes wait, bit", bit);
            in[8 + bit / 8] ^= 1u << bit % 8;
        }
}

int main(void)
{
    const size_t size = make_file();
    const struct walk w = read_file(file, size);

    for (int k = 0; k < first_of[PAGES]; k++)
        check(seen[k] == 1, "a packet of the whole file, times", seen[k]);
    check(!w.refused && w.headers == 1 && w.tags == 1, "the whole file is refused", w.refused);
    check_cuts(size);
    check_flips(size);
    check_sizes();
    printf("test_cut: %zu bytes, %d packets\n", size, first_of[PAGES]);
    return failed;
}
