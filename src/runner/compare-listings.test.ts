import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toByteString } from '#util'
import { compareListings } from './compare-listings.ts'
import { type Listing, parseDevices, parseListed, parseListing } from './listing.ts'

/** A listing as `find` prints it, from rows "type inode mode path". */
function listing(...rows: readonly string[]): Listing {
  const records = rows.map((row) => {
    const [type = '', inode = '', mode = '', path = '', changed = '1.0'] = row.split(' ')
    return `${path}\0${type} ${inode} ${mode} 0 0 0 1.0 ${changed} \0`
  })
  return parseListing(records.join(''))
}

function names(before: Listing, after: Listing): string[] {
  return compareListings(before, after).map((entry) => {
    const mark = entry.type === 'whiteout' ? '-' : entry.type === 'directory' && entry.isOpaque ? '!' : ''
    return mark + entry.path
  })
}

const before = listing(
  'd 1 755',
  'd 2 755 a',
  'f 3 644 a/x',
  'f 4 644 a/y',
  'd 5 755 b',
  'd 6 755 b/c',
  'f 7 644 b/c/z',
)

test('of a tree that nothing was done to only the root is told', () => {
  assert.deepEqual(names(before, before), [''])
})

test('a changed file comes with the folders above it', () => {
  const after = listing(
    'd 1 755',
    'd 2 755 a',
    'f 3 644 a/x',
    'f 4 644 a/y',
    'd 5 755 b',
    'd 6 755 b/c',
    'f 7 644 b/c/z 2.0',
  )
  assert.deepEqual(names(before, after), ['', 'b', 'b/c', 'b/c/z'])
})

test('of a folder that is gone one name tells it, not those below', () => {
  assert.deepEqual(names(before, listing('d 1 755', 'd 2 755 a', 'f 3 644 a/x', 'f 4 644 a/y')), ['', '-b'])
  assert.deepEqual(
    names(before, listing('d 1 755', 'd 2 755 a', 'f 4 644 a/y', 'd 5 755 b', 'd 6 755 b/c', 'f 7 644 b/c/z')),
    ['', 'a', '-a/x'],
  )
})

test('a folder with another inode is opaque, and all in it is new, also what looks the same', () => {
  const after = listing('d 1 755', 'd 2 755 a', 'f 3 644 a/x', 'f 4 644 a/y', 'd 9 755 b', 'd 6 755 b/c')
  assert.deepEqual(names(before, after), ['', '!b', 'b/c'])
})

test('a file where a folder was needs no whiteout, and a folder where a file was is opaque', () => {
  const after = listing('d 1 755', 'f 2 644 a 2.0', 'd 5 755 b', 'd 6 755 b/c', 'd 7 755 b/c/z 2.0')
  assert.deepEqual(names(before, after), ['', 'a', 'b', 'b/c', '!b/c/z'])
})

test('what is in a folder stands before a longer name that begins with the folder’s', () => {
  assert.deepEqual(names(listing(), listing('d 1 755', 'd 2 755 a', 'd 3 755 a-b', 'f 4 644 a/z')), [
    '',
    'a',
    'a/z',
    'a-b',
  ])
})

test('names and link targets are bytes, and may have line ends in them; devices get their numbers', () => {
  const text = 'a\xff\nb\0l 1 777 5 6 3 1.0 1.0 x\ny z \0dev\0c 2 600 0 0 0 1.0 1.5 \0'
  const devices = parseDevices('1 3\0./dev\0')
  const files = [...parseListing(text)].map(([path, row]) => parseListed(path, row, devices))
  assert.deepEqual(
    files.map(({ entry }) => entry),
    [
      { path: 'a\xff\nb', mode: 0o777, uid: 5, gid: 6, type: 'symlink', target: 'x\ny z ' },
      { path: 'dev', mode: 0o600, uid: 0, gid: 0, type: 'char', major: 1, minor: 3 },
    ],
  )
  assert.equal(files[1]?.ctimeMs, 1500)
})

test('a folder that was moved into another one’s place takes what is in it along, though that looks the same', () => {
  const moved = listing('d 1 755', 'd 5 755 a 2.0', 'd 6 755 a/c', 'f 7 644 a/c/z')
  const there = listing('d 1 755', 'd 2 755 a', 'd 6 755 a/c', 'f 7 644 a/c/z', 'd 5 755 b')
  assert.deepEqual(names(there, moved), ['', '!a', 'a/c', 'a/c/z', '-b'])
})

test('what is given counts as changed, though it looks the same, with the folders above it', () => {
  const given = new Set(['b/c/z', 'new'].map(toByteString))
  const changed = compareListings(before, before, given).map(({ path }) => path)
  assert.deepEqual(changed, ['', 'b', 'b/c', 'b/c/z'])
})
