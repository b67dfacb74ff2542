import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { digestOfBytes, type Holdings, serveHoldings, startServer, type TestServer } from '../support/fake-registry.ts'
import { config, encodeShape, gzipLayer, plainTar } from '../interop/registry-images.ts'
import { makeBench } from '../support/run-cli.ts'

const TAR = plainTar('file', 'content')
const image = (architecture: string) => ({
  layers: [gzipLayer(TAR)],
  config: config([TAR], { architecture, history: [{ created_by: 'the  test\u001b' }] }),
  platform: { os: 'linux', architecture },
})

describe('commands that talk to a registry', () => {
  let server: TestServer
  let digest: string
  before(async () => {
    const { blobs, manifests } = encodeShape({ name: 'x', way: 'put', images: [image('amd64'), image('arm64')] })
    const top = manifests.at(-1)!.bytes
    digest = digestOfBytes(top)
    const all = manifests.map(({ bytes }) => [digestOfBytes(bytes), bytes] as const)
    const holdings: Holdings = { blobs, manifests: new Map([...all, ['v1', top], ['latest', top]]) }
    server = await startServer((request, response) => serveHoldings(holdings, request, response))
  })
  after(async () => await server[Symbol.asyncDispose]())

  test('pull writes an archive, and says which layers came', async () => {
    await using bench = await makeBench()
    const { status, stdout, stderr } = await bench.run([
      'pull',
      `${server.host}/team/app:v1`,
      '--platform',
      'linux/arm64',
    ])
    assert.equal(status, 0, stderr)
    assert.equal(stdout.toString(), 'app-v1.tar\n')
    assert.match(stderr, /^Pulled layer 1 of 1: sha256:[0-9a-f]{64} \(\d+ bytes\)\n$/)
    const archive = readFileSync(join(bench.path, 'app-v1.tar'))
    assert.ok(archive.includes(`${server.host}/team/app:v1`))
    assert.ok(archive.includes('"architecture":"arm64"'))
    assert.deepEqual(bench.leftovers(), [])
  })

  test('pull leaves no file where it fails, and says why', async () => {
    await using bench = await makeBench()
    const { status, stdout, stderr } = await bench.run(['pull', `${server.host}/team/app:v9`, '-o', 'out.tar', '-q'])
    assert.equal(status, 1)
    assert.equal(stdout.toString(), '')
    assert.match(stderr, /^error \(IMAGE_MISSING\): Cannot pull ".*\/team\/app": registry ".*" has no manifest "v9"/)
    assert.match(stderr, /\nhint: Check the name/)
    assert.deepEqual(
      readdirSync(bench.path).filter((name) => name.includes('out')),
      [],
    )
  })

  test('prefetch prints what pullImage takes, as nix-prefetch-docker does', async () => {
    await using bench = await makeBench()
    const name = `${server.host}/team/app`
    const first = await bench.run(['prefetch', name, 'v1', '--final-image-name', 'app'])
    assert.equal(first.status, 0, first.stderr)
    const [, path = ''] = /^-> ImagePath: (.*)$/m.exec(first.stderr) ?? []
    const hash = `sha256-${createHash('sha256').update(readFileSync(path)).digest('base64')}`
    assert.match(path, /-docker-image-app-v1\.tar$/)
    assert.ok(
      first.stderr.endsWith(
        `-> ImageName: ${name}\n-> ImageDigest: ${digest}\n-> FinalImageName: app\n-> FinalImageTag: v1\n-> ImagePath: ${path}\n-> ImageHash: ${hash}\n`,
      ),
    )
    assert.equal(
      first.stdout.toString(),
      `{\n  imageName = "${name}";\n  imageDigest = "${digest}";\n  hash = "${hash}";\n  finalImageName = "app";\n  finalImageTag = "v1";\n}\n`,
    )
    const options = ['--image-name', name, '--image-tag', 'v1', '--final-image-name', 'app', '--final-image-tag', 'v1']
    const json = await bench.run(['prefetch', ...options, '--os', 'linux', '--arch', 'amd64', '--json', '--quiet'])
    assert.equal(json.stderr, '')
    const members = { imageName: name, imageDigest: digest, hash, finalImageName: 'app', finalImageTag: 'v1' }
    assert.equal(json.stdout.toString(), `${JSON.stringify(members, undefined, 2)}\n`)
    const ts = await bench.run([
      'prefetch',
      name,
      digest,
      '--final-image-name',
      'app',
      '--final-image-tag',
      'v1',
      '--ts',
      '-q',
    ])
    const lines = Object.entries(members).map(([key, value]) => `  ${key}: '${value}',\n`)
    assert.equal(ts.stdout.toString(), `pullImage({\n${lines.join('')}})\n`)

    // What was printed builds, without the network, the archive that was added to the store.
    writeFileSync(
      join(bench.path, 'image.json'),
      JSON.stringify({ function: 'pullImage', args: { ...members, arch: 'amd64' } }),
    )
    const asked = server.requests.length
    const built = await bench.run(['build', 'image.json', '-o', 'out.tar', '-q'])
    assert.equal(built.status, 0, built.stderr)
    assert.ok(readFileSync(join(bench.path, 'out.tar')).equals(readFileSync(path)))
    assert.equal(server.requests.length, asked)
    assert.equal((await bench.run(['store', 'verify', '--check-contents'])).status, 0)
  })

  test('a wrong hash ends with 3, and leaves nothing', async () => {
    await using bench = await makeBench()
    const args = { imageName: `${server.host}/team/app`, imageDigest: digest, arch: 'amd64', hash: '' }
    writeFileSync(join(bench.path, 'image.json'), JSON.stringify({ function: 'pullImage', args }))
    const { status, stderr } = await bench.run(['build', 'image.json', '-o', 'out.tar', '-q'])
    assert.equal(status, 3)
    assert.match(stderr, /warning \(HASH_EMPTY\): found empty hash, assuming 'sha256-A{43}='/)
    assert.match(stderr, /hash mismatch\\n? {9}|specified: sha256-A{43}=/)
    assert.match(stderr, /got: {4}sha256-[\w+/]{43}=/)
    assert.deepEqual(
      readdirSync(bench.path).filter((name) => name.includes('out')),
      [],
    )
  })

  test('inspect tells what is in a registry without fetching layers', async () => {
    await using bench = await makeBench()
    const earlier = server.requests.length
    const { status, stdout, stderr } = await bench.run([
      'inspect',
      `${server.host}/team/app`,
      '--platform',
      'linux/arm64',
    ])
    assert.equal(status, 0, stderr)
    assert.match(
      stdout.toString(),
      new RegExp(`^${server.host}/team/app\\n  digest    ${digest}\\n  image ID  sha256:`),
    )
    assert.match(stdout.toString(), /\n {2}platform {2}linux\/arm64\n {2}also for {2}linux\/amd64, linux\/arm64\n/)
    assert.match(stdout.toString(), /\n {4}1\. sha256:[0-9a-f]{64}\n {7}\d+ bytes stored\n {7}the test.*\n$/)
    const asked = server.requests.slice(earlier).map(({ url }) => url)
    assert.equal(asked.filter((url) => /\/blobs\//.test(url)).length, 1)
    const json = await bench.run(['inspect', `${server.host}/team/app`, '--platform', 'linux/amd64', '--json'])
    const [report] = JSON.parse(json.stdout.toString()) as { digest: string; layers: unknown[] }[]
    assert.equal(report?.digest, digest)
    assert.equal(report?.layers.length, 1)
  })

  for (const [args, message] of [
    [['pull', 'UPPER'], /Cannot use image "UPPER"/],
    [['pull', 'a', '--tls-verify', 'maybe'], /--tls-verify/],
    [['pull', 'a', '--platform', 'x'], /Cannot use platform "x"/],
    [['prefetch'], /should be told which image/],
    [['prefetch', 'a', 'b', 'c'], /takes 0 to 2 arguments/],
    [['prefetch', 'a', '--json', '--ts'], /"--json" with "--ts"/],
    [['prefetch', 'a; rm -rf $HOME', 'b'], /Cannot use image "a; rm -rf/],
  ] as const) {
    test(`refused: ${args.join(' ')}`, async () => {
      await using bench = await makeBench()
      const { status, stdout, stderr } = await bench.run(args)
      assert.equal(status, 2)
      assert.equal(stdout.toString(), '')
      assert.match(stderr, message)
    })
  }
})
