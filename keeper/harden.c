/*
 * Limits and rights of the process; the system's own ways are here alone.
 */
#include <sys/resource.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "harden.h"

int
harden_core(struct err *err)
{
	const struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };

	if (setrlimit(RLIMIT_CORE, &none) == -1)
		return err_errno(err, "core limit");
	return 0;
}

int
harden_memory(struct err *err)
{
#ifdef __linux__
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return err_errno(err, "PR_SET_DUMPABLE");
#else
	(void)err;
#endif
	return 0;
}

int
harden_rights(struct err *err)
{
#ifdef __linux__
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return err_errno(err, "PR_SET_NO_NEW_PRIVS");
#else
	(void)err;
#endif
	return 0;
}

unsigned
harden_files(unsigned wanted)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == -1)
		return wanted;
	if (files.rlim_cur < wanted) {
		files.rlim_cur =
		    files.rlim_max < wanted ? files.rlim_max : wanted;
		/* Less than wanted is fine, so a refusal is too. */
		if (setrlimit(RLIMIT_NOFILE, &files) == -1)
			getrlimit(RLIMIT_NOFILE, &files);
	}
	return files.rlim_cur < wanted ? (unsigned)files.rlim_cur : wanted;
}
