import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import fc from 'fast-check'
import { DockerToolsError } from '#errors'
import { makeTempDir } from '#util'
import { encodeNixDatabase } from './encode-nix-database.ts'
import { parseHash } from './hash.ts'
import { NIX_SCHEMA } from './local-schema.ts'
import type { MeasuredNode } from './reference-graph.ts'
import { SqlitePages } from './sqlite-pages.ts'
import { encodeNix32 } from './nix32.ts'
import type { StorePath } from './store-path.ts'

const TIME = 315_532_800
const PAGE = 4096

/** A closure as numbers: what is at `references[i]` refers to the paths with these numbers. */
interface Shape {
  readonly nameLengths: readonly number[]
  readonly references: readonly (readonly number[])[]
  readonly sizes: readonly number[]
  readonly storeDir?: string
}

function nodesOf({ nameLengths, references, sizes, storeDir = '/nix/store' }: Shape): MeasuredNode[] {
  const paths = nameLengths
    .map((length, index) => {
      const digest = createHash('sha256').update(String(index)).digest()
      return `${storeDir}/${encodeNix32(digest.subarray(0, 20))}-${'n'.repeat(length)}` as StorePath
    })
    .toSorted()
  return paths.map((path, index) => ({
    path,
    narHash: { algorithm: 'sha256', bytes: createHash('sha256').update(path).digest() },
    narSize: sizes[index] ?? 112,
    references: (references[index] ?? []).map((number) => paths[number % paths.length] ?? path).toSorted(),
  }))
}

/** `count` paths, each of which refers to itself and `fan` others. */
function regular(count: number, fan: number, nameLength: number): Shape {
  return {
    nameLengths: Array.from({ length: count }, (_, index) => 1 + ((nameLength + index) % 211)),
    references: Array.from({ length: count }, (_, index) =>
      Array.from({ length: fan + 1 }, (__, step) => (index + step * 7) % count),
    ),
    sizes: Array.from({ length: count }, (_, index) => 112 + index * 8),
  }
}

/** What SQLite itself reads in the file, by the tables and by each index. */
function assertReadBack(bytes: Uint8Array, nodes: readonly MeasuredNode[], folder: string): void {
  const file = join(folder, 'db.sqlite')
  writeFileSync(file, bytes)
  const database = new DatabaseSync(file)
  try {
    const all = (sql: string): unknown[][] =>
      database
        .prepare(sql)
        .all()
        .map((row) => Object.values(row))
    assert.deepEqual(all('PRAGMA integrity_check'), [['ok']])
    assert.deepEqual(all('PRAGMA foreign_key_check'), [])
    const ids = new Map(nodes.map(({ path }, index) => [path, index + 1]))
    const rows = nodes.map(({ path, narHash, narSize }) => [
      ids.get(path),
      path,
      `sha256:${Buffer.from(narHash.bytes).toString('hex')}`,
      TIME,
      null,
      narSize === 0 ? null : narSize,
      null,
      null,
      null,
    ])
    assert.deepEqual(all('SELECT * FROM ValidPaths'), rows)
    assert.deepEqual(
      all('SELECT path, id FROM ValidPaths INDEXED BY sqlite_autoindex_ValidPaths_1 ORDER BY path'),
      rows.map(([id, path]) => [path, id]),
    )
    const references = nodes.flatMap((node) =>
      [...new Set(node.references)].map((reference) => [ids.get(node.path) ?? 0, ids.get(reference) ?? 0] as const),
    )
    assert.deepEqual(all('SELECT referrer, reference FROM Refs NOT INDEXED ORDER BY rowid'), references)
    for (const index of ['sqlite_autoindex_Refs_1', 'IndexReferrer', 'IndexReference']) {
      const found = all(`SELECT referrer, reference FROM Refs INDEXED BY ${index} WHERE referrer > 0 AND reference > 0`)
      assert.equal(found.length, references.length, index)
    }
    assert.deepEqual(all('SELECT * FROM sqlite_sequence'), nodes.length === 0 ? [] : [['ValidPaths', nodes.length]])
    assert.deepEqual(all('SELECT count(*) FROM DerivationOutputs'), [[0]])
  } finally {
    database.close()
  }
}

test('the database of a small closure has the bytes that Nix 2.26 and SQLite 3.46.1 gave it', () => {
  const [c, a, b] = [
    '4jd20jc854cll94sg3j7jizi2yhywlal-libC-1.0',
    '60y6h9frfqg98y2rl7qviqgiwdxkklqx-libA-0.1',
    'b9nc6bd1viknk7dbrhcwzx0vfls3ydd6-libB-2.3',
  ].map((name) => `/nix/store/${name}` as StorePath) as [StorePath, StorePath, StorePath]
  const node = (path: StorePath, hash: string, narSize: number, references: readonly StorePath[]): MeasuredNode => ({
    path,
    narHash: parseHash(`sha256:${hash}`, 'sha256'),
    narSize,
    references,
  })
  const bytes = encodeNixDatabase(
    [
      node(c, '22a4c14a61314b440fd65dc7dace5f8d08e834562a3dff6cf1d3886faad04fe9', 456, []),
      node(a, '150ca0382c9401a6ad77994925e34ad94c5539586b935a692b7d860bcd40df4b', 528, [b]),
      node(b, '8fa3475b34b2a1c961a0aed72cd6a41c5f517096ab3dd663d7eb5797b35e5087', 528, [c]),
    ],
    TIME,
  )
  // Of `nix/var/nix/db/db.sqlite` in the recorded layer of `build-nixdb`.
  const recorded = 'c0f2087698b7f29efe6a0657d1b0937b782f92c987c20cfae0472a38fbd405cb'
  assert.equal(createHash('sha256').update(bytes).digest('hex'), recorded)
})

test('a database whose tables fit on a page each is laid out as SQLite lays it out', async () => {
  await using temp = await makeTempDir('nixdb-')
  for (const [count, fan] of [
    [0, 0],
    [1, 0],
    [2, 1],
    [7, 6],
    [14, 13],
    [20, 12],
  ] as const) {
    const nodes = nodesOf({ ...regular(count, fan, 0), nameLengths: Array.from({ length: count }, (_, i) => 1 + i) })
    const file = join(temp.path, `${count}.sqlite`)
    writeWithSqlite(file, nodes)
    const [ours, theirs] = [encodeNixDatabase(nodes, TIME), readFileSync(file)]
    assert.equal(ours.length, 13 * PAGE)
    assert.deepEqual(Buffer.from(ours.subarray(PAGE)).compare(theirs.subarray(PAGE)), 0, `${count} paths`)
  }
})

test('SQLite reads back every closure that can be made up', async () => {
  await using temp = await makeTempDir('nixdb-')
  const shape = fc.integer({ min: 0, max: 120 }).chain((count) => {
    const list = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
      fc.array(item, { minLength: count, maxLength: count, size: 'max' })
    return fc.record({
      nameLengths: list(fc.integer({ min: 1, max: 211 })),
      references: list(fc.array(fc.nat(), { maxLength: 30 })),
      sizes: list(fc.maxSafeNat()),
    })
  })
  fc.assert(
    fc.property(shape, (made) => {
      const nodes = nodesOf(made)
      assertReadBack(encodeNixDatabase(nodes, TIME), nodes, temp.path)
    }),
    { numRuns: 60 },
  )
})

test('SQLite reads back closures of every number of paths, wherever a page happens to end', async () => {
  await using temp = await makeTempDir('nixdb-')
  for (let count = 0; count < 160; count++) {
    const nodes = nodesOf(regular(count, count % 9, 60))
    assertReadBack(encodeNixDatabase(nodes, TIME), nodes, temp.path)
  }
})

test('SQLite reads back a closure of thousands of paths with long names, in trees of several levels', async () => {
  await using temp = await makeTempDir('nixdb-')
  const shape = { ...regular(5000, 12, 0), nameLengths: Array.from({ length: 5000 }, () => 211) }
  const nodes = nodesOf(shape)
  const bytes = encodeNixDatabase(nodes, TIME)
  assertReadBack(bytes, nodes, temp.path)
  const root = Buffer.from(bytes.subarray(2 * PAGE, 3 * PAGE))
  const below = Buffer.from(bytes.subarray((root.readUInt32BE(8) - 1) * PAGE))
  const third = Buffer.from(bytes.subarray((below.readUInt32BE(8) - 1) * PAGE))
  assert.deepEqual([root[0], below[0], third[0]], [2, 2, 2], 'three levels above the leaves')
})

test('SQLite reads back sizes at the borders of what its integers take', async () => {
  await using temp = await makeTempDir('nixdb-')
  const borders = [8, 16, 24, 32, 48].flatMap((bits) => [2 ** (bits - 1) - 1, 2 ** (bits - 1), 2 ** bits - 1])
  const sizes = [0, 1, 2, ...borders, Number.MAX_SAFE_INTEGER]
  const nodes = nodesOf({ nameLengths: sizes.map(() => 1), references: [], sizes })
  assertReadBack(encodeNixDatabase(nodes, TIME), nodes, temp.path)
})

for (const length of [700, 900, 950, 1000, 3800, 3900, 5000, 9000]) {
  test(`SQLite reads back paths that do not fit on a page: a store folder of ${length} bytes`, async () => {
    await using temp = await makeTempDir('nixdb-')
    for (const count of [1, 2, 9, 100]) {
      const nodes = nodesOf({ ...regular(count, 3, 0), storeDir: `/${'d'.repeat(length - 1)}` })
      assertReadBack(encodeNixDatabase(nodes, TIME), nodes, temp.path)
    }
  })
}

test('rows can be added to the database, and taken away, as Nix does', async () => {
  await using temp = await makeTempDir('nixdb-')
  const file = join(temp.path, 'db.sqlite')
  writeFileSync(file, encodeNixDatabase(nodesOf(regular(300, 8, 0)), TIME))
  const database = new DatabaseSync(file)
  try {
    database.exec('PRAGMA foreign_keys = ON')
    const insert = database.prepare('INSERT INTO ValidPaths (path, hash, registrationTime) VALUES (?, ?, 1)')
    for (let index = 0; index < 500; index++) insert.run(`/nix/store/${index}-new`, 'sha256:00')
    assert.deepEqual({ ...database.prepare('SELECT max(id) AS id FROM ValidPaths').get() }, { id: 800 })
    database.exec('DELETE FROM Refs WHERE referrer % 3 <> 0; DELETE FROM Refs; DELETE FROM ValidPaths WHERE id % 2 = 0')
    assert.deepEqual({ ...database.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' })
    assert.deepEqual({ ...database.prepare('PRAGMA journal_mode').get() }, { journal_mode: 'wal' })
  } finally {
    database.close()
  }
})

test('the tables are those of Nix, by their text', async () => {
  await using temp = await makeTempDir('nixdb-')
  const [ours, theirs] = [join(temp.path, 'ours'), join(temp.path, 'theirs')]
  writeFileSync(ours, encodeNixDatabase([], TIME))
  writeWithSqlite(theirs, [])
  const list = (file: string): unknown[] => {
    const database = new DatabaseSync(file)
    const rows = database.prepare('SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master').all()
    database.close()
    return rows.map((row) => ({ ...row }))
  }
  assert.deepEqual(list(ours), list(theirs))
})

const sqlite3 = hasSqlite3() ? false : 'no program sqlite3 here'
test('the program sqlite3 finds no fault either', { skip: sqlite3 }, async () => {
  await using temp = await makeTempDir('nixdb-')
  const file = join(temp.path, 'db.sqlite')
  writeFileSync(file, encodeNixDatabase(nodesOf(regular(1000, 20, 0)), TIME))
  const query =
    'PRAGMA integrity_check; PRAGMA foreign_key_check; SELECT count(*), max(id) FROM ValidPaths; SELECT count(*) FROM Refs'
  assert.equal(execFileSync('sqlite3', [file, query]).toString(), 'ok\n1000|1000\n21000\n')
})

test('a reference out of the closure is an error that names both paths', () => {
  const [node] = nodesOf(regular(1, 0, 0))
  assert.ok(node !== undefined)
  const gone = node.path.replace('-n', '-gone') as StorePath
  assert.throws(
    () => encodeNixDatabase([{ ...node, references: [gone] }], TIME),
    (error) =>
      error instanceof DockerToolsError &&
      error.code === 'STORE_PATH_MISSING' &&
      error.message.includes(`"${node.path}" refers to "${gone}"`),
  )
})

test('a database of more than 1 GiB is an error', () => {
  const pages = new SqlitePages(0)
  const page = new Uint8Array(0)
  assert.throws(
    () => {
      for (let count = 0; count <= 2 ** 18; count++) pages.add(page)
    },
    (error) => error instanceof DockerToolsError && error.code === 'LIMIT_EXCEEDED',
  )
  assert.equal(pages.count, 2 ** 18)
})

/** The same rows, written by SQLite with the statements of Nix. */
function writeWithSqlite(file: string, nodes: readonly MeasuredNode[]): void {
  const database = new DatabaseSync(file)
  database.exec('PRAGMA synchronous = OFF')
  database.exec(NIX_SCHEMA.replace('hash             text not null,', '$& -- base16 representation'))
  database.exec('create table if not exists SchemaMigrations (migration text primary key not null);')
  const add = database.prepare('INSERT INTO ValidPaths (path, hash, registrationTime, narSize) VALUES (?, ?, ?, ?)')
  for (const { path, narHash, narSize } of nodes) {
    add.run(path, `sha256:${Buffer.from(narHash.bytes).toString('hex')}`, TIME, narSize)
  }
  const refer = database.prepare(
    'INSERT INTO Refs SELECT a.id, b.id FROM ValidPaths a, ValidPaths b WHERE a.path = ? AND b.path = ?',
  )
  for (const { path, references } of nodes) for (const reference of new Set(references)) refer.run(path, reference)
  database.close()
}

function hasSqlite3(): boolean {
  try {
    execFileSync('sqlite3', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
