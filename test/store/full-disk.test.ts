import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { probeIsolation } from '#runner'
import { fixturePath, writeCache } from '../support/binary-cache.ts'
import { BINARY, ROOT } from '../support/places.ts'
import { type Bench, makeBench } from '../support/run-cli.ts'

const WORKER = fileURLToPath(new URL('full-disk-worker.ts', import.meta.url))
const isolation = await probeIsolation()
const skip = { skip: isolation.isAvailable ? false : `no namespaces here: ${isolation.reason}` }

/** In a mount namespace of its own, where `disk` is a small file system: mount it, and go on with what follows. */
const ON_A_DISK = 'mount -t tmpfs -o "size=$1,nr_inodes=$2" disk "$3"; shift 3; exec "$@"'

/** Runs a program where `DISK` in the bench is a file system of its own, for as long as it runs. */
function runOnDisk(bench: Bench, size: string, files: number, ...command: readonly string[]): string {
  const disk = join(bench.path, 'disk')
  mkdirSync(disk, { recursive: true })
  const namespace = ['--map-root-user', '--mount', '--', 'sh', '-euc', ON_A_DISK, 'sh']
  const env = { PATH: process.env['PATH'], HOME: `${bench.path}/home`, XDG_CACHE_HOME: `${bench.path}/cache` }
  return execFileSync('unshare', [...namespace, size, String(files), disk, ...command], {
    cwd: ROOT,
    env: { ...env, TMPDIR: `${bench.path}/tmp` },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** Files in six folders. */
function makeTree(folder: string, count: number): string {
  for (let index = 0; index < count; index++) {
    mkdirSync(join(folder, `d${index % 6}`), { recursive: true })
    writeFileSync(join(folder, `d${index % 6}`, `f${index}`), 'x'.repeat(index * 40))
  }
  return folder
}

test('a disk that is full at any point of any work is one clear error, and the store stays sound', skip, async () => {
  await using bench = await makeBench()
  const [a, b] = [fixturePath('a', 'a'), fixturePath('b', 'b')]
  const cache = writeCache(join(bench.path, 'cache-files'), [
    {
      path: a,
      tree: {
        folder: [
          ['data', 'x'.repeat(40_000)],
          ['to', { link: b }],
        ],
      },
      references: [b],
    },
    { path: b, tree: { folder: [['c', 'x'.repeat(5000)]] } },
  ])
  const args = ['--conditions=source', WORKER, join(bench.path, 'disk'), cache, makeTree(join(bench.path, 'tree'), 20)]
  const lines = runOnDisk(bench, '6m', 0, process.execPath, ...args)
    .trimEnd()
    .split('\n')
  const tries = lines.map(
    (line) => JSON.parse(line) as { what: string; freeKib: number; failure: string | null; faults: unknown[] },
  )
  for (const { what, freeKib, failure, faults } of tries) {
    const where = `${what} with ${freeKib} KiB left`
    assert.deepEqual(faults, [], where)
    if (failure !== null) assert.match(failure, /^WRITE_FAILED Cannot .*: .*the disk (?:is|may be) full/, where)
  }
  for (const kind of new Set(tries.map(({ what }) => what))) {
    const ended = tries.filter(({ what }) => what === kind).map(({ failure }) => failure === null)
    assert.equal(ended.at(-1), true, `${kind} succeeds with room enough`)
    if (kind !== 'a collection') assert.equal(ended[0], false, `${kind} fails with no room`)
  }
})

test(
  'a store on a disk that can only be read is read, and one clear error tells that it is not written',
  skip,
  async () => {
    await using bench = await makeBench()
    writeFileSync(join(bench.path, 'small'), 'small')
    writeFileSync(join(bench.path, 'text.json'), '{"function":"writeText","args":{"name":"text","text":"x"}}')
    const disk = join(bench.path, 'disk')
    const script = `
    node=$1 binary=$2 disk=$3; cd "${bench.path}"
    cli() { "$node" "$binary" "$@" --store "local:$disk/store"; }
    path=$(cli store add small)
    mount -o remount,ro "$disk"
    cli store info "$path" >read; cli store verify --check-contents
    for words in 'store add text.json' 'build text.json --no-out-link' 'store gc'; do
      if cli $words 2>err; then echo "no error of $words"; else echo "$?"; cat err; fi
    done`
    const said = runOnDisk(bench, '2m', 0, 'sh', '-euc', script, 'sh', process.execPath, BINARY, disk)
    const error = /1\nerror \((?:WRITE_FAILED|STORE_UNAVAILABLE)\): Cannot write to store "[^"]*": [^\n]*EROFS\n/
    assert.match(said, new RegExp(`^(?:${error.source}){3}$`))
    assert.match(readFileSync(join(bench.path, 'read'), 'utf8'), /-small\n/)
  },
)

/** Does something on a disk that is too small, then with more room. Arguments: DISK NODE BINARY ARGS… */
const TOO_SMALL_THEN_ENOUGH = `
disk=$1 node=$2 binary=$3; shift 3
cli() { "$node" "$binary" "$@"; }
state() { (cd "$disk/store/nix" && find store var/nix/dockertools/scratch var/nix/gcroots | sort); }
cli store add small --store "local:$disk/store" >/dev/null
state > before
status=0; cli "$@" >out 2>err || status=$?
state > after
cli store verify --check-contents --store "local:$disk/store" >verified
mount -o remount,size=40m,nr_inodes=0 "$disk"
cli "$@" >again 2>err-again
cli store verify --check-contents --store "local:$disk/store" >>verified
echo "$status"`

const LARGE = 'head -c 2000000 /dev/zero > $out'
const image = { name: 'x', tag: '1', contents: ['./large'], compressor: 'none' }

const cases: Readonly<Record<string, readonly [args: readonly string[], error: RegExp, definition?: unknown]>> = {
  'a large file is added': [
    ['store', 'add', 'large/file'],
    /^error \(WRITE_FAILED\): Cannot add "file" to store "[^"]*": the disk is full\n/,
  ],
  'a tree is added, and there are no more files to be had': [
    ['store', 'add', 'tree'],
    /^error \(WRITE_FAILED\): Cannot add "tree" to store "[^"]*": the disk is full\n/,
  ],
  'a closure is copied': [
    ['store', 'copy', fixturePath('a', 'a'), '--no-check-signatures', '--from', 'CACHE'],
    /^error \(WRITE_FAILED\): Cannot copy to store "[^"]*": the disk is full\n/,
  ],
  'a text is built': [
    ['build', 'image.json'],
    /^error \(WRITE_FAILED\): Cannot .*: the disk is full\n/m,
    { function: 'writeText', args: { name: 'text', text: 'x'.repeat(2_000_000) } },
  ],
  'a script writes': [
    ['build', 'image.json'],
    /^error \(SCRIPT_FAILED\): .*\n.*No space left on device/m,
    { function: 'runCommand', args: { name: 'made', script: LARGE } },
  ],
  'an image is built': [
    ['build', 'image.json'],
    /^error \(WRITE_FAILED\): Cannot .*: the disk is full\n/m,
    { function: 'buildLayeredImage', args: image },
  ],
}

for (const [what, [args, error, definition]] of Object.entries(cases)) {
  test(`when the disk is full while ${what}, the store is as before, and works once there is room`, skip, async () => {
    await using bench = await makeBench()
    const cache = writeCache(join(bench.path, 'cache-files'), [
      { path: fixturePath('a', 'a'), tree: { folder: [['data', 'x'.repeat(2_000_000)]] } },
    ])
    makeTree(join(bench.path, 'tree'), 60)
    mkdirSync(join(bench.path, 'large'))
    writeFileSync(join(bench.path, 'large/file'), Buffer.alloc(2_000_000, 'large'))
    writeFileSync(join(bench.path, 'small'), 'small')
    writeFileSync(join(bench.path, 'image.json'), JSON.stringify(definition ?? null))
    const disk = join(bench.path, 'disk')
    const store = [args[0] === 'store' && args[1] === 'copy' ? '--to' : '--store', `local:${disk}/store`]
    const link = args[0] === 'build' ? ['--no-out-link'] : []
    const words = [...args.map((arg) => (arg === 'CACHE' ? cache : arg)), ...store, ...link]
    const script = `cd "${bench.path}"; ${TOO_SMALL_THEN_ENOUGH}`
    const status = runOnDisk(bench, '1500k', 60, 'sh', '-euc', script, 'sh', disk, process.execPath, BINARY, ...words)
    const read = (name: string): string => readFileSync(join(bench.path, name), 'utf8')
    assert.equal(status, '1\n', read('err'))
    assert.match(read('err'), error)
    assert.equal(read('out'), '')
    assert.equal(read('verified'), '')
    assert.match(read('again'), /-(?:file|tree|a|text|made|x\.tar)$/m)
    // Derivations, and what something is made of, are whole, and stay.
    const added = read('after')
      .split('\n')
      .filter((line) => !read('before').split('\n').includes(line))
    assert.deepEqual(
      added.filter((line) => !/\.drv$|-large(?:\/|$)/.test(line)),
      [],
    )
    assert.deepEqual(bench.leftovers(), [])
  })
}
