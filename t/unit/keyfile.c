/*
 * keyfile: who may read a key's file, what kind of file it may be, when it is
 * still the one that was read, and writing a new one.
 */
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "keyfile.h"
#include "tap.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

enum {
	HANG_SECONDS = 60,
	OTHER_ID = 65534, /* nobody; any number that is not ours will do */
};

/* The Ed25519 key of RFC 8463 section A.1, and another one. */
static const char pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";
static const char other_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9h\n"
    "-----END PRIVATE KEY-----\n";

static char dir[] = "/tmp/keyturn-keyfile.XXXXXX";

/* A path in the test's directory, good for the next three calls. */
static const char *
path(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *p = paths[next++ % LEN(paths)];

	snprintf(p, sizeof(paths[0]), "%s/%s", dir, name);
	return p;
}

/* Ends the test when the system refuses what it needs. */
static void
must(bool good, const char *what)
{
	if (good)
		return;
	printf("Bail out! ");
	fflush(stdout);
	perror(what);
	exit(1);
}

/* Write bytes to a file of any age with that mode; its inode stays. */
static void
put(const char *name, const void *data, size_t len, mode_t mode)
{
	int fd = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	must(fd != -1 && write(fd, data, len) == (ssize_t)len &&
	        fchmod(fd, mode) == 0 && close(fd) == 0,
	    name);
}

/* Loading name is refused with that text, in which %s is the path. */
static void
refuses(const char *name, enum err_code code, const char *want,
    const char *what)
{
	struct err err = ERR_INIT;
	struct file_id id;
	struct key *key = keyfile_load(path(name), 0, &id, &err);
	char text[ERR_TEXT_MAX];

	snprintf(text, sizeof(text), want, path(name), path(name), path(name));
	ok(key == NULL && err.code == code, "%s: refused", what);
	is_str(err.text, text, what);
	key_put(key);
}

static bool
loads(const char *name, struct file_id *id)
{
	struct err err = ERR_INIT;
	struct file_id ignored;
	struct key *key =
	    keyfile_load(path(name), 0, id != NULL ? id : &ignored, &err);

	if (key == NULL)
		printf("# %s\n", err.text);
	key_put(key);
	return key != NULL;
}

/* Modes of a file of our own user and group; want NULL: taken. */
static const struct {
	mode_t mode;
	const char *want;
} modes[] = {
	{ 0600, NULL },
	{ 0400, NULL },
	{ 0640, NULL },
	{ 0440, NULL },
	{ 0644, "%s: mode 0644 lets others read it: chmod 0600 %s" },
	{ 0604, "%s: mode 0604 lets others read it: chmod 0600 %s" },
	{ 0642, "%s: mode 0642 lets others write it: chmod 0600 %s" },
	{ 0641, "%s: mode 0641 lets others run it: chmod 0600 %s" },
	{ 0660, "%s: mode 0660 lets its group write it: chmod 0640 %s" },
	{ 0620, "%s: mode 0620 lets its group write it: chmod 0600 %s" },
	{ 0650, "%s: mode 0650 lets its group run it: chmod 0640 %s" },
	{ 0700, "%s: mode 0700 lets its owner run it: chmod 0600 %s" },
	{ 0777, "%s: mode 0777 lets others read it: chmod 0600 %s" },
	{ 04600, "%s: mode 4600 has a bit for programs: chmod 0600 %s" },
};

static void
test_modes(void)
{
	char name[64];

	for (size_t i = 0; i < LEN(modes); i++) {
		put("mode", pem, sizeof(pem) - 1, 0600);
		must(chown(path("mode"), (uid_t)-1, getegid()) == 0 &&
		        chmod(path("mode"), modes[i].mode) == 0,
		    "mode");
		snprintf(name, sizeof(name), "mode %04o",
		    (unsigned)modes[i].mode);
		if (modes[i].want == NULL)
			ok(loads("mode", NULL), "%s: taken", name);
		else
			refuses("mode", ERR_KEY, modes[i].want, name);
		unlink(path("mode"));
	}
}

/* Files of others: only root can make them. */
static void
test_owners(void)
{
	char want[256];

	if (geteuid() != 0) {
		ok(true, "files of other users # SKIP not root");
		return;
	}
	put("owner", pem, sizeof(pem) - 1, 0600);
	must(chown(path("owner"), OTHER_ID, (gid_t)-1) == 0, "chown");
	refuses("owner", ERR_KEY,
	    "%s: owned by user 65534, who could change it: run this as that "
	    "user, or chown the file to root or to user 0",
	    "another owner");
	put("group", pem, sizeof(pem) - 1, 0640);
	must(chown(path("group"), 0, OTHER_ID) == 0, "chown");
	snprintf(want, sizeof(want),
	    "%%s: mode 0640 lets group 65534 read it, not ours (%lu): "
	    "chmod 0600 %%s",
	    (unsigned long)getegid());
	refuses("group", ERR_KEY, want, "another group");
	must(chmod(path("group"), 0600) == 0, "chmod");
	ok(loads("group", NULL), "another group that may do nothing");
}

/* Root's files as keyturnd meets them: what is advised must let it in. */
static void
test_root_files(void)
{
	static const struct {
		const char *name;
		gid_t group;
		mode_t mode;
		enum err_code code;
		const char *want;
	} cases[] = {
		{ "root's, open to all", 0, 0644, ERR_KEY,
		    "%s: mode 0644 lets others read it: chgrp 65534 %s && "
		    "chmod 0640 %s" },
		{ "root's and our group's, open to all", OTHER_ID, 0644,
		    ERR_KEY,
		    "%s: mode 0644 lets others read it: chmod 0640 %s" },
		{ "root's alone", 0, 0600, ERR_IO,
		    "%s: user 65534 may not read it: chgrp 65534 %s && chmod "
		    "0640 %s, and let that group into its directories" },
	};

	if (geteuid() != 0) {
		ok(true, "files of root # SKIP not root");
		return;
	}
	must(chmod(dir, 0755) == 0, "chmod");
	for (size_t i = 0; i < LEN(cases); i++) {
		put("root", pem, sizeof(pem) - 1, cases[i].mode);
		must(chown(path("root"), 0, cases[i].group) == 0 &&
		        setegid(OTHER_ID) == 0 && seteuid(OTHER_ID) == 0,
		    "seteuid");
		refuses("root", cases[i].code, cases[i].want, cases[i].name);
		must(seteuid(0) == 0 && setegid(0) == 0, "seteuid");
		unlink(path("root"));
	}
	put("root", pem, sizeof(pem) - 1, 0640);
	must(chown(path("root"), 0, OTHER_ID) == 0 && setegid(OTHER_ID) == 0 &&
	        seteuid(OTHER_ID) == 0,
	    "seteuid");
	ok(loads("root", NULL), "root's, mode 0640, our group: taken");
	must(seteuid(0) == 0 && setegid(0) == 0, "seteuid");
}

static void
make_socket(const char *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strlcpy(sun.sun_path, path(name), sizeof(sun.sun_path));
	must(fd != -1 && bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 &&
	        chmod(path(name), 0600) == 0,
	    name);
	close(fd);
}

/* Nothing here may wait for anybody. */
static void
test_kinds(void)
{
	struct err err = ERR_INIT;
	struct file_id id;

	alarm(HANG_SECONDS);
	put("file", pem, sizeof(pem) - 1, 0600);
	must(symlink("file", path("link")) == 0 &&
	        symlink(".", path("here")) == 0 &&
	        mkfifo(path("fifo"), 0600) == 0 &&
	        mkdir(path("dir"), 0700) == 0,
	    "test_kinds");
	make_socket("socket");
	ok(loads("file", NULL), "a file");
	ok(loads("here/file", NULL), "a link on the way to it");
	refuses("link", ERR_KEY, "%s: a symbolic link: name the file itself",
	    "a link");
	refuses("fifo", ERR_KEY, "%s: not a regular file", "a FIFO");
	refuses("dir", ERR_KEY, "%s: not a regular file", "a directory");
	refuses("socket", ERR_IO, "%s: No such device or address", "a socket");
	refuses("none", ERR_IO, "%s: No such file or directory", "nothing");
	refuses("file/x", ERR_IO, "%s: Not a directory", "under a file");
	ok(keyfile_load("/dev/zero", 0, &id, &err) == NULL, "a device");
	is_str(err.text, "/dev/zero: not a regular file", "a device");
	alarm(0);
}

static void
test_contents(void)
{
	static char large[KEYFILE_BYTES_MAX + 1];
	struct err err = ERR_INIT;
	struct file_id id;

	put("content", "", 0, 0600);
	refuses("content", ERR_KEY, "%s: empty", "an empty file");
	put("content", "junk\n", 5, 0600);
	refuses("content", ERR_KEY, "%s: no private key in PEM in it", "junk");
	put("content", pem, sizeof(pem) / 2, 0600);
	refuses("content", ERR_KEY, "%s: cut PEM: it has no END line",
	    "half a file");
	memset(large, '\n', sizeof(large));
	memcpy(large, pem, sizeof(pem) - 1);
	put("content", large, KEYFILE_BYTES_MAX, 0600);
	ok(loads("content", NULL), "a file of 65536 bytes");
	put("content", large, KEYFILE_BYTES_MAX + 1, 0600);
	refuses("content", ERR_KEY, "%s: 65537 bytes: at most 65536 are read",
	    "one byte more");
	/* A regular file that gives more than its size, on Linux. */
	if (access("/proc/self/environ", R_OK) == 0) {
		ok(keyfile_load("/proc/self/environ", 0, &id, &err) == NULL,
		    "more bytes than its size");
		is_str(err.text,
		    "/proc/self/environ: changed while it was read",
		    "more bytes than its size");
	}
}

static void
pause_until_settled(void)
{
	struct timespec left = { .tv_sec = 2, .tv_nsec = 100000000 };

	while (nanosleep(&left, &left) == -1)
		;
}

static void
keep_times(const char *name, const struct file_id *id)
{
	struct timespec times[2] = { id->mtime, id->mtime };

	must(utimensat(AT_FDCWD, path(name), times, 0) == 0, name);
}

/* What is done to a file that was read, and whether it is then the same. */
static void
change_nothing(const char *name, const struct file_id *id)
{
	(void)name;
	(void)id;
}

static void
change_bytes(const char *name, const struct file_id *id)
{
	put(name, other_pem, sizeof(other_pem) - 1, 0600);
	keep_times(name, id);
}

static void
change_size(const char *name, const struct file_id *id)
{
	must(truncate(path(name), 1) == 0, name);
	keep_times(name, id);
}

static void
change_mode(const char *name, const struct file_id *id)
{
	(void)id;
	must(chmod(path(name), 0644) == 0, name);
}

static void
change_times(const char *name, const struct file_id *id)
{
	(void)id;
	must(utimensat(AT_FDCWD, path(name), NULL, 0) == 0, name);
}

static void
change_inode(const char *name, const struct file_id *id)
{
	put("new", pem, sizeof(pem) - 1, 0600);
	keep_times("new", id);
	must(rename(path("new"), path(name)) == 0, name);
}

static void
change_to_nothing(const char *name, const struct file_id *id)
{
	(void)id;
	must(unlink(path(name)) == 0, name);
}

static const struct {
	const char *name;
	void (*change)(const char *name, const struct file_id *id);
	bool is_same;
} changes[] = {
	{ "untouched", change_nothing, true },
	{ "other bytes of the same length and age", change_bytes, false },
	{ "another size", change_size, false },
	{ "a mode that is refused", change_mode, false },
	{ "another time", change_times, false },
	{ "the same bytes in a new file", change_inode, false },
	{ "removed", change_to_nothing, false },
};

static void
test_same(void)
{
	struct file_id ids[LEN(changes)], wrong;

	for (size_t i = 0; i < LEN(changes); i++) {
		put(changes[i].name, pem, sizeof(pem) - 1, 0600);
		must(loads(changes[i].name, &ids[i]), changes[i].name);
	}
	ok(!ids[0].is_settled, "a new file is not settled");
	ok(!keyfile_is_same(path(changes[0].name), &ids[0]),
	    "so there is doubt whether it is the same");
	pause_until_settled();
	ok(!keyfile_is_same(path(changes[0].name), &ids[0]),
	    "time passing does not remove that doubt");
	for (size_t i = 0; i < LEN(changes); i++) {
		must(loads(changes[i].name, &ids[i]), changes[i].name);
		must(ids[i].is_settled, "settled");
		changes[i].change(changes[i].name, &ids[i]);
		is_int(keyfile_is_same(path(changes[i].name), &ids[i]),
		    changes[i].is_same, changes[i].name);
	}
	must(symlink(changes[0].name, path("alias")) == 0, "symlink");
	ok(!keyfile_is_same(path("alias"), &ids[0]), "a link to it is not it");
	wrong = ids[0];
	wrong.ctime.tv_nsec ^= 1;
	ok(!keyfile_is_same(path(changes[0].name), &wrong),
	    "a nanosecond is a difference");
}

/* A key and its file say the same. */
static bool
is_key_in(const struct key *key, const char *name)
{
	struct err err = ERR_INIT;
	struct file_id id;
	struct key *again = keyfile_load(path(name), 0, &id, &err);
	bool is_it = again != NULL &&
	    memcmp(key_fingerprint(again), key_fingerprint(key), SHA256_LEN) ==
	        0;

	key_put(again);
	return is_it;
}

static void
refuses_write(const struct key *key, const char *name, const char *want,
    const char *what)
{
	struct err err = ERR_INIT;
	char text[ERR_TEXT_MAX];

	is_int(keyfile_write(path(name), key, &err), -1, what);
	is_int(err.code, ERR_IO, what);
	snprintf(text, sizeof(text), want, path(name));
	is_str(err.text, text, what);
}

static void
test_write(const struct key *key)
{
	static const mode_t umasks[] = { 0, 022, 0777 };
	struct err err = ERR_INIT;
	struct stat st;

	for (size_t i = 0; i < LEN(umasks); i++) {
		mode_t before = umask(umasks[i]);

		unlink(path("written"));
		is_int(keyfile_write(path("written"), key, &err), 0, "written");
		umask(before);
		must(stat(path("written"), &st) == 0, "written");
		is_int(st.st_mode & 07777, 0600, "mode, whatever the umask");
		ok(is_key_in(key, "written"), "the key is in it");
	}
	must(chdir(dir) == 0, dir);
	is_int(keyfile_write("plain", key, &err), 0, "a name without a slash");
	ok(is_key_in(key, "plain"), "the key is in it");
}

/* Neither over anything, nor half. */
static void
test_write_refusals(const struct key *key)
{
	static const char over[] = "%s: is there already and is never written "
	                           "over: choose another name";
	struct rlimit limit, small;
	struct stat st;

	put("taken", "precious", 8, 0600);
	refuses_write(key, "taken", over, "over a file");
	ok(stat(path("taken"), &st) == 0 && st.st_size == 8, "it is whole");
	must(symlink("target", path("dangling")) == 0, "symlink");
	refuses_write(key, "dangling", over, "through a link to nothing");
	ok(lstat(path("target"), &st) == -1, "its target is not made");
	put("beside.new", "precious", 8, 0600);
	refuses_write(key, "beside",
	    "%s.new: is there already and would be written over: move it away, "
	    "or choose another name",
	    "beside a file that is none of ours");
	ok(stat(path("beside.new"), &st) == 0 && st.st_size == 8,
	    "it is whole too");
	refuses_write(key, "none/x",
	    "%s: its directory: No such file or directory",
	    "no such directory");
	must(getrlimit(RLIMIT_FSIZE, &limit) == 0, "getrlimit");
	signal(SIGXFSZ, SIG_IGN);
	small = limit;
	small.rlim_cur = 10;
	fflush(stdout);
	must(setrlimit(RLIMIT_FSIZE, &small) == 0, "setrlimit");
	{
		struct err err = ERR_INIT;
		int rc = keyfile_write(path("cut"), key, &err);

		must(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
		is_int(rc, -1, "no room for it");
		ok(strstr(err.text, "/cut: File too large") != NULL,
		    "the text says so");
	}
	ok(lstat(path("cut"), &st) == -1, "no half file stays");
}

static void
remove_directory(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	must(system(command) == 0, command);
}

int
main(void)
{
	struct err err = ERR_INIT;
	struct key *key = key_generate(KEY_ED25519_SHA256, 0, &err);

	must(key != NULL && mkdtemp(dir) != NULL, dir);
	atexit(remove_directory);
	test_modes();
	test_owners();
	test_root_files();
	test_kinds();
	test_contents();
	test_same();
	test_write(key);
	test_write_refusals(key);
	key_put(key);
	return tap_done();
}
