/*
 * How the rings fare and what was held of them, for status.c.
 */
#ifndef KEYTURN_KEEPER_STATUS_RINGS_H
#define KEYTURN_KEEPER_STATUS_RINGS_H

#include "buf.h"
#include "held.h"
#include "snap.h"

/* Append lines: all rings and their keys, or only those in trouble. */
void status_rings_words(const struct snap *snap, const struct held *held,
    struct buf *out);

/* Append the member "rings" of an object. */
void status_rings_json(const struct snap *snap, const struct held *held,
    struct buf *out);

#endif
