/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecpast.c - see gsttelucodecpast.h. */
#include "gsttelucodecpast.h"

#include "plc.h"
#include "weights.h"

#include <string.h>

/* The encoder's rate control goes by the last second. */
#define RATE_CONTROL 50

typedef struct
{
  struct telu_rate rate;        /* encoder */
  gint bytes;                   /* LOST: none came */
  guint8 packet[TELU_MAX_PACKET];
} Packet;

#define LOST -1

struct _GstTelucodecPast
{
  guint size, count, next;      /* packets that fit, are there; place of the next */
  guint lost;                   /* of the last ones, in a row */
  Packet *packets;
  gfloat *pcm;                  /* encoder: [size][320] */
};

/* Packets over which a stack of blocks looks back, its own included. */
static guint
reach (gint blocks, gint kernel)
{
  return blocks * (kernel - 1) + 1;
}

/* Among how many, packets and losses, the network ran for so many. A decoder can only
 * begin with a packet that came, so that losses before it are no use; and the last one
 * of each row of losses is silent, without the network. */
static guint
heard_over (guint packets)
{
  const guint row = 1 + TELU_PLC_SILENT;

  return TELU_PLC_SILENT + (packets * row + row - 2) / (row - 1);
}

GstTelucodecPast *
gst_telucodec_past_new (const struct telu_model *model, enum telu_side side)
{
  const struct telu_config *c = &model->cfg;
  const guint decoder = reach (c->dec_blocks, c->kernel);
  GstTelucodecPast *past = g_new0 (GstTelucodecPast, 1);

  if (side == TELU_ENCODE) {
    past->size = MAX (RATE_CONTROL, MAX (decoder, reach (c->enc_blocks,
                c->kernel)));
    past->pcm = g_new (gfloat, (gsize) past->size * TELU_PACKET);
  } else {
    past->size = heard_over (decoder);
  }
  past->packets = g_new0 (Packet, past->size);
  return past;
}

void
gst_telucodec_past_free (GstTelucodecPast * past)
{
  if (!past)
    return;
  g_free (past->packets);
  g_free (past->pcm);
  g_free (past);
}

void
gst_telucodec_past_clear (GstTelucodecPast * past)
{
  if (past)
    past->count = past->next = past->lost = 0;
}

static guint
advance (GstTelucodecPast * past)
{
  const guint at = past->next;

  past->next = (at + 1) % past->size;
  past->count = MIN (past->count + 1, past->size);
  return at;
}

void
gst_telucodec_past_add_coded (GstTelucodecPast * past, const gfloat * pcm,
    const struct telu_rate *rate, const guint8 * packet, gint bytes)
{
  guint at;

  if (!past)
    return;
  at = advance (past);
  memcpy (past->pcm + (gsize) at * TELU_PACKET, pcm,
      TELU_PACKET * sizeof (gfloat));
  past->packets[at].rate = *rate;
  past->packets[at].bytes = bytes;
  memcpy (past->packets[at].packet, packet, bytes);
}

void
gst_telucodec_past_add_heard (GstTelucodecPast * past, const guint8 * packet,
    gsize bytes)
{
  Packet *p;

  if (!past)
    return;
  /* Once all is silent, a further loss changes nothing, and must not drive out what
   * the network still knows. */
  if (!packet && past->lost == TELU_PLC_SILENT)
    return;
  past->lost = packet ? 0 : past->lost + 1;
  p = &past->packets[advance (past)];
  p->bytes = packet ? (gint) MIN (bytes, TELU_MAX_PACKET) : LOST;
  if (packet)
    memcpy (p->packet, packet, p->bytes);
}

/* Place of the i-th, the oldest first. */
static guint
place (const GstTelucodecPast * past, guint i)
{
  return (past->next + past->size - past->count + i) % past->size;
}

gint
gst_telucodec_past_lead_encoder (const GstTelucodecPast * past,
    struct telu_encoder *encoder)
{
  for (guint i = 0; i < past->count; i++) {
    const guint at = place (past, i);
    const Packet *p = &past->packets[at];

    if (telu_encoder_set (encoder, &p->rate) < 0
        || telu_encoder_resync (encoder, past->pcm + (gsize) at * TELU_PACKET,
            p->packet, p->bytes) < 0)
      return -1;
  }
  return 0;
}

gint
gst_telucodec_past_lead_decoder (const GstTelucodecPast * past,
    struct telu_decoder *decoder)
{
  gfloat pcm[TELU_PACKET];

  for (guint i = 0; i < past->count; i++) {
    const Packet *p = &past->packets[place (past, i)];

    if (p->bytes == LOST ? telu_conceal (decoder, pcm) < 0 :
        telu_decode (decoder, p->packet, p->bytes, pcm) < 0)
      return -1;
  }
  return 0;
}
