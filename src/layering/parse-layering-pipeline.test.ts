import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { DockerToolsError } from '#errors'

import { parseLayeringPipeline } from './index.ts'

test('parseLayeringPipeline() gives back every stage there is', () => {
  const pipeline = [
    ['popularity_contest'],
    ['split_every', 3],
    ['limit_layers', 1],
    ['remove_paths', '/a'],
    ['remove_paths', ['/a', '/b']],
    ['reverse'],
    ['flatten'],
    ['over', 'main', ['pipe', [['reverse'], ['map', ['flatten']]]]],
    ['subcomponent_out', ['/a']],
    ['subcomponent_in', []],
    ['split_paths', ['/a', { children_of: '/b' }, { children_of: ['/c'] }]],
  ]
  assert.deepEqual(parseLayeringPipeline(JSON.parse(JSON.stringify(pipeline))), pipeline)
})

const wrong: readonly (readonly [unknown, string])[] = [
  [undefined, 'layeringPipeline is missing, it should be a list of stages'],
  [null, 'layeringPipeline is "null", it should be a list of stages'],
  ['flatten', 'layeringPipeline is "flatten", it should be a list of stages'],
  [['flatten'], 'layeringPipeline[0] is "flatten", it should be a list of the name of a stage and its arguments'],
  [
    [['reverse'], []],
    'layeringPipeline[1] is an empty list, it should be a list of the name of a stage and its arguments',
  ],
  [[[7]], 'layeringPipeline[0][0] is "7", it should be the name of a stage'],
  [[['flatten', 1]], 'layeringPipeline[0] "flatten" has 1 argument, it should be without any'],
  [[['split_every']], 'layeringPipeline[0] "split_every" has 0 arguments, it should be 1'],
  [[['split_every', 0]], 'layeringPipeline[0][1] is "0", it should be a whole number of at least 1'],
  [[['limit_layers', -3]], 'layeringPipeline[0][1] is "-3", it should be a whole number of at least 1'],
  [[['limit_layers', 1.5]], 'layeringPipeline[0][1] is "1.5", it should be a whole number of at least 1'],
  [[['limit_layers', '5']], 'layeringPipeline[0][1] is "5", it should be a whole number of at least 1'],
  [[['limit_layers', true]], 'layeringPipeline[0][1] is "true", it should be a whole number of at least 1'],
  [[['remove_paths', { a: 1 }]], 'layeringPipeline[0][1] is an object, it should be a path or a list of paths'],
  [[['remove_paths', ['/a', 5]]], 'layeringPipeline[0][1][1] is "5", it should be a path'],
  [[['subcomponent_in', '/a']], 'layeringPipeline[0][1] is "/a", it should be a list of paths'],
  [[['over', 1, ['flatten']]], 'layeringPipeline[0][1] is "1", it should be the name of a part'],
  [
    [['over', 'main', ['split_every', []]]],
    'layeringPipeline[0][2][1] is an empty list, it should be a whole number of at least 1',
  ],
  [
    [['pipe', ['flatten']]],
    'layeringPipeline[0][1][0] is "flatten", it should be a list of the name of a stage and its arguments',
  ],
  [[['map', [['flatten']]]], 'layeringPipeline[0][1][0] is a list, it should be the name of a stage'],
  [[['split_paths', '/a']], 'layeringPipeline[0][1] is "/a", it should be a list of paths and {"children_of": …}'],
  [[['split_paths', [1]]], 'layeringPipeline[0][1][0] is "1", it should be a path or {"children_of": …}'],
  [[['split_paths', [{}]]], 'layeringPipeline[0][1][0] has no key, it should be an object with the key "children_of"'],
  [
    [['split_paths', [{ children_of: '/a', parents_of: '/b' }]]],
    'layeringPipeline[0][1][0] has the key "parents_of", it should be an object with the key "children_of" only',
  ],
  [
    [['split_paths', [{ children_of: [[]] }]]],
    'layeringPipeline[0][1][0].children_of[0] is an empty list, it should be a path',
  ],
]

for (const [value, problem] of wrong) {
  test(`parseLayeringPipeline() says where ${JSON.stringify(value)} is wrong`, () => {
    assert.throws(() => parseLayeringPipeline(value), {
      code: 'DEFINITION_INVALID',
      message: `Cannot read layering pipeline: ${problem}`,
    })
  })
}

function unknown(name: string): object {
  return {
    code: 'DEFINITION_INVALID',
    message: `Cannot read layering pipeline: layeringPipeline[0] names the stage "${name}", which is not known`,
  }
}

function parse(name: string): () => unknown {
  return () => parseLayeringPipeline([[name]])
}

test('parseLayeringPipeline() names the stage that was likely meant', () => {
  assert.throws(parse('popularity_contets'), {
    ...unknown('popularity_contets'),
    hint: 'Did you mean "popularity_contest"?',
  })
  assert.throws(parse('split-every'), { ...unknown('split-every'), hint: 'Did you mean "split_every"?' })
  assert.throws(parse('Flaten'), { ...unknown('Flaten'), hint: 'Did you mean "flatten"?' })
  assert.throws(
    parse('__proto__'),
    (error) => error instanceof DockerToolsError && error.hint!.startsWith('Known stages:'),
  )
  assert.throws(parse('x'.repeat(1e6)), (error) => error instanceof DockerToolsError && error.message.length < 200)
})

test('parseLayeringPipeline() refuses what is nested too deeply, without running out of stack', () => {
  let stage: unknown = ['flatten']
  for (let depth = 0; depth < 100_000; depth++) stage = depth % 2 === 0 ? ['map', stage] : ['pipe', [stage]]
  assert.throws(() => parseLayeringPipeline([stage]), {
    code: 'DEFINITION_INVALID',
    message: /is nested 65 stages deep, it should be 64 at most$/,
  })
})

test('parseLayeringPipeline() takes any JSON value or throws DEFINITION_INVALID', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      try {
        assert.deepEqual(parseLayeringPipeline(value), value)
      } catch (error) {
        assert.ok(error instanceof DockerToolsError && error.code === 'DEFINITION_INVALID')
      }
    }),
  )
})
