// Measures `dockertools stream` of a closure of 130 paths against reading and hashing the same files:
//   npm run --silent build && node --conditions=source bench/stream.ts [PAIRS] [FOLDER]
// The yardstick is `tar cf - PATHS | openssl dgst -sha256`. Every round runs the yardstick, a stream with nothing
// remembered, a stream with the layers measured before, and `tar cf - PATHS | cat`; medians of the rounds count.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatHash, measureNarOnDisk } from '#store'
import { toByteString } from '#util'
import { type MadeClosure, makeClosure } from './make-closure.ts'

const rounds = Number(process.argv[2] ?? 5)
const folder = process.argv[3] ?? mkdtempSync(join(tmpdir(), 'dockertools-bench-'))
const program = fileURLToPath(new URL('../bin/dockertools.js', import.meta.url))

const closure = await prepare()
console.log(
  `${closure.paths.length} paths, ${closure.files} files, ${(closure.bytes / 1e9).toFixed(2)} GB; ${rounds} rounds; Node ${process.version}`,
)
const cache = join(folder, 'cache')
const ours = `'${process.execPath}' '${program}' stream -q --store 'graph:${join(folder, 'graph.json')}' '${join(folder, 'image.json')}' | cat >/dev/null`
const tar = `tar -C '${closure.storeDir}' -cf - .`
const runs: Readonly<Record<string, { readonly before?: () => void; readonly command: string }>> = {
  'tar | openssl dgst -sha256': { command: `${tar} | openssl dgst -sha256 >/dev/null` },
  'stream, nothing remembered': { before: () => rmSync(cache, { recursive: true, force: true }), command: ours },
  'stream again': { command: ours },
  'tar | cat': { command: `${tar} | cat >/dev/null` },
}
const seconds = new Map<string, number[]>(Object.keys(runs).map((name) => [name, []]))
const peaks = new Map<string, number>()
for (let round = 0; round < rounds; round++) {
  for (const [name, run] of Object.entries(runs)) {
    run.before?.()
    const result = measure(run.command)
    seconds.get(name)?.push(result.seconds)
    peaks.set(name, Math.max(peaks.get(name) ?? 0, result.peakBytes))
  }
}
const yardstick = median(seconds.get('tar | openssl dgst -sha256') ?? [])
console.log('| run | median s | × yardstick | all s | peak MB |\n|---|---:|---:|---|---:|')
for (const [name, all] of seconds) {
  const middle = median(all)
  const list = all.map((value) => value.toFixed(2)).join(' ')
  const peak = name.startsWith('stream') ? ((peaks.get(name) ?? 0) / 1e6).toFixed(0) : ''
  console.log(`| ${name} | ${middle.toFixed(2)} | ${(middle / yardstick).toFixed(2)} | ${list} | ${peak} |`)
}
if (process.argv[3] === undefined) rmSync(folder, { recursive: true, force: true })

/** Makes the closure, its reference graph and a definition that names all of it; a folder that has them is used again. */
async function prepare(): Promise<MadeClosure> {
  const facts = join(folder, 'closure.json')
  if (existsSync(facts)) return JSON.parse(readFileSync(facts, 'utf8')) as MadeClosure
  const made = makeClosure(folder)
  const graph = []
  for (const [index, path] of made.paths.entries()) {
    const { narHash, narSize } = await measureNarOnDisk(toByteString(path))
    // Each refers to a few made before it, so that some are popular and some are not.
    const references = [index - 1, Math.floor(index / 2), Math.floor(index / 7)]
      .filter((other) => other >= 0 && other < index)
      .map((other) => made.paths[other])
    graph.push({ path, narHash: formatHash(narHash, 'sri'), narSize, references: [...new Set(references)] })
  }
  writeFileSync(join(folder, 'graph.json'), JSON.stringify(graph))
  const args = { name: 'bench', tag: '1', config: { Labels: { paths: made.paths.join(' ') } } }
  writeFileSync(join(folder, 'image.json'), JSON.stringify({ function: 'streamLayeredImage', args }))
  writeFileSync(facts, JSON.stringify(made))
  return made
}

function measure(command: string): { readonly seconds: number; readonly peakBytes: number } {
  const begin = performance.now()
  const result = spawnSync(
    'bash',
    ['-o', 'pipefail', '-c', `command time -f 'peak %M' bash -o pipefail -c "$1"`, 'bash', command],
    {
      encoding: 'utf8',
      env: { ...process.env, NIX_STORE_DIR: join(folder, 'nix', 'store'), XDG_CACHE_HOME: cache },
    },
  )
  const elapsed = (performance.now() - begin) / 1000
  const withoutTime = /time: (command )?not found|No such file/.test(result.stderr)
  if (result.status !== 0 && !withoutTime) throw new Error(`${command} failed: ${result.stderr}`)
  return { seconds: elapsed, peakBytes: Number(/peak (\d+)/.exec(result.stderr)?.[1] ?? 0) * 1024 }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}
