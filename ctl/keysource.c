/*
 * Key records from a zone file, from one file for all, or from the DNS.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyrecord.h"
#include "keysource.h"
#include "output.h"
#include "readfile.h"

#define KEY_BYTES_MAX ((size_t)65536)
#define RECORDS_MAX   1000 /* of one name */

bool
keysource_is_dns(const struct keysource *ks)
{
	return ks->zone_path == NULL && ks->file_path == NULL;
}

void
keysource_free(struct buf *records, int count)
{
	for (int i = 0; i < count; i++)
		buf_clear(&records[i]);
	free(records);
}

/* The records at name in the zone file. */
static int
zone_records(const struct keysource *ks, const char *name, struct buf **records,
    struct err *err)
{
	const char *data;
	size_t count, len;
	struct buf *list;

	*records = NULL;
	count = zone_find(&ks->zone, name, strlen(name), 0, &data, &len);
	if (count == 0)
		return 0;
	if (count > RECORDS_MAX)
		count = RECORDS_MAX;
	list = calloc(count, sizeof(*list));
	if (list == NULL)
		return err_nomem(err);
	for (size_t i = 0; i < count; i++) {
		zone_find(&ks->zone, name, strlen(name), i, &data, &len);
		buf_add(&list[i], data, len);
		if (list[i].has_failed) {
			keysource_free(list, (int)count);
			return err_nomem(err);
		}
	}
	*records = list;
	return (int)count;
}

int
keysource_records(struct keysource *ks, const char *name, struct buf **records,
    struct err *err)
{
	if (ks->zone_path != NULL)
		return zone_records(ks, name, records, err);
	return sights_resolve_txt(ks->sights, &ks->conf->ring_conf.dns, name,
	    records, err);
}

/* find of struct key_source, for a zone and for the DNS. */
static int
find_record(void *arg, const char *name, struct keyrecord *rec,
    enum keyrecord_state *state, struct err *err)
{
	struct buf *records = NULL;
	int count;

	count = keysource_records(arg, name, &records, err);
	if (count == 1 && records != NULL)
		*state = keyrecord_parse(records->data ? records->data : "",
		    records->len, rec, err);
	keysource_free(records, count);
	return count;
}

/* find of struct key_source, for a file: the same for every name. */
static int
find_in_file(void *arg, const char *name, struct keyrecord *rec,
    enum keyrecord_state *state, struct err *err)
{
	struct keysource *ks = arg;
	const char *text = buf_str(&ks->file);

	(void)name;
	if (text == NULL)
		return err_nomem(err);
	*state = keyrecord_parse_file(text, ks->file.len, rec, err);
	return 1;
}

/*
 * Read the configuration.  Whoever only looks at mail needs none.  Returns the
 * exit code.
 */
static int
take_conf(struct keysource *ks, const struct ctl_call *call)
{
	struct err err = ERR_INIT;

	if (call->conf_given || access(call->conf_path, F_OK) == 0)
		ks->own_conf = conf_load(call->conf_path, &err);
	else
		ks->own_conf = conf_default(&err);
	ks->conf = ks->own_conf;
	return ks->conf != NULL ? CTL_GOOD : out_err(&err, CTL_CONFIG);
}

int
keysource_open(struct keysource *ks, const struct ctl_call *call,
    const char *zone, const char *file)
{
	struct err err = ERR_INIT;
	int code, rc = 0;

	ks->zone_path = zone;
	ks->file_path = file;
	ks->source.arg = ks;
	ks->source.find = file != NULL ? find_in_file : find_record;
	if (zone != NULL && file != NULL)
		return out_usage(call, "either --zone or --key");
	if (zone != NULL)
		rc = zone_load(&ks->zone, zone, &err);
	else if (file != NULL)
		rc = readfile(file, KEY_BYTES_MAX, &ks->file, &err);
	if (rc == -1)
		return out_err(&err, CTL_DATA);
	code = take_conf(ks, call);
	if (code == CTL_GOOD && keysource_is_dns(ks)) {
		ks->sights = sights_new(NULL, &err);
		if (ks->sights == NULL)
			code = out_err(&err, CTL_NOT_YET);
	}
	return code;
}

void
keysource_clear(struct keysource *ks)
{
	zone_clear(&ks->zone);
	buf_clear(&ks->file);
	sights_free(ks->sights);
	conf_free(ks->own_conf);
}
