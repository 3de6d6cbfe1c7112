/*
 * err: codes, texts, and what happens to text that is too long.
 */
#include <errno.h>

#include "err.h"
#include "tap.h"

int
main(void)
{
	struct err err = ERR_INIT;
	char text[2 * ERR_TEXT_MAX];

	is_int(err.code, ERR_NONE, "initial code");
	is_str(err.text, "", "initial text");

	is_int(err_set(&err, ERR_CONF, "%s:%d: what: %s", "file", 3, "value"),
	    -1, "err_set returns -1");
	is_int(err.code, ERR_CONF, "code");
	is_str(err.text, "file:3: what: value", "text");

	is_int(err_prefix(&err, "%s", "snap"), -1, "err_prefix returns -1");
	is_int(err.code, ERR_CONF, "err_prefix keeps the code");
	is_str(err.text, "snap: file:3: what: value", "prefixed text");

	errno = ENOENT;
	is_int(err_errno(&err, "/no/file"), -1, "err_errno returns -1");
	is_int(err.code, ERR_IO, "ENOENT is ERR_IO");
	is_str(err.text, "/no/file: No such file or directory", "and named");
	errno = ENOMEM;
	err_errno(&err, "read");
	is_int(err.code, ERR_NOMEM, "ENOMEM is ERR_NOMEM");

	is_int(err_nomem(&err), -1, "err_nomem returns -1");
	is_int(err.code, ERR_NOMEM, "err_nomem's code");
	is_str(err.text, "out of memory", "err_nomem's text");

	memset(text, 'x', sizeof(text));
	text[ERR_TEXT_MAX - 1] = '\0';
	err_set(&err, ERR_INPUT, "%s", text);
	is_int((long long)strlen(err.text), ERR_TEXT_MAX - 1,
	    "the longest text is whole");
	text[ERR_TEXT_MAX - 1] = 'x';
	text[sizeof(text) - 1] = '\0';
	err_set(&err, ERR_INPUT, "%s", text);
	is_int((long long)strlen(err.text), ERR_TEXT_MAX - 1, "longer is cut");
	err_prefix(&err, "before");
	is_int((long long)strlen(err.text), ERR_TEXT_MAX - 1,
	    "and cut again with a prefix");
	is_mem(err.text, 10, "before: xx", 10, "that is not lost");
	errno = ENOENT;
	err_errno(&err, "%s", text);
	is_int((long long)strlen(err.text), ERR_TEXT_MAX - 1,
	    "cut where the error's name would be");
	return tap_done();
}
