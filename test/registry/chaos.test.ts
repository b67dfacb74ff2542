import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pullArchive, type RegistryPullOptions } from '#docker-tools'
import { DockerToolsError } from '#errors'
import { parseReference } from '#registry'
import { makeTempDir, type TempDir } from '#util'
import { collectingSink } from '../support/collect.ts'
import { liveBytes } from '../support/live-memory.ts'
import { digestOfBytes, type Holdings, serveHoldings, startServer } from '../support/fake-registry.ts'
import { config, encodeShape, gzipLayer, noise, plainTar, type Shape } from '../interop/registry-images.ts'
import { type ChaosRegistry, type Dice, makeDice, startChaosRegistry } from './chaos-registry.ts'

/** `DOCKERTOOLS_CHAOS_RUNS=500` for the whole of it. */
const RUNS = Number(process.env['DOCKERTOOLS_CHAOS_RUNS'] ?? 60)
const RUNS_AT_ONCE = 6
/** After these everything is loaded; what is held grows no more from there, however many runs follow. */
const WARM_RUNS = 18
const GROWTH_BYTES = 8_000_000
/** A run that takes longer hangs: all waiting times together are far below it. */
const LIMIT_MS = 30_000
const PASSWORD = 'pa55-s3cret'
const SECRETS = new RegExp(`${PASSWORD}|token-s3cret|${Buffer.from(`alice:${PASSWORD}`).toString('base64')}`)
const PLATFORM = { os: 'linux', architecture: 'amd64', variant: undefined }
const FINAL = parseReference('final/name:1')

const TARS = [noise(150_000), noise(90_000), Buffer.from('small')].map((body, n) => plainTar(`file-${n}`, body))
const SHAPE: Shape = {
  name: 'team/app',
  way: 'put',
  images: [
    {
      layers: [TARS[0]!, TARS[1]!, TARS[0]!, TARS[2]!].map((tar) => gzipLayer(tar)),
      config: config(TARS),
      platform: { os: 'linux', architecture: 'amd64' },
    },
    { layers: [gzipLayer(TARS[2]!)], config: config([]), platform: { os: 'linux', architecture: 'arm64' } },
  ],
}
const CODES: ReadonlySet<string> = new Set([
  'ACCESS_DENIED',
  'DIGEST_MISMATCH',
  'FORMAT_INVALID',
  'FORMAT_UNSUPPORTED',
  'IMAGE_MISSING',
  'LIMIT_EXCEEDED',
  'SIZE_MISMATCH',
  'TRANSFER_FAILED',
  'TRUNCATED',
])

describe('a registry that breaks in all ways', () => {
  let scratch: TempDir
  let holdings: Holdings
  let digest: string
  let expected: Buffer
  before(async () => {
    scratch = await makeTempDir('chaos-')
    const { blobs, manifests } = encodeShape(SHAPE)
    digest = digestOfBytes(manifests.at(-1)!.bytes)
    const byDigest = new Map<string, Uint8Array>(manifests.map(({ bytes }) => [digestOfBytes(bytes), bytes]))
    holdings = { blobs, manifests: byDigest.set('v1', manifests.at(-1)!.bytes) }
    // What skopeo would write is compared in the interop tests; here it is what comes without any fault.
    await using quiet = await startServer((request, response) => serveHoldings(holdings, request, response))
    const sink = collectingSink()
    await pullArchive(requestOf(quiet.host), sink, { cacheDirectory: null, environment: {} })
    expected = sink.bytes()
    const layers = TARS.map((tar) => `${createHash('sha256').update(tar).digest('hex')}.tar`)
    for (const layer of layers) assert.ok(expected.includes(layer))
  })
  after(async () => await scratch[Symbol.asyncDispose]())

  function requestOf(host: string, tag = `@${digest}`) {
    return { reference: parseReference(`${host}/team/app${tag}`), platform: PLATFORM, finalName: FINAL }
  }

  test(`${RUNS} pulls give the right bytes or a clear error, and no secret to anybody`, async () => {
    let good = 0
    const codes = new Map<string, number>()
    const seen = new Set<string>()
    const run = async (seed: number): Promise<void> => {
      const { code, faults } = await pullOnce(seed, makeDice(seed))
      if (code === undefined) good++
      else codes.set(code, (codes.get(code) ?? 0) + 1)
      for (const fault of faults) seen.add(fault.replace(/^.*: /, ''))
    }
    let early = 0
    for (let first = 0; first < RUNS; first += RUNS_AT_ONCE) {
      if (first === WARM_RUNS) early = await liveBytes()
      const seeds = Array.from({ length: Math.min(RUNS_AT_ONCE, RUNS - first) }, (_, n) => first + n)
      await Promise.all(seeds.map(run))
    }
    if (RUNS > 60)
      console.log(`${good} good, ${JSON.stringify(Object.fromEntries(codes))}, ${seen.size} kinds of fault`)
    const grown = (await liveBytes()) - early
    assert.ok(grown < GROWTH_BYTES, `${grown} more bytes are held than after the first ${WARM_RUNS} runs`)
    // The test itself has to be worth something: some get through, some do not, and faults are of many kinds.
    assert.ok(good > RUNS / 10 && good < RUNS)
    assert.ok(seen.size > 20)
  })

  async function pullOnce(seed: number, dice: Dice): Promise<{ code: string | undefined; faults: readonly string[] }> {
    await using chaos = await startChaosRegistry(holdings, dice, 4 + dice(12))
    const { registry } = chaos
    const home = join(scratch.path, `run-${seed}`)
    const cacheDirectory = dice(2) === 0 ? null : join(home, 'cache')
    mkdirSync(home)
    const auth = Buffer.from(`alice:${PASSWORD}`).toString('base64')
    writeFileSync(join(home, 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }))
    const options: RegistryPullOptions = {
      cacheDirectory,
      environment: { DOCKER_CONFIG: home },
      patience: { attempts: 3, stallMs: 150, firstDelayMs: 1, maxDelayMs: 1000 },
      signal: AbortSignal.timeout(LIMIT_MS),
    }
    const what = `seed ${seed}`
    let code: string | undefined
    for (let attempt = 0; attempt < 2; attempt++) {
      const sink = collectingSink()
      const tag = dice(2) === 0 ? ':v1' : `@${digest}`
      try {
        await pullArchive(requestOf(registry.host, tag), sink, options)
        code = undefined
        assert.ok(sink.bytes().equals(expected), what)
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error
        code = expectClear(error, registry.host, what)
      }
    }
    expectNoSecrets(chaos, what)
    if (cacheDirectory !== null) expectWholeBlobs(cacheDirectory, what)
    return { code, faults: chaos.faults }
  }
})

/** It says where, what and why, and nothing that it should not. */
function expectClear(error: unknown, host: string, what: string): string {
  assert.ok(error instanceof DockerToolsError, `${what}: ${error instanceof Error ? error.stack : String(error)}`)
  assert.ok(CODES.has(error.code), `${what}: ${error.code} ${error.stack}`)
  assert.match(error.message, new RegExp(`${host}/team/app`), what)
  assert.match(error.message, /^Cannot [a-z]+ .{20,}/, what)
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    assert.doesNotMatch(`${cause.message} ${cause.stack}`, SECRETS, what)
  }
  assert.doesNotMatch(error.hint ?? '', SECRETS)
  return error.code
}

function expectNoSecrets({ registry, stranger }: ChaosRegistry, what: string): void {
  for (const { headers } of stranger.requests) assert.doesNotMatch(JSON.stringify(headers), SECRETS, what)
  for (const { headers } of stranger.requests) assert.equal(headers.authorization, undefined, what)
  // The password is for the token server alone: the registry offered tokens.
  for (const { headers } of registry.requests) assert.doesNotMatch(headers.authorization ?? '', /^Basic/, what)
}

/** What is in the cache is what its name says. */
function expectWholeBlobs(folder: string, what: string): void {
  const blobs = join(folder, 'blobs', 'sha256')
  let names: readonly string[]
  try {
    names = readdirSync(blobs)
  } catch {
    return
  }
  for (const name of names) {
    assert.equal(digestOfBytes(readFileSync(join(blobs, name))), `sha256:${name}`, what)
  }
}
