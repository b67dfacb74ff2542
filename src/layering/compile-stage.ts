import { DockerToolsError } from '#errors'
import { unreachable } from '#util'

import { type IndexedGraph, reachableFrom, reverseGraph } from './indexed-graph.ts'
import type { LayeringPipeline, LayeringStage } from './layering-pipeline.ts'
import { rankByPopularity } from './popularity-order.ts'
import { flatGraphs, graphValue, listValue, partsValue, type PipelineValue, wrongInput } from './pipeline-value.ts'
import { splitPaths } from './split-paths.ts'
import { joinGraphs, nodesNamed, nodesWhere, singleGraph, subGraph } from './sub-graph.ts'

/** A stage that is ready to run. */
export type CompiledStage = (value: PipelineValue) => PipelineValue

/**
 * Makes one function of several stages.
 *
 * @param where Where the stages stand in the definition, for messages.
 */
export function compileStages(stages: LayeringPipeline, where: string): CompiledStage {
  const compiled = stages.map((stage, index) => compileStage(stage, `${where}[${index}]`))
  return (value) => compiled.reduce((current, stage) => stage(current), value)
}

/** Makes a function of one stage. It throws `DEFINITION_INVALID` if it is given what the stage cannot take. */
function compileStage(stage: LayeringStage, where: string): CompiledStage {
  const at = `${where} "${stage[0]}"`
  switch (stage[0]) {
    case 'popularity_contest':
      return onGraph(at, (graph) => listValue(rankByPopularity(graph).map((node) => singleGraph(graph.paths[node]!))))
    case 'split_every':
      return onGraph(at, (graph) => listValue(splitEvery(graph, stage[1])))
    case 'limit_layers':
      return onList(at, (items) => limitLayers(items, stage[1], at))
    case 'remove_paths': {
      const removed = new Set(typeof stage[1] === 'string' ? [stage[1]] : stage[1])
      return onGraph(at, (graph) => {
        const left = nodesWhere(graph, (node) => !removed.has(graph.paths[node]!))
        return graphValue(subGraph(graph, left))
      })
    }
    case 'reverse':
      return onList(at, (items) => items.toReversed())
    case 'flatten':
      return (value) => listValue(flatGraphs(value, at))
    case 'over':
      return onPart(stage[1], compileStage(stage[2], `${where}[2]`), at)
    case 'pipe':
      return compileStages(stage[1], `${where}[1]`)
    case 'map': {
      const each = compileStage(stage[1], `${where}[1]`)
      return onList(at, (items) => items.map(each))
    }
    case 'subcomponent_out':
    case 'subcomponent_in': {
      const starts = new Set(stage[1])
      const direction = stage[0] === 'subcomponent_out' ? 'out' : 'in'
      return onGraph(at, (graph) => subcomponent(graph, starts, direction))
    }
    case 'split_paths': {
      const split = splitPaths(stage[1])
      return onGraph(at, (graph) => partsValue(split(graph)))
    }
    default:
      return unreachable(stage)
  }
}

function onGraph(at: string, run: (graph: IndexedGraph) => PipelineValue): CompiledStage {
  return (value) => {
    if (value.kind !== 'graph') throw wrongInput(at, value, 'a graph')
    return run(value.graph)
  }
}

function onList(at: string, run: (items: readonly PipelineValue[]) => readonly PipelineValue[]): CompiledStage {
  return (value) => {
    if (value.kind !== 'list') throw wrongInput(at, value, 'a list')
    return { kind: 'list', items: run(value.items) }
  }
}

function onPart(name: string, stage: CompiledStage, at: string): CompiledStage {
  return (value) => {
    if (value.kind !== 'parts') throw wrongInput(at, value, 'named parts')
    const part = value.parts.get(name)
    if (part === undefined) throw missingPart(at, name, value.parts.keys())
    return { kind: 'parts', parts: new Map(value.parts).set(name, stage(part)) }
  }
}

function splitEvery(graph: IndexedGraph, count: number): IndexedGraph[] {
  const graphs: IndexedGraph[] = []
  for (let first = 0; first < graph.paths.length; first += count) {
    const end = Math.min(first + count, graph.paths.length)
    const nodes = Array.from({ length: end - first }, (_, index) => first + index)
    graphs.push(subGraph(graph, nodes))
  }
  return graphs
}

function limitLayers(items: readonly PipelineValue[], count: number, at: string): PipelineValue[] {
  const kept = items.slice(0, count - 1)
  const rest = items.slice(count - 1)
  if (rest.length === 1) return [...kept, ...rest]
  const graphs = rest.map((item) => {
    if (item.kind === 'graph') return item.graph
    throw wrongInput(at, item, 'a list of graphs, as it makes one of several')
  })
  return [...kept, graphValue(joinGraphs(graphs))]
}

function subcomponent(graph: IndexedGraph, starts: ReadonlySet<string>, direction: 'out' | 'in'): PipelineValue {
  const reached = reachableFrom(direction === 'out' ? graph : reverseGraph(graph), nodesNamed(graph, starts))
  const part = (inside: number): IndexedGraph => {
    const nodes = nodesWhere(graph, (node) => reached[node] === inside)
    return subGraph(graph, nodes)
  }
  return partsValue([
    ['main', part(1)],
    ['rest', part(0)],
  ])
}

function missingPart(at: string, name: string, known: Iterable<string>): DockerToolsError {
  const names = [...known].map((part) => JSON.stringify(part)).join(', ')
  return new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot run layering pipeline: ${at} asks for the part ${JSON.stringify(name)}, it should be one of ${names}`,
    { hint: 'A part that would have no paths is left out by "split_paths"' },
  )
}
