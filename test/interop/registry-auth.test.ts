import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { inspectRemoteImage, type RegistryPullOptions, type RemoteImageReport } from '#docker-tools'
import type { DockerToolsError } from '#errors'
import { makeTempDir, type TempDir } from '#util'
import { type Certificates, makeCertificates } from '../support/certificates.ts'
import { type DockerRegistry, type RegistrySetup, startDockerRegistry } from './docker-registry.ts'
import { needs } from './needs.ts'
import { config, gzipLayer, plainTar, putShape, writeLayout } from './registry-images.ts'
import { run } from './run.ts'
import { HTPASSWD, PASSWORD, startTokenServer } from './token-server.ts'

const TAR = plainTar('file', 'content')
const SHAPE = {
  name: 'team/app',
  way: 'skopeo',
  images: [{ layers: [gzipLayer(TAR)], config: config([TAR]) }],
} as const
const patience = { attempts: 2, firstDelayMs: 1, maxDelayMs: 5, stallMs: 10_000 }

describe('a real registry that asks who we are', needs('docker-registry', 'skopeo', 'openssl'), () => {
  let scratch: TempDir
  let certificates: Certificates
  let layout: string
  before(async () => {
    scratch = await makeTempDir('auth-')
    certificates = makeCertificates(join(scratch.path, 'certificates'))
    layout = join(scratch.path, 'layout')
    mkdirSync(layout)
    writeLayout(SHAPE, layout)
    writeFileSync(join(scratch.path, 'htpasswd'), HTPASSWD)
  })
  after(async () => await scratch[Symbol.asyncDispose]())

  /** A registry with an image in it, pushed by skopeo as alice. */
  async function startFilled(setup: RegistrySetup): Promise<DockerRegistry> {
    const registry = await startDockerRegistry(setup)
    const user = setup.auth === undefined ? [] : ['--dest-creds', `alice:${PASSWORD}`]
    const tls = setup.tls === undefined ? 'false' : 'true'
    const certs = join(scratch.path, 'pushing')
    mkdirSync(certs, { recursive: true })
    copyFileSync(certificates.files.authority, join(certs, 'ca.crt'))
    await run({
      program: 'skopeo',
      args: [
        '--insecure-policy',
        'copy',
        '-q',
        `--dest-tls-verify=${tls}`,
        '--dest-cert-dir',
        certs,
        ...user,
        `oci:${layout}`,
        `docker://${registry.host}/${SHAPE.name}:v1`,
      ],
      env: { ...process.env, HOME: scratch.path, XDG_RUNTIME_DIR: scratch.path },
    })
    return registry
  }

  async function inspect(registry: DockerRegistry, options: RegistryPullOptions = {}): Promise<RemoteImageReport> {
    return await inspectRemoteImage(`${registry.host}/${SHAPE.name}:v1`, {
      cacheDirectory: null,
      environment: {},
      patience,
      ...options,
    })
  }

  /** The folder of a user with this password, for `DOCKER_CONFIG`. */
  function userWith(registry: DockerRegistry, password: string): { readonly DOCKER_CONFIG: string } {
    const folder = join(scratch.path, `user-${password}`)
    mkdirSync(folder, { recursive: true })
    const auth = Buffer.from(`alice:${password}`).toString('base64')
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }))
    return { DOCKER_CONFIG: folder }
  }

  function tellsOf(code: string, message: RegExp, hint: RegExp): (error: DockerToolsError) => boolean {
    return (error) => {
      assert.equal(error.code, code, error.message)
      assert.match(error.message, message)
      assert.match(error.hint ?? '', hint)
      return true
    }
  }

  test('by password', async () => {
    const auth = { htpasswd: { realm: 'r', path: join(scratch.path, 'htpasswd') } }
    await using registry = await startFilled({ auth })
    const { host } = registry
    assert.equal((await inspect(registry, { environment: userWith(registry, PASSWORD) })).layers.length, 1)
    await assert.rejects(
      inspect(registry),
      tellsOf(
        'ACCESS_DENIED',
        new RegExp(`^Cannot inspect "${host}/team/app": registry "${host}" denies`),
        /docker login/,
      ),
    )
    await assert.rejects(
      inspect(registry, { environment: userWith(registry, 'wrong') }),
      tellsOf('ACCESS_DENIED', /401 UNAUTHORIZED/, /do not allow this/),
    )
  })

  test('by token', async () => {
    await using tokens = await startTokenServer(certificates.client, () => Math.floor(Date.now() / 1000))
    const certificate = join(scratch.path, 'token.crt')
    writeFileSync(certificate, certificates.client.cert)
    const auth = {
      token: {
        realm: `${tokens.origin}/token`,
        service: 'test-service',
        issuer: 'test-issuer',
        rootcertbundle: certificate,
      },
    }
    await using registry = await startFilled({ auth })
    assert.equal((await inspect(registry)).layers.length, 1)
    assert.equal((await inspect(registry, { environment: userWith(registry, PASSWORD) })).layers.length, 1)
    await assert.rejects(
      inspect(registry, { environment: userWith(registry, 'wrong') }),
      tellsOf('ACCESS_DENIED', /does not take the credentials/, /docker login/),
    )
  })

  test('with a certificate of an authority of its own', async () => {
    const { cert: certificate, key } = certificates.files
    await using registry = await startFilled({ tls: { certificate, key } })
    await assert.rejects(
      inspect(registry),
      tellsOf('TRANSFER_FAILED', /the certificate of ".*" is not trusted/, /certs\.d.*tlsVerify = false/),
    )
    const folder = join(scratch.path, 'certs.d')
    mkdirSync(folder)
    copyFileSync(certificates.files.authority, join(folder, 'ca.crt'))
    assert.equal((await inspect(registry, { certificatesDirectory: folder })).layers.length, 1)
    const environment = { SSL_CERT_FILE: certificates.files.authority }
    assert.equal((await inspect(registry, { environment })).layers.length, 1)
    assert.equal((await inspect(registry, { tlsVerify: false })).layers.length, 1)
    const home = join(scratch.path, 'home')
    mkdirSync(join(home, '.config/containers/certs.d', registry.host), { recursive: true })
    copyFileSync(certificates.files.authority, join(home, '.config/containers/certs.d', registry.host, 'ca.crt'))
    assert.equal((await inspect(registry, { environment: { HOME: home } })).layers.length, 1)
  })

  test('that wants a certificate of ours', async () => {
    const { authority, cert: certificate, key } = certificates.files
    await using registry = await startDockerRegistry({ tls: { certificate, key, clientcas: [authority] } })
    const folder = join(scratch.path, 'with-client')
    mkdirSync(folder)
    copyFileSync(authority, join(folder, 'ca.crt'))
    await assert.rejects(inspect(registry, { certificatesDirectory: folder }), { code: 'TRANSFER_FAILED' })
    writeFileSync(join(folder, 'client.cert'), certificates.client.cert)
    await assert.rejects(inspect(registry, { certificatesDirectory: folder }), { code: 'FORMAT_INVALID' })
    for (const wrong of [certificates.server.key, 'nonsense']) {
      writeFileSync(join(folder, 'client.key'), wrong)
      await assert.rejects(inspect(registry, { certificatesDirectory: folder }), {
        code: 'FORMAT_INVALID',
        message: /the certificate ".*\/client\.cert": it and ".*\/client\.key" should be a pair in PEM/,
      })
    }
    writeFileSync(join(folder, 'other.crt'), 'nonsense')
    await assert.rejects(inspect(registry, { certificatesDirectory: folder }), {
      code: 'FORMAT_INVALID',
      message: /the certificate ".*\/other\.crt": it should be in PEM/,
    })
    rmSync(join(folder, 'other.crt'))
    writeFileSync(join(folder, 'client.key'), certificates.client.key)
    await assert.rejects(
      inspect(registry, { certificatesDirectory: folder }),
      tellsOf('IMAGE_MISSING', /has no manifest "v1".*MANIFEST_UNKNOWN/, /Check the name/),
    )
  })

  test('what is not there is told', async () => {
    await using registry = await startFilled({})
    await putShape({ ...SHAPE, way: 'put', name: 'other' }, `http://${registry.host}`)
    const options = { cacheDirectory: null, environment: {}, patience }
    await assert.rejects(
      inspectRemoteImage(`${registry.host}/team/app:v2`, options),
      tellsOf('IMAGE_MISSING', /has no manifest "v2", it answered 404 MANIFEST_UNKNOWN/, /Check the name/),
    )
    await assert.rejects(
      inspectRemoteImage(`${registry.host}/nobody/nothing`, options),
      tellsOf('IMAGE_MISSING', /has no manifest "latest"/, /Check the name/),
    )
    await assert.rejects(
      inspectRemoteImage(`${registry.host}/team/app@sha256:${'0'.repeat(64)}`, options),
      tellsOf('IMAGE_MISSING', /has no manifest "sha256:000/, /tag or digest/),
    )
  })
})
