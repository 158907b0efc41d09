// SPDX-License-Identifier: GPL-2.0
/* Runs COMMAND, which dmasnoop traces until its end, and handles the signals that end a run. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "options.h"

volatile sig_atomic_t interrupted;

static volatile sig_atomic_t child_ended;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

static void on_child(int sig)
{
	(void)sig;
	child_ended = 1;
}

/**
 * command_signals - install the handlers of signals
 *
 * This is called before anything is loaded. Then Ctrl-C ends the run with the findings so far. A
 * terminal that hangs up and a reader that leaves end the run in the same way, so that
 * dmasnoop_sync is always unloaded.
 */
void command_signals(void)
{
	struct sigaction stop = { .sa_handler = on_signal };
	struct sigaction ended = { .sa_handler = on_child, .sa_flags = SA_NOCLDSTOP };
	const int stops[] = { SIGINT, SIGTERM, SIGPIPE };
	struct sigaction hangup;

	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++)
		sigaction(stops[i], &stop, NULL);
	/* Under nohup, SIGHUP is ignored and stays so. */
	if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &stop, NULL);
	sigaction(SIGCHLD, &ended, NULL);
}

/**
 * command_ended - test whether COMMAND has ended
 * @child: pid of COMMAND; 0: there is none
 * @status: out; status as of waitpid()
 */
bool command_ended(pid_t child, int *status)
{
	return child > 0 && child_ended && waitpid(child, status, WNOHANG) == child;
}

/**
 * command_start - start COMMAND, which waits until a byte is written to a pipe
 * @release: out; file descriptor of the pipe
 *
 * Return: the pid of COMMAND, or -1.
 */
pid_t command_start(int *release)
{
	int gate[2];
	pid_t pid;
	char go;

	if (pipe(gate))
		return -1;
	pid = fork();
	if (pid < 0)
		return -1;
	if (pid) {
		close(gate[0]);
		*release = gate[1];
		return pid;
	}
	close(gate[1]);
	if (read(gate[0], &go, 1) != 1)
		_exit(127);
	close(gate[0]);
	/* Standard output is reserved for JSON or KTAP. */
	if (opts.json || opts.ktap)
		dup2(STDERR_FILENO, STDOUT_FILENO);
	execvp(opts.command[0], opts.command);
	fprintf(stderr, "dmasnoop: %s: %s\n", opts.command[0], strerror(errno));
	_exit(127);
}

/**
 * command_end - terminate COMMAND, and kill it if it does not end
 * @child: pid of COMMAND
 */
void command_end(pid_t child)
{
	kill(child, SIGTERM);
	for (int i = 0; i < 20; i++) {
		if (waitpid(child, NULL, WNOHANG) == child)
			return;
		usleep(100000);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/**
 * command_status - return the exit status of a run without findings
 * @status: status of COMMAND, as of waitpid()
 */
int command_status(int status)
{
	if (WIFSIGNALED(status)) {
		fprintf(stderr, "dmasnoop: the command was killed by signal %d (%s)\n",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
		return EXIT_SIGNALLED + WTERMSIG(status);
	}
	if (WEXITSTATUS(status) == 127)
		return fail("the command could not be run");
	if (WEXITSTATUS(status))
		fprintf(stderr, "dmasnoop: the command exited with status %d\n",
			WEXITSTATUS(status));
	return 0;
}
