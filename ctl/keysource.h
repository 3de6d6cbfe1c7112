/*
 * Where a subcommand finds key records: in a zone file, in one file for all,
 * or in the DNS by the ordinary resolver.
 */
#ifndef KEYTURN_KEYSOURCE_H
#define KEYTURN_KEYSOURCE_H

#include <stdbool.h>

#include "buf.h"
#include "conf.h"
#include "ctl.h"
#include "err.h"
#include "sight.h"
#include "verify.h"
#include "zone.h"

struct keysource {
	const char *zone_path, *file_path; /* NULL: not given */
	struct zone zone;
	struct buf file;
	const struct conf *conf;
	struct conf *own_conf; /* the same, to be freed */
	struct sights *sights;
	struct key_source source; /* for verify_field */
};

#define KEYSOURCE_INIT                                     \
	{                                                  \
		.zone = ZONE_INIT, .file = {.data = NULL } \
	}

/*
 * Set up ks (KEYSOURCE_INIT): zone or file if one of them is given, else the
 * DNS.  Reads the configuration; one that is not there and was not named with
 * -c is as if it were empty.
 * Returns CTL_GOOD, or the exit code, everything having been said.
 */
int keysource_open(struct keysource *ks, const struct ctl_call *call,
    const char *zone, const char *file);
void keysource_clear(struct keysource *ks);

/* Whether there is neither a zone nor a file. */
bool keysource_is_dns(const struct keysource *ks);

/*
 * The records at name: *records is an array to be freed with its elements
 * (keysource_free).  Not for a source that is a file.
 * Returns how many, or -1 with err set: ERR_IO (the DNS does not answer),
 * ERR_NOMEM.
 */
int keysource_records(struct keysource *ks, const char *name,
    struct buf **records, struct err *err);
void keysource_free(struct buf *records, int count);

#endif
