import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IndexedTarMember } from '#tar'
import { toByteString } from '#util'
import { MergedTree } from './merged-tree.ts'

/** `dir/` is a directory, `a -> b` a symlink, `a = b` a hard link, `text` a file. */
function members(...lines: readonly string[]): IndexedTarMember[] {
  return lines.map((line, index) => {
    const [name = '', sign, target = ''] = line.split(' ')
    const noName = toByteString('')
    const meta = { mode: 0o644, uid: 0, gid: 0, uname: noName, gname: noName, mtimeSeconds: 0 }
    const common = { path: toByteString(name), ...meta }
    const header =
      sign === undefined
        ? name.endsWith('/')
          ? ({ ...common, type: 'directory' } as const)
          : ({ ...common, type: 'file', size: 1 } as const)
        : ({ ...common, type: sign === '->' ? 'symlink' : 'hardlink', target: toByteString(target) } as const)
    const rest = { typeflag: '0', format: 'ustar', storedMode: 0, paxRecords: new Map(), headerOffset: 0 } as const
    return { header, ...rest, bodyOffset: index }
  })
}

/** Each file as `PATH LAYER.INDEX`, directories as `PATH/`. */
function merged(...layers: readonly IndexedTarMember[][]): string[] {
  const tree = new MergedTree()
  for (const layer of layers) tree.apply(layer, 'layer')
  return [...tree.entries()].slice(1).map(({ path, node }) => {
    if (node.type === 'file') return `${path} ${node.layer}.${node.bodyOffset}`
    return node.type === 'symlink' ? `${path} -> ${node.target}` : `${path}/`
  })
}

test('a whiteout hides what is below its layer, and not what is in it', () => {
  assert.deepEqual(merged(members('a/x', 'a/y'), members('a/.wh.x', 'a/x')), ['a/', 'a/x 1.1', 'a/y 0.1'])
  assert.deepEqual(merged(members('a/x', 'a/y'), members('a/x', 'a/.wh.x')), ['a/', 'a/x 1.0', 'a/y 0.1'])
  assert.deepEqual(merged(members('a/x'), members('.wh.a', 'a/.wh.x')), [])
  assert.deepEqual(merged(members('a'), members('.wh.gone')), ['a 0.0'])
})

test('an opaque directory hides what is below its layer, wherever the mark stands', () => {
  assert.deepEqual(merged(members('a/x', 'a/b/y'), members('a/z', 'a/.wh..wh..opq')), ['a/', 'a/z 1.0'])
  assert.deepEqual(merged(members('a/x', 'b'), members('.wh..wh..opq')), [])
})

test('a directory joins a directory, everything else replaces', () => {
  assert.deepEqual(merged(members('a/x'), members('a/', 'a/y')), ['a/', 'a/x 0.0', 'a/y 1.1'])
  assert.deepEqual(merged(members('a/x'), members('a')), ['a 1.0'])
  assert.deepEqual(merged(members('a/x'), members('a'), members('a/')), ['a/'])
  assert.deepEqual(merged(members('a -> b', 'b/x'), members('a/y')), ['a/', 'a/y 1.0', 'b/', 'b/x 0.1'])
})

test('a hard link keeps its content when its target is replaced', () => {
  assert.deepEqual(merged(members('a', 'b = a'), members('a')), ['a 1.0', 'b 0.0'])
  assert.deepEqual(merged(members('a', 'b = a', 'a')), ['a 0.2', 'b 0.0'])
  assert.deepEqual(merged(members('a'), members('b = ./a'), members('.wh.a')), ['b 0.0'])
  assert.throws(() => merged(members('a'), members('.wh.a', 'b = a')), { code: 'FORMAT_INVALID' })
})

test('names in a directory are in byte order, with each directory’s content behind it', () => {
  assert.deepEqual(merged(members('b', 'a-b', 'a/z', 'a', 'A', 'a/é', 'a.b')), [
    'A 0.4',
    'a/',
    `a/${toByteString('é')} 0.5`,
    'a-b 0.1',
    'a.b 0.6',
    'b 0.0',
  ])
})
