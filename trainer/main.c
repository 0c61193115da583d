/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* main.c - telucodec-train: turns speech into a weight file. */
#include "bar.h"
#include "crc32c.h"
#include "finish.h"
#include "gemm.h"
#include "init.h"
#include "json_put.h"
#include "lines.h"
#include "lock.h"
#include "memory.h"
#include "pack.h"
#include "parallel.h"
#include "pool.h"
#include "quality.h"
#include "train.h"
#include "verdict.h"

#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALID_SHARE 0.05

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

/* Gives the signals that end a run this handler. mpirun passes SIGUSR1 on to its ranks, and a
 * terminal that closes sends SIGHUP; nohup has it ignored, and so it stays. */
static void handle_signals(void (*handler)(int))
{
    static const int all[] = { SIGINT, SIGTERM, SIGUSR1, SIGHUP };
    struct sigaction a = { .sa_handler = handler, .sa_flags = SA_RESETHAND }, was;

    for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
        if (!sigaction(all[i], NULL, &was) && was.sa_handler != SIG_IGN)
            sigaction(all[i], &a, NULL);
}

static int trains(const struct options *o)
{
    return !o->export_path && !o->evaluate && !o->dry_run;
}

static void name_files(struct run *r)
{
    r->folder = g_build_filename(r->o.checkpoint_dir, r->o.experiment_name, NULL);
    r->last = g_build_filename(r->folder, "last.ckpt", NULL);
    r->best = g_build_filename(r->folder, "best.ckpt", NULL);
    r->csv = g_build_filename(r->folder, "metrics.csv", NULL);
    r->weights = g_build_filename(r->folder, "model.safetensors", NULL);
    r->report = g_build_filename(r->folder, "report.html", NULL);
}

static void enter_folder(struct run *r)
{
    if (g_mkdir_with_parents(r->folder, 0777))
        die("%s: cannot make this folder", r->folder);
    lock_folder(r->folder);
    if (!r->o.resume && g_file_test(r->last, G_FILE_TEST_EXISTS))
        die("%s exists: give --resume to go on, or another --experiment_name", r->last);
}

/* Takes the sizes from the checkpoint or the weight file, if there is one. Returns 1 when
 * there is a checkpoint to load. */
static int choose_sizes(struct run *r, const char *init)
{
    const char *from = init;
    int found = 0;

    r->p = (struct progress){ .config = r->o.config, .best = -1e9, .seed = r->o.seed };
    if (r->o.resume || r->o.export_path)
        found = !checkpoint_peek(r->last, &r->p);
    if (r->o.export_path && !found && !init)       /* --init: its tables are fitted anew */
        die("%s: there is no such checkpoint to export; --init FILE exports that file's network "
            "with tables fitted anew", r->last);
    if (found)
        from = r->last;
    else if (init)
        r->p.config = init_config(init);
    if (r->o.preset_given && from &&
        memcmp(&r->p.config, &r->o.config, sizeof(r->p.config)))
        die("%s holds another network than --preset %s: encoder %d x %d, decoder %d x "
            "%d, %d stages of %d codes; leave --preset out",
            from, r->o.preset, r->p.config.enc_blocks, r->p.config.enc_width,
            r->p.config.dec_blocks, r->p.config.dec_width, r->p.config.stages,
            r->p.config.codes);
    return found;
}

/* Rank 0 alone reads the checkpoint or the weight file; other ranks may not see them. */
static void make_trainer(struct run *r)
{
    int packets = (int)(r->o.segment_seconds * TELU_RATE / TELU_PACKET + 0.5);
    int first = !parallel_rank(), found = 0;
    char *init = first && r->o.init ? init_find(r->o.init) : NULL;

    if (first)
        found = choose_sizes(r, init);
    parallel_share(&r->p, sizeof(r->p));
    r->t = trainer_new(&r->p.config, r->o.batch_size / parallel_ranks(), packets,
                       (uint64_t)r->o.seed);
    trainer_reduce(r->t, parallel_reduce());
    if (found) {
        checkpoint_load(r->last, r->t, &r->p);
        printf("from %s: step %ld, %d epochs\n", r->last, r->p.step, r->p.epoch);
        if (r->p.seed != r->o.seed)
            printf("its seed is %ld: --seed %d is left out\n", r->p.seed, r->o.seed);
    } else if (init) {
        init_load(r->t->model, init, r->o.batch_size * packets);
        printf("from the weights in %s\n", init);
    }
    if (!r->o.export_path || !*r->p.settings)
        options_text(&r->o, r->p.settings, sizeof(r->p.settings));
    checkpoint_share(r->t, &r->p);
    if (!r->o.export_path)
        r->device = device_trainer_new(&r->o, r->t);
    g_free(init);
}

/* Ranks on several machines may each see another folder. */
static uint32_t speech_sum(const struct dataset *d)
{
    uint32_t sum = 0;

    for (int i = 0; i < d->n; i++) {
        const struct clip *c = &d->clip[i];

        sum = crc32c(sum, c->pcm, sizeof(*c->pcm) * c->n);
    }
    return sum;
}

/* Returns 1 on all ranks when any rank got a signal. */
static int any_stop(void)
{
    double stopped = stop;

    parallel_sum(&stopped, 1);
    return stopped > 0.0;
}

static void print_start(const struct run *r)
{
    GString *line = lines_new("start");

    if (!line)
        return;
    json_put_int(line, "files", r->train.n);
    json_put_int(line, "left_out", r->train.left_out + r->valid.left_out);
    json_put_number(line, "minutes", r->train.samples / (60.0 * TELU_RATE));
    json_put_int(line, "check_files", r->valid.n);
    json_put_int(line, "weights", (long)r->t->model->p->total);
    json_put_int(line, "steps_per_epoch", train_epoch_steps(r));
    json_put_int(line, "epochs", r->o.num_epochs);
    lines_end(line);
}

/* Loads the speech to learn from and to check on. Returns 1 when stopped. */
static int load_speech(struct run *r)
{
    struct rng split;

    dataset_load(&r->train, r->o.data_dir, &stop);
    rng_seed(&split, (uint64_t)r->p.seed);
    if (r->o.valid_dir)
        dataset_load(&r->valid, r->o.valid_dir, &stop);
    else if (!stop)
        dataset_split(&r->train, &r->valid, VALID_SHARE, &split);
    for (char **text = r->o.repeat; text && *text && !stop; text++) {
        int n = dataset_repeat(&r->train, *text);

        if (n < 0)
            die("--repeat is %s, expected GLOB=N with N 1 to 1000, as te-*=4", *text);
        printf("--repeat %s: %d files\n", *text, n);
    }
    if (any_stop())
        return 1;
    parallel_compare(speech_sum(&r->train), "the recordings to learn from");
    printf("%.1f min of speech in %d files of %d speakers to learn from (%.1f min an "
           "epoch), %.1f min in %d to check on; %zu weights, %d threads, OpenBLAS for %s\n",
           r->train.samples / (60.0 * TELU_RATE), r->train.n,
           dataset_speakers(&r->train), r->train.total / (60.0 * TELU_RATE),
           r->valid.samples / (60.0 * TELU_RATE), r->valid.n, r->t->model->p->total,
           r->o.threads, gemm_core());
    if (parallel_ranks() > 1)
        printf("%d ranks of %d segments each\n", parallel_ranks(), r->t->B);
    fflush(stdout);
    print_start(r);
    return 0;
}

static void dry_run(struct run *r)
{
    double step = train_time(r);
    double epoch = step * train_epoch_steps(r), all = epoch * r->o.num_epochs;
    char one[32], many[32];
    GString *line;

    if (r->o.time_limit > 0.0 && all > 60.0 * r->o.time_limit)
        all = 60.0 * r->o.time_limit;
    bar_time(one, epoch);
    bar_time(many, all);
    printf("a step takes %.0f ms: %.0f s of speech per second\n", 1e3 * step,
           r->o.batch_size * r->t->T * TELU_PACKET / (TELU_RATE * step));
    printf("an epoch is %ld steps and takes %s; all takes about %s, and the checks\n",
           train_epoch_steps(r), one, many);
    printf("nothing was written; without --dry_run: %s\n", r->folder);
    line = lines_new("dry_run");
    if (line) {
        json_put_number(line, "step_seconds", step);
        json_put_number(line, "epoch_seconds", epoch);
        json_put_number(line, "all_seconds", all);
    }
    lines_end(line);
}

/* Takes the weights of best.ckpt where those of the last step are worse. */
static void take_best(struct run *r)
{
    struct checks c;
    int n;
    struct metrics *m = metrics_read(r->csv, &n);

    if (checks_of(&c, m, n) && checks_fell(&c)) {
        printf("after epoch %d the network's SNR is %.2f dB, after epoch %d it was %.2f dB: the "
               "weight file gets those weights, of %s\n", c.last_epoch, c.last, c.best_epoch,
               c.best, r->best);
        if (checkpoint_load(r->best, r->t, &r->p))
            note_loud("%s is gone: the weight file gets the last weights", r->best);
    }
    free(m);
}

static void train_or_export(struct run *r)
{
    struct result result = { r->weights, r->report, r->csv };

    make_trainer(r);
    if (load_speech(r)) {
        printf("interrupted before anything was done\n");
    } else if (r->o.dry_run) {
        dry_run(r);
    } else if (r->o.export_path || !train(r)) {
        if (!r->o.export_path && !parallel_rank())
            take_best(r);
        if (r->o.export_path)
            result = (struct result){ r->o.export_path, NULL, NULL };
        if (!r->o.postnet)
            handle_signals(SIG_DFL);   /* all is saved: --export can do it later */
        if (!parallel_rank())
            finish(r->t, &r->p, &r->o, &r->train, &r->valid, &result, &stop);
    }
    device_trainer_free(r->device);
    trainer_free(r->t);
    dataset_release(&r->train);
    dataset_release(&r->valid);
}

/* Measures what integers cost, where the file has the floats that they are made from. */
static void compare_layers(const struct telu_model *m, const struct telu_weights *w,
                           const struct dataset *d, const char *path)
{
    struct quality_layers layers;

    if (w->version == TELU_WEIGHTS_INTEGERS) {
        printf("    %s has no floats to compare its integers with\n", path);
        return;
    }
    quality_layers(&layers, m, w->blob, w->count, d);
    quality_print_layers(&layers);
    lines_layers(&layers);
}

static void measure(const struct options *o)
{
    char *path = init_find(o->evaluate);
    struct telu_model *m = telu_model_open(path);
    struct quality q[QUALITY_POINTS];
    struct telu_weights w;
    struct dataset d;

    if (!m || telu_weights_open(&w, path))
        die("%s", telu_error());
    dataset_load(&d, o->valid_dir ? o->valid_dir : o->data_dir, &stop);
    if (!stop) {
        printf("%s, model id %s, on %d files, %.1f min:\n", path, telu_model_id(m), d.n,
               d.samples / (60.0 * TELU_RATE));
        quality_measure(q, m, &d, d.n);
        quality_print(q);
        lines_quality(q);
        compare_layers(m, &w, &d, path);
    }
    dataset_release(&d);
    telu_weights_close(&w);
    telu_model_close(m);
    g_free(path);
}

/* Makes a file of integers of one of floats. */
static void pack(const struct options *o)
{
    char *from = init_find(o->pack), id[65];
    GString *line;

    if (pack_weights(from, o->export_path, id))
        die("%s", telu_error());
    printf("wrote %s, the integers of %s, model id %s\n", o->export_path, from, id);
    line = lines_new("end");
    if (line) {
        char *shown = g_filename_display_name(o->export_path);

        json_put_string(line, "weights", shown);
        json_put_string(line, "model_id", id);
        g_free(shown);
    }
    lines_end(line);
    g_free(from);
}

static void start_ranks(struct options *o)
{
    int ranks;

    parallel_start();
    ranks = parallel_ranks();
    /* All ranks find the same error: rank 0 prints it and ends the others. */
    if (parallel_rank() && (o->evaluate || o->export_path || o->batch_size % ranks)) {
        signal(SIGTERM, SIG_DFL);
        parallel_wait();
    }
    if (ranks > 1 && (o->evaluate || o->export_path))
        die("--evaluate and --export are for one process: leave mpirun out");
    if (o->batch_size % ranks)
        die("--batch_size is %d, expected a multiple of %d: each of the %d ranks takes as "
            "many segments", o->batch_size, ranks, ranks);
    if (o->threads == 0)
        o->threads = parallel_cores();
}

int main(int argc, char **argv)
{
    struct run r = { .stop = &stop };

    gemm_suit_cpu(argv);
    parallel_begin();
    handle_signals(on_signal);         /* a second signal ends the run at once */
    options_parse(&r.o, &argc, &argv);
    start_ranks(&r.o);
    lines_begin(r.o.json, r.o.quiet);
    gemm_threads(r.o.threads);
    pool_start(r.o.threads);
    if (r.o.evaluate || r.o.pack) {
        (r.o.pack ? pack : measure)(&r.o);
        return 0;
    }
    name_files(&r);
    if (trains(&r.o) && !parallel_rank())
        enter_folder(&r);
    train_or_export(&r);
    parallel_end();
    return 0;
}
