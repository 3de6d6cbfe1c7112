/*
 * IP addresses and networks (CIDR, RFC 4632 and RFC 4291 section 2.3).
 */
#ifndef KEYTURN_CIDR_H
#define KEYTURN_CIDR_H

#include <sys/socket.h>

#include <stdbool.h>

struct ip_addr {
	int family; /* AF_INET, AF_INET6; AF_UNSPEC: not an IP client (local) */
	unsigned char bytes[16]; /* network order, IPv4 in the first four */
};

struct cidr {
	struct ip_addr net;
	unsigned bits;
};

/*
 * Parse "192.0.2.0/24", "2001:db8::/32" or a bare address.  False if it is
 * not one, or has bits set behind its prefix.
 */
bool cidr_parse(const char *text, struct cidr *out);

/*
 * The address in sa, an IPv4-mapped IPv6 address as IPv4; NULL and other
 * families give AF_UNSPEC.
 */
struct ip_addr ip_from_sockaddr(const struct sockaddr *sa);

/* Whether net contains addr; never true for AF_UNSPEC. */
bool cidr_contains(const struct cidr *net, const struct ip_addr *addr);

/* Room for the text of any address, and for "local". */
#define IP_TEXT_MAX 46

/* Write the address as text, "local" for AF_UNSPEC; returns text. */
const char *ip_text(const struct ip_addr *addr, char text[IP_TEXT_MAX]);

#endif
