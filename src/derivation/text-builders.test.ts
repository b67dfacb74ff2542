import assert from 'node:assert/strict'
import { lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  findPlaceholders,
  importPath,
  placeholder,
  replacePlaceholders,
  runCommand,
  storePath,
  symlinkJoin,
  writeScript,
  writeScriptBin,
  writeShellScript,
  writeShellScriptBin,
  writeText,
  writeTextDir,
  writeTextFile,
  type WriteTextFileArgs,
} from '#derivation'
import { needs } from '../../test/support/places.ts'
import { failsWith, openWorkshop } from './test-support.test.ts'

test('texts are where they should be, and executable where they should be', async () => {
  await using shop = await openWorkshop()
  const cases = [
    [writeText('t', 'text'), '', 'text', 0o444],
    [writeTextDir('share/my/file', 'text'), '/share/my/file', 'text', 0o444],
    [writeScript('s', 'text'), '', 'text', 0o555],
    [writeScriptBin('s', 'text'), '/bin/s', 'text', 0o555],
    [writeShellScript('s', 'echo hi'), '', '#!/bin/sh\necho hi\n', 0o555],
    [writeShellScriptBin('s', 'echo hi'), '/bin/s', '#!/bin/sh\necho hi\n', 0o555],
    [writeShellScriptBin({ name: 's', text: 'x', shell: '/bin/bash' }), '/bin/s', '#!/bin/bash\nx\n', 0o555],
    [writeTextFile({ name: 'f', text: '', destination: '/a/b', executable: true }), '/a/b', '', 0o555],
  ] as const
  for (const [value, below, text, mode] of cases) {
    const place = (await shop.realise(value)) + below
    assert.equal(readFileSync(place, 'utf8'), text)
    assert.equal(lstatSync(place).mode & 0o7777, mode)
  }
  assert.equal(writeTextDir('share/my/file', '').name, 'file')
})

test('a text names outputs by placeholders and written out; both become references', async () => {
  await using shop = await openWorkshop()
  const session = shop.session()
  const one = await session.realise(writeText('one', '1'))
  const two = writeText('two', '2')
  const script = writeShellScriptBin({ name: 's', text: `cat ${one} ${two}`, shell: storePath(one) })
  const path = await session.realise(script)
  const twoPath = await session.outPath(two)
  assert.equal(readFileSync(join(shop.physical(path), 'bin/s'), 'utf8'), `#!${one}\ncat ${one} ${twoPath}\n`)
  assert.deepEqual((await shop.store.pathInfo(path)).references, [one, twoPath].toSorted())
  const unknown = `/nix/store/${'0'.repeat(32)}-unknown`
  await shop.realise(writeText('three', unknown))
  assert.ok(shop.events.some((event) => event.type === 'warning' && event.message.includes(unknown)))
})

test('a placeholder stands for one value, in texts and JSON, and is found again', async () => {
  await using shop = await openWorkshop()
  const [one, two] = [writeText('one', '1'), writeText('one', '1')]
  assert.equal(`${one}`, `${one}`)
  assert.notEqual(`${one}`, `${two}`)
  assert.match(`${one}`, /^\/[0-9a-z]{52}$/)
  const json = JSON.stringify({ Cmd: [one, `${two}/x`] })
  const found = findPlaceholders(json)
  assert.deepEqual([...found.values()], [one, two])
  const path = await shop.session().outPath(one)
  const map = new Map([...found.keys()].map((text) => [text, path]))
  assert.equal(replacePlaceholders(json, map), JSON.stringify({ Cmd: [path, `${path}/x`] }))
  // Told by `nix-instantiate --eval -E 'placeholder "out"'`.
  assert.equal(placeholder('out'), '/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9')
  assert.equal(findPlaceholders(placeholder('out')).size, 0)
})

test('a local file has the path that nix-store gives it; a filter leaves out', needs('nix-store'), async () => {
  await using shop = await openWorkshop()
  mkdirSync(join(shop.path, 'tree/sub'), { recursive: true })
  for (const file of ['tree/keep', 'tree/drop', 'tree/sub/inner']) writeFileSync(join(shop.path, file), file)
  const session = shop.session()
  const theirs = shop.nix('nix-store', '--add', join(shop.path, 'tree')).trim()
  assert.equal(await session.realise(importPath('tree')), theirs)
  const seen: string[] = []
  const filter = (path: string, type: string): boolean => {
    seen.push(`${type} ${path}`)
    return path !== 'drop'
  }
  const filtered = await session.realise(importPath({ path: './tree', name: 'other', filter }))
  assert.deepEqual(seen, ['file drop', 'file keep', 'directory sub', 'file sub/inner'])
  const expression = `builtins.path { path = ${shop.path}/tree; name = "other"; filter = p: t: baseNameOf p != "drop"; }`
  assert.equal(shop.nix('nix-instantiate', '--eval', '-E', expression).trim(), JSON.stringify(filtered))
})

test('paths below outputs and local paths can be joined', async () => {
  await using shop = await openWorkshop()
  writeFileSync(join(shop.path, 'file'), 'x')
  mkdirSync(join(shop.path, 'folder/deep'), { recursive: true })
  writeFileSync(join(shop.path, 'folder/deep/file'), 'local')
  const text = writeTextDir('share/doc/readme', 'read')
  const joined = await shop.realise(symlinkJoin({ name: 'j', paths: [`${text}/share`, './folder'] }))
  assert.equal(lstatSync(join(joined, 'doc/readme')).isSymbolicLink(), true)
  assert.equal(lstatSync(join(joined, 'deep/file')).isSymbolicLink(), true)
  await assert.rejects(
    shop.realise(symlinkJoin({ name: 'j', paths: [`${text}/gone`] })),
    failsWith('FILE_UNREADABLE', '/gone"'),
  )
  await assert.rejects(shop.realise(symlinkJoin({ name: 'j', paths: ['./file'] })), failsWith('FILE_TYPE_UNSUPPORTED'))
})

test('wrong arguments are named when a builder is called', () => {
  const call = writeText as (...args: unknown[]) => unknown
  assert.throws(() => call('name'), failsWith('DEFINITION_INVALID', 'name, text'))
  assert.throws(() => call({ name: 'x', txt: '' }), failsWith('DEFINITION_INVALID', '"txt"', 'nearest is "text"'))
  assert.throws(() => call({ name: 'x' }), failsWith('DEFINITION_INVALID', '"text": it is missing'))
  assert.throws(() => call({ name: 'x', text: 'a\0b' }), failsWith('DEFINITION_INVALID', '"text"'))
  const file = (args: Partial<WriteTextFileArgs>): unknown => writeTextFile({ name: 'x', text: '', ...args })
  assert.throws(() => file({ destination: '../x' }), failsWith('DEFINITION_INVALID', 'below the output'))
  assert.throws(() => file({ destination: '/' }), failsWith('DEFINITION_INVALID', 'should have a name'))
  const checked = { name: 'x', text: '', checkPhase: 'true' } as WriteTextFileArgs
  assert.throws(() => writeTextFile(checked), failsWith('DEFINITION_INVALID', '"checkPhase"'))
  assert.throws(() => runCommand('x', { passAsFile: '' }, ''), failsWith('DEFINITION_INVALID', '"passAsFile"'))
})
