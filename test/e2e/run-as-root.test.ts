import assert from 'node:assert/strict'
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { listTar, memberNamed, type TarListing } from '../support/list-tar.ts'
import { needs, needsNumbers } from '../support/places.ts'
import { type Bench, makeBench } from '../support/run-cli.ts'

const needsTools = needs('unshare', 'nsenter', 'busybox')

/** A base with a shell of its own, and a definition beside it. */
async function benchWithBase(args: Readonly<Record<string, unknown>>, isOnBase = true): Promise<Bench> {
  const bench = await makeBench()
  mkdirSync(join(bench.path, 'root/etc'), { recursive: true })
  mkdirSync(join(bench.path, 'root/old'))
  writeFileSync(join(bench.path, 'root/etc/motd'), 'hello\n')
  writeFileSync(join(bench.path, 'root/etc/passwd'), 'root:x:0:0::/root:/bin/sh\n')
  writeFileSync(join(bench.path, 'root/old/file'), 'x')
  mkdirSync(join(bench.path, 'root/bin'))
  copyFileSync('/bin/busybox', join(bench.path, 'root/bin/busybox'))
  chmodSync(join(bench.path, 'root/bin/busybox'), 0o755)
  const base = { function: 'buildImage', args: { name: 'base', tag: '1', copyToRoot: './root', compressor: 'none' } }
  const common = { name: 'x', tag: '1', compressor: 'none', ...(isOnBase ? { fromImage: base } : {}) }
  writeFileSync(
    join(bench.path, 'image.json'),
    JSON.stringify({ function: 'buildImage', args: { ...common, ...args } }),
  )
  return bench
}

/** The layer on top, of an image that is streamed. */
async function topLayer(bench: Bench, options: readonly string[] = []): Promise<TarListing> {
  const { status, stdout, stderr } = await bench.run(['stream', 'image.json', ...options])
  assert.equal(status, 0, stderr)
  assert.deepEqual(bench.leftovers(), [])
  const outer = listTar(stdout)
  const [image] = JSON.parse(memberNamed(outer, 'manifest.json').body.toString()) as { readonly Layers: string[] }[]
  return listTar(memberNamed(outer, image?.Layers.at(-1) ?? '').body)
}

function lines({ members }: TarListing): string[] {
  return members.map(
    ({ row }) =>
      `${typeof row.name === 'string' ? row.name : row.name.hex} ${row.mode.replace(/^0+/, '')} ${row.uid}:${row.gid}`,
  )
}

test('the redis example of the manual: a folder for data, nothing else but /tmp', needsTools, async () => {
  await using bench = await benchWithBase({ runAsRoot: '#!/nix/store/none/bin/bash\nmkdir -p /data\n' })
  assert.deepEqual(lines(await topLayer(bench)), ['./ 755 0:0', './data/ 755 0:0', './tmp/ 755 0:0'])
})

test(
  'a file that is removed from the base becomes a whiteout, a folder made again an opaque one',
  needsTools,
  async () => {
    await using bench = await benchWithBase({ runAsRoot: 'rm /etc/motd; rm -r /old; mkdir /old; echo new > /old/file' })
    const layer = await topLayer(bench)
    assert.deepEqual(lines(layer), [
      './ 755 0:0',
      // As the store had it.
      './etc/ 555 0:0',
      './etc/.wh.motd 644 0:0',
      './old/ 755 0:0',
      './old/.wh..wh..opq 644 0:0',
      './old/file 644 0:0',
      './tmp/ 755 0:0',
    ])
    assert.equal(memberNamed(layer, './old/file').body.toString(), 'new\n')
  },
)

test('users that a script adds own what it gives them', needsNumbers(), async () => {
  const runAsRoot = 'echo redis:x:999:999::/data: >> /etc/passwd; mkdir /data; chown redis:999 /data; chmod 2750 /data'
  await using bench = await benchWithBase({ runAsRoot })
  const layer = await topLayer(bench, ['--runner', 'namespace'])
  assert.ok(lines(layer).includes('./data/ 2750 999:999'))
  assert.equal(
    memberNamed(layer, './etc/passwd').body.toString(),
    'root:x:0:0::/root:/bin/sh\nredis:x:999:999::/data:\n',
  )
})

test(
  'copyToRoot is there before runAsRoot, and extraCommands come after it, in the layer alone',
  needsTools,
  async () => {
    const args = {
      copyToRoot: './root/etc',
      runAsRoot: '[ -e /motd ]; [ -e /old/file ]; rm /passwd; echo "(\'quoted\')" > runAsRoot',
      extraCommands: '[ ! -e old ]; [ -e motd ]; cat runAsRoot > extraCommands',
    }
    await using bench = await benchWithBase(args)
    const layer = await topLayer(bench)
    const names = layer.members.map(({ row }) => row.name)
    assert.deepEqual(names, ['./', './extraCommands', './motd', './runAsRoot', './tmp/'])
    assert.equal(memberNamed(layer, './extraCommands').body.toString(), "('quoted')\n")
  },
)

test('without a base the layer is all there is', needsTools, async () => {
  await using bench = await benchWithBase({ runAsRoot: 'mkdir /a; touch /a/b' }, false)
  assert.deepEqual(lines(await topLayer(bench)), ['./ 755 0:0', './a/ 755 0:0', './a/b 644 0:0', './tmp/ 755 0:0'])
})

test('a script that writes more than diskSize is told so', needsTools, async () => {
  await using bench = await benchWithBase({ runAsRoot: 'head -c 3000000 /dev/zero > /big', diskSize: 2 })
  const { status, stderr } = await bench.run(['stream', 'image.json'])
  assert.equal(status, 1)
  assert.match(stderr, /^error \(LIMIT_EXCEEDED\): .*runAsRoot: it writes more than diskSize allows, 2 MiB$/m)
})

test('what the command line says of scripts is checked', async () => {
  await using bench = await benchWithBase({ runAsRoot: 'true' })
  for (const [options, message] of [
    [['--runner', 'magic'], /"magic" as --runner: it should be one of plain, fakeroot, namespace, vm/],
    [['--timeout', '0'], /"0" as --timeout: it should be a number of seconds above 0/],
  ] as const) {
    const { status, stderr } = await bench.run(['stream', 'image.json', ...options])
    assert.equal(status, 2, stderr)
    assert.match(stderr, message)
  }
})

test('a script that takes longer than --timeout is ended', needsTools, async () => {
  await using bench = await benchWithBase({ runAsRoot: 'sleep 600' })
  const { status, stderr } = await bench.run(['stream', 'image.json', '--timeout', '1'])
  assert.equal(status, 1)
  assert.match(stderr, /LIMIT_EXCEEDED.*time limit of 1 s/)
  assert.deepEqual(bench.leftovers(), [])
})
