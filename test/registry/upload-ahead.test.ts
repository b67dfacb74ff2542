import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ImageReference, isNewRepository, openRegistry, parseReference, UploadAhead } from '#registry'
import { parseDigest } from '#image'
import { digestOfBytes, startServer } from '../support/fake-registry.ts'
import { useOwnHome } from '../support/own-home.ts'
import { startUploadRegistry, type UploadBehaviour } from '../support/upload-registry.ts'

useOwnHome()

const CONTENT = Buffer.from(Array.from({ length: 400_000 }, (_, index) => (index * 7 + (index >> 8) * 13) & 0xff))
const BLOB = { digest: parseDigest(digestOfBytes(CONTENT)), size: CONTENT.length }
const PATIENCE = { attempts: 4, stallMs: 3000, firstDelayMs: 1, maxDelayMs: 50, random: () => 0 }

function clientOf(host: string, signal?: AbortSignal) {
  const reference: ImageReference = parseReference(`${host}/team/app:1`)
  return openRegistry(reference, 'push', { patience: PATIENCE, environment: {}, signal })
}

async function* content(): AsyncGenerator<Uint8Array> {
  for (let position = 0; position < CONTENT.length; position += 50_000) {
    yield await Promise.resolve(CONTENT.subarray(position, position + 50_000))
  }
}

/** Sends the content ahead to a registry that behaves so. */
async function goAhead(behaviour: UploadBehaviour, open = content) {
  await using registry = await startUploadRegistry(behaviour)
  let isSent: boolean
  {
    await using ahead = new UploadAhead(clientOf(registry.host), open)
    await ahead.settled()
    isSent = await ahead.finish(BLOB)
  }
  const methods = registry.requests.map(({ method }) => method).filter((method) => method !== 'GET')
  return { isSent, methods: methods.join(' '), held: registry.blobs.get(BLOB.digest) }
}

describe('UploadAhead', () => {
  test('sends bytes whose number and digest nobody knows yet, in one request, and names them at the end', async () => {
    const { isSent, methods, held } = await goAhead({})
    assert.equal(isSent, true)
    assert.ok(held?.equals(CONTENT))
    assert.equal(methods, 'POST PATCH PUT')
  })

  test('gives up at the first failure, and takes back what it has begun', async () => {
    const failing = (method: string): UploadBehaviour => ({
      fault: (request) => (request.method === method ? { status: 500 } : undefined),
    })
    const cases: readonly (readonly [UploadBehaviour, string])[] = [
      [failing('POST'), 'POST'],
      [failing('PATCH'), 'POST PATCH DELETE'],
      [failing('PUT'), 'POST PATCH PUT DELETE'],
      [{ fault: ({ method }) => (method === 'PATCH' ? { resetAfter: 100_000 } : undefined) }, 'POST PATCH DELETE'],
      // It says that it has taken less than it was sent.
      [{ range: () => '0-99' }, 'POST PATCH DELETE'],
      [{ mostOfPatch: 1000 }, 'POST PATCH DELETE'],
      // It calls the blob something else, and so has another one.
      [{ digestOf: () => digestOfBytes(Buffer.from('other')) }, 'POST PATCH PUT DELETE'],
      [{ location: () => undefined }, 'POST'],
    ]
    for (const [behaviour, expected] of cases) {
      const { isSent, methods } = await goAhead(behaviour)
      assert.deepEqual([isSent, methods], [false, expected])
    }
  })

  test('a source that breaks, and other bytes than those that are named, are no blob', async () => {
    const broken = await goAhead({}, async function* () {
      yield await Promise.resolve(CONTENT.subarray(0, 1000))
      throw new Error('the disk is on fire')
    })
    assert.deepEqual([broken.isSent, broken.held], [false, undefined])
    const other = await goAhead({}, async function* () {
      yield await Promise.resolve(Buffer.alloc(CONTENT.length, 'x'))
    })
    assert.deepEqual([other.isSent, other.held], [false, undefined])
  })

  test('stops when it is told to', async () => {
    await using registry = await startUploadRegistry()
    const stop = new AbortController()
    await using ahead = new UploadAhead(clientOf(registry.host, stop.signal), async function* () {
      yield await Promise.resolve(CONTENT)
      stop.abort()
      await new Promise(() => undefined)
    })
    assert.equal(await ahead.finish(BLOB), false)
  })
})

test('a repository is new where the registry does not know it, or no tag in it, and says so', async () => {
  const answers: readonly (readonly [boolean, number, string])[] = [
    [true, 404, '{"errors":[{"code":"NAME_UNKNOWN"}]}'],
    [false, 404, ''],
    [false, 404, '404 page not found'],
    [false, 404, '{"errors":[{"code":"NOT_FOUND"}]}'],
    [true, 200, '{"name":"team/app","tags":null}'],
    [true, 200, '{"name":"team/app","tags":[]}'],
    [false, 200, '{"name":"team/app","tags":["1"]}'],
    [false, 200, '{"name":"team/app"}'],
    [false, 200, '[]'],
    [false, 200, 'null'],
    [false, 200, '<html>'],
    [false, 200, `{"tags":[],"more":"${'x'.repeat(100_000)}"}`],
    [false, 204, ''],
    [false, 401, ''],
    [false, 403, ''],
    [false, 405, ''],
    [false, 500, ''],
  ]
  for (const [expected, status, body] of answers) {
    await using server = await startServer((request, response) => {
      const isList = request.url === '/v2/team/app/tags/list?n=1'
      response.writeHead(isList || request.url === '/v2/' ? status : 400).end(isList ? body : '')
    })
    assert.equal(await isNewRepository(clientOf(server.host)), expected, `${status} ${body.slice(0, 40)}`)
  }
})
