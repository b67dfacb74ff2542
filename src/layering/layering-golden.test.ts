import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

import { DockerToolsError } from '#errors'

import {
  checkMaxLayers,
  layerAutomatically,
  layerByPipeline,
  layerByPopularity,
  type LayeringNode,
  parseLayeringPipeline,
  popularityOrder,
} from './index.ts'

/** Recorded from upstream; how is told in `golden/README.md` there. */
const golden = new URL('../../../shared/golden/', import.meta.url)
const skip = existsSync(golden) ? false : 'shared folder not there'

interface GoldenCase {
  readonly case: string
  readonly function: string
  readonly layering?: 'popularity' | 'auto' | 'pipeline'
  readonly args: {
    readonly graph: readonly LayeringNode[]
    readonly pipeline: unknown
    readonly layeringPipeline: unknown
    readonly excludePaths: readonly string[] | null
    readonly maxLayers?: number
    readonly includeStorePaths?: boolean
  }
  readonly derived?: {
    readonly closure: readonly string[]
    readonly storeLayers?: readonly (readonly string[])[]
    readonly baseJson: string
    readonly customisationLayer: string
  }
  readonly expect: {
    readonly order: readonly string[]
    readonly layers?: readonly (readonly string[])[]
    readonly results: readonly {
      readonly layerLimit: number
      readonly ignorePaths: readonly string[]
      readonly layers: readonly (readonly number[])[]
    }[]
    readonly images?: readonly { readonly layers: readonly unknown[] }[]
  }
}

function readCases(pattern: string): GoldenCase[] {
  if (skip !== false) return []
  const files = globSync(`visible/${pattern}/case.json`, { cwd: golden }).toSorted()
  return files.map((file) => JSON.parse(readFileSync(new URL(file, golden), 'utf8')) as GoldenCase)
}

test('popularityOrder() orders the recorded graphs as upstream did', { skip }, () => {
  const cases = readCases('popularity-*')
  assert.equal(cases.length, 11)
  for (const { case: name, args, expect } of cases) {
    // Upstream prints an empty line for an empty graph.
    assert.deepEqual(
      popularityOrder(args.graph),
      expect.order.filter((path) => path !== ''),
      name,
    )
  }
})

test('layerAutomatically() groups the recorded graphs as upstream did, for all limits', { skip }, () => {
  const cases = readCases('autolayer-*')
  assert.equal(cases.length, 9)
  for (const { case: name, args, expect } of cases) {
    for (const { layerLimit, ignorePaths, layers } of expect.results) {
      assert.deepEqual(
        layerAutomatically(args.graph, { layerLimit, excludePaths: ignorePaths }),
        layers.map((layer) => layer.map((index) => args.graph[index]?.path)),
        `${name} with limit ${layerLimit}`,
      )
    }
  }
})

test('layerByPipeline() groups the recorded graphs as upstream did, and fails where it fails', { skip }, () => {
  const cases = readCases('pipeline-*')
  assert.equal(cases.length, 17)
  for (const { case: name, args, expect } of cases) {
    const run = (): string[][] =>
      layerByPipeline(args.graph, parseLayeringPipeline(args.pipeline), { excludePaths: args.excludePaths ?? [] })
    if (expect.layers !== undefined) assert.deepEqual(run(), expect.layers, name)
    else assert.throws(run, (error) => error instanceof DockerToolsError && error.code === 'DEFINITION_INVALID', name)
  }
})

test('the store layers of every recorded image are found again from its closure', { skip }, () => {
  const closure = JSON.parse(readFileSync(new URL('closure.json', golden), 'utf8')) as LayeringNode[]
  const nodes = new Map(closure.map((node) => [node.path, node]))
  const cases = readCases('*').filter(
    (item) => item.derived?.storeLayers !== undefined && item.args.includeStorePaths !== false,
  )
  assert.ok(cases.length > 100)
  for (const { case: name, layering, args, derived, expect } of cases) {
    const { closure: paths, storeLayers, baseJson, customisationLayer } = derived!
    const graph = paths.map((path) => nodes.get(path)!)
    const excludePaths = [baseJson, customisationLayer]
    const layersInImage = expect.images?.[0]?.layers.length ?? storeLayers!.length + 1
    const available = checkMaxLayers(args.maxLayers ?? 100, layersInImage - storeLayers!.length - 1)
    const layers =
      layering === 'pipeline'
        ? layerByPipeline(graph, parseLayeringPipeline(args.layeringPipeline), { excludePaths })
        : layering === 'auto'
          ? layerAutomatically(graph, { layerLimit: available, excludePaths })
          : layerByPopularity(graph, { availableLayers: available, excludePaths })
    assert.deepEqual(layers, storeLayers, name)
  }
})
