import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createReadStream, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tarSumOf as tarsum } from '#archive'
import { mergeDrvs, type PathLike } from '#derivation'
import { buildLayeredImage, mkDbExtraCommand, mkPureLayer, mkRootLayer, realise, shellScript } from '#docker-tools'
import type { StorePath } from '#store'
import { failsWith, makeRoom, needs, type Room } from '../../src/packages/test-support.test.ts'
import { collectEvents, collectingSink } from '../support/collect.ts'
import { listTar, memberNamed } from '../support/list-tar.ts'
import { GOLDEN, GOLDEN_STORE, skipWithoutGolden } from '../support/places.ts'
import { makeTempDir } from '#util'

interface GoldenEntry {
  readonly path: string
  readonly type: string
  readonly target?: string
  readonly text?: string
  readonly executable?: boolean
}

async function treeOf(room: Room, path: StorePath): Promise<GoldenEntry[]> {
  const entries: GoldenEntry[] = []
  for await (const entry of room.session.store.entries(path)) {
    if (entry.type === 'symlink') entries.push({ path: entry.path, type: entry.type, target: entry.target })
    else if (entry.type === 'file') {
      const text = Buffer.concat(await Array.fromAsync(entry.open(), (chunk) => Buffer.from(chunk))).toString()
      entries.push({ path: entry.path, type: entry.type, executable: (entry.mode & 0o111) !== 0, text })
    } else entries.push({ path: entry.path, type: entry.type })
  }
  return entries
}

test('mergeDrvs makes the recorded tree', skipWithoutGolden, async () => {
  await using room = await makeRoom({ stores: [GOLDEN_STORE], storeOptions: { checkSignatures: false } })
  const recorded = JSON.parse(readFileSync(`${GOLDEN}visible/tree-mergeDrvs/case.json`, 'utf8')) as {
    readonly args: { readonly derivations: readonly PathLike[] }
    readonly expect: { readonly tree: readonly GoldenEntry[] }
  }
  const path = await room.session.realise(mergeDrvs(recorded.args))
  assert.deepEqual(await treeOf(room, path), recorded.expect.tree)
  assert.match(path, /-merge-drvs$/)
  const named = await room.session.realise(mergeDrvs({ ...recorded.args, onlyDeps: true }))
  assert.deepEqual(await treeOf(room, named), [
    { path: '', type: 'file', executable: false, text: `${recorded.args.derivations.join(' ')}\n` },
  ])
})

test('mergeDrvs unpacks archives, lets the last file stay and keeps names that begin with a dot', async () => {
  await using room = await makeRoom()
  await using temp = await makeTempDir('merge-')
  const at = (name: string): string => join(temp.path, name)
  for (const folder of ['a/deep', 'b/deep']) mkdirSync(at(folder), { recursive: true })
  writeFileSync(at('a/deep/file'), 'first')
  writeFileSync(at('a/.hidden'), 'hidden')
  writeFileSync(at('b/deep/file'), 'last', { mode: 0o755 })
  symlinkSync('deep/file', at('b/link'))
  execFileSync('tar', ['-czf', at('b.tar.gz'), '-C', at('b'), '.'])
  const path = await room.session.realise(mergeDrvs({ derivations: [at('a'), at('b.tar.gz')] }))
  assert.deepEqual(await treeOf(room, path), [
    { path: '', type: 'directory' },
    { path: '.hidden', type: 'file', executable: false, text: 'hidden' },
    { path: 'deep', type: 'directory' },
    { path: 'deep/file', type: 'file', executable: true, text: 'last' },
    { path: 'link', type: 'symlink', target: 'deep/file' },
  ])
})

test('shellScript stops at the first failure, with coreutils first in PATH', async () => {
  await using room = await makeRoom()
  await using temp = await makeTempDir('script-')
  mkdirSync(join(temp.path, 'tools/bin'), { recursive: true })
  symlinkSync('/bin/bash', join(temp.path, 'tools/bin/bash'))
  const tools = join(temp.path, 'tools')
  const script = shellScript({ name: 'say', text: 'echo "$PATH"; false; echo not', bash: tools, coreutils: tools })
  const path = await room.session.realise(script)
  const [file] = await treeOf(room, path)
  assert.equal(file?.executable, true)
  const [, shebang = '', store = ''] = /^#!((\/nix\/store\/\w{32}-tools)\/bin\/bash)\n/.exec(file.text ?? '') ?? []
  assert.equal(shebang, `${store}/bin/bash`)
  const { status, stdout } = spawnSync('/bin/bash', ['--norc', '-c', file.text ?? ''], { encoding: 'utf8' })
  assert.deepEqual([status, stdout], [1, `${store}/bin:/bin\n`])
})

test('mkDbExtraCommand has a real Nix know the contents', needs('nix-store', 'sqlite3'), async () => {
  await using temp = await makeTempDir('db-')
  mkdirSync(join(temp.path, 'root'))
  writeFileSync(join(temp.path, 'root/file'), 'content')
  const contents = join(temp.path, 'root')
  const script = 'nix-store --query --requisites "$(readlink nix/var/nix/gcroots/docker/*)" > requisites'
  const image = buildLayeredImage({
    name: 'db',
    tag: 'x',
    contents,
    extraCommands: `${mkDbExtraCommand(contents)}${script}\nsqlite3 nix/var/nix/db/db.sqlite "select registrationTime from ValidPaths" >> requisites\nrm -r nix`,
  })
  const sink = collectingSink()
  const { onEvent } = collectEvents()
  const stores = [`local:${join(temp.path, 'store')}`]
  const { layers } = await image.writeTo(sink, { stores, environment: {}, cacheDirectory: null, onEvent })
  const layer = memberNamed(listTar(sink.bytes()), `${layers.at(-1)?.replace('sha256:', '')}/layer.tar`).body
  assert.match(memberNamed(listTar(layer), './requisites').body.toString(), /^\/nix\/store\/\w{32}-root\n315532800\n$/)
})

test('mkDbExtraCommand refuses what is no path', () => {
  assert.throws(() => mkDbExtraCommand([7] as never), failsWith('DEFINITION_INVALID', /Cannot call mkDbExtraCommand/))
})

test('mkPureLayer is the layer of an image, and tarsum what stands in it', async () => {
  await using temp = await makeTempDir('layer-')
  mkdirSync(join(temp.path, 'root'))
  writeFileSync(join(temp.path, 'root/file'), 'content')
  const layer = mkPureLayer({ name: 'x', copyToRoot: join(temp.path, 'root'), extraCommands: 'echo more > more' })
  const options = { stores: [`local:${join(temp.path, 'store')}`], environment: {}, cacheDirectory: null }
  const { path } = await realise(layer, options)
  assert.deepEqual(
    execFileSync('tar', ['-tf', join(path, 'layer.tar')], { encoding: 'utf8' })
      .trim()
      .split('\n'),
    ['./', './file', './more'],
  )
  const json = JSON.parse(readFileSync(join(path, 'json'), 'utf8')) as { readonly checksum: string }
  assert.equal(await tarsum(createReadStream(join(path, 'layer.tar'))), json.checksum)
  assert.throws(
    () => mkPureLayer({ name: 'x', runAsRoot: 'true' }),
    failsWith('DEFINITION_INVALID', /runs nothing as root/),
  )
})

test('mkRootLayer is the layer that a script has made as root', needs('unshare'), async () => {
  await using temp = await makeTempDir('layer-')
  const layer = mkRootLayer({ name: 'x', runAsRoot: 'echo made > /made; chown 7:8 /made' })
  const options = { stores: [`local:${join(temp.path, 'store')}`], environment: {}, cacheDirectory: null }
  const sink = collectingSink()
  await layer.writeTo(sink, options)
  const { row, body } = memberNamed(listTar(sink.bytes()), './made')
  assert.deepEqual([row.uid, row.gid, body.toString()], [7, 8, 'made\n'])
  assert.throws(
    () => mkRootLayer({ name: 'x' } as never),
    failsWith('DEFINITION_INVALID', /"runAsRoot": it is missing/),
  )
})
