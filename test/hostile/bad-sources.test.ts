import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { type FixturePath, fixturePath, writeCache } from '../support/binary-cache.ts'
import { listTar, memberNamed } from '../support/list-tar.ts'
import { needs, needsRoot } from '../support/places.ts'
import { type Bench, makeBench } from '../support/run-cli.ts'
import { expectRefusal } from './expect-refusal.ts'

const NOBODY = 65_534

const definition = { function: 'streamLayeredImage', args: { name: 'x', tag: '1', contents: ['./tree'] } }

async function makeTree(): Promise<Bench> {
  const bench = await makeBench()
  for (const name of ['result', 'tree', 'tree/etc']) mkdirSync(join(bench.path, name))
  writeFileSync(join(bench.path, 'tree/etc/a'), 'a\n')
  return bench
}

test('a socket in a local folder is refused', async () => {
  await using bench = await makeTree()
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(join(bench.path, 'tree/s'), resolve))
  try {
    await expectRefusal(bench, definition, [], { code: 'FILE_TYPE_UNSUPPORTED', message: /\bs" .*socket|socket/ })
  } finally {
    server.close()
  }
})

test('a fifo in a local folder is refused: no store could hold it', needs('mkfifo'), async () => {
  await using bench = await makeTree()
  execFileSync('mkfifo', [join(bench.path, 'tree/f')])
  await expectRefusal(bench, definition, [], { code: 'FILE_TYPE_UNSUPPORTED', message: /fifo/ })
})

for (const [what, name] of [
  ['file', 'tree/etc/a'],
  ['folder', 'tree/etc'],
] as const) {
  test(`a ${what} that an ordinary user cannot read is refused`, needsRoot, async () => {
    await using bench = await makeTree()
    bench.openToAll()
    chmodSync(join(bench.path, name), 0)
    const refusal = { code: 'FILE_UNREADABLE', message: /etc/ } as const
    await expectRefusal(bench, definition, [], refusal, { uid: NOBODY })
  })
}

test('a local folder that is a name no store path can have is refused', async () => {
  await using bench = await makeTree()
  mkdirSync(join(bench.path, '.hidden~ž'))
  await expectRefusal(bench, { ...definition, args: { ...definition.args, contents: ['./.hidden~ž'] } }, [], {
    code: 'STORE_PATH_INVALID',
    message: /hidden/,
  })
})

test('links that lead nowhere or in circles are taken as they are', async () => {
  await using bench = await makeTree()
  symlinkSync('/nowhere/at/all', join(bench.path, 'tree/dangling'))
  symlinkSync('loop', join(bench.path, 'tree/loop'))
  const result = await bench.run(['stream', '-', '--quiet'], { stdin: JSON.stringify(definition) })
  assert.equal(result.status, 0, result.stderr)
})

test('a content that is a link in a circle is refused', async () => {
  await using bench = await makeTree()
  const [a, b] = [fixturePath('a', 'a'), fixturePath('b', 'b')]
  const paths: readonly FixturePath[] = [
    { path: a, tree: { link: b }, references: [b] },
    { path: b, tree: { link: a }, references: [a] },
  ]
  const cache = writeCache(join(bench.path, 'binary-cache'), paths)
  const args = ['--store', cache, '--no-check-signatures']
  await expectRefusal(bench, { ...definition, args: { ...definition.args, contents: [a] } }, args, {
    code: 'FILE_TYPE_UNSUPPORTED',
    message: /round in a circle/,
  })
})

test('a sparse file of many gigabytes is a file of zeros, in little memory', async () => {
  await using bench = await makeTree()
  writeFileSync(join(bench.path, 'tree/sparse'), '')
  truncateSync(join(bench.path, 'tree/sparse'), 300 * 1024 * 1024)
  const result = await bench.run(['layers', '-'], { stdin: JSON.stringify(definition) })
  assert.equal(result.status, 0, result.stderr)
  assert.equal((JSON.parse(result.stdout.toString()) as string[][]).length, 1)
})

test('hard links are files of their own, and names that are not UTF-8 are kept', async () => {
  await using bench = await makeTree()
  execFileSync('ln', [join(bench.path, 'tree/etc/a'), join(bench.path, 'tree/etc/b')])
  writeFileSync(Buffer.concat([Buffer.from(`${bench.path}/tree/etc/`), Buffer.of(0xe9)]), 'latin')
  const result = await bench.run(['stream', '-', '--quiet'], { stdin: JSON.stringify(definition) })
  assert.equal(result.status, 0, result.stderr)
  const outer = listTar(result.stdout)
  const manifest = JSON.parse(memberNamed(outer, 'manifest.json').body.toString()) as { Layers: string[] }[]
  const layer = listTar(memberNamed(outer, manifest[0]?.Layers[0] ?? '').body)
  const files = layer.members.filter(({ row }) => row.type === '0')
  assert.deepEqual(
    files.map(({ body }) => body.toString()),
    ['a\n', 'a\n', 'latin'],
  )
  assert.match(JSON.stringify(files.at(-1)?.row.name), /"hex":"[0-9a-f]*2fe9"/)
})
