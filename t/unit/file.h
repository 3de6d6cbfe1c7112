/*
 * Files that come with the tests, read whole.
 */
#ifndef KEYTURN_TEST_FILE_H
#define KEYTURN_TEST_FILE_H

#include <stdio.h>
#include <stdlib.h>

/*
 * Read t/<name> of the source tree into memory that the caller frees, with a
 * NUL behind it.  Ends the test when it cannot.
 */
__attribute__((unused)) static char *
file_read(const char *name, size_t *len)
{
	const char *top = getenv("top_srcdir");
	char path[4096], *data = NULL;
	long size = -1;
	FILE *f;

	snprintf(path, sizeof(path), "%s/t/%s", top ? top : ".", name);
	f = fopen(path, "rb");
	if (f != NULL && fseek(f, 0, SEEK_END) == 0)
		size = ftell(f);
	if (size >= 0 && fseek(f, 0, SEEK_SET) == 0)
		data = malloc((size_t)size + 1);
	if (data == NULL || fread(data, 1, (size_t)size, f) != (size_t)size) {
		printf("Bail out! cannot read %s\n", path);
		exit(1);
	}
	fclose(f);
	data[size] = '\0';
	*len = (size_t)size;
	return data;
}

#endif
