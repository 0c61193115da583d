/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tlc.c - writes and reads header, tags and pages of a .tlc file. */
#include "tlc.h"

#include "packing.h"

#include <stdio.h>
#include <string.h>

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define SYNC  "TLP"
#define SYNC_SIZE 3

#define FLAG_LAST   0x01
#define FIRST_SHIFT 1           /* flags, bits 1 .. 3: how first bytes are kept */
#define FLAGS_KNOWN (FLAG_LAST | 7 << FIRST_SHIFT)

uint32_t
tlc_crc (const uint8_t * data, size_t size)
{
  static const uint32_t table[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
    0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
    0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c
  };
  uint32_t crc = 0xffffffff;

  for (size_t i = 0; i < size; i++) {
    crc ^= data[i];
    crc = crc >> 4 ^ table[crc & 15];
    crc = crc >> 4 ^ table[crc & 15];
  }
  return ~crc;
}

/* --- Little-endian numbers ---------------------------------------------- */

static void
put (uint8_t * out, uint64_t value, unsigned bytes)
{
  for (unsigned i = 0; i < bytes; i++)
    out[i] = value >> 8 * i;
}

static uint64_t
get (const uint8_t * in, unsigned bytes)
{
  uint64_t value = 0;

  for (unsigned i = 0; i < bytes; i++)
    value |= (uint64_t) in[i] << 8 * i;
  return value;
}

/* --- Header ------------------------------------------------------------- */

void
tlc_header_write (const TlcHeader * header, uint8_t * out)
{
  memcpy (out, TLC_MAGIC, 4);
  out[4] = TLC_VERSION;
  put (out + 5, header->pre_skip, 2);
  put (out + 7, header->samples, 6);
  memcpy (out + 13, header->model_id, 32);
  put (out + 45, tlc_crc (out, 45), 4);
}

TlcResult
tlc_header_read (TlcHeader * header, const uint8_t * in, size_t size, char * why)
{
  if (memcmp (in, TLC_MAGIC, MIN (size, 4)) != 0) {
    snprintf (why, TLC_WHY, "no header: it does not begin with \"" TLC_MAGIC "\"");
    return TLC_BAD;
  }
  if (size < TLC_HEADER_SIZE)
    return TLC_SHORT;
  if (get (in + 45, 4) != tlc_crc (in, 45)) {
    snprintf (why, TLC_WHY, "the header's check sum is %08x, its bytes give "
        "%08x", (unsigned) get (in + 45, 4), tlc_crc (in, 45));
    return TLC_BAD;
  }
  header->pre_skip = get (in + 5, 2);
  header->samples = get (in + 7, 6);
  memcpy (header->model_id, in + 13, 32);
  if (in[4] != TLC_VERSION || header->pre_skip >= TLC_SAMPLES) {
    snprintf (why, TLC_WHY, "version %u with pre-skip %u; this reads version %u "
        "with less than %u", in[4], header->pre_skip, TLC_VERSION, TLC_SAMPLES);
    return TLC_FOREIGN;
  }
  return TLC_OK;
}

/* --- Tags ----------------------------------------------------------------- */

size_t
tlc_tags_write (const uint8_t * tags, size_t size, uint8_t * out)
{
  memcpy (out, TLC_TAGS_MAGIC, 4);
  put (out + 4, size, 2);
  memcpy (out + 6, tags, size);
  put (out + 6 + size, tlc_crc (out, 6 + size), 4);
  return TLC_TAGS_MIN + size;
}

TlcResult
tlc_tags_read (const uint8_t * in, size_t size, size_t * used, size_t * work,
    char * why)
{
  *used = TLC_TAGS_MIN;
  if (memcmp (in, TLC_TAGS_MAGIC, MIN (size, 4)) != 0) {
    snprintf (why, TLC_WHY, "no tags: they do not begin with \"" TLC_TAGS_MAGIC "\"");
    return TLC_BAD;
  }
  if (size < TLC_TAGS_MIN)
    return TLC_SHORT;
  *used += get (in + 4, 2);
  if (*used > *work) {
    snprintf (why, TLC_WHY, "too many bytes before only seemed to begin a page or "
        "tags; these are not tried");
    return TLC_BAD;
  }
  if (size < *used)
    return TLC_SHORT;
  if (get (in + *used - 4, 4) != tlc_crc (in, *used - 4)) {
    snprintf (why, TLC_WHY, "the check sum of the tags is %08x, their bytes give "
        "%08x", (unsigned) get (in + *used - 4, 4), tlc_crc (in, *used - 4));
    *work -= *used;
    return TLC_BAD;
  }
  return TLC_OK;
}

/* --- Page ----------------------------------------------------------------- */

void
tlc_page_start (TlcPage * page, uint32_t index)
{
  page->index = index;
  page->count = page->trim = page->bytes = 0;
  page->last = 0;
}

int
tlc_page_add (TlcPage * page, const uint8_t * packet, size_t size)
{
  if (page->count == TLC_MAX_PACKETS || size > TLC_MAX_PACKET
      || page->bytes + size > TLC_MAX_DATA)
    return 0;
  if (size > 0)
    memcpy (page->data + page->bytes, packet, size);
  page->bytes += size;
  page->length[page->count++] = size;
  return 1;
}

size_t
tlc_page_write (const TlcPage * page, uint8_t * out)
{
  uint8_t *at = out + TLC_PAGE_HEAD;
  const uint8_t *packet;
  TlcPacking how;

  tlc_packing_choose (&how, page);
  if (page->last) {
    put (at, page->trim, 2);
    at += 2;
  }
  at = tlc_packing_write (&how, page, at);

  packet = page->data;
  for (unsigned i = 0; i < page->count; packet += page->length[i++]) {
    unsigned kept = how.first && page->length[i] > 0;

    memcpy (at, packet + kept, page->length[i] - kept);
    at += page->length[i] - kept;
  }

  memcpy (out, SYNC, SYNC_SIZE);
  out[3] = (page->last ? FLAG_LAST : 0) | how.first << FIRST_SHIFT;
  put (out + 4, page->index, 4);
  put (out + 8, at - out - TLC_PAGE_HEAD, 2);
  out[10] = page->count;
  put (out + 11, how.shift << 14 | how.k << 10 | how.start, 2);
  put (at, tlc_crc (out, at - out), 4);
  return at + 4 - out;
}

/* Copies packets up to the first that is not whole. Returns where it begins. */
static const uint8_t *
unpack_packets (TlcPage * page, const uint8_t * in, const uint8_t * end,
    const TlcPacking * how, const uint8_t * first)
{
  const unsigned count = page->count;

  page->bytes = page->count = 0;
  for (unsigned i = 0; i < count; i++) {
    unsigned kept = how->first && page->length[i] > 0;
    unsigned rest = page->length[i] - kept;

    if (rest > end - in)
      break;
    if (kept)
      page->data[page->bytes] = first[i];
    memcpy (page->data + page->bytes + kept, in, rest);
    page->bytes += page->length[i];
    page->count++;
    in += rest;
  }
  return in;
}

/* Reads what stands before the body. *used: bytes of the page, once TLC_OK. */
static TlcResult
read_head (TlcPage * page, const uint8_t * in, size_t size, size_t * used,
    TlcPacking * how, char * why)
{
  unsigned lengths;

  *used = TLC_PAGE_MIN;
  if (memcmp (in, SYNC, MIN (size, SYNC_SIZE)) != 0) {
    snprintf (why, TLC_WHY, "no page: it does not begin with \"" SYNC "\"");
    return TLC_BAD;
  }
  if (size < TLC_PAGE_HEAD)
    return TLC_SHORT;

  lengths = get (in + 11, 2);
  how->first = in[3] >> FIRST_SHIFT & 7;
  how->shift = lengths >> 14;
  how->k = lengths >> 10 & 15;
  how->start = lengths & 1023;
  tlc_page_start (page, get (in + 4, 4));
  page->count = in[10];
  page->last = (in[3] & FLAG_LAST) != 0;
  if ((in[3] & ~FLAGS_KNOWN) || !tlc_packing_valid (how)
      || (page->count == 0 && !page->last)) {
    snprintf (why, TLC_WHY, "the page's head makes no sense: flags 0x%02x, "
        "%u packets, length code 0x%04x", in[3], page->count, lengths);
    return TLC_BAD;
  }
  *used = TLC_PAGE_MIN + get (in + 8, 2);
  return TLC_OK;
}

/* Reads the lengths of a page of which in [size] is the beginning. Returns where the packets
 * begin, or NULL when the lengths are damaged or not all there. *fill: the bytes of a page
 * that they fill. */
static const uint8_t *
peek_lengths (TlcPage * page, const uint8_t * in, size_t size, TlcPacking * how,
    uint8_t * first, size_t * fill)
{
  const size_t before = TLC_PAGE_HEAD + (page->last ? 2 : 0);
  const uint8_t *packets;
  size_t kept = 0;

  if (size < before)
    return NULL;
  packets = tlc_packing_read (how, page, in + before, in + size, first);
  if (!packets)
    return NULL;
  for (unsigned i = 0; i < page->count; i++)
    kept += how->first && page->length[i] > 0;
  *fill = packets - in + page->bytes - kept + 4;
  return packets;
}

TlcResult
tlc_page_read (TlcPage * page, const uint8_t * in, size_t size, size_t * used,
    char * why)
{
  const uint8_t *body = in + TLC_PAGE_HEAD, *end;
  uint8_t first[TLC_MAX_PACKETS];
  TlcPacking how = { 0, };
  TlcResult result = read_head (page, in, size, used, &how, why);
  const size_t whole = *used;
  size_t fill;
  unsigned count;

  if (result != TLC_OK)
    return result;
  if (size < whole) {
    if (!peek_lengths (page, in, size, &how, first, &fill) || fill == whole)
      return TLC_SHORT;
    snprintf (why, TLC_WHY, "the page at packet %u claims %u bytes, of which its %u "
        "packets fill %u", page->index, (unsigned) whole, page->count, (unsigned) fill);
    return TLC_BAD;
  }
  end = in + whole - 4;
  if (get (end, 4) != tlc_crc (in, whole - 4)) {
    snprintf (why, TLC_WHY, "the check sum of page at packet %u is %08x, its "
        "bytes give %08x", page->index, (unsigned) get (end, 4), tlc_crc (in,
            whole - 4));
    return TLC_BAD;
  }
  if (page->last && end - body >= 2) {
    page->trim = get (body, 2);
    body += 2;
  } else if (page->last) {
    body = NULL;
  }
  count = page->count;
  if (body)
    body = tlc_packing_read (&how, page, body, end, first);
  if (body)
    body = unpack_packets (page, body, end, &how, first);
  if (body != end || page->count != count) {
    snprintf (why, TLC_WHY, "the page at packet %u has %u bytes, which its %u "
        "packets do not fill", page->index, (unsigned) whole, count);
    return TLC_BAD;
  }
  return TLC_OK;
}

TlcResult
tlc_page_try (TlcPage * page, const uint8_t * in, size_t size, size_t * used,
    size_t * work, char * why)
{
  TlcPacking how = { 0, };
  TlcResult result = read_head (page, in, size, used, &how, why);

  if (result != TLC_OK)
    return result;
  if (*used > *work) {
    snprintf (why, TLC_WHY, "too many bytes before only seemed to begin a page; "
        "this one is not tried");
    return TLC_BAD;
  }
  result = tlc_page_read (page, in, size, used, why);
  if (result == TLC_BAD)
    *work -= *used;
  return result;
}

unsigned
tlc_page_cut (TlcPage * page, const uint8_t * in, size_t size)
{
  uint8_t first[TLC_MAX_PACKETS];
  const uint8_t *packets;
  TlcPacking how = { 0, };
  char why[TLC_WHY];
  size_t whole, fill;

  if (read_head (page, in, size, &whole, &how, why) != TLC_OK || size >= whole)
    return 0;
  packets = peek_lengths (page, in, size, &how, first, &fill);
  if (!packets || fill != whole)
    return 0;
  page->last = 0;
  unpack_packets (page, packets, in + MIN (size, whole - 4), &how, first);
  return page->count;
}

size_t
tlc_find (const uint8_t * in, size_t size, size_t from)
{
  for (size_t i = from; i < size; i++) {
    size_t left = size - i;

    if (in[i] == 'T' && (memcmp (in + i, SYNC, MIN (left, SYNC_SIZE)) == 0
            || memcmp (in + i, TLC_MAGIC, MIN (left, 4)) == 0))
      return i;
  }
  return size;
}
