/* SPDX-License-Identifier: MIT */
#include "base/write.h"

#include <errno.h>
#include <unistd.h>

int
write_whole(int fd, struct text text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.data, text.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text.data += n;
		text.len -= (size_t)n;
	}
	return 0;
}
