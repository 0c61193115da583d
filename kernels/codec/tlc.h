/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tlc.h - the bytes of a .tlc file: one header, then pages of packets.
 *
 *   | header | page | page | ... | last page |
 *
 * FORMAT.md, "The .tlc file", draws them. Nothing here knows of GStreamer, and
 * nothing is trusted when read: a page is either right in every bit or no page.
 */
#ifndef TLC_H
#define TLC_H

#include <glib.h>

G_BEGIN_DECLS

#define TLC_VERSION      1
#define TLC_HEADER_SIZE  49
#define TLC_PAGE_HEAD    13           /* before the body */
#define TLC_PAGE_MIN     (TLC_PAGE_HEAD + 4)    /* with its check sum */
#define TLC_MAX_BODY     65535
#define TLC_MAX_PAGE     (TLC_PAGE_MIN + TLC_MAX_BODY)
#define TLC_MAX_PACKETS  255          /* of a page */
#define TLC_MAX_PACKET   1000         /* bytes */
#define TLC_MAX_DATA     64512        /* packets' bytes of a page; what is packed
                                       * beside them fits into the rest */
#define TLC_SAMPLES      320          /* of a packet */
#define TLC_RATE         16000
#define TLC_UNKNOWN      ((G_GUINT64_CONSTANT (1) << 48) - 1)   /* samples: not
                                       * known when written */
#define TLC_WHY          120          /* bytes of a reason */

typedef struct
{
  guint pre_skip;               /* decoded samples before the first one heard */
  guint64 samples;              /* heard in all, or TLC_UNKNOWN */
  guint8 model_id[32];          /* all zero: not known */
} TlcHeader;

/* Packets on their way into a page or out of one. */
typedef struct
{
  guint32 index;                /* of the first packet, from the stream's start */
  guint count;
  gboolean last;                /* no page follows */
  guint trim;                   /* when last: samples decoded but not heard, at
                                 * the end */
  guint16 length[TLC_MAX_PACKETS];      /* 0: the packet is missing */
  guint bytes;                  /* sum of length[] */
  guint8 data[TLC_MAX_DATA];    /* the packets one behind the other */
} TlcPage;

typedef enum
{
  TLC_OK,
  TLC_SHORT,                    /* may be one, but more bytes are needed */
  TLC_BAD,                      /* is none; why[] says what is wrong */
  TLC_FOREIGN                   /* is one, but of a kind not known here; why[] */
} TlcResult;

guint32 tlc_crc (const guint8 * data, gsize size);

void tlc_header_write (const TlcHeader * header, guint8 * out);
TlcResult tlc_header_read (TlcHeader * header, const guint8 * in, gsize size,
    gchar * why);

/* Empties the page; its first packet will be that with this index. */
void tlc_page_start (TlcPage * page, guint32 index);

/* FALSE when the packet does not fit: write the page, start the next one. */
gboolean tlc_page_add (TlcPage * page, const guint8 * packet, gsize size);

/* Writes into out [TLC_MAX_PAGE], returns the bytes written. */
gsize tlc_page_write (const TlcPage * page, guint8 * out);

/* in [size] begins where a page may begin. *used: its bytes when TLC_OK, the
 * bytes it claims when TLC_SHORT. */
TlcResult tlc_page_read (TlcPage * page, const guint8 * in, gsize size,
    gsize * used, gchar * why);

/* Offset >= from at which a header or a page may begin; size when there is none,
 * but not past the first bytes of a cut sync word at the very end. */
gsize tlc_find (const guint8 * in, gsize size, gsize from);

G_END_DECLS

#endif
