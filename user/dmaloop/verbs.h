/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The verbs. Each has a file of its own, is called once by main(), and returns the exit
 * status of the program.
 */
#ifndef DMALOOP_VERBS_H
#define DMALOOP_VERBS_H

struct options;

int verb_list(int fd, const struct options *opts);
int verb_run(int fd, const struct options *opts);
int verb_isolate(int fd, const struct options *opts);
int verb_curve(int fd, const struct options *opts);
int verb_matrix(int fd, const struct options *opts);

#endif
