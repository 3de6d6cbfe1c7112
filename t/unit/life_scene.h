/*
 * Scenes for the tests of life.c: a ring at 2026-03-04T10:00:00Z, a Wednesday,
 * in which everything is well; a case spoils something.
 */
#ifndef T_LIFE_SCENE_H
#define T_LIFE_SCENE_H

#include <stdlib.h>
#include <string.h>

#include "../../common/when.h"
#include "../../ctl/life.h"

#define HOUR       3600
#define DAY        (24 * HOUR)

#define NOW        ((time_t)1772618400) /* 2026-03-04T10:00:00Z */
#define BOOTTIME   5000000LL

#define SCENE_KEYS 16

struct scene {
	struct ring *ring;
	struct rotation rules;
	struct key_facts f[SCENE_KEYS], *many;
	struct facts facts;
	struct life_clock clock;
	struct life_wish wish;
	struct decision out[SCENE_KEYS + ROTATION_ALGORITHMS_MAX];
	size_t count;
};

/* One row of a table of decisions. */
struct life_case {
	const char *name;
	const char *scene, *spoil; /* names in life_scene.c */
	int key;                   /* in the ring, or NEW */
	enum step step, next;
	long long when; /* from NOW, or NEVER */
	const char
	    *flags; /* "S" stuck, "A" alarm, "F" forced, "C" compromise */
	const char *text;
};
enum { A, B, C, NEW = -1 };
#define NEVER (-(long long)NOW)

extern const struct life_case life_rise_cases[], life_active_cases[],
    life_fall_cases[]; /* each ends with a row without a name */

struct moment scene_moment(long long ago);
void scene_init(struct scene *s);
struct ring_key *scene_add(struct scene *s, const char *selector,
    enum key_state state);
/* A scene by its name, spoiled as another name says; "" is neither. */
void scene_set(struct scene *s, const char *scene, const char *spoil);
void scene_decide(struct scene *s);
void scene_clear(struct scene *s);

#endif
