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

/* Connect to path.  Returns the descriptor, or -1 with err set: ERR_IO. */
int unixsock_connect(const char *path, int type, struct err *err);

/* The user and process at the other end.  Returns 0, or -1 with err set. */
int unixsock_peer(int fd, uid_t *uid, pid_t *pid, struct err *err);

#endif
