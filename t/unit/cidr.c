/*
 * Addresses and networks.  What is a network and what is not was compared with
 * Python's ipaddress.ip_network(text, strict=True), but for the rows marked
 * "ours".
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "cidr.h"
#include "tap.h"

/* want: address/bits as cidr_text gives it, NULL: refused. */
static const struct {
	const char *name, *in, *want;
} parse_cases[] = {
	{ "IPv4 network", "192.0.2.0/24", "192.0.2.0/24" },
	{ "IPv4 address", "192.0.2.1", "192.0.2.1/32" },
	{ "IPv4 /32", "192.0.2.1/32", "192.0.2.1/32" },
	{ "IPv4 /31", "192.0.2.2/31", "192.0.2.2/31" },
	{ "all of IPv4", "0.0.0.0/0", "0.0.0.0/0" },
	{ "bits inside an octet", "172.16.0.0/12", "172.16.0.0/12" },
	{ "loopback", "127.0.0.0/8", "127.0.0.0/8" },
	{ "IPv6 network", "2001:db8::/32", "2001:db8::/32" },
	{ "IPv6 address", "2001:DB8::1", "2001:db8::1/128" },
	{ "IPv6 loopback", "::1/128", "::1/128" },
	{ "all of IPv6", "::/0", "::/0" },
	{ "IPv6 /127", "2001:db8::2/127", "2001:db8::2/127" },
	{ "IPv6 in full", "2001:0db8:0000:0000:0000:0000:0000:0001",
	    "2001:db8::1/128" },
	{ "IPv6 with an IPv4 tail", "64:ff9b::192.0.2.1/128",
	    "64:ff9b::c000:201/128" },
	{ "mapped address (ours: as clients appear)", "::ffff:192.0.2.1",
	    "192.0.2.1/32" },
	{ "mapped network (ours)", "::ffff:192.0.2.0/120", "192.0.2.0/24" },
	{ "all mapped addresses (ours)", "::ffff:0:0/96", "0.0.0.0/0" },

	{ "bit behind the prefix", "192.0.2.1/24", NULL },
	{ "bit right behind the prefix", "192.0.2.128/24", NULL },
	{ "bit behind /0", "128.0.0.0/0", NULL },
	{ "bit behind an IPv6 prefix", "2001:db8::1/64", NULL },
	{ "bit right behind an IPv6 prefix", "2001:db8::8000:0:0:0/64", NULL },
	{ "mapped, bit behind the prefix", "::ffff:192.0.2.1/120", NULL },
	{ "mapped, prefix too short", "::ffff:0:0/95", NULL },
	{ "IPv4 /33", "192.0.2.1/33", NULL },
	{ "IPv6 /129", "::1/129", NULL },
	{ "prefix larger than a word", "192.0.2.1/4294967328", NULL },
	{ "prefix of many digits",
	    "0.0.0.0/100000000000000000000000000000000000000000", NULL },
	{ "no prefix behind the slash", "192.0.2.0/", NULL },
	{ "leading zero (ours)", "192.0.2.0/024", NULL },
	{ "sign", "192.0.2.0/+24", NULL },
	{ "negative", "192.0.2.0/-1", NULL },
	{ "netmask (ours)", "192.0.2.0/255.255.255.0", NULL },
	{ "two slashes", "192.0.2.0/24/24", NULL },
	{ "nothing", "", NULL },
	{ "only a slash", "/", NULL },
	{ "only a prefix", "/24", NULL },
	{ "space before", " 192.0.2.0/24", NULL },
	{ "space behind", "192.0.2.0/24 ", NULL },
	{ "space at the slash", "192.0.2.0 /24", NULL },
	{ "newline behind", "192.0.2.0/24\n", NULL },
	{ "hexadecimal prefix", "192.0.2.0/0x18", NULL },
	{ "three octets", "192.0.2/24", NULL },
	{ "five octets", "192.0.2.0.0", NULL },
	{ "octet of 256", "192.0.2.256", NULL },
	{ "octet with a leading zero", "192.0.02.1", NULL },
	{ "octet in hexadecimal", "0xc0.0.2.1", NULL },
	{ "one number", "3221225985.", NULL },
	{ "two ::", "2001::db8::1", NULL },
	{ "nine groups", "1:2:3:4:5:6:7:8:9", NULL },
	{ "group of five digits", "2001:0db80::", NULL },
	{ "zone (ours)", "fe80::1%lo", NULL },
	{ "brackets", "[::1]", NULL },
	{ "host name", "localhost", NULL },
	{ "milter's prefix", "IPv6:::1", NULL },
	{ "longer than any address",
	    "2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001",
	    NULL },
};

static const struct {
	const char *net, *addr;
	bool want;
} contains_cases[] = {
	{ "192.0.2.0/24", "192.0.2.0", true },
	{ "192.0.2.0/24", "192.0.2.255", true },
	{ "192.0.2.0/24", "192.0.3.0", false },
	{ "192.0.2.0/24", "192.0.1.255", false },
	{ "172.16.0.0/12", "172.31.255.255", true },
	{ "172.16.0.0/12", "172.32.0.0", false },
	{ "192.0.2.6/31", "192.0.2.7", true },
	{ "192.0.2.6/31", "192.0.2.8", false },
	{ "192.0.2.6", "192.0.2.6", true },
	{ "192.0.2.6", "192.0.2.7", false },
	{ "0.0.0.0/0", "255.255.255.255", true },
	{ "0.0.0.0/0", "::1", false },
	{ "::/0", "::1", true },
	{ "::/0", "127.0.0.1", false },
	{ "::/0", "::ffff:127.0.0.1", false },
	{ "127.0.0.0/8", "::ffff:127.0.0.1", true },
	{ "::ffff:127.0.0.0/104", "127.0.0.1", true },
	{ "2001:db8::/33", "2001:db8:7fff:ffff::", true },
	{ "2001:db8::/33", "2001:db8:8000::", false },
	{ "2001:db8::/127", "2001:db8::1", true },
	{ "2001:db8::/127", "2001:db8::2", false },
	{ "2001:db8::/128", "2001:db8::1", false },
	{ "127.0.0.0/8", "local", false },
	{ "0.0.0.0/0", "local", false },
	{ "::/0", "local", false },
};

static const char *
cidr_text(const struct cidr *c)
{
	static char text[IP_TEXT_MAX + 8];
	char addr[IP_TEXT_MAX];

	snprintf(text, sizeof(text), "%s/%u", ip_text(&c->net, addr), c->bits);
	return text;
}

static void
test_parse(void)
{
	for (size_t i = 0; i < sizeof(parse_cases) / sizeof(parse_cases[0]);
	     i++) {
		struct cidr c;
		bool good = cidr_parse(parse_cases[i].in, &c);

		is_str(good ? cidr_text(&c) : NULL, parse_cases[i].want,
		    parse_cases[i].name);
	}
}

/* The address as a client's sockaddr gives it. */
static struct ip_addr
client(const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (strcmp(text, "local") == 0)
		return ip_from_sockaddr(NULL);
	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return ip_from_sockaddr((struct sockaddr *)&in);
	if (inet_pton(AF_INET6, text, &in6.sin6_addr) != 1)
		abort();
	return ip_from_sockaddr((struct sockaddr *)&in6);
}

static void
test_contains(void)
{
	for (size_t i = 0;
	     i < sizeof(contains_cases) / sizeof(contains_cases[0]); i++) {
		struct ip_addr addr = client(contains_cases[i].addr);
		struct cidr net;

		ok(cidr_parse(contains_cases[i].net, &net) &&
		        cidr_contains(&net, &addr) == contains_cases[i].want,
		    "%s %s %s", contains_cases[i].net,
		    contains_cases[i].want ? "contains" : "does not contain",
		    contains_cases[i].addr);
	}
}

/* Every length of prefix: the last bit inside counts, the first outside not. */
static void
test_every_prefix(const char *zero, unsigned max)
{
	bool good = true;

	for (unsigned bits = 0; bits <= max; bits++) {
		struct cidr net;
		struct ip_addr addr;

		if (!cidr_parse(zero, &net))
			good = false;
		net.bits = bits;
		addr = net.net;
		if (bits > 0) {
			addr.bytes[(bits - 1) / 8] ^= 0x80 >> (bits - 1) % 8;
			good = good && !cidr_contains(&net, &addr);
			addr = net.net;
		}
		if (bits < max) {
			addr.bytes[bits / 8] ^= 0x80 >> bits % 8;
			good = good && cidr_contains(&net, &addr);
		}
	}
	ok(good, "every prefix of %s", zero);
}

static void
test_text(void)
{
	static const char *const texts[] = { "192.0.2.1", "2001:db8::1",
		"::", "local" };
	struct ip_addr addr = client("::ffff:192.0.2.1");
	struct sockaddr other = { .sa_family = AF_UNIX };
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct ip_addr a = client(texts[i]);

		is_str(ip_text(&a, text), texts[i], texts[i]);
	}
	is_str(ip_text(&addr, text), "192.0.2.1", "mapped is IPv4");
	addr = ip_from_sockaddr(&other);
	is_int(addr.family, AF_UNSPEC, "a unix socket's client has no address");
	addr = client("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255");
	is_str(ip_text(&addr, text), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	    "the longest address");
}

int
main(void)
{
	test_parse();
	test_contains();
	test_every_prefix("0.0.0.0", 32);
	test_every_prefix("::", 128);
	test_text();
	return tap_done();
}
