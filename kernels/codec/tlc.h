/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tlc.h - the bytes of a .tlc file: one header, then pages of packets.
 *
 *   | header | tags, or nothing | page | page | ... | last page |
 *
 * FORMAT.md, "The .tlc file", draws them. The reader trusts no byte and refuses a page with any
 * wrong bit.
 */
#ifndef TLC_H
#define TLC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TLC_MAGIC        "TeLC"      /* the first bytes of a header */
#define TLC_VERSION      1
#define TLC_HEADER_SIZE  49
#define TLC_TAGS_MAGIC   "TeLT"      /* the first bytes of tags */
#define TLC_TAGS_MIN     10           /* tags of no bytes: magic, size and check sum */
#define TLC_MAX_TAGS     65535        /* bytes between these */
#define TLC_PAGE_HEAD    13           /* before the body */
#define TLC_PAGE_MIN     (TLC_PAGE_HEAD + 4)    /* with its check sum */
#define TLC_MAX_BODY     65535
#define TLC_MAX_PAGE     (TLC_PAGE_MIN + TLC_MAX_BODY)
#define TLC_MAX_PACKETS  255          /* of a page */
#define TLC_MAX_PACKET   1000         /* bytes */
#define TLC_MAX_DATA     64512        /* packets' bytes of a page; the rest of the
                                       * body holds lengths and first bytes */
#define TLC_SAMPLES      320          /* of a packet */
#define TLC_RATE         16000
#define TLC_UNKNOWN      ((UINT64_C (1) << 48) - 1)   /* samples not known
                                       * when written */
#define TLC_WHY          120          /* bytes of a reason */

typedef struct
{
  unsigned pre_skip;             /* decoded samples before the first one played */
  uint64_t samples;              /* played in all, or TLC_UNKNOWN */
  uint8_t model_id[32];          /* all zero: not known */
} TlcHeader;

/* Packets of one page, to be written or just read. */
typedef struct
{
  uint32_t index;                /* of the first packet, from the stream's start */
  unsigned count;
  int last;                      /* no page follows */
  unsigned trim;                 /* when last: decoded samples to drop at the
                                 * end */
  uint16_t length[TLC_MAX_PACKETS];      /* 0: the packet is missing */
  unsigned bytes;                /* sum of length[] */
  uint8_t data[TLC_MAX_DATA];    /* the packets in order, without gaps */
} TlcPage;

typedef enum
{
  TLC_OK,
  TLC_SHORT,                    /* undecided: more bytes are needed */
  TLC_BAD,                      /* not valid; why[] has the reason */
  TLC_FOREIGN                   /* valid, but of an unknown version; why[] */
} TlcResult;

uint32_t tlc_crc (const uint8_t * data, size_t size);

void tlc_header_write (const TlcHeader * header, uint8_t * out);
TlcResult tlc_header_read (TlcHeader * header, const uint8_t * in, size_t size,
    char * why);

/* Writes `size` bytes of tags, TLC_MAX_TAGS at most, into out [TLC_TAGS_MIN + size]. Returns
 * the bytes written. */
size_t tlc_tags_write (const uint8_t * tags, size_t size, uint8_t * out);

/* Reads tags at the start of in [size]; those are *used - TLC_TAGS_MIN bytes at in + 6. *used
 * as of tlc_page_read(), *work as of tlc_page_try(). */
TlcResult tlc_tags_read (const uint8_t * in, size_t size, size_t * used,
    size_t * work, char * why);

/* Empties the page; `index` is that of its first packet. */
void tlc_page_start (TlcPage * page, uint32_t index);

/* Appends a packet. Returns 0 when it does not fit: write the page, start the next
 * one. */
int tlc_page_add (TlcPage * page, const uint8_t * packet, size_t size);

/* Writes into out [TLC_MAX_PAGE], returns the bytes written. */
size_t tlc_page_write (const TlcPage * page, uint8_t * out);

/* Reads the page at the start of in [size]. *used: its bytes when TLC_OK, the bytes
 * it claims when TLC_SHORT. A page of which a part is there is TLC_BAD at once where its
 * lengths do not fill the bytes that it claims: a reader need not wait for those. */
TlcResult tlc_page_read (TlcPage * page, const uint8_t * in, size_t size,
    size_t * used, char * why);

/* Reads like tlc_page_read(), and bounds the work on bytes that only seem to be pages, each
 * of which claims up to 64 kB. *work: bytes whose check sums may still fail, of which a page
 * that fails takes its size; a page that claims more is TLC_BAD unread. A reader begins with
 * TLC_WORK and adds TLC_WORK_PER_BYTE for each byte that it leaves behind, up to TLC_WORK. */
#define TLC_WORK           (16 * TLC_MAX_PAGE)
#define TLC_WORK_PER_BYTE  8
TlcResult tlc_page_try (TlcPage * page, const uint8_t * in, size_t size,
    size_t * used, size_t * work, char * why);

/* Reads the first packets of a page that the end of a file has cut: in [size] is all that is
 * there. Only head and lengths vouch for them, for lack of a check sum: these must fill the
 * page. Returns the number of packets that are whole, 0 if nothing can be told. The page is
 * not the last one then, and has no trim. */
unsigned tlc_page_cut (TlcPage * page, const uint8_t * in, size_t size);

/* Returns the next offset >= from of a header or page, or of a cut sync word at the
 * very end; size when there is none. */
size_t tlc_find (const uint8_t * in, size_t size, size_t from);

#ifdef __cplusplus
}
#endif

#endif
