/*
 * The client of keyturnd's control socket: one request line, one answer.
 */
#ifndef KEYTURN_CTL_CONTROL_H
#define KEYTURN_CTL_CONTROL_H

#include <stdbool.h>

#include "buf.h"
#include "ctl.h"
#include "err.h"

#define CONTROL_ANSWER_MAX ((size_t)64 << 20) /* bytes */

/*
 * Ask keyturnd at the unix socket path.
 *
 * request    one line without its line end
 * timeout_s  for connecting, asking and the whole answer together
 * text       what follows the first line of the answer is appended
 * code       set to the exit code that keyturnd gave, or to the one for the
 *            failure: CTL_UNAVAILABLE, CTL_NO_PERMISSION, CTL_NOT_YET
 * Returns 0, or -1 with err set to what to tell the operator.
 * Uses SIGALRM and the real-time interval timer.
 */
int control_ask(const char *path, const char *request, int timeout_s,
    struct buf *text, int *code, struct err *err);

/*
 * The same for a subcommand: at the socket given with --socket or, if that is
 * NULL, at the configured one.
 *
 * needs_conf  a configuration that cannot be read is an error (CTL_CONFIG);
 *             otherwise the default socket is tried, with a warning
 * Returns true when keyturnd answered; false when it did not, *code then being
 * the exit code; everything has been said.
 */
bool control_call(const struct ctl_call *call, const char *socket_path,
    bool needs_conf, const char *request, int timeout_s, struct buf *text,
    int *code);

#endif
