import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fixturePath, writeCache } from '../support/binary-cache.ts'
import { BINARY, needs, needsRoot } from '../support/places.ts'
import { type Bench, type CliOptions, type CliResult, makeBench } from '../support/run-cli.ts'

const [A, B, C] = [fixturePath('a', 'a'), fixturePath('b', 'b'), fixturePath('c', 'c')]

interface StoreBench extends Bench {
  readonly cache: string
  store(...args: readonly string[]): Promise<CliResult>
  /** The lines that it writes to stdout, where it must not fail. */
  lines(...args: readonly string[]): Promise<string[]>
  json(...args: readonly string[]): Promise<unknown>
}

/** A folder with a cache where a refers to b, and b to c. The default store is in `data`. */
async function makeStoreBench(change: { readonly b?: 'spoilt' | 'circular' } = {}): Promise<StoreBench> {
  const bench = await makeBench()
  mkdirSync(join(bench.path, 'data'))
  const cache = writeCache(join(bench.path, 'cache-files'), [
    { path: A, tree: { folder: [['to', { link: B }]] }, references: [B] },
    {
      path: B,
      tree: { executable: C },
      references: change.b === 'circular' ? [C, A] : [C],
      ...(change.b === 'spoilt'
        ? { spoil: (nar: Buffer) => Buffer.from(nar.map((byte, at) => (at === 140 ? byte ^ 1 : byte))) }
        : {}),
    },
    { path: C, tree: { folder: [['c', 'x'.repeat(5000)]] } },
  ])
  const env: CliOptions = { env: { XDG_DATA_HOME: join(bench.path, 'data') } }
  const store = (...args: readonly string[]): Promise<CliResult> => bench.run(['store', ...args], env)
  const succeed = async (args: readonly string[]): Promise<string> => {
    const { status, stdout, stderr } = await store(...args)
    assert.equal(status, 0, stderr)
    return stdout.toString()
  }
  return {
    ...bench,
    cache,
    store,
    lines: async (...args) => (await succeed(args)).split('\n').slice(0, -1),
    json: async (...args) => JSON.parse(await succeed([...args, '--json'])) as unknown,
  }
}

const UNSIGNED = '--no-check-signatures'

test('store add, info, closure, verify and gc work on the default store, which is made by the first add', async () => {
  await using bench = await makeStoreBench()
  writeFileSync(join(bench.path, 'file'), 'x')
  // By nix-store --add, Nix 2.8: the same file under the same name.
  const expected = '/nix/store/1vxgjx1m5i1iia3xmm8pvq3sh9kz7diz-file'
  assert.deepEqual(await bench.lines('verify'), [])
  assert.deepEqual(readdirSync(join(bench.path, 'data')), [])
  const added = (await bench.json('add', 'file', '--root', 'result')) as {
    path: string
    narSize: number
    source: string
  }[]
  assert.deepEqual(
    added.map(({ path, narSize, source }) => [path, narSize, source]),
    [[expected, 120, 'file']],
  )
  assert.equal(readlinkSync(join(bench.path, 'result')), expected)
  assert.equal(readFileSync(join(bench.path, 'data/dockertools', expected), 'utf8'), 'x')
  const [other = ''] = await bench.lines('add', 'file', '--name', 'other')
  assert.match(other, /^\/nix\/store\/[0-9a-z]{32}-other$/)
  assert.deepEqual(await bench.json('closure', expected, '--store', 'local'), [
    { path: expected, references: [], narSize: 120, narHash: narHashOf('x') },
  ])
  assert.equal((await bench.lines('info', other, '--store', 'auto'))[2], '  NAR size: 120')
  assert.deepEqual(await bench.json('verify', '--check-contents'), { pathCount: 2, faults: [] })
  assert.deepEqual(await bench.lines('gc', '--dry-run'), [other])
  assert.deepEqual(await bench.json('gc'), { paths: [other], narBytes: 120, strayCount: 0 })
  assert.deepEqual(await bench.lines('gc'), [])
  rmSync(join(bench.path, 'result'))
  assert.deepEqual(await bench.lines('gc'), [expected])
})

test('store verify names what is wrong and ends with the status for integrity', async () => {
  await using bench = await makeStoreBench()
  writeFileSync(join(bench.path, 'file'), 'x')
  const [path = ''] = await bench.lines('add', 'file')
  const place = join(bench.path, 'data/dockertools', path)
  chmodSync(place, 0o644)
  writeFileSync(place, 'y')
  assert.deepEqual(await bench.lines('verify'), [])
  const { status, stdout, stderr } = await bench.store('verify', '--check-contents')
  assert.equal(status, 3)
  assert.ok(stdout.toString().startsWith(`"${path}" has the NAR hash`))
  assert.match(stderr, /1 of its 1 paths/)
})

test('store copy fetches a closure, checks it, and fetches nothing twice', async () => {
  await using bench = await makeStoreBench()
  assert.deepEqual(await bench.lines('copy', '--from', bench.cache, UNSIGNED, B), [C, B])
  assert.deepEqual(await bench.lines('copy', '--store', bench.cache, UNSIGNED, A, '--root', 'result'), [A])
  assert.deepEqual(await bench.lines('copy', '--store', bench.cache, UNSIGNED, A), [])
  assert.deepEqual((await bench.lines('copy', '--from', 'local', '--to', 'local:other', A)).toSorted(), [A, B, C])
  assert.deepEqual(await bench.json('verify', '--store', 'local:other', '--check-contents'), {
    pathCount: 3,
    faults: [],
  })
  assert.deepEqual(await bench.lines('gc'), [])
})

const refusals: Readonly<
  Record<
    string,
    readonly [change: Parameters<typeof makeStoreBench>[0], args: readonly string[], status: number, code: string]
  >
> = {
  'an unsigned path': [{}, ['copy', A], 3, 'SIGNATURE_INVALID'],
  'another content than the cache promised': [{ b: 'spoilt' }, ['copy', A, UNSIGNED], 3, 'DIGEST_MISMATCH'],
  'paths that refer to each other in a circle': [{ b: 'circular' }, ['copy', A, UNSIGNED], 1, 'FORMAT_INVALID'],
  'a path that nobody has': [{}, ['copy', fixturePath('d', 'd'), UNSIGNED], 1, 'STORE_PATH_MISSING'],
  'a path with a bad hash part': [{}, ['copy', '/nix/store/eeee-x', UNSIGNED], 2, 'STORE_PATH_INVALID'],
}
for (const [what, [change, args, status, code]] of Object.entries(refusals)) {
  test(`store copy refuses ${what}, and what is in the store is a closure`, async () => {
    await using bench = await makeStoreBench(change)
    const result = await bench.store(...args, '--store', bench.cache)
    assert.equal(result.status, status, result.stderr)
    assert.match(result.stderr, new RegExp(`^error \\(${code}\\): Cannot `))
    const copied = existsSync(join(bench.path, 'data/dockertools/nix/store'))
      ? readdirSync(join(bench.path, 'data/dockertools/nix/store')).filter((name) => name !== '.links')
      : []
    assert.deepEqual(
      copied.filter((name) => name !== C.split('/').at(-1)),
      [],
    )
    assert.deepEqual(await bench.json('verify', '--check-contents'), { pathCount: copied.length, faults: [] })
    const scratch = join(bench.path, 'data/dockertools/nix/var/nix/dockertools/scratch')
    assert.deepEqual(existsSync(scratch) ? readdirSync(scratch) : [], [])
  })
}

const wrongUses: readonly (readonly string[])[] = [
  [],
  ['ad', 'x'],
  ['add'],
  ['gc', 'x'],
  ['gc', '--name', 'x'],
  ['add', 'x', 'y', '--name', 'z'],
  ['add', 'x', '--store', 'nix'],
  ['add', 'x', '--store', 'local', '--store', 'local:x'],
  ['copy', A, '--from', 'local', '--store', 'local'],
  ['copy', A, '--to', 'file:///tmp/x'],
]
for (const args of wrongUses) {
  test(`store ${args.join(' ')} is refused as wrong usage`, async () => {
    await using bench = await makeStoreBench()
    const { status, stdout, stderr } = await bench.store(...args)
    assert.equal(status, 2, stderr)
    assert.equal(stdout.length, 0)
    assert.match(stderr, /^error \(USAGE\): Cannot /)
  })
}

test('an image has the same bytes from a local store as from the cache it was copied from', async () => {
  await using bench = await makeStoreBench()
  await bench.lines('copy', '--from', bench.cache, UNSIGNED, A)
  const args = { name: 'x', tag: '1', contents: [A], config: { Env: [`B=${B}`] } }
  writeFileSync(join(bench.path, 'image.json'), JSON.stringify({ function: 'streamLayeredImage', args }))
  const root = join(bench.path, 'data/dockertools')
  const digests = new Set<string>()
  for (const stores of [['--store', bench.cache, UNSIGNED], ['--store', `local:${root}`], []]) {
    const env = { XDG_DATA_HOME: join(bench.path, 'data') }
    const { status, stdout, stderr } = await bench.run(['stream', 'image.json', ...stores], { env })
    assert.equal(status, 0, stderr)
    digests.add(createHash('sha256').update(stdout).digest('hex'))
  }
  assert.equal(digests.size, 1)
})

test('an ordinary user has a store of their own, with folders that nobody may write', needsRoot, async () => {
  await using bench = await makeStoreBench()
  mkdirSync(join(bench.path, 'tree/d'), { recursive: true })
  writeFileSync(join(bench.path, 'tree/d/f'), '')
  bench.openToAll()
  const run = async (...args: readonly string[]): Promise<string> => {
    const env = { XDG_DATA_HOME: join(bench.path, 'data') }
    const { status, stdout, stderr } = await bench.run(['store', ...args], { uid: 65_534, env })
    assert.equal(status, 0, stderr)
    return stdout.toString()
  }
  const path = await run('add', 'tree')
  assert.equal(await run('add', 'tree'), path)
  assert.equal(await run('verify', '--check-contents', '--json'), '{"pathCount":1,"faults":[]}\n')
  assert.equal(await run('gc'), path)
  // Root has put things there that the user may read, and not write.
  const other = join(bench.path, 'others')
  await bench.lines('add', 'tree', '--store', `local:${other}`)
  assert.equal(
    await run('info', path.trim(), '--store', `local:${other}`).then((text) => text.split('\n')[0]),
    path.trim(),
  )
  const refused = await bench.run(['store', 'add', 'image', '--store', `local:${other}`], { uid: 65_534 })
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /^error \((?:STORE_UNAVAILABLE|WRITE_FAILED)\): Cannot /)
})

test(
  'a full disk is told, and leaves the store as it was',
  { skip: needsRoot.skip || needs('unshare', 'mount').skip },
  async () => {
    await using bench = await makeStoreBench()
    mkdirSync(join(bench.path, 'small'))
    writeFileSync(join(bench.path, 'fits'), 'x')
    writeFileSync(join(bench.path, 'large'), Buffer.alloc(8 * 1024 * 1024))
    const script = `mount -t tmpfs -o size=4m tmpfs small
    run() { node=$1; program=$2; shift 2; "$node" "$program" store "$@" --store local:small; }
    run "$1" "$2" add fits && ! run "$1" "$2" add large && run "$1" "$2" verify --check-contents --json && ls small/nix/var/nix/dockertools/scratch`
    const output = execFileSync(
      'unshare',
      ['--mount', 'sh', '-c', `{ ${script}\n} 2>&1`, 'sh', process.execPath, BINARY],
      { cwd: bench.path },
    )
    const [added = '', told = ''] = output.toString().split('\n')
    assert.match(added, /-fits$/)
    assert.match(told, /^error \(WRITE_FAILED\): Cannot add "large" to store "local:.*small": the disk is full$/)
    assert.ok(output.toString().endsWith('{"pathCount":1,"faults":[]}\n'), output.toString())
  },
)

/** The NAR hash of a plain file of less than eight bytes, told here anew. */
function narHashOf(content: string): string {
  const words = ['nix-archive-1', '(', 'type', 'regular', 'contents', content, ')'].map((text) => {
    const word = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8)
    word.writeUInt32LE(text.length)
    word.write(text, 8)
    return word
  })
  return `sha256-${createHash('sha256').update(Buffer.concat(words)).digest('base64')}`
}
