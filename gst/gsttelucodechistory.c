/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodechistory.c - see gsttelucodechistory.h. */
#include "gsttelucodechistory.h"

#include "plc.h"
#include "weights.h"

#include <string.h>

/* The encoder's rate control looks back one second. */
#define RATE_CONTROL_PACKETS 50
#define POSTNET_SEES 2          /* packets before: their overlap and their sound */

typedef struct
{
  struct telu_rate rate;        /* encoder only */
  gint bytes;                   /* or MISSING: the packet was lost */
  guint8 packet[TELU_MAX_PACKET];
} Packet;

#define MISSING -1

struct _GstTelucodecHistory
{
  guint size, count;            /* packets: capacity, and stored */
  guint next;                   /* index of the next packet in the ring */
  guint lost;                   /* consecutive losses at the end */
  Packet *packets;              /* ring [size] */
  gfloat *pcm;                  /* encoder only: ring [size][320] */
};

/* Returns the packets that a stack of blocks sees, the current one included. */
static guint
receptive_field (gint blocks, gint kernel)
{
  return blocks * (kernel - 1) + 1;
}

/* Losses that are stored of a row: the first silent one still ends with the overlap of the
 * packet before, the second has no sound at all. */
#define LOSSES (TELU_PLC_SILENT + 1)

/* Returns how many packets and losses contain `packets` runs of the network, at worst.
 * Replay starts at a received packet, so that losses before it do not count. The last
 * two losses of each full row of losses are silent and skip the networks. */
static guint
packets_spanning (guint packets)
{
  const guint row = 1 + LOSSES, runs = row - 2;

  return LOSSES + (packets * row + runs - 1) / runs;
}

GstTelucodecHistory *
gst_telucodec_history_new (const struct telu_model *model, enum telu_side side)
{
  const struct telu_config *c = &model->cfg;
  const guint encoder = receptive_field (c->enc_blocks, c->kernel);
  const guint decoder = receptive_field (c->dec_blocks, c->kernel);
  const guint post = model->post.blocks ? POSTNET_SEES +
      receptive_field (model->post.blocks, c->kernel) : 0;
  GstTelucodecHistory *history = g_new0 (GstTelucodecHistory, 1);

  if (side == TELU_ENCODE) {
    history->size = MAX (RATE_CONTROL_PACKETS, MAX (decoder, encoder));
    history->pcm = g_new (gfloat, (gsize) history->size * TELU_PACKET);
  } else {
    history->size = packets_spanning (decoder + post);
  }
  history->packets = g_new0 (Packet, history->size);
  return history;
}

void
gst_telucodec_history_free (GstTelucodecHistory * history)
{
  if (!history)
    return;
  g_free (history->packets);
  g_free (history->pcm);
  g_free (history);
}

void
gst_telucodec_history_clear (GstTelucodecHistory * history)
{
  if (history)
    history->count = history->next = history->lost = 0;
}

static guint
advance (GstTelucodecHistory * history)
{
  const guint at = history->next;

  history->next = (at + 1) % history->size;
  history->count = MIN (history->count + 1, history->size);
  return at;
}

void
gst_telucodec_history_add_encoded (GstTelucodecHistory * history,
    const gfloat * pcm, const struct telu_rate *rate, const guint8 * packet,
    gint bytes)
{
  guint at;

  if (!history)
    return;
  at = advance (history);
  memcpy (history->pcm + (gsize) at * TELU_PACKET, pcm,
      TELU_PACKET * sizeof (gfloat));
  history->packets[at].rate = *rate;
  history->packets[at].bytes = bytes;
  memcpy (history->packets[at].packet, packet, bytes);
}

void
gst_telucodec_history_add_decoded (GstTelucodecHistory * history,
    const guint8 * packet, gsize bytes)
{
  Packet *p;

  if (!history)
    return;
  /* A further loss changes nothing once the output is silent. Storing it would evict
   * packets that the network still remembers. */
  if (!packet && history->lost == LOSSES)
    return;
  history->lost = packet ? 0 : history->lost + 1;
  p = &history->packets[advance (history)];
  p->bytes = packet ? (gint) MIN (bytes, TELU_MAX_PACKET) : MISSING;
  if (packet)
    memcpy (p->packet, packet, p->bytes);
}

/* Returns the ring index of packet i, counted from the oldest. */
static guint
position (const GstTelucodecHistory * history, guint i)
{
  return (history->next + history->size - history->count + i) % history->size;
}

gint
gst_telucodec_history_replay_encoder (const GstTelucodecHistory * history,
    struct telu_encoder *encoder)
{
  for (guint i = 0; i < history->count; i++) {
    const guint at = position (history, i);
    const Packet *p = &history->packets[at];

    if (telu_encoder_set (encoder, &p->rate) < 0
        || telu_encoder_resync (encoder, history->pcm + (gsize) at * TELU_PACKET,
            p->packet, p->bytes) < 0)
      return -1;
  }
  return 0;
}

gint
gst_telucodec_history_replay_decoder (const GstTelucodecHistory * history,
    struct telu_decoder *decoder)
{
  gfloat pcm[TELU_PACKET];

  for (guint i = 0; i < history->count; i++) {
    const Packet *p = &history->packets[position (history, i)];

    if (p->bytes == MISSING ? telu_conceal (decoder, pcm) < 0 :
        telu_decode (decoder, p->packet, p->bytes, pcm) < 0)
      return -1;
  }
  return 0;
}
