/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_memory.c - memory that cannot be mapped, as that of a device may be, in what each
 * element takes and proposed from behind: an error, and nothing made of bytes never read. */
#include "gst_file.h"

#include <gst/rtp/rtp.h>

/* --- Memory that cannot be mapped ------------------------------------------- */

typedef GstAllocator Sealed;
typedef GstAllocatorClass SealedClass;

GType sealed_get_type (void);
G_DEFINE_TYPE (Sealed, sealed, GST_TYPE_ALLOCATOR);

static gpointer
sealed_map (GstMemory * memory, gsize size, GstMapFlags flags)
{
  (void) memory;
  (void) size;
  (void) flags;
  return NULL;
}

static void
sealed_unmap (GstMemory * memory)
{
  (void) memory;
}

static GstMemory *
sealed_share (GstMemory * memory, gssize offset, gssize size)
{
  GstMemory *part = g_new (GstMemory, 1);

  gst_memory_init (part, GST_MEMORY_FLAG_READONLY, memory->allocator,
      memory->parent ? memory->parent : memory, memory->maxsize, 0, memory->offset + offset,
      size < 0 ? memory->size - offset : (gsize) size);
  return part;
}

static GstMemory *
sealed_alloc (GstAllocator * allocator, gsize size, GstAllocationParams * params)
{
  GstMemory *memory = g_new (GstMemory, 1);

  (void) params;
  gst_memory_init (memory, 0, allocator, NULL, size, 0, 0, size);
  return memory;
}

static void
sealed_free (GstAllocator * allocator, GstMemory * memory)
{
  (void) allocator;
  g_free (memory);
}

static void
sealed_class_init (SealedClass * klass)
{
  klass->alloc = sealed_alloc;
  klass->free = sealed_free;
}

static void
sealed_init (Sealed * allocator)
{
  allocator->mem_type = "sealed";
  allocator->mem_map = sealed_map;
  allocator->mem_unmap = sealed_unmap;
  allocator->mem_share = sealed_share;
  GST_OBJECT_FLAG_SET (allocator, GST_ALLOCATOR_FLAG_CUSTOM_ALLOC);
}

static GstAllocator *
make_allocator (void)
{
  return gst_object_ref_sink (g_object_new (sealed_get_type (), NULL));
}

/* --- The elements ------------------------------------------------------------- */

/* Returns a buffer of `size` bytes, of which the first `open` can be mapped. */
static GstBuffer *
sealed_buffer (GstAllocator * allocator, guint k, gsize open, gsize size)
{
  GstBuffer *buf = gst_buffer_new_allocate (allocator, size - open, NULL);

  if (open > 0)
    gst_buffer_prepend_memory (buf, gst_allocator_alloc (NULL, open, NULL));
  GST_BUFFER_PTS (buf) = tc_time (k * TELU_PACKET);
  GST_BUFFER_DURATION (buf) = tc_time (TELU_PACKET);
  return buf;
}

/* Checks that input which cannot be read ends the stream, and that nothing is made of it: the
 * whole of each buffer, or what stands behind its first bytes. */
static void
test_input (const gchar * name, const gchar * caps, gsize open, gsize size,
    GstAllocator * allocator)
{
  GstHarness *h = gst_harness_new_parse (name);
  GstBus *bus = tc_watch (h);
  GstFlowReturn ret = GST_FLOW_OK;

  gst_harness_set_src_caps_str (h, caps);
  for (guint k = 0; k < 4 && ret == GST_FLOW_OK; k++)
    ret = gst_harness_push (h, sealed_buffer (allocator, k, open, size));
  CHECK (ret == GST_FLOW_ERROR, "%s goes on: %s", name, gst_flow_get_name (ret));
  tc_expect_error (bus, name, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ, "");
  CHECK (gst_harness_buffers_in_queue (h) == 0,
      "%s makes %u buffers of it", name, gst_harness_buffers_in_queue (h));
  tc_unwatch (h, bus);
  gst_harness_teardown (h);
}

static void
test_inputs (GstAllocator * allocator)
{
  gchar *coded = tc_coded_caps ();

  for (gsize open = 0; open < 20; open += 10) {
    test_input ("telucodecdec", coded, open, 40, allocator);
    test_input ("telucodecmux", coded, open, 40, allocator);
    test_input ("telucodectransrate max-bitrate=4000", coded, open, 40, allocator);
    test_input ("rtptelucodecpay", coded, open, 40, allocator);
    /* More and less than what the element works on at a time. */
    test_input ("telucodecparse", "audio/x-telucodec,framed=false", open, 11, allocator);
    test_input ("telucodecparse", "audio/x-telucodec,framed=false", open, 200, allocator);
    test_input ("telucodecenc", RAW_CAPS ("F32LE"), open, 400, allocator);
    test_input ("telucodecenc", RAW_CAPS ("S16LE"), open, 1280, allocator);
  }
  g_free (coded);
}

/* Returns an RTP packet with its header, if that can be read, and a payload that cannot. */
static GstBuffer *
sealed_rtp (GstAllocator * allocator, gboolean header)
{
  GstBuffer *buf = header ? gst_rtp_buffer_new_allocate (0, 0, 0) : gst_buffer_new ();

  gst_buffer_append_memory (buf, gst_allocator_alloc (allocator, 40, NULL));
  return buf;
}

/* Checks that an RTP packet which cannot be read is left out with one warning. */
static void
test_rtp (GstAllocator * allocator)
{
  for (gint header = 0; header < 2; header++) {
    GstHarness *h = gst_harness_new ("rtptelucodecdepay");
    GstBus *bus = tc_watch (h);
    GstMessage *warning;

    gst_harness_set_src_caps_str (h, "application/x-rtp,media=audio,clock-rate=16000,"
        "encoding-name=TELUCODEC");
    gst_harness_push (h, sealed_rtp (allocator, header));
    warning = tc_message (bus, GST_MESSAGE_WARNING);
    CHECK (warning, "nothing is said about an RTP packet that cannot be read");
    gst_clear_message (&warning);
    CHECK (gst_harness_buffers_in_queue (h) == 0, "a packet is made of what cannot be read");
    tc_unwatch (h, bus);
    gst_harness_teardown (h);
  }
}

/* Checks that an element that cannot write to what the next one proposes says so. */
static void
test_output (const gchar * name, GstAllocator * allocator, GPtrArray * packets,
    const gfloat * pcm, gint n)
{
  const gboolean encodes = g_str_has_suffix (name, "enc");
  GstHarness *h = gst_harness_new_parse (name);
  GstBus *bus = tc_watch (h);
  gchar *caps = encodes ? g_strdup (RAW_CAPS ("F32LE")) : tc_coded_caps ();
  GstFlowReturn ret = GST_FLOW_OK;

  gst_harness_set_propose_allocator (h, gst_object_ref (allocator), NULL);
  gst_harness_set_src_caps_str (h, caps);
  for (guint k = 0; k < 4 && ret == GST_FLOW_OK; k++)
    ret = gst_harness_push (h, encodes ? tc_raw_buffer (pcm, k * TELU_PACKET, TELU_PACKET,
            FALSE) : tc_packet_buffer (packets, k, n));
  CHECK (ret == GST_FLOW_ERROR, "%s goes on: %s", name, gst_flow_get_name (ret));
  tc_expect_error (bus, name, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT, "");
  tc_unwatch (h, bus);
  gst_harness_teardown (h);
  g_free (caps);
}

int
main (int argc, char **argv)
{
  const gint n = 10 * TELU_PACKET;
  GstAllocator *allocator;
  GPtrArray *packets;
  gfloat *pcm;

  tc_init (&argc, &argv);
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL);
  allocator = make_allocator ();
  pcm = tc_signal (n);
  packets = tc_encode (pcm, n, NULL);
  test_inputs (allocator);
  test_rtp (allocator);
  test_output ("telucodecenc", allocator, packets, pcm, n);
  test_output ("telucodecdec", allocator, packets, pcm, n);
  g_ptr_array_unref (packets);
  gst_object_unref (allocator);
  g_free (pcm);
  return tc_done ("test_gst_memory");
}
