/*
 * Preloaded into a program under test: it is killed, or its calls fail, at the
 * N-th call that changes a file.  t/lib/killat.py runs programs with it.
 *
 * Counted are write, writev and pwrite to regular files, fsync, fdatasync and
 * ftruncate of regular files and directories, open, openat and creat with
 * O_CREAT, rename, link, symlink, unlink, mkdir, rmdir and their -at forms.
 * What the C library calls inside itself (fopen, fwrite) is not seen: programs
 * that are tested so must not use it for files that matter.
 *
 *   KILLAT=N             act at the N-th counted call; 0: only count
 *   KILLAT_AFTER=1       the kill comes when the call is done, not before
 *   KILLAT_HALF=1        a write is cut to its half before the kill
 *   KILLAT_ERRNO=ENOSPC  instead of killing, the N-th call and all later ones
 *                        fail so (EROFS, EIO, ENOSPC).  With ENOSPC what frees
 *                        room goes on working, and a write that is the N-th is
 *                        done by half.
 *   KILLAT_COUNT=FILE    16 bytes: the number of calls so far, and 1 if the
 *                        N-th is a write; then for each call 64 bytes, as far
 *                        as the file has room: "rename ring.conf", say.  It
 *                        survives a kill.
 *
 * Only the process that is started counts: programs that it runs find none of
 * these in their environment, and a fork of it is left alone.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum what { FREES, ALLOCATES, WRITES };

struct counts {
	_Atomic uint64_t calls, is_write;
	char names[][64];
};

static struct {
	struct counts counts;
} own;
static struct counts *counts = &own.counts;
static size_t name_max; /* how many names there is room for */
static uint64_t at;     /* 0: never */
static bool is_after, is_half;
static int fail_errno; /* 0: kill */
static pid_t owner;    /* 0: not one that counts */

/* The next function of that name, of the type of *f. */
#define REAL(f, name)                                   \
	do {                                            \
		void *symbol_ = dlsym(RTLD_NEXT, name); \
		memcpy(&(f), &symbol_, sizeof(f));      \
	} while (0)

static bool
flag(const char *name)
{
	const char *text = getenv(name);

	return text != NULL && strcmp(text, "1") == 0;
}

static int
errno_of(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} errnos[] = { { "ENOSPC", ENOSPC }, { "EROFS", EROFS },
		{ "EIO", EIO } };

	for (size_t i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++)
		if (strcmp(name, errnos[i].name) == 0)
			return errnos[i].number;
	fprintf(stderr, "killat: KILLAT_ERRNO: unknown: %s\n", name);
	_exit(99);
}

/* Count in a file that outlives us.  It is made by whoever runs us. */
static void
map_count(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *map = MAP_FAILED;
	struct stat st;

	if (fd != -1 && fstat(fd, &st) == 0 &&
	    (size_t)st.st_size >= sizeof(*counts))
		map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		fprintf(stderr, "killat: KILLAT_COUNT: %s: %m\n", path);
		_exit(99);
	}
	close(fd);
	counts = map;
	name_max =
	    ((size_t)st.st_size - sizeof(*counts)) / sizeof(counts->names[0]);
}

__attribute__((constructor)) static void
start(void)
{
	static const char *const names[] = { "KILLAT", "KILLAT_AFTER",
		"KILLAT_HALF", "KILLAT_ERRNO", "KILLAT_COUNT" };
	const char *text = getenv("KILLAT");

	if (text == NULL)
		return;
	at = strtoull(text, NULL, 10);
	is_after = flag("KILLAT_AFTER");
	is_half = flag("KILLAT_HALF");
	text = getenv("KILLAT_ERRNO");
	if (text != NULL)
		fail_errno = errno_of(text);
	text = getenv("KILLAT_COUNT");
	if (text != NULL)
		map_count(text);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	owner = getpid();
}

static void
die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* One call that is about to be made. */
struct call {
	bool dies_after;
	bool fails;  /* errno is set */
	bool is_cut; /* a write of which half is done */
};

/* Note which call the n-th is, to which file; of path NULL: that of fd. */
static void
note_name(uint64_t n, const char *call, const char *path, int fd)
{
	char link[64], target[4096] = "";
	const char *slash;

	if (n > name_max)
		return;
	if (path == NULL) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		if (readlink(link, target, sizeof(target) - 1) == -1)
			target[0] = '\0';
		path = target;
	}
	slash = strrchr(path, '/');
	snprintf(counts->names[n - 1], sizeof(counts->names[0]), "%s %.40s",
	    call, slash != NULL ? slash + 1 : path);
}

static struct call
begin(enum what what, const char *name, const char *path, int fd)
{
	struct call c = { false, false, false };
	uint64_t n;
	int saved = errno;

	if (owner == 0 || getpid() != owner)
		return c;
	n = ++counts->calls;
	note_name(n, name, path, fd);
	errno = saved;
	if (at == 0 || n < at)
		return c;
	if (n == at)
		counts->is_write = what == WRITES;
	if (fail_errno != 0) {
		if (fail_errno == ENOSPC && what == FREES)
			return c;
		if (fail_errno == ENOSPC && what == WRITES && n == at) {
			c.is_cut = true;
			return c;
		}
		errno = fail_errno;
		c.fails = true;
		return c;
	}
	if (n > at)
		return c;
	c.is_cut = is_half && what == WRITES;
	c.dies_after = is_after || c.is_cut;
	if (!c.dies_after)
		die();
	return c;
}

static void
end(const struct call *c)
{
	if (c->dies_after)
		die();
}

/* Whether fd is a file, or a directory too. */
static bool
is_file(int fd, bool directories)
{
	struct stat st;
	int saved = errno;
	bool is = fstat(fd, &st) == 0 &&
	    (S_ISREG(st.st_mode) || (directories && S_ISDIR(st.st_mode)));

	errno = saved;
	return is;
}

/* A call of the type of f that returns -1 when it fails. */
#define COUNTED(what, name, path, fd, f, ...)                 \
	do {                                                  \
		struct call c_ = begin(what, name, path, fd); \
		int rc_ = -1;                                 \
		if (!c_.fails)                                \
			rc_ = f(__VA_ARGS__);                 \
		end(&c_);                                     \
		return rc_;                                   \
	} while (0)

static size_t
cut(const struct call *c, size_t len)
{
	return c->is_cut ? len / 2 : len;
}

ssize_t
write(int fd, const void *data, size_t len)
{
	ssize_t (*f)(int, const void *, size_t);
	struct call c;
	ssize_t n;

	REAL(f, "write");
	if (!is_file(fd, false))
		return f(fd, data, len);
	c = begin(WRITES, "write", NULL, fd);
	n = c.fails ? -1 : f(fd, data, cut(&c, len));
	end(&c);
	return n;
}

ssize_t
writev(int fd, const struct iovec *iov, int iov_count)
{
	ssize_t (*f)(int, const struct iovec *, int);
	struct call c;
	ssize_t n;

	REAL(f, "writev");
	if (!is_file(fd, false))
		return f(fd, iov, iov_count);
	c = begin(ALLOCATES, "writev", NULL, fd);
	n = c.fails ? -1 : f(fd, iov, iov_count);
	end(&c);
	return n;
}

static ssize_t
counted_pwrite(const char *name, int fd, const void *data, size_t len,
    off_t offset)
{
	ssize_t (*f)(int, const void *, size_t, off_t);
	struct call c;
	ssize_t n;

	REAL(f, name);
	if (!is_file(fd, false))
		return f(fd, data, len, offset);
	c = begin(WRITES, name, NULL, fd);
	n = c.fails ? -1 : f(fd, data, cut(&c, len), offset);
	end(&c);
	return n;
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t offset)
{
	return counted_pwrite("pwrite", fd, data, len, offset);
}

ssize_t
pwrite64(int fd, const void *data, size_t len, off_t offset)
{
	return counted_pwrite("pwrite64", fd, data, len, offset);
}

static int
counted_sync(const char *name, int fd)
{
	int (*f)(int);

	REAL(f, name);
	if (!is_file(fd, true))
		return f(fd);
	COUNTED(ALLOCATES, name, NULL, fd, f, fd);
}

int
fsync(int fd)
{
	return counted_sync("fsync", fd);
}

int
fdatasync(int fd)
{
	return counted_sync("fdatasync", fd);
}

static int
counted_truncate(const char *name, int fd, off_t len)
{
	int (*f)(int, off_t);

	REAL(f, name);
	if (!is_file(fd, false))
		return f(fd, len);
	COUNTED(FREES, name, NULL, fd, f, fd, len);
}

int
ftruncate(int fd, off_t len)
{
	return counted_truncate("ftruncate", fd, len);
}

int
ftruncate64(int fd, off_t len)
{
	return counted_truncate("ftruncate64", fd, len);
}

static int
counted_openat(const char *name, int dir, const char *path, int flags,
    mode_t mode)
{
	int (*f)(int, const char *, int, ...);

	REAL(f, name);
	if ((flags & O_CREAT) == 0)
		return f(dir, path, flags, mode);
	COUNTED(ALLOCATES, name, path, -1, f, dir, path, flags, mode);
}

static int
counted_open(const char *name, const char *path, int flags, mode_t mode)
{
	int (*f)(const char *, int, ...);

	REAL(f, name);
	if ((flags & O_CREAT) == 0)
		return f(path, flags, mode);
	COUNTED(ALLOCATES, name, path, -1, f, path, flags, mode);
}

/* The mode, which is given only when something may be made. */
#define TAKE_MODE(mode, flags)                                  \
	do {                                                    \
		va_list ap_;                                    \
		va_start(ap_, flags);                           \
		(mode) = ((flags) & (O_CREAT | O_TMPFILE)) != 0 \
		    ? va_arg(ap_, mode_t)                       \
		    : 0;                                        \
		va_end(ap_);                                    \
	} while (0)

int
open(const char *path, int flags, ...)
{
	mode_t mode;

	TAKE_MODE(mode, flags);
	return counted_open("open", path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	mode_t mode;

	TAKE_MODE(mode, flags);
	return counted_open("open64", path, flags, mode);
}

int
openat(int dir, const char *path, int flags, ...)
{
	mode_t mode;

	TAKE_MODE(mode, flags);
	return counted_openat("openat", dir, path, flags, mode);
}

int
openat64(int dir, const char *path, int flags, ...)
{
	mode_t mode;

	TAKE_MODE(mode, flags);
	return counted_openat("openat64", dir, path, flags, mode);
}

int
creat(const char *path, mode_t mode)
{
	return open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

int
rename(const char *old, const char *new)
{
	int (*f)(const char *, const char *);

	REAL(f, "rename");
	COUNTED(ALLOCATES, "rename", new, -1, f, old, new);
}

int
renameat(int old_dir, const char *old, int new_dir, const char *new)
{
	int (*f)(int, const char *, int, const char *);

	REAL(f, "renameat");
	COUNTED(ALLOCATES, "renameat", new, -1, f, old_dir, old, new_dir, new);
}

int
renameat2(int old_dir, const char *old, int new_dir, const char *new,
    unsigned flags)
{
	int (*f)(int, const char *, int, const char *, unsigned);

	REAL(f, "renameat2");
	COUNTED(ALLOCATES, "renameat2", new, -1, f, old_dir, old, new_dir, new,
	    flags);
}

int
link(const char *old, const char *new)
{
	int (*f)(const char *, const char *);

	REAL(f, "link");
	COUNTED(ALLOCATES, "link", new, -1, f, old, new);
}

int
linkat(int old_dir, const char *old, int new_dir, const char *new, int flags)
{
	int (*f)(int, const char *, int, const char *, int);

	REAL(f, "linkat");
	COUNTED(ALLOCATES, "linkat", new, -1, f, old_dir, old, new_dir, new,
	    flags);
}

int
symlink(const char *target, const char *path)
{
	int (*f)(const char *, const char *);

	REAL(f, "symlink");
	COUNTED(ALLOCATES, "symlink", path, -1, f, target, path);
}

int
symlinkat(const char *target, int dir, const char *path)
{
	int (*f)(const char *, int, const char *);

	REAL(f, "symlinkat");
	COUNTED(ALLOCATES, "symlinkat", path, -1, f, target, dir, path);
}

int
unlink(const char *path)
{
	int (*f)(const char *);

	REAL(f, "unlink");
	COUNTED(FREES, "unlink", path, -1, f, path);
}

int
unlinkat(int dir, const char *path, int flags)
{
	int (*f)(int, const char *, int);

	REAL(f, "unlinkat");
	COUNTED(FREES, "unlinkat", path, -1, f, dir, path, flags);
}

int
mkdir(const char *path, mode_t mode)
{
	int (*f)(const char *, mode_t);

	REAL(f, "mkdir");
	COUNTED(ALLOCATES, "mkdir", path, -1, f, path, mode);
}

int
mkdirat(int dir, const char *path, mode_t mode)
{
	int (*f)(int, const char *, mode_t);

	REAL(f, "mkdirat");
	COUNTED(ALLOCATES, "mkdirat", path, -1, f, dir, path, mode);
}

int
rmdir(const char *path)
{
	int (*f)(const char *);

	REAL(f, "rmdir");
	COUNTED(FREES, "rmdir", path, -1, f, path);
}
