/*
 * Milter socket specs as libmilter takes them, checked for what would fail or
 * mean something else there.
 */
#ifndef KEYTURN_SOCKSPEC_H
#define KEYTURN_SOCKSPEC_H

/*
 * Check unix:/path, local:/path, inet:port@host, inet6:port@host.
 * Returns NULL when spec is good, else what is wrong with it, static.
 */
const char *sockspec_problem(const char *spec);

/* The path of a unix socket's spec, a part of spec; NULL for the others. */
const char *sockspec_path(const char *spec);

#endif
