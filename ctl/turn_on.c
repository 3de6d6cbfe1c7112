/*
 * Going on with rings, round after round, for commands that do more than one
 * step.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "turn_job.h"

#define ROUNDS_MAX 12 /* of one command; a key has fewer steps to take */

/* The rings that a round is about. */
struct round {
	char **domains;
	size_t *places; /* of each in the reports */
	struct turn_report *reports;
	size_t count;
};

static int
round_init(struct round *r, size_t count, struct err *err)
{
	r->count = 0;
	r->domains = calloc(count + 1, sizeof(*r->domains));
	r->places = calloc(count + 1, sizeof(*r->places));
	r->reports = calloc(count + 1, sizeof(*r->reports));
	if (r->domains == NULL || r->places == NULL || r->reports == NULL)
		return err_nomem(err);
	return 0;
}

static void
round_clear(struct round *r)
{
	free(r->domains);
	free(r->places);
	free(r->reports);
}

/* What is wished can be done for ever: to hand over what is there already. */
static bool
is_endless(const struct turn_rounds *rounds, enum step step)
{
	return rounds->wish.wish == WISH_PUBLISH &&
	    (step == STEP_PUBLISH || step == STEP_REPUBLISH);
}

/* Whether another round is worth it: something was done, and not `until`. */
static bool
goes_on(const struct turn_report *r, const struct turn_rounds *rounds)
{
	enum step until = rounds->until;
	bool moved = false;

	for (size_t i = 0; i < r->count; i++) {
		const struct turned *turned = &r->turned[i];

		if (until != STEP_NONE && turned->decision.step == until)
			return false;
		if (is_endless(rounds, turned->decision.step))
			continue;
		moved = moved || turned->result == TURN_DONE ||
		    turned->result == TURN_BY_HAND;
	}
	return moved && r->err.code == ERR_NONE;
}

/*
 * Append what was done in one round to all, with what waits if this is the
 * last.  Takes over what is in one.
 */
static void
gather(struct turn_report *all, struct turn_report *one, bool is_last)
{
	for (size_t i = 0; i < one->count; i++) {
		const struct turned *turned = &one->turned[i];
		struct turned *more;

		if (!is_last && turned->decision.step == STEP_NONE)
			continue;
		more = turn_report_add(all, &turned->decision, turned->selector,
		    turned->result, turned->text != NULL ? turned->text : "");
		if (more != NULL)
			more->is_silent = turned->is_silent;
	}
	if (one->err.code != ERR_NONE) {
		all->err = one->err;
		all->code = one->code;
	}
	turn_report_clear(one);
}

/* Keep in r what goes on, and the rest in reports. */
static void
sort_out(struct round *r, const struct turn_rounds *rounds, bool is_last,
    struct turn_report *reports)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->count; i++) {
		bool is_on = !is_last && goes_on(&r->reports[i], rounds);

		gather(&reports[r->places[i]], &r->reports[i], !is_on);
		if (!is_on)
			continue;
		r->domains[kept] = r->domains[i];
		r->places[kept++] = r->places[i];
	}
	r->domains[kept] = NULL;
	r->count = kept;
}

int
turn_on(struct turner *t, char *const *domains,
    const struct turn_rounds *rounds, struct turn_report *reports,
    struct err *err)
{
	struct life_wish wish = rounds->wish;
	struct round r;
	size_t count = 0;
	int rc;

	while (domains[count] != NULL)
		count++;
	rc = round_init(&r, count, err);
	for (; rc == 0 && r.count < count; r.count++) {
		struct turn_report *report = &reports[r.count];

		memset(report, 0, sizeof(*report));
		snprintf(report->domain, sizeof(report->domain), "%s",
		    domains[r.count]);
		r.domains[r.count] = domains[r.count];
		r.places[r.count] = r.count;
	}
	for (int i = 0; rc == 0 && r.count > 0; i++) {
		rc = turn_rings(t, r.domains, &wish, r.reports, err);
		if (rc == 0)
			sort_out(&r, rounds, i + 1 == ROUNDS_MAX || t->is_dry,
			    reports);
		if (rounds->is_once)
			wish = (struct life_wish){ .wish = WISH_NONE };
	}
	round_clear(&r);
	return rc;
}
