/*
 * Settings of rings: from the texts that rotation.c and when.c read.
 */
#include <stdio.h>

#include "confring.h"
#include "rotation.h"
#include "when.h"

/* A text of the file, with the reason in r->err. */
static int
refuse_text(struct conf_reader *r, const config_setting_t *s)
{
	char reason[ERR_TEXT_MAX];

	if (r->err->code != ERR_CONF)
		return -1;
	snprintf(reason, sizeof(reason), "%s", r->err->text);
	return conf_refuse(r, s, "%s", reason);
}

int
conf_set_duration(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s)
{
	static const char what[] =
	    "neither a duration like \"90d\" or \"1h30m\" nor whole seconds";
	char range[128];
	long long number;
	int seconds;

	if (config_setting_type(s) == CONFIG_TYPE_STRING) {
		if (!duration_parse(config_setting_get_string(s), &seconds))
			return conf_refuse_value(r, s, what);
		number = seconds;
	} else if (config_setting_is_number(s) &&
	    config_setting_type(s) != CONFIG_TYPE_FLOAT) {
		if (conf_get_number(r, s, row->min, row->max, row->info.range,
		        &number) == -1)
			return -1;
	} else {
		return conf_refuse_value(r, s, what);
	}
	if (number < row->min || number > row->max) {
		snprintf(range, sizeof(range), "out of range, %s",
		    row->info.range);
		return conf_refuse_value(r, s, range);
	}
	*(int *)conf_member(r, row) = (int)number;
	return 0;
}

int
conf_set_key_specs(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s)
{
	struct key_spec *specs = conf_member(r, row);
	int count = conf_get_length(r, s, ROTATION_ALGORITHMS_MAX);

	if (count == -1)
		return -1;
	if (count == 0)
		return conf_refuse(r, s, "an empty list: no keys");
	for (int i = 0; i < count; i++) {
		const config_setting_t *e = conf_element(s, i);
		const char *text = conf_get_string(r, e);

		if (text == NULL)
			return -1;
		if (key_spec_parse(text, &specs[i], r->err) == -1)
			return refuse_text(r, e);
		if (i > 0 && specs[0].alg == specs[i].alg)
			return conf_refuse_value(r, e,
			    "one of each kind, and this kind is there already");
	}
	*conf_member_count(r, row) = (size_t)count;
	return 0;
}

int
conf_set_blackouts(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s)
{
	struct blackout *blackouts = conf_member(r, row);
	int count = conf_get_length(r, s, BLACKOUT_MAX);

	if (count == -1)
		return -1;
	for (int i = 0; i < count; i++) {
		const config_setting_t *e = conf_element(s, i);
		const char *text = conf_get_string(r, e);

		if (text == NULL)
			return -1;
		if (blackout_parse(text, &blackouts[i], r->err) == -1)
			return refuse_text(r, e);
	}
	*conf_member_count(r, row) = (size_t)count;
	return 0;
}

int
conf_set_weekdays(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s)
{
	const char *text = conf_get_string(r, s);

	if (text == NULL)
		return -1;
	if (weekdays_parse(text, conf_member(r, row), r->err) == -1)
		return refuse_text(r, s);
	return 0;
}
