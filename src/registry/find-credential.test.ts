import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { DockerToolsError } from '#errors'
import { withReporter } from '#events'
import { makeTempDir, type TempDir } from '#util'
import { askCredentialHelper } from './ask-credential-helper.ts'
import { findCredential } from './find-credential.ts'

const SECRET = 'p4ss:w0rd'

function auth(user: string, password = SECRET): { readonly auth: string } {
  return { auth: Buffer.from(`${user}:${password}`).toString('base64') }
}

describe('findCredential()', () => {
  let scratch: TempDir
  let home: string
  let count = 0
  before(async () => {
    scratch = await makeTempDir('credentials-')
  })
  after(async () => await scratch[Symbol.asyncDispose]())

  /** A home with these files in it. */
  function makeHome(files: Readonly<Record<string, unknown>>): string {
    home = join(scratch.path, `home-${count++}`)
    mkdirSync(home)
    for (const [name, value] of Object.entries(files)) {
      mkdirSync(dirname(join(home, name)), { recursive: true })
      writeFileSync(join(home, name), typeof value === 'string' ? value : JSON.stringify(value))
    }
    return home
  }

  async function userFor(
    registry: string,
    repository: string,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<string | undefined> {
    const found = await findCredential(registry, repository, {
      environment: { HOME: home, PATH: `${home}/bin:${process.env['PATH']}`, ...environment },
      signal: undefined,
    })
    if (found === undefined) return undefined
    return found.type === 'password' ? found.username : `${found.type} ${found.token}`
  }

  function helper(name: string, script: string): Readonly<Record<string, string>> {
    const path = join(home, 'bin', `docker-credential-${name}`)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, `#!/bin/sh\nread server\n${script}\n`)
    chmodSync(path, 0o755)
    return {}
  }

  test('finds nothing where there is nothing', async () => {
    makeHome({})
    assert.equal(await userFor('docker.io', 'library/redis'), undefined)
    makeHome({ '.docker/config.json': '' })
    assert.equal(await userFor('docker.io', 'library/redis'), undefined)
  })

  test('the password may have colons', async () => {
    makeHome({ '.docker/config.json': { auths: { 'r.io': auth('alice') } } })
    const options = { environment: { HOME: home }, signal: undefined }
    assert.deepEqual(await findCredential('r.io', 'a', options), {
      type: 'password',
      username: 'alice',
      password: SECRET,
    })
  })

  test('takes the nearest of scoped keys', async () => {
    makeHome({
      '.config/containers/auth.json': {
        auths: { 'r.io': auth('host'), 'r.io/a': auth('folder'), 'r.io/a/b': auth('repository') },
      },
    })
    assert.equal(await userFor('r.io', 'a/b'), 'repository')
    assert.equal(await userFor('r.io', 'a/c'), 'folder')
    assert.equal(await userFor('r.io', 'ab/c'), 'host')
    assert.equal(await userFor('r.io:443', 'a/b'), undefined)
    assert.equal(await userFor('xr.io', 'a/b'), undefined)
  })

  for (const key of ['https://index.docker.io/v1/', 'docker.io', 'index.docker.io', 'https://registry-1.docker.io/']) {
    test(`${key} is Docker Hub`, async () => {
      makeHome({ '.docker/config.json': { auths: { [key]: auth('hub') } } })
      assert.equal(await userFor('docker.io', 'library/redis'), 'hub')
      assert.equal(await userFor('evil.io', 'library/redis'), undefined)
    })
  }

  test('keys may be URLs; a path without a scheme is for that path', async () => {
    makeHome({
      '.docker/config.json': { auths: { 'https://r.io/v2/': auth('url'), 's.io/only/this': auth('path') } },
    })
    assert.equal(await userFor('r.io', 'x'), 'url')
    assert.equal(await userFor('s.io', 'only/this'), 'path')
    assert.equal(await userFor('s.io', 'only/that'), undefined)
  })

  test('podman comes before Docker, and files that are named exclude the others', async () => {
    const file = (user: string) => ({ auths: { 'r.io': auth(user) } })
    makeHome({
      'run/containers/auth.json': file('runtime'),
      '.config/containers/auth.json': file('podman'),
      '.docker/config.json': file('docker'),
      'named/config.json': file('named docker'),
      'auth.json': file('named'),
      'empty.json': {},
    })
    assert.equal(await userFor('r.io', 'x', { XDG_RUNTIME_DIR: `${home}/run` }), 'runtime')
    assert.equal(await userFor('r.io', 'x'), 'podman')
    assert.equal(await userFor('r.io', 'x', { DOCKER_CONFIG: `${home}/named` }), 'named docker')
    assert.equal(await userFor('r.io', 'x', { REGISTRY_AUTH_FILE: `${home}/auth.json` }), 'named')
    const both = { DOCKER_CONFIG: `${home}/named`, REGISTRY_AUTH_FILE: `${home}/empty.json` }
    assert.equal(await userFor('r.io', 'x', both), 'named docker')
    assert.equal(await userFor('r.io', 'x', { REGISTRY_AUTH_FILE: `${home}/gone.json` }), undefined)
  })

  test('tokens are told from passwords', async () => {
    makeHome({
      '.docker/config.json': {
        auths: { 'a.io': { ...auth('x'), identitytoken: 'one' }, 'b.io': { registrytoken: 'two' }, 'c.io': {} },
      },
    })
    assert.equal(await userFor('a.io', 'x'), 'identity-token one')
    assert.equal(await userFor('b.io', 'x'), 'registry-token two')
    assert.equal(await userFor('c.io', 'x'), undefined)
  })

  test('a helper of the registry comes first, the one for all last', async () => {
    makeHome({
      '.docker/config.json': {
        auths: { 'a.io': auth('file'), 'b.io': auth('file'), 'c.io': {} },
        credHelpers: { 'a.io': 'own' },
        credsStore: 'all',
      },
    })
    helper('own', 'echo "{\\"Username\\":\\"own $1 $server\\",\\"Secret\\":\\"s\\"}"')
    helper('all', 'echo "{\\"Username\\":\\"<token>\\",\\"Secret\\":\\"all $1 $server\\"}"')
    assert.equal(await userFor('a.io', 'x'), 'own get a.io')
    assert.equal(await userFor('b.io', 'x'), 'file')
    assert.equal(await userFor('c.io', 'x'), 'identity-token all get c.io')
    assert.equal(await userFor('docker.io', 'x'), 'identity-token all get https://index.docker.io/v1/')
  })

  test('a helper that knows nothing is no failure', async () => {
    makeHome({ '.docker/config.json': { auths: { 'a.io': auth('file') }, credHelpers: { 'a.io': 'own' } } })
    helper('own', 'echo "credentials not found in native keychain"; exit 1')
    assert.equal(await userFor('a.io', 'x'), 'file')
  })

  test('a helper that fails is told, and nothing that it printed', async () => {
    makeHome({ '.docker/config.json': { credsStore: 'bad' } })
    const events: string[] = []
    for (const [script, message] of [
      ['echo TOPSECRET; echo TOPSECRET >&2; exit 3', /ended with status 3/],
      ['echo "{TOPSECRET"', /not valid JSON/],
      ['echo "[\\"TOPSECRET\\"]"', /should have "Username"/],
      ['kill -9 $$', /status of a signal/],
    ] as const) {
      helper('bad', script)
      await withReporter(
        (event) => void events.push(JSON.stringify(event)),
        async () => {
          await assert.rejects(userFor('a.io', 'x'), (error: unknown) => {
            assert.ok(error instanceof DockerToolsError)
            assert.equal(error.code, 'CREDENTIALS_UNAVAILABLE')
            assert.match(error.message, message)
            assert.doesNotMatch(`${error.stack} ${error.hint} ${String(error.cause)}`, /TOPSECRET/)
            return true
          })
        },
      )
    }
    assert.doesNotMatch(events.join(), /TOPSECRET/)
  })

  test('a helper that hangs or never stops to talk is ended, and what it has started is not waited for', async () => {
    makeHome({})
    const environment = { PATH: `${home}/bin:${process.env['PATH']}` }
    const ask = async (script: string, timeLimitMs = 10_000) => {
      helper('odd', script)
      return await askCredentialHelper('odd', 'a.io', { environment, signal: undefined, timeLimitMs })
    }
    // The shell waits for another program, which has its output too.
    await assert.rejects(ask('sleep 20; echo', 2000), {
      code: 'CREDENTIALS_UNAVAILABLE',
      message: /it has not answered for 2 seconds/,
    })
    await assert.rejects(ask('yes TOPSECRET'), {
      code: 'CREDENTIALS_UNAVAILABLE',
      message: /it has printed more than 1048576 bytes$/,
    })
    const found = await ask('sleep 20 & echo "{\\"Username\\":\\"me\\",\\"Secret\\":\\"s\\"}"')
    assert.deepEqual(found, { type: 'password', username: 'me', password: 's' })
  })

  test('a helper that is not there, or has a name with a path, is told', async () => {
    makeHome({ '.docker/config.json': { credsStore: 'gone', credHelpers: { 'b.io': '../../x' } } })
    await assert.rejects(userFor('a.io', 'x'), { code: 'PROGRAM_MISSING' })
    await assert.rejects(userFor('b.io', 'x'), { code: 'CREDENTIALS_UNAVAILABLE' })
  })

  for (const [what, text, message] of [
    ['broken JSON', '{"auths": {"r.io": {"auth": "VE9QU0VDUkVU', /not valid JSON/],
    ['no object', '["TOPSECRET"]', /JSON object/],
    ['an auth without a colon', '{"auths": {"r.io": {"auth": "VE9QU0VDUkVU"}}}', /"auth" of "r.io"/],
  ] as const) {
    test(`${what} is told without what is in it`, async () => {
      makeHome({ '.docker/config.json': text })
      await assert.rejects(userFor('r.io', 'x'), (error: unknown) => {
        assert.ok(error instanceof DockerToolsError)
        assert.equal(error.code, 'FORMAT_INVALID')
        assert.match(error.message, message)
        assert.doesNotMatch(`${error.stack} ${String(error.cause)}`, /TOPSECRET|VE9QU0VDUkVU/)
        return true
      })
    })
  }
})
