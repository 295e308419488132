/* How long an append of 4 KiB with its fdatasync takes here: the floor under every acknowledged message.
 * fsync DIRECTORY [SECONDS]: prints one JSON object. */
#include "tests/bench/hist.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int probe(int fd, double seconds, struct hist *h)
{
	char block[4096];
	uint64_t end = bench_now() + (uint64_t)(seconds * 1e9);

	memset(block, 'x', sizeof block);
	while (bench_now() < end) {
		uint64_t start = bench_now();
		if (write(fd, block, sizeof block) != (ssize_t)sizeof block || fdatasync(fd))
			return -1;
		hist_add(h, bench_now() - start, 1);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct hist h;
	char path[4096];
	double seconds = argc > 2 ? atof(argv[2]) : 2;

	if (argc < 2 || seconds <= 0) {
		fprintf(stderr, "usage: fsync DIRECTORY [SECONDS]\n");
		return 2;
	}
	snprintf(path, sizeof path, "%s/fsync.XXXXXX", argv[1]);
	int fd = mkstemp(path);
	int rc = fd < 0 ? -1 : probe(fd, seconds, &h);
	if (rc)
		fprintf(stderr, "fsync: %s: %s\n", path, strerror(errno));
	if (fd >= 0) {
		unlink(path);
		close(fd);
	}
	if (rc == 0)
		printf("{\"syncs\":%llu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}\n",
			(unsigned long long)h.count, hist_ms(&h, 0.5), hist_ms(&h, 0.99), h.max / 1e6);
	return rc ? 1 : 0;
}
