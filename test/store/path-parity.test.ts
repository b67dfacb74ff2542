import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  type DerivationInput,
  encodeDerivation,
  identifyDerivations,
  parseDerivation,
  writeDerivation,
  type WrittenDerivation,
} from '#derivation'
import {
  hashBytes,
  makeFixedOutputPath,
  measureNarOnDisk,
  openWritableStore,
  parseStorePath,
  type StorePath,
} from '#store'
import { makeTempDir, toByteString } from '#util'
import { needs } from '../support/places.ts'
import { askNix, type NixAnswers } from './nix-oracle.ts'
import { DERIVATIONS, type DerivationCase, FIXED_ALGORITHMS, FIXED_FILES, makeTrees, TEXTS } from './path-cases.ts'

/** Recorded with Nix 2.8.0 (Debian's nix-bin) by running this file with RECORD_PATHS=1. */
const FIXTURE = new URL('paths-by-nix-2.8.json', import.meta.url)
const recorded = JSON.parse(readFileSync(FIXTURE, 'utf8')) as NixAnswers

test('what is recorded is what the Nix of this machine says', needs('nix-store', 'nix-instantiate'), async () => {
  await using temp = await makeTempDir('parity-')
  const answers = askNix(temp.path)
  if (process.env['RECORD_PATHS'] === '1') writeFileSync(FIXTURE, `${JSON.stringify(answers, null, 2)}\n`)
  else assert.deepEqual(answers, recorded)
})

test('at least 60 cases are recorded', () => {
  assert.ok(Object.keys(recorded).length >= 60)
})

/** Our paths for everything that is recorded; texts and trees go through a store that is written. */
async function ourAnswers(folder: string): Promise<{ paths: NixAnswers; drvs: Map<string, WrittenDerivation> }> {
  const trees = join(folder, 'trees')
  mkdirSync(trees)
  await using store = openWritableStore(`local:${join(folder, 'store')}`, { environment: {} })
  const paths: Record<string, string> = {}
  for (const name of makeTrees(trees)) paths[`add ${name}`] = await store.addLocal(join(trees, name), name)
  for (const algorithm of FIXED_ALGORITHMS) {
    for (const name of FIXED_FILES) {
      const file = join(trees, name)
      const flat = hashBytes(algorithm, readFileSync(file))
      paths[`fixed ${algorithm} ${name}`] = makeFixedOutputPath('flat', flat, name)
      const { narHash } = await measureNarOnDisk(toByteString(file))
      const nar =
        algorithm === 'sha256' ? narHash : hashBytes(algorithm, narOfFile(readFileSync(file), name === 'mode-755'))
      paths[`fixed --recursive ${algorithm} ${name}`] = makeFixedOutputPath('nar', nar, name)
    }
  }
  for (const { id, name, text } of TEXTS) {
    const used = [...text.matchAll(/@\{([a-z-]+)\}/g)].map(([, other = '']) => paths[other] as StorePath)
    paths[id] = await store.addText(
      name,
      text.replaceAll(/@\{([a-z-]+)\}/g, (_, other: string) => paths[other]!),
      used,
    )
  }
  const drvs = new Map<string, WrittenDerivation>()
  for (const one of DERIVATIONS) {
    const written = writeCase(one, paths, drvs)
    drvs.set(one.id, written)
    paths[`${one.id}!drv`] = written.path
    for (const [output, path] of written.outputs) paths[`${one.id}.${output}`] = path
    const added = await store.addText(`${one.name}.drv`, written.text, written.references)
    assert.equal(added, written.path)
  }
  return { paths, drvs }
}

function writeCase(
  one: DerivationCase,
  paths: NixAnswers,
  drvs: ReadonlyMap<string, WrittenDerivation>,
): WrittenDerivation {
  const inputs: DerivationInput[] = []
  const inputSources: StorePath[] = []
  const fill = (text: string): string =>
    text.replaceAll(/@\{([a-z0-9-]+)(?:\.([a-z]+))?\}/g, (_, id: string, output?: string) => {
      const path = paths[output === undefined ? id : `${id}.${output}`]!
      if (output === undefined) inputSources.push(path as StorePath)
      else inputs.push({ path: drvs.get(id)!.path, identity: drvs.get(id)!.identity, outputs: [output] })
      return path
    })
  const env = Object.fromEntries(Object.entries(one.env ?? {}).map(([key, value]) => [key, fill(value)]))
  const { fixed, outputs } = one
  const digest = fixed === undefined ? '' : createHash(fixed.algorithm).update(fixed.mode).digest('hex')
  return writeDerivation({
    name: one.name,
    system: one.system ?? 'builtin',
    builder: one.builder ?? '/bin/sh',
    args: (one.args ?? []).map(fill),
    env: {
      ...env,
      ...(outputs === undefined ? {} : { outputs: outputs.join(' ') }),
      ...(fixed === undefined
        ? {}
        : { outputHashMode: fixed.mode, outputHashAlgo: fixed.algorithm, outputHash: digest }),
    },
    inputSources,
    inputDerivations: inputs,
    ...(outputs === undefined ? {} : { outputs }),
    ...(fixed === undefined
      ? {}
      : { fixed: { ingestion: fixed.mode === 'flat' ? 'flat' : 'nar', hash: hashBytes(fixed.algorithm, fixed.mode) } }),
  })
}

/** Told here anew: the package measures NARs by sha256 only. */
function narOfFile(content: Buffer, isExecutable: boolean): Buffer {
  const word = (bytes: string | Uint8Array): Buffer => {
    const length = Buffer.alloc(8)
    length.writeUInt32LE(bytes.length)
    return Buffer.concat([length, Buffer.from(bytes), Buffer.alloc((8 - (bytes.length % 8)) % 8)])
  }
  const executable = isExecutable ? ['executable', ''] : []
  return Buffer.concat(['nix-archive-1', '(', 'type', 'regular', ...executable, 'contents', content, ')'].map(word))
}

test('every path is the one that Nix gives: files, trees, texts, fixed contents, derivations and their outputs', async () => {
  await using temp = await makeTempDir('parity-')
  const { paths } = await ourAnswers(temp.path)
  assert.deepEqual(paths, recorded)
})

test('derivations are read back as they were written, and count for the same', async () => {
  await using temp = await makeTempDir('parity-')
  const { drvs } = await ourAnswers(temp.path)
  const texts = new Map([...drvs.values()].map((drv) => [drv.path, drv.text]))
  const read = async (path: StorePath) => parseDerivation(Buffer.from(texts.get(path)!), path)
  for (const text of texts.values()) assert.equal(encodeDerivation(parseDerivation(text, 'x')), text)
  const identities = await identifyDerivations([...texts.keys()], read)
  for (const drv of drvs.values()) assert.deepEqual(identities.get(drv.path), drv.identity)
  const mirrors = ['uses-mirror-a', 'uses-mirror-b'].map((id) => parseStorePath(recorded[`${id}.out`]!))
  assert.equal(mirrors[0], mirrors[1])
})
