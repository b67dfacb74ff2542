import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { config, encodeShape, gzipLayer, noise, plainTar } from '../interop/registry-images.ts'
import { digestOfBytes, type Holdings, serveHoldings, startServer } from '../support/fake-registry.ts'
import { isRunning, until } from '../support/processes.ts'
import { type Bench, makeBench, resultOf } from '../support/run-cli.ts'
import { startUploadRegistry } from '../support/upload-registry.ts'

const TARS = [plainTar('small', 'content'), plainTar('large', noise(3_000_000))]
const SIGNALS = ['SIGINT', 'SIGTERM'] as const

function makeHoldings(): { readonly holdings: Holdings; readonly large: string } {
  const layers = TARS.map((tar) => gzipLayer(tar))
  const { blobs, manifests } = encodeShape({ name: 'x', way: 'put', images: [{ layers, config: config(TARS) }] })
  const top = manifests.at(-1)!.bytes
  const large = [...blobs].find(([, bytes]) => bytes.length > 1_000_000)?.[0] ?? ''
  return { holdings: { blobs, manifests: new Map([['v1', top]]) }, large }
}

/** Everything in a folder, at any depth, by its path in there. */
function filesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/** What is in the cache is whole, and called what it is. */
function expectWholeCache(bench: Bench): void {
  for (const file of filesIn(join(bench.path, 'cache'))) {
    const name = file.slice(file.lastIndexOf('/') + 1)
    if (/\/(?:blobs|sha256)\//.test(file)) assert.equal(digestOfBytes(readFileSync(file)), `sha256:${name}`, file)
    else if (file.includes('/packed-')) JSON.parse(readFileSync(file, 'utf8'))
  }
}

function define(bench: Bench): string {
  mkdirSync(join(bench.path, 'files'), { recursive: true })
  writeFileSync(join(bench.path, 'files/noise'), noise(3_000_000))
  const args = { name: 'x', tag: '1', contents: './files' }
  writeFileSync(join(bench.path, 'image.json'), JSON.stringify({ function: 'streamLayeredImage', args }))
  return 'image.json'
}

describe('work with a registry that is interrupted', () => {
  for (const signal of SIGNALS) {
    test(`${signal} during pull leaves nothing but whole blobs, which the next one uses`, async () => {
      await using bench = await makeBench()
      const { holdings, large } = makeHoldings()
      let isSlow = true
      await using server = await startServer((request, response) => {
        if (!isSlow || request.url?.includes(large) !== true) return serveHoldings(holdings, request, response)
        const bytes = holdings.blobs.get(large)!
        response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, 1_000_000))
      })
      const child = bench.start(['pull', `${server.host}/a/b:v1`, '-o', 'out.tar'])
      const result = resultOf(child)
      // The other layer is whole, and of this one a part is on the disk.
      const cache = join(bench.path, 'cache/dockertools/blobs/sha256')
      const sizes = (): number => filesIn(cache).reduce((sum, file) => sum + readFileSync(file).length, 0)
      await until(() => sizes() > 900_000, 'a part of the layer is there')
      child.kill(signal)
      const { status, stdout } = await result
      assert.deepEqual([status, stdout.toString()], [130, ''])
      assert.deepEqual(bench.leftovers(), [])
      assert.deepEqual(
        readdirSync(bench.path).filter((name) => name.includes('out')),
        [],
      )
      expectWholeCache(bench)
      isSlow = false
      const before = server.requests.length
      const again = await bench.run(['pull', `${server.host}/a/b:v1`, '-o', 'out.tar', '-q'])
      assert.equal(again.status, 0, again.stderr)
      const blobs = server.requests.slice(before).filter(({ url }) => url.includes('/blobs/'))
      assert.deepEqual(
        blobs.map(({ url }) => url.replace(/^.*\//, '')),
        [large],
      )
    })

    test(`${signal} during push leaves nothing but whole blobs, which the next one uses`, async () => {
      await using bench = await makeBench()
      let isSlow = true
      await using registry = await startUploadRegistry({
        fault: ({ method }) => (isSlow && method === 'PUT' ? 'stall' : undefined),
      })
      const command = ['push', define(bench), `${registry.host}/a/b:1`, '-q']
      const child = bench.start(command)
      const result = resultOf(child)
      await until(() => registry.requests.some(({ method }) => method === 'PUT'), 'an upload')
      child.kill(signal)
      const { status, stdout } = await result
      assert.deepEqual([status, stdout.toString(), registry.manifests.size], [130, '', 0])
      assert.deepEqual(bench.leftovers(), [])
      expectWholeCache(bench)
      isSlow = false
      const again = await bench.run(command)
      assert.equal(again.status, 0, again.stderr)
      const manifest = registry.manifests.get('1') ?? Buffer.alloc(0)
      assert.equal(again.stdout.toString(), `${registry.host}/a/b:1@${digestOfBytes(manifest)}\n`)
    })

    test(`${signal} during load ends it while the engine does not answer`, async () => {
      await using bench = await makeBench()
      let bytes = 0
      const engine = createServer((request, response) => {
        if (request.url === '/_ping') return void response.end('OK')
        request.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          request.pause()
        })
      })
      const socket = join(bench.path, 's')
      await new Promise<void>((resolve) => {
        engine.listen(socket, () => resolve())
      })
      try {
        const child = bench.start(['load', define(bench)], { env: { DOCKER_HOST: `unix://${socket}` } })
        const result = resultOf(child)
        await until(() => bytes > 0, 'the engine reads')
        child.kill(signal)
        const { status, stdout } = await result
        assert.deepEqual([status, stdout.toString()], [130, ''])
        assert.deepEqual(bench.leftovers(), [])
      } finally {
        engine.closeAllConnections()
        await new Promise((resolve) => {
          engine.close(resolve)
        })
      }
    })

    test(`${signal} while a credential helper hangs ends both`, async () => {
      await using bench = await makeBench()
      await using server = await startServer((_, response) => {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end()
      })
      const pid = join(bench.path, 'pid')
      const script = `#!/bin/sh\necho $$ > '${pid}.part'\nmv '${pid}.part' '${pid}'\nexec sleep 1000\n`
      writeFileSync(join(bench.path, 'docker-credential-hanging'), script, { mode: 0o755 })
      writeFileSync(join(bench.path, 'config.json'), JSON.stringify({ credsStore: 'hanging' }))
      const env = { DOCKER_CONFIG: bench.path, PATH: `${bench.path}:${process.env['PATH']}` }
      const child = bench.start(['pull', `${server.host}/a/b:v1`, '-o', 'out.tar'], { env })
      const result = resultOf(child)
      await until(() => existsSync(pid), 'the helper runs')
      const helper = Number(readFileSync(pid, 'utf8'))
      assert.ok(isRunning(helper))
      child.kill(signal)
      assert.equal((await result).status, 130)
      await until(() => !isRunning(helper), 'the helper ends')
    })
  }

  test('a closed pipe where the result is printed is one error, and what was done is done', async () => {
    await using bench = await makeBench()
    const { holdings } = makeHoldings()
    await using server = await startServer((request, response) => serveHoldings(holdings, request, response))
    await using registry = await startUploadRegistry()
    for (const args of [
      ['pull', `${server.host}/a/b:v1`, '-o', 'out.tar', '-q'],
      ['push', define(bench), `${registry.host}/a/b:1`, '-q'],
    ]) {
      const child = bench.start(args)
      child.stdout?.destroy()
      const { status, stderr } = await resultOf(child)
      assert.equal(status, 1, stderr)
      assert.match(stderr, /^error \(WRITE_FAILED\): Cannot write to standard output: .*pipe\n$/)
    }
    assert.ok(existsSync(join(bench.path, 'out.tar')))
    assert.equal(registry.manifests.size, 1)
    assert.deepEqual(bench.leftovers(), [])
  })
})
