import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { pushImage, streamLayeredImage } from '#docker-tools'
import { type Certificates, makeCertificates } from '../support/certificates.ts'
import { useOwnHome } from '../support/own-home.ts'
import { type DockerDaemon, startDockerDaemon } from './docker-daemon.ts'
import { type DockerRegistry, type RegistrySetup, startDockerRegistry } from './docker-registry.ts'
import { BUSYBOX, needs, needsRoot } from './needs.ts'
import { attempt, type Command, run } from './run.ts'
import { startProcess } from './start-process.ts'
import { HTPASSWD, PASSWORD, type RegistryTokenServer, startTokenServer } from './token-server.ts'
import { addBusybox, makeWorkshop, type Workshop, writeFiles } from './workshop.ts'

useOwnHome()

const AUTH = Buffer.from(`alice:${PASSWORD}`).toString('base64')
const ARGS = { name: 'mode', tag: '1', config: { Cmd: ['/bin/cat', '/base'] }, architecture: 'amd64' }
const CONTENTS = ['./busybox', './below']
const MODES = ['password', 'token', 'own-authority', 'helper'] as const

suite('every way to log in to a real registry', needs('docker-registry', 'skopeo', 'openssl', BUSYBOX), () => {
  let shop: Workshop
  let certificates: Certificates
  let tokens: RegistryTokenServer
  const registries = new Map<string, DockerRegistry>()
  /** All that any of our processes wrote. */
  let printed = ''
  /** What processes of this machine were started with. */
  let startedWith = ''

  before(async () => {
    shop = await makeWorkshop()
    certificates = makeCertificates(join(shop.path, 'certificates'))
    tokens = await startTokenServer(certificates.client, () => Math.floor(Date.now() / 1000))
    await addBusybox(join(shop.path, 'busybox'))
    await writeFiles(shop.path, { 'below/base': 'base', htpasswd: HTPASSWD, 'token.crt': certificates.client.cert })
    mkdirSync(join(shop.path, 'certs'))
    copyFileSync(certificates.files.authority, join(shop.path, 'certs/ca.crt'))
    for (const mode of MODES) registries.set(mode, await startDockerRegistry(setupOf(mode)))
  })
  after(async () => {
    for (const registry of registries.values()) await registry[Symbol.asyncDispose]()
    await tokens?.[Symbol.asyncDispose]()
    await shop?.[Symbol.asyncDispose]()
  })

  function setupOf(mode: (typeof MODES)[number]): RegistrySetup {
    const { cert, key } = certificates.files
    const htpasswd = { htpasswd: { realm: 'r', path: join(shop.path, 'htpasswd') } }
    const token = {
      token: {
        realm: `${tokens.origin}/token`,
        service: 'test-service',
        issuer: 'test-issuer',
        rootcertbundle: join(shop.path, 'token.crt'),
      },
    }
    return {
      auth: mode === 'token' ? token : htpasswd,
      ...(mode === 'own-authority' ? { tls: { certificate: cert, key } } : {}),
    }
  }

  /** A folder for `DOCKER_CONFIG`. */
  function login(mode: string, registry: string, auth = AUTH): string {
    const folder = join(shop.path, `login-${mode}-${auth.slice(-4)}`)
    mkdirSync(folder, { recursive: true })
    const helper = { credHelpers: { [registry]: 'testing' } }
    const config = mode === 'helper' ? helper : { auths: { [registry]: { auth } } }
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
    const answer = JSON.stringify({ ServerURL: registry, Username: 'alice', Secret: PASSWORD })
    // What it was started with is looked at.
    const script = `#!/bin/sh\necho "$@" >> '${folder}/asked'\ncat > '${folder}/question'\necho '${answer}'\n`
    writeFileSync(join(folder, 'docker-credential-testing'), script, { mode: 0o755 })
    return folder
  }

  /** Runs dockertools, keeps what it says, and gives its standard output. */
  async function ours(folder: string, ...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await attempt(command(folder, ...args))
    printed += stdout + stderr
    assert.equal(code, 0, stderr)
    return stdout
  }

  /** The same, of a command that has to fail. */
  async function refused(folder: string, ...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await attempt(command(folder, ...args, '--debug'))
    printed += stdout + stderr
    assert.equal(code, 1, stderr)
    return stderr
  }

  function command(folder: string, ...args: readonly string[]): Command {
    const made = shop.command(...args, '--cert-dir', join(shop.path, 'certs'), '--log-format', 'json')
    const path = `${folder}:${process.env['PATH']}`
    return { ...made, env: { ...made.env, DOCKER_CONFIG: folder, PATH: path } }
  }

  function theirs(folder: string, ...args: readonly string[]): Command {
    const auth = join(folder, 'plain.json')
    return {
      program: 'skopeo',
      args: ['--insecure-policy', ...args],
      env: { ...process.env, HOME: shop.path, XDG_RUNTIME_DIR: shop.path, REGISTRY_AUTH_FILE: auth },
    }
  }

  /** An image of its own for each mode: what an engine knows it does not fetch again. */
  const recipe = (mode: string) =>
    streamLayeredImage({ ...ARGS, config: { ...ARGS.config, Env: [`MODE=${mode}`] }, contents: CONTENTS })

  async function pushed(mode: string): Promise<{ host: string; name: string; folder: string; id: string }> {
    const { host } = registries.get(mode)!
    const name = `${host}/team/app:${mode}`
    const folder = login(mode, host)
    writeFileSync(join(folder, 'plain.json'), JSON.stringify({ auths: { [host]: { auth: AUTH } } }))
    const { imageId: id } = await recipe(mode).writeTo({ write: () => undefined }, { baseDirectory: shop.path })
    const args = { ...ARGS, config: { ...ARGS.config, Env: [`MODE=${mode}`] }, contents: CONTENTS }
    const definition = await shop.define(mode, 'streamLayeredImage', args)
    const said = await ours(folder, 'push', definition, name)
    assert.match(said, new RegExp(`^${name}@sha256:[0-9a-f]{64}\n$`))
    return { host, name, folder, id }
  }

  for (const mode of MODES) {
    test(`${mode}: push and pull, and nobody else may`, async () => {
      const { host, name, folder, id } = await pushed(mode)
      const tls = [
        '--src-cert-dir',
        join(shop.path, 'certs'),
        ...(mode === 'own-authority' ? [] : ['--src-tls-verify=false']),
      ]
      const archive = `docker-archive:${shop.path}/theirs-${mode}.tar:${name}`
      await run(theirs(folder, 'copy', '-q', ...tls, `docker://${name}`, archive))
      const file = join(shop.path, `ours-${mode}.tar`)
      await ours(folder, 'pull', name, '-o', file)
      assert.ok(readFileSync(file).equals(readFileSync(join(shop.path, `theirs-${mode}.tar`))))
      const report = JSON.parse(await ours(folder, 'inspect', name, '--json')) as { imageId?: string }
      assert.ok(JSON.stringify(report).includes(id))

      const stranger = login('stranger', host, Buffer.from('alice:wrong-pa55').toString('base64'))
      const nobody = join(shop.path, 'nobody')
      mkdirSync(nobody, { recursive: true })
      for (const [who, ask] of [
        [stranger, ['pull', name, '-o', 'never.tar']],
        [stranger, ['push', `${mode}.json`, name]],
        [nobody, ['push', `${mode}.json`, name]],
      ] as const) {
        const said = await refused(who, ...ask)
        assert.match(said, /ACCESS_DENIED/)
        assert.match(said, /docker login|do not allow this/)
      }
    })
  }

  test('helper: it is asked by its standard input, with no secret among its arguments', () => {
    const folder = login('helper', registries.get('helper')!.host)
    const asked = readFileSync(join(folder, 'asked'), 'utf8').trim().split('\n')
    assert.deepEqual(new Set(asked), new Set(['get']))
    assert.equal(readFileSync(join(folder, 'question'), 'utf8'), `${registries.get('helper')!.host}\n`)
  })

  test('no argument of a process, and nothing that reporters are told, has a secret in it', async () => {
    const { host } = registries.get('token')!
    const folder = login('token', host)
    // Reads what all processes were started with, as long as the push goes on.
    const script = 'while :; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "; done'
    await using watcher = startProcess({ program: 'sh', args: ['-c', script] })
    const events: string[] = []
    await pushImage(recipe('events'), `${host}/team/events:1`, {
      baseDirectory: shop.path,
      cacheDirectory: join(shop.path, 'events-cache'),
      environment: { DOCKER_CONFIG: folder },
      onEvent: (event) => events.push(JSON.stringify(event)),
    })
    assert.ok(events.length > 3)
    printed += events.join('\n')
    await ours(folder, 'push', 'token.json', `${host}/team/watched:1`)
    startedWith = watcher.said()
    assert.ok(startedWith.includes('docker-registry'))
  })

  test('nothing that was printed has a secret in it', () => {
    assert.ok(printed.length > 5000)
    const secrets = [PASSWORD, AUTH, 'wrong-pa55', Buffer.from('alice:wrong-pa55').toString('base64'), ...tokens.given]
    assert.ok(tokens.given.length > 3)
    for (const secret of secrets) {
      assert.ok(!printed.includes(secret), 'a secret was printed')
      assert.ok(!startedWith.includes(secret), 'a secret was an argument')
      assert.ok(!printed.includes(encodeURIComponent(secret)), 'a secret was printed')
    }
    assert.doesNotMatch(printed, /authorization["']?: |Bearer e|Basic [A-Za-z0-9+]{8}/i)
    // A token is in three parts, each of which would do.
    for (const token of tokens.given) assert.ok(!printed.includes(token.split('.')[2] ?? token))
  })

  suite('pulled by engines', needsRoot('dockerd', 'docker', 'podman', 'runc', 'unshare'), () => {
    let daemon: DockerDaemon
    before(async () => {
      daemon = await startDockerDaemon(join(shop.path, 'd'))
    })
    after(() => daemon?.[Symbol.asyncDispose]())

    for (const mode of MODES) {
      test(`${mode}: Docker, podman and skopeo see the image ID that it has here`, async () => {
        const { name, folder, id } = await pushed(mode)
        const pull = daemon.command('pull', '-q', name)
        // Docker trusts whatever is at a loopback address.
        await run({ ...pull, env: { ...pull.env, DOCKER_CONFIG: dockerLogin(folder) } })
        assert.equal((await daemon.inspect(name)).Id, id)
        assert.equal(await daemon.docker('run', '--rm', name), 'base')

        const state = ['--root', join(shop.path, 'p'), '--runroot', join(shop.path, 'r'), '--storage-driver', 'vfs']
        const isPlain = mode !== 'own-authority'
        const trust = ['--cert-dir', join(shop.path, 'certs'), ...(isPlain ? ['--tls-verify=false'] : [])]
        const auth = ['--authfile', join(folder, 'plain.json')]
        const args = [...state, 'pull', '-q', ...trust, ...auth, name]
        assert.equal(`sha256:${(await run({ program: 'podman', args })).trim()}`, id)

        const inspect = ['inspect', '--config', '--raw', ...trust, `docker://${name}`]
        const config = await run(theirs(folder, ...inspect))
        assert.equal(`sha256:${createHash('sha256').update(config).digest('hex')}`, id)
      })
    }
  })

  function dockerLogin(folder: string): string {
    const own = join(folder, 'docker')
    mkdirSync(own, { recursive: true })
    copyFileSync(join(folder, 'plain.json'), join(own, 'config.json'))
    return own
  }
})
