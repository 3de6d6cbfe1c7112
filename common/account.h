/*
 * Users and groups by name.  Safe with other threads that look them up too.
 */
#ifndef KEYTURN_ACCOUNT_H
#define KEYTURN_ACCOUNT_H

#include <sys/types.h>

#include "err.h"

/*
 * Returns 1 with *uid (or *gid) set, 0 when there is none of that name, or -1
 * with err set: ERR_IO (the data base did not answer), ERR_NOMEM.
 */
int account_user(const char *name, uid_t *uid, struct err *err);
int account_group(const char *name, gid_t *gid, struct err *err);

#endif
