/*
 * ring.conf as ringfile.c writes it, read quickly: somebody with many rings has
 * all of them read at every tick, and with all their keys of years.
 * Private to ringparse.c.
 */
#ifndef KEYTURN_RINGQUICK_H
#define KEYTURN_RINGQUICK_H

#include "ring.h"

/*
 * Read text, whose sum was found right.  Takes no less care than the other
 * parser does, but only the very form that ringfile_write gives a ring.
 * Returns the ring, or NULL: the other parser has to look, and say what is
 * wrong if anything is.
 */
struct ring *ringquick_parse(const char *text);

#endif
