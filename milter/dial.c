/*
 * Making a connection to keyturnd.
 */
#include <sys/socket.h>

#include <string.h>
#include <unistd.h>

#include "dial.h"
#include "monotime.h"
#include "unixsock.h"

int
dial(const struct endpoint *keyturnd, enum chan_role role, long long deadline,
    struct err *err)
{
	union chan_packet packet = { .hello = { .role = role } };
	int fd;

	fd = unixsock_connect(keyturnd->path, SOCK_SEQPACKET,
	    mono_until_ms(deadline), err);
	if (fd == -1)
		return -1;
	packet.hello.pid = (int32_t)getpid();
	memcpy(packet.hello.spec, keyturnd->spec, sizeof(packet.hello.spec));
	chan_head_set(&packet.head, CHAN_HELLO, 0, 0);
	if (chan_send(fd, &packet, -1, mono_until_ms(deadline), err) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}
