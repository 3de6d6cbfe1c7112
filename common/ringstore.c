/*
 * Stores of rings: what is the same for all of them.
 */
#include <sys/stat.h>

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ascii.h"
#include "dnsname.h"
#include "ringfile.h"
#include "ringstore_ops.h"

/* A domain becomes the name of a directory: nothing else may be in it. */
static int
check_domain(const char *domain, struct err *err)
{
	if (dnsname_is_valid_lower(domain))
		return 0;
	return err_set(err, ERR_KEY, "not a domain in lower case: %.300s",
	    domain);
}

void
ringstore_close(struct ringstore *s)
{
	if (s != NULL)
		s->ops->close(s);
}

char **
ringstore_list(struct ringstore *s, struct err *err)
{
	return s->ops->list(s, err);
}

void
ringstore_free_list(char **list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

struct ring *
ringstore_load(struct ringstore *s, const char *domain, const char *host,
    struct file_id id[2], struct err *err)
{
	struct file_id ignored[2];

	if (check_domain(domain, err) == -1)
		return NULL;
	return s->ops->load(s, domain, host, id != NULL ? id : ignored, err);
}

bool
ringstore_is_same(struct ringstore *s, const char *domain,
    const struct file_id id[2])
{
	return dnsname_is_valid_lower(domain) && s->ops->is_same(s, domain, id);
}

bool
ringstore_has(struct ringstore *s, const char *domain)
{
	return dnsname_is_valid_lower(domain) && s->ops->has(s, domain);
}

struct key *
ringstore_load_key(struct ringstore *s, const char *domain,
    const struct ring_key *rk, unsigned minimum_bits, struct file_id *id,
    struct err *err)
{
	if (check_domain(domain, err) == -1)
		return NULL;
	if (rk->file[0] == '\0') {
		err_set(err, ERR_KEY, "%s: the private key of %s was deleted",
		    domain, rk->selector);
		return NULL;
	}
	if (!ringfile_is_key_name(rk->file)) {
		err_set(err, ERR_KEY, "%s: not the name of a key's file: %s",
		    domain, rk->file);
		return NULL;
	}
	return s->ops->load_key(s, domain, rk, minimum_bits, id, err);
}

bool
ringstore_is_same_key(struct ringstore *s, const char *domain,
    const struct ring_key *rk, const struct file_id *id)
{
	return dnsname_is_valid_lower(domain) &&
	    ringfile_is_key_name(rk->file) &&
	    s->ops->is_same_key(s, domain, rk, id);
}

int
ringstore_journal(struct ringstore *s, const char *domain, struct buf *out,
    struct err *err)
{
	if (check_domain(domain, err) == -1)
		return -1;
	return s->ops->journal(s, domain, out, err);
}

struct ringlock *
ringstore_lock(struct ringstore *s, const char *domain, bool make, int wait_s,
    struct err *err)
{
	if (check_domain(domain, err) == -1)
		return NULL;
	return s->ops->lock(s, domain, make, wait_s, err);
}

void
ringstore_unlock(struct ringlock *lock)
{
	if (lock != NULL)
		lock->store->ops->unlock(lock);
}

struct ring *
ringlock_load(struct ringlock *lock, const char *host, struct err *err)
{
	return lock->store->ops->lock_load(lock, host, err);
}

int
ringlock_commit(struct ringlock *lock, const struct ring *before,
    struct ring *after, const struct journal_note *note, struct err *err)
{
	return lock->store->ops->commit(lock, before, after, note, err);
}

int
ringlock_repair(struct ringlock *lock, const char *host,
    const struct journal_note *note, struct buf *said, struct err *err)
{
	return lock->store->ops->repair(lock, host, note, said, err);
}

/* The name becomes a path: nothing else may be in it. */
static int
check_key_name(const char *name, struct err *err)
{
	if (ringfile_is_key_name(name))
		return 0;
	return err_set(err, ERR_INPUT, "not the name of a key's file: %.300s",
	    name);
}

int
ringlock_write_key(struct ringlock *lock, const char *name,
    const struct key *key, struct err *err)
{
	if (check_key_name(name, err) == -1)
		return -1;
	return lock->store->ops->write_key(lock, name, key, err);
}

int
ringlock_delete_key(struct ringlock *lock, const char *name, struct err *err)
{
	if (check_key_name(name, err) == -1)
		return -1;
	return lock->store->ops->delete_key(lock, name, err);
}

int
ringstore_refuse_path(const char *path, struct err *err)
{
	if (errno == ENOENT)
		return err_set(err, ERR_CONF,
		    "%s: there is no such directory, which the rings are to be "
		    "in: make it with mode 0700, owned by keyturnd's user",
		    path);
	return err_errno(err, "%s", path);
}

int
ringstore_become_owner(const char *path, struct err *err)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (stat(path, &st) == -1)
		return ringstore_refuse_path(path, err);
	if (st.st_uid == 0)
		return 0;
	if (setgroups(0, NULL) == -1 ||
	    setresgid(st.st_gid, st.st_gid, st.st_gid) == -1 ||
	    setresuid(st.st_uid, st.st_uid, st.st_uid) == -1)
		return err_errno(err, "%s: cannot become its owner, user %lu",
		    path, (unsigned long)st.st_uid);
	return 0;
}

int
ringstore_host(char out[RING_HOST_MAX + 1], struct err *err)
{
	char name[256];
	size_t len;

	if (gethostname(name, sizeof(name)) == -1)
		return err_errno(err, "the name of this host");
	name[sizeof(name) - 1] = '\0';
	len = strlen(name);
	if (len == 0 || len > RING_HOST_MAX)
		return err_set(err, ERR_IO,
		    "the name of this host has none or more than %d bytes: "
		    "%.80s",
		    RING_HOST_MAX, name);
	for (size_t i = 0; i <= len; i++) {
		if (i < len && (name[i] <= ' ' || name[i] > '~'))
			return err_set(err, ERR_IO,
			    "the name of this host has other bytes than "
			    "printable ones");
		out[i] = ascii_lower(name[i]);
	}
	return 0;
}
