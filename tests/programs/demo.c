/* SPDX-License-Identifier: MIT */
/*
 * demo - the real program of `make demo`: a small archiver over real files.
 *
 *   demo [-m MIB] PATH…
 *
 * It reads the files, or the regular files below the directories, into one buffer, counts their
 * words, compresses the buffer with zstd (the library's own optimised code, linked statically where
 * there is libzstd.a, so that its functions have names), decompresses it and verifies the result,
 * again and again until MIB mebibytes (64: about two seconds) have gone through. Nothing in it is
 * made to look good in a profile; on source text one expects zstd's match finder first, then the
 * word table.
 *
 *   main → run_round → compress_text → ZSTD_compress2 → …
 *   main → run_round → count_words → table_add
 *   main → run_round → verify_text → ZSTD_decompressDCtx → …, checksum
 */
#include <fts.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#define LEVEL      9
#define MAX_BYTES  ((size_t)256 << 20)
#define TABLE_BITS 16

struct text {
	char *data; /* owned */
	size_t size, capacity;
};

struct word {
	const char *start; /* in the text */
	uint32_t length, count;
};

struct table {
	struct word *slots; /* owned; 1 << TABLE_BITS */
	size_t used;
};

static bool text_reserve(struct text *text, size_t more)
{
	size_t capacity = text->capacity == 0 ? 1 << 16 : text->capacity;
	char *data;

	if (more > MAX_BYTES - text->size)
		return false;
	while (capacity < text->size + more)
		capacity *= 2;
	if (capacity == text->capacity)
		return true;
	data = realloc(text->data, capacity);
	if (data == NULL)
		return false;
	text->data = data;
	text->capacity = capacity;
	return true;
}

static bool text_read(struct text *text, const char *path)
{
	FILE *file = fopen(path, "rb");
	size_t n = 0;
	bool good;

	if (file == NULL)
		return false;
	do {
		text->size += n;
		if (!text_reserve(text, 65536)) {
			fclose(file);
			return false;
		}
		n = fread(text->data + text->size, 1, 65536, file);
	} while (n != 0);
	good = ferror(file) == 0;
	fclose(file);
	return good;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* All regular files of the paths; the number of files, or -1 with one line printed. */
static int text_read_paths(struct text *text, char *const *paths)
{
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	FTSENT *entry;
	int files = 0;

	if (tree == NULL)
		return -1;
	while (files >= 0 && (entry = fts_read(tree)) != NULL) {
		bool unreadable = entry->fts_info == FTS_NS || entry->fts_info == FTS_DNR;

		if (!unreadable && entry->fts_info != FTS_F)
			continue;
		if (!unreadable && text_read(text, entry->fts_accpath)) {
			files++;
			continue;
		}
		fprintf(stderr, "demo: %s: cannot read it\n", entry->fts_path);
		files = -1;
	}
	fts_close(tree);
	return files;
}

static bool is_word(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static __attribute__((noinline)) bool table_add(struct table *table, const char *start,
						uint32_t length)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (uint32_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)start[i]) * 16777619u;
	hash ^= hash >> 15;
	for (;; hash++) {
		struct word *slot = &table->slots[hash & ((1u << TABLE_BITS) - 1)];

		if (slot->count == 0) {
			if (table->used >= (3u << TABLE_BITS) / 4)
				return false;
			table->used++;
			*slot = (struct word){ start, length, 1 };
			return true;
		}
		if (slot->length == length && memcmp(slot->start, start, length) == 0) {
			slot->count++;
			return true;
		}
	}
}

static __attribute__((noinline)) bool count_words(struct table *table, const struct text *text)
{
	size_t i = 0;

	memset(table->slots, 0, sizeof(*table->slots) << TABLE_BITS);
	table->used = 0;
	while (i < text->size) {
		size_t start = i;

		while (i < text->size && i - start < 255 && is_word((unsigned char)text->data[i]))
			i++;
		if (i == start)
			i++;
		else if (!table_add(table, text->data + start, (uint32_t)(i - start)))
			return false;
	}
	return true;
}

static uint64_t checksum(const char *data, size_t size)
{
	uint64_t a = 1, b = 0; /* Fletcher's two sums, 64 bits wide */

	for (size_t i = 0; i < size; i++) {
		a += (unsigned char)data[i];
		b += a;
	}
	return b * 31 + a;
}

static __attribute__((noinline)) size_t compress_text(ZSTD_CCtx *cctx, const struct text *text,
						      char *packed, size_t capacity)
{
	size_t size;

	ZSTD_CCtx_setParameter(cctx, ZSTD_c_compressionLevel, LEVEL);
	size = ZSTD_compress2(cctx, packed, capacity, text->data, text->size);
	return ZSTD_isError(size) ? 0 : size;
}

static __attribute__((noinline)) bool verify_text(ZSTD_DCtx *dctx, const struct text *text,
						  const char *packed, size_t packed_size,
						  char *unpacked)
{
	size_t size = ZSTD_decompressDCtx(dctx, unpacked, text->size, packed, packed_size);

	return size == text->size && checksum(unpacked, size) == checksum(text->data, size);
}

struct workshop {
	ZSTD_CCtx *cctx;
	ZSTD_DCtx *dctx;
	struct table table;
	char *packed, *unpacked; /* owned */
	size_t packed_capacity, packed_size;
};

static __attribute__((noinline)) bool run_round(struct workshop *w, const struct text *text)
{
	if (!count_words(&w->table, text))
		return false;
	w->packed_size = compress_text(w->cctx, text, w->packed, w->packed_capacity);
	return w->packed_size != 0 &&
	       verify_text(w->dctx, text, w->packed, w->packed_size, w->unpacked);
}

static bool workshop_open(struct workshop *w, const struct text *text)
{
	w->packed_capacity = ZSTD_compressBound(text->size);
	w->packed = malloc(w->packed_capacity);
	w->unpacked = malloc(text->size);
	w->table.slots = calloc(1u << TABLE_BITS, sizeof(*w->table.slots));
	w->cctx = ZSTD_createCCtx();
	w->dctx = ZSTD_createDCtx();
	return w->packed != NULL && w->unpacked != NULL && w->table.slots != NULL &&
	       w->cctx != NULL && w->dctx != NULL;
}

static void workshop_close(struct workshop *w)
{
	ZSTD_freeCCtx(w->cctx);
	ZSTD_freeDCtx(w->dctx);
	free(w->table.slots);
	free(w->packed);
	free(w->unpacked);
}

int main(int argc, char **argv)
{
	struct text text = { 0 };
	struct workshop w = { 0 };
	unsigned long mebibytes = 64, rounds;
	int first = 1, files, status = 1;

	if (argc > 2 && strcmp(argv[1], "-m") == 0) {
		mebibytes = strtoul(argv[2], NULL, 10);
		first = 3;
	}
	files = first < argc ? text_read_paths(&text, argv + first) : 0;
	if (files < 0)
		goto out;
	if (text.size == 0) {
		fprintf(stderr, "usage: demo [-m MIB] PATH...\n");
		status = 2;
		goto out;
	}
	if (!workshop_open(&w, &text))
		goto out;
	rounds = mebibytes * ((1ul << 20) / 1024) / (text.size / 1024 + 1) + 1;
	for (unsigned long i = 0; i < rounds; i++)
		if (!run_round(&w, &text))
			goto out;
	printf("demo: %d files, %zu bytes, %zu different words, packed to %zu bytes, %lu rounds\n",
	       files, text.size, w.table.used, w.packed_size, rounds);
	status = 0;
out:
	workshop_close(&w);
	free(text.data);
	return status;
}
