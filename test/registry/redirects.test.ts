import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { HttpMethod } from '#http'
import { openRegistry, parseReference, type RegistryClient } from '#registry'
import { makeTempDir, type TempDir } from '#util'
import { type Certificates, makeCertificates } from '../support/certificates.ts'
import { type SeenRequest, startServer } from '../support/fake-registry.ts'
import { needs } from '../support/places.ts'

const BASIC = `Basic ${Buffer.from('alice:s3cret').toString('base64')}`
const patience = { attempts: 2, firstDelayMs: 1, maxDelayMs: 5, stallMs: 5000 }

/** Where each path of a server leads; everything else is an answer. */
type Routes = ReadonlyMap<string, { readonly status: number; readonly to: string }>

describe('credentials on the way through redirects', needs('openssl'), () => {
  let scratch: TempDir
  let certificates: Certificates
  before(async () => {
    scratch = await makeTempDir('redirects-')
    certificates = makeCertificates(join(scratch.path, 'certificates'))
  })
  after(async () => await scratch[Symbol.asyncDispose]())

  /** A registry that wants a password, as plain HTTP or not, another server beside it, and a client. */
  async function makeStage(isTls: boolean, areOthersTls: boolean) {
    const stack = new AsyncDisposableStack()
    const routes = new Map<string, { status: number; to: string }>()
    const otherRoutes = new Map<string, { status: number; to: string }>()
    const registry = stack.use(
      await startServer(
        (request, response) => {
          if (request.headers.authorization !== BASIC) {
            response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end('{}')
          } else answer(routes, request, response)
        },
        isTls ? certificates.server : undefined,
      ),
    )
    const other = stack.use(
      await startServer(
        (request, response) => answer(otherRoutes, request, response),
        areOthersTls ? certificates.server : undefined,
      ),
    )
    const folder = join(scratch.path, registry.host.replace(':', '-'))
    mkdirSync(join(folder, 'certs'), { recursive: true })
    writeFileSync(join(folder, 'certs', 'ca.crt'), certificates.authority)
    const auth = { [registry.host]: { auth: Buffer.from('alice:s3cret').toString('base64') } }
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths: auth }))
    const client = openRegistry(parseReference(`${registry.host}/a/b`), 'pull', {
      environment: { DOCKER_CONFIG: folder },
      certificatesDirectory: join(folder, 'certs'),
      patience,
    })
    return { registry, other, routes, otherRoutes, client, [Symbol.asyncDispose]: () => stack.disposeAsync() }
  }

  for (const method of ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE'] as const) {
    for (const [name, isTls, areOthersTls] of [
      ['http to http on another port', false, false],
      ['https to https on another port', true, true],
      ['http to https', false, true],
    ] as const) {
      test(`${method}, ${name}: the other server is told nothing, also on the way back`, async () => {
        await using stage = await makeStage(isTls, areOthersTls)
        const { registry, other, routes, otherRoutes } = stage
        routes.set('/v2/a/b/blobs/1', { status: 307, to: `${other.origin}/there?signature=x` })
        await send(stage.client, method, 'a/b/blobs/1')
        expectStrangerKnowsNothing(other.requests, method)
        assert.equal(registry.requests.at(-1)?.headers.authorization, BASIC)

        // There and back: what has been with a stranger does not get its credentials again.
        if (isTls !== areOthersTls) return
        otherRoutes.set('/there', { status: 307, to: `${registry.origin}/v2/back` })
        await assert.rejects(send(stage.client, method, 'a/b/blobs/1'), { code: 'ACCESS_DENIED' })
        expectStrangerKnowsNothing(other.requests, method)
        const back = registry.requests.filter(({ url }) => url === '/v2/back')
        assert.ok(back.length > 0)
        expectStrangerKnowsNothing(back, method)
      })
    }

    test(`${method}, https to http is refused`, async () => {
      await using stage = await makeStage(true, false)
      stage.routes.set('/v2/a/b/blobs/1', { status: 307, to: `${stage.other.origin}/there` })
      await assert.rejects(send(stage.client, method, 'a/b/blobs/1'), {
        code: 'TRANSFER_FAILED',
        message: /which is not encrypted/,
      })
      assert.equal(stage.other.requests.length, 0)
    })

    test(`${method}, on the same origin the credentials go along`, async () => {
      await using stage = await makeStage(false, false)
      stage.routes.set('/v2/a/b/blobs/1', { status: 308, to: '/v2/elsewhere' })
      await send(stage.client, method, 'a/b/blobs/1')
      const { url, headers } = stage.registry.requests.at(-1)!
      assert.deepEqual([url, headers.authorization], ['/v2/elsewhere', BASIC])
    })

    test(`${method}, the same address under another name is another host`, async () => {
      await using stage = await makeStage(false, false)
      const to = stage.registry.origin.replace('127.0.0.1', 'localhost')
      stage.routes.set('/v2/a/b/blobs/1', { status: 307, to: `${to}/v2/elsewhere` })
      await assert.rejects(send(stage.client, method, 'a/b/blobs/1'), { code: 'ACCESS_DENIED' })
      assert.equal(stage.registry.requests.at(-1)?.headers.authorization, undefined)
      const there = stage.registry.requests.filter(({ headers }) => headers.host?.startsWith('localhost:'))
      expectStrangerKnowsNothing(there, method)
      assert.equal(stage.registry.requests.at(-1), there.at(-1))
    })
  }

  for (const status of [301, 302, 303]) {
    test(`${status} is followed for HEAD and GET, and refused for what has a body`, async () => {
      await using stage = await makeStage(false, false)
      stage.routes.set('/v2/a/b/blobs/1', { status, to: `${stage.other.origin}/there` })
      for (const method of ['HEAD', 'GET'] as const) {
        await send(stage.client, method, 'a/b/blobs/1')
        expectStrangerKnowsNothing(stage.other.requests.slice(-1), method)
      }
      for (const method of ['PUT', 'POST', 'PATCH'] as const) {
        await assert.rejects(send(stage.client, method, 'a/b/blobs/1'), {
          message: new RegExp(`redirects a ${method} with ${status}, it should be 307 or 308`),
        })
      }
      assert.equal(stage.other.requests.length, 2)
    })
  }

  test('an upload that is sent elsewhere goes there without credentials', async () => {
    await using stage = await makeStage(false, false)
    const { client, other, registry } = stage
    await using started = await client.request({
      method: 'POST',
      path: 'a/b/blobs/uploads/',
      scopes: [],
      what: 'upload',
    })
    const path = client.locationOf({ ...started, headers: { location: `${other.origin}/upload?state=1` } })
    await send(client, 'PUT', path, {})
    expectStrangerKnowsNothing(other.requests, 'PUT')
    assert.equal(other.requests.at(-1)?.url, '/upload?state=1')
    assert.equal(registry.requests.at(-1)?.headers.authorization, BASIC)
    for (const location of ['ftp://x/', 'http://[', 'data:x']) {
      assert.throws(() => client.locationOf({ ...started, headers: { location } }), { code: 'FORMAT_INVALID' })
    }
    assert.throws(() => client.locationOf({ ...started, headers: {} }), { code: 'FORMAT_INVALID' })
  })

  test('the place of an upload may not be unencrypted where the registry is', async () => {
    await using stage = await makeStage(true, false)
    await using started = await stage.client.request({
      method: 'POST',
      path: 'a/b/uploads/',
      scopes: [],
      what: 'upload',
    })
    assert.throws(() => stage.client.locationOf({ ...started, headers: { location: `${stage.other.origin}/u` } }), {
      code: 'FORMAT_INVALID',
    })
  })

  test('a circle of redirects ends', async () => {
    await using stage = await makeStage(false, false)
    stage.routes.set('/v2/a/b/blobs/1', { status: 307, to: '/v2/a/b/blobs/1' })
    await assert.rejects(send(stage.client, 'GET', 'a/b/blobs/1'), { message: /redirects more than 10 times/ })
  })
})

function answer(routes: Routes, request: IncomingMessage, response: ServerResponse): void {
  const route = routes.get((request.url ?? '').replace(/\?.*/, ''))
  if (request.url?.startsWith('/v2/back') === true && request.headers.authorization !== BASIC) {
    return void response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end('{}')
  }
  request.resume()
  request.once('end', () => {
    if (route === undefined) response.end('fine')
    else response.writeHead(route.status, { location: route.to }).end()
  })
}

const SECRETS = { accept: 'a/b', cookie: 'secret', 'x-own': 'secret' }

async function send(
  client: RegistryClient,
  method: HttpMethod,
  path: string,
  headers: Readonly<Record<string, string>> = SECRETS,
): Promise<void> {
  const bytes = Buffer.from('the body')
  const hasBody = ['PUT', 'POST', 'PATCH'].includes(method)
  await using response = await client.request({
    method,
    path,
    scopes: [],
    what: 'thing',
    headers,
    ...(hasBody
      ? {
          body: {
            size: bytes.length,
            async *open() {
              yield bytes
            },
          },
        }
      : {}),
  })
  for await (const _ of response.body);
}

function expectStrangerKnowsNothing(requests: readonly SeenRequest[], method: string): void {
  assert.ok(requests.length > 0)
  const allowed = ['accept', 'accept-encoding', 'connection', 'content-length', 'content-type', 'host', 'user-agent']
  for (const request of requests) {
    assert.equal(request.method, method)
    for (const [header, value] of Object.entries(request.headers)) {
      assert.ok(allowed.includes(header), header)
      assert.doesNotMatch(String(value), /s3cret|secret|YWxpY2U/, header)
    }
  }
}
