/*
 * Names in the DNS as DKIM uses them, and TXT records as text.
 */
#ifndef KEYTURN_DNSNAME_H
#define KEYTURN_DNSNAME_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

#define DNSNAME_MAX       253 /* characters, without a final dot */
#define DNSNAME_LABEL_MAX 63
#define DNSNAME_TXT_MAX   255 /* bytes of one string of a TXT record */

/*
 * Whether text is a domain or a selector: labels of letters, digits, hyphens
 * (not at an end) and underscores, with single dots between them.  RFC 6376
 * section 3.1 and tag d=, RFC 5321 section 4.1.2; underscores are in use.
 */
bool dnsname_is_valid(const char *text, size_t len);

/*
 * The same of a NUL-terminated text that has no capitals either: as names stand
 * in a ring, and as they may become part of a path.
 */
bool dnsname_is_valid_lower(const char *text);

/*
 * Whether name is domain or below it, letter case aside.
 */
bool dnsname_is_within(const char *name, size_t name_len, const char *domain,
    size_t domain_len);

/* Append text in lower case (ASCII; other bytes as they are). */
void dnsname_lower(const char *text, size_t len, struct buf *out);

/* Whether selector and domain are short enough for the name of a key record. */
bool dnsname_of_key_fits(size_t selector_len, size_t domain_len);

/*
 * Append the name of a key record, "selector._domainkey.domain", in lower
 * case.  RFC 6376 section 3.6.2.1.
 */
void dnsname_of_key(const char *selector, size_t selector_len,
    const char *domain, size_t domain_len, struct buf *out);

/*
 * Append text as the strings of a TXT record, quoted, each followed by
 * separator except the last.  RFC 1035 section 5.1.
 */
void dnsname_txt(const char *text, size_t len, const char *separator,
    struct buf *out);

#endif
