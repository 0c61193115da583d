/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* jobs.c - several files at a time: workers, progress, and the sum. */
#include "program.h"

#include <string.h>

#define BAR  24
#define PASS 8                  /* files that share a pass, at most */
#define MOST 128                /* files at a time, of four descriptors each: 1024 are usual */

typedef struct
{
  GPtrArray *items;
  const Batch *batch;
  void (*work) (Item * item, gpointer data);
  gpointer data;
  gint next;                    /* atomic: the item that no worker has yet */
  gint working;                 /* atomic: workers that still run */
  GMutex lock;
  GCond ended;                  /* a worker ended */
} Jobs;

/* One line for a file that is over. */
static void
tell (const Jobs * jobs, const Item * item)
{
  char *in = say_clean (item->in), *out = say_clean (item->out ? item->out : "");
  char *text = item->text ? say_clean (item->text) : NULL;
  const gboolean lines = !jobs->batch->quiet && (!say_on_terminal () || jobs->items->len == 1);

  switch (item->state) {
    case ITEM_FAILED:
      say ("%s: %s", in, text);
      break;
    case ITEM_DAMAGED:
      say ("%s: damaged, but %s was written: %s", in, out, text);
      break;
    case ITEM_DONE_BEFORE:
      if (lines)
        say_plain ("%s: done before", in);
      break;
    case ITEM_OK:
      if (lines && strcmp (item->out, "-")) {
        const double seconds = (double) item->samples / RATE;
        char *time = say_time (seconds), *bytes = say_bytes (item->bytes);

        say_plain ("%s -> %s: %s, %s, %.2f kbit/s", in, out, time, bytes,
            seconds > 0 ? item->bytes * 8e-3 / seconds : 0);
        g_free (time);
        g_free (bytes);
      }
      break;
    default:
      break;
  }
  g_free (in);
  g_free (out);
  g_free (text);
}

static gpointer
worker (gpointer user)
{
  Jobs *jobs = user;
  guint i;

  while (!setup_stopped () && (i = g_atomic_int_add (&jobs->next, 1)) < jobs->items->len) {
    Item *item = jobs->items->pdata[i];

    if (item->state == ITEM_TODO)
      jobs->work (item, jobs->data);
    g_atomic_int_set (&item->permille, 1000);
    tell (jobs, item);
  }
  g_mutex_lock (&jobs->lock);
  g_atomic_int_dec_and_test (&jobs->working);
  g_cond_signal (&jobs->ended);
  g_mutex_unlock (&jobs->lock);
  return NULL;
}

static void
draw (const Jobs * jobs, gint64 begun)
{
  const guint n = jobs->items->len;
  const double spent = (g_get_monotonic_time () - begun) * 1e-6;
  double done = 0;
  guint whole = 0;
  char bar[BAR + 1], *left = NULL, *line;

  for (guint i = 0; i < n; i++) {
    Item *item = jobs->items->pdata[i];
    const gint permille = g_atomic_int_get (&item->permille);

    done += permille / 1000.0 / n;
    whole += permille == 1000;
  }
  for (int i = 0; i < BAR; i++)
    bar[i] = i < done * BAR ? '#' : '.';
  bar[BAR] = '\0';
  if (done > 0.02 && spent > 1)
    left = say_time ((int) (spent / done * (1 - done)) + 1.0);
  line = g_strdup_printf ("[%s] %3.0f %%  %u of %u files%s%s", bar, done * 100, whole, n,
      left ? "  still " : "", left ? left : "");
  say_progress (line);
  g_free (line);
  g_free (left);
}

static int
sum_up (const Jobs * jobs, gint64 begun)
{
  guint count[ITEM_FAILED + 1] = { 0 }, all = jobs->items->len;
  double samples = 0, bytes = 0;
  char *time, *size, *spent;

  for (guint i = 0; i < all; i++) {
    const Item *item = jobs->items->pdata[i];

    count[item->state]++;
    if (item->state == ITEM_OK || item->state == ITEM_DAMAGED) {
      samples += item->samples;
      bytes += item->bytes;
    }
  }
  time = say_time (samples / RATE);
  size = say_bytes (bytes);
  spent = say_time ((g_get_monotonic_time () - begun) * 1e-6);
  if (all > 1 && !jobs->batch->quiet) {
    if (samples > 0)
      say_plain ("%u files: %s of sound, %s, %.2f kbit/s, in %s", count[ITEM_OK] +
          count[ITEM_DAMAGED], time, size, bytes * 8e-3 / (samples / RATE), spent);
    if (count[ITEM_DONE_BEFORE])
      say_plain ("%u files were done before: -f writes them again", count[ITEM_DONE_BEFORE]);
  }
  if (count[ITEM_DAMAGED] && all > 1)
    say_loud ("%u of %u files, %.0f %%, are damaged: what was left of them was written",
        count[ITEM_DAMAGED], all, 100.0 * count[ITEM_DAMAGED] / all);
  if (count[ITEM_FAILED] && all > 1)
    say_loud ("%u of %u files, %.0f %%, were left out, for the reasons above",
        count[ITEM_FAILED], all, 100.0 * count[ITEM_FAILED] / all);
  if (setup_stopped ())
    say_loud ("stopped: %u of %u files are not done%s", count[ITEM_TODO], all,
        jobs->batch->recursive ? "; the same command goes on where this ended" : "");
  g_free (time);
  g_free (size);
  g_free (spent);
  return setup_stopped () ? DONE_STOPPED :
      count[ITEM_FAILED] || count[ITEM_DAMAGED] ? DONE_SOME : DONE_ALL;
}

int
jobs_run (GPtrArray * items, const Batch * batch, void (*work) (Item * item, gpointer data),
    gpointer data)
{
  const guint cores = g_get_num_processors ();
  const guint suit = batch->share ? MAX (cores, MIN (PASS * cores, MOST)) : cores;
  const guint n = MAX (1, MIN (batch->jobs > 0 ? (guint) batch->jobs : suit, items->len));
  const gint64 begun = g_get_monotonic_time ();
  const gboolean bar = say_on_terminal () && !batch->quiet;
  Jobs jobs = { .items = items, .batch = batch, .work = work, .data = data, .working = (gint) n };
  GThread **threads = g_new (GThread *, n);

  g_mutex_init (&jobs.lock);
  g_cond_init (&jobs.ended);
  for (guint i = 0; i < n; i++)
    threads[i] = g_thread_new ("worker", worker, &jobs);
  if (bar)
    draw (&jobs, begun);
  g_mutex_lock (&jobs.lock);
  while (jobs.working > 0) {
    g_cond_wait_until (&jobs.ended, &jobs.lock, g_get_monotonic_time () + G_USEC_PER_SEC / 5);
    if (bar && jobs.working > 0)
      draw (&jobs, begun);
  }
  g_mutex_unlock (&jobs.lock);
  for (guint i = 0; i < n; i++)
    g_thread_join (threads[i]);
  say_progress (NULL);
  g_free (threads);
  g_mutex_clear (&jobs.lock);
  g_cond_clear (&jobs.ended);
  return sum_up (&jobs, begun);
}
