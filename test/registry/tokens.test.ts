import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { DockerToolsError } from '#errors'
import { openRegistry, parseReference } from '#registry'
import { makeTempDir, type TempDir } from '#util'
import { startServer, type TestServer } from '../support/fake-registry.ts'

const patience = { attempts: 2, firstDelayMs: 1, maxDelayMs: 5, stallMs: 5000 }

/** A registry that takes tokens `token-N:SCOPES`, and the server that gives them. */
interface Stage extends AsyncDisposable {
  readonly registry: TestServer
  readonly tokens: TestServer
  readonly folder: string
  ask(path?: string, scopes?: readonly string[]): Promise<string>
}

interface Setup {
  readonly auths?: Readonly<Record<string, unknown>>
  /** What the token server answers, after the token itself. */
  readonly token?: (number: number, url: URL) => { readonly status?: number; readonly body: unknown }
  readonly challenge?: (realm: string) => string
  /** Whether the registry takes this `Authorization` now. */
  readonly takes?: (authorization: string, number: number) => boolean
}

describe('tokens', () => {
  let scratch: TempDir
  before(async () => {
    scratch = await makeTempDir('tokens-')
  })
  after(async () => await scratch[Symbol.asyncDispose]())

  async function makeStage(setup: Setup = {}): Promise<Stage> {
    const stack = new AsyncDisposableStack()
    let given = 0
    const tokens = stack.use(
      await startServer((request, response) => {
        const url = new URL(request.url ?? '', 'http://x')
        let form = ''
        request.setEncoding('utf8').on('data', (text: string) => (form += text))
        request.once('end', () => {
          given++
          const scope = [...url.searchParams.getAll('scope'), new URLSearchParams(form).get('scope') ?? '']
          const { status = 200, body } = setup.token?.(given, url) ?? {
            body: { token: `token-${given}:${scope.join('|')}:${form}` },
          }
          response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
        })
      }),
    )
    const challenge =
      setup.challenge?.(`${tokens.origin}/token`) ?? `Bearer realm="${tokens.origin}/token",service="my service"`
    let asked = 0
    const registry = stack.use(
      await startServer((request, response) => {
        const { authorization = '' } = request.headers
        asked++
        if (authorization === '' || setup.takes?.(authorization, asked) === false) {
          response.writeHead(401, { 'www-authenticate': challenge }).end('{"errors":[{"code":"UNAUTHORIZED"}]}')
        } else response.end(authorization)
      }),
    )
    const folder = join(scratch.path, registry.host.replace(':', '-'))
    mkdirSync(folder)
    const auths = setup.auths ?? { [registry.host]: { auth: Buffer.from('alice:s3cret').toString('base64') } }
    const own = Object.fromEntries(Object.entries(auths).map(([key, value]) => [key || registry.host, value]))
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths: own }))
    const client = openRegistry(parseReference(`${registry.host}/a/b`), 'push', {
      environment: { DOCKER_CONFIG: folder },
      patience,
    })
    return {
      registry,
      tokens,
      folder,
      async ask(path = 'a/b/blobs/1', scopes = ['repository:a/b:pull']) {
        await using response = await client.request({ path, scopes, what: 'thing' })
        let text = ''
        for await (const chunk of response.body) text += Buffer.from(chunk).toString()
        return text
      },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    }
  }

  test('are asked for with the password, and kept for the same scopes', async () => {
    await using stage = await makeStage()
    assert.equal(await stage.ask(), 'Bearer token-1:repository:a/b:pull|:')
    assert.equal(await stage.ask(), 'Bearer token-1:repository:a/b:pull|:')
    const both = ['repository:a/b:pull,push', 'repository:c/d:pull']
    assert.equal(await stage.ask('x', both), 'Bearer token-2:repository:a/b:pull,push|repository:c/d:pull|:')
    assert.equal(
      await stage.ask('x', both.toReversed()),
      'Bearer token-2:repository:a/b:pull,push|repository:c/d:pull|:',
    )
    assert.equal(stage.tokens.requests.length, 2)
    const [first] = stage.tokens.requests
    assert.equal(first?.headers.authorization, `Basic ${Buffer.from('alice:s3cret').toString('base64')}`)
    assert.equal(first?.url, '/token?account=alice&scope=repository%3Aa%2Fb%3Apull&service=my+service')
    // The registry itself is told the token alone.
    for (const { headers } of stage.registry.requests) assert.doesNotMatch(headers.authorization ?? '', /^Basic/)
  })

  test('are asked for as anybody where there is no password', async () => {
    await using stage = await makeStage({ auths: {} })
    await stage.ask()
    assert.equal(stage.tokens.requests[0]?.headers.authorization, undefined)
    assert.equal(stage.tokens.requests[0]?.url, '/token?scope=repository%3Aa%2Fb%3Apull&service=my+service')
  })

  test('an identity token is exchanged by POST', async () => {
    await using stage = await makeStage({ auths: { '': { identitytoken: 'refresh me' } } })
    const form = new URLSearchParams((await stage.ask()).replace(/^.*:/, ''))
    assert.deepEqual(Object.fromEntries(form), {
      grant_type: 'refresh_token',
      client_id: 'dockertools',
      refresh_token: 'refresh me',
      service: 'my service',
      scope: 'repository:a/b:pull',
    })
    assert.equal(stage.tokens.requests[0]?.url, '/token')
  })

  test('an identity token does not follow a redirect to somebody else', async () => {
    await using other = await startServer((_, response) => response.end('{"token":"x"}'))
    await using stage = await makeStage({ auths: { '': { identitytoken: 'refresh me' } } })
    await using redirecting = await startServer((_, response) =>
      response.writeHead(307, { location: `${other.origin}/token` }).end(),
    )
    await using second = await makeStage({
      auths: { '': { identitytoken: 'refresh me' } },
      challenge: () => `Bearer realm="${redirecting.origin}/token"`,
    })
    await assert.rejects(second.ask(), { message: /credentials do not go there/ })
    assert.equal(other.requests.length, 0)
    assert.equal(stage.tokens.requests.length, 0)
  })

  test('a registry token is the token', async () => {
    await using stage = await makeStage({ auths: { '': { registrytoken: 'mine' } } })
    assert.equal(await stage.ask(), 'Bearer mine')
    assert.equal(stage.tokens.requests.length, 0)
  })

  test('that have ended are fetched anew, and so are those that the registry does not take any more', async () => {
    await using ended = await makeStage({
      token: (number) => ({ body: { access_token: `t${number}`, expires_in: 0 } }),
    })
    assert.deepEqual([await ended.ask(), await ended.ask()], ['Bearer t1', 'Bearer t2'])
    await using refused = await makeStage({
      token: (number) => ({ body: { token: `t${number}`, expires_in: 3600 } }),
      takes: (authorization, asked) => !(asked > 2 && authorization === 'Bearer t1'),
    })
    assert.deepEqual([await refused.ask(), await refused.ask(), await refused.ask()].at(-1), 'Bearer t2')
  })

  test('several challenges: the token one is taken, wherever it stands', async () => {
    await using stage = await makeStage({
      challenge: (realm) => `Negotiate, Basic realm="x", Bearer realm="${realm}",service="s"`,
    })
    assert.match(await stage.ask(), /^Bearer token-1/)
  })

  test('the scope of the challenge is asked for too', async () => {
    await using stage = await makeStage({
      challenge: (realm) => `Bearer realm="${realm}",scope="repository:other:pull"`,
    })
    assert.match(await stage.ask(), /repository:a\/b:pull\|repository:other:pull/)
  })

  for (const [what, setup, code, message] of [
    ['wrong password', { token: () => ({ status: 401, body: '' }) }, 'ACCESS_DENIED', /does not take the credentials/],
    [
      'no token for anybody',
      { auths: {}, token: () => ({ status: 403, body: '' }) },
      'ACCESS_DENIED',
      /no token to anybody/,
    ],
    ['HTML', { token: () => ({ body: '<html>s3cret-token' }) }, 'FORMAT_INVALID', /not valid JSON/],
    ['no token', { token: () => ({ body: {} }) }, 'FORMAT_INVALID', /has no "token"/],
    [
      'a token with a line',
      { token: () => ({ body: { token: 'a\r\nHost: x' } }) },
      'FORMAT_INVALID',
      /letters, digits/,
    ],
    ['a huge answer', { token: () => ({ body: 'x'.repeat(2_000_000) }) }, 'LIMIT_EXCEEDED', /1048576 bytes/],
    ['a token that is not enough', { takes: () => false }, 'ACCESS_DENIED', /401 UNAUTHORIZED/],
    ['a 401 without a challenge', { challenge: () => '' }, 'ACCESS_DENIED', /401 UNAUTHORIZED/],
    ['a challenge that nobody knows', { challenge: () => 'Negotiate' }, 'ACCESS_DENIED', /401/],
    ['a realm that is no URL', { challenge: () => 'Bearer realm="nowhere"' }, 'ACCESS_DENIED', /401/],
    [
      'a realm of another kind',
      { challenge: () => 'Bearer realm="file:///etc/passwd"' },
      'FORMAT_UNSUPPORTED',
      /https URL/,
    ],
  ] as const satisfies readonly (readonly [string, Setup, string, RegExp])[]) {
    test(`${what} is told`, async () => {
      await using stage = await makeStage(setup)
      await assert.rejects(stage.ask(), (error: DockerToolsError) => {
        assert.equal(error.code, code, error.message)
        assert.match(error.message, message)
        assert.doesNotMatch(`${error.stack} ${error.hint} ${String(error.cause)}`, /s3cret|YWxpY2U/)
        return true
      })
      assert.ok(stage.registry.requests.length <= 5)
    })
  }

  test('a server that repeats a secret in its message is not quoted with it', async () => {
    await using registry = await startServer((request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end()
      } else {
        const message = `no ${request.headers.authorization} s3cret\u001b[31m\nfor you`
        response.writeHead(403).end(JSON.stringify({ errors: [{ code: 'DENIED', message }] }))
      }
    })
    const folder = join(scratch.path, 'echo')
    mkdirSync(folder)
    const auth = Buffer.from('alice:s3cret').toString('base64')
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }))
    const client = openRegistry(parseReference(`${registry.host}/a`), 'pull', {
      environment: { DOCKER_CONFIG: folder },
    })
    await assert.rejects(client.request({ path: 'a/x', scopes: [], what: 'thing' }), (error: DockerToolsError) => {
      assert.equal(error.code, 'ACCESS_DENIED')
      assert.match(error.message, /DENIED \(no Basic \*\*\* \*\*\* \[31m for you\)/)
      assert.match(error.hint ?? '', /do not allow this/)
      return true
    })
  })
})
