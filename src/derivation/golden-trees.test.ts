import assert from 'node:assert/strict'
import { lstatSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import {
  buildEnv,
  type BuildEnvArgs,
  type Built,
  closureInfo,
  type ClosureInfoArgs,
  symlinkJoin,
  type SymlinkJoinArgs,
  writeClosure,
  type PathLike,
} from '#derivation'
import { scanTree } from '#tree'
import { byteStringToText, toByteString } from '#util'
import { GOLDEN, GOLDEN_STORE, skipWithoutGolden } from '../../test/support/places.ts'
import { openWorkshop, type Workshop } from './test-support.test.ts'

interface Row {
  readonly path: string
  readonly type: string
  readonly target?: string
  readonly targetText?: string
  readonly text?: string
  readonly executable?: boolean
}

interface Recorded {
  readonly args: Readonly<Record<string, unknown>>
  readonly expect: { readonly tree: readonly Row[] }
}

function read(name: string): Recorded {
  return JSON.parse(readFileSync(join(GOLDEN, 'visible', name, 'case.json'), 'utf8')) as Recorded
}

/** What is on disk, in the form of the recorded trees; with the text behind links where that was recorded. */
function list(shop: Workshop, root: string, recorded: readonly Row[]): Row[] {
  const wanted = new Map(recorded.map((row) => [row.path, row]))
  return [...scanTree(toByteString(root), { order: 'bytes' })].map((entry) => {
    const path = byteStringToText(entry.path)
    const place = join(root, path)
    if (entry.type === 'directory') return { path, type: 'directory' }
    if (entry.type === 'file') {
      return {
        path,
        type: 'file',
        executable: (lstatSync(place).mode & 0o100) !== 0,
        text: readFileSync(place, 'utf8'),
      }
    }
    const target = readlinkSync(place)
    const row = { path, type: 'symlink', target }
    if (wanted.get(path)?.targetText === undefined) return row
    return {
      ...row,
      targetText: readFileSync(target.startsWith('/') ? shop.physical(target) : join(place, '..', target), 'utf8'),
    }
  })
}

suite('trees recorded from the original', skipWithoutGolden, () => {
  const cases: Readonly<Record<string, (args: Recorded['args']) => Built>> = {
    'tree-buildEnv': (args) => buildEnv({ name: 'env', ...args } as unknown as BuildEnvArgs),
    'tree-symlinkJoin': (args) =>
      symlinkJoin({ name: 'joined', postBuild: 'echo post > $out/post', ...args } as unknown as SymlinkJoinArgs),
    'tree-closureInfo': (args) => closureInfo(args as unknown as ClosureInfoArgs),
    'tree-closureInfo-empty': (args) => closureInfo(args as unknown as ClosureInfoArgs),
    'tree-writeClosure': (args) => writeClosure(args as unknown as { paths: PathLike[] }),
  }
  for (const [name, make] of Object.entries(cases)) {
    test(name, async () => {
      await using shop = await openWorkshop([GOLDEN_STORE])
      const { args, expect } = read(name)
      assert.deepEqual(list(shop, await shop.realise(make(args)), expect.tree), expect.tree)
    })
  }
})
