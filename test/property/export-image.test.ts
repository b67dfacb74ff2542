import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { makeTempDir } from '#util'
import { exportImage } from '#docker-tools'
import { collectingSink } from '../support/collect.ts'
import { listTar } from '../support/list-tar.ts'
import { dockerFiles, type MadeCompression, type MadeLayer, MadeLayout, tarOf } from '../support/make-image.ts'
import { type MadeMember, makeTar } from '../support/make-tar.ts'

/** What a layer does, in its order. */
type Change = { readonly path: string; readonly mode: number; readonly owner: number } & (
  | { readonly kind: 'file' | 'symlink'; readonly text: string }
  | { readonly kind: 'hardlink'; readonly target: string }
  | { readonly kind: 'directory' | 'whiteout' | 'opaque' }
)

/** A file of the model: path → what one would see there. */
interface Seen {
  readonly type: '0' | '2' | '5'
  readonly mode: number
  readonly owner: number
  readonly text: string
}

const name = fc.constantFrom('a', 'b', 'c', 'a-b', 'B', 'é')
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
const meta = { path, mode: fc.constantFrom(0o644, 0o755, 0o4755, 0o1777, 0), owner: fc.constantFrom(0, 7, 70_000) }
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ ...meta, kind: fc.constant('file' as const), text: fc.string({ maxLength: 600 }) }),
  },
  { weight: 3, arbitrary: fc.record({ ...meta, kind: fc.constant('directory' as const) }) },
  { weight: 1, arbitrary: fc.record({ ...meta, kind: fc.constant('symlink' as const), text: path }) },
  { weight: 2, arbitrary: fc.record({ ...meta, kind: fc.constant('hardlink' as const), target: path }) },
  { weight: 2, arbitrary: fc.record({ ...meta, kind: fc.constantFrom('whiteout' as const, 'opaque' as const) }) },
)
const stack = fc.array(
  fc.record({
    changes: fc.array(change, { maxLength: 12 }),
    compression: fc.constantFrom<MadeCompression>('none', 'gz', 'zstd'),
  }),
  { minLength: 1, maxLength: 6 },
)

/** The simplest union there is: every path in one map, and prefixes looked at one by one. */
class Model {
  readonly files = new Map<string, Seen>([['', { type: '5', mode: 0o755, owner: 0, text: '' }]])

  /** Gives the changes that were possible: a hard link needs something to link to. */
  apply(changes: readonly Change[]): readonly Change[] {
    for (const { kind, path: at } of changes) {
      if (kind === 'whiteout') this.remove(at, true)
      if (kind === 'opaque') this.remove(at, false)
    }
    return changes.filter((one) => one.kind === 'whiteout' || one.kind === 'opaque' || this.put(one))
  }

  remove(at: string, itself: boolean): void {
    for (const known of this.files.keys()) {
      if (known.startsWith(`${at}/`) || (itself && known === at)) this.files.delete(known)
    }
  }

  put(one: Change): boolean {
    const linked = one.kind === 'hardlink' ? this.files.get(one.target) : undefined
    if (one.kind === 'hardlink' && (linked === undefined || linked.type === '5')) return false
    const parts = one.path.split('/')
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/')
      if (this.files.get(parent)?.type === '5') continue
      this.remove(parent, true)
      this.files.set(parent, { type: '5', mode: 0o755, owner: 0, text: '' })
    }
    const isFolderAgain = one.kind === 'directory' && this.files.get(one.path)?.type === '5'
    if (!isFolderAgain) this.remove(one.path, true)
    const type = one.kind === 'directory' ? '5' : one.kind === 'symlink' ? '2' : '0'
    const text = one.kind === 'file' || one.kind === 'symlink' ? one.text : ''
    this.files.set(one.path, linked ?? { type, mode: one.mode, owner: one.owner, text })
    return true
  }
}

function memberOf(one: Change): MadeMember {
  const { path: at, mode, owner } = one
  const slash = at.lastIndexOf('/') + 1
  switch (one.kind) {
    case 'file':
      return { name: at, mode, owner, body: one.text }
    case 'directory':
      return { name: `${at}/`, mode, owner, type: '5' }
    case 'symlink':
      return { name: at, mode, owner, type: '2', link: one.text }
    case 'hardlink':
      return { name: `./${at}`, mode, owner, type: '1', link: one.target }
    case 'whiteout':
      return { name: `${at.slice(0, slash)}.wh.${at.slice(slash)}` }
    default:
      return { name: `./${at}/.wh..wh..opq` }
  }
}

/** Names in byte order within their directory, each directory before what is in it. */
function byComponents([a]: readonly [string, Seen], [b]: readonly [string, Seen]): number {
  const [left, right] = [a.split('/'), b.split('/')]
  for (const [index, part] of left.entries()) {
    const other = right[index]
    if (other === undefined) return 1
    const order = Buffer.compare(Buffer.from(part), Buffer.from(other))
    if (order !== 0) return order
  }
  return left.length - right.length
}

function expectedRows(model: Model): readonly unknown[] {
  return [...model.files].toSorted(byComponents).map(([at, { type, mode, owner, text }]) => ({
    name: `${at === '' ? '.' : `./${at}`}${type === '5' ? '/' : ''}`,
    type,
    mode: mode.toString(8).padStart(4, '0'),
    owners: [owner, owner, owner === 0 ? 'root' : '', owner === 0 ? 'root' : ''],
    mtime: 315_532_800,
    text,
  }))
}

test('exportImage() gives what 200 random stacks of layers come to, in every format', async () => {
  await using scratch = await makeTempDir('export-property-')
  const file = join(scratch.path, 'image.tar')
  await fc.assert(
    fc.asyncProperty(stack, fc.boolean(), async (layers, isOci) => {
      const model = new Model()
      const made: MadeLayer[] = layers.map(({ changes, compression }) => ({
        tar: makeTar(model.apply(changes).map(memberOf)),
        compression,
      }))
      const layout = new MadeLayout()
      writeFileSync(file, tarOf(isOci ? layout.index(layout.image(made)) : dockerFiles(made)))
      const sink = collectingSink()
      await exportImage({ fromImage: file }).writeTo(sink)
      const { members, hasEndMarker } = listTar(sink.bytes())
      const rows = members.map(({ row, body }) => ({
        name: row.name,
        type: row.type,
        mode: row.mode,
        owners: [row.uid, row.gid, row.uname, row.gname],
        mtime: row.mtime,
        text: row.type === '2' ? row.link : body.toString(),
      }))
      assert.deepEqual(rows, expectedRows(model))
      assert.ok(hasEndMarker)
      assert.equal(sink.bytes().length % 10_240, 0)
    }),
    { numRuns: 200, seed: 4 },
  )
})
