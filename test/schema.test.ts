import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildImage, buildLayeredImage, exportImage, pullImage, streamLayeredImage } from '#docker-tools'
import { DockerToolsError } from '#errors'
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
  [false, { ...minimal, args: { name: 'x', fakeRootCommands: 'true' } }],
  [false, { ...minimal, args: { name: 'x', layering: 'best' } }],
  [false, { ...minimal, args: { name: 'x', layeringPipeline: [['no_such_stage']] } }],
]

test('the schema and the program take and refuse the same definitions', async () => {
  const { recipeFromDefinition } = await import('#docker-tools')
  const { parseJson } = await import('#image')
  for (const [isTaken, definition] of verdicts) {
    const text = JSON.stringify(definition)
    assert.equal(matchesSchema(definition, schema, schema), isTaken, `schema: ${text}`)
    const read = (): unknown => recipeFromDefinition(parseJson(text, 'definition'))
    if (isTaken) assert.doesNotThrow(read, text)
    else assert.throws(read, DockerToolsError, text)
  }
})

test('every recorded call is a definition of the schema', skipWithoutGolden, () => {
  const later = ['fakeRootCommands', 'enableFakechroot']
  for (const golden of readCases(join(GOLDEN, 'visible'), ['streamLayeredImage', 'buildLayeredImage'])) {
    if ('error' in golden.expect && golden.expect.error.stage === 'evaluation') continue
    const isLater = later.some((name) => name in golden.args)
    const definition = { function: golden.function, args: golden.args }
    assert.equal(matchesSchema(definition, schema, schema), !isLater, golden.case)
  }
})
