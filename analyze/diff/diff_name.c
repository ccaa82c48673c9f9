/* SPDX-License-Identifier: MIT */
#include "analyze/diff/diff_name.h"

#include <string.h>

#define RUST_HASH_DIGITS 16

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The suffixes that gcc and LLVM give to clones; with a number behind them, or perhaps. */
static const struct {
	const char *text;
	bool bare; /* also without a number */
} clones[] = {
	{ ".part", false },  { ".isra", false },      { ".constprop", false },
	{ ".cold", true },   { ".llvm", false },      { ".lto_priv", false },
	{ ".clone", false }, { ".localalias", true },
};

/* The length of `name` without a last "….N" of a clone; `n` where it has none. */
static size_t without_clone(const char *name, size_t n)
{
	size_t end = n, digits;

	while (end > 0 && digit(name[end - 1]))
		end--;
	digits = n - end;
	if (digits && end > 0 && name[end - 1] == '.')
		end--;
	else if (digits)
		return n;
	for (size_t i = 0; i < sizeof(clones) / sizeof(clones[0]); i++) {
		size_t length = strlen(clones[i].text);

		if (end > length && !memcmp(name + end - length, clones[i].text, length) &&
		    (digits || clones[i].bare))
			return end - length;
	}
	return n;
}

/* … without a last " [clone .isra.0]". */
static size_t without_bracket(const char *name, size_t n)
{
	static const char opening[] = " [clone .";

	if (!n || name[n - 1] != ']')
		return n;
	for (size_t i = n - 1; i > 0; i--)
		if (name[i] == '[')
			return n - i >= sizeof(opening) - 1 && i > 1 &&
					       !memcmp(name + i - 1, opening, sizeof(opening) - 1)
				       ? i - 1
				       : n;
	return n;
}

/* … without a last "::h0123456789abcdef". */
static size_t without_hash(const char *name, size_t n)
{
	size_t length = RUST_HASH_DIGITS + 3;

	if (n <= length || memcmp(name + n - length, "::h", 3))
		return n;
	for (size_t i = n - RUST_HASH_DIGITS; i < n; i++)
		if (!digit(name[i]) && !(name[i] >= 'a' && name[i] <= 'f'))
			return n;
	return n - length;
}

void diff_name_normalise(struct ruchy_buf *out, const char *name)
{
	size_t n = strlen(name), before;

	do {
		before = n;
		n = without_clone(name, without_bracket(name, n));
	} while (n < before);
	n = without_hash(name, n);
	out->size = 0;
	ruchy_buf_put(out, name, n);
	ruchy_buf_put(out, "", 1);
	if (!out->failed)
		out->size--;
}

/* Does a '<' at `at` begin arguments? It stands right behind a name, and closes again. Returns the
 * place of the '>' that ends them, 0: they are none. */
static size_t arguments_end(const char *name, size_t at)
{
	size_t depth = 0;
	bool behind_name = at > 0 && (strchr("_:}>", name[at - 1]) || digit(name[at - 1]) ||
				      ((name[at - 1] | 32) >= 'a' && (name[at - 1] | 32) <= 'z') ||
				      (unsigned char)name[at - 1] >= 0x80);

	if (!behind_name || (at >= 8 && !memcmp(name + at - 8, "operator", 8)))
		return 0;
	for (size_t i = at; name[i]; i++) {
		if (name[i] == '<')
			depth++;
		else if (name[i] == '>' && name[i - 1] != '-' && --depth == 0)
			return i;
	}
	return 0;
}

bool diff_name_generic(struct ruchy_buf *out, const char *name)
{
	bool removed = false;

	out->size = 0;
	for (size_t i = 0; name[i]; i++) {
		size_t end = name[i] == '<' ? arguments_end(name, i) : 0;

		ruchy_buf_put(out, name + i, 1);
		if (!end)
			continue;
		removed |= end > i + 1;
		i = end - 1; /* the '>' comes next */
	}
	ruchy_buf_put(out, "", 1);
	if (!out->failed)
		out->size--;
	return removed && !out->failed;
}
