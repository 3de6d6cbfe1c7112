/*
 * The policy block: which lines match, in which order; who is signed for; and
 * that no damaged block is ever mapped.
 */
#include <sys/mman.h>

#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "dnsname.h"
#include "policy.h"
#include "policy_block.h"
#include "tap.h"

enum { LINES_MAX = 64 };

static struct cidr networks[2];
static char *daemons[] = { (char *)(uintptr_t) "submission", NULL };

static struct conf conf = {
	.sign_headers = (char *)(uintptr_t) "from:to",
	.oversign_headers = (char *)(uintptr_t) "from",
	.canonicalization = { CANON_RELAXED, CANON_SIMPLE },
	.sign_authenticated = true,
	.sign_networks = networks,
	.sign_network_count = 2,
	.sign_daemons = daemons,
	.on_error = VERDICT_TEMPFAIL,
	.on_malformed = VERDICT_REJECT,
	.channel_timeout = 7,
	.drain = 9,
	.log = { LOG_TO_STDERR, 16, 6 },
};

/* Build and map a policy; without fd_out its descriptor is closed. */
static struct policy *
map_policy(const struct policy_source *src, int *fd_out)
{
	struct err err = ERR_INIT;
	int fd = policy_build(src, &err);
	struct policy *p = fd == -1 ? NULL : policy_map(fd, &err);

	if (p == NULL) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	if (fd_out != NULL)
		*fd_out = fd;
	else
		close(fd);
	return p;
}

/*
 * Build and map a policy whose line i has pattern patterns[i] and, as its only
 * key, selector "s<i>"; patterns ends with NULL.
 */
static struct policy *
make_policy(const char *const *patterns, bool is_multiple, int *fd_out)
{
	static char selectors[LINES_MAX][8];
	struct sign_line lines[LINES_MAX] = { { .pattern = NULL } };
	struct policy_key keys[LINES_MAX];
	uint32_t line_keys[LINES_MAX * TABLE_LINE_KEYS] = { 0 };
	struct sign_table table = { .lines = lines };
	struct policy_source src = { .generation = 42,
		.conf = &conf,
		.signing_table = &table,
		.keys = keys,
		.line_keys = line_keys };
	conf.multiple_signatures = is_multiple;
	for (size_t i = 0; patterns[i] != NULL; i++) {
		snprintf(selectors[i], sizeof(selectors[i]), "s%zu", i);
		keys[i] = (struct policy_key){ .id = i + 100,
			.domain = "example.com",
			.selector = selectors[i],
			.alg = KEY_RSA_SHA256 };
		lines[i].pattern = patterns[i];
		lines[i].key_count = 1;
		lines[i].line = (unsigned)i + 1;
		line_keys[i * TABLE_LINE_KEYS] = (uint32_t)i;
		table.count = src.key_count = i + 1;
	}
	return map_policy(&src, fd_out);
}

/* The selectors that sign, separated by spaces. */
static const char *
find(const struct policy *p, const char *local, const char *domain)
{
	static char text[256];
	struct policy_match m;

	text[0] = '\0';
	policy_find(p, local, domain, &m);
	for (size_t i = 0; i < m.count; i++) {
		strlcat(text, i ? " " : "", sizeof(text));
		strlcat(text, m.keys[i].selector, sizeof(text));
	}
	return text;
}

/*
 * Two lines over rings of every kind:
 *   *@named.example  b.example's keys and, through it, both of its algorithms
 *   *@idle.example   the ring of quiet.example, which is not active yet
 */
static struct policy *
make_rings(bool has_subdomains, int *fd_out)
{
	static const struct sign_line lines[] = {
		{ .pattern = "*@named.example", .key_count = 1, .line = 1 },
		{ .pattern = "*@idle.example", .key_count = 2, .line = 2 },
		{ .pattern = "*@quiet.example.org", .key_count = 1, .line = 3 },
	};
	static const struct policy_key keys[] = {
		{ 1, "a.example", "s1", KEY_RSA_SHA256, POLICY_KEY_GOOD },
		{ 2, "b.example", "s2", KEY_RSA_SHA256, POLICY_KEY_GOOD },
		{ 3, "b.example", "s3", KEY_ED25519_SHA256, POLICY_KEY_GOOD },
		{ 0, "quiet.example", "", KEY_RSA_SHA256, POLICY_KEY_NOT_YET },
		{ 0, "left.example", "", KEY_RSA_SHA256, POLICY_KEY_NO_ACTIVE },
		{ 0, "bad.example", "", KEY_RSA_SHA256, POLICY_KEY_BROKEN },
		{ 7, "sub.b.example", "s4", KEY_RSA_SHA256, POLICY_KEY_GOOD },
		{ 0, "new.b.example", "", KEY_RSA_SHA256, POLICY_KEY_NOT_YET },
		{ 0, "off.b.example", "", KEY_RSA_SHA256, POLICY_KEY_BROKEN },
	};
	static const struct policy_ring rings[] = {
		{ "b.example", 1, 2 },
		{ "quiet.example", 3, 1 },
		{ "left.example", 4, 1 },
		{ "bad.example", 5, 1 },
		{ "sub.b.example", 6, 1 },
		{ "new.b.example", 7, 1 },
		{ "off.b.example", 8, 1 },
	};
	static const uint32_t targets[] = { POLICY_RING_FLAG | 0, 0, 0, 0, 0, 0,
		0, 0, POLICY_RING_FLAG | 1, 0, 0, 0, 0, 0, 0, 0,
		POLICY_RING_FLAG | 1, 0, 0, 0, 0, 0, 0, 0 };
	struct sign_table some = {
		.lines = (struct sign_line *)(uintptr_t)lines, .count = 3
	};
	struct policy_source src = { .generation = 43,
		.conf = &conf,
		.signing_table = &some,
		.keys = keys,
		.key_count = sizeof(keys) / sizeof(keys[0]),
		.line_keys = targets,
		.rings = rings,
		.ring_count = sizeof(rings) / sizeof(rings[0]) };

	conf.multiple_signatures = false;
	conf.subdomains = has_subdomains;
	return map_policy(&src, fd_out);
}

static const char *const table[] = {
	"bounce@example.com",     /* s0 */
	"*@example.com",          /* s1 */
	"news*@example.net",      /* s2 */
	"*@example.net",          /* s3 */
	"newsletter@example.net", /* s4, shadowed by s2 */
	"*@*.example.org",        /* s5 */
	"a@sub.example.org",      /* s6, shadowed by s5 */
	"b@example.org",          /* s7 */
	"b@example.org",          /* s8, the same again */
	"*b*c*@example.edu",      /* s9 */
	"*@lists.*",              /* s10 */
	"**@double.example",      /* s11 */
	"*",                      /* s12 */
	"late@example.com",       /* s13, shadowed by s1 and s12 */
	NULL,
};

static void
test_find(void)
{
	static const struct {
		const char *local, *domain, *first, *all;
	} cases[] = {
		{ "bounce", "example.com", "s0", "s0 s1 s12" },
		{ "BOUNCE", "example.com", "s0", "s0 s1 s12" },
		{ "bounces", "example.com", "s1", "s1 s12" },
		{ "late", "example.com", "s1", "s1 s12 s13" },
		{ "newsletter", "example.net", "s2", "s2 s3 s4 s12" },
		{ "new", "example.net", "s3", "s3 s12" },
		{ "a", "sub.example.org", "s5", "s5 s6 s12" },
		{ "a", "x.sub.example.org", "s5", "s5 s12" },
		{ "a", "example.org", "s12", "s12" },
		{ "a", "badexample.org", "s12", "s12" },
		{ "b", "example.org", "s7", "s7 s8 s12" },
		{ "xbxcx", "example.edu", "s9", "s9 s12" },
		{ "bc", "example.edu", "s9", "s9 s12" },
		{ "cb", "example.edu", "s12", "s12" },
		{ "bcbcb", "example.edu", "s9", "s9 s12" },
		{ "x", "lists.example.com", "s10", "s10 s12" },
		{ "x", "lists.", "s10", "s10 s12" },
		{ "x", "double.example", "s11", "s11 s12" },
		{ "*", "example.com", "s1", "s1 s12" },
		{ "", "example.com", "s1", "s1 s12" },
		{ "odd@local", "example.com", "s1", "s1 s12" },
		{ "x", "", "s12", "s12" },
	};
	struct policy *one = make_policy(table, false, NULL);
	struct policy *all = make_policy(table, true, NULL);
	char name[128];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(name, sizeof(name), "%s@%s: the first line",
		    cases[i].local, cases[i].domain);
		is_str(find(one, cases[i].local, cases[i].domain),
		    cases[i].first, name);
		snprintf(name, sizeof(name), "%s@%s: every line",
		    cases[i].local, cases[i].domain);
		is_str(find(all, cases[i].local, cases[i].domain), cases[i].all,
		    name);
	}
	policy_unmap(one);
	policy_unmap(all);
}

/* Rings: by name of a line, by the author's domain, by a domain above it. */
static void
test_rings(void)
{
	static const struct {
		const char *domain;
		const char *want;            /* selectors */
		const char *above;           /* the same with subdomains */
		const char *idle;            /* the ring that has no key */
		enum policy_key_state state; /* of the first key, or why idle */
		bool is_found, is_found_above;
	} cases[] = {
		{ "named.example", "s2 s3", "s2 s3", NULL, POLICY_KEY_GOOD,
		    true, true },
		{ "idle.example", "s1", "s1", "quiet.example",
		    POLICY_KEY_NOT_YET, true, true },
		{ "quiet.example.org", "", "", "quiet.example",
		    POLICY_KEY_NOT_YET, true, true },
		{ "b.example", "s2 s3", "s2 s3", NULL, POLICY_KEY_GOOD, true,
		    true },
		{ "x.b.example", "", "s2 s3", NULL, POLICY_KEY_GOOD, false,
		    true },
		{ "y.x.b.example", "", "s2 s3", NULL, POLICY_KEY_GOOD, false,
		    true },
		{ "sub.b.example", "s4", "s4", NULL, POLICY_KEY_GOOD, true,
		    true },
		{ "x.sub.b.example", "", "s4", NULL, POLICY_KEY_GOOD, false,
		    true },
		/* Until a new ring can sign, that above it does. */
		{ "new.b.example", "", "s2 s3", "new.b.example",
		    POLICY_KEY_NOT_YET, true, true },
		{ "x.new.b.example", "", "s2 s3", NULL, POLICY_KEY_GOOD, false,
		    true },
		/* One that should be able to and cannot is not helped out. */
		{ "off.b.example", "", "", NULL, POLICY_KEY_BROKEN, true,
		    true },
		{ "xb.example", "", "", NULL, POLICY_KEY_GOOD, false, false },
		{ "example", "", "", NULL, POLICY_KEY_GOOD, false, false },
		{ "b.example.", "", "", NULL, POLICY_KEY_GOOD, false, false },
		{ ".b.example", "", "s2 s3", NULL, POLICY_KEY_GOOD, false,
		    true },
		{ "", "", "", NULL, POLICY_KEY_GOOD, false, false },
		{ "quiet.example", "", "", "quiet.example", POLICY_KEY_NOT_YET,
		    true, true },
		{ "left.example", "", "", "left.example", POLICY_KEY_NO_ACTIVE,
		    true, true },
		{ "bad.example", "", "", NULL, POLICY_KEY_BROKEN, true, true },
	};
	struct policy *one = make_rings(false, NULL);
	struct policy *all = make_rings(true, NULL);
	struct policy_match m;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *domain = cases[i].domain;
		bool is_found = policy_find(one, "x", domain, &m);
		enum policy_key_state state = POLICY_KEY_GOOD;

		if (m.idle_ring != NULL)
			state = m.idle;
		else if (m.count > 0)
			state = m.keys[0].state;
		is_str(find(one, "x", domain), cases[i].want, domain);
		is_str(m.idle_ring, cases[i].idle, "its idle ring");
		ok(is_found == cases[i].is_found && state == cases[i].state,
		    "%s: state %d", domain, (int)state);
		is_str(find(all, "x", domain), cases[i].above,
		    "the same with subdomains");
		ok(policy_find(all, "x", domain, &m) == cases[i].is_found_above,
		    "found or not");
	}
	policy_unmap(one);
	policy_unmap(all);
}

/* A domain that is none because it is too long costs nothing. */
static void
test_long_domain(void)
{
	struct policy *p = make_rings(true, NULL);
	char domain[2 * DNSNAME_MAX];

	memset(domain, '.', sizeof(domain));
	memcpy(domain + DNSNAME_MAX - 10, ".b.example", 11);
	is_str(find(p, "x", domain), "s2 s3", "253 bytes");
	memset(domain, '.', sizeof(domain));
	memcpy(domain + DNSNAME_MAX - 9, ".b.example", 11);
	is_str(find(p, "x", domain), "", "254 bytes");
	policy_unmap(p);
}

static void
test_no_match(void)
{
	static const char *const empty[] = { NULL };
	static const char *const some[] = { "*@example.com", "a*@example.net",
		NULL };
	struct policy *p = make_policy(empty, false, NULL);
	struct policy_match m;

	ok(!policy_find(p, "a", "example.com", &m) && m.count == 0,
	    "an empty table matches nothing");
	policy_unmap(p);
	p = make_policy(some, false, NULL);
	ok(!policy_find(p, "a", "example.org", &m), "another domain");
	ok(!policy_find(p, "a", "example.co", &m), "a shorter domain");
	ok(!policy_find(p, "a", "example.comm", &m), "a longer domain");
	ok(!policy_find(p, "b", "example.net", &m), "another local part");
	policy_unmap(p);
}

/* A local part of any length matches *@host, without being copied. */
static void
test_long_local(void)
{
	static const char *const some[] = { "a*z@example.net", "*@example.com",
		NULL };
	struct policy *p = make_policy(some, false, NULL);
	size_t len = 1 << 20;
	char *local = malloc(len + 1);

	if (local == NULL)
		abort();
	memset(local, 'a', len);
	local[len] = '\0';
	is_str(find(p, local, "example.com"), "s1", "a local part of 1 MiB");
	is_str(find(p, local, "example.net"), "", "scanned by a glob");
	local[len - 1] = 'Z';
	is_str(find(p, local, "example.net"), "s0", "and matched by it");
	free(local);
	policy_unmap(p);
}

static void
test_limit(void)
{
	static const char *const nine[] = { "*", "*", "*", "*", "*", "*", "*",
		"*", "*", NULL };
	struct policy *p = make_policy(nine + 1, true, NULL);
	struct policy_match m;

	policy_find(p, "a", "b", &m);
	ok(m.count == POLICY_SIGNATURES_MAX && !m.is_cut, "eight keys fit");
	policy_unmap(p);
	p = make_policy(nine, true, NULL);
	policy_find(p, "a", "b", &m);
	ok(m.count == POLICY_SIGNATURES_MAX && m.is_cut, "the ninth is cut");
	policy_unmap(p);
}

static void
test_origins(void)
{
	static const struct {
		const char *name;
		struct policy_origin origin;
		bool want;
	} cases[] = {
		{ "a network", { .client = { AF_INET, { 192, 0, 2, 200 } } },
		    true },
		{ "beside it", { .client = { AF_INET, { 192, 0, 3, 1 } } },
		    false },
		{ "an IPv6 network",
		    { .client = { AF_INET6, { 0x20, 1, 0xd, 0xb8, 1 } } },
		    true },
		{ "no IP client", { .client = { AF_UNSPEC, { 0 } } }, true },
		{ "authenticated",
		    { .client = { AF_INET, { 8 } }, .is_authenticated = true },
		    true },
		{ "a daemon",
		    { .client = { AF_INET, { 8 } }, .daemon = "submission" },
		    true },
		{ "another daemon",
		    { .client = { AF_INET, { 8 } }, .daemon = "smtpd" },
		    false },
		{ "elsewhere", { .client = { AF_INET, { 8 } } }, false },
	};
	static const char *const some[] = { "*", NULL };
	struct policy *p = make_policy(some, false, NULL);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(policy_signs_for(p, &cases[i].origin) == cases[i].want,
		    "origin: %s", cases[i].name);
	policy_unmap(p);
	conf.sign_authenticated = false;
	p = make_policy(some, false, NULL);
	ok(!policy_signs_for(p, &cases[4].origin),
	    "authenticated, when that does not count");
	conf.sign_authenticated = true;
	policy_unmap(p);
}

static void
test_options(void)
{
	static const char *const some[] = { "*", NULL };
	struct policy *p = make_policy(some, false, NULL);
	struct policy_options o;

	policy_options(p, &o);
	ok(o.generation == 42 && o.canonicalization.header == CANON_RELAXED &&
	        o.canonicalization.body == CANON_SIMPLE &&
	        o.on_error == VERDICT_TEMPFAIL &&
	        o.on_malformed == VERDICT_REJECT && o.channel_timeout == 7 &&
	        o.drain == 9 && o.log.to == LOG_TO_STDERR &&
	        o.log.facility == 16 && o.log.level == 6,
	    "options come through");
	is_str(o.sign_headers, "from:to", "sign_headers");
	is_str(o.oversign_headers, "from", "oversign_headers");
	policy_unmap(p);
}

/* A sealed copy of block with len bytes. */
static int
sealed_copy(const unsigned char *block, size_t len, int seals)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd == -1 || write(fd, block, len) != (ssize_t)len ||
	    fcntl(fd, F_ADD_SEALS, seals) == -1)
		abort();
	return fd;
}

/*
 * Every 32-bit word of the block replaced by hostile values: either the block
 * is refused, or matching against it stays inside it (the sanitizer watches).
 */
static void
damage(struct policy *p, int fd)
{
	static const uint32_t values[] = { 0, 1, 7, 0x7fffffff, 0xfffffff8,
		0xffffffff };
	int all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	int refused = 0, taken = 0;
	size_t len = (size_t)lseek(fd, 0, SEEK_END);
	unsigned char *block = malloc(len);
	struct err err = ERR_INIT;
	struct policy_match m;
	/* In both networks, so that every byte of them is compared. */
	const struct policy_origin v4 = { .client = networks[0].net };
	const struct policy_origin v6 = { .client = networks[1].net };

	if (block == NULL || pread(fd, block, len, 0) != (ssize_t)len)
		abort();
	close(fd);
	policy_unmap(p);
	for (size_t at = 0; at + 4 <= len; at += 4) {
		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]);
		     v++) {
			uint32_t saved;

			memcpy(&saved, block + at, 4);
			memcpy(block + at, &values[v], 4);
			fd = sealed_copy(block, len, all);
			memcpy(block + at, &saved, 4);
			p = policy_map(fd, &err);
			close(fd);
			if (p == NULL) {
				refused++;
				continue;
			}
			taken++;
			policy_find(p, "newsletter", "example.net", &m);
			policy_find(p, "x", "lists.example.com", &m);
			policy_find(p, "x", "idle.example", &m);
			taken += m.idle_ring && strlen(m.idle_ring) > len;
			policy_find(p, "x", "left.example", &m);
			taken += m.idle_ring && strlen(m.idle_ring) > len;
			policy_find(p, "x", "x.b.example", &m);
			policy_signs_for(p, &v4);
			policy_signs_for(p, &v6);
			for (size_t i = 0; i < m.count; i++)
				taken += strlen(m.keys[i].domain) > len;
			policy_unmap(p);
		}
	}
	ok(refused > 500 && taken > 100,
	    "%d damaged blocks refused, %d harmless", refused, taken);
	for (size_t cut = 0; cut < len; cut += 3) {
		fd = sealed_copy(block, cut, all);
		p = policy_map(fd, &err);
		close(fd);
		if (p != NULL)
			break;
	}
	ok(p == NULL, "no cut block is mapped");
	fd = sealed_copy(block, len, F_SEAL_SHRINK | F_SEAL_GROW);
	ok(policy_map(fd, &err) == NULL && strstr(err.text, "sealed"),
	    "a block that can be changed is refused: %s", err.text);
	close(fd);
	ok(policy_map(STDIN_FILENO, &err) == NULL, "no memfd: %s", err.text);
	free(block);
}

static void
test_damage(void)
{
	struct policy *p;
	int fd;

	p = make_policy(table, true, &fd);
	damage(p, fd);
	p = make_rings(true, &fd);
	damage(p, fd);
}

/* Prefixes at their limit, and longer than the address they are of. */
static void
test_prefixes(void)
{
	static const struct {
		size_t net;
		uint32_t bits;
		bool want;
	} cases[] = {
		{ 0, 32, true },
		{ 0, 33, false },
		{ 1, 128, true },
		{ 1, 129, false },
	};
	static const char *const some[] = { "*", NULL };
	int all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	int fd;
	struct policy *p = make_policy(some, false, &fd);
	size_t len = (size_t)lseek(fd, 0, SEEK_END);
	unsigned char *block = malloc(len);
	struct err err = ERR_INIT;

	if (block == NULL || pread(fd, block, len, 0) != (ssize_t)len)
		abort();
	close(fd);
	policy_unmap(p);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct cidr *net = &networks[cases[i].net];
		/* Family, length and address follow each other. */
		uint32_t start[] = { (uint32_t)net->net.family, net->bits };
		unsigned char *at = memmem(block, len, start, sizeof(start));

		if (at == NULL)
			abort();
		memcpy(at + 4, &cases[i].bits, 4);
		fd = sealed_copy(block, len, all);
		memcpy(at, start, sizeof(start));
		p = policy_map(fd, &err);
		close(fd);
		ok((p != NULL) == cases[i].want, "a prefix of %u bits",
		    cases[i].bits);
		policy_unmap(p);
	}
	free(block);
}

int
main(void)
{
	if (!cidr_parse("192.0.2.0/24", &networks[0]) ||
	    !cidr_parse("2001:db8::/32", &networks[1]))
		return 1;
	test_find();
	test_no_match();
	test_rings();
	test_long_domain();
	test_long_local();
	test_limit();
	test_origins();
	test_options();
	test_damage();
	test_prefixes();
	return tap_done();
}
