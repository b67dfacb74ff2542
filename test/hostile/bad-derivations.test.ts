import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { derivation, runCommand, writeText } from '#derivation'
import { buildNixShellImage, realise, streamLayeredImage, streamNixShellImage } from '#docker-tools'
import type { ErrorCode } from '#errors'
import { openWritableStore, type StorePath } from '#store'
import { makeTempDir } from '#util'
import { failsWith } from '../../src/derivation/test-support.test.ts'
import { collectEvents } from '../support/collect.ts'

const OUT = `/nix/store/${'1'.repeat(32)}-x`
const PLAIN = { name: 'x', drvAttrs: { builder: '/bin/sh', args: [], system: 'x' }, outputs: { out: OUT } }

/** Arguments that are refused before anything is read. */
const WRONG: Readonly<Record<string, readonly [args: object, message: string]>> = {
  'no derivation': [{}, 'argument "drv": it is missing'],
  'a derivation that is a number': [{ drv: 7 }, 'argument "drv": it is 7, it should be the store path of a .drv'],
  'a path that is no .drv': [{ drv: OUT }, 'should be the store path of a .drv'],
  'a relative .drv': [{ drv: './x.drv' }, 'should be the store path of a .drv'],
  'a derivation without outputs': [{ drv: { ...PLAIN, outputs: {} } }, 'argument "drv"'],
  'a derivation with a member too many': [{ drv: { ...PLAIN, more: 1 } }, 'argument "drv"'],
  'a derivation without a name': [{ drv: { ...PLAIN, name: '' } }, 'argument "drv"'],
  'a text in place of a derivation': [{ drv: writeText('t', 't') }, '"t" has no builder, it should be a derivation'],
  'an image in place of a derivation': [
    { drv: streamLayeredImage({ name: 'i' }) },
    'has no builder, it should be a derivation',
  ],
  'structured attributes': [
    { drv: { ...PLAIN, drvAttrs: { ...PLAIN.drvAttrs, __structuredAttrs: true } } },
    'streamNixShellImage: Does not work with the derivation x because it uses __structuredAttrs',
  ],
  'command and run': [{ drv: PLAIN, command: 'a', run: '' }, "streamNixShellImage: Can't specify both command and run"],
  'a negative uid': [{ drv: PLAIN, uid: -1 }, 'argument "uid": it is -1, it should be 0 to 4294967294'],
  'a gid of more than 32 bits': [{ drv: PLAIN, gid: 4_294_967_295 }, 'argument "gid": it is 4294967295'],
  'half a uid': [{ drv: PLAIN, uid: 0.5 }, 'argument "uid"'],
  'a home that is not absolute': [
    { drv: PLAIN, homeDirectory: 'home/me' },
    'argument "homeDirectory": it is "home/me", it should be an absolute path without ":"',
  ],
  'a home with a field of its own': [{ drv: PLAIN, homeDirectory: '/a:/bin/sh' }, 'argument "homeDirectory"'],
  'a home with a line of its own': [{ drv: PLAIN, homeDirectory: '/a\nroot::0:0' }, 'argument "homeDirectory"'],
  'a shell that is not absolute': [{ drv: PLAIN, shell: 'bash' }, 'argument "shell": it is "bash", it should be'],
  'a shell that is a folder': [{ drv: PLAIN, shell: '/bin/' }, 'argument "shell"'],
  'a name with white space': [{ drv: PLAIN, name: 'a b' }, 'argument "name"'],
  'a slip': [{ drv: PLAIN, homeDirectori: '/x' }, 'no argument "homeDirectori", the nearest is "homeDirectory"'],
  'an argument of other images': [{ drv: PLAIN, contents: [] }, 'no argument "contents"'],
}

for (const [what, [args, message]] of Object.entries(WRONG)) {
  test(`nix-shell images: ${what}`, () => {
    for (const call of [streamNixShellImage, buildNixShellImage]) {
      assert.throws(() => call(args as never), failsWith('DEFINITION_INVALID', message))
    }
  })
}

test('nix-shell images: a compressor that there is not, in the words of the original', () => {
  const compressor = 'lz4' as 'gz'
  const message = 'in docker image x: compressor must be one of: [gz none zstd]'
  assert.throws(
    () => buildNixShellImage({ drv: PLAIN, name: 'y', compressor }),
    failsWith('DEFINITION_INVALID', message),
  )
  assert.throws(
    () => streamNixShellImage({ drv: PLAIN, compressor } as never),
    failsWith('DEFINITION_INVALID', 'no argument "compressor"'),
  )
})

/** A store with one more text in it. */
async function withText(name: string, text: string) {
  const temp = await makeTempDir('bad-drv-')
  const uri = `local:${join(temp.path, 'root')}`
  await using store = openWritableStore(uri, { environment: {} })
  const drv = await store.addText(name, text, [])
  const { onEvent, events } = collectEvents()
  const options = { stores: [uri], cacheDirectory: null, environment: {}, baseDirectory: temp.path, onEvent }
  return { drv, options, events, [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose]() }
}

function drvText(options: { inputs?: string; sources?: string; args?: string; env?: string; output?: string }): string {
  const { inputs = '', sources = '', args = '', env = '', output = OUT } = options
  return `Derive([("out","${output}","","")],[${inputs}],[${sources}],"x86_64-linux","/bin/sh",[${args}],[("name","x"),${env}("out","${output}")])`
}

const GONE = `/nix/store/${'2'.repeat(32)}-gone` as StorePath

const TEXTS: Readonly<Record<string, readonly [text: string, code: ErrorCode, message: string]>> = {
  'an empty one': ['', 'FORMAT_INVALID', 'at 0 it ends, it should have "Derive("'],
  'half of one': [drvText({}).slice(0, 80), 'FORMAT_INVALID', 'it ends within a string, it should be closed'],
  'no derivation': ['hello', 'FORMAT_INVALID', 'Cannot read derivation'],
  'one with structured attributes': [
    drvText({ env: '("__json","{}"),' }),
    'DEFINITION_INVALID',
    'Does not work with the derivation x because it uses __structuredAttrs',
  ],
  'one whose outputs nobody knows yet': [drvText({ output: '' }), 'FORMAT_UNSUPPORTED', 'should be known'],
  'one whose source is in no store': [
    drvText({ sources: `"${GONE}"`, args: `"${GONE}"` }),
    'STORE_PATH_MISSING',
    `no store has "${GONE}", what it is built from should be there`,
  ],
  'one whose input derivation is in no store': [
    drvText({ inputs: `("${GONE}.drv",["out"])` }),
    'STORE_PATH_MISSING',
    `"${GONE}.drv" in drv: no store has it`,
  ],
}

for (const [what, [text, code, message]] of Object.entries(TEXTS)) {
  test(`nix-shell images of a .drv: ${what}`, async () => {
    await using place = await withText('x.drv', text)
    const image = streamNixShellImage({ drv: place.drv })
    await assert.rejects(image.conf(place.options), failsWith(code, message))
  })
}

test('nix-shell images of a .drv that is in no store', async () => {
  await using place = await withText('x', '')
  const image = streamNixShellImage({ drv: `${GONE}.drv` })
  await assert.rejects(
    image.conf(place.options),
    failsWith('STORE_PATH_MISSING', `Cannot use "${GONE}.drv" in drv: no store has it`),
  )
})

test('nix-shell images: a shell of the store that no store has', async () => {
  await using place = await withText('x.drv', drvText({}))
  const image = streamNixShellImage({ drv: place.drv, shell: `${GONE}/bin/bash` })
  await assert.rejects(image.conf(place.options), failsWith('STORE_PATH_MISSING', GONE))
})

test('a builder that is nowhere is told, and its image made', async () => {
  await using place = await withText('x', '')
  const drv = derivation({ name: 'lost', builder: '/nowhere/bin/program' })
  await streamNixShellImage({ drv }).conf(place.options)
  const told = place.events.map((event) => (event.type === 'warning' ? event.message : ''))
  assert.ok(
    told.includes(
      'the builder of derivation "lost" is "/nowhere/bin/program", which this machine does not have, nor will the image',
    ),
    told.join('\n'),
  )
})

test('an output that a store has is no part of the image that is to build it', async () => {
  await using place = await withText('x', '')
  const built = runCommand({ name: 'known', script: 'echo 1 > $out' })
  const { storePath, path } = await realise(built, place.options)
  assert.equal(readFileSync(path, 'utf8'), '1\n')
  const image = streamNixShellImage({ drv: built })
  const { text } = await image.conf(place.options)
  assert.ok(text.includes(`out=${storePath}`))
  const layers = await image.layers(place.options)
  assert.ok(layers.flat().length > 3)
  assert.ok(!layers.flat().includes(storePath))
})
