import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { streamLayeredImage, type BuildOptions } from '#docker-tools'
import { fixturePath, type FixturePath, type FixtureTree, writeCache } from '../support/binary-cache.ts'
import { BINARY, needs, needsRoot } from '../support/places.ts'
import { type Bench, type CliOptions, makeBench, resultOf } from '../support/run-cli.ts'
import { useOwnHome } from '../support/own-home.ts'

useOwnHome()

const [A, B] = [fixturePath('a', 'a'), fixturePath('b', 'b')]

const PATHS: readonly FixturePath[] = [
  {
    path: A,
    tree: {
      folder: [
        [
          'bin',
          {
            folder: [
              ['run', { executable: '#!/bin/sh\necho ünïcode\n' }],
              ['to', { link: `${B}/x` }],
            ],
          },
        ],
        [
          'etc',
          {
            folder: [
              ['a', { folder: [['b', 'z']] }],
              ['a-b', 'x'],
              ['a.b', 'y'],
            ],
          },
        ],
      ],
    },
    references: [B],
  },
  { path: B, tree: { folder: [['x', 'content of x\n'.repeat(9999)]] } },
]

const ARGS = {
  name: 'Same/Digest',
  architecture: 'amd64',
  contents: [A, './tree'],
  config: { Cmd: [`${B}/x`], Env: ['A=ž'] },
  extraCommands: 'mkdir -p var/lib; date -d @0 > var/date; umask > var/umask; echo ä > ö',
} as const

interface DigestBench extends Bench {
  readonly cache: string
  digest(options?: CliOptions, ...args: readonly string[]): Promise<string>
}

async function makeDigestBench(): Promise<DigestBench> {
  const bench = await makeBench()
  mkdirSync(join(bench.path, 'tree/sub'), { recursive: true })
  for (const name of ['file', 'sub/_', 'sub/-', 'Sub-b']) writeFileSync(join(bench.path, 'tree', name), name)
  const definition = { function: 'streamLayeredImage', args: ARGS }
  writeFileSync(join(bench.path, 'image.json'), JSON.stringify(definition))
  const cache = writeCache(join(bench.path, 'binary-cache'), PATHS)
  return {
    ...bench,
    cache,
    digest: async (options = {}, ...args) => {
      const stores = args.length === 0 ? ['--store', cache] : args
      const file = join(bench.path, 'image.json')
      const result = await bench.run(['stream', file, '--quiet', '--no-check-signatures', ...stores], options)
      assert.equal(result.status, 0, result.stderr)
      assert.ok(result.stdout.length > 100_000)
      return createHash('sha256').update(result.stdout).digest('hex')
    },
  }
}

/** Several at once: each run takes a moment, and none may make a difference. */
const environments: Readonly<Record<string, CliOptions>> = {
  'umask 077, another time zone and another locale': {
    umask: '077',
    env: { TZ: 'Pacific/Kiritimati', LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8', LANGUAGE: 'tr' },
  },
  'umask 000, another working folder, no HOME, no cache folder and no locale': {
    umask: '000',
    cwd: '/',
    env: { HOME: undefined, XDG_CACHE_HOME: undefined, LC_ALL: undefined, LANG: undefined },
  },
  'a cache folder that cannot be, and SOURCE_DATE_EPOCH, which only "now" asks for': {
    env: { XDG_CACHE_HOME: '/dev/null/x', SOURCE_DATE_EPOCH: '1234567890' },
  },
  'settings of scripts, of tar and of Node': {
    env: {
      PYTHONHASHSEED: '7',
      BASH_ENV: '/etc/profile',
      POSIXLY_CORRECT: '1',
      TAR_OPTIONS: '--mode=0777',
      NODE_ENV: 'production',
      UV_THREADPOOL_SIZE: '1',
      NODE_NO_WARNINGS: '1',
    },
  },
}

test('the image does not depend on the environment', async (context) => {
  await using bench = await makeDigestBench()
  const wanted = await bench.digest()
  for (const [what, options] of Object.entries(environments)) {
    await context.test(`not on ${what}`, async () => assert.equal(await bench.digest(options), wanted))
  }
  await context.test('not on the place of temporary files', async () => {
    mkdirSync(join(bench.path, 'a place with spaces'))
    assert.equal(await bench.digest({ env: { TMPDIR: join(bench.path, 'a place with spaces') } }), wanted)
    assert.deepEqual(readdirSync(join(bench.path, 'a place with spaces')), [])
  })
})

test('the image does not depend on the user', needsRoot, async () => {
  await using bench = await makeDigestBench()
  const wanted = await bench.digest()
  bench.openToAll()
  assert.equal(await bench.digest({ uid: 65_534 }), wanted)
  assert.equal(await bench.digest({ uid: 12_345, env: { HOME: '/nonexistent', XDG_CACHE_HOME: undefined } }), wanted)
})

test('the image does not depend on the number of processors', needs('taskset'), async () => {
  await using bench = await makeDigestBench()
  const wanted = await bench.digest()
  // One of those that this process may run on: which they are depends on the machine.
  const [, processor = '0'] = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  const command = ['-c', processor, process.execPath, BINARY, 'stream', 'image.json', '--quiet']
  const args = [...command, '--no-check-signatures', '--store', bench.cache]
  const { stdout } = await resultOf(spawn('taskset', args, { cwd: bench.path, stdio: ['ignore', 'pipe', 'inherit'] }))
  assert.equal(createHash('sha256').update(stdout).digest('hex'), wanted)
})

const node26 = process.env['DOCKERTOOLS_NODE_26']
const skipWithoutNode26 = { skip: node26 === undefined ? 'DOCKERTOOLS_NODE_26 names no Node 26 to try' : false }

test('the image does not depend on the major version of Node', skipWithoutNode26, async () => {
  await using bench = await makeDigestBench()
  assert.ok(node26 !== undefined)
  assert.equal(await bench.digest({ node: node26 }), await bench.digest())
})

test('the image is the same from file://, http:// and compressed caches', async () => {
  await using bench = await makeDigestBench()
  const wanted = await bench.digest()
  const compressed = join(bench.path, 'gzip-cache')
  writeCache(
    compressed,
    PATHS.map((path) => ({ ...path, narinfo: { Compression: 'gzip' }, spoil: (nar: Buffer) => gzipSync(nar) })),
  )
  assert.equal(await bench.digest({}, '--store', `file://${compressed}`), wanted)
  const server = createServer((request, response) => {
    const file = join(bench.path, 'binary-cache', new URL(request.url ?? '/', 'http://x').pathname)
    if (!existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, { 'content-length': statSync(file).size })
    if (request.method === 'HEAD') response.end()
    else createReadStream(file).pipe(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const address = server.address()
    assert.ok(address !== null && typeof address === 'object')
    const url = `http://127.0.0.1:${address.port}`
    assert.equal(await bench.digest({ env: { NO_PROXY: '127.0.0.1' } }, '--store', url), wanted)
    // The first store that has a path gives it; the others are asked for the rest.
    rmSync(join(compressed, `${'b'.repeat(32)}.narinfo`))
    const both = ['--store', `file://${compressed}`, '--store', url]
    assert.equal(await bench.digest({ env: { NO_PROXY: '127.0.0.1' } }, ...both), wanted)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('a folder on disk gives the image that the same path of a binary cache gives', async () => {
  await using bench = await makeBench()
  // Names whose order by bytes, by whole paths and by parts of paths differ; one is no UTF-8.
  const names = ['a', 'a-b', 'a.b', 'B', 'b_', 'z\xff', 'zz', 'z\xef\xbf\xbd', 'z\xf0\x9f\x98\x80'].toSorted(byBytes)
  const inner = ['c', 'c-d'].map((name) => [name, name] as const)
  for (const name of names) {
    const folder = Buffer.from(`${bench.path}/tree/${name}/`, 'latin1')
    mkdirSync(folder, { recursive: true })
    for (const [file] of inner) writeFileSync(Buffer.concat([folder, Buffer.from(file)]), file)
  }
  const tree: FixtureTree = { folder: names.map((name) => [name, { folder: inner }] as const) }
  const args = { name: 'x', tag: '1', architecture: 'amd64' }
  const write = async (contents: string, stores: readonly string[]) => {
    const stdin = JSON.stringify({ function: 'streamLayeredImage', args: { ...args, contents } })
    const options = [...stores, '--quiet', '--no-check-signatures']
    const plan = await bench.run(['layers', '-', ...options], { stdin })
    const archive = await bench.run(['stream', '-', ...options], { stdin })
    assert.equal(archive.status, 0, archive.stderr)
    return { path: (JSON.parse(plan.stdout.toString()) as string[][])[0]?.[0] ?? '', bytes: archive.stdout }
  }
  const onDisk = await write('./tree', [])
  const cache = writeCache(join(bench.path, 'binary-cache'), [{ path: onDisk.path, tree }])
  const cached = await write(onDisk.path, ['--store', cache])
  assert.equal(cached.path, onDisk.path)
  assert.ok(cached.bytes.equals(onDisk.bytes))
})

function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

test('the image does not depend on the number of threads, nor on what is remembered of earlier runs', async () => {
  await using bench = await makeDigestBench()
  // Many files of more than is measured without threads.
  for (let index = 0; index < 9; index++) {
    mkdirSync(join(bench.path, `big${index}`))
    writeFileSync(join(bench.path, `big${index}`, `data${index}`), Buffer.alloc(3_000_000, `data ${index} `))
  }
  const contents = Array.from({ length: 9 }, (_, index) => `./big${index}`)
  const image = streamLayeredImage({ name: 'x', tag: '1', architecture: 'amd64', contents })
  const digest = async (options: BuildOptions): Promise<string> => {
    const hash = createHash('sha256')
    const base = { baseDirectory: bench.path, environment: {}, now: () => Date.now() + 10_000 }
    await image.writeTo({ write: (chunk) => void hash.update(chunk) }, { ...base, ...options })
    return hash.digest('hex')
  }
  const wanted = await digest({ threads: 1, cacheDirectory: null })
  for (const threads of [2, 3]) assert.equal(await digest({ threads, cacheDirectory: null }), wanted)
  const cacheDirectory = join(bench.path, 'layer-cache')
  assert.equal(await digest({ threads: 2, cacheDirectory }), wanted, 'cold')
  const remembered = readdirSync(cacheDirectory, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  assert.equal(remembered.length > 0, true, 'something is remembered')
  assert.equal(await digest({ threads: 2, cacheDirectory }), wanted, 'warm')
  for (const text of ['', '{"sha256":"00","size":1,"fingerprint":"x"}']) {
    for (const entry of remembered) writeFileSync(join(entry.parentPath, entry.name), text)
    assert.equal(
      await digest({ threads: 2, cacheDirectory }),
      wanted,
      `spoiled with ${JSON.stringify(text.slice(0, 20))}`,
    )
  }
})
