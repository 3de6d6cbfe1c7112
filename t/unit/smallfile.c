/*
 * smallfile: a file that several processes write at once is whole whenever
 * somebody reads it.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../ctl/readfile.h"
#include "../../ctl/smallfile.h"
#include "tap.h"

enum { WRITERS = 4, WRITES = 400, BYTES = 20000 };

/* One writer: its letter, many times.  Exit code 1 when that fails. */
static void
write_often(const char *path, char letter)
{
	char *text = malloc(BYTES);
	struct err err = ERR_INIT;

	if (text == NULL)
		_exit(1);
	memset(text, letter, BYTES);
	for (int i = 0; i < WRITES; i++) {
		if (smallfile_write(path, text, BYTES, false, &err) == -1) {
			fprintf(stderr, "# %s\n", err.text);
			_exit(1);
		}
	}
	free(text);
	_exit(0);
}

/* Whether path is all of one letter, and all there. */
static bool
is_whole(const char *path)
{
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	bool is_good =
	    readfile(path, BYTES + 1, &text, &err) == 0 && text.len == BYTES;

	for (size_t i = 0; is_good && i < text.len; i++)
		is_good = text.data[i] == text.data[0];
	buf_clear(&text);
	return is_good;
}

static void
test_writers(const char *path)
{
	int status, running = WRITERS, failed = 0;
	unsigned reads = 0, torn = 0;
	struct err err = ERR_INIT;

	is_int(smallfile_write(path, "", 0, false, &err), 0, "an empty file");
	remove(path);
	for (int i = 0; i < WRITERS; i++) {
		if (fork() == 0)
			write_often(path, (char)('a' + i));
	}
	while (running > 0) {
		if (waitpid(-1, &status, WNOHANG) > 0) {
			running--;
			failed += status != 0;
		}
		if (access(path, F_OK) == 0) {
			reads++;
			torn += !is_whole(path);
		}
	}
	is_int(failed, 0, "no writer fails");
	is_int((int)torn, 0, "whole at each of many reads");
	ok(reads > 10, "%u reads", reads);
}

int
main(void)
{
	char dir[] = "/tmp/keyturn-smallfile.XXXXXX";
	char path[64], temporary[72];

	if (mkdtemp(dir) == NULL)
		exit(1);
	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	test_writers(path);
	ok(access(temporary, F_OK) == -1, "nothing is left over");
	unlink(path);
	rmdir(dir);
	return tap_done();
}
