/*
 * IP addresses and networks.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include <stddef.h>
#include <string.h>

#include "cidr.h"

enum { IPV4_LEN = 4, IPV6_LEN = 16, MAPPED_BITS = 96 };

/* ::ffff:0:0/96, RFC 4291 section 2.5.5.2. */
static const unsigned char mapped[MAPPED_BITS / 8] = { [10] = 0xff, 0xff };

static unsigned
family_bits(int family)
{
	return family == AF_INET ? IPV4_LEN * 8 : IPV6_LEN * 8;
}

/* An IPv4-mapped address becomes the IPv4 address it stands for. */
static bool
unmap(struct ip_addr *addr)
{
	if (addr->family != AF_INET6 ||
	    memcmp(addr->bytes, mapped, sizeof(mapped)) != 0)
		return false;
	addr->family = AF_INET;
	memmove(addr->bytes, addr->bytes + sizeof(mapped), IPV4_LEN);
	memset(addr->bytes + IPV4_LEN, 0, sizeof(addr->bytes) - IPV4_LEN);
	return true;
}

static bool
addr_parse(const char *text, struct ip_addr *out)
{
	*out = (struct ip_addr){ .family = AF_INET };
	if (inet_pton(AF_INET, text, out->bytes) == 1)
		return true;
	*out = (struct ip_addr){ .family = AF_INET6 };
	return inet_pton(AF_INET6, text, out->bytes) == 1;
}

/* A number without sign, blanks or leading zeros, at most max. */
static bool
bits_parse(const char *text, unsigned max, unsigned *out)
{
	unsigned bits = 0;

	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (const char *p = text; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return false;
		bits = bits * 10 + (unsigned)(*p - '0');
		if (bits > max)
			return false;
	}
	*out = bits;
	return true;
}

/* Whether the first bits of a and b are equal. */
static bool
prefix_equal(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned rest = bits % 8;
	unsigned char mask = (unsigned char)(0xff00u >> rest);

	if (memcmp(a, b, bits / 8) != 0)
		return false;
	return rest == 0 || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0;
}

/* Whether nothing is set behind the prefix. */
static bool
is_network(const struct cidr *c)
{
	unsigned char masked[IPV6_LEN] = { 0 };

	memcpy(masked, c->net.bytes, c->bits / 8);
	if (c->bits % 8 != 0)
		masked[c->bits / 8] = c->net.bytes[c->bits / 8] &
		    (unsigned char)(0xff00u >> c->bits % 8);
	return memcmp(masked, c->net.bytes, sizeof(masked)) == 0;
}

bool
cidr_parse(const char *text, struct cidr *out)
{
	char addr[IP_TEXT_MAX];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	struct cidr c;

	if (len >= sizeof(addr))
		return false;
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (!addr_parse(addr, &c.net))
		return false;
	c.bits = family_bits(c.net.family);
	if (slash != NULL && !bits_parse(slash + 1, c.bits, &c.bits))
		return false;
	if (!is_network(&c))
		return false;
	/* As clients are: see ip_from_sockaddr. */
	if (c.bits >= MAPPED_BITS && unmap(&c.net))
		c.bits -= MAPPED_BITS;
	*out = c;
	return true;
}

struct ip_addr
ip_from_sockaddr(const struct sockaddr *sa)
{
	struct ip_addr addr = { .family = AF_UNSPEC };
	const unsigned char *bytes = (const void *)sa;

	if (sa != NULL && sa->sa_family == AF_INET) {
		addr.family = AF_INET;
		memcpy(addr.bytes,
		    bytes + offsetof(struct sockaddr_in, sin_addr), IPV4_LEN);
	} else if (sa != NULL && sa->sa_family == AF_INET6) {
		addr.family = AF_INET6;
		memcpy(addr.bytes,
		    bytes + offsetof(struct sockaddr_in6, sin6_addr), IPV6_LEN);
		unmap(&addr);
	}
	return addr;
}

bool
cidr_contains(const struct cidr *net, const struct ip_addr *addr)
{
	if (addr->family != net->net.family || addr->family == AF_UNSPEC)
		return false;
	return prefix_equal(net->net.bytes, addr->bytes, net->bits);
}

const char *
ip_text(const struct ip_addr *addr, char text[IP_TEXT_MAX])
{
	if (addr->family == AF_UNSPEC ||
	    inet_ntop(addr->family, addr->bytes, text, IP_TEXT_MAX) == NULL)
		strlcpy(text, "local", IP_TEXT_MAX);
	return text;
}
