/* Preloaded into chatd: of the allocations that chatd's own code asks for (not its libraries', some of which end the process), about one in *every fails,
 * where NO_MEMORY names a file of two 32-bit words: `every` (0: none fails) and how many have failed. */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static struct {
	_Atomic uint32_t every, failed;
} * shared;
static uintptr_t text_begin, text_end;
static _Atomic uint32_t count;

/* The program is the first object. */
static int find_text(struct dl_phdr_info *i, size_t size, void *ctx)
{
	(void)size, (void)ctx;
	for (int k = 0; k < i->dlpi_phnum; k++) {
		const ElfW(Phdr) *p = &i->dlpi_phdr[k];
		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		text_begin = i->dlpi_addr + p->p_vaddr;
		text_end = text_begin + p->p_memsz;
	}
	return 1;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("NO_MEMORY");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	dl_iterate_phdr(find_text, NULL);
	void *p = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p != MAP_FAILED)
		shared = p;
}

static int fails(const void *caller)
{
	uint32_t every = shared ? atomic_load(&shared->every) : 0;

	if (!every || (uintptr_t)caller < text_begin || (uintptr_t)caller >= text_end)
		return 0;
	if ((atomic_fetch_add(&count, 1) * 2654435761u >> 8) % every)
		return 0;
	atomic_fetch_add(&shared->failed, 1);
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t n)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(p, n);
}
