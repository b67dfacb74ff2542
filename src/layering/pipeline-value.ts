import { DockerToolsError } from '#errors'

import type { IndexedGraph } from './indexed-graph.ts'

/** What flows from stage to stage of a pipeline. */
export type PipelineValue =
  | { readonly kind: 'graph'; readonly graph: IndexedGraph }
  | { readonly kind: 'list'; readonly items: readonly PipelineValue[] }
  | { readonly kind: 'parts'; readonly parts: ReadonlyMap<string, PipelineValue> }

const KIND_NAMES: Readonly<Record<PipelineValue['kind'], string>> = {
  graph: 'a graph',
  list: 'a list',
  parts: 'named parts',
}

const KIND_HINTS: Readonly<Record<PipelineValue['kind'], string>> = {
  graph: 'Make a list of a graph first, for example with "popularity_contest" or "split_every"',
  list: 'Apply a stage to each element of a list with "map"',
  parts: 'Apply a stage to one part with "over", or make a list of all parts with "flatten"',
}

export function graphValue(graph: IndexedGraph): PipelineValue {
  return { kind: 'graph', graph }
}

export function listValue(graphs: readonly IndexedGraph[]): PipelineValue {
  return { kind: 'list', items: graphs.map(graphValue) }
}

export function partsValue(parts: Iterable<readonly [string, IndexedGraph]>): PipelineValue {
  return { kind: 'parts', parts: new Map(Array.from(parts, ([name, graph]) => [name, graphValue(graph)])) }
}

/**
 * The graphs in a list or in parts, however deep, in order.
 *
 * @param at Who asks, for the message.
 * @throws {DockerToolsError} `DEFINITION_INVALID` if `value` is itself a graph.
 */
export function flatGraphs(value: PipelineValue, at: string): IndexedGraph[] {
  if (value.kind === 'graph') throw wrongInput(at, value, 'a list or named parts')
  const graphs: IndexedGraph[] = []
  const collect = (inner: PipelineValue): void => {
    if (inner.kind === 'graph') graphs.push(inner.graph)
    else for (const item of inner.kind === 'list' ? inner.items : inner.parts.values()) collect(item)
  }
  collect(value)
  return graphs
}

/** The error for a stage that is given a value it cannot work on. */
export function wrongInput(at: string, value: PipelineValue, wanted: string): DockerToolsError {
  return new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot run layering pipeline: ${at} is given ${KIND_NAMES[value.kind]}, it should be given ${wanted}`,
    { hint: KIND_HINTS[value.kind] },
  )
}
