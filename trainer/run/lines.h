/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lines.h - output for programs: with --json stdout has one JSON object a line for each event, and
 * nothing else; with --quiet it has nothing. Messages stay on stderr.
 *
 *   start        files, left_out, minutes, check_files, weights, steps_per_epoch, epochs
 *   progress     once a second: epoch, step, done (0 .. 1), seconds, seconds_left (null at first),
 *                snr (dB, last check), mel, cpx, wave (losses of the last step), speed (speech per
 *                second)
 *   epoch        the columns of metrics.csv
 *   quality      points: name, bitrate, snr, si_sdr, lsd, mean, level
 *   layers       points: name; snr, si_sdr, lsd, level with layers of integers, and float_snr,
 *                float_si_sdr, float_lsd, float_level with layers of floats; files, seconds.
 *                Not of a weight file of integers, which has no floats
 *   dry_run      step_seconds, epoch_seconds, all_seconds
 *   interrupted  step
 *   postnet      step, steps, loss, decoder_loss (without the post-network), speed
 *   end          weights, model_id, report, verdict
 */
#ifndef LINES_H
#define LINES_H

#include "metrics.h"
#include "quality.h"

#include <glib.h>

/* Takes stdout away from all that print to it, unless both are 0. */
void lines_begin(int json, int quiet);

/* Returns an object that begins with the event, for json_put_*(); NULL without --json and on all
 * ranks but the first. */
GString *lines_new(const char *event);

/* Ends the object, prints the line and frees it. */
void lines_end(GString *line);

/* Print a whole line, where there is --json. */
void lines_metrics(const char *event, const struct metrics *m);
void lines_quality(const struct quality q[QUALITY_POINTS]);
void lines_layers(const struct quality_layers *q);

#endif
