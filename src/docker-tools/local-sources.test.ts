import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { byteStringToText, makeTempDir } from '#util'
import { LocalSources } from './local-sources.ts'

const hasNix = (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'nix-store')))

async function makeTree(): Promise<{ readonly path: string } & AsyncDisposable> {
  const temp = await makeTempDir('sources-test-')
  mkdirSync(join(temp.path, 'tree/sub'), { recursive: true })
  writeFileSync(join(temp.path, 'tree/run'), '#!/bin/sh\n')
  chmodSync(join(temp.path, 'tree/run'), 0o700)
  writeFileSync(join(temp.path, 'tree/sub/ünï'), 'text')
  chmodSync(join(temp.path, 'tree/sub/ünï'), 0o664)
  symlinkSync('../run', join(temp.path, 'tree/sub/link'))
  symlinkSync('/nowhere', join(temp.path, 'dangling'))
  return temp
}

test(
  'local paths have the store paths that nix-store --add gives them',
  { skip: hasNix ? false : 'no nix-store here' },
  async () => {
    await using temp = await makeTree()
    const env = { ...process.env, HOME: temp.path, NIX_REMOTE: `local?root=${temp.path}/root`, NIX_CONF_DIR: temp.path }
    const sources = new LocalSources('/nix/store')
    for (const name of ['tree', 'tree/run', 'tree/sub/../sub', 'dangling']) {
      const expected = execFileSync('nix-store', ['--add', join(temp.path, name)], {
        env,
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      assert.equal(await sources.add(`./${name}`, temp.path), expected.toString().trim(), name)
    }
  },
)

test('entries have the modes of a store, whatever they are on disk', async () => {
  await using temp = await makeTree()
  const sources = new LocalSources('/nix/store')
  const path = await sources.add('./tree', temp.path)
  const entries = await Array.fromAsync(sources.entries(path))
  assert.deepEqual(
    entries.map((entry) => `${byteStringToText(entry.path)} ${entry.mode.toString(8)}`),
    [' 555', 'run 555', 'sub 555', 'sub/link 777', 'sub/ünï 444'],
  )
  assert.equal(await sources.has(path), true)
  assert.equal(sources.isSource(path), true)
  assert.equal(await sources.realPath(path), join(temp.path, 'tree'))
  assert.equal(await sources.findByHashPart(path.slice(11, 43)), path)
  assert.deepEqual((await sources.pathInfo(path)).references, [])
})

test('what changes after it was taken in is noticed', async () => {
  const changes: readonly ((tree: string) => void)[] = [
    (tree) => appendFileSync(join(tree, 'run'), 'x'),
    (tree) => chmodSync(join(tree, 'run'), 0o600),
    (tree) => writeFileSync(join(tree, 'new'), ''),
    (tree) => rmSync(join(tree, 'sub/link')),
    (tree) => rmSync(tree, { recursive: true }),
  ]
  for (const change of changes) {
    await using temp = await makeTree()
    const sources = new LocalSources('/nix/store')
    await sources.add('./tree', temp.path)
    sources.assertUnchanged()
    change(join(temp.path, 'tree'))
    assert.throws(() => sources.assertUnchanged(), /Cannot (use|read) ".*tree.*"/)
  }
})

test('a local path that is not there is refused, and one whose name no store path can have', async () => {
  await using temp = await makeTree()
  mkdirSync(join(temp.path, 'a b'))
  const sources = new LocalSources('/nix/store')
  await assert.rejects(sources.add('./gone', temp.path), { code: 'FILE_UNREADABLE' })
  await assert.rejects(sources.add('./a b', temp.path), { code: 'STORE_PATH_INVALID' })
})
