/*
 * Prints the table of settings, a line each: name, type, range, default,
 * reload or restart, separated by tabs.
 */
#include <stdio.h>

#include "conf.h"

int
main(void)
{
	const struct setting_info *s;

	for (size_t i = 0; (s = conf_setting(i)) != NULL; i++)
		printf("%s\t%s\t%s\t%s\t%s\n", s->name, s->type, s->range,
		    s->default_text, s->needs_restart ? "restart" : "reload");
	return fflush(stdout) == EOF;
}
