import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type DockerToolsError, IntegrityError } from '#errors'
import { parseDigest } from '#image'
import {
  type BlobToUpload,
  openRegistry,
  parseReference,
  putManifest,
  UploadAhead,
  uploadBlob,
  type UploadOptions,
} from '#registry'
import { makeTempDir } from '#util'
import { liveBytes } from '../support/live-memory.ts'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOfBytes, startServer } from '../support/fake-registry.ts'
import {
  type Fault,
  startUploadRegistry,
  type UploadBehaviour,
  type UploadRegistry,
} from '../support/upload-registry.ts'
import { useOwnHome } from '../support/own-home.ts'

useOwnHome()

const CONTENT = Buffer.from(Array.from({ length: 700_000 }, (_, index) => (index * 7 + (index >> 8) * 13) & 0xff))
const DIGEST = digestOfBytes(CONTENT)
const PATIENCE = { attempts: 4, stallMs: 3000, firstDelayMs: 1, maxDelayMs: 50, random: () => 0 }
const PASSWORD = 'not-to-be-seen-anywhere'
/** The start of every token. */
const TOKEN = 'token-s3cret'
const BASIC = Buffer.from(`me:${PASSWORD}`).toString('base64')

const SECRETS = new RegExp(`${PASSWORD}|${BASIC}|${TOKEN}`)
/** A run that takes longer hangs: all waiting times together are far below it. */
const LIMIT_MS = 30_000

/** A blob that counts how often it was opened. */
function blobOf(content: Buffer): BlobToUpload & { readonly opened: number[] } {
  const opened: number[] = []
  return {
    digest: parseDigest(digestOfBytes(content)),
    size: content.length,
    opened,
    async *open(offset) {
      opened.push(offset)
      for (let position = offset; position < content.length; position += 50_000) {
        yield await Promise.resolve(content.subarray(position, position + 50_000))
      }
    },
  }
}

/** @param options `goAhead` sends the blob as one whose digest is not known yet, and in the usual way if that fails. */
async function upload(
  registry: Pick<UploadRegistry, 'host'>,
  options: UploadOptions & { readonly home?: string; readonly goAhead?: boolean } = {},
) {
  const { home, goAhead = false, patience = PATIENCE, ...others } = options
  const reference = parseReference(`${registry.host}/team/app:1`)
  const environment = home === undefined ? {} : { DOCKER_CONFIG: home }
  const client = openRegistry(reference, 'push', { patience, environment, signal: options.signal })
  const blob = blobOf(CONTENT)
  await using ahead = goAhead ? new UploadAhead(client, () => blob.open(0)) : undefined
  const isSent = (await ahead?.finish(blob)) === true
  const outcome = isSent ? 'uploaded' : await uploadBlob(client, blob, { patience, ...others })
  return { outcome, opened: blob.opened, client }
}

/** Uploads to a registry that behaves so, and expects the blob to be there. */
async function succeeds(behaviour: UploadBehaviour, options: UploadOptions = {}) {
  await using registry = await startUploadRegistry(behaviour)
  const result = await upload(registry, options)
  assert.equal(result.outcome, 'uploaded')
  assert.ok(registry.blobs.get(DIGEST)?.equals(CONTENT))
  return { ...result, requests: registry.requests, receivedBytes: registry.receivedBytes() }
}

/** Uploads to a registry that behaves so, and expects an error that names registry and repository. */
async function fails(behaviour: UploadBehaviour, options: UploadOptions = {}): Promise<DockerToolsError> {
  await using registry = await startUploadRegistry(behaviour)
  const failure = await upload(registry, options).then(
    () => assert.fail('the upload should have failed'),
    (error: unknown) => error as DockerToolsError,
  )
  assert.ok(failure.message.startsWith(`Cannot push "${registry.host}/team/app": `), failure.message)
  assert.equal(registry.blobs.has(DIGEST), false)
  return failure
}

/** Does `fault` to the first `count` requests that are of this method, and to an upload. */
function first(method: string, count: number, fault: Fault | ((index: number) => Fault)): UploadBehaviour {
  let seen = 0
  return {
    fault: (request) => {
      if (request.method !== method || !request.url.includes('/uploads/') || seen >= count) return undefined
      return typeof fault === 'function' ? fault(seen++) : (seen++, fault)
    },
  }
}

describe('uploadBlob()', () => {
  test('sends a blob in one request, or in pieces of the size that is asked for', async () => {
    const whole = await succeeds({})
    const methods = (requests: typeof whole.requests): string =>
      requests
        .map(({ method }) => method)
        .filter((method) => method !== 'GET')
        .join(' ')
    assert.equal(methods(whole.requests), 'POST PUT')
    const pieces = await succeeds({}, { chunkBytes: 300_000 })
    assert.equal(methods(pieces.requests), 'POST PATCH PATCH PATCH PUT')
    assert.deepEqual(pieces.opened, [0, 300_000, 600_000])
    assert.equal(pieces.receivedBytes, CONTENT.length)
  })

  test('opens the body anew for each try, and reads on where the registry knows how far it came', async () => {
    for (const resetAfter of [0, 1, 2, 65_536, 400_000, CONTENT.length - 1]) {
      const { opened, receivedBytes } = await succeeds(first('PUT', 1, { resetAfter }))
      assert.equal(opened[0], 0)
      // One byte and none look the same in `Range: 0-0`: with one the registry refuses to begin at 0.
      assert.equal(opened.length, resetAfter === 1 ? 3 : 2)
      if (resetAfter > 1) assert.deepEqual([opened[1], receivedBytes], [resetAfter, CONTENT.length])
    }
  })

  test('begins again where the registry has forgotten the upload', async () => {
    const { opened } = await succeeds({
      ...first('PUT', 1, { resetAfter: 100_000 }),
      range: (bytes) => (bytes === 100_000 ? '0-not-a-number' : `0-${bytes - 1}`),
    })
    assert.deepEqual(opened, [0, 0])
    const lost = await succeeds(first('PUT', 2, { status: 404, code: 'BLOB_UPLOAD_UNKNOWN' }))
    assert.equal(lost.requests.filter(({ method }) => method === 'POST').length, 3)
  })

  test('gets through bursts of failures, and waits as long as it is asked to', async () => {
    for (const status of [408, 429, 500, 502, 503, 504]) {
      for (const method of ['POST', 'PUT', 'PATCH']) {
        await succeeds(first(method, 3, { status }), method === 'PATCH' ? { chunkBytes: 200_000 } : {})
      }
    }
    await succeeds(first('PUT', 1, { status: 429, headers: { 'retry-after': '0' } }))
    const { message } = await fails(first('PUT', 9, { status: 503, headers: { 'retry-after': '3600' } }))
    assert.match(message, /does not answer for upload of blob "sha256:[0-9a-f]+", it answered 503/)
  })

  test('gives up once nothing gets on any more', async () => {
    const failure = await fails(first('PUT', 99, { status: 500, code: 'DISK_FULL' }))
    assert.equal(failure.code, 'TRANSFER_FAILED')
    assert.match(failure.message, /it answered 500 DISK_FULL \(a fault\)$/)
    const reset = await fails(first('PUT', 99, { resetAfter: 0 }))
    assert.equal(reset.code, 'TRANSFER_FAILED')
    const stalled = await fails(first('PUT', 99, 'stall'), { patience: { ...PATIENCE, attempts: 1 } }).catch(
      (error: unknown) => error as DockerToolsError,
    )
    assert.equal(stalled.code, 'TRANSFER_FAILED')
  })

  test('goes on for as long as there is progress', async () => {
    // More breaks than tries in a row.
    const { receivedBytes } = await succeeds(first('PATCH', 6, { resetAfter: 70_000 }), { chunkBytes: CONTENT.length })
    assert.equal(receivedBytes, CONTENT.length)
  })

  test('takes an answer that was lost for what it was', async () => {
    const { requests } = await succeeds(first('PUT', 1, 'lose-answer'))
    assert.equal(requests.filter(({ method }) => method === 'PUT').length, 1)
    await succeeds(first('PATCH', 2, 'lose-answer'), { chunkBytes: 300_000 })
  })

  test('sends less at once to a registry that finds it too much', async () => {
    const { requests } = await succeeds(first('PUT', 1, { status: 413 }))
    assert.ok(requests.some(({ method }) => method === 'PATCH'))
    const { message } = await fails({ fault: ({ method }) => (/PUT|PATCH/.test(method) ? { status: 413 } : undefined) })
    assert.match(message, /it answered 413/)
  })

  test('believes a registry that takes less than it was sent', async () => {
    const { receivedBytes } = await succeeds({ mostOfPatch: 150_000 }, { chunkBytes: 250_000 })
    assert.ok(receivedBytes > CONTENT.length)
  })

  test('does not believe ranges that cannot be', async () => {
    for (const range of [() => '0-99999999', () => '5-2', () => 'bytes=7', () => '0-0']) {
      await using registry = await startUploadRegistry({ range })
      const result = await upload(registry, { chunkBytes: 300_000 }).catch((error: unknown) => error)
      if (registry.blobs.has(DIGEST)) assert.ok(registry.blobs.get(DIGEST)?.equals(CONTENT))
      else assert.match((result as Error).message, /^Cannot push ".*\/team\/app": /)
    }
    await succeeds({ range: () => undefined }, { chunkBytes: 300_000 })
  })

  test('is not taken in by another digest', async () => {
    await using lying = await startUploadRegistry({ digestOf: () => digestOfBytes('other') })
    await assert.rejects(upload(lying), (error) => {
      assert.ok(error instanceof IntegrityError)
      assert.match(error.message, /has taken blob "sha256:\w+" as "sha256:\w+", it should be "sha256:\w+"$/)
      return true
    })
    const failure = await fails(first('PUT', 99, { status: 400, code: 'DIGEST_INVALID' }))
    assert.equal(failure.code, 'DIGEST_MISMATCH')
    await succeeds(first('PUT', 1, { status: 400, code: 'DIGEST_INVALID' }))
  })

  test('follows the place to upload to, wherever it is, and says so where it is none', async () => {
    let origin = ''
    await succeeds({ location: (path) => path.slice(path.lastIndexOf('/') + 1) }, { chunkBytes: 300_000 })
    await using registry = await startUploadRegistry({ location: (path) => `${origin}${path}?state=a%2Fb+c` })
    origin = registry.origin
    assert.equal((await upload(registry)).outcome, 'uploaded')
    const put = registry.requests.find(({ method }) => method === 'PUT')
    assert.ok(put?.url.includes('?state=a%2Fb+c&digest=sha256%3A'), put?.url)
    for (const location of ['ftp://elsewhere/x', 'http://', 'mailto:x', undefined]) {
      const { code, message } = await fails({ location: () => location })
      assert.deepEqual([code, /names no place to upload to/.test(message)], ['FORMAT_INVALID', true], `${location}`)
    }
    const lost = await fails({ location: () => '/v2/team/app/blobs/uploads/999' })
    assert.match(lost.message, /has no upload of blob "sha256:\w+", it answered 404 BLOB_UPLOAD_UNKNOWN/)
  })

  test('stops when it is told to', async () => {
    await using registry = await startUploadRegistry(first('PUT', 9, 'stall'))
    await assert.rejects(upload(registry, { signal: AbortSignal.timeout(30) }), { code: 'INTERRUPTED' })
  })
})

describe('uploads and credentials', () => {
  /** A folder with the password for a registry. */
  async function home(host: string) {
    const folder = await makeTempDir('docker-')
    await writeFile(join(folder.path, 'config.json'), JSON.stringify({ auths: { [host]: { auth: BASIC } } }))
    return folder
  }

  test('an expired token is replaced in the middle of an upload, by a fresh body', async () => {
    let [tokens, revoked] = [0, 0]
    const issued = new Set<string>()
    await using realm = await startServer((request, response) => {
      assert.equal(request.headers.authorization, `Basic ${BASIC}`)
      const token = `token-${++tokens}`
      issued.add(token)
      response.end(JSON.stringify({ token, expires_in: 300 }))
    })
    const challenge = { 'www-authenticate': `Bearer realm="${realm.origin}/token",service="s"` }
    await using registry = await startUploadRegistry({
      fault: ({ method, url, authorization }) => {
        const isKnown = issued.has((authorization ?? '').replace('Bearer ', ''))
        if (isKnown && (method === 'PUT' || method === 'PATCH') && revoked++ < 2) issued.clear()
        return issued.has((authorization ?? '').replace('Bearer ', '')) && url !== '/v2/'
          ? undefined
          : { status: 401, headers: challenge }
      },
    })
    await using config = await home(registry.host)
    await upload(registry, { home: config.path, chunkBytes: 300_000 })
    assert.ok(registry.blobs.get(DIGEST)?.equals(CONTENT))
    assert.ok(tokens >= 3)
    assert.ok(registry.requests.every(({ headers }) => !headers.authorization?.includes(BASIC)))
  })

  test('401 without a challenge, and 403, are a denial that names who denies', async () => {
    for (const status of [401, 403]) {
      const { code, message, hint } = await fails({
        fault: ({ method }) => (method === 'PUT' ? { status, code: 'DENIED' } : undefined),
      })
      assert.equal(code, 'ACCESS_DENIED')
      assert.match(message, /registry "127\.0\.0\.1:\d+" denies access to upload of blob .*, it answered 40[13] DENIED/)
      assert.match(hint ?? '', /docker login 127\.0\.0\.1:\d+/)
    }
  })

  test('another host that the upload goes to is not told who we are', async () => {
    await using storage = await startUploadRegistry()
    const strangers: (string | undefined)[] = []
    // The same upload has to be there.
    await fetch(`${storage.origin}/v2/team/app/blobs/uploads/`, { method: 'POST' })
    await using registry = await startUploadRegistry({
      fault: ({ authorization, url }) =>
        authorization === `Basic ${BASIC}` && url !== '/v2/'
          ? undefined
          : { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } },
      location: () => `${storage.origin}/v2/team/app/blobs/uploads/1`,
    })
    await using config = await home(registry.host)
    await upload(registry, { home: config.path })
    assert.ok(storage.blobs.get(DIGEST)?.equals(CONTENT))
    for (const { method, headers } of storage.requests) {
      strangers.push(method)
      assert.equal(headers.authorization, undefined)
      assert.ok(!JSON.stringify(headers).includes(BASIC))
    }
    assert.deepEqual(strangers, ['POST', 'PUT'])
    assert.ok(registry.requests.some(({ headers }) => headers.authorization === `Basic ${BASIC}`))
  })

  test('a redirect of an upload takes the body along and the password not, and 303 is refused', async () => {
    await using storage = await startServer((request, response) => {
      assert.equal(request.headers.authorization, undefined)
      request.resume().on('end', () => response.writeHead(201).end())
    })
    const redirect = (status: number): UploadBehaviour => ({
      fault: ({ method, authorization }) => {
        if (authorization === undefined) return { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } }
        return method === 'PUT' ? { status, headers: { location: `${storage.origin}/there` } } : undefined
      },
    })
    for (const status of [307, 308, 303, 302, 301]) {
      await using registry = await startUploadRegistry(redirect(status))
      await using config = await home(registry.host)
      const uploaded = upload(registry, { home: config.path })
      if (status >= 307) assert.equal((await uploaded).outcome, 'uploaded')
      else await assert.rejects(uploaded, /redirects a PUT with 30\d, it should be 307 or 308/)
    }
    assert.equal(storage.requests.length, 2)
  })

  test('no error shows a secret, not even one that the registry repeats', async () => {
    await using registry = await startUploadRegistry({
      fault: ({ method, authorization }) => {
        if (authorization === undefined) return { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } }
        return method === 'PUT' ? { status: 500, code: `E-${BASIC}` } : undefined
      },
    })
    await using config = await home(registry.host)
    await assert.rejects(upload(registry, { home: config.path }), (error: Error) => {
      for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
        assert.ok(!`${cause.message} ${(cause as DockerToolsError).hint}`.includes(PASSWORD), cause.message)
        assert.ok(!cause.message.includes(BASIC), cause.message)
      }
      return true
    })
  })
})

describe('putManifest()', () => {
  test('gets through failures, and notices another digest', async () => {
    const bytes = Buffer.from('{"schemaVersion":2}')
    const manifest = { mediaType: 'application/vnd.oci.image.manifest.v1+json', bytes }
    let failures = 0
    await using registry = await startUploadRegistry({
      fault: ({ method }) => (method === 'PUT' && failures++ < 3 ? { status: 503 } : undefined),
    })
    const client = openRegistry(parseReference(`${registry.host}/a/b:1`), 'push', { patience: PATIENCE })
    assert.equal(await putManifest(client, '1', manifest), digestOfBytes(bytes))
    assert.ok(registry.manifests.get('1')?.equals(bytes))
    await using lying = await startServer((_, response) => {
      response.writeHead(201, { 'docker-content-digest': digestOfBytes('x') }).end()
    })
    const other = openRegistry(parseReference(`${lying.host}/a/b:1`), 'push', { patience: PATIENCE })
    await assert.rejects(putManifest(other, '1', manifest), { code: 'DIGEST_MISMATCH' })
  })
})

/** How many random runs; more behind an environment switch. */
const RUNS = Number(process.env['DOCKERTOOLS_CHAOS_RUNS'] ?? 40)

test(`${RUNS} random runs end in the right blob or in an error that says where`, async () => {
  const outcomes = new Map<string, number>()
  await using scratch = await makeTempDir('runs-')
  let early = 0
  for (let run = 0; run < RUNS; run++) {
    // After some everything is loaded; what is held grows no more from there.
    if (run === 20) early = await liveBytes()
    const outcome = await uploadThroughFaults(run, scratch.path)
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  if (RUNS > 40) console.log(JSON.stringify(Object.fromEntries(outcomes)))
  const grown = (await liveBytes()) - early
  assert.ok(grown < 8_000_000, `${grown} more bytes are held than after the first runs`)
  const good = outcomes.get('uploaded') ?? 0
  assert.ok(good > RUNS / 4 && good < RUNS, `${good} of ${RUNS} runs got through`)
})

/** @returns `uploaded`, or the code of the error. */
async function uploadThroughFaults(run: number, folder: string): Promise<string> {
  let state = run * 7919 + 1
  const random = (below: number): number => {
    state = (state * 48271) % 0x7fffffff
    return state % below
  }
  let given = 0
  await using tokens = await startServer((_, response) => {
    response.end(JSON.stringify({ token: `${TOKEN}-${++given}`, expires_in: 300 }))
  })
  await using stranger = await startServer((request, response) => {
    request.resume()
    response.writeHead([403, 404, 500, 503][random(4)] ?? 404).end()
  })
  const faults: readonly (() => Fault)[] = [
    () => ({ status: [408, 429, 500, 502, 503, 504][random(6)] ?? 500 }),
    () => ({ status: 429, headers: { 'retry-after': ['0', '1', '86400', 'soon'][random(4)] ?? '0' } }),
    () => ({ status: [400, 404, 409, 416, 413, 401, 403][random(7)] ?? 404 }),
    () => ({ resetAfter: random(CONTENT.length) }),
    () => 'lose-answer',
    () => 'stall',
    () => ({ status: 202, headers: { range: `0-${random(2 * CONTENT.length)}`, location: '/v2/x/blobs/uploads/7' } }),
    () => ({ status: 202, headers: { location: ['gopher://x', 'http://[', `${stranger.origin}/u`][random(3)] ?? '' } }),
    () => ({ status: 400, code: 'DIGEST_INVALID' }),
    () => ({ status: [301, 302, 303, 307, 308][random(5)] ?? 307, headers: { location: `${stranger.origin}/there` } }),
  ]
  const severity = 3 + random(8)
  const challenge = { 'www-authenticate': `Basic realm="r", Bearer realm="${tokens.origin}/token",service="s"` }
  await using registry = await startUploadRegistry({
    fault: ({ url, authorization }) => {
      if (url === '/v2/') return undefined
      // Tokens end when they like, in the middle of an upload too.
      if (authorization !== `Bearer ${TOKEN}-${given}` || random(12) === 0) return { status: 401, headers: challenge }
      return random(severity) === 0 ? faults[random(faults.length)]?.() : undefined
    },
    ...(random(3) === 0 ? { mostOfPatch: 100_000 } : {}),
  })
  const home = join(folder, `${run}`)
  await mkdir(home)
  await writeFile(join(home, 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth: BASIC } } }))
  const chunks = random(2) === 0 ? { chunkBytes: 50_000 + random(400_000) } : {}
  const patience = { ...PATIENCE, stallMs: 150, maxDelayMs: 1000 }
  const goAhead = random(2) === 0
  const failure = await upload(registry, {
    ...chunks,
    goAhead,
    home,
    patience,
    signal: AbortSignal.timeout(LIMIT_MS),
  }).then(
    () => undefined,
    (error: unknown) => error as DockerToolsError,
  )
  for (const [digest, bytes] of registry.blobs) assert.equal(digest, digestOfBytes(bytes))
  for (const { headers } of stranger.requests) assert.equal(headers.authorization, undefined)
  assert.ok(registry.requests.every(({ headers }) => headers.authorization?.includes(BASIC) !== true))
  if (failure === undefined) {
    assert.ok(registry.blobs.get(DIGEST)?.equals(CONTENT), `${run}`)
    return 'uploaded'
  }
  assert.ok(failure.message.startsWith(`Cannot push "${registry.host}/team/app": `), `${run}: ${failure.message}`)
  assert.notEqual(failure.code, 'INTERRUPTED', `${run} hangs`)
  for (let cause: unknown = failure; cause instanceof Error; cause = cause.cause) {
    assert.doesNotMatch(`${cause.message} ${cause.stack} ${(cause as DockerToolsError).hint}`, SECRETS, `${run}`)
  }
  return failure.code
}
