/*
 * Channel packets: sizes, whole packets, refusals, descriptors.
 */
#include <sys/socket.h>

#include <fcntl.h>
#include <unistd.h>

#include "chan.h"
#include "tap.h"

static int pair[2];

static void
reopen(void)
{
	close(pair[0]);
	close(pair[1]);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == -1)
		abort();
}

static void
test_sizes(void)
{
	static const struct {
		const char *name;
		enum chan_type type;
		unsigned count;
		size_t want;
	} cases[] = {
		{ "HELLO", CHAN_HELLO, 0, 152 },
		{ "POLICY", CHAN_POLICY, 0, 24 },
		{ "POLICY with an element", CHAN_POLICY, 1, 0 },
		{ "SIGN of none", CHAN_SIGN, 0, 0 },
		{ "SIGN of one", CHAN_SIGN, 1, 16 + 40 },
		{ "SIGN of 8", CHAN_SIGN, 8, 16 + 320 },
		{ "SIGN of 9", CHAN_SIGN, 9, 0 },
		{ "SIGNED of none", CHAN_SIGNED, 0, 32 },
		{ "SIGNED of 8", CHAN_SIGNED, 8, 32 + 8 * 1028 },
		{ "SIGNED of 9", CHAN_SIGNED, 9, 0 },
		{ "type 0", (enum chan_type)0, 0, 0 },
		{ "type 7", (enum chan_type)7, 0, 0 },
		{ "type 65535", (enum chan_type)65535, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_int((long long)chan_size(cases[i].type, cases[i].count),
		    (long long)cases[i].want, cases[i].name);
	for (int c = 0; c < COUNTER_COUNT; c++)
		ok(counter_name((enum counter)c) != NULL,
		    "counter %d has a name", c);
}

static void
test_round_trip(void)
{
	union chan_packet out = { .head = { 0 } }, in;
	struct err err = ERR_INIT;
	int fd = -2;

	reopen();
	chan_head_set(&out.head, CHAN_SIGN, 2, 77);
	out.sign.pairs[1].key_id = 5;
	memset(out.sign.pairs[1].digest, 0xab, SHA256_LEN);
	is_int(chan_send(pair[0], &out, -1, 0, &err), 0, "SIGN is sent");
	is_int(chan_recv(pair[1], &in, &fd, 1000, &err), 1, "and received");
	is_mem(&in, chan_size(CHAN_SIGN, 2), &out, chan_size(CHAN_SIGN, 2),
	    "as it was");
	is_int(fd, -1, "without a descriptor");

	chan_head_set(&out.head, CHAN_POLICY, 0, 1);
	is_int(chan_send(pair[0], &out, STDIN_FILENO, 0, &err), 0,
	    "POLICY is sent");
	is_int(chan_recv(pair[1], &in, &fd, 1000, &err), 1, "and received");
	ok(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC),
	    "its descriptor closes on exec");
	close(fd);

	is_int(chan_recv(pair[1], &in, &fd, 20, &err), -1, "silence");
	ok(strncmp(err.text, "timed out", 9) == 0, "is a time-out: %s",
	    err.text);
	close(pair[0]);
	pair[0] = -1;
	is_int(chan_recv(pair[1], &in, &fd, 1000, &err), 0, "a closed peer");
	is_int(chan_send(pair[1], &out, -1, 0, &err), -1,
	    "sending to it fails, without a signal");
}

/* Send len raw bytes with count descriptors. */
static void
send_raw(const void *data, size_t len, unsigned count)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control = { .room = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data,
		.iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[4] = { 0, 0, 0, 0 };

	if (count > 0) {
		struct cmsghdr *c = &control.head;

		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	if (sendmsg(pair[0], &msg, 0) == -1)
		abort();
}

/* The lowest free descriptor: it moves when one has leaked. */
static int
lowest_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static void
test_refusals(void)
{
	static const struct {
		const char *name;
		uint32_t version;
		unsigned type, count;
		size_t len; /* of what is sent */
		unsigned fds;
		const char *want; /* in the text */
	} cases[] = {
		{ "one byte", CHAN_VERSION, 0, 0, 1, 0, "1 bytes" },
		{ "half a head", CHAN_VERSION, CHAN_SIGN, 1, 15, 0,
		    "15 bytes" },
		{ "another version", CHAN_VERSION + 1, CHAN_SIGN, 1, 56, 0,
		    "one build" },
		{ "a byte short", CHAN_VERSION, CHAN_SIGN, 1, 55, 0,
		    "55 bytes" },
		{ "a byte long", CHAN_VERSION, CHAN_SIGN, 1, 57, 0,
		    "57 bytes" },
		{ "no pair", CHAN_VERSION, CHAN_SIGN, 0, 16, 0, "count 0" },
		{ "nine pairs", CHAN_VERSION, CHAN_SIGN, 9, 376, 0, "count 9" },
		{ "65535 pairs", CHAN_VERSION, CHAN_SIGN, 65535, 336, 0,
		    "count 65535" },
		{ "an unknown type", CHAN_VERSION, 99, 0, 16, 0, "type 99" },
		{ "more than any packet", CHAN_VERSION, CHAN_SIGN, 8,
		    sizeof(union chan_packet) + 1, 0, "and more" },
		{ "SIGN with a descriptor", CHAN_VERSION, CHAN_SIGN, 1, 56, 1,
		    "1 descriptors" },
		{ "POLICY without one", CHAN_VERSION, CHAN_POLICY, 0, 24, 0,
		    "0 descriptors" },
		{ "POLICY with two", CHAN_VERSION, CHAN_POLICY, 0, 24, 2,
		    "2 descriptors" },
		{ "POLICY with four", CHAN_VERSION, CHAN_POLICY, 0, 24, 4,
		    "more" },
		{ "an empty packet with one", CHAN_VERSION, 0, 0, 0, 1,
		    "0 bytes" },
	};
	static char raw[sizeof(union chan_packet) + 1];

	reopen();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct chan_head head = { cases[i].version,
			(uint16_t)cases[i].type, (uint16_t)cases[i].count, 1 };
		struct err err = ERR_INIT;
		union chan_packet in;
		int fd = -2, before = lowest_fd(), rc;

		memset(raw, 0, sizeof(raw));
		memcpy(raw, &head, sizeof(head));
		send_raw(raw, cases[i].len, cases[i].fds);
		rc = chan_recv(pair[1], &in, &fd, 1000, &err);
		ok(rc == -1 && err.code == ERR_INPUT && fd == -1 &&
		        strstr(err.text, cases[i].want) != NULL,
		    "%s: %s", cases[i].name, err.text);
		is_int(lowest_fd(), before, "no descriptor stays open");
	}
}

/* A peer that does not read: sending ends with a time-out. */
static void
test_full(void)
{
	union chan_packet out = { .head = { 0 } };
	struct err err = ERR_INIT;
	int sent = 0;

	reopen();
	chan_head_set(&out.head, CHAN_SIGN, 8, 1);
	while (sent < 100000 && chan_send(pair[0], &out, -1, 20, &err) == 0)
		sent++;
	ok(sent < 100000 && strncmp(err.text, "timed out", 9) == 0,
	    "a full channel times out: %s", err.text);
}

int
main(void)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == -1)
		return 1;
	test_sizes();
	test_round_trip();
	test_refusals();
	test_full();
	return tap_done();
}
