/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TEST-SOURCES: tools/graph.c tools/reference.c */
/*
 * graph_test.c - any file becomes a graph: edge lists as such, all else by hash.
 */
#include "test/unit/cmocka_compat.h"

#include <stdlib.h>
#include <string.h>

#include "tools/graph.h"
#include "tools/reference.h"

/* From an exact buffer, so that a sanitizer sees a read beyond it. */
static void build(const void *bytes, size_t count, struct ferry_graph *out)
{
	uint8_t *copy = malloc(count);

	assert_non_null(copy);
	memcpy(copy, bytes, count);
	assert_int_equal(ferry_graph_build(copy, count, out), 0);
	free(copy);
}

static void build_text(const char *text, struct ferry_graph *out)
{
	build(text, strlen(text), out);
}

static bool has_edge(const struct ferry_graph *g, uint32_t a, uint32_t b)
{
	for (uint64_t e = g->first[a]; e < g->first[a + 1]; e++) {
		if (g->to[e] == b)
			return true;
	}
	return false;
}

/* Offsets never fall and end at edges; targets exist; every edge has its opposite. */
static void check(const struct ferry_graph *g)
{
	uint64_t sum[2] = {0, 0};

	assert_uint_equal(g->first[0], 0);
	assert_uint_equal(g->first[g->vertices], g->edges);
	assert_true(g->source < g->vertices);
	for (uint64_t v = 0; v < g->vertices; v++) {
		assert_true(g->first[v] <= g->first[v + 1]);
		for (uint64_t e = g->first[v]; e < g->first[v + 1]; e++) {
			assert_true(g->to[e] < g->vertices);
			sum[0] += ferry_reference_mix(v) * ferry_reference_mix(~(uint64_t)g->to[e]);
			sum[1] += ferry_reference_mix(g->to[e]) * ferry_reference_mix(~v);
		}
	}
	assert_uint_equal(sum[0], sum[1]);
}

/*
 * Goal: an edge list is read as written, in both directions. Method: a small one, with everything that is allowed.
 */
static void an_edge_list_is_read(void **unused)
{
	struct ferry_graph g;

	(void)unused;
	build_text("# comment\n\n  0 1\r\n1\t2 0.5 x\n% more\n3,1", &g);
	check(&g);
	assert_true(g.is_text);
	assert_uint_equal(g.vertices, 4);
	assert_uint_equal(g.edges, 6);
	assert_uint_equal(g.source, 0);
	assert_true(has_edge(&g, 0, 1) && has_edge(&g, 1, 0) && has_edge(&g, 2, 1) && has_edge(&g, 1, 3));
	assert_false(has_edge(&g, 0, 2) || has_edge(&g, 2, 3));
	ferry_graph_free(&g);
	assert_null(g.first);
}

/*
 * Goal: sparse vertex numbers cost no memory. Method: numbers up to 2^64 - 1 are renumbered in order.
 */
static void sparse_numbers_are_renumbered(void **unused)
{
	struct ferry_graph g;

	(void)unused;
	build_text("18446744073709551615 7000000000\n5 7000000000\n", &g);
	check(&g);
	assert_true(g.is_text);
	assert_uint_equal(g.vertices, 3);
	assert_uint_equal(g.source, 2);
	assert_true(has_edge(&g, 0, 1) && has_edge(&g, 2, 1));
	ferry_graph_free(&g);
}

/*
 * Goal: what is not quite an edge list is taken as bytes, never as half a list. Method: one defect each.
 */
static void nearly_an_edge_list_is_not_one(void **unused)
{
	static const char *const texts[] = {
		"1 2\n3\n",
		"1 2\nx y\n",
		"1\n",
		"# only a comment\n",
		"1 2x\n",
		"-1 2\n",
		"18446744073709551616 1\n",
		"1 2\n\001\n",
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct ferry_graph g;
		uint64_t vertices, edges;

		build_text(texts[i], &g);
		check(&g);
		ferry_graph_binary_shape(strlen(texts[i]), &vertices, &edges);
		assert_false(g.is_text);
		assert_uint_equal(g.vertices, vertices);
		assert_uint_equal(g.edges, edges);
		ferry_graph_free(&g);
	}
}

/*
 * Goal: bytes of any number make a graph of the announced shape. Method: sizes from 1; random bytes and zeros.
 */
static void any_bytes_make_a_graph(void **unused)
{
	uint8_t bytes[999];

	(void)unused;
	for (int zero = 0; zero < 2; zero++) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = zero ? 0 : (uint8_t)ferry_reference_mix(i);
		for (size_t n = 1; n <= sizeof(bytes); n += n < 20 ? 1 : 97) {
			struct ferry_graph g;
			uint64_t vertices, edges;

			build(bytes, n, &g);
			check(&g);
			ferry_graph_binary_shape(n, &vertices, &edges);
			assert_uint_equal(g.vertices, vertices);
			assert_uint_equal(g.edges, edges);
			ferry_graph_free(&g);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_edge_list_is_read),
		cmocka_unit_test(sparse_numbers_are_renumbered),
		cmocka_unit_test(nearly_an_edge_list_is_not_one),
		cmocka_unit_test(any_bytes_make_a_graph),
	};

	return cmocka_run_group_tests_name("programs/graph", tests, NULL, NULL);
}
