import assert from 'node:assert/strict'
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { streamConf, streamLayeredImage, type WriteOptions } from '#docker-tools'
import { DockerToolsError } from '#errors'
import { makeTempDir } from '#util'
import { listTar } from '../support/list-tar.ts'
import { useOwnHome } from '../support/own-home.ts'

useOwnHome()

const MIB = 1024 * 1024

/** What happens to a tree after a part of the archive was written. The file `late` is at its end. */
const changes: Readonly<Record<string, (tree: string) => void>> = {
  'grows by a byte': (tree) => appendFileSync(join(tree, 'late'), '!'),
  'shrinks by a byte': (tree) => truncateSync(join(tree, 'late'), MIB - 1),
  'shrinks to nothing': (tree) => truncateSync(join(tree, 'late'), 0),
  vanishes: (tree) => rmSync(join(tree, 'late')),
  'is written over in place': (tree) => writeFileSync(join(tree, 'late'), Buffer.alloc(MIB, 'z'), { flag: 'r+' }),
  'is replaced by a file of the same size': (tree) => {
    writeFileSync(join(tree, '..', 'other'), Buffer.alloc(MIB, 'z'))
    renameSync(join(tree, '..', 'other'), join(tree, 'late'))
  },
  'is replaced by a link': (tree) => {
    rmSync(join(tree, 'late'))
    symlinkSync('/etc/passwd', join(tree, 'late'))
  },
  'becomes a folder': (tree) => {
    rmSync(join(tree, 'late'))
    mkdirSync(join(tree, 'late'))
  },
  'becomes executable': (tree) => chmodSync(join(tree, 'late'), 0o755),
  'gets a neighbour': (tree) => writeFileSync(join(tree, 'later'), 'x'),
  'vanishes with its folder': (tree) => rmSync(tree, { recursive: true }),
}

/** Too large to be kept in memory between measuring and writing: its files are read twice. */
async function makeLargeTree(): Promise<{ readonly root: string } & AsyncDisposable> {
  const temp = await makeTempDir('changing-')
  const tree = join(temp.path, 'tree')
  mkdirSync(tree)
  writeFileSync(join(tree, 'big'), '')
  truncateSync(join(tree, 'big'), 32 * MIB)
  writeFileSync(join(tree, 'late'), Buffer.alloc(MIB, 'x'))
  return { root: temp.path, [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose]() }
}

/** Keeps only the end of what is written, and does something once so many bytes have come. */
function changingSink(afterBytes: number, change: () => void) {
  let bytes = 0
  let tail = Buffer.alloc(0)
  return {
    write(chunk: Uint8Array): void {
      if (bytes < afterBytes && bytes + chunk.length >= afterBytes) change()
      bytes += chunk.length
      tail = Buffer.concat([tail.subarray(-2048), chunk.subarray(-2048)])
    },
    endsAsArchive: (): boolean => bytes > 0 && bytes % 10_240 === 0 && tail.subarray(-1024).every((byte) => byte === 0),
  }
}

const codes: readonly string[] = ['FILE_CHANGED', 'FILE_UNREADABLE']

for (const [what, change] of Object.entries(changes)) {
  test(`the stream breaks off when a file ${what} while it is written`, async () => {
    await using tree = await makeLargeTree()
    const options: WriteOptions = { baseDirectory: tree.root, cacheDirectory: null, environment: {}, threads: 2 }
    const image = streamLayeredImage({ name: 'x', tag: '1', contents: ['./tree'] })
    const sink = changingSink(8 * MIB, () => change(join(tree.root, 'tree')))
    await assert.rejects(image.writeTo(sink, options), (error) => {
      assert.ok(error instanceof DockerToolsError, String(error))
      assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`)
      assert.match(error.message, /tree/)
      return true
    })
    assert.equal(sink.endsAsArchive(), false)
  })
}

test('the stream of an undisturbed tree ends as an archive: the sink can tell', async () => {
  await using tree = await makeLargeTree()
  const options: WriteOptions = { baseDirectory: tree.root, cacheDirectory: null, environment: {}, threads: 2 }
  const sink = changingSink(8 * MIB, () => undefined)
  await streamLayeredImage({ name: 'x', tag: '1', contents: ['./tree'] }).writeTo(sink, options)
  assert.equal(sink.endsAsArchive(), true)
})

test('a local file that changes between its store path and its layer is noticed, small as it is', async () => {
  await using temp = await makeTempDir('changing-')
  mkdirSync(join(temp.path, 'tree'))
  writeFileSync(join(temp.path, 'tree/file'), 'before')
  const parts: Uint8Array[] = []
  const image = streamLayeredImage({
    name: 'x',
    tag: '1',
    contents: ['./tree'],
    extraCommands: `echo after > ${temp.path}/tree/file`,
  })
  await assert.rejects(
    image.writeTo(
      { write: (chunk) => void parts.push(Uint8Array.from(chunk)) },
      { baseDirectory: temp.path, cacheDirectory: null, environment: {} },
    ),
    { code: 'FILE_CHANGED' },
  )
  assert.equal(listTar(Buffer.concat(parts)).hasEndMarker, false)
})

test('a customisation layer that is not what its checksum says breaks the stream off', async () => {
  await using temp = await makeTempDir('changing-')
  const folder = join(temp.path, 'customisation-layer')
  mkdirSync(folder)
  writeFileSync(join(folder, 'layer.tar'), Buffer.alloc(10_240))
  writeFileSync(join(folder, 'checksum'), `${'0'.repeat(64)}\n`)
  const conf = {
    architecture: 'amd64',
    config: {},
    os: 'linux',
    store_dir: '/nix/store',
    from_image: null,
    store_layers: [],
    customisation_layer: folder,
    repo_tag: 'x:1',
    created: '1970-01-01T00:00:01+00:00',
    mtime: '1970-01-01T00:00:01+00:00',
    uid: '0',
    gid: '0',
    uname: 'root',
    gname: 'root',
  }
  const sink = changingSink(0, () => undefined)
  const run = (): Promise<unknown> => streamConf(JSON.stringify(conf), sink, { cacheDirectory: null, environment: {} })
  await assert.rejects(run(), { code: 'DIGEST_MISMATCH' })
  assert.equal(sink.endsAsArchive(), false)
  writeFileSync(join(folder, 'checksum'), 'short\n')
  await assert.rejects(run(), { code: 'FORMAT_INVALID', message: 'Invalid sha256 at $PATH.' })
})
