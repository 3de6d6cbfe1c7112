/*
 * What a key does next: states, facts and times in, step, time and text out.
 * The tables are in life_rise.c, life_active.c and life_fall.c.
 */
#include <stdio.h>
#include <string.h>

#include "life_scene.h"
#include "tap.h"

static const struct decision *
find(const struct scene *s, int key)
{
	size_t want = key == NEW ? LIFE_NEW_KEY : (size_t)key;

	for (size_t i = 0; i < s->count; i++) {
		if (s->out[i].key == want)
			return &s->out[i];
	}
	return NULL;
}

static void
flags_of(const struct decision *d, char out[8])
{
	snprintf(out, 8, "%s%s%s%s", d->is_stuck ? "S" : "",
	    d->is_alarm ? "A" : "", d->is_forced ? "F" : "",
	    d->is_compromise ? "C" : "");
}

static void
check_case(const struct life_case *c)
{
	struct scene s;
	const struct decision *d;
	char flags[8];
	bool is_good;

	scene_set(&s, c->scene, c->spoil);
	scene_decide(&s);
	d = find(&s, c->key);
	if (!ok(d != NULL, "%s: there is a decision", c->name))
		goto out;
	flags_of(d, flags);
	is_good = d->step == c->step && d->next == c->next &&
	    (long long)(d->when - NOW) == c->when &&
	    strcmp(flags, c->flags) == 0;
	if (!ok(is_good, "%s: step, time, flags", c->name))
		printf("# got: %s, next %s, %lld, \"%s\"\n"
		       "# want: %s, next %s, %lld, \"%s\"\n",
		    step_name(d->step), step_name(d->next),
		    (long long)(d->when - NOW), flags, step_name(c->step),
		    step_name(c->next), c->when, c->flags);
	is_str(d->text, c->text, c->name);
out:
	scene_clear(&s);
}

static void
check_cases(const struct life_case *cases)
{
	for (; cases->name != NULL; cases++)
		check_case(cases);
}

int
main(void)
{
	check_cases(life_rise_cases);
	check_cases(life_active_cases);
	check_cases(life_fall_cases);
	return tap_done();
}
