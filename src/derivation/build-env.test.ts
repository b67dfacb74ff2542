import assert from 'node:assert/strict'
import { mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { buildEnv, type BuildEnvArgs, importPath, setPrio, writeText, writeTextDir } from '#derivation'
import { scanTree } from '#tree'
import { toByteString } from '#util'
import { failsWith, openWorkshop, type Workshop } from './test-support.test.ts'

/** A package with files of these contents; `-> x` is a symlink. */
function pack(shop: Workshop, name: string, files: Readonly<Record<string, string>>): ReturnType<typeof importPath> {
  const root = join(shop.path, name)
  mkdirSync(root, { recursive: true })
  for (const [path, content] of Object.entries(files)) {
    const place = join(root, path)
    mkdirSync(dirname(place), { recursive: true })
    if (content.startsWith('-> ')) symlinkSync(content.slice(3), place)
    else writeFileSync(place, content)
  }
  return importPath(root)
}

/** Links by path, with the package's name in place of its store path; folders are `/`. */
async function merged(shop: Workshop, args: Omit<BuildEnvArgs, 'name'>): Promise<Record<string, string>> {
  const root = await shop.realise(buildEnv({ name: 'env', ...args }))
  const rows: Record<string, string> = {}
  for (const entry of scanTree(toByteString(root), { order: 'bytes' })) {
    if (entry.path === '') continue
    rows[entry.path] =
      entry.type === 'directory' ? '/' : readlinkSync(join(root, entry.path)).replace(/^\/nix\/store\/\w{32}-/, '')
  }
  return rows
}

test('a folder of one package is a link, a folder of several is merged', async () => {
  await using shop = await openWorkshop()
  const a = pack(shop, 'a', { 'bin/a': 'a', 'share/doc/a': 'a', 'lib/only/deep': 'a' })
  const b = pack(shop, 'b', { 'bin/b': 'b', 'share/doc/b': 'b', 'nix-support/x': '', 'share/mime/cache': '', log: '' })
  assert.deepEqual(await merged(shop, { paths: [a, b] }), {
    bin: '/',
    'bin/a': 'a/bin/a',
    'bin/b': 'b/bin/b',
    lib: 'a/lib',
    share: '/',
    'share/doc': '/',
    'share/doc/a': 'a/share/doc/a',
    'share/doc/b': 'b/share/doc/b',
    'share/mime': 'b/share/mime',
  })
  assert.deepEqual(await merged(shop, { paths: [a, b], pathsToLink: ['/lib', '/share/doc'], extraPrefix: '/usr' }), {
    usr: '/',
    'usr/lib': '/',
    'usr/lib/only': 'a/lib/only',
    'usr/share': '/',
    'usr/share/doc': '/',
    'usr/share/doc/a': 'a/share/doc/a',
    'usr/share/doc/b': 'b/share/doc/b',
  })
})

test('two files at one place are an error that names both, unless they are the same, ignored or of another priority', async () => {
  await using shop = await openWorkshop()
  const a = pack(shop, 'a', { 'bin/x': 'one', 'bin/same': 's', etc: 'file' })
  const b = pack(shop, 'b', { 'bin/x': 'two', 'bin/same': 's' })
  const c = pack(shop, 'c', { 'etc/f': 'folder' })
  await assert.rejects(
    merged(shop, { paths: [a, b] }),
    failsWith('OUTPUT_INVALID', '-b/bin/x"', '-a/bin/x"', 'the same place'),
  )
  await assert.rejects(merged(shop, { paths: [a, c] }), failsWith('OUTPUT_INVALID', '-c/etc"', '-a/etc"'))
  await assert.rejects(
    merged(shop, { paths: [setPrio(1, a), setPrio(2, b)], pathsToLink: ['/bin/x'] }),
    failsWith('OUTPUT_INVALID', '-a/bin/x"', 'pathsToLink'),
  )
  const both = { bin: '/', 'bin/same': 'a/bin/same', 'bin/x': 'a/bin/x', etc: 'a/etc' }
  assert.deepEqual(await merged(shop, { paths: [a, b], ignoreCollisions: true }), both)
  assert.ok(shop.events.some((event) => event.type === 'warning' && event.code === 'CONTENTS_COLLISION'))
  assert.deepEqual(await merged(shop, { paths: [a, setPrio(6, b)] }), both)
  const other = { ...both, 'bin/same': 'b/bin/same', 'bin/x': 'b/bin/x' }
  assert.deepEqual(await merged(shop, { paths: [a, setPrio(4, b)] }), other)
  const same = pack(shop, 'same', { 'bin/same': 's' })
  assert.equal((await merged(shop, { paths: [a, same] }))['bin/same'], 'a/bin/same')
  await assert.rejects(merged(shop, { paths: [a, same], checkCollisionContents: false }), failsWith('OUTPUT_INVALID'))
})

test('links that lead to the same file are no collision, also through other packages', async () => {
  await using shop = await openWorkshop()
  const a = pack(shop, 'a', { 'bin/x': 'one', 'lib/f': 'f' })
  const session = shop.session()
  const place = await session.realise(a)
  const b = pack(shop, 'b', {
    'bin/x': `-> ${place}/bin/x`,
    lib: `-> ${place}/lib`,
    loop: '-> loop',
    gone: '-> /nowhere',
  })
  // The path is named by a link only: it has to be an input all the same.
  const env = await merged(shop, { paths: [b, a] })
  assert.deepEqual(env, { bin: '/', 'bin/x': 'a/bin/x', gone: 'b/gone', lib: 'a/lib', loop: 'b/loop' })
})

test('packages that a package brings with it are added after all others', async () => {
  await using shop = await openWorkshop()
  const session = shop.session()
  const brought = pack(shop, 'brought', { 'bin/x': 'brought', 'bin/y': 'brought' })
  const place = await session.realise(brought)
  const text = writeTextDir('nix-support/propagated-user-env-packages', `${place}\n`)
  const other = pack(shop, 'other', { 'bin/x': 'other' })
  assert.deepEqual(await merged(shop, { paths: [text, other] }), {
    bin: '/',
    'bin/x': 'other/bin/x',
    'bin/y': 'brought/bin/y',
  })
})

test('a file cannot be merged, and wrong arguments are named', async () => {
  await using shop = await openWorkshop()
  await assert.rejects(
    merged(shop, { paths: [writeText('t', '')] }),
    failsWith('FILE_TYPE_UNSUPPORTED', '-t"', 'directory'),
  )
  const call =
    (args: object): (() => unknown) =>
    () =>
      buildEnv({ name: 'x', paths: [], ...args })
  assert.throws(call({ pathToLink: [] }), failsWith('DEFINITION_INVALID', '"pathToLink"', 'nearest is "pathsToLink"'))
  assert.throws(call({ paths: ['hello'] }), failsWith('DEFINITION_INVALID', '"paths"'))
  assert.throws(call({ extraPrefix: '/../x' }), failsWith('DEFINITION_INVALID', '".."'))
})
