import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  buildableFromDefinition,
  buildImage,
  buildLayeredImage,
  buildNixShellImage,
  exportImage,
  FUNCTION_NAMES,
  pullImage,
  streamLayeredImage,
  streamNixShellImage,
} from '#docker-tools'
import { DockerToolsError } from '#errors'
import { parseJson } from '#image'
import { readCases } from './golden/golden-case.ts'
import { GOLDEN, ROOT, skipWithoutGolden } from './support/places.ts'
import { type JsonSchema, matchesSchema } from './support/match-schema.ts'

const schema = JSON.parse(readFileSync(join(ROOT, 'schema/definition.json'), 'utf8')) as JsonSchema

/** The arguments that a function accepts: it names them where one is unknown. */
function acceptedArguments(call: (args: never) => unknown): readonly string[] {
  try {
    call({ 'no such argument': 1 } as never)
  } catch (error) {
    if (error instanceof DockerToolsError) return (error.hint ?? '').replace('The arguments are ', '').split(', ')
    throw error
  }
  throw new Error('an unknown argument is accepted')
}

for (const [name, call] of Object.entries({
  streamLayeredImage,
  buildLayeredImage,
  buildImage,
  exportImage,
  pullImage,
  streamNixShellImage,
  buildNixShellImage,
})) {
  test(`the schema has the arguments that ${name} accepts, each with what it means`, () => {
    const args = schema.$defs?.[name]?.properties?.['args']
    assert.deepEqual(Object.keys(args?.properties ?? {}).toSorted(), acceptedArguments(call).toSorted())
    assert.equal(args?.additionalProperties, false)
    for (const [argument, { description }] of Object.entries(args?.properties ?? {})) {
      assert.match(description ?? '', /^.{10,}\.$/s, argument)
    }
  })
}

const minimal = { function: 'streamLayeredImage', args: { name: 'x' } }

const pulled = {
  function: 'pullImage',
  args: { imageName: 'redis', imageDigest: `sha256:${'0'.repeat(64)}`, hash: '' },
}

/** Definitions that both the schema and the program have to take, or refuse. */
const verdicts: readonly (readonly [isTaken: boolean, definition: unknown])[] = [
  [true, minimal],
  [true, { ...minimal, $schema: 'schema/definition.json' }],
  [true, { function: 'buildLayeredImage', args: { name: 'x', compressor: 'zstd' } }],
  [true, { ...minimal, args: { name: 'x', contents: ['./a', null, ['/nix/store/b']], tag: null, config: null } }],
  [true, { ...minimal, args: { name: 'x', config: { Env: ['A=b'], Anything: [1] } } }],
  [true, { ...minimal, args: { name: 'x', layeringPipeline: [['popularity_contest'], ['limit_layers', 3]] } }],
  [true, { ...minimal, args: { name: 'x', layering: 'auto', fakeRootCommands: '', includeNixDB: true } }],
  [true, { function: 'buildLayeredImageWithNixDb', args: { name: 'x', compressor: 'none' } }],
  [true, { function: 'buildImageWithNixDb', args: { name: 'x', copyToRoot: './a', includeNixDB: false } }],
  [false, { function: 'streamLayeredImageWithNixDb', args: { name: 'x' } }],
  [true, { ...minimal, args: { name: 'x', fromImage: minimal } }],
  [true, { ...minimal, args: { name: 'x', contents: [minimal, { concat: ['/nix/', 'store'] }] } }],
  [
    true,
    { ...minimal, args: { name: 'x', config: { Cmd: [{ concat: [minimal, '/bin/x'] }], Labels: { function: '' } } } },
  ],
  [true, { ...minimal, args: { name: 'x', extraCommands: { concat: ['ls ', minimal] } } }],
  [
    true,
    { ...minimal, args: { name: 'x', layeringPipeline: { function: 'writeText', args: { name: 'p', text: '' } } } },
  ],
  [false, { ...minimal, args: { name: 'x', contents: [{ function: 'writeTxt', args: {} }] } }],
  [false, { ...minimal, args: { name: 'x', extraCommands: { concat: [7] } } }],
  [true, pulled],
  [true, { ...pulled, args: { ...pulled.args, hash: null, sha256: 'a'.repeat(64), os: 'linux', tlsVerify: false } }],
  [true, { ...minimal, args: { name: 'x', fromImage: pulled } }],
  [false, { ...pulled, args: { imageName: 'redis', hash: '' } }],
  [false, { ...pulled, args: { ...pulled.args, imageDigest: 'sha256:1' } }],
  [false, { ...pulled, args: { ...pulled.args, outputHashAlgo: 'crc32' } }],
  [false, { ...pulled, args: { ...pulled.args, tag: '7' } }],
  [false, []],
  [false, { function: 'streamLayeredImage', args: {} }],
  [false, { function: 'streamImage', args: { name: 'x' } }],
  [false, { ...minimal, more: 1 }],
  [false, { ...minimal, args: { name: '' } }],
  [false, { ...minimal, args: { name: 'x', compressor: 'gz' } }],
  [false, { function: 'buildLayeredImage', args: { name: 'x', compressor: 'lz4' } }],
  [false, { ...minimal, args: { name: 'x', contens: './a' } }],
  [false, { ...minimal, args: { name: 'x', contents: 'a' } }],
  [false, { ...minimal, args: { name: 'x', contents: [7] } }],
  [false, { ...minimal, args: { name: 'x', tag: 'a:b' } }],
  [false, { ...minimal, args: { name: 'x', maxLayers: 1 } }],
  [false, { ...minimal, args: { name: 'x', maxLayers: '5' } }],
  [false, { ...minimal, args: { name: 'x', uid: -1 } }],
  [false, { ...minimal, args: { name: 'x', uid: 4_294_967_295 } }],
  [false, { ...minimal, args: { name: 'x', config: [] } }],
  [true, { ...minimal, args: { name: 'x', fakeRootCommands: 'true', enableFakechroot: true } }],
  [false, { ...minimal, args: { name: 'x', fakeRootCommands: ['true'] } }],
  [true, { function: 'buildImage', args: { name: 'x', runAsRoot: 'true', diskSize: 2048, buildVMMemorySize: 64 } }],
  [false, { function: 'buildImage', args: { name: 'x', runAsRoot: 'true', diskSize: 0 } }],
  [false, { function: 'buildImage', args: { name: 'x', buildVMMemorySize: '512' } }],
  [false, { ...minimal, args: { name: 'x', layering: 'best' } }],
  [false, { ...minimal, args: { name: 'x', layeringPipeline: [['no_such_stage']] } }],
]

const drvPath = `/nix/store/${'0'.repeat(32)}-x.drv`
const writtenOut = {
  name: 'x',
  drvAttrs: { builder: '/bin/sh', args: ['-c', ':'], function: 'x', NUM: 7, LIST: ['a', true, null] },
  outputs: { out: `/nix/store/${'0'.repeat(32)}-x` },
}
const note = { function: 'writeText', args: { name: 'note', text: 'x' } }
const builders: readonly (readonly [isTaken: boolean, definition: unknown])[] = [
  [true, note],
  [true, { ...note, args: { name: 'note', text: { concat: ['x', note] } } }],
  [true, { function: 'runCommand', args: { name: 'x', env: { a: note, b: [1, null], function: 'f' }, script: ':' } }],
  [true, { function: 'symlinkJoin', args: { name: 'x', paths: [note, './a'], postBuild: 'ls' } }],
  [true, { function: 'buildEnv', args: { name: 'x', paths: [note], pathsToLink: ['/bin'], meta: { priority: 3 } } }],
  [true, { function: 'derivation', args: { name: 'x', builder: '/bin/sh', args: ['-c', note], anything: [note] } }],
  [true, { function: 'exportImage', args: { fromImage: minimal } }],
  [true, { function: 'streamNixShellImage', args: { drv: drvPath, uid: 0, run: { concat: [note, ' x'] } } }],
  [
    true,
    { function: 'streamNixShellImage', args: { drv: { function: 'runCommand', args: { name: 'x', script: '' } } } },
  ],
  [true, { function: 'buildNixShellImage', args: { drv: writtenOut, compressor: 'none', command: null, tag: null } }],
  [false, { function: 'streamNixShellImage', args: {} }],
  [false, { function: 'streamNixShellImage', args: { drv: drvPath, compressor: 'none' } }],
  [false, { function: 'streamNixShellImage', args: { drv: './x.drv' } }],
  [false, { function: 'streamNixShellImage', args: { drv: { ...writtenOut, outputs: {} } } }],
  [false, { function: 'streamNixShellImage', args: { drv: drvPath, homeDirectory: 'home' } }],
  [false, { ...note, args: { name: 'note' } }],
  [false, { ...note, args: { name: 'note', text: 'x', txt: 'y' } }],
  [false, { function: 'symlinkJoin', args: { name: 'x', paths: 'a' } }],
  [false, { function: 'writeTextDir', args: { name: 'x', text: 'x' } }],
]

test('the schema and the program take and refuse the same definitions of builders', () => {
  for (const [isTaken, definition] of builders) {
    const text = JSON.stringify(definition)
    assert.equal(matchesSchema(definition, schema, schema), isTaken, `schema: ${text}`)
    const read = (): unknown => buildableFromDefinition(parseJson(text, 'definition'))
    if (isTaken) assert.doesNotThrow(read, text)
    else assert.throws(read, DockerToolsError, text)
  }
})

test('every argument that the schema has is one of its builder, and every builder has a description', () => {
  const definitions = Object.entries(schema.$defs ?? {}).filter(([name]) => FUNCTION_NAMES.includes(name))
  const named = definitions.flatMap(([, { properties }]) => {
    const { const: only, enum: several } = (properties?.['function'] ?? {}) as { const?: string; enum?: string[] }
    return several ?? [only]
  })
  assert.deepEqual(new Set(named), new Set(FUNCTION_NAMES))
  assert.equal(named.length, FUNCTION_NAMES.length)
  for (const [name, { properties }] of definitions) {
    for (const [argument, { description }] of Object.entries(properties?.['args']?.properties ?? {})) {
      assert.match(description ?? '', /^.{10,}\.$/s, `${name} ${argument}`)
      const text = JSON.stringify({ function: name, args: { [argument]: {} } })
      assert.throws(
        () => buildableFromDefinition(parseJson(text, 'definition')),
        (error: Error) => !error.message.includes('there is no argument'),
        text,
      )
    }
  }
})

test('the schema and the program take and refuse the same definitions', async () => {
  const { recipeFromDefinition } = await import('#docker-tools')
  for (const [isTaken, definition] of verdicts) {
    const text = JSON.stringify(definition)
    assert.equal(matchesSchema(definition, schema, schema), isTaken, `schema: ${text}`)
    const read = (): unknown => recipeFromDefinition(parseJson(text, 'definition'))
    if (isTaken) assert.doesNotThrow(read, text)
    else assert.throws(read, DockerToolsError, text)
  }
})

test('every recorded call is a definition of the schema', skipWithoutGolden, () => {
  for (const golden of readCases(join(GOLDEN, 'visible'), [
    'streamLayeredImage',
    'buildLayeredImage',
    'streamNixShellImage',
    'buildNixShellImage',
  ])) {
    if ('error' in golden.expect && golden.expect.error.stage === 'evaluation') continue
    const definition = { function: golden.function, args: golden.args }
    assert.equal(matchesSchema(definition, schema, schema), true, golden.case)
  }
})
