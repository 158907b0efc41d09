// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/dmaloopN from user space, for what dd and fio do not do: mmap, poll, O_NONBLOCK, readv,
 * io_uring passthrough and bad arguments. Built static, and run in a guest by scripts/guest-test
 * with the device as its argument. Prints TAP.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../kmod/dmaloop_uapi.h"

#define SIZE 150000

static unsigned char out[SIZE], in[SIZE];

static void check(bool good, const char *name)
{
	printf("%sok %s\n", good ? "" : "not ", name);
	if (!good)
		printf("# errno %d\n", errno);
}

/* An io_uring without a library, for one submission at a time. */
struct uring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

static bool uring_open(struct uring *ring, unsigned int flags)
{
	struct io_uring_params params = { .flags = flags };
	unsigned char *sq, *cq;
	size_t size;

	ring->fd = syscall(SYS_io_uring_setup, 4, &params);
	if (ring->fd < 0)
		return false;
	size = params.sq_off.array + params.sq_entries * sizeof(unsigned int);
	sq = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
	cq = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_CQ_RING);
	size = params.sq_entries * sizeof(struct io_uring_sqe);
	if (flags & IORING_SETUP_SQE128)
		size *= 2;
	ring->sqes =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || ring->sqes == MAP_FAILED)
		return false;
	ring->sq_tail = (unsigned int *)(sq + params.sq_off.tail);
	ring->sq_mask = (unsigned int *)(sq + params.sq_off.ring_mask);
	ring->sq_array = (unsigned int *)(sq + params.sq_off.array);
	ring->cq_head = (unsigned int *)(cq + params.cq_off.head);
	ring->cq_tail = (unsigned int *)(cq + params.cq_off.tail);
	ring->cq_mask = (unsigned int *)(cq + params.cq_off.ring_mask);
	ring->cqes = (struct io_uring_cqe *)(cq + params.cq_off.cqes);
	return true;
}

/* Submit one command and wait for its result. */
static int uring_cmd(struct uring *ring, int fd, unsigned int op,
		     const struct dmaloop_uring_cmd *cmd, bool big)
{
	unsigned int slot = *ring->sq_tail & *ring->sq_mask;
	struct io_uring_sqe *sqe = &ring->sqes[big ? 2 * slot : slot];
	int result;

	memset(sqe, 0, big ? 128 : 64);
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	sqe->cmd_op = op;
	if (big)
		memcpy(sqe->cmd, cmd, sizeof(*cmd));
	ring->sq_array[slot] = slot;
	__atomic_store_n(ring->sq_tail, *ring->sq_tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	while (*ring->cq_head == __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE))
		;
	result = ring->cqes[*ring->cq_head & *ring->cq_mask].res;
	__atomic_store_n(ring->cq_head, *ring->cq_head + 1, __ATOMIC_RELEASE);
	return result;
}

static void test_uring(int fd, int read_only)
{
	struct uring ring = {}, small = {};
	struct dmaloop_uring_cmd cmd = { .addr = (unsigned long)out,
					 .offset = 12345,
					 .length = SIZE };
	int done;

	if (!uring_open(&ring, IORING_SETUP_SQE128) || !uring_open(&small, 0)) {
		check(false, "io_uring opens");
		return;
	}
	check(uring_cmd(&ring, fd, DMALOOP_URING_WRITE, &cmd, true) == SIZE, "passthrough writes");
	memset(in, 0, SIZE);
	done = pread(fd, in, SIZE, 12345);
	check(done == SIZE && !memcmp(in, out, SIZE), "what it wrote is there");
	memset(in, 0, SIZE);
	cmd.addr = (unsigned long)in;
	done = uring_cmd(&ring, fd, DMALOOP_URING_READ, &cmd, true);
	check(done == SIZE && !memcmp(in, out, SIZE), "passthrough reads");
	check(uring_cmd(&ring, fd, 77, &cmd, true) == -ENOTTY, "an unknown command is refused");
	check(uring_cmd(&small, fd, DMALOOP_URING_READ, &cmd, false) == -EINVAL,
	      "a small submission is refused");
	cmd.reserved = 1;
	check(uring_cmd(&ring, fd, DMALOOP_URING_READ, &cmd, true) == -EINVAL,
	      "reserved bytes are refused");
	cmd.reserved = 0;
	check(uring_cmd(&ring, read_only, DMALOOP_URING_WRITE, &cmd, true) == -EBADF,
	      "a read-only file is not written by passthrough");
	cmd.offset = 1ull << 40;
	check(uring_cmd(&ring, fd, DMALOOP_URING_READ, &cmd, true) == -EINVAL,
	      "an offset past the end is refused");
	cmd.offset = 0;
	cmd.addr = 4096;
	check(uring_cmd(&ring, fd, DMALOOP_URING_READ, &cmd, true) == -EFAULT,
	      "a bad address is refused");
	close(ring.fd);
	close(small.fd);
}

static void test_mmap(int fd, int read_only)
{
	unsigned char *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 65536);

	check(map != MAP_FAILED, "the memory can be mapped");
	if (map == MAP_FAILED)
		return;
	pwrite(fd, out, SIZE, 65536);
	check(!memcmp(map, out, SIZE), "a write shows in the mapping");
	map[70001] ^= 0xff;
	pread(fd, in, SIZE, 65536);
	check(in[70001] == (out[70001] ^ 0xff), "a store to the mapping shows in a read");
	munmap(map, SIZE);
	/* From inside one chunk of the memory to inside the next but one. */
	map = mmap(NULL, 3 * 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 5 * 4096);
	check(map != MAP_FAILED, "across its pieces, too");
	if (map != MAP_FAILED) {
		pwrite(fd, out, SIZE, 65536);
		check(!memcmp(map + 65536 - 5 * 4096, out, SIZE), "and in the right order");
		map[3 * 65536 - 1] = 0x5a;
		check(pread(fd, in, 1, 3 * 65536 + 5 * 4096 - 1) == 1 && in[0] == 0x5a,
		      "to the last byte");
		munmap(map, 3 * 65536);
	}
	pread(fd, in, SIZE, 65536);
	map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, read_only, 65536);
	check(map != MAP_FAILED && map[70001] == in[70001], "a read-only file is mapped to read");
	if (map != MAP_FAILED)
		munmap(map, SIZE);
	map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	check(map == MAP_FAILED && errno == EINVAL, "a private mapping is refused");
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 1l << 40);
	check(map == MAP_FAILED && errno == ENXIO, "a mapping past the end is refused");
}

int main(int argc, char **argv)
{
	struct iovec vec[3] = { { in, 1 }, { in + 1, 4095 }, { in + 4096, SIZE - 4096 } };
	struct pollfd poller = { .events = POLLIN | POLLOUT };
	void *hole;
	int fd, nonblocking, read_only;

	if (argc != 2)
		return 2;
	fd = open(argv[1], O_RDWR | O_DIRECT);
	nonblocking = open(argv[1], O_RDWR | O_NONBLOCK);
	read_only = open(argv[1], O_RDONLY);
	check(fd >= 0 && nonblocking >= 0, "the device opens, O_DIRECT and O_NONBLOCK");
	if (fd < 0)
		return 1;
	for (int i = 0; i < SIZE; i++)
		out[i] = i * 7 + (i >> 8) + 1;
	poller.fd = fd;
	check(poll(&poller, 1, 1000) == 1 && poller.revents == (POLLIN | POLLOUT),
	      "an idle device is ready");
	check(write(nonblocking, out, SIZE) == SIZE, "a write that need not wait does not fail");
	check(preadv(fd, vec, 3, 0) == SIZE && !memcmp(in, out, SIZE), "readv reads in pieces");
	check(read(fd, in, 0) == 0, "nothing is nothing");
	check(pread(fd, in, 1, 1l << 40) == 0, "past the end there is nothing to read");
	check(pwrite(fd, out, 1, 1l << 40) < 0 && errno == ENOSPC, "nor room to write");
	hole = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap((char *)hole + 4096, 4096);
	check(pread(fd, (char *)hole + 8192 - 10, 10, 0) < 0 && errno == EFAULT,
	      "a buffer that is not there is refused");
	check(lseek(fd, 0, SEEK_END) > 0 && lseek(fd, 1, SEEK_CUR) < 0, "it has an end");
	check(fsync(fd) == 0, "fsync");
	test_mmap(fd, read_only);
	test_uring(fd, read_only);
	return 0;
}
