/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tlc.c - writes and reads the header and the pages of a .tlc file. */
#include "tlc.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define SYNC  "TLP"
#define SYNC_SIZE 3

#define FLAG_LAST   0x01
#define FIRST_SHIFT 1           /* flags, bits 1 .. 3: how first bytes are kept */
#define MAX_FIRST   5
#define FLAGS_KNOWN (FLAG_LAST | 7 << FIRST_SHIFT)

#define CONSTANT 3              /* a predictor that never moves */
#define EQUAL    15             /* in place of k: all lengths are equal */
#define MAX_K    10

/* Coding of the lengths and of the first bytes in a page. */
typedef struct
{
  unsigned shift, k, start;     /* of the lengths' code */
  unsigned first;               /* 0: first bytes stay; else 2^(first - 1) values */
  uint8_t values[1 << (MAX_FIRST - 1)];
} Packing;

typedef struct
{
  uint8_t *at, *end;            /* current byte, end of the bytes */
  unsigned left;                /* unused bits of the current byte */
} Bits;

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

/* --- Bits, the most significant first ----------------------------------- */

static void
put_bits (Bits * b, unsigned value, unsigned n)
{
  while (n-- > 0) {
    if (b->left == 0) {
      *++b->at = 0;
      b->left = 8;
    }
    *b->at |= (value >> n & 1) << --b->left;
  }
}

/* Returns -1 past the end. */
static int
get_bits (Bits * b, unsigned n)
{
  unsigned value = 0;

  while (n-- > 0) {
    if (b->left == 0) {
      if (++b->at >= b->end)
        return -1;
      b->left = 8;
    }
    value = value << 1 | (*b->at >> --b->left & 1);
  }
  return value;
}

/* --- Lengths: Rice codes of the distance to a prediction ----------------- */

/* p is the prediction in eighths. */
static unsigned
predicted (int p)
{
  return (p + 4) >> 3;
}

static void
learn (int * p, unsigned length, unsigned shift)
{
  if (shift != CONSTANT)
    *p += ((int) (8 * length) - *p) >> shift;
}

static unsigned
zigzag (int distance)
{
  return distance < 0 ? -2 * distance - 1 : 2 * distance;
}

static int
unzigzag (unsigned value)
{
  return value & 1 ? -(int) (value >> 1) - 1 : (int) (value >> 1);
}

static unsigned
median_length (const TlcPage * page)
{
  unsigned histogram[TLC_MAX_PACKET + 1] = { 0, };
  unsigned seen = 0, length = 0;

  for (unsigned i = 0; i < page->count; i++)
    histogram[page->length[i]]++;
  while ((seen += histogram[length]) <= page->count / 2)
    length++;
  return length;
}

static void
pack_lengths (const TlcPage * page, Packing * best)
{
  unsigned cost = UINT_MAX, same = 0;

  best->shift = CONSTANT;
  best->k = EQUAL;
  best->start = page->count > 0 ? page->length[0] : 0;
  while (same < page->count && page->length[same] == best->start)
    same++;
  if (same == page->count)
    return;

  for (unsigned shift = 0; shift <= CONSTANT; shift++) {
    unsigned start = shift == CONSTANT ? median_length (page) : page->length[0];

    for (unsigned k = 0; k <= MAX_K; k++) {
      int p = 8 * start;
      unsigned bits = page->count * (k + 1);

      for (unsigned i = 0; i < page->count; i++) {
        bits += zigzag ((int) page->length[i] - (int) predicted (p)) >> k;
        learn (&p, page->length[i], shift);
      }
      if (bits < cost) {
        cost = bits;
        best->shift = shift;
        best->k = k;
        best->start = start;
      }
    }
  }
}

/* Returns -1 on damage. */
static int
unpack_length (Bits * b, const Packing * how, int * p)
{
  int bit, low, length;
  unsigned high = 0;

  if (how->k == EQUAL)
    return how->start;
  while ((bit = get_bits (b, 1)) == 1 && high <= 2 * TLC_MAX_PACKET)
    high++;
  low = get_bits (b, how->k);
  if (bit != 0 || low < 0)
    return -1;
  length = (int) predicted (*p) + unzigzag (high << how->k | low);
  if (length < 0 || length > TLC_MAX_PACKET)
    return -1;
  learn (p, length, how->shift);
  return length;
}

/* --- First bytes: most streams use only a few ----------------------------- */

static void
pack_first (const TlcPage * page, Packing * how)
{
  int known[256] = { 0 };
  unsigned values = 0, packets = 0, at = 0, bits = 0;

  how->first = 0;
  memset (how->values, 0, sizeof (how->values));
  for (unsigned i = 0; i < page->count; at += page->length[i++]) {
    if (page->length[i] == 0)
      continue;
    packets++;
    if (known[page->data[at]])
      continue;
    if (values == sizeof (how->values) / sizeof (how->values[0]))
      return;
    known[page->data[at]] = 1;
    how->values[values++] = page->data[at];
  }
  while (1u << bits < values)
    bits++;
  if ((8u << bits) + packets * bits < 8 * packets)
    how->first = bits + 1;
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
  const uint8_t *packet = page->data;
  Packing how;
  Bits b;
  int p;

  pack_lengths (page, &how);
  pack_first (page, &how);

  if (page->last) {
    put (at, page->trim, 2);
    at += 2;
  }
  if (how.first) {
    memcpy (at, how.values, 1 << (how.first - 1));
    at += 1 << (how.first - 1);
  }

  p = 8 * how.start;
  b = (Bits) { .at = at - 1, .left = 0 };
  for (unsigned i = 0; i < page->count; packet += page->length[i++]) {
    unsigned length = page->length[i], value = 0;

    if (how.k != EQUAL) {
      unsigned z = zigzag ((int) length - (int) predicted (p));

      for (unsigned ones = z >> how.k; ones > 0; ones--)
        put_bits (&b, 1, 1);
      put_bits (&b, 0, 1);
      put_bits (&b, z, how.k);
      learn (&p, length, how.shift);
    }
    if (how.first && length > 0) {
      while (how.values[value] != *packet)
        value++;
      put_bits (&b, value, how.first - 1);
    }
  }
  at = b.at + 1;

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

/* Reads the list of first bytes and the lengths. Returns where the packets begin, or NULL
 * on damage. first [TLC_MAX_PACKETS]: the first byte of each packet. */
static const uint8_t *
unpack_lengths (TlcPage * page, const uint8_t * in, const uint8_t * end,
    Packing * how, uint8_t * first)
{
  Bits b;
  int p = 8 * how->start;

  if (how->first) {
    int values = 1 << (how->first - 1);

    if (end - in < values)
      return NULL;
    memcpy (how->values, in, values);
    in += values;
  }

  b = (Bits) { .at = (uint8_t *) in - 1, .end = (uint8_t *) end };
  for (unsigned i = 0; i < page->count; i++) {
    int length = unpack_length (&b, how, &p), value = 0;

    if (length < 0 || page->bytes + length > TLC_MAX_DATA)
      return NULL;
    if (how->first && length > 0)
      value = get_bits (&b, how->first - 1);
    if (value < 0)
      return NULL;
    first[i] = how->values[value];
    page->length[i] = length;
    page->bytes += length;
  }
  return b.at + 1;
}

/* Copies packets up to the first that is not whole. Returns where it begins. */
static const uint8_t *
unpack_packets (TlcPage * page, const uint8_t * in, const uint8_t * end,
    const Packing * how, const uint8_t * first)
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
    Packing * how, char * why)
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
  if ((in[3] & ~FLAGS_KNOWN) || how->first > MAX_FIRST
      || how->start > TLC_MAX_PACKET || (how->k > MAX_K && how->k != EQUAL)
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
peek_lengths (TlcPage * page, const uint8_t * in, size_t size, Packing * how,
    uint8_t * first, size_t * fill)
{
  const size_t before = TLC_PAGE_HEAD + (page->last ? 2 : 0);
  const uint8_t *packets;
  size_t kept = 0;

  if (size < before)
    return NULL;
  packets = unpack_lengths (page, in + before, in + size, how, first);
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
  Packing how = { 0, };
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
    body = unpack_lengths (page, body, end, &how, first);
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
  Packing how = { 0, };
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
  Packing how = { 0, };
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
