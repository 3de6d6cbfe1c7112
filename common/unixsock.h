/*
 * Unix-domain sockets in the file system: listening, connecting, and who is at
 * the other end.
 */
#ifndef KEYTURN_UNIXSOCK_H
#define KEYTURN_UNIXSOCK_H

#include <sys/types.h>

#include "err.h"

/*
 * Listen at path with that mode.  A socket file left over from a dead process
 * is replaced; one that somebody answers on, or a file that is no socket, is
 * not (ERR_CONF).  type is SOCK_SEQPACKET or SOCK_STREAM.
 * Returns the descriptor (close-on-exec), or -1 with err set: ERR_CONF, ERR_IO.
 */
int unixsock_listen(const char *path, int type, mode_t mode, struct err *err);

/*
 * Whether a socket can be made at path.  Returns 0 when nothing is there; 1
 * when the socket of a process that is gone is left over, which may be
 * removed; or -1 with err set: somebody has it, it is no socket (ERR_CONF), or
 * that cannot be told (ERR_IO).
 */
int unixsock_probe(const char *path, int type, struct err *err);

/*
 * Connect to path.  A process that does not accept, and whose queue is full,
 * is waited for at most timeout_ms (-1: for ever).
 * Returns the descriptor, or -1 with err set: ERR_IO (err.text begins with
 * "timed out" on a time-out); errno tells more.
 */
int unixsock_connect(const char *path, int type, int timeout_ms,
    struct err *err);

/* The user and process at the other end.  Returns 0, or -1 with err set. */
int unixsock_peer(int fd, uid_t *uid, pid_t *pid, struct err *err);

#endif
