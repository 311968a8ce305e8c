/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * graph.h - any file as an undirected graph, in CSR form.
 *
 *     text    "7 12\n12 3\n# comment\n"        one edge a line: two vertex numbers; further columns are ignored
 *     else    | u32 | u32 | u32 | u32 | ...    each 8 bytes are an edge, vertices by hash: DEGREE edges a vertex
 *
 *     first   [0 2 3 ...]      edges of vertex v: to[first[v]] .. to[first[v + 1] - 1]
 *     to      [1 2  0 ...]     every edge is there in both directions
 *
 * Text is what has an edge in every line that is neither empty nor a comment (#, %), and at least one. Vertex numbers
 * are any 64-bit numbers: if they are sparse, they are renumbered in ascending order.
 * Context: a process; no locks.
 */
#ifndef FERRY_TOOLS_GRAPH_H
#define FERRY_TOOLS_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#define FERRY_GRAPH_DEGREE 8u /* edges for each vertex of a graph that is not text */

struct ferry_graph {
	uint64_t vertices; /* >= 1, below 2^32 */
	uint64_t edges;    /* in to[]: two for each of the file */
	uint64_t *first;   /* vertices + 1 */
	uint32_t *to;      /* edges */
	uint32_t source;   /* a vertex of the first edge */
	int is_text;
};

/* bytes >= 1. 0, FERRY_E_NOMEM, FERRY_E_UNSUPPORTED (2^32 vertices or more). out is written on success only. */
int ferry_graph_build(const uint8_t *input, size_t bytes, struct ferry_graph *out);
void ferry_graph_free(struct ferry_graph *graph);

/* vertices and edges[] of the graph of an input of this size that is not text. */
void ferry_graph_binary_shape(uint64_t bytes, uint64_t *vertices, uint64_t *edges);

#endif /* FERRY_TOOLS_GRAPH_H */
