import assert from 'node:assert/strict'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { below, listFolder, listTar, type ListedFile, shapeOf } from './list-tree.ts'
import { needs, needsRoot } from './needs.ts'
import { makeOddTree } from './odd-tree.ts'
import { attempt, run } from './run.ts'
import { digestOfFile, makeWorkshop, type Workshop } from './workshop.ts'

/** Number, owner and group as `tar` extracts them for root. */
const OWNER = { uid: 4321, gid: 8765 }

/** Layers' names begin with `/`, and one that is no UTF-8 has a record of Python's, as upstream's. */
const KNOWN_REMARKS = [
  "tar: Removing leading `/' from member names",
  "tar: Ignoring unknown extended header keyword 'hdrcharset'",
]

/** The programs that unpack, and how they are told to. */
const EXTRACTORS = [
  ['tar', ['--numeric-owner', '-p', '-xf']],
  ['bsdtar', ['--numeric-owner', '-p', '-xf']],
] as const

suite('an archive that other programs read', needs('tar', 'python3'), () => {
  let shop: Workshop
  let archive: string
  /** The layer with the odd tree in it. */
  let layer: string

  before(async () => {
    shop = await makeWorkshop()
    await makeOddTree(join(shop.path, 'odd'))
    const args = { contents: ['./odd'], ...OWNER, uname: 'somebody', gname: 'some group' }
    archive = await shop.stream('read', args)
    await mkdir(join(shop.path, 'outer'))
    await run({ program: 'tar', args: ['-C', join(shop.path, 'outer'), '-xf', archive] })
    const [first = ''] = (JSON.parse(await readFile(join(shop.path, 'outer/manifest.json'), 'utf8')) as [Manifest])[0]
      .Layers
    layer = join(shop.path, 'outer', first)
  })
  after(() => shop?.[Symbol.asyncDispose]())

  test('names every layer and the configuration by the digest of its bytes', async () => {
    for (const { path, sha256 } of await listTar(archive)) {
      if (path !== 'manifest.json') assert.equal(path.replace(/\/layer\.tar$|\.json$/, ''), sha256)
    }
    const [manifest] = JSON.parse(await readFile(join(shop.path, 'outer/manifest.json'), 'utf8')) as [Manifest]
    const config = JSON.parse(await readFile(join(shop.path, 'outer', manifest.Config), 'utf8')) as Config
    const digests = await Promise.all(manifest.Layers.map((path) => digestOfFile(join(shop.path, 'outer', path))))
    assert.deepEqual(digests, config.rootfs.diff_ids)
  })

  test('is listed alike by GNU tar, bsdtar and Python', async (t) => {
    const expected = (await listTar(layer)).length
    for (const [program] of EXTRACTORS) {
      await t.test(program, needs(program), async () => {
        const { code, stdout, stderr } = await attempt({ program, args: ['-tf', layer], env: UTF8 })
        assert.equal(code, 0)
        assert.deepEqual(
          linesOf(stderr).filter((line) => !KNOWN_REMARKS.includes(line)),
          [],
        )
        // Both programs write a new line within a name as two characters.
        assert.equal(linesOf(stdout).length, expected)
      })
    }
  })

  test('has the owners by number and by name', async () => {
    const owners = new Set((await listTar(layer)).filter(isInside).map((file) => ownerOf(file)))
    assert.deepEqual([...owners], ['4321:8765 somebody:some group 1'])
  })

  test('is unpacked by GNU tar and bsdtar to the files that went in', async (t) => {
    const expected = shapeOf(await listFolder(join(shop.path, 'odd')))
    for (const [program, options] of EXTRACTORS) {
      await t.test(program, needsRoot(program), async () => {
        const folder = join(shop.path, `unpacked-by-${program}`)
        await mkdir(folder)
        await run({ program, args: ['-C', folder, ...options, layer], env: UTF8 })
        const files = await listFolder(folder)
        const source = files.find(({ path }) => /^nix\/store\/[^/]+-odd$/.test(path))?.path ?? ''
        const inside = below(source, files)
        assert.deepEqual(shapeOf(inside), expected)
        for (const { path, type, mode, uid, gid, mtime } of inside) {
          const isProgram = type === 'directory' || path === 'program'
          const shown = type === 'symlink' ? 0o777 : isProgram ? 0o555 : 0o444
          assert.deepEqual({ path, mode, uid, gid, mtime }, { path, mode: shown, ...OWNER, mtime: 1 })
        }
      })
    }
  })

  test('is the same after every compressor, unpacked by the programs of that name', async (t) => {
    const plain = await digestOfFile(archive)
    const definition = { name: 'read', contents: ['./odd'], ...OWNER, uname: 'somebody', gname: 'some group' }
    for (const [compressor, programs] of [
      ['gz', ['gzip', 'pigz']],
      ['zstd', ['zstd']],
    ] as const) {
      const packed = await shop.build(`read-${compressor}.packed`, { ...definition, compressor })
      for (const program of programs) {
        await t.test(program, needs(program), async () => {
          await run({ program, args: ['-q', '-t', packed] })
          const unpacked = await run({
            program: 'sh',
            args: ['-c', '"$1" -dc <"$2" | sha256sum', 'sh', program, packed],
          })
          assert.equal(`sha256:${unpacked.slice(0, 64)}`, plain)
        })
      }
    }
    assert.equal(await digestOfFile(await shop.build('read-none.packed', { ...definition, compressor: 'none' })), plain)
  })
})

interface Manifest {
  readonly Config: string
  readonly Layers: readonly string[]
}

interface Config {
  readonly rootfs: { readonly diff_ids: readonly string[] }
}

const UTF8 = { ...process.env, LC_ALL: 'C.UTF-8' }

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}

function isInside({ path }: ListedFile): boolean {
  return path.startsWith('/nix/store/')
}

function ownerOf({ uid, gid, uname, gname, mtime }: ListedFile): string {
  return `${uid}:${gid} ${uname}:${gname} ${mtime}`
}
