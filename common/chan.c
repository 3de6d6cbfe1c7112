/*
 * Channel packets: their sizes, and moving them whole.  Who may connect and
 * what a packet makes happen is for the two programs.
 */
#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "chan.h"

/* How the size of a packet follows from its type and count. */
static const struct layout {
	size_t fixed;      /* bytes with no element */
	size_t element;    /* bytes of one element, 0: it has none */
	unsigned min, max; /* elements */
} layouts[] = {
	[CHAN_HELLO] = { sizeof(struct chan_hello), 0, 0, 0 },
	[CHAN_POLICY] = { sizeof(struct chan_policy), 0, 0, 0 },
	[CHAN_POLICY_ACK] = { sizeof(struct chan_policy), 0, 0, 0 },
	[CHAN_SIGN] = { offsetof(struct chan_sign, pairs),
	    sizeof(struct chan_pair), 1, POLICY_SIGNATURES_MAX },
	/* None with any status but CHAN_OK. */
	[CHAN_SIGNED] = { offsetof(struct chan_signed, signatures),
	    sizeof(struct chan_signature), 0, POLICY_SIGNATURES_MAX },
	[CHAN_REPORT] = { sizeof(struct chan_report), 0, 0, 0 },
};

static const char *const counter_names[COUNTER_COUNT] = {
	[COUNT_SIGNED] = "signed",
	[COUNT_SIGNATURES] = "signatures",
	[COUNT_NOT_OURS] = "not_ours",
	[COUNT_NO_MATCH] = "no_match",
	[COUNT_NOT_ACTIVE] = "not_active",
	[COUNT_MALFORMED] = "malformed",
	[COUNT_ERROR] = "error",
	[COUNT_NO_POLICY] = "no_policy",
	[COUNT_ABORTED] = "aborted",
	[COUNT_STALE] = "stale",
	[COUNT_LOG_DROPPED] = "log_dropped",
};

const char *
counter_name(enum counter c)
{
	return counter_names[c];
}

size_t
chan_size(enum chan_type type, unsigned count)
{
	const struct layout *l;

	if (type < CHAN_HELLO || type > CHAN_REPORT)
		return 0;
	l = &layouts[type];
	if (count < l->min || count > l->max)
		return 0;
	return l->fixed + count * l->element;
}

void
chan_head_set(struct chan_head *head, enum chan_type type, unsigned count,
    uint64_t request)
{
	head->version = CHAN_VERSION;
	head->type = (uint16_t)type;
	head->count = (uint16_t)count;
	head->request = request;
}

bool
chan_timed_out(const struct err *err)
{
	return err->code == ERR_IO && strncmp(err->text, "timed out", 9) == 0;
}

/* Wait until fd is ready.  Returns 0, or -1 with err set. */
static int
wait_for(int fd, short events, int timeout_ms, struct err *err)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do
		n = poll(&p, 1, timeout_ms);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return err_errno(err, "channel");
	if (n == 0)
		return err_set(err, ERR_IO, "timed out after %d ms",
		    timeout_ms);
	return 0;
}

/* Room for one descriptor in a control message, properly aligned. */
union fd_control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

static void
attach_fd(struct msghdr *msg, union fd_control *control, int fd)
{
	struct cmsghdr *c;

	memset(control, 0, sizeof(*control));
	msg->msg_control = control;
	msg->msg_controllen = sizeof(*control);
	c = CMSG_FIRSTHDR(msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
}

int
chan_send(int fd, const union chan_packet *p, int fd_to_pass, int timeout_ms,
    struct err *err)
{
	size_t size = chan_size(p->head.type, p->head.count);
	union chan_packet *packet = (union chan_packet *)(uintptr_t)p;
	struct iovec iov = { .iov_base = packet, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union fd_control control;

	if (fd_to_pass != -1)
		attach_fd(&msg, &control, fd_to_pass);
	for (;;) {
		if (sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return err_errno(err, "channel");
		if (wait_for(fd, POLLOUT, timeout_ms, err) == -1)
			return -1;
	}
}

/*
 * Take the descriptors out of a received message: the first one is *fd unless
 * fd is NULL, others are closed.  Returns how many there were.
 */
static unsigned
detach_fds(struct msghdr *msg, int *fd)
{
	unsigned found = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL;
	     c = CMSG_NXTHDR(msg, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int passed;

			memcpy(&passed, CMSG_DATA(c) + i * sizeof(int),
			    sizeof(passed));
			if (found++ == 0 && fd != NULL)
				*fd = passed;
			else
				close(passed);
		}
	}
	return found;
}

/* The fixed layout of what came, before anything in it is used. */
static int
check_packet(const union chan_packet *p, size_t len, bool is_whole,
    unsigned fds, struct err *err)
{
	if (!is_whole || len < sizeof(p->head))
		return err_set(err, ERR_INPUT, "malformed packet: %zu bytes%s",
		    len, is_whole ? "" : " and more");
	if (p->head.version != CHAN_VERSION)
		return err_set(err, ERR_INPUT,
		    "packet of version %#x, this is %#x: keyturnd and "
		    "keyturn-milter must come from one build",
		    p->head.version, CHAN_VERSION);
	if (len != chan_size(p->head.type, p->head.count))
		return err_set(err, ERR_INPUT,
		    "malformed packet: type %u, count %u, %zu bytes",
		    p->head.type, p->head.count, len);
	if (fds != (p->head.type == CHAN_POLICY ? 1 : 0))
		return err_set(err, ERR_INPUT,
		    "malformed packet: type %u with %u descriptors",
		    p->head.type, fds);
	return 0;
}

int
chan_recv(int fd, union chan_packet *p, int *passed_fd, int timeout_ms,
    struct err *err)
{
	struct iovec iov = { .iov_base = p, .iov_len = sizeof(*p) };
	union fd_control control;
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	bool is_whole;
	unsigned fds;
	ssize_t n;

	if (passed_fd != NULL)
		*passed_fd = -1;
	if (timeout_ms >= 0 && wait_for(fd, POLLIN, timeout_ms, err) == -1)
		return -1;
	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return err_errno(err, "channel");
	fds = detach_fds(&msg, passed_fd);
	/* A descriptor never comes with an empty packet of ours. */
	if (n == 0 && fds == 0)
		return 0;
	is_whole = (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
	if (check_packet(p, (size_t)n, is_whole, fds, err) == 0)
		return 1;
	if (passed_fd != NULL && *passed_fd != -1) {
		close(*passed_fd);
		*passed_fd = -1;
	}
	return -1;
}
