/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * graph.c - see graph.h.
 */
#include "tools/graph.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ferry/error.h"
#include "tools/reference.h"

struct edge {
	uint64_t a, b;
};

struct edges {
	struct edge *edge;
	uint64_t count, room;
};

static int edge_add(struct edges *e, uint64_t a, uint64_t b)
{
	if (e->count == e->room) {
		uint64_t room = e->room ? e->room * 2 : 1024;
		struct edge *more = realloc(e->edge, room * sizeof(*more));

		if (!more)
			return FERRY_E_NOMEM;
		e->edge = more;
		e->room = room;
	}
	e->edge[e->count++] = (struct edge){a, b};
	return 0;
}

/* ---- text -------------------------------------------------------------------------------------------------- */

struct text {
	const uint8_t *at, *end;
};

static bool blank(const struct text *t)
{
	return t->at < t->end && (*t->at == ' ' || *t->at == '\t' || *t->at == '\r' || *t->at == ',');
}

static bool number(struct text *t, uint64_t *out)
{
	const uint8_t *start;
	uint64_t value = 0;

	while (blank(t))
		t->at++;
	for (start = t->at; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++) {
		uint64_t digit = *t->at - '0';

		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	return t->at > start;
}

/* The rest of the line may be anything printable. */
static bool line_end(struct text *t)
{
	for (; t->at < t->end && *t->at != '\n'; t->at++) {
		if ((*t->at < ' ' && *t->at != '\t' && *t->at != '\r') || *t->at == 0x7f)
			return false;
	}
	if (t->at < t->end)
		t->at++;
	return true;
}

/* *is_text: every line is an edge, empty or a comment, and there is an edge. */
static int text_read(const uint8_t *input, size_t bytes, struct edges *out, bool *is_text)
{
	struct text t = {input, input + bytes};

	*is_text = false;
	while (t.at < t.end) {
		uint64_t a, b;
		bool is_edge;
		int err;

		while (blank(&t))
			t.at++;
		is_edge = t.at < t.end && *t.at != '\n' && *t.at != '#' && *t.at != '%';
		if (is_edge) {
			if (!number(&t, &a) || !blank(&t) || !number(&t, &b))
				return 0;
			/* "1 2abc" is no edge */
			if (t.at < t.end && *t.at != '\n' && !blank(&t))
				return 0;
			err = edge_add(out, a, b);
			if (err)
				return err;
		}
		if (!line_end(&t))
			return 0;
	}
	*is_text = out->count > 0;
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t rank(const uint64_t *names, uint64_t count, uint64_t name)
{
	uint64_t low = 0, high = count - 1;

	while (low < high) {
		uint64_t middle = (low + high) / 2;

		if (names[middle] < name)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Give sparse vertex numbers new ones, 0, 1, 2, ... */
static int renumber(struct edges *e, uint64_t *vertices)
{
	uint64_t *names = malloc(e->count * 2 * sizeof(*names)), count = 0;

	if (!names)
		return FERRY_E_NOMEM;
	for (uint64_t i = 0; i < e->count; i++) {
		names[2 * i] = e->edge[i].a;
		names[2 * i + 1] = e->edge[i].b;
	}
	qsort(names, e->count * 2, sizeof(*names), compare);
	for (uint64_t i = 0; i < e->count * 2; i++) {
		if (!i || names[i] != names[i - 1])
			names[count++] = names[i];
	}
	for (uint64_t i = 0; i < e->count; i++) {
		e->edge[i].a = rank(names, count, e->edge[i].a);
		e->edge[i].b = rank(names, count, e->edge[i].b);
	}
	*vertices = count;
	free(names);
	return 0;
}

static int text_vertices(struct edges *e, uint64_t *vertices)
{
	uint64_t last = 0;

	for (uint64_t i = 0; i < e->count; i++) {
		last = e->edge[i].a > last ? e->edge[i].a : last;
		last = e->edge[i].b > last ? e->edge[i].b : last;
	}
	if (last / 4 > e->count)
		return renumber(e, vertices);
	*vertices = last + 1;
	return 0;
}

/* ---- anything else ------------------------------------------------------------------------------------------ */

void ferry_graph_binary_shape(uint64_t bytes, uint64_t *vertices, uint64_t *edges)
{
	uint64_t count = bytes / 8 + (bytes % 8 ? 1 : 0);

	*vertices = count / FERRY_GRAPH_DEGREE + 1;
	*edges = 2 * count;
}

static int binary_read(const uint8_t *input, size_t bytes, struct edges *out, uint64_t *vertices)
{
	uint64_t edges;

	ferry_graph_binary_shape(bytes, vertices, &edges);
	for (size_t at = 0; at < bytes; at += 8) {
		uint32_t word[2] = {0, 0};
		int err;

		memcpy(word, input + at, bytes - at < 8 ? bytes - at : 8);
		/* The second is salted, so that equal words are not a loop. */
		err = edge_add(out, ferry_reference_mix(word[0]) % *vertices,
		               ferry_reference_mix(word[1] + (1ull << 32)) % *vertices);
		if (err)
			return err;
	}
	return 0;
}

/* ---- CSR ----------------------------------------------------------------------------------------------------- */

static int csr_build(const struct edges *e, uint64_t vertices, struct ferry_graph *g)
{
	uint64_t *first = calloc(vertices + 2, sizeof(*first));
	uint32_t *to = malloc(e->count * 2 * sizeof(*to));

	if (!first || !to) {
		free(first);
		free(to);
		return FERRY_E_NOMEM;
	}
	/* Shifted by two: counted in [v + 2], summed to the start in [v + 1], filled up to the end in [v + 1]. */
	for (uint64_t i = 0; i < e->count; i++) {
		first[e->edge[i].a + 2]++;
		first[e->edge[i].b + 2]++;
	}
	for (uint64_t v = 1; v < vertices + 2; v++)
		first[v] += first[v - 1];
	for (uint64_t i = 0; i < e->count; i++) {
		to[first[e->edge[i].a + 1]++] = (uint32_t)e->edge[i].b;
		to[first[e->edge[i].b + 1]++] = (uint32_t)e->edge[i].a;
	}
	g->vertices = vertices;
	g->edges = e->count * 2;
	g->first = first;
	g->to = to;
	g->source = (uint32_t)e->edge[0].a;
	return 0;
}

int ferry_graph_build(const uint8_t *input, size_t bytes, struct ferry_graph *out)
{
	struct ferry_graph g = {0};
	struct edges e = {0};
	uint64_t vertices = 0;
	bool is_text;
	int err = text_read(input, bytes, &e, &is_text);

	if (!err && is_text)
		err = text_vertices(&e, &vertices);
	if (!err && !is_text) {
		e.count = 0;
		err = binary_read(input, bytes, &e, &vertices);
	}
	if (!err && vertices > UINT32_MAX)
		err = FERRY_E_UNSUPPORTED;
	if (!err)
		err = csr_build(&e, vertices, &g);
	free(e.edge);
	if (err)
		return err;
	g.is_text = is_text;
	*out = g;
	return 0;
}

void ferry_graph_free(struct ferry_graph *g)
{
	free(g->first);
	free(g->to);
	memset(g, 0, sizeof(*g));
}
