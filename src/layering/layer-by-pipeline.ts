/*
 * Layering by a pipeline: the definition says in small steps how to cut the graph.
 *
 * INPUT   A reference graph and a list of stages. Of this graph (references
 *         point down), with the pipeline beside it:
 *
 *               app             ["split_paths", ["python"]]
 *              /   \            ["over", "main", ["subcomponent_in", ["python"]]]
 *          conf     libx        ["flatten"]
 *            |       |          ["limit_layers", 3]
 *         python     |
 *          |    \    |
 *        openssl libc
 *
 * METHOD  A value goes through the stages in turn. It is a graph, a list of
 *         values, or named parts, each a value. A stage says what it takes and
 *         what it gives; `map` carries it into a list, `over` into a part.
 *
 * EXAMPLE split_paths:  { main: (openssl, python), common: (libc), rest: (app, conf, libx) }
 *         over main:    { main: { main: (python), rest: (openssl) }, common: …, rest: … }
 *         flatten:      (python) (openssl) (libc) (app, conf, libx)
 *         limit_layers: (python) (openssl) (libc, app, conf, libx)
 *
 * ORDER   The paths of the first graph are ordered by size, smallest first; every
 *         part of it keeps that order. Layers come in the order of the last value.
 *
 * COST    Each stage walks over its graph once, save `popularity_contest`, which
 *         see. Graphs are cut, not shared: memory is a few times the references.
 */
import { compileStages } from './compile-stage.ts'
import { indexGraph } from './indexed-graph.ts'
import type { LayeringNode } from './layering-node.ts'
import type { LayeringPipeline } from './layering-pipeline.ts'
import { parseLayeringPipeline } from './parse-layering-pipeline.ts'
import { flatGraphs, graphValue } from './pipeline-value.ts'

/** How {@link layerByPipeline} groups. */
export interface LayerByPipelineOptions {
  /** Full paths that are taken out of the graph before the pipeline starts. */
  readonly excludePaths: readonly string[]
}

/**
 * Groups paths by a pipeline of stages.
 *
 * The graph that enters has its paths ordered by size, smallest first. What comes
 * out has to be a list or parts, however nested; each graph in it is a layer.
 *
 * @param graph The closure, sorted by path as Nix does: the order decides between paths of equal size.
 * @param pipeline Is checked as by {@link parseLayeringPipeline} before anything runs.
 * @returns Layers of full paths, lowest layer first; none is empty. Paths that
 *   `remove_paths` took out are in none.
 * @throws {DockerToolsError} `DEFINITION_INVALID` if the pipeline is wrong, a stage is given
 *   what it cannot take, a part is not there, or the pipeline ends in a graph;
 *   `STORE_PATH_MISSING` if a reference leads out of the graph,
 *   `FORMAT_INVALID` if a path is there twice.
 * @see nixpkgs `pkgs/build-support/flatten-references-graph`
 * @remarks Differs from nixpkgs: `limit_layers` refuses to make one layer of
 *   elements that are lists, which upstream leaves lists.
 *
 * @example Give `app` and what only it uses a layer, then the most used others one each
 * layerByPipeline(
 *   graph,
 *   [['split_paths', [app]], ['over', 'rest', ['popularity_contest']], ['flatten'], ['limit_layers', 20]],
 *   { excludePaths: [] },
 * )
 */
export function layerByPipeline(
  graph: readonly LayeringNode[],
  pipeline: LayeringPipeline,
  { excludePaths }: LayerByPipelineOptions,
): string[][] {
  const excluded = new Set(excludePaths)
  const included = graph
    .filter((node) => !excluded.has(node.path))
    .map((node) => ({ ...node, references: node.references.filter((reference) => !excluded.has(reference)) }))
    .toSorted((a, b) => a.narSize - b.narSize)
  const run = compileStages(parseLayeringPipeline(pipeline), 'layeringPipeline')
  return flatGraphs(run(graphValue(indexGraph(included))), 'the end of the pipeline')
    .map((layer) => [...layer.paths])
    .filter((layer) => layer.length > 0)
}
