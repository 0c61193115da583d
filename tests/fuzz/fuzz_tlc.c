/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_tlc.c - the functions of tlc.h on anything: the input is a .tlc file, or, when its first
 * byte is '=', bytes after it whose check sums are made right first. A header or page that is
 * read is written again and read back, and cut: the packets before the cut are the page's own.
 * Then the bytes are read as a file, whose work is bounded. */
#include "fuzz_mend.h"
#include "tlc_walk.h"

#define MOST 4096              /* bytes of an input that are looked at */

static void check_header(const uint8_t *in, size_t size)
{
    TlcHeader header, again;
    uint8_t out[TLC_HEADER_SIZE];
    char why[TLC_WHY] = "";
    TlcResult result = tlc_header_read(&header, in, size, why);

    promise(result == TLC_OK || result == TLC_SHORT || *why, "a header is refused without a reason",
            result);
    if (result != TLC_OK)
        return;
    tlc_header_write(&header, out);
    promise(tlc_header_read(&again, out, sizeof(out), why) == TLC_OK &&
            again.pre_skip == header.pre_skip && again.samples == header.samples &&
            !memcmp(again.model_id, header.model_id, 32), "a header changes", header.pre_skip);
}

static void check_again(const TlcPage *page)
{
    static TlcPage again;
    static uint8_t out[TLC_MAX_PAGE];
    size_t n = tlc_page_write(page, out), used;
    char why[TLC_WHY] = "";

    promise(n <= sizeof(out), "bytes of a page", (double)n);
    promise(tlc_page_read(&again, out, n, &used, why) == TLC_OK && used == n, why, (double)n);
    promise(again.index == page->index && again.count == page->count &&
            again.last == page->last && again.trim == page->trim && again.bytes == page->bytes &&
            !memcmp(again.length, page->length, page->count * sizeof(*page->length)) &&
            !memcmp(again.data, page->data, page->bytes), "a page changes, packets", page->count);
}

/* Cuts a page in memory of exactly its size. More bytes never give fewer packets, and without
 * the check sum all are there. */
static void check_cuts(const TlcPage *page, const uint8_t *in, size_t size)
{
    static TlcPage part;
    unsigned before = 0;

    for (size_t n = 0; n < size; n += 1 + size / 64 * (n + 5 < size)) {
        uint8_t *exact = malloc(n + !n);
        unsigned count, bytes = 0;
        size_t used;
        char why[TLC_WHY];

        promise(exact != NULL, "no memory", (double)n);
        memcpy(exact, in, n);
        promise(tlc_page_read(&part, exact, n, &used, why) == TLC_SHORT,
                "the beginning of a page is refused, bytes", (double)n);
        count = tlc_page_cut(&part, exact, n);
        for (unsigned i = 0; i < count; i++)
            bytes += page->length[i];
        promise(count >= before && count <= page->count && (!count || (part.count == count &&
                part.index == page->index && !part.last && part.bytes == bytes &&
                !memcmp(part.length, page->length, count * sizeof(*part.length)) &&
                !memcmp(part.data, page->data, bytes))), "a cut page changes, packets", count);
        before = count;
        free(exact);
    }
    promise(before == page->count, "packets of a page without check sum", before);
}

/* Returns the bytes that the page at in takes. */
static size_t check_page(const uint8_t *in, size_t size)
{
    static TlcPage page;
    char why[TLC_WHY] = "";
    size_t used = 0, bytes = 0;
    TlcResult result = tlc_page_read(&page, in, size, &used, why);

    promise(result == TLC_OK || result == TLC_SHORT || *why, "a page is refused without a reason",
            result);
    promise(result != TLC_SHORT || used > size, "bytes that a cut page claims", (double)used);
    if (result != TLC_OK) {
        tlc_page_cut(&page, in, size);
        return 1;
    }
    promise(used <= size && used >= TLC_PAGE_MIN, "bytes of a page", (double)used);
    for (unsigned i = 0; i < page.count; i++)
        bytes += page.length[i];
    promise(bytes == page.bytes && bytes <= TLC_MAX_DATA, "bytes of packets", (double)bytes);
    check_again(&page);
    check_cuts(&page, in, used);
    return used;
}

static void check_taken(struct walk *w, const TlcPage *page, int cut)
{
    size_t bytes = 0;

    (void)w;
    for (unsigned i = 0; i < page->count; i++)
        bytes += page->length[i];
    promise(bytes == page->bytes && page->count + (unsigned)page->last > 0 &&
            !(cut && page->last), "bytes of packets", (double)bytes);
}

static void check_file(const uint8_t *in, size_t size)
{
    struct walk w = { .take = check_taken };

    walk_tlc(&w, in, size);
    promise(!w.unexplained, "refused without a reason, times", w.unexplained);
    promise(w.failed <= TLC_WORK + TLC_WORK_PER_BYTE * size, "bytes of failed check sums",
            (double)w.failed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int mended = size && *data == '=';
    uint8_t *in;
    size_t n, at = 0;

    data += mended;
    size -= mended;
    n = size < MOST ? size : MOST;
    in = malloc(n + !n);
    promise(in != NULL, "no memory", (double)n);
    memcpy(in, data, n);
    if (mended)
        fuzz_mend(in, n);
    check_header(in, n);
    while ((at = tlc_find(in, n, at)) < n) {
        check_header(in + at, n - at);
        at += check_page(in + at, n - at);
    }
    check_file(in, n);
    free(in);
    return 0;
}
