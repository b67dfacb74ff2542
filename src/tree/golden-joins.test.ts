import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type TarEntry, writeTar } from '#tar'
import { type ByteString, byteStringToText, toByteString } from '#util'
import { joinTrees, type JoinedEntry, type JoinSource } from './join-trees.ts'
import type { TreeEntry } from './tree-entry.ts'

/** Image builds recorded from the original, with a binary cache that has every input. */
const GOLDEN = new URL('../../../shared/golden/', import.meta.url)

const skip = !existsSync(GOLDEN)
  ? 'shared folder not there'
  : spawnSync('xz', ['--version']).status === 0
    ? false
    : 'the program xz is not there'

/** Arguments that change the layer after the join. */
const LATER_STEPS = ['extraCommands', 'fakeRootCommands', 'enableFakechroot', 'includeNixDB']

interface Case {
  readonly case: string
  readonly function: string
  readonly args: Readonly<Record<string, unknown>>
  readonly derived?: { readonly customisationLayerFacts?: { readonly diffId: string } }
  readonly expect: { readonly tree?: readonly { path: string; type: string; target?: string }[] }
}

function cases(): Case[] {
  return readdirSync(new URL('visible/', GOLDEN))
    .map((name) => new URL(`visible/${name}/case.json`, GOLDEN))
    .filter((file) => existsSync(file))
    .map((file) => JSON.parse(readFileSync(file, 'utf8')) as Case)
}

test('joinTrees() gives the customisation layers that the original made, to the byte', { skip }, async () => {
  let compared = 0
  for (const { case: name, function: called, args, derived } of cases()) {
    const facts = derived?.customisationLayerFacts
    if (facts === undefined || called.endsWith('WithNixDb') || called.includes('NixShell')) continue
    if (LATER_STEPS.some((step) => Boolean(args[step]))) continue
    const tree = await joinTrees(storePaths(args['contents']).map(source))
    const sha256 = createHash('sha256')
    const members = tree.entries('bytes').map(member)
    for await (const chunk of writeTar(members, 'gnu-numeric')) sha256.update(chunk)
    assert.equal(`sha256:${sha256.digest('hex')}`, facts.diffId, name)
    compared++
  }
  assert.ok(compared > 80, `only ${compared} cases`)
})

test('joinTrees() gives the tree that symlinkJoin made', { skip }, async () => {
  const joined = cases().find((one) => one.case === 'tree-symlinkJoin')
  assert.ok(joined?.expect.tree !== undefined)
  const tree = await joinTrees(storePaths(joined.args['paths']).map(source))
  const ours = [...tree.entries('bytes')].map((entry) => ({
    path: byteStringToText(entry.path),
    type: entry.type,
    ...(entry.type === 'symlink' ? { target: byteStringToText(entry.target) } : {}),
  }))
  const expected = joined.expect.tree
    // The file that the recorded call wrote into the tree afterwards.
    .filter(({ path }) => path !== 'post')
    .map(({ path, type, target }) => ({ path, type, ...(target === undefined ? {} : { target }) }))
  assert.deepEqual(ours, expected)
})

/** Nested lists and nulls are allowed. */
function storePaths(contents: unknown): string[] {
  if (typeof contents === 'string') return [contents]
  return Array.isArray(contents) ? contents.flatMap(storePaths) : []
}

function member(entry: JoinedEntry): TarEntry {
  const empty = '' as ByteString
  const path = (entry.path === '' ? '.' : `./${entry.path}`) as ByteString
  return { ...entry, path, uid: 0, gid: 0, uname: empty, gname: empty, mtimeSeconds: 315532800 }
}

/** A content that is a symlink is entered, as the callers of `joinTrees` have to do; links go through its own name. */
function source(path: string): JoinSource {
  let entries = [...narEntries(readNar(path))]
  for (let root = entries[0]; root?.type === 'symlink'; root = entries[0]) {
    const target = byteStringToText(root.target)
    const inside = target.split('/').slice(4).join('/')
    const whole = [...narEntries(readNar(target.split('/').slice(0, 4).join('/')))]
    entries = inside === '' ? whole : below(whole, inside)
  }
  return { target: toByteString(path), entries }
}

function below(entries: readonly TreeEntry[], directory: string): TreeEntry[] {
  return entries
    .filter(({ path }) => path === directory || path.startsWith(`${directory}/`))
    .map((entry) => ({ ...entry, path: entry.path.slice(directory.length + 1) as ByteString }))
}

const nars = new Map<string, Buffer>()

function readNar(path: string): Buffer {
  const known = nars.get(path)
  if (known !== undefined) return known
  const hash = path.slice('/nix/store/'.length).slice(0, 32)
  const info = readFileSync(new URL(`cache/${hash}.narinfo`, GOLDEN), 'utf8')
  const file = new URL(`cache/${/^URL: (.*)$/m.exec(info)?.[1]}`, GOLDEN).pathname
  const { stdout, status } = spawnSync('xz', ['-dc', file], { maxBuffer: 2 ** 30 })
  assert.equal(status, 0, file)
  nars.set(path, stdout)
  return stdout
}

/** A reader of Nix archives that knows just enough for these, independent of the one of the package. */
function* narEntries(nar: Buffer): Generator<TreeEntry> {
  let offset = 0
  const next = (): string => {
    const length = Number(nar.readBigUInt64LE(offset))
    const text = nar.toString('latin1', offset + 8, offset + 8 + length)
    offset += 8 + Math.ceil(length / 8) * 8
    return text
  }
  const expect = (...tokens: string[]): void => {
    for (const token of tokens) assert.equal(next(), token)
  }
  function* node(path: ByteString): Generator<TreeEntry> {
    expect('(', 'type')
    const type = next()
    if (type === 'symlink') {
      expect('target')
      yield { type, path, mode: 0o777, target: next() as ByteString }
      expect(')')
      return
    }
    if (type === 'regular') {
      let token = next()
      const mode = token === 'executable' ? 0o555 : 0o444
      if (token === 'executable') {
        expect('')
        token = next()
      }
      const size = token === 'contents' ? next().length : 0
      if (token === 'contents') expect(')')
      yield { type: 'file', path, mode, size, open: () => assert.fail('a join does not read files') }
      return
    }
    assert.equal(type, 'directory')
    yield { type, path, mode: 0o555 }
    while (next() === 'entry') {
      expect('(', 'name')
      const name = next()
      expect('node')
      yield* node((path === '' ? name : `${path}/${name}`) as ByteString)
      expect(')')
    }
  }
  expect('nix-archive-1')
  yield* node('' as ByteString)
}
