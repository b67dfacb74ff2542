/**
 * exportImage of an image of 1 GB in 20 layers against `tar xf` of its layers
 * to disk in order: each contestant in turn, medians. Run after a build with
 * `node --conditions=source bench/export-image.ts [rounds]`.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createHash } from 'node:crypto'
import { makeTempDir, toByteString } from '#util'
import { encodeHeader, endOfArchive, paddingLength } from '#tar'

const LAYERS = 20
const LAYER_BYTES = 50_000_000
const PROGRAM = fileURLToPath(new URL('../bin/dockertools.js', import.meta.url))

/** A layer like that of a distribution: most files small, some large; every tenth replaces one of a lower layer. */
function makeLayer(index: number): Buffer {
  const parts: Uint8Array[] = []
  let total = 0
  const name = toByteString('')
  for (let file = 0; total < LAYER_BYTES; file++) {
    const size = file % 200 === 199 ? 6_000_000 : 500 + ((file * 7919 + index * 104_729) % 32_000)
    const owner = file % 10 === 0 ? index - (index % 2) : index
    const path = toByteString(`usr/lib/layer-${owner}/folder-${file % 37}/file-${file}`)
    const meta = { mode: 0o644, uid: 0, gid: 0, uname: name, gname: name, mtimeSeconds: 1 }
    parts.push(encodeHeader({ type: 'file', path, size, ...meta }, 'pax'))
    parts.push(Buffer.alloc(size + paddingLength(size), `${index} ${file} `))
    total += size
  }
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat([...parts, endOfArchive(length)])
}

function makeArchive(folder: string): void {
  const file = openSync(join(folder, 'image.tar'), 'w')
  const name = toByteString('')
  const meta = { mode: 0o644, uid: 0, gid: 0, uname: name, gname: name, mtimeSeconds: 1 }
  const write = (path: string, bytes: Uint8Array): void => {
    writeSync(file, encodeHeader({ type: 'file', path: toByteString(path), size: bytes.length, ...meta }, 'pax'))
    for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done)
    writeSync(file, new Uint8Array(paddingLength(bytes.length)))
  }
  const diffIds: string[] = []
  for (let index = 0; index < LAYERS; index++) {
    const layer = makeLayer(index)
    diffIds.push(`sha256:${createHash('sha256').update(layer).digest('hex')}`)
    writeFileSync(join(folder, `${index}.tar`), layer)
    write(`${index}/layer.tar`, layer)
  }
  const layers = diffIds.map((_, index) => `${index}/layer.tar`)
  write('c.json', Buffer.from(JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { diff_ids: diffIds } })))
  write('manifest.json', Buffer.from(JSON.stringify([{ Config: 'c.json', Layers: layers }])))
  writeSync(file, new Uint8Array(1024))
  closeSync(file)
}

function run(program: string, args: readonly string[], cwd: string): void {
  const { status, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program}: ${stderr}`)
}

function timed(work: () => void): number {
  const start = performance.now()
  work()
  return (performance.now() - start) / 1000
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
}

const rounds = Number(process.argv[2] ?? 3)
await using scratch = await makeTempDir('bench-export-')
const folder = scratch.path
makeArchive(folder)
const results = { tar: [] as number[], export: [] as number[] }
for (let round = 0; round < rounds; round++) {
  mkdirSync(join(folder, 'root'))
  results.tar.push(
    timed(() => {
      for (let index = 0; index < LAYERS; index++) run('tar', ['-C', 'root', '-xf', `${index}.tar`], folder)
    }),
  )
  rmSync(join(folder, 'root'), { recursive: true })
  results.export.push(
    timed(() => run(process.execPath, [PROGRAM, 'export', 'image.tar', '-q', '-o', 'root.tar'], folder)),
  )
}
const [tar, exported] = [median(results.tar), median(results.export)]
const { size } = statSync(join(folder, 'image.tar'))
const { stdout } = spawnSync(
  'sh',
  ['-c', '/usr/bin/time -f %M "$0" "$1" export image.tar -q -o root.tar 2>&1 | tail -1', process.execPath, PROGRAM],
  { cwd: folder, encoding: 'utf8' },
)
process.stdout.write(`image of ${(size / 1e9).toFixed(2)} GB in ${LAYERS} layers\n`)
process.stdout.write(`tar xf of the layers  ${tar.toFixed(2)} s (${results.tar.map((s) => s.toFixed(2)).join(', ')})\n`)
process.stdout.write(
  `dockertools export    ${exported.toFixed(2)} s (${results.export.map((s) => s.toFixed(2)).join(', ')})\n`,
)
process.stdout.write(`ratio                 ${(exported / tar).toFixed(2)}\n`)
process.stdout.write(`peak memory           ${stdout.trim()} kB\n`)
