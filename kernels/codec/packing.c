/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* packing.c - see packing.h. */
#include "packing.h"

#include <limits.h>
#include <string.h>

#define CONSTANT 3              /* a predictor that never moves */
#define EQUAL    15             /* in place of k: all lengths are equal */
#define MAX_K    10

typedef struct
{
  uint8_t *at, *end;            /* current byte, end of the bytes */
  unsigned left;                /* unused bits of the current byte */
} Bits;

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
pack_lengths (const TlcPage * page, TlcPacking * best)
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
unpack_length (Bits * b, const TlcPacking * how, int * p)
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
pack_first (const TlcPage * page, TlcPacking * how)
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

/* --- All of a page -------------------------------------------------------- */

void
tlc_packing_choose (TlcPacking * how, const TlcPage * page)
{
  pack_lengths (page, how);
  pack_first (page, how);
}

int
tlc_packing_valid (const TlcPacking * how)
{
  return how->first <= TLC_MAX_FIRST && how->start <= TLC_MAX_PACKET
      && (how->k <= MAX_K || how->k == EQUAL);
}

uint8_t *
tlc_packing_write (const TlcPacking * how, const TlcPage * page, uint8_t * at)
{
  const uint8_t *packet = page->data;
  Bits b;
  int p;

  if (how->first) {
    memcpy (at, how->values, 1 << (how->first - 1));
    at += 1 << (how->first - 1);
  }

  p = 8 * how->start;
  b = (Bits) { .at = at - 1, .left = 0 };
  for (unsigned i = 0; i < page->count; packet += page->length[i++]) {
    unsigned length = page->length[i], value = 0;

    if (how->k != EQUAL) {
      unsigned z = zigzag ((int) length - (int) predicted (p));

      for (unsigned ones = z >> how->k; ones > 0; ones--)
        put_bits (&b, 1, 1);
      put_bits (&b, 0, 1);
      put_bits (&b, z, how->k);
      learn (&p, length, how->shift);
    }
    if (how->first && length > 0) {
      while (how->values[value] != *packet)
        value++;
      put_bits (&b, value, how->first - 1);
    }
  }
  return b.at + 1;
}

const uint8_t *
tlc_packing_read (TlcPacking * how, TlcPage * page, const uint8_t * in,
    const uint8_t * end, uint8_t * first)
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
