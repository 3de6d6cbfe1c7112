/*
 * The log: a bounded queue of lines and the one thread that writes them.  Only
 * that thread calls syslog(3) or writes to stderr once it runs.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "monotime.h"

/* Room for "ident[pid]: " and a line end. */
enum { LOG_PREFIX_MAX = 64 };

/* A line has the size of its text: a full ring of longest lines is rare. */
struct line {
	int level;
	char text[];
};

/* What the writer does next, taken out of the queue in one go. */
struct job {
	struct line *line;  /* to be freed, or NULL */
	unsigned long lost; /* lines dropped that nobody was told of */
	struct conf_log conf;
	bool must_reopen;
};

static atomic_int log_level = LOG_INFO;

static struct {
	pthread_mutex_t lock;
	pthread_cond_t work; /* for the writer */
	pthread_cond_t rest; /* the writer has nothing left to do */
	const char *ident;
	struct conf_log conf;
	bool is_running, is_writing, must_reopen;
	struct line *lines[LOG_QUEUE_MAX];
	size_t first, count;
	unsigned long dropped, told; /* of them */
} queue = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* One write for one line: lines of several processes never mix. */
static void
write_stderr(const char *ident, const char *text)
{
	char line[LOG_LINE_MAX + LOG_PREFIX_MAX];
	struct pollfd writable = { .fd = STDERR_FILENO, .events = POLLOUT };
	const char *p = line;
	size_t len;
	ssize_t n;

	snprintf(line, sizeof(line) - 1, "%.32s[%ld]: %s", ident,
	    (long)getpid(), text);
	len = strlen(line);
	line[len++] = '\n';
	while (len > 0) {
		n = write(STDERR_FILENO, p, len);
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		} else if (n == -1 && errno == EAGAIN)
			poll(&writable, 1, -1);
		else if (n == 0 || errno != EINTR)
			return; /* nowhere left to complain */
	}
}

/*
 * Whether the loss of lines is reported now: not while the queue is full
 * still, or each line that is written would bring one more.
 */
static bool
must_tell(void)
{
	return queue.dropped != queue.told && queue.count <= LOG_QUEUE_MAX / 2;
}

static bool
has_work(void)
{
	return queue.count > 0 || queue.must_reopen || must_tell();
}

/* Wait for something to do. */
static void
take_job(struct job *job)
{
	*job = (struct job){ .line = NULL };
	pthread_mutex_lock(&queue.lock);
	queue.is_writing = false;
	while (!has_work()) {
		pthread_cond_broadcast(&queue.rest);
		pthread_cond_wait(&queue.work, &queue.lock);
	}
	queue.is_writing = true;
	if (queue.count > 0) {
		job->line = queue.lines[queue.first];
		queue.first = (queue.first + 1) % LOG_QUEUE_MAX;
		queue.count--;
	}
	if (must_tell()) {
		job->lost = queue.dropped - queue.told;
		queue.told = queue.dropped;
	}
	job->conf = queue.conf;
	job->must_reopen = queue.must_reopen;
	queue.must_reopen = false;
	pthread_mutex_unlock(&queue.lock);
}

static void
put_line(const struct conf_log *conf, int level, const char *text)
{
	if (conf->to == LOG_TO_SYSLOG)
		syslog(level, "%s", text);
	else
		write_stderr(queue.ident, text);
}

static void *
writer(void *arg)
{
	char text[LOG_PREFIX_MAX];
	bool has_syslog = false;
	struct job job;

	(void)arg;
	for (;;) {
		take_job(&job);
		if (job.must_reopen) {
			if (has_syslog)
				closelog();
			has_syslog = job.conf.to == LOG_TO_SYSLOG;
			if (has_syslog)
				openlog(queue.ident, LOG_PID | LOG_NDELAY,
				    job.conf.facility);
		}
		if (job.line != NULL)
			put_line(&job.conf, job.line->level, job.line->text);
		free(job.line);
		if (job.lost > 0) {
			snprintf(text, sizeof(text),
			    "%lu log lines dropped: the log was too slow",
			    job.lost);
			put_line(&job.conf, LOG_WARNING, text);
		}
	}
	return NULL;
}

int
log_start(const char *ident, const struct conf_log *conf, struct err *err)
{
	pthread_t thread;
	int rc;

	queue.ident = ident;
	rc = mono_cond_init(&queue.work);
	if (rc == 0)
		rc = mono_cond_init(&queue.rest);
	if (rc != 0)
		goto fail;
	queue.is_running = true;
	log_configure(conf);
	rc = pthread_create(&thread, NULL, writer, NULL);
	if (rc != 0)
		goto fail;
	pthread_detach(thread);
	return 0;
fail:
	queue.is_running = false;
	errno = rc;
	return err_errno(err, "log thread");
}

/* Have the writer open the log anew, by conf unless that is NULL. */
static void
reopen(const struct conf_log *conf)
{
	pthread_mutex_lock(&queue.lock);
	if (conf != NULL)
		queue.conf = *conf;
	queue.must_reopen = true;
	if (queue.is_running)
		pthread_cond_signal(&queue.work);
	pthread_mutex_unlock(&queue.lock);
}

void
log_configure(const struct conf_log *conf)
{
	atomic_store(&log_level, conf->level);
	reopen(conf);
}

void
log_reopen(void)
{
	reopen(NULL);
}

/*
 * Put "qid: text" together.  What is cut is cut; control characters, which
 * only a file's text could still hold here, must not make two lines of one.
 */
static void __attribute__((format(printf, 3, 0)))
compose(char text[LOG_LINE_MAX], const char *qid, const char *fmt, va_list ap)
{
	size_t len = 0;

	text[0] = '\0';
	if (qid != NULL) {
		snprintf(text, LOG_LINE_MAX, "%s: ", qid);
		len = strlen(text);
	}
	vsnprintf(text + len, LOG_LINE_MAX - len, fmt, ap);
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
}

/* Queue a line.  False when there is no writer to write it. */
static bool
enqueue(int level, const char *text)
{
	size_t size = strlen(text) + 1;
	struct line *line = malloc(sizeof(*line) + size);
	bool is_running;

	if (line != NULL) {
		line->level = level;
		memcpy(line->text, text, size);
	}
	pthread_mutex_lock(&queue.lock);
	is_running = queue.is_running;
	if (is_running && line != NULL && queue.count < LOG_QUEUE_MAX) {
		queue.lines[(queue.first + queue.count++) % LOG_QUEUE_MAX] =
		    line;
		line = NULL;
		pthread_cond_signal(&queue.work);
	} else if (is_running)
		queue.dropped++;
	pthread_mutex_unlock(&queue.lock);
	free(line);
	return is_running;
}

void
log_msg(int level, const char *qid, const char *fmt, ...)
{
	int saved_errno = errno;
	char text[LOG_LINE_MAX];
	va_list ap;

	if (level > atomic_load_explicit(&log_level, memory_order_relaxed))
		return;
	va_start(ap, fmt);
	compose(text, qid, fmt, ap);
	va_end(ap);
	if (!enqueue(level, text))
		write_stderr(getprogname(), text);
	errno = saved_errno;
}

unsigned long
log_dropped(void)
{
	unsigned long dropped;

	pthread_mutex_lock(&queue.lock);
	dropped = queue.dropped;
	pthread_mutex_unlock(&queue.lock);
	return dropped;
}

void
log_flush(int timeout_ms)
{
	long long end = mono_now_ms() + timeout_ms;

	pthread_mutex_lock(&queue.lock);
	while (queue.is_running && (has_work() || queue.is_writing))
		if (!mono_cond_wait(&queue.rest, &queue.lock, end))
			break;
	pthread_mutex_unlock(&queue.lock);
}
