import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { pullArchive } from '#docker-tools'
import { parseReference } from '#registry'
import { makeTempDir, type TempDir } from '#util'
import { collectingSink } from '../support/collect.ts'
import { type DockerRegistry, startDockerRegistry } from './docker-registry.ts'
import { needs } from './needs.ts'
import {
  config,
  encodeShape,
  gzipLayer,
  type MadeImage,
  noise,
  plainLayer,
  plainTar,
  putShape,
  type Shape,
  writeLayout,
} from './registry-images.ts'
import { attempt, run } from './run.ts'

const EMPTY_TAR = Buffer.alloc(1024)
const tars = (count: number): Buffer[] => Array.from({ length: count }, (_, n) => plainTar(`file-${n}`, `content ${n}`))
const gz = (...list: readonly Buffer[]): MadeImage => ({
  layers: list.map((tar) => gzipLayer(tar)),
  config: config(list),
})
const [A, B, C] = tars(3) as [Buffer, Buffer, Buffer]
const PLATFORMS = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64', variant: 'v8' },
  { os: 'linux', architecture: 'arm', variant: 'v6' },
  { os: 'linux', architecture: 'arm', variant: 'v7' },
] as const
const ofPlatforms = PLATFORMS.map((platform, n) => ({ ...gz(plainTar('for', `platform ${n}`), A), platform }))
const asked = (architecture: string, variant?: string) => ({ os: 'linux', architecture, variant })
const ODD_TEXT = 'a<b> & "q" \\ \u2028\u2029 ü 😀 \t \u0001'

/** Every one is stored in a registry, read by skopeo and by us, and compared byte for byte. */
const SHAPES: readonly Shape[] = [
  { name: 'one-layer', way: 'skopeo', images: [gz(A)] },
  { name: 'three-layers', way: 'skopeo', images: [gz(A, B, C)] },
  { name: 'docker-format', way: 'skopeo', skopeo: ['--format', 'v2s2'], images: [gz(A, B)] },
  { name: 'forty-layers', way: 'skopeo', images: [gz(...tars(40))] },
  { name: 'repeated-layers', way: 'skopeo', images: [gz(A, B, A, A, C, B)] },
  { name: 'empty-layers', way: 'skopeo', images: [gz(EMPTY_TAR, A, EMPTY_TAR)] },
  { name: 'no-layers', way: 'put', images: [gz()] },
  { name: 'no-layers-docker', way: 'put', kind: 'docker', images: [gz()] },
  { name: 'large-layer', way: 'skopeo', images: [gz(plainTar('noise', noise(3_000_000)), A)] },
  { name: 'fast-gzip', way: 'put', images: [{ layers: [gzipLayer(A, 1), gzipLayer(B, 9)], config: config([A, B]) }] },
  { name: 'stored-gzip', way: 'put', images: [{ layers: [gzipLayer(A, 0)], config: config([A]) }] },
  {
    name: 'same-layer-packed-twice',
    way: 'put',
    images: [{ layers: [gzipLayer(A, 1), gzipLayer(A, 9), plainLayer(A)], config: config([A, A, A]) }],
  },
  { name: 'plain-layers', way: 'put', images: [{ layers: [plainLayer(A), plainLayer(B)], config: config([A, B]) }] },
  { name: 'plain-docker', way: 'put', kind: 'docker', images: [{ layers: [plainLayer(A)], config: config([A]) }] },
  {
    name: 'wrong-media-type',
    way: 'put',
    images: [{ layers: [{ ...gzipLayer(A), mediaType: plainLayer(A).mediaType }], config: config([A]) }],
  },
  {
    name: 'gzip-in-members',
    way: 'put',
    images: [
      {
        layers: [
          {
            ...gzipLayer(A),
            bytes: Buffer.concat([gzipSync(A.subarray(0, 700)), gzipSync(''), gzipSync(A.subarray(700))]),
          },
        ],
        config: config([A]),
      },
    ],
  },
  { name: 'wrong-diff-ids', way: 'put', images: [{ layers: [gzipLayer(A)], config: config([B]) }] },
  {
    name: 'odd-texts',
    way: 'put',
    images: [
      {
        layers: [gzipLayer(A)],
        config: config([A], { config: { Labels: { [ODD_TEXT]: ODD_TEXT } }, author: ODD_TEXT }),
      },
    ],
  },
  {
    name: 'pretty-config',
    way: 'put',
    images: [{ layers: [gzipLayer(A)], config: JSON.stringify(JSON.parse(config([A])), undefined, 3) }],
  },
  {
    name: 'config-as-written',
    way: 'put',
    images: [
      {
        layers: [gzipLayer(A), gzipLayer(B)],
        config: `{"os":"first", "config":{"a":1.0e+2,"b":-0,"c":"\\/\\u0064\\u2028"} , "os":"linux","architecture":"amd64","created":null,"docker_version":"1<2","container":"abc","container_config":{"x":[ 1 , 2 ]},"rootfs":${JSON.stringify({ type: 'layers', diff_ids: [] })}}`,
      },
    ],
  },
  {
    name: 'bare-config',
    way: 'put',
    images: [{ layers: [gzipLayer(A)], config: '{"rootfs":{"type":"layers","diff_ids":[]}}' }],
  },
  {
    name: 'history-and-labels',
    way: 'skopeo',
    images: [
      {
        layers: [gzipLayer(A), gzipLayer(B)],
        config: config([A, B], {
          history: [{ created_by: 'a' }, { created_by: 'b', empty_layer: true }, { created_by: 'c' }],
          config: { Labels: Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`label-${n}`, 'x'.repeat(n)])) },
        }),
      },
    ],
  },
  { name: `long/${'name-'.repeat(12)}x/${'part'.repeat(15)}`, way: 'skopeo', images: [gz(A, B)] },
  { name: 'index-amd64', way: 'skopeo', skopeo: ['--all'], images: ofPlatforms, platform: asked('amd64') },
  { name: 'index-arm64', way: 'skopeo', skopeo: ['--all'], images: ofPlatforms, platform: asked('arm64') },
  { name: 'index-arm', way: 'skopeo', skopeo: ['--all'], images: ofPlatforms, platform: asked('arm') },
  { name: 'index-arm-v6', way: 'put', images: ofPlatforms, platform: asked('arm', 'v6') },
  {
    name: 'list-arm-v5-falls-back',
    way: 'put',
    kind: 'docker',
    images: [{ ...gz(A), platform: asked('arm') }, ...ofPlatforms],
    platform: asked('arm', 'v5'),
  },
  { name: 'list-arm64', way: 'put', kind: 'docker', images: ofPlatforms, platform: asked('arm64') },
]

describe('images that skopeo pulls too', needs('docker-registry', 'skopeo'), () => {
  let registry: DockerRegistry
  let scratch: TempDir
  before(async () => {
    scratch = await makeTempDir('pull-')
    registry = await startDockerRegistry()
  })
  after(async () => {
    await registry[Symbol.asyncDispose]()
    await scratch[Symbol.asyncDispose]()
  })
  const skopeo = (...args: readonly string[]) => ({
    program: 'skopeo',
    args: ['--insecure-policy', ...args],
    env: { ...process.env, HOME: scratch.path, XDG_RUNTIME_DIR: scratch.path },
  })

  for (const shape of SHAPES) {
    test(`${shape.name.slice(0, 40)} gives the same bytes`, async () => {
      const { host } = registry
      if (shape.way === 'put') await putShape(shape, `http://${host}`)
      else {
        const layout = join(scratch.path, shape.name.replaceAll('/', '_').slice(0, 40))
        mkdirSync(layout)
        writeLayout(shape, layout)
        const to = `docker://${host}/${shape.name}:v1`
        await run(skopeo('copy', '-q', '--dest-tls-verify=false', ...(shape.skopeo ?? []), `oci:${layout}`, to))
      }
      const platform = shape.platform ?? asked('amd64')
      const file = join(scratch.path, 'theirs.tar')
      await run(
        skopeo(
          `--override-os=${platform.os}`,
          `--override-arch=${platform.architecture}`,
          ...(platform.variant === undefined ? [] : [`--override-variant=${platform.variant}`]),
          'copy',
          '-q',
          '--src-tls-verify=false',
          `docker://${host}/${shape.name}:v1`,
          `docker-archive:${file}:some/name:t1`,
        ),
      )
      const theirs = readFileSync(file)
      await run({ program: 'rm', args: [file] })
      const ours = collectingSink()
      const reference = parseReference(`${host}/${shape.name}:v1`)
      await pullArchive({ reference, platform, finalName: parseReference('some/name:t1') }, ours, {
        cacheDirectory: null,
        environment: {},
      })
      assert.ok(ours.bytes().equals(theirs))
    })
  }

  test('a platform that is not there is refused by both', async () => {
    const { host } = registry
    const shape: Shape = { name: 'without-s390x', way: 'put', images: ofPlatforms }
    await putShape(shape, `http://${host}`)
    const from = `docker://${host}/${shape.name}:v1`
    const file = join(scratch.path, 'never.tar')
    const theirs = await attempt(
      skopeo('--override-arch=s390x', 'copy', '-q', '--src-tls-verify=false', from, `docker-archive:${file}`),
    )
    assert.notEqual(theirs.code, 0)
    const reference = parseReference(`${host}/${shape.name}:v1`)
    await assert.rejects(
      pullArchive({ reference, platform: asked('s390x'), finalName: parseReference('x:1') }, collectingSink(), {
        cacheDirectory: null,
        environment: {},
      }),
      { code: 'IMAGE_MISSING', message: /has no image for "linux\/s390x", it has "linux\/amd64"/ },
    )
  })

  test('the shapes are what they say', () => {
    assert.ok(SHAPES.length >= 28)
    assert.equal(new Set(SHAPES.map(({ name }) => name)).size, SHAPES.length)
    assert.equal(encodeShape(SHAPES[4]!).blobs.size, 4)
  })
})
