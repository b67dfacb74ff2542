// Measures `dockertools build` of an image by buildImage with a closure of 1 GB, uncompressed, against writing the
// same files with tar and hashing the result:
//   npm run --silent build && node --conditions=source bench/build-image.ts [ROUNDS] [FOLDER]
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatHash, measureNarOnDisk } from '#store'
import { toByteString } from '#util'
import { type MadeClosure, makeClosure } from './make-closure.ts'
import { compareCommands } from './measure-command.ts'

const SCALE = 0.65
const rounds = Number(process.argv[2] ?? 5)
const folder = process.argv[3] ?? mkdtempSync(join(tmpdir(), 'dockertools-bench-'))
const program = fileURLToPath(new URL('../bin/dockertools.js', import.meta.url))

const closure = await prepare()
console.log(`${closure.files} files, ${(closure.bytes / 1e9).toFixed(2)} GB; ${rounds} rounds; Node ${process.version}`)
const [tar, image] = [join(folder, 'files.tar'), join(folder, 'image.tar')]
compareCommands(
  {
    'tar cf FILE; openssl dgst -sha256 FILE': `tar -C '${closure.storeDir}' -cf '${tar}' . && openssl dgst -sha256 '${tar}'`,
    build: `'${process.execPath}' '${program}' build -q --store 'graph:${join(folder, 'graph.json')}' '${join(folder, 'image.json')}' -o '${image}'`,
  },
  rounds,
  { NIX_STORE_DIR: closure.storeDir, XDG_CACHE_HOME: join(folder, 'cache') },
  [tar, image],
)
if (process.argv[3] === undefined) rmSync(folder, { recursive: true, force: true })

/** Makes the closure, its reference graph and a definition that names all of it; a folder that has them is used again. */
async function prepare(): Promise<MadeClosure> {
  const facts = join(folder, 'closure.json')
  if (existsSync(facts)) return JSON.parse(readFileSync(facts, 'utf8')) as MadeClosure
  const made = makeClosure(folder, SCALE)
  const graph = []
  for (const path of made.paths) {
    const { narHash, narSize } = await measureNarOnDisk(toByteString(path))
    graph.push({ path, narHash: formatHash(narHash, 'sri'), narSize, references: [] })
  }
  writeFileSync(join(folder, 'graph.json'), JSON.stringify(graph))
  const config = { Labels: { paths: made.paths.join(' ') } }
  const args = { name: 'bench', tag: '1', compressor: 'none', config }
  writeFileSync(join(folder, 'image.json'), JSON.stringify({ function: 'buildImage', args }))
  writeFileSync(facts, JSON.stringify(made))
  return made
}
