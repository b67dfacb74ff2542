// Measures `dockertools push` of an image of 1 GB to Debian's docker-registry on this machine:
//   npm run --silent build && node --conditions=source bench/push.ts [ROUNDS] [FOLDER] [SCALE]
// Yardsticks: `pigz -n -p2` over the layers with `curl` uploading the results, for gzip; `skopeo copy docker-archive:`
// (gzip) for zstd and plain layers, of an image with few layers and of one with many. The last part pushes an image of 100 layers again with one small layer changed.
// Needs docker-registry, pigz, curl, skopeo. The registry is emptied, and every cache removed, before each first push.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatHash, measureNarOnDisk } from '#store'
import { toByteString } from '#util'
import { type MadeClosure, makeClosure } from './make-closure.ts'
import { type CommandCost, measureCommand, median } from './measure-command.ts'

interface Run {
  readonly before: () => void
  readonly command: string
  /** The run that it is held against. */
  readonly yardstick: string
}

const rounds = Number(process.argv[2] ?? 3)
const folder = process.argv[3] ?? mkdtempSync(join(tmpdir(), 'dockertools-bench-'))
const scale = Number(process.argv[4] ?? 0.6)
const program = fileURLToPath(new URL('../bin/dockertools.js', import.meta.url))
const host = '127.0.0.1:5099'
const [data, cache, home] = [join(folder, 'registry'), join(folder, 'cache'), join(folder, 'home')]
const ours = (definition: string, ...options: readonly string[]): string =>
  `'${process.execPath}' '${program}' push -q --store 'graph:${join(folder, 'graph.json')}' '${join(folder, definition)}' ${host}/bench:1 ${options.join(' ')}`

const closure = await prepare()
const registry = await startRegistry()
try {
  const gzip = 'pigz -n -p2, then curl'
  const skopeo = 'skopeo copy docker-archive:'
  const skopeo100 = `${skopeo}, 100 layers`
  const runs: Readonly<Record<string, Run>> = {
    [gzip]: { before: empty, command: `bash '${join(folder, 'pigz-curl.sh')}'`, yardstick: gzip },
    [skopeo]: { before: empty, command: copyBySkopeo('image.tar'), yardstick: skopeo },
    'push, gzip': { before: empty, command: ours('image.json'), yardstick: gzip },
    'push, zstd': { before: empty, command: ours('image.json', '--compress zstd'), yardstick: skopeo },
    'push, plain': { before: empty, command: ours('image.json', '--compress none'), yardstick: skopeo },
    'push of an archive, gzip': {
      before: empty,
      command: `'${process.execPath}' '${program}' push -q '${join(folder, 'image.tar')}' ${host}/bench:1`,
      yardstick: gzip,
    },
    [skopeo100]: { before: empty, command: copyBySkopeo('hundred.tar'), yardstick: skopeo100 },
    'push, zstd, 100 layers': { before: empty, command: ours('hundred.json', '--compress zstd'), yardstick: skopeo100 },
    'push, plain, 100 layers': {
      before: empty,
      command: ours('hundred.json', '--compress none'),
      yardstick: skopeo100,
    },
    'again, 1 of 100 layers changed': { before: changeOneLayer, command: ours('many.json'), yardstick: gzip },
  }
  const costs = new Map<string, CommandCost[]>(Object.keys(runs).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(runs)) {
      run.before()
      costs.get(name)?.push(measureCommand(run.command, environment()))
    }
  }
  const middle = (name: string): number => median((costs.get(name) ?? []).map((cost) => cost.seconds))
  const shape = `${closure.paths.length} paths, ${(closure.bytes / 1e9).toFixed(2)} GB, 20 layers`
  console.log(`${shape}, one of them with most of the bytes; ${rounds} rounds; Node ${process.version}`)
  console.log('| run | median s | × its yardstick | processor s | peak MB |\n|---|---:|---:|---:|---:|')
  for (const [name, { yardstick }] of Object.entries(runs)) {
    const all = costs.get(name) ?? []
    const peak = (Math.max(...all.map((cost) => cost.peakBytes)) / 1e6).toFixed(0)
    const processor = median(all.map((cost) => cost.processorSeconds)).toFixed(2)
    const ratio = (middle(name) / middle(yardstick)).toFixed(2)
    console.log(`| ${name} | ${middle(name).toFixed(2)} | ${ratio} | ${processor} | ${peak} |`)
  }
} finally {
  registry.kill('SIGTERM')
  if (process.argv[3] === undefined) rmSync(folder, { recursive: true, force: true })
}

function copyBySkopeo(archive: string): string {
  return `HOME='${home}' skopeo --insecure-policy copy -q --dest-tls-verify=false docker-archive:'${join(folder, archive)}' docker://${host}/bench:1`
}

function environment(): Readonly<Record<string, string>> {
  return { NIX_STORE_DIR: join(folder, 'nix', 'store'), XDG_CACHE_HOME: cache }
}

function empty(): void {
  for (const path of [data, cache, home]) rmSync(path, { recursive: true, force: true })
  for (const path of [data, home]) mkdirSync(path)
}

/** Pushes the image of 100 layers, then changes what one of them holds. */
function changeOneLayer(): void {
  writeFileSync(join(folder, 'changing/file'), 'one')
  // What is younger than two seconds is not remembered.
  measureCommand(`sleep 2.1; ${ours('many.json')}; ${ours('many.json')}`, environment())
  writeFileSync(join(folder, 'changing/file'), 'two')
}

/** Makes the closure, the definitions and the archive; a folder that has them is used again. */
async function prepare(): Promise<MadeClosure> {
  const facts = join(folder, 'closure.json')
  if (existsSync(facts)) return JSON.parse(readFileSync(facts, 'utf8')) as MadeClosure
  const made = makeClosure(folder, scale)
  const graph = []
  for (const [index, path] of made.paths.entries()) {
    const { narHash, narSize } = await measureNarOnDisk(toByteString(path))
    const references = index === 0 ? [] : [made.paths[index - 1]]
    graph.push({ path, narHash: formatHash(narHash, 'sri'), narSize, references })
  }
  writeFileSync(join(folder, 'graph.json'), JSON.stringify(graph))
  mkdirSync(join(folder, 'changing'))
  const args = { name: 'bench', tag: '1', config: { Labels: { paths: made.paths.join(' ') } } }
  const define = (file: string, more: object): void =>
    writeFileSync(join(folder, file), JSON.stringify({ function: 'streamLayeredImage', args: { ...args, ...more } }))
  define('image.json', { maxLayers: 20 })
  // So few paths that each has a layer of its own: one that changes is one small layer, and the links to it another.
  const few = { Labels: { paths: made.paths.slice(0, 98).join(' ') } }
  define('many.json', { maxLayers: 100, contents: ['./changing'], config: few })
  // The default number of layers: most paths have one of their own.
  define('hundred.json', { maxLayers: 100 })
  const archive = join(folder, 'image.tar')
  for (const name of ['image', 'hundred']) {
    measureCommand(
      `'${process.execPath}' '${program}' stream -q --store 'graph:${join(folder, 'graph.json')}' '${join(folder, `${name}.json`)}' > '${join(folder, `${name}.tar`)}'`,
      environment(),
    )
  }
  mkdirSync(join(folder, 'layers'))
  measureCommand(`tar -C '${join(folder, 'layers')}' --strip-components=0 -xf '${archive}'`)
  writeFileSync(join(folder, 'pigz-curl.sh'), packAndUpload(readdirSync(join(folder, 'layers'))))
  writeFileSync(facts, JSON.stringify(made))
  return made
}

/** Compresses every layer, then uploads every result, one after the other. */
function packAndUpload(members: readonly string[]): string {
  const layers = members.filter((name) => !name.endsWith('.json')).map((name) => join(folder, 'layers', name))
  const packed = layers.map((layer) => `pigz -n -p2 < '${layer}/layer.tar' > '${layer}/layer.tar.gz'`)
  return ['set -e', ...packed, ...layers.map(uploadByCurl), ''].join('\n')
}

/** Uploads the compressed layer in a folder, with a request for a place and one for the bytes. */
function uploadByCurl(layer: string): string {
  return (
    `location=$(curl -sf -o /dev/null -X POST -D - http://${host}/v2/bench/blobs/uploads/ | tr -d '\\r' | sed -n 's/^[Ll]ocation: //p')\n` +
    `curl -sf -X PUT -T '${layer}/layer.tar.gz' "$location&digest=sha256:$(sha256sum < '${layer}/layer.tar.gz' | cut -d' ' -f1)"`
  )
}

async function startRegistry() {
  empty()
  const config = join(folder, 'registry.json')
  const settings = {
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: data } },
    http: { addr: host },
  }
  writeFileSync(config, JSON.stringify(settings))
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' })
  for (let attempt = 0; attempt < 100; attempt++) {
    const isUp = await fetch(`http://${host}/v2/`).then(
      () => true,
      () => false,
    )
    if (isUp) return child
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('docker-registry does not start')
}
