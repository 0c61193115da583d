/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_tlc.c - the bytes of a .tlc file: worked examples, round trips, every truncation,
 * every single-bit flip, noise, and overhead. */
#include <glib.h>

#include <stdio.h>
#include <string.h>

#include "tlc.h"

static int failed;

#define CHECK(cond, ...) \
    do { \
        if (!(cond)) { \
            printf("%s:%d: %s: ", __FILE__, __LINE__, #cond); \
            printf(__VA_ARGS__); \
            printf("\n"); \
            failed++; \
        } \
    } while (0)

static TlcPage page, back;
static guint8 bytes[TLC_MAX_PAGE], again[TLC_MAX_PAGE];
static char why[TLC_WHY];
static guint32 seed = 1;

static guint random_below(guint n)
{
    seed = seed * 1664525 + 1013904223;
    return (guint) (((guint64) seed * n) >> 32);
}

static void expect_bytes(const char *what, const guint8 *got, gsize size,
                         const guint8 *want, gsize wanted)
{
    CHECK(size == wanted, "%s: %zu bytes instead of %zu", what, size, wanted);
    for (gsize i = 0; i < MIN(size, wanted); i++)
        CHECK(got[i] == want[i], "%s: byte %zu is %02x instead of %02x", what, i,
              got[i], want[i]);
}

/* --- The worked bytes of FORMAT.md ----------------------------------------- */

static void worked_header(void)
{
    static const guint8 want[] = {
        'T', 'e', 'L', 'C', 1, 80, 0, 0x39, 0x30, 0, 0, 0, 0,
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
        0x63, 0x0d, 0x42, 0xfd
    };
    TlcHeader header = { .pre_skip = 80, .samples = 12345 }, read;
    guint8 out[TLC_HEADER_SIZE];

    for (int i = 0; i < 32; i++)
        header.model_id[i] = i;
    tlc_header_write(&header, out);
    expect_bytes("header", out, sizeof(out), want, sizeof(want));
    CHECK(tlc_header_read(&read, out, sizeof(out), why) == TLC_OK, "%s", why);
    CHECK(read.pre_skip == 80 && read.samples == 12345
          && memcmp(read.model_id, header.model_id, 32) == 0,
          "pre-skip %u, samples %" G_GUINT64_FORMAT, read.pre_skip, read.samples);
}

static void worked_tags(void)
{
    static const guint8 want[] = {
        'T', 'e', 'L', 'T', 20, 0,
        1, 0, 0, 0, 'e', 1, 0, 0, 0, 7, 0, 0, 0, 'T', 'I', 'T', 'L', 'E', '=', 'x',
        0x34, 0xe7, 0xe4, 0xc5
    };
    guint8 out[sizeof(want)];

    expect_bytes("tags", out, tlc_tags_write(want + 6, 20, out), want, sizeof(want));
}

static void worked_page(void)
{
    /* lengths 2 5 0 4 around the constant 4: distances -2 1 -4 0, zigzag 3 2 7 0,
     * k = 1: 10 1, 10 0, 1110 1, 0 0; the first byte, c1, stands once */
    static const guint8 want[] = {
        'T', 'L', 'P', 0x03, 0x96, 0, 0, 0, 13, 0, 4, 0x04, 0xc4,
        10, 0, 0xc1, 0xb3, 0xa0,
        0x11, 0x21, 0x22, 0x23, 0x24, 0x31, 0x32, 0x33,
        0x23, 0x9d, 0xc8, 0xdc
    };
    static const guint8 packets[] = {
        0xc1, 0x11, 0xc1, 0x21, 0x22, 0x23, 0x24, 0xc1, 0x31, 0x32, 0x33
    };

    tlc_page_start(&page, 150);
    page.last = TRUE;
    page.trim = 10;
    tlc_page_add(&page, packets, 2);
    tlc_page_add(&page, packets + 2, 5);
    tlc_page_add(&page, NULL, 0);
    tlc_page_add(&page, packets + 7, 4);
    expect_bytes("page", bytes, tlc_page_write(&page, bytes), want, sizeof(want));
}

/* --- Round trips ----------------------------------------------------------- */

static void expect_same(const char *what, const TlcPage *a, const TlcPage *b)
{
    CHECK(a->index == b->index && a->count == b->count && a->last == b->last
          && a->trim == b->trim && a->bytes == b->bytes,
          "%s: index %u %u, count %u %u, last %d %d, trim %u %u, bytes %u %u", what,
          a->index, b->index, a->count, b->count, a->last, b->last, a->trim, b->trim,
          a->bytes, b->bytes);
    CHECK(memcmp(a->length, b->length, 2 * a->count) == 0, "%s: lengths", what);
    CHECK(memcmp(a->data, b->data, a->bytes) == 0, "%s: packets", what);
}

static gsize expect_back(const char *what)
{
    gsize used, size = tlc_page_write(&page, bytes);
    TlcResult got = tlc_page_read(&back, bytes, size, &used, why);

    CHECK(size <= TLC_MAX_PAGE, "%s: %zu", what, size);
    CHECK(got == TLC_OK && used == size, "%s: result %d, %zu of %zu bytes, %s", what,
          got, used, size, why);
    if (got == TLC_OK)
        expect_same(what, &page, &back);
    return size;
}

/* Packets of lo .. hi bytes whose first bytes come from `values` values. */
static void fill_page(guint count, guint lo, guint hi, guint values)
{
    guint8 packet[TLC_MAX_PACKET];

    tlc_page_start(&page, random_below(G_MAXUINT32));
    page.last = random_below(2);
    page.trim = page.last ? random_below(65536) : 0;
    for (guint i = 0; i < count; i++) {
        guint size = lo + random_below(hi - lo + 1);

        for (guint j = 0; j < size; j++)
            packet[j] = random_below(256);
        packet[0] = 0x80 + 37 * random_below(values);
        if (!tlc_page_add(&page, packet, size))
            break;
    }
}

static void there_and_back(void)
{
    static const guint values[] = { 1, 2, 3, 4, 5, 9, 16, 17, 256 };
    static const guint sizes[][2] = {
        { 0, 0 }, { 1, 1 }, { 0, 1 }, { 40, 40 }, { 8, 150 }, { 0, 1000 },
        { 999, 1000 }, { 1000, 1000 }
    };

    for (guint v = 0; v < G_N_ELEMENTS(values); v++)
        for (guint s = 0; s < G_N_ELEMENTS(sizes); s++)
            for (guint count = 1; count <= TLC_MAX_PACKETS; count += 1 + count / 2) {
                char what[80];

                g_snprintf(what, sizeof(what), "%u packets of %u to %u, %u values",
                           count, sizes[s][0], sizes[s][1], values[v]);
                fill_page(count, sizes[s][0], sizes[s][1], values[v]);
                expect_back(what);
            }

    fill_page(300, 10, 20, 1);
    CHECK(page.count == TLC_MAX_PACKETS, "%u packets in a page", page.count);
    fill_page(300, 1000, 1000, 256);
    CHECK(page.bytes <= TLC_MAX_DATA && page.count == TLC_MAX_DATA / 1000,
          "%u packets, %u bytes in a page", page.count, page.bytes);
    CHECK(!tlc_page_add(&page, bytes, TLC_MAX_PACKET + 1), "too long a packet");

    tlc_page_start(&page, 0);
    page.last = TRUE;
    expect_back("an empty stream");
}

/* --- Damage ---------------------------------------------------------------- */

static void damaged_header(void)
{
    TlcHeader header = { .pre_skip = 80, .samples = TLC_UNKNOWN };
    guint8 out[TLC_HEADER_SIZE];

    tlc_header_write(&header, out);
    for (guint i = 0; i < sizeof(out); i++)
        CHECK(tlc_header_read(&header, out, i, why) == TLC_SHORT, "cut at %u", i);
    for (guint bit = 0; bit < 8 * sizeof(out); bit++) {
        out[bit / 8] ^= 1 << bit % 8;
        CHECK(tlc_header_read(&header, out, sizeof(out), why) == TLC_BAD,
              "bit %u flipped", bit);
        out[bit / 8] ^= 1 << bit % 8;
    }

    /* valid check sum, but another version or too long a pre-skip */
    for (guint at = 4; at <= 6; at += 2) {
        guint32 crc;

        tlc_header_write(&header, out);
        out[at] += 1;
        crc = tlc_crc(out, 45);
        for (guint i = 0; i < 4; i++)
            out[45 + i] = crc >> 8 * i;
        CHECK(tlc_header_read(&header, out, sizeof(out), why) == TLC_FOREIGN,
              "byte %u is foreign", at);
        header.pre_skip = 80;
    }
}

static void damaged_page(void)
{
    gsize size, used;

    fill_page(20, 0, 60, 3);
    size = tlc_page_write(&page, bytes);
    memcpy(again, bytes, size);
    for (gsize i = 0; i < size; i++) {
        TlcResult got = tlc_page_read(&back, again, i, &used, why);

        CHECK(got == TLC_SHORT && used > i && used <= size,
              "cut at %zu of %zu: result %d, claims %zu", i, size, got, used);
    }
    for (gsize bit = 0; bit < 8 * size; bit++) {
        again[bit / 8] ^= 1 << bit % 8;
        CHECK(tlc_page_read(&back, again, size, &used, why) != TLC_OK,
              "bit %zu flipped", bit);
        again[bit / 8] ^= 1 << bit % 8;
    }
}

/* Cuts pages at each byte. The packets before the cut come, and no others; a head that says
 * another size gives none. */
static void cut_page(guint packets, guint lo, guint hi, guint values)
{
    gsize size;
    guint most = 0;

    fill_page(packets, lo, hi, values);
    size = tlc_page_write(&page, bytes);
    for (gsize i = 0; i <= size; i++) {
        guint count, sum = 0;

        memcpy(again, bytes, i);
        memset(again + i, 0xee, size - i);
        count = tlc_page_cut(&back, again, i);
        CHECK(count >= most || i == size, "cut at %zu of %zu: %u packets, %u before", i, size,
              count, most);
        most = MAX(most, count);
        if (count == 0)
            continue;
        for (guint k = 0; k < count; k++)
            sum += page.length[k];
        CHECK(back.index == page.index && back.bytes == sum && !back.last && back.trim == 0,
              "cut at %zu: %u bytes of %u", i, back.bytes, sum);
        CHECK(memcmp(back.length, page.length, 2 * count) == 0
              && memcmp(back.data, page.data, sum) == 0, "cut at %zu: other packets", i);
        again[8] ^= 1;
        CHECK(tlc_page_cut(&back, again, i) == 0, "cut at %zu: another size is believed", i);
    }
    CHECK(most == packets, "%u of %u packets before the check sum", most, packets);
    CHECK(tlc_page_cut(&back, bytes, size) == 0, "a whole page is no cut one");
}

/* Many heads that claim long pages: the check sums of a part of them are tried. */
static void bounded_work(void)
{
    static guint8 file[TLC_MAX_PAGE + 50000];
    gsize work = TLC_WORK, used, tried = 0;

    for (gsize i = 0; i < sizeof(file); i++)
        file[i] = "TLP\x0b\xff"[i % 5];
    for (gsize at = 0; at + TLC_MAX_PAGE < sizeof(file); at += 5) {
        gsize before = work;

        CHECK(tlc_page_try(&back, file + at, TLC_MAX_PAGE, &used, &work, why) == TLC_BAD,
              "at %zu: a page", at);
        CHECK(work == before || work == before - used, "work %zu after %zu", work, before);
        tried += before - work;
    }
    CHECK(tried > 0 && tried <= TLC_WORK, "%zu bytes tried", tried);

    /* A good page costs nothing, and is refused only where it is longer than the work left. */
    fill_page(20, 0, 60, 3);
    used = tlc_page_write(&page, bytes);
    work = used;
    CHECK(tlc_page_try(&back, bytes, used, &used, &work, why) == TLC_OK && work == used,
          "a good page: %s", why);
    work = used - 1;
    CHECK(tlc_page_try(&back, bytes, used, &used, &work, why) == TLC_BAD
          && strstr(why, "not tried"), "work %zu: %s", work, why);
}

/* Tags come back, and no cut or changed ones do. */
static void tags_block(gsize length)
{
    gsize size, used, work = TLC_WORK;

    for (gsize i = 0; i < length; i++)
        again[i] = random_below(256);
    size = tlc_tags_write(again, length, bytes);
    CHECK(size == TLC_TAGS_MIN + length && memcmp(bytes + 6, again, length) == 0,
          "%zu bytes of tags: %zu", length, size);
    CHECK(tlc_tags_read(bytes, size, &used, &work, why) == TLC_OK && used == size
          && work == TLC_WORK, "%zu bytes of tags: %s", length, why);
    for (gsize i = 0; i < size; i += 1 + i / 50)
        CHECK(tlc_tags_read(bytes, i, &used, &work, why) == TLC_SHORT && used > i,
              "tags cut at %zu of %zu", i, size);
    for (gsize bit = 0; bit < 8 * size; bit += 1 + bit / 300) {
        work = TLC_WORK;
        bytes[bit / 8] ^= 1 << bit % 8;
        CHECK(tlc_tags_read(bytes, size, &used, &work, why) != TLC_OK, "bit %zu flipped", bit);
        CHECK(work == TLC_WORK || work == TLC_WORK - used, "work %zu", work);
        bytes[bit / 8] ^= 1 << bit % 8;
    }
    work = size - 1;
    CHECK(tlc_tags_read(bytes, size, &used, &work, why) == TLC_BAD, "tags beyond the work");
}

/* Pages with valid check sums and wrong fields. Accepted ones must be consistent. */
static void hostile_pages(void)
{
    guint accepted = 0;

    for (guint n = 0; n < 200000; n++) {
        guint body = random_below(random_below(4) ? 60 : 4000);
        gsize size = TLC_PAGE_MIN + body, used;
        guint32 crc;

        if (n % 2) {           /* a good page with a few bytes changed */
            fill_page(1 + random_below(30), 0, 40, 1 + random_below(5));
            size = tlc_page_write(&page, again);
            for (guint i = random_below(3); i > 0; i--)
                again[3 + random_below(size - 7)] = random_below(256);
        } else {
            for (gsize i = 0; i < size; i++)
                again[i] = random_below(256);
            memcpy(again, "TLP", 3);
            again[3] &= 0x0f;
            again[8] = body & 255;
            again[9] = body >> 8;
            again[10] = random_below(40);
            again[12] &= 0xeb;
        }
        crc = tlc_crc(again, size - 4);
        for (guint i = 0; i < 4; i++)
            again[size - 4 + i] = crc >> 8 * i;
        if (tlc_page_read(&back, again, size, &used, why) != TLC_OK)
            continue;

        guint sum = 0;

        accepted++;
        for (guint i = 0; i < back.count; i++) {
            CHECK(back.length[i] <= TLC_MAX_PACKET, "length %u", back.length[i]);
            sum += back.length[i];
        }
        CHECK(sum == back.bytes && sum <= TLC_MAX_DATA && used == size,
              "%u bytes of %u, %zu used of %zu", back.bytes, sum, used, size);
    }
    CHECK(accepted > 20000, "only %u accepted: the test is too blunt", accepted);
}

static void finding(void)
{
    static const char text[] = "xTTLPTeLCTeLxTL";

    CHECK(tlc_find((const guint8 *) text, 15, 0) == 2, "page");
    CHECK(tlc_find((const guint8 *) text, 15, 3) == 5, "header");
    CHECK(tlc_find((const guint8 *) text, 15, 6) == 13, "cut sync word");
    CHECK(tlc_find((const guint8 *) text, 13, 6) == 13, "nothing");
    CHECK(tlc_find((const guint8 *) text, 12, 6) == 9, "cut header");
}

/* --- Overhead -------------------------------------------------------------- */

/* At 16 kbit/s, 8 .. 150 bytes around 40, the file adds at most 0.32 kbit/s in all. */
static void overhead(guint packets, guint values)
{
    gsize size = TLC_HEADER_SIZE, payload = 0;
    guint8 packet[TLC_MAX_PACKET] = { 0, };
    double loud = 0.0, added, allowed;

    tlc_page_start(&page, 0);
    for (guint i = 0; i < packets; i++) {
        gint length;

        loud = 0.8 * loud + 10.0 * (random_below(1000) / 500.0 - 1.0);
        length = (gint) (40.0 + 2.0 * loud + random_below(17) - 8.0);
        length = CLAMP(length, 8, 150);
        packet[0] = 0xc0 + random_below(values);
        payload += length;
        tlc_page_add(&page, packet, length);
        page.last = i + 1 == packets;
        if (page.count == 160 || page.last) {
            size += expect_back("overhead");
            tlc_page_start(&page, i + 1);
        }
    }
    added = ((double) size - (double) payload) * 8.0 / (0.02 * packets);
    allowed = MAX(200.0, 0.02 * payload * 8.0 / (0.02 * packets));
    printf("%u packets, %u first bytes: %.0f bit/s, the file adds %.0f bit/s of "
           "%.0f\n", packets, values, payload * 8.0 / (0.02 * packets), added, allowed);
    CHECK(added <= allowed, "%.0f bit/s", added);
}

int main(void)
{
    worked_header();
    worked_tags();
    worked_page();
    there_and_back();
    damaged_header();
    damaged_page();
    hostile_pages();
    cut_page(1, 30, 30, 1);
    cut_page(20, 0, 60, 3);
    cut_page(160, 10, 90, 40);
    cut_page(200, 0, 0, 1);
    bounded_work();
    tags_block(0);
    tags_block(100);
    tags_block(TLC_MAX_TAGS);
    finding();
    overhead(150, 1);
    overhead(250, 4);
    overhead(500, 1);
    overhead(1500, 4);
    return failed != 0;
}
