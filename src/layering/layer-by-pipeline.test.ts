import assert from 'node:assert/strict'
import { test } from 'node:test'

import { layerByPipeline, type LayeringNode, type LayeringPipeline } from './index.ts'

/** A graph from lines such as `app 50: web log`. */
function graphOf(...lines: readonly string[]): LayeringNode[] {
  return lines.map((line) => {
    const [path, size, ...references] = line.split(/:? /)
    return { path: path!, references, narSize: Number(size) }
  })
}

const DRAWN = graphOf(
  'app 3: conf libx',
  'conf 4: python',
  'libc 7',
  'libx 5: libc',
  'openssl 1',
  'python 2: libc openssl',
)

function layersOf(graph: readonly LayeringNode[], pipeline: LayeringPipeline, ...exclude: readonly string[]): string[] {
  return layerByPipeline(graph, pipeline, { excludePaths: exclude }).map((layer) => layer.join(' '))
}

test('layerByPipeline() cuts the drawn example as the comment says', () => {
  const pipeline = [
    ['split_paths', ['python']],
    ['over', 'main', ['subcomponent_in', ['python']]],
    ['flatten'],
    ['limit_layers', 3],
  ] as const
  assert.deepEqual(layersOf(DRAWN, pipeline.slice(0, 1)), ['openssl python', 'libc', 'app conf libx'])
  assert.deepEqual(layersOf(DRAWN, pipeline.slice(0, 3)), ['python', 'openssl', 'libc', 'app conf libx'])
  assert.deepEqual(layersOf(DRAWN, pipeline), ['python', 'openssl', 'libc app conf libx'])
})

test('layerByPipeline() orders by size, equals as in the graph', () => {
  const graph = graphOf('a 2', 'b 1', 'c 2', 'd 0')
  assert.deepEqual(layersOf(graph, [['split_every', 1]]), ['d', 'b', 'a', 'c'])
  assert.deepEqual(layersOf(graph, [['split_every', 3], ['reverse']]), ['c', 'd b a'])
})

test('layerByPipeline() drops layers without paths, and all of an empty graph', () => {
  assert.deepEqual(
    layersOf(DRAWN, [
      ['split_every', 2],
      ['limit_layers', 9],
    ]),
    ['openssl python', 'app conf', 'libx libc'],
  )
  assert.deepEqual(layersOf(DRAWN, [['subcomponent_out', ['unknown']]]), ['openssl python app conf libx libc'])
  assert.deepEqual(layersOf([], [['popularity_contest'], ['limit_layers', 2]]), [])
  assert.deepEqual(layersOf([], [['split_paths', ['a']]]), [])
})

test('layerByPipeline() takes excluded paths out before anything else', () => {
  assert.deepEqual(layersOf(DRAWN, [['subcomponent_out', ['app']]], 'python'), ['app conf libx libc', 'openssl'])
})

test('remove_paths takes one path or several and ignores unknown ones', () => {
  const rest = [['popularity_contest'], ['limit_layers', 1]] as const
  assert.deepEqual(layersOf(DRAWN, [['remove_paths', 'libc'], ...rest])[0]?.includes('libc'), false)
  assert.deepEqual(
    layersOf(DRAWN, [
      ['remove_paths', ['conf', 'libx', 'unknown']],
      ['split_every', 9],
    ]),
    ['openssl python app libc'],
  )
})

function parts(spec: string): string[] {
  return layersOf(DRAWN, [
    ['split_paths', [spec]],
    ['over', 'rest', ['split_every', 9]],
  ])
}

test('split_paths leaves parts without paths out, and a graph whole that nothing matches', () => {
  assert.deepEqual(parts('unknown'), ['openssl python app conf libx libc'])
  assert.throws(() => parts('app'), {
    code: 'DEFINITION_INVALID',
    message:
      'Cannot run layering pipeline: layeringPipeline[1] "over" asks for the part "rest", it should be one of "main"',
  })
})

test('split_paths splits what lies directly under a path with children_of', () => {
  assert.deepEqual(layersOf(DRAWN, [['split_paths', [{ children_of: 'conf' }]]]), [
    'openssl python',
    'libc',
    'app conf libx',
  ])
  assert.deepEqual(layersOf(DRAWN, [['split_paths', [{ children_of: ['python', 'libx'] }]]]), [
    'openssl libc',
    'python app conf libx',
  ])
})

test('split_paths gives parts without the references to the paths it split off', () => {
  // Left in, the reference from a to b would make b more popular than a.
  const graph = graphOf('app 1: a b', 'a 1: b', 'b 1: c', 'c 1')
  const pipeline = [
    ['split_paths', ['a', 'b']],
    ['over', 'main', ['popularity_contest']],
  ] as const
  assert.deepEqual(layersOf(graph, pipeline), ['c', 'a', 'b', 'app'])
})

test('limit_layers keeps the references within each graph that it merges', () => {
  const graph = graphOf('a 1: b', 'b 2: c', 'c 3: d', 'd 4')
  const pipeline = [
    ['split_every', 2],
    ['limit_layers', 1],
    ['map', ['popularity_contest']],
  ] as const
  assert.deepEqual(layersOf(graph, pipeline), ['b', 'd', 'a', 'c'])
})

test('limit_layers leaves a list as it is where there is nothing to merge it with', () => {
  const graph = graphOf('a 1', 'b 2', 'c 3', 'd 4')
  const pipeline = [
    ['split_every', 2],
    ['map', ['split_every', 1]],
    ['limit_layers', 2],
  ] as const
  assert.deepEqual(layersOf(graph, pipeline), ['a', 'b', 'c', 'd'])
})

const misfits: readonly (readonly [LayeringPipeline, string])[] = [
  [[], 'the end of the pipeline is given a graph, it should be given a list or named parts'],
  [[['remove_paths', []]], 'the end of the pipeline is given a graph, it should be given a list or named parts'],
  [[['reverse']], 'layeringPipeline[0] "reverse" is given a graph, it should be given a list'],
  [[['flatten']], 'layeringPipeline[0] "flatten" is given a graph, it should be given a list or named parts'],
  [
    [['split_every', 2], ['popularity_contest']],
    'layeringPipeline[1] "popularity_contest" is given a list, it should be given a graph',
  ],
  [
    [
      ['split_paths', ['python']],
      ['pipe', [['limit_layers', 2]]],
    ],
    'layeringPipeline[1][1][0] "limit_layers" is given named parts, it should be given a list',
  ],
  [
    [
      ['split_every', 2],
      ['map', ['over', 'main', ['flatten']]],
    ],
    'layeringPipeline[1][1] "over" is given a graph, it should be given named parts',
  ],
  [
    [
      ['split_every', 2],
      ['map', ['split_every', 1]],
      ['limit_layers', 2],
    ],
    'layeringPipeline[2] "limit_layers" is given a list, it should be given a list of graphs, as it makes one of several',
  ],
]

for (const [pipeline, problem] of misfits) {
  test(`layerByPipeline() says of ${JSON.stringify(pipeline)} what does not fit`, () => {
    assert.throws(() => layersOf(DRAWN, pipeline), {
      code: 'DEFINITION_INVALID',
      message: `Cannot run layering pipeline: ${problem}`,
    })
  })
}

test('layerByPipeline() checks the pipeline and the graph before it runs', () => {
  assert.throws(() => layersOf(DRAWN, [['split_every', 0]]), { code: 'DEFINITION_INVALID' })
  assert.throws(() => layersOf(graphOf('app 1: gone'), [['split_every', 1]]), { code: 'STORE_PATH_MISSING' })
})

test('layerByPipeline() makes 20,000 layers of 20,000 paths', () => {
  const size = 20_000
  const graph = graphOf(...Array.from({ length: size }, (_, index) => `p${index} 1: p${Math.min(index + 1, size - 1)}`))
  assert.equal(layersOf(graph, [['popularity_contest'], ['map', ['remove_paths', 'p0']], ['reverse']]).length, size - 1)
})
