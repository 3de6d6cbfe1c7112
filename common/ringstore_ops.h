/*
 * What a store of rings must do.  Private to the stores and to ringstore.c,
 * which has looked at the domain and hands every call of ringstore.h to one of
 * these, with the same contract.
 */
#ifndef KEYTURN_RINGSTORE_OPS_H
#define KEYTURN_RINGSTORE_OPS_H

#include "ringstore.h"

struct ringstore_ops {
	void (*close)(struct ringstore *s);
	char **(*list)(struct ringstore *s, struct err *err);
	struct ring *(*load)(struct ringstore *s, const char *domain,
	    const char *host, struct file_id id[2], struct err *err);
	bool (*is_same)(struct ringstore *s, const char *domain,
	    const struct file_id id[2]);
	bool (*has)(struct ringstore *s, const char *domain);
	struct key *(*load_key)(struct ringstore *s, const char *domain,
	    const struct ring_key *rk, unsigned minimum_bits,
	    struct file_id *id, struct err *err);
	bool (*is_same_key)(struct ringstore *s, const char *domain,
	    const struct ring_key *rk, const struct file_id *id);
	int (*journal)(struct ringstore *s, const char *domain, struct buf *out,
	    struct err *err);

	struct ringlock *(*lock)(struct ringstore *s, const char *domain,
	    bool make, int wait_s, struct err *err);
	void (*unlock)(struct ringlock *lock);
	struct ring *(*lock_load)(struct ringlock *lock, const char *host,
	    struct err *err);
	int (*commit)(struct ringlock *lock, const struct ring *before,
	    struct ring *after, const struct journal_note *note,
	    struct err *err);
	int (*repair)(struct ringlock *lock, const char *host,
	    const struct journal_note *note, struct buf *said, struct err *err);
	int (*write_key)(struct ringlock *lock, const char *name,
	    const struct key *key, struct err *err);
	int (*delete_key)(struct ringlock *lock, const char *name,
	    struct err *err);
};

/* These stand at the start of what a store makes of them. */
struct ringstore {
	const struct ringstore_ops *ops;
};

struct ringlock {
	struct ringstore *store;
};

/*
 * The directory path of the rings could not be opened: errno says why.  Returns
 * -1 with err set: ERR_CONF (not there), ERR_IO, ERR_NOMEM.
 */
int ringstore_refuse_path(const char *path, struct err *err);

#endif
