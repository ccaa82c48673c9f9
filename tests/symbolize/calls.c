/* SPDX-License-Identifier: MIT */
/*
 * calls - C: inlined functions several deep, static ones of the same name as another file's, parts that
 * the compiler splits off and clones (.part, .constprop, .cold), a nested block's calls. Compiled to be
 * looked up (compare.py); linked alone, or beside templates.cpp, whose main it then leaves alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
	struct node *left, *right;
	int key;
	char text[24];
};

static inline int compare(int a, int b)
{
	return (a > b) - (a < b);
}

static inline struct node *make(int key)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n) {
		perror("calloc");
		abort();
	}
	n->key = key;
	snprintf(n->text, sizeof(n->text), "%d", key);
	return n;
}

static struct node *insert(struct node *n, int key, int depth)
{
	if (!n)
		return make(key);
	if (depth > 1000) {
		fprintf(stderr, "too deep at %d\n", key);
		exit(1);
	}
	switch (compare(key, n->key)) {
	case -1:
		n->left = insert(n->left, key, depth + 1);
		break;
	case 1:
		n->right = insert(n->right, key, depth + 1);
		break;
	}
	return n;
}

static inline unsigned rotate(unsigned x, int by)
{
	return x << by | x >> (32 - by);
}

static inline unsigned mix(unsigned h, unsigned v)
{
	return rotate(h ^ v * 0xcc9e2d51u, 13) * 5 + 0xe6546b64u;
}

static unsigned hash(const struct node *n, unsigned h)
{
	for (; n; n = n->right) {
		size_t length = strlen(n->text);

		for (size_t i = 0; i < length; i++)
			h = mix(h, (unsigned char)n->text[i]);
		h = hash(n->left, h);
	}
	return h;
}

static void release(struct node *n)
{
	if (!n)
		return;
	release(n->left);
	release(n->right);
	free(n);
}

__attribute__((noinline)) unsigned calls_run(int n)
{
	struct node *root = NULL;
	unsigned h;

	for (int i = 0; i < n; i++)
		root = insert(root, i * 7919 % 1009, 0);
	h = hash(root, 17);
	release(root);
	return h;
}

__attribute__((weak)) int main(int argc, char **argv)
{
	(void)argv;
	printf("%u\n", calls_run(100 * argc));
	return 0;
}
