// SPDX-License-Identifier: GPL-2.0
/*
 * Finds the direct map and the array of struct page where no kernel variable holds their addresses,
 * for instance on arm64, which computes both. attach/machine.c calls this code.
 *
 * The program headers of /proc/kcore list the virtual ranges, and the physical addresses of those
 * that are memory (fs/proc/kcore.c). They do not tell the purpose of a range. So a candidate is
 * tested on two pages of this process: its address must lead to the bytes written there, or to
 * contents that only the struct page of that page can have.
 */
#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attach/memory.h"

#define PAGE 4096
#define PROBES 2
#define SEGMENTS 256
#define PAGE_STRUCT_MAX 256
#define NOT_MEMORY (~0ull)
/* See Documentation/admin-guide/mm/pagemap.rst. */
#define PAGEMAP_PRESENT (1ull << 63)
#define PAGEMAP_PFN ((1ull << 55) - 1)

/**
 * struct core - the open file /proc/kcore
 * @fd: file descriptor, open for reading
 * @nr: entries in @segment
 * @segment: the program headers
 */
struct core {
	int fd;
	size_t nr;
	Elf64_Phdr segment[SEGMENTS];
};

/* A page of this process, with its index in the address space and its physical address. */
struct probe {
	const void *page;
	uint64_t index;
	uint64_t phys;
};

static bool open_core(struct core *core)
{
	Elf64_Ehdr header;
	ssize_t size;

	core->fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	if (core->fd < 0)
		return false;
	if (pread(core->fd, &header, sizeof(header), 0) == sizeof(header) &&
	    !memcmp(header.e_ident, ELFMAG, SELFMAG) && header.e_phnum <= SEGMENTS &&
	    header.e_phentsize == sizeof(core->segment[0])) {
		core->nr = header.e_phnum;
		size = core->nr * sizeof(core->segment[0]);
		if (pread(core->fd, core->segment, size, header.e_phoff) == size)
			return true;
	}
	close(core->fd);
	return false;
}

static bool read_core(const struct core *core, uint64_t address, void *to, size_t size)
{
	for (size_t i = 0; i < core->nr; i++) {
		const Elf64_Phdr *s = &core->segment[i];

		if (s->p_type == PT_LOAD && address - s->p_vaddr < s->p_memsz &&
		    s->p_memsz - (address - s->p_vaddr) >= size)
			return pread(core->fd, to, size, s->p_offset + (address - s->p_vaddr)) ==
			       (ssize_t)size;
	}
	return false;
}

/*
 * Makes pages that begin with random bytes, to differ from all others, and reads their addresses.
 */
static bool make_probes(struct probe *probes, char *pages)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	bool good = fd >= 0;

	for (int i = 0; i < PROBES && good; i++) {
		struct probe *probe = &probes[i];
		uint64_t entry;

		probe->page = pages + i * PAGE;
		probe->index = (uintptr_t)probe->page / PAGE;
		good = !getentropy(pages + i * PAGE, 64) &&
		       pread(fd, &entry, sizeof(entry), probe->index * sizeof(entry)) ==
			       sizeof(entry) &&
		       entry & PAGEMAP_PRESENT && entry & PAGEMAP_PFN;
		if (good)
			probe->phys = (entry & PAGEMAP_PFN) * PAGE;
	}
	if (fd >= 0)
		close(fd);
	return good;
}

static bool proves_direct(const struct core *core, const struct probe *probes, uint64_t direct)
{
	char copy[PAGE];

	for (int i = 0; i < PROBES; i++)
		if (!read_core(core, direct + probes[i].phys, copy, PAGE) ||
		    memcmp(copy, probes[i].page, PAGE))
			return false;
	return true;
}

/*
 * The struct page of an anonymous page holds its index: the address at which the page was first
 * mapped, in pages. The word that holds the index depends on the kernel version, but is the same in
 * both pages.
 */
static bool proves_pages(const struct core *core, const struct probe *probes, uint64_t pages,
			 size_t page_struct)
{
	uint64_t word[PROBES][PAGE_STRUCT_MAX / sizeof(uint64_t)];

	for (int i = 0; i < PROBES; i++)
		if (!read_core(core, pages + probes[i].phys / PAGE * page_struct, word[i],
			       page_struct))
			return false;
	for (size_t at = 0; at < page_struct / sizeof(uint64_t); at++)
		if (word[0][at] == probes[0].index && word[1][at] == probes[1].index)
			return true;
	return false;
}

static void try_segments(struct memory_map *map, const struct core *core,
			 const struct probe *probes, size_t page_struct)
{
	for (size_t i = 0; i < core->nr; i++) {
		const Elf64_Phdr *memory = &core->segment[i];

		if (memory->p_type != PT_LOAD || memory->p_paddr == NOT_MEMORY)
			continue;
		if (proves_direct(core, probes, memory->p_vaddr - memory->p_paddr))
			map->direct = memory->p_vaddr - memory->p_paddr;
		/* The array's segments begin at the page that holds their first entry. */
		for (size_t j = 0; j < core->nr; j++) {
			const Elf64_Phdr *array = &core->segment[j];
			uint64_t first = memory->p_paddr / PAGE * page_struct / PAGE * PAGE;

			if (array->p_type == PT_LOAD && array->p_paddr == NOT_MEMORY &&
			    proves_pages(core, probes, array->p_vaddr - first, page_struct))
				map->pages = array->p_vaddr - first;
		}
	}
}

/**
 * memory_find - find the direct map and the array of struct page
 * @map: out; both addresses, 0: not found
 * @page_struct: size of the kernel's struct page, bytes
 *
 * This needs CAP_SYS_ADMIN and CAP_SYS_RAWIO, pages of 4096 bytes, /proc/kcore and
 * /proc/self/pagemap.
 *
 * Return: true when both were found.
 */
bool memory_find(struct memory_map *map, size_t page_struct)
{
	struct probe probes[PROBES];
	struct core core;
	char *pages;

	*map = (struct memory_map){};
	if (page_struct > PAGE_STRUCT_MAX || page_struct % sizeof(uint64_t) || !open_core(&core))
		return false;
	pages = mmap(NULL, PROBES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	if (pages != MAP_FAILED) {
		/* The kernel can move a page during the search, so the search is repeated. */
		for (int tries = 0; tries < 3 && !(map->direct && map->pages); tries++)
			if (make_probes(probes, pages))
				try_segments(map, &core, probes, page_struct);
		munmap(pages, PROBES * PAGE);
	}
	close(core.fd);
	return map->direct && map->pages;
}
