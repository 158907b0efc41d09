// SPDX-License-Identifier: GPL-2.0
/*
 * dmaloop: run DMA bugs, and their correct twins, on demand.
 *
 * The command line is in options.c. Each verb has a file (verbs.h). The verbs make devices and
 * run scenarios on them with loopdev.c, and compare the outcome with predict.c.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "loopdev.h"
#include "options.h"
#include "verbs.h"

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

/* A signal must not leave a device behind. */
static void catch_signals(void)
{
	const int stops[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
	struct sigaction action = { .sa_handler = on_signal };

	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++)
		sigaction(stops[i], &action, NULL);
}

int main(int argc, char **argv)
{
	static int (*const verbs[NR_VERBS])(int fd, const struct options *opts) = {
		[VERB_LIST] = verb_list,       [VERB_RUN] = verb_run,
		[VERB_ISOLATE] = verb_isolate, [VERB_CURVE] = verb_curve,
		[VERB_MATRIX] = verb_matrix,
	};
	struct options opts;
	int fd, status;

	options_parse(&opts, argc, argv);
	catch_signals();
	fd = open_control();
	if (fd < 0)
		return EXIT_NOT_RUN;
	status = verbs[opts.verb](fd, &opts);
	device_destroy();
	close(fd);
	if (fflush(stdout) || ferror(stdout))
		return fail("standard output: %s", strerror(errno));
	return status;
}
