/*
 * A load generator: many connections that speak the MTA's side of the milter
 * protocol and send messages as fast as the milter takes them.  Prints one
 * line of results, name=value; see README beside this file for all of it.
 * Judges no signature: -o writes what others need to verify them.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mail.h"
#include "mta.h"

enum {
	CONNECTIONS_MAX = 1000,
	DOMAINS_MAX = 10000,
	PIDS_MAX = 16,
	SETTLE_MS = 50, /* for what a milter does behind its answer */
	RETRY_MS = 10,  /* between attempts to connect again */
};

static const char usage_text[] =
    "usage: load [-1] [-c connections] [-n messages | -t seconds]\n"
    "            [-s bytes] [-k kind] [-d domain,...] [-S seed] [-T seconds]\n"
    "            [-w bytes] [-p pid,...] [-o file] socket\n";

/* One process whose processor time is taken. */
struct process {
	clockid_t clock;
	double start_us, spent_us;
};

/* A run: what the options say, and what the connections share. */
struct run {
	const char *spec;
	unsigned connections;
	uint64_t count; /* messages; 0: until seconds are over */
	uint64_t seconds;
	size_t body_len;
	const char *kind;
	size_t write_len;
	int timeout;
	bool is_one_each; /* one message a connection */
	struct process processes[PIDS_MAX];
	size_t process_count;

	struct mail_source source;
	atomic_uint_least64_t next; /* number of the next message */
	int64_t end_ns;             /* with count 0 */
	FILE *out;                  /* records, or NULL */
	pthread_mutex_t out_lock;
	atomic_bool has_failed; /* a record could not be written */
};

/* One connection and its thread. */
struct worker {
	struct run *run;
	unsigned number;
	pthread_t thread;
	uint64_t outcomes[OUTCOME_COUNT];
	uint64_t signatures;
	struct buf latencies; /* uint32_t, microseconds */
	char last_loss[ERR_TEXT_MAX];
};

static _Noreturn void
die(const char *what, const char *detail)
{
	fprintf(stderr, "load: %s%s%s\n", what, detail ? ": " : "",
	    detail ? detail : "");
	exit(1);
}

static void
pause_ms(int ms)
{
	struct timespec ts = { .tv_nsec = ms * 1000000L };

	(void)nanosleep(&ts, NULL);
}

/* Sending. */

/* Take a number for one more message; false at the end of the run. */
static bool
next_take(struct run *run, uint64_t *number)
{
	if (run->count == 0 && mta_now_ns() >= run->end_ns)
		return false;
	*number = atomic_fetch_add(&run->next, 1);
	return run->count == 0 || *number < run->count;
}

/*
 * One record: a line
 *   MAIL ASKED ANSWERED CONNECTION NUMBER OUTCOME INSERTED MESSAGE
 * (times in ns of CLOCK_MONOTONIC, the last two in bytes), then the inserted
 * fields and the message, which together are what an MTA would send on.
 */
static void
record_write(struct worker *w, uint64_t number, const struct mail *mail,
    const struct mta_result *r, struct buf *wire)
{
	struct run *run = w->run;

	buf_reset(wire);
	mail_wire(mail, wire);
	pthread_mutex_lock(&run->out_lock);
	fprintf(run->out,
	    "%" PRId64 " %" PRId64 " %" PRId64 " %u %" PRIu64 " %s %zu %zu\n",
	    r->mail_ns, r->asked_ns, r->answered_ns, w->number, number,
	    outcome_name(r->outcome), r->inserted.len, wire->len);
	if (r->inserted.len > 0)
		fwrite(r->inserted.data, 1, r->inserted.len, run->out);
	fwrite(wire->data, 1, wire->len, run->out);
	if (wire->has_failed || ferror(run->out))
		atomic_store(&run->has_failed, true);
	pthread_mutex_unlock(&run->out_lock);
}

static void
result_count(struct worker *w, const struct mta_result *r)
{
	int64_t us = (r->answered_ns - r->mail_ns) / 1000;
	uint32_t latency = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;

	w->outcomes[r->outcome]++;
	w->signatures += r->signatures;
	if (r->outcome != OUTCOME_LOST)
		buf_add(&w->latencies, &latency, sizeof(latency));
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	struct run *run = w->run;
	struct mail mail = { .domain = NULL };
	struct mta_result result = { .signatures = 0 };
	struct buf wire = BUF_INIT;
	struct mta mta;
	struct err err;
	uint64_t number;

	mta_init(&mta, run->spec, run->timeout, run->write_len);
	while (next_take(run, &number)) {
		if (!mail_make(&mail, &run->source, number))
			die("out of memory", NULL);
		if (mta_send(&mta, &mail, &result, &err) == -1)
			memcpy(w->last_loss, err.text, sizeof(w->last_loss));
		result_count(w, &result);
		if (run->out != NULL)
			record_write(w, number, &mail, &result, &wire);
		if (run->is_one_each)
			mta_close(&mta);
		if (result.outcome == OUTCOME_LOST)
			pause_ms(RETRY_MS);
	}
	mta_clear(&mta);
	mta_result_clear(&result);
	mail_clear(&mail);
	buf_clear(&wire);
	return NULL;
}

/* Processor time of others. */

static double
processor_us(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now) == -1)
		die("the processor time of a process", "has it ended?");
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void
processes_start(struct run *run)
{
	for (size_t i = 0; i < run->process_count; i++) {
		struct process *p = &run->processes[i];

		p->start_us = processor_us(p->clock);
	}
}

static void
processes_stop(struct run *run)
{
	if (run->process_count > 0)
		pause_ms(SETTLE_MS);
	for (size_t i = 0; i < run->process_count; i++) {
		struct process *p = &run->processes[i];

		p->spent_us = processor_us(p->clock) - p->start_us;
	}
}

/* Results. */

static int
latency_compare(const void *a, const void *b)
{
	uint32_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

static void
latencies_print(struct buf *all)
{
	static const struct {
		const char *name;
		double part;
	} percentiles[] = {
		{ "p50_us", 0.50 },
		{ "p90_us", 0.90 },
		{ "p99_us", 0.99 },
		{ "p999_us", 0.999 },
		{ "max_us", 1 },
	};
	size_t count = all->len / sizeof(uint32_t);
	uint32_t value;

	if (count > 0)
		qsort(all->data, count, sizeof(uint32_t), latency_compare);
	for (size_t i = 0; i < sizeof(percentiles) / sizeof(*percentiles);
	     i++) {
		size_t at = (size_t)((double)count * percentiles[i].part);

		value = 0;
		if (at >= count && count > 0)
			at = count - 1;
		if (count > 0)
			memcpy(&value, all->data + at * sizeof(value),
			    sizeof(value));
		printf(" %s=%" PRIu32, percentiles[i].name, value);
	}
}

static void
results_print(struct run *run, struct worker *workers, double seconds)
{
	uint64_t outcomes[OUTCOME_COUNT] = { 0 }, signatures = 0, answered = 0;
	struct buf latencies = BUF_INIT;

	for (unsigned i = 0; i < run->connections; i++) {
		for (int o = 0; o < OUTCOME_COUNT; o++)
			outcomes[o] += workers[i].outcomes[o];
		signatures += workers[i].signatures;
		buf_add(&latencies, workers[i].latencies.data,
		    workers[i].latencies.len);
		latencies.has_failed |= workers[i].latencies.has_failed;
		buf_clear(&workers[i].latencies);
	}
	if (latencies.has_failed)
		die("out of memory", NULL);
	answered = latencies.len / sizeof(uint32_t);
	printf("connections=%u body_bytes=%zu messages=%" PRIu64,
	    run->connections, run->body_len, answered + outcomes[OUTCOME_LOST]);
	for (int o = 0; o < OUTCOME_COUNT; o++)
		printf(" %s=%" PRIu64, outcome_name(o), outcomes[o]);
	printf(" signatures=%" PRIu64 " seconds=%.3f per_second=%.1f",
	    signatures, seconds, (double)answered / seconds);
	latencies_print(&latencies);
	if (run->process_count > 0)
		printf(" processor_us=");
	for (size_t i = 0; i < run->process_count; i++)
		printf("%s%.1f", i ? "," : "", run->processes[i].spent_us);
	putchar('\n');
	buf_clear(&latencies);
}

/* A word on stderr for whom it puzzles. */
static void
losses_tell(const struct run *run, const struct worker *workers)
{
	for (unsigned i = 0; i < run->connections; i++) {
		if (workers[i].last_loss[0] != '\0') {
			fprintf(stderr, "load: lost: %s\n",
			    workers[i].last_loss);
			return;
		}
	}
}

static void
run_all(struct run *run)
{
	struct worker *workers = calloc(run->connections, sizeof(*workers));
	int64_t start, end;

	if (workers == NULL)
		die("out of memory", NULL);
	processes_start(run);
	start = mta_now_ns();
	run->end_ns = start + (int64_t)run->seconds * 1000000000;
	for (unsigned i = 0; i < run->connections; i++) {
		workers[i].run = run;
		workers[i].number = i;
		if (pthread_create(&workers[i].thread, NULL, worker_main,
		        &workers[i]) != 0)
			die("no thread", NULL);
	}
	for (unsigned i = 0; i < run->connections; i++)
		(void)pthread_join(workers[i].thread, NULL);
	end = mta_now_ns();
	processes_stop(run);
	results_print(run, workers, (double)(end - start) / 1e9);
	losses_tell(run, workers);
	free(workers);
}

/* Options. */

static _Noreturn void
usage(const char *what, const char *value)
{
	fprintf(stderr, "load: %s: %s\n%skinds: %s\n", what, value, usage_text,
	    mail_kinds);
	exit(64);
}

/* Options with a number. */
static const struct limit {
	int letter;
	const char *what;
	uint64_t least, most;
} limits[] = {
	{ 'c', "connections", 1, CONNECTIONS_MAX },
	{ 'n', "messages", 1, UINT64_MAX >> 21 },
	{ 'p', "process", 1, INT32_MAX },
	{ 's', "bytes", 0, (uint64_t)1 << 32 },
	{ 'S', "seed", 0, UINT64_MAX },
	{ 't', "seconds", 1, 1000000 },
	{ 'T', "timeout", 1, 3600 },
	{ 'w', "write", 1, 1 << 30 },
};

/* The value of the option letter, which is among limits. */
static uint64_t
number_parse(int letter, const char *text)
{
	const struct limit *l = limits;
	unsigned long long n;
	char *end;

	while (l->letter != letter)
		l++;
	n = strtoull(text, &end, 10);
	if (*text == '\0' || *text == '-' || *end != '\0' || n < l->least ||
	    n > l->most)
		usage(l->what, text);
	return n;
}

/* Cut a list at its commas, in place; the number of its words. */
static size_t
list_cut(const char *what, char *list, const char **words, size_t most)
{
	size_t count = 0;

	for (char *word; (word = strsep(&list, ",")) != NULL;) {
		if (*word == '\0' || count == most)
			usage(what, word);
		words[count++] = word;
	}
	return count;
}

static void
processes_parse(struct run *run, char *list)
{
	const char *words[PIDS_MAX];

	run->process_count = list_cut("processes", list, words, PIDS_MAX);
	for (size_t i = 0; i < run->process_count; i++) {
		pid_t pid = (pid_t)number_parse('p', words[i]);

		if (clock_getcpuclockid(pid, &run->processes[i].clock) != 0)
			die("no such process", words[i]);
	}
}

/* One option but -d; false when there is none of that letter. */
static bool
option_take(struct run *run, int letter, char *value)
{
	switch (letter) {
	case '1':
		run->is_one_each = true;
		return true;
	case 'c':
		run->connections = (unsigned)number_parse(letter, value);
		return true;
	case 'k':
		run->kind = value;
		return true;
	case 'n':
		run->count = number_parse(letter, value);
		return true;
	case 'o':
		run->out = fopen(value, "wb");
		if (run->out == NULL)
			die("cannot write", value);
		return true;
	case 'p':
		processes_parse(run, value);
		return true;
	case 's':
		run->body_len = number_parse(letter, value);
		return true;
	case 'S':
		run->source.seed = number_parse(letter, value);
		return true;
	case 't':
		run->seconds = number_parse(letter, value);
		run->count = 0;
		return true;
	case 'T':
		run->timeout = (int)number_parse(letter, value);
		return true;
	case 'w':
		run->write_len = number_parse(letter, value);
		return true;
	default:
		return false;
	}
}

static void
options_parse(struct run *run, int argc, char **argv)
{
	static const char *domains[DOMAINS_MAX] = { "example.com" };
	int letter;

	run->source.domains = domains;
	run->source.domain_count = 1;
	while ((letter = getopt(argc, argv, "1c:d:k:n:o:p:s:S:t:T:w:")) != -1) {
		if (letter == 'd') {
			run->source.domain_count =
			    list_cut("domains", optarg, domains, DOMAINS_MAX);
		} else if (!option_take(run, letter, optarg)) {
			fprintf(stderr, "%skinds: %s\n", usage_text,
			    mail_kinds);
			exit(64);
		}
	}
	if (argc - optind != 1)
		usage("socket", "exactly one is needed");
	run->spec = argv[optind];
}

int
main(int argc, char **argv)
{
	struct run run = {
		.connections = 1,
		.count = 1000,
		.body_len = 10240,
		.kind = "text",
		.write_len = 4096, /* as Postfix's stream has it */
		.timeout = 30,
		.source.seed = (uint64_t)time(NULL),
		.out_lock = PTHREAD_MUTEX_INITIALIZER,
	};
	struct err err;

	options_parse(&run, argc, argv);
	if (mail_source_init(&run.source, run.kind, run.body_len, &err) == -1)
		usage("cannot make a body", err.text);
	run_all(&run);
	if (run.out != NULL && (fclose(run.out) != 0 || run.has_failed))
		die("cannot write", "records");
	mail_source_clear(&run.source);
	return fflush(stdout) == 0 ? 0 : 1;
}
