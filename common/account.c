/*
 * Users and groups by name.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

#include "account.h"

enum { ENTRY_BYTES_FIRST = 1024, ENTRY_BYTES_MAX = 16 << 20 };

/*
 * What the look-up functions return for "there is none": by POSIX 0 and no
 * entry, but some name services give one of these.
 */
static int
is_absence(int number)
{
	return number == 0 || number == ENOENT || number == ESRCH;
}

static int
lookup_failed(int number, const char *what, struct err *err)
{
	errno = number;
	return err_errno(err, "looking up a %s", what);
}

int
account_user(const char *name, uid_t *uid, struct err *err)
{
	struct passwd entry, *found = NULL;
	size_t size = ENTRY_BYTES_FIRST;
	char *text = NULL;
	int number;

	do {
		free(text);
		text = malloc(size);
		if (text == NULL)
			return err_nomem(err);
		number = getpwnam_r(name, &entry, text, size, &found);
		size *= 2;
	} while (number == ERANGE && size <= ENTRY_BYTES_MAX);
	if (found != NULL)
		*uid = entry.pw_uid;
	free(text);
	if (found != NULL)
		return 1;
	return is_absence(number) ? 0 : lookup_failed(number, "user", err);
}

int
account_group(const char *name, gid_t *gid, struct err *err)
{
	struct group entry, *found = NULL;
	size_t size = ENTRY_BYTES_FIRST;
	char *text = NULL;
	int number;

	do {
		free(text);
		text = malloc(size);
		if (text == NULL)
			return err_nomem(err);
		number = getgrnam_r(name, &entry, text, size, &found);
		size *= 2;
	} while (number == ERANGE && size <= ENTRY_BYTES_MAX);
	if (found != NULL)
		*gid = entry.gr_gid;
	free(text);
	if (found != NULL)
		return 1;
	return is_absence(number) ? 0 : lookup_failed(number, "group", err);
}
