/*
 * Private keys in files: who may read them, and whether a file is still the
 * one that was read.
 */
#ifndef KEYTURN_KEYFILE_H
#define KEYTURN_KEYFILE_H

#include <sys/stat.h>

#include <stdbool.h>
#include <time.h>

#include "err.h"
#include "key.h"

#define KEYFILE_BYTES_MAX 65536

/* What a file was when it was read. */
struct file_id {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
	bool is_settled; /* ctime was at least 2 s old when it was read */
};

/*
 * Note what a file is.  now is the time before st was taken; zero without a
 * clock: then nothing is settled.
 */
void file_id_set(struct file_id *id, const struct stat *st,
    const struct timespec *now);

/* Whether st is, without any doubt, of the file that id was taken from. */
bool file_id_is_same(const struct file_id *id, const struct stat *st);

/*
 * Read and parse the private key in path.  The file is opened once, without
 * following a link in the last component, and checked on the descriptor: a
 * regular file, owned by root or by our effective user, mode 0600 (or less), or
 * 0640 when its group is our effective group.  The error names the file, the
 * bit that is wrong and the chmod that mends it.
 *
 * id   set on success, for keyfile_is_same
 * Returns a key with one reference, or NULL with err set: ERR_KEY (this key
 * cannot be used), ERR_IO, ERR_NOMEM, ERR_CRYPTO.
 */
struct key *keyfile_load(const char *path, unsigned minimum_bits,
    struct file_id *id, struct err *err);

/*
 * Whether path still is, without any doubt, the file that id was taken from:
 * same device, inode, size and times, and settled then.  Also false when its
 * owner or mode would be refused today.
 */
bool keyfile_is_same(const char *path, const struct file_id *id);

/* The same for a path that is relative to the directory dir. */
bool keyfile_is_same_at(int dir, const char *path, const struct file_id *id);

/*
 * Write the private key to a new file: O_EXCL, mode 0600, fsync of file and
 * directory.  Never over another.  It is written as path.new and linked to its
 * name when it is whole: no crash leaves half a key in path.
 */
int keyfile_write(const char *path, const struct key *key, struct err *err);

/* Likewise for the last component of path in the directory dir. */
struct key *keyfile_load_at(int dir, const char *path, unsigned minimum_bits,
    struct file_id *id, struct err *err);
int keyfile_write_at(int dir, const char *path, const struct key *key,
    struct err *err);

#endif
