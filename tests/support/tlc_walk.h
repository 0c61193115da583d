/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tlc_walk.h - reads a whole .tlc file by tlc.h in the way of telucodecparse, for tests and
 * fuzzing: bytes that are refused are skipped to the next header or page, within the bounds of
 * tlc_page_try(), and of a page that the end cuts the packets before the cut are taken. */
#ifndef TLC_WALK_H
#define TLC_WALK_H

#include "tlc.h"

#include <string.h>

struct walk {
    void (*take)(struct walk *w, const TlcPage *page, int cut);    /* a page was read */
    unsigned headers, tags;    /* read */
    unsigned refused;          /* places where nothing could be read */
    unsigned unexplained;      /* those without a reason */
    size_t failed;             /* bytes whose check sums failed */
    int64_t next;              /* number of the expected packet */
};

/* Reads what stands at the start of in [size]. *used: its bytes. */
static inline TlcResult walk_one(struct walk *w, const uint8_t *in, size_t size, size_t *used,
                                 size_t *work, char *why)
{
    static TlcPage page;
    TlcHeader header;
    TlcResult result;
    int cut = 0;

    if (size >= 4 && !memcmp(in, TLC_MAGIC, 4)) {
        *used = TLC_HEADER_SIZE;
        result = tlc_header_read(&header, in, size, why);
        w->headers += result == TLC_OK;
        w->next = result == TLC_OK ? 0 : w->next;
        return result;
    }
    if (size >= 4 && !memcmp(in, TLC_TAGS_MAGIC, 4)) {
        result = tlc_tags_read(in, size, used, work, why);
        w->tags += result == TLC_OK;
        return result;
    }
    result = tlc_page_try(&page, in, size, used, work, why);
    if (result == TLC_SHORT && tlc_page_cut(&page, in, size) > 0 && page.index == w->next) {
        *used = size;
        cut = 1;
        result = TLC_OK;
    }
    if (result == TLC_OK) {
        w->take(w, &page, cut);
        w->next = (int64_t)page.index + page.count;
    }
    return result;
}

/* Reads the file, and counts in w, whose `take` is called for each page. */
static inline void walk_tlc(struct walk *w, const uint8_t *in, size_t size)
{
    size_t at = 0, work = TLC_WORK;

    while (at < size) {
        const size_t before = work, from = at;
        char why[TLC_WHY] = "";
        size_t used;
        TlcResult result = walk_one(w, in + at, size - at, &used, &work, why);

        w->failed += before - work;
        if (result == TLC_OK) {
            at += used;
        } else {
            w->refused++;
            w->unexplained += result != TLC_SHORT && !*why;
            at = tlc_find(in, size, at + 1);
        }
        work += TLC_WORK_PER_BYTE * (at - from);
        work = work < TLC_WORK ? work : TLC_WORK;
    }
}

#endif
