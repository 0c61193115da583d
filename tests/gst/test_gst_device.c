/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_device.c - the elements on the module in TELUCODEC_BACKEND_PATH: of a device, of
 * tests/cuda-on-cpu or of tests/fake. Compares packets and samples with the CPU's, bit for
 * bit. With cuda-on-cpu it also tests device faults.
 *
 * Exit status 77: no module or no device. */
#include "cuda-on-cpu/shim.h"
#include "gst_fake.h"

#include <gio/gio.h>
#include <gmodule.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS 50
#define SAMPLES (PACKETS * TELU_PACKET - TELU_DELAY)
#define STREAMS 12

/* Functions of cuda-on-cpu; NULL with other modules. */
static void (*set_devices) (int n);
static void (*set_memory) (size_t bytes);
static void (*fault_after) (long n);
static void (*reset) (void);
static void (*count) (struct telu_shim_counts * counts);

static const struct
{
  const gchar *properties;
  struct telu_rate rate;
} kinds[] = {
  {"bitrate=16000 bitrate-type=cbr", {16000, TELU_CBR, TELU_PERCEPTUAL, 1, 1}},
  {"bitrate=3000 bitrate-type=cbr tune=snr", {3000, TELU_CBR, TELU_SNR, 1}},
  {"bitrate=500", {500, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1, 1}},
  {"bitrate=24000 tune=snr", {24000, TELU_CONSTRAINED_VBR, TELU_SNR, 1}},
  {"bitrate=16000", {16000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1, 1}},
  {"bitrate=4000", {4000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1, 1}},
};

static gpointer
symbol (GModule * module, const gchar * name)
{
  gpointer at = NULL;

  return g_module_symbol (module, name, &at) ? at : NULL;
}

/* Exits with 77 if no module or device exists. */
static void
find_module (void)
{
  gchar *path = g_build_filename (g_getenv ("TELUCODEC_BACKEND_PATH"),
      TELU_MODULE_FILE, NULL);
  GModule *module = g_module_open (path, G_MODULE_BIND_LAZY |
      G_MODULE_BIND_LOCAL);
  telu_module_entry entry = module ? symbol (module, TELU_MODULE_ENTRY) : NULL;
  const struct telu_module *m = entry ? entry (TELU_MODULE_ABI) : NULL;

  if (!m || !m->engine || m->devices () < 1) {
    g_print ("test_gst_device: skipped: %s\n", !module ? g_module_error () :
        !m ? "no module of this version" : !m->engine ? "the module has no engine" :
        m->error ());
    exit (77);
  }
  set_devices = symbol (module, "telu_shim_set_devices");
  set_memory = symbol (module, "telu_shim_set_memory");
  fault_after = symbol (module, "telu_shim_fault_after");
  reset = symbol (module, "telu_shim_reset");
  count = symbol (module, "telu_shim_count");
  g_free (path);
}

/* --- Sound ------------------------------------------------------------------------ */

static void
compare_packets (GPtrArray * got, GPtrArray * want, const gchar * what)
{
  gint different = 0;

  if (!CHECK (got->len == want->len, "%s: %u packets, expected %u", what,
          got->len, want->len))
    return;
  for (guint k = 0; k < want->len; k++)
    different += !g_bytes_equal (g_ptr_array_index (got, k),
        g_ptr_array_index (want, k));
  CHECK (different == 0, "%s: %d of %u packets are not the CPU's", what, different, want->len);
}

static void
compare_sound (GArray * got, const gfloat * want, gint n, const gchar * what)
{
  gint different = 0;

  if (!CHECK ((gint) got->len == n, "%s: %u samples, expected %d", what, got->len, n))
    return;
  for (gint i = 0; i < n; i++)
    different += memcmp (&g_array_index (got, gfloat, i), &want[i], sizeof (*want)) != 0;
  CHECK (different == 0, "%s: %d of %d samples are not the CPU's", what, different, n);
}

typedef struct
{
  GThread *thread;
  GstHarness *h;
  GstBus *bus;
  gint kind;
  const gfloat *pcm;
  GPtrArray *packets;           /* of a decoder */
} Stream;

static gboolean
is_lost (gint k)
{
  return k % 17 > 13;
}

static gpointer
feed (gpointer user)
{
  Stream *s = user;

  if (!s->packets) {
    tf_push_pcm (s->h, s->pcm, SAMPLES);
    gst_harness_push_event (s->h, gst_event_new_eos ());
    return NULL;
  }
  for (guint k = 0; k < s->packets->len; k++) {
    GstBuffer *buf = tc_packet_buffer (s->packets, k, SAMPLES);

    if (is_lost (k)) {
      gst_harness_push_event (s->h, gst_event_new_gap (GST_BUFFER_PTS (buf),
              GST_BUFFER_DURATION (buf)));
      gst_buffer_unref (buf);
    } else {
      gst_harness_push (s->h, buf);
    }
  }
  return NULL;
}

/* Decodes by telu.h what feed() pushes. */
static gfloat *
decode (GPtrArray * packets)
{
  struct telu_decoder *dec = telu_decoder_new (tc_model (), NULL);
  gfloat *out = g_new0 (gfloat, PACKETS * TELU_PACKET);

  for (gint k = 0; k < PACKETS; k++) {
    gsize size;
    gconstpointer data = g_bytes_get_data (g_ptr_array_index (packets, k), &size);

    if (is_lost (k))
      telu_conceal (dec, out + k * TELU_PACKET);
    else
      telu_decode (dec, data, size, out + k * TELU_PACKET);
  }
  telu_decoder_free (dec);
  memmove (out, out + TELU_DELAY, SAMPLES * sizeof (gfloat));
  return out;
}

static void
start (Stream * s, const gchar * backend, gint window)
{
  gchar *properties = g_strdup_printf ("backend=%s batch-window=%d %s", backend,
      window, s->packets ? "" : kinds[s->kind].properties);

  s->h = tf_harness (s->packets ? "telucodecdec" : "telucodecenc", properties,
      &s->bus);
  g_free (properties);
}

/* Pulls and compares the output, and ends the stream. */
static void
finish (Stream * s, GPtrArray * want, const gchar * backend, const gchar * what)
{
  tf_expect_active (s->h->element, backend, what);
  if (s->packets) {
    GArray *output = tc_pull_raw (s->h, FALSE, 0);
    gfloat *sound = decode (s->packets);

    compare_sound (output, sound, SAMPLES, what);
    g_array_unref (output);
    g_free (sound);
  } else {
    GPtrArray *got = tf_pull_packets (s->h, what);

    compare_packets (got, want, what);
    g_ptr_array_unref (got);
  }
  tf_done (s->h, s->bus);
}

/* Runs encoders, and decoders of the CPU's packets, alone and many at once. */
static void
test_sound (const gfloat * pcm, GPtrArray ** packets)
{
  Stream s[STREAMS];

  for (gint i = 0; i < 2 * (gint) G_N_ELEMENTS (kinds); i++) {
    s[0] = (Stream) { .kind = i / 2, .pcm = pcm, .packets = i & 1 ?
          packets[i / 2] : NULL };
    start (&s[0], "cuda", 0);
    feed (&s[0]);
    finish (&s[0], packets[i / 2], "cuda", kinds[i / 2].properties);
  }
  for (gint window = 0; window < 4000; window += 2000) {
    for (gint i = 0; i < STREAMS; i++) {
      s[i] = (Stream) { .kind = i / 2 % G_N_ELEMENTS (kinds), .pcm = pcm };
      s[i].packets = i & 1 ? packets[s[i].kind] : NULL;
      start (&s[i], "cuda", window);
    }
    for (gint i = 0; i < STREAMS; i++)
      s[i].thread = g_thread_new ("feed", feed, &s[i]);
    for (gint i = 0; i < STREAMS; i++)
      g_thread_join (s[i].thread);
    CHECK (tf_number (s[0].h->element, "batch-mean") > 1, "batches of %g",
        tf_number (s[0].h->element, "batch-mean"));
    for (gint i = 0; i < STREAMS; i++)
      finish (&s[i], packets[s[i].kind], "cuda", "many");
  }
}

static void
test_starts (void)
{
  struct telu_shim_counts before, after;
  GstBus *bus;

  if (count)
    count (&before);
  for (gint i = 0; i < 30; i++) {
    GstElement *element = tf_element (i & 1 ? "telucodecdec" : "telucodecenc",
        "backend=cuda", &bus);

    CHECK (gst_element_set_state (element, GST_STATE_PLAYING) ==
        GST_STATE_CHANGE_SUCCESS, "start %d", i);
    tf_free (element, bus);
  }
  if (!count)
    return;
  count (&after);
  CHECK (after.alive == before.alive
      && after.alive_pinned == before.alive_pinned, "%ld bytes of the device and "
      "%ld pinned ones are left", after.alive - before.alive,
      after.alive_pinned - before.alive_pinned);
}

/* Returns a check sum of packets encoded on the device. */
static gchar *
digest (const gfloat * pcm)
{
  Stream s = {.pcm = pcm };
  gchar *sum;

  start (&s, "cuda", 0);
  feed (&s);
  tf_expect_active (s.h->element, "cuda", "one of several processes");
  sum = tf_digest (s.h, "one of several processes");
  tf_done (s.h, s.bus);
  return sum;
}

/* Checks that three processes at a time on one device give equal bytes. */
static void
test_processes (const gfloat * pcm)
{
  gchar *self = g_file_read_link ("/proc/self/exe", NULL);
  const gchar *argv[] = { self, "--child", NULL };
  gchar *own = digest (pcm);
  GSubprocess *child[3];

  for (gint i = 0; i < 3; i++)
    child[i] = g_subprocess_newv (argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE, NULL);
  for (gint i = 0; i < 3; i++) {
    gchar *out = NULL;

    CHECK (child[i] && g_subprocess_communicate_utf8 (child[i], NULL, NULL, &out,
            NULL, NULL) && g_str_has_prefix (out, own),
        "process %d made %s, expected %s", i, out, own);
    g_clear_object (&child[i]);
    g_free (out);
  }
  g_free (own);
  g_free (self);
}

/* --- Faults, on cuda-on-cpu ----------------------------------------------------------- */

static void
expect_start (const gchar * properties, GstStateChangeReturn ret,
    GstMessageType type, GQuark domain, gint code, const gchar * word)
{
  static const gchar *const names[] = { "telucodecenc", "telucodecdec" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    GstBus *bus;
    GstElement *element = tf_element (names[i], properties, &bus);

    CHECK (gst_element_set_state (element, GST_STATE_PLAYING) == ret,
        "%s %s, with '%s'", names[i], properties, word);
    if (ret == GST_STATE_CHANGE_SUCCESS) {
      tf_expect_active (element, "cpu", word);
      /* An INFO is told once in a process. */
      tf_expect_message (bus, i > 0 && type == GST_MESSAGE_INFO ?
          GST_MESSAGE_UNKNOWN : type, domain, code, word, names[i]);
    } else {
      tc_expect_error (bus, names[i], domain, code, word);
    }
    tf_free (element, bus);
  }
}

static void
test_bad_starts (void)
{
  const GstStateChangeReturn works = GST_STATE_CHANGE_SUCCESS;
  const GstStateChangeReturn fails = GST_STATE_CHANGE_FAILURE;

  for (gint devices = -1; devices < 1; devices++) {
    set_devices (devices);
    expect_start ("backend=auto", works, GST_MESSAGE_INFO, GST_LIBRARY_ERROR,
        GST_LIBRARY_ERROR_INIT, devices < 0 ? "driver" : "device");
    expect_start ("backend=cuda", fails, GST_MESSAGE_ERROR, GST_LIBRARY_ERROR,
        GST_LIBRARY_ERROR_INIT, devices < 0 ? "driver" : "device");
  }
  set_devices (1);
  expect_start ("backend=auto cuda-device-id=1", works, GST_MESSAGE_WARNING,
      GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND, "device 1");
  expect_start ("backend=cuda cuda-device-id=1", fails, GST_MESSAGE_ERROR,
      GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND, "device 1");
  set_memory (4096);
  expect_start ("backend=auto", works, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_NO_SPACE_LEFT, "memory");
  expect_start ("backend=cuda", fails, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_NO_SPACE_LEFT, "memory");
  set_memory ((gsize) 16 << 30);
}

/* Starts more streams than fit on the device: running ones continue, and the others run on
 * the CPU. */
static void
test_full (const gfloat * pcm, GPtrArray * want)
{
  Stream first = {.pcm = pcm };
  struct telu_shim_counts counts;
  GstElement *element[300];
  GstBus *bus[300];
  gchar *active = NULL;
  gint n = 0;

  start (&first, "cuda", 0);
  count (&counts);
  set_memory (counts.alive);
  first.thread = g_thread_new ("feed", feed, &first);
  while (n < 300 && g_strcmp0 (active, "cpu")) {
    g_free (active);
    element[n] = tf_element ("telucodecdec", "backend=auto", &bus[n]);
    gst_element_set_state (element[n], GST_STATE_PLAYING);
    g_object_get (element[n++], "active-backend", &active, NULL);
  }
  g_print ("%d streams found room in a device that was full\n", n - 1);
  if (CHECK (!g_strcmp0 (active, "cpu"), "300 streams, and still room"))
    tf_expect_message (bus[n - 1], GST_MESSAGE_WARNING, GST_RESOURCE_ERROR,
        GST_RESOURCE_ERROR_NO_SPACE_LEFT, "memory", "full");
  g_free (active);
  g_thread_join (first.thread);
  finish (&first, want, "cuda", "in a full device");
  while (n-- > 0)
    tf_free (element[n], bus[n]);
  set_memory ((gsize) 16 << 30);
}

/* Runs streams alone, and then as a first batch that does not fit into memory: all continue
 * on the CPU. */
static void
test_full_batch (const gfloat * pcm, GPtrArray * packets)
{
  struct telu_shim_counts counts;
  Stream s[6];

  for (gint i = 0; i < 6; i++) {
    s[i] = (Stream) { .pcm = pcm, .packets = i & 1 ? packets : NULL };
    start (&s[i], "auto", 10000);
  }
  count (&counts);
  set_memory (counts.alive);
  for (gint i = 0; i < 6; i++)
    s[i].thread = g_thread_new ("feed", feed, &s[i]);
  for (gint i = 0; i < 6; i++)
    g_thread_join (s[i].thread);
  for (gint i = 0; i < 6; i++) {
    CHECK (tf_number (s[i].h->element, "fallbacks") == 1, "%g fallbacks",
        tf_number (s[i].h->element, "fallbacks"));
    tf_expect_message (s[i].bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR,
        GST_RESOURCE_ERROR_NO_SPACE_LEFT, "out of memory", "a batch in a full device");
    finish (&s[i], packets, "cpu", "a batch in a full device");
  }
  set_memory ((gsize) 16 << 30);
}

/* Checks a sticky error after some launches. */
static void
test_fault (const gfloat * pcm, GPtrArray * packets, glong launches)
{
  for (gint i = 0; i < 2; i++) {
    Stream s = {.pcm = pcm,.packets = i ? packets : NULL };
    GstBus *bus;
    GstHarness *h;
    GstFlowReturn ret = GST_FLOW_OK;
    gint k = 0;

    start (&s, "auto", 0);
    fault_after (launches);
    feed (&s);
    CHECK (tf_number (s.h->element, "fallbacks") == 1, "%g fallbacks",
        tf_number (s.h->element, "fallbacks"));
    tf_expect_message (s.bus, GST_MESSAGE_WARNING, GST_LIBRARY_ERROR, i ?
        (gint) GST_LIBRARY_ERROR_FAILED : (gint) GST_LIBRARY_ERROR_ENCODE, "failed on the "
        "CUDA device", "a fault that sticks");
    finish (&s, packets, "cpu", "a fault that sticks");
    /* The error is sticky: no stream starts on that device any more. */
    expect_start ("backend=auto", GST_STATE_CHANGE_SUCCESS, GST_MESSAGE_WARNING,
        GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT, "");
    reset ();

    h = tf_harness (i ? "telucodecdec" : "telucodecenc", "backend=cuda", &bus);
    fault_after (launches);
    while (k < PACKETS - 1 && ret == GST_FLOW_OK) {
      ret = gst_harness_push (h, i ? tc_packet_buffer (packets, k, SAMPLES) :
          tc_raw_buffer (pcm, k * TELU_PACKET, TELU_PACKET, FALSE));
      k++;
    }
    CHECK (ret == GST_FLOW_ERROR && (gint) gst_harness_buffers_in_queue (h) ==
        k - 1, "%s at packet %d, %u came", gst_flow_get_name (ret), k,
        gst_harness_buffers_in_queue (h));
    tf_expect_message (bus, GST_MESSAGE_ERROR, GST_LIBRARY_ERROR, i ?
        (gint) GST_LIBRARY_ERROR_FAILED : (gint) GST_LIBRARY_ERROR_ENCODE, "illegal",
        "a fault that sticks");
    tf_done (h, bus);
    reset ();
  }
}

int
main (int argc, char **argv)
{
  GPtrArray *packets[G_N_ELEMENTS (kinds)];
  gfloat *pcm;

  tc_init (&argc, &argv);
  find_module ();
  pcm = tc_signal (SAMPLES);
  if (argc == 2 && !strcmp (argv[1], "--child")) {
    g_print ("%s\n", digest (pcm));
    return 0;
  }
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    packets[i] = tc_encode (pcm, SAMPLES, &kinds[i].rate);
  test_sound (pcm, packets);
  test_starts ();
  test_processes (pcm);
  if (set_devices && set_memory && fault_after && reset && count) {
    test_bad_starts ();
    test_full (pcm, packets[0]);
    test_full_batch (pcm, packets[0]);
    for (glong launches = 0; launches < 40; launches += 13)
      test_fault (pcm, packets[0], launches);
  } else {
    g_print ("faults are left out: not cuda-on-cpu\n");
  }
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    g_ptr_array_unref (packets[i]);
  g_free (pcm);
  return tc_done ("test_gst_device");
}
